"""What any cell may hold, whatever it is of, and why one cannot be read."""

import re
from collections.abc import Callable
from typing import Generic, TypeVar

SHOWN = 40
# No amount, length or time is longer: what is, is not looked through.
CELL_MAX = 80
SIGNS = ("=", "+", "-", "@")
# What is written where there is nothing.
NOTHING = ("", "-", "–", "—", "null", "none", "\\n", "n/a")
# As a spreadsheet writes a number that is longer than its column: 4.47701E+11. Its last digits are lost.
SHORTENED = re.compile(r"[+-]?\d+(?:[.,]\d+)?E\+\d{1,3}", re.ASCII | re.IGNORECASE)
LEADING = re.compile(r"\s*(?:\+|00)?")
BETWEEN = re.compile(r"[\s().\-/]")

Value = TypeVar("Value")


class Bad(Exception):
    """Why a row cannot be taken, as a sentence.

    `reason` is what rows have in common that are bad for the same reason, where their sentences differ.
    """

    def __init__(self, sentence: str, reason: str = "") -> None:
        super().__init__(sentence)
        self.reason = reason or sentence


class Memo(dict[str, Value], Generic[Value]):
    """Texts and what they mean; forgets all when there are too many of them."""

    MOST = 50_000

    def __init__(self, read: Callable[[str], Value]) -> None:
        super().__init__()
        self.read = read

    def __missing__(self, text: str) -> Value:
        if len(self) >= self.MOST:
            self.clear()
        value = self[text] = self.read(text)
        return value


def short(text: str) -> str:
    """As much of what was written as a sentence can bear."""
    text = " ".join(text.split())
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def as_written(text: str) -> str:
    """A cell without the apostrophe that our files of bad rows set before what a spreadsheet would work out."""
    return text[1:] if text[:1] == "'" and text[1:2] in SIGNS else text


def is_nothing(text: str) -> bool:
    """Whether a cell says that there is nothing: empty, NULL, a dash."""
    return text.strip().casefold() in NOTHING


def shortened(what: str, text: str) -> Bad:
    """Why a number of which only the beginning is left cannot be taken."""
    return Bad(
        f"A spreadsheet has shortened the {what} to {short(text)}: the remaining digits are lost. Export "
        "the file again and do not open it in a spreadsheet.",
        f"A spreadsheet has shortened the {what}.",
    )


def bare(number: str) -> str:
    """The number as patterns meet it: without leading + or 00, and without what people put between digits."""
    return BETWEEN.sub("", LEADING.sub("", number, count=1))
