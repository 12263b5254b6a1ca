"""What a password has to be: long, and none that somebody would guess."""

import re
import unicodedata
from collections.abc import Iterable

SHORTEST, LONGEST = 12, 128
JUDGED = 72  # the letters that are judged: judging takes longer with every one
HARD_ENOUGH = 3  # of 0 to 4, as zxcvbn counts


def normalized(password: str) -> str:
    """The same letters as the same bytes, whichever keyboard typed them."""
    return unicodedata.normalize("NFKD", password)


def why_not(password: str, about: Iterable[str]) -> str | None:
    """The reason why a password is refused, as a sentence; None for a good one.

    `about` is what others know of the person: name, address, company. Judged by lists of the most
    common passwords, words and names, which come with the library: nothing is asked of another host.
    """
    if len(password) < SHORTEST:
        return f"A password must have at least {SHORTEST} characters. Several words in a row are easy to remember."
    if len(password) > LONGEST:
        return f"A password can have {LONGEST} characters at most."
    from zxcvbn import zxcvbn

    judged = zxcvbn(password[:JUDGED], user_inputs=sorted(_known(about)))
    if judged["score"] < HARD_ENOUGH:
        return "This password is too easy to guess. Use several unrelated words in a row."
    return None


def _known(about: Iterable[str]) -> set[str]:
    """What stands for a person: the texts as they are, run together, and word by word."""
    known = set()
    for text in about:
        words = re.findall(r"\w{3,}", text.lower())
        known |= {text.lower(), "".join(words), *words}
    return known
