"""Reading a scenario: a JSON object in which every value has a place, so that a refusal can name it."""

import json
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from enum import StrEnum
from reprlib import Repr
from typing import Any, TypeVar

from portal.domain.errors import Invalid, RuleBroken
from portal.domain.money import MICROS, parse_decimal
from portal.domain.schedule import FIRST_DAY, LAST_DAY
from portal.domain.wording import whole

Word = TypeVar("Word", bound=StrEnum)
MISSING = object()
A_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
TEXT_LONGEST = 2_000
DIGITS_MOST = 30
WHOLE_MOST = 2**31 - 1


class ScenarioRefused(RuleBroken):
    """A scenario that cannot be. Its sentence begins with the place in the file."""


def parse(text: str) -> Any:
    """The JSON of a scenario file, numbers exact. ScenarioRefused where it is not JSON."""
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise ScenarioRefused(f"The file is not JSON: {error or 'a number is too large'}.") from error


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number")


def shown(value: Any) -> str:
    """A value as a sentence names it: as it is written, but no longer than a line bears."""
    if isinstance(value, Decimal):
        value = str(value)
        return value if len(value) <= DIGITS_MOST else f"{value[:DIGITS_MOST]}..."
    brief = Repr()
    brief.maxstring = brief.maxother = 60
    return brief.repr(value)


class Place:
    """A JSON object and where it stands. Every reader refuses what does not fit, naming the place."""

    def __init__(self, value: Any, path: str = "") -> None:
        if not isinstance(value, dict):
            raise ScenarioRefused(f"{path or 'The scenario'}: expected an object {{...}}.")
        self.value = value
        self.path = path

    def refuse(self, key: str, sentence: str) -> ScenarioRefused:
        """A refusal that names a field of this object."""
        return ScenarioRefused(f"{self.at(key)}: {sentence}")

    def at(self, key: str) -> str:
        """The path of a field."""
        key = key if key.isprintable() and len(key) <= 40 else shown(key)
        name = key or "''"
        return f"{self.path}.{name}" if self.path else name

    def broken(self, error: RuleBroken, otherwise: str) -> ScenarioRefused:
        """A rule that this object breaks, at the field it is about."""
        name = error.field if isinstance(error, Invalid) else otherwise
        return self.refuse(name.rpartition("-")[2], error.sentence)

    def only(self, *known: str) -> None:
        """Refuse fields that nobody would read: a slip of the pen must not become a default."""
        for key in self.value:
            if key not in known:
                raise self.refuse(key, "no such field. Possible are: " + ", ".join(known) + ".")

    def has(self, key: str) -> bool:
        """Whether a field is there, even as null."""
        return key in self.value

    def get(self, key: str, default: Any = MISSING) -> Any:
        """A field as it is; `default` for one left out or null, else it is required."""
        found = self.value.get(key)
        if found is None:
            if default is MISSING:
                raise self.refuse(key, "is missing.")
            return default
        return found

    def text(self, key: str, default: Any = MISSING) -> Any:
        """A text that a database can hold."""
        found = self.get(key, default)
        if found is default:
            return found
        if not isinstance(found, str):
            raise self.refuse(key, f"{shown(found)} is not text.")
        if len(found) > TEXT_LONGEST:
            raise self.refuse(key, f"has {whole(len(found))} characters; {whole(TEXT_LONGEST)} at most.")
        if any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in found):
            raise self.refuse(key, f"{shown(found)} contains a control character.")
        return found

    def flag(self, key: str) -> bool:
        """True or false; false when left out."""
        found = self.get(key, False)
        if not isinstance(found, bool):
            raise self.refuse(key, f"{shown(found)} is neither true nor false.")
        return found

    def whole(self, key: str, default: Any = MISSING) -> Any:
        """A whole number."""
        found = self.get(key, default)
        if found is default:
            return found
        if isinstance(found, bool) or not isinstance(found, int):
            raise self.refuse(key, f"{shown(found)} is not a whole number.")
        if abs(found) > WHOLE_MOST:
            raise self.refuse(key, f"a whole number can be {whole(WHOLE_MOST)} at most.")
        return found

    def decimal(self, key: str, default: str | None = None) -> Decimal:
        """An exact number with at most six decimals, written as a text or a number."""
        found = self.get(key) if default is None else self.get(key, default)
        if isinstance(found, bool) or not isinstance(found, str | int | Decimal):
            raise self.refuse(key, f"{shown(found)} is not a number.")
        try:
            number = parse_decimal(_digits(found))
        except ValueError:
            raise self.refuse(key, f"{shown(found)} is not a number written like 12.50.") from None
        if number * MICROS % 1:
            raise self.refuse(key, f"{shown(found)} has more than six decimals.")
        return number

    def day(self, key: str, default: Any = MISSING) -> Any:
        """A day from 2000 to 2199."""
        found = self.text(key, default)
        if found is default:
            return default
        try:
            day = date.fromisoformat(found if A_DAY.fullmatch(found) else "")
        except ValueError:
            raise self.refuse(key, f"{shown(found)} is not a day written like 2026-01-31.") from None
        return self.within(key, day)

    def within(self, key: str, day: date) -> date:
        """The day, where it is from 2000 to 2199."""
        if not FIRST_DAY <= day <= LAST_DAY:
            raise self.refuse(key, f"{day} is not between {FIRST_DAY.year} and {LAST_DAY.year}.")
        return day

    def word(self, key: str, words: type[Word], default: Word) -> Word:
        """One of an enum's words."""
        found = self.text(key, default.value)
        try:
            return words(found)
        except ValueError:
            raise self.refuse(key, f"{shown(found)} is not one of: {', '.join(words)}.") from None

    def like(self, key: str, default: Any) -> Any:
        """A field of the same kind as its default: true or false, a whole number, days, a word or a text."""
        if isinstance(default, bool):
            return self.flag(key)
        if isinstance(default, int):
            return self.whole(key, default)
        if isinstance(default, tuple):
            return self.days(key)
        if isinstance(default, StrEnum):
            return self.word(key, type(default), default)
        return self.text(key, default)

    def days(self, key: str) -> tuple[int, ...]:
        """A list of whole numbers: match days."""
        found = self.get(key, [])
        if not isinstance(found, list) or any(isinstance(n, bool) or not isinstance(n, int) for n in found):
            raise self.refuse(key, "expected a list of whole numbers, like [15, 31].")
        return tuple(found)

    def items(self, key: str, *, required: bool = False) -> Iterator["Place"]:
        """The objects of a list, each with its own place."""
        found = self.get(key) if required else self.get(key, [])
        if not isinstance(found, list):
            raise self.refuse(key, "expected a list [...].")
        for index, item in enumerate(found):
            yield Place(item, f"{self.at(key)}[{index}]")

    def one_of(self, key: str, known: dict[Any, Any], what: str, default: Any = MISSING) -> Any:
        """What a key of the file stands for."""
        found = self.get(key, default)
        if found is default:
            return default
        if isinstance(found, bool) or not isinstance(found, str | int) or found not in known:
            raise self.refuse(key, f"there is no {what} {shown(found)}.")
        return known[found]


def _digits(number: str | int | Decimal) -> str:
    """A number as plain digits. ValueError for one that has far too many."""
    if isinstance(number, Decimal):
        if number and abs(number.adjusted()) > DIGITS_MOST:
            raise ValueError("too many digits")
        return f"{number:f}"
    return number if isinstance(number, str) else str(number)
