"""Destination: the pattern of the numbers that free minutes are for (billing-rules 10).

Matching takes linear time whatever the pattern: re2 holds no look-ahead and no back-reference, and what it
cannot hold is refused with its place.
"""

import re
from functools import lru_cache
from typing import Any

import re2

from portal.domain.csv_files.cells import bare
from portal.domain.errors import Invalid

LONGEST = 500
# An alternative that begins with a +, or, held to the beginning, with 00.
DEAD = re.compile(
    r"(?P<opens>(?:\^|\(|\?:|\\A)*)(?:\\\+|\[\+\]|(?<=\^)00|(?<=\^\()00|(?<=\^\(\?:)00|(?<=\\A)00)"
)
REASONS = {
    "invalid perl operator": "Look-ahead and look-behind are not supported",
    "invalid escape sequence": "Back-references and this escape sequence are not supported",
    "missing )": "A bracket is never closed",
    "missing ]": "A bracket is never closed",
    "unexpected )": "A closing bracket has no opening bracket",
    "invalid repetition size": "This repeats too often",
    "invalid character class range": "A range runs backwards",
    "no argument for repetition operator": "There is nothing to repeat before this",
    "bad repetition operator": "Two repetitions follow each other",
    "trailing \\": "The pattern ends with a backslash",
}


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> Any:
    """The pattern, ready to search with. Invalid for one that cannot be held, with its place."""
    if len(pattern) > LONGEST:
        raise Invalid(
            "destination", f"Destination can have {LONGEST} characters at most; this has {len(pattern)}."
        )
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise Invalid("destination", _sentence(pattern, error.args[0].decode(errors="replace"))) from None


def matches(pattern: str, number: str) -> bool:
    """Whether a called number is one that the pattern means; an empty pattern means every number."""
    return not pattern or bool(compiled(pattern).search(bare(number)))


def check(pattern: str) -> None:
    """Invalid for a pattern that cannot be searched with; an empty one can."""
    if pattern:
        compiled(pattern)


def open_parts(pattern: str) -> list[str]:
    """The alternatives that do not begin with ^, and so match anywhere in a number."""
    return [
        part for part in alternatives(pattern) if part and not part.startswith(("^", "(^", "(?:^", "\\A"))
    ]


def dead_parts(pattern: str) -> list[tuple[str, str]]:
    """The alternatives that want a number to begin with + or 00, which no number does here, each without it."""
    found = []
    for part in alternatives(pattern):
        if begin := DEAD.match(part):
            found.append((part, begin["opens"] + part[begin.end() :]))
    return found


def alternatives(pattern: str) -> list[str]:
    """The pattern cut at each | that stands in no bracket."""
    parts, depth, begin, index = [], 0, 0, 0
    while index < len(pattern):
        letter = pattern[index]
        if letter == "\\":
            index += 1
        elif letter in "([":
            depth += 1
        elif letter in ")]":
            depth -= 1
        elif letter == "|" and depth <= 0:
            parts.append(pattern[begin:index])
            begin = index + 1
        index += 1
    return [*parts, pattern[begin:]]


def _sentence(pattern: str, said: str) -> str:
    """What re2 says, in plain words and with the place."""
    reason, _, what = said.partition(": ")
    words = REASONS.get(reason, f"The pattern is not supported ({reason})")
    if reason.startswith(("missing", "unexpected")):
        place = _odd_bracket(pattern)
        what = pattern[place]
    else:
        what = what or pattern[-1:]
        place = pattern.rfind(what) if reason.startswith("trailing") else pattern.find(what)
    return f"{words}: {what} at character {place + 1}." if what and place >= 0 else f"{words}."


def _odd_bracket(pattern: str) -> int:
    """Where the bracket stands that has no partner."""
    opened, index, in_class = [0], 0, False
    while index < len(pattern):
        letter = pattern[index]
        if letter == "\\":
            index += 1
        elif in_class:
            in_class = letter != "]"
            if not in_class:
                opened.pop()
        elif letter in "([":
            opened.append(index)
            in_class = letter == "["
        elif letter == ")":
            if len(opened) == 1:
                return index
            opened.pop()
        index += 1
    return opened[-1]
