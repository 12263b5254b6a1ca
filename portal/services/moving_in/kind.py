"""What a kind of file to move in with is: what would become of its lines, making it, and taking it back.

A new kind is a subclass of Kind and a line in `kinds`. The frame reads lines, groups them into items, asks the kind
what would become of each, shows it, and has it made some items at a time, each time in one transaction. What a kind
says of an item it must say again wherever the import goes on: once it is made, that it is there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple

from sqlalchemy import ColumnElement

from portal.domain.errors import RuleBroken
from portal.domain.move_files.columns import Columns
from portal.domain.move_files.lines import Line
from portal.models import FileKind, MoveImport, MoveMade

# What each import has made, in the order of an index.
IN_ORDER = (MoveMade.import_id, MoveMade.id)


def made_by(import_id: int) -> ColumnElement[bool]:
    """What an import has made, a span of IN_ORDER: by ids alone PostgreSQL goes through all that others made before."""
    return MoveMade.import_id.between(import_id, import_id)


@dataclass(frozen=True, slots=True)
class Item:
    """The lines of one thing: a package may have several. `reason` is why they cannot be it, whatever is stored."""

    lines: tuple[Line, ...]
    reason: str = ""

    @property
    def place(self) -> int:
        """Where its first line stands."""
        return self.lines[0].place

    @property
    def says(self) -> Mapping[str, Any]:
        """What its first line says."""
        return self.lines[0].says

    @property
    def wants(self) -> Mapping[str, Any]:
        """What its first line wants something new to be."""
        return self.lines[0].wants


class Outcome(StrEnum):
    """What would become of an item."""

    NEW = "new"
    SAME = "same"
    CHANGED = "changed"
    BAD = "bad"


class Difference(NamedTuple):
    """What an item says of a thing that is there, beside what is stored: in words."""

    label: str
    stored: str
    said: str


@dataclass(frozen=True, slots=True)
class Planned:
    """What would become of an item. Of what is there, its id; of what is not to be, why, in a sentence.

    `value` is what the kind makes of it; nobody else looks at it. `label` is what the thing is called.
    """

    item: Item
    outcome: Outcome
    label: str = ""
    reason: str = ""
    differences: tuple[Difference, ...] = ()
    thing_id: int | None = None
    value: Any = None


class At(NamedTuple):
    """Which import makes something, who, on which day and when."""

    import_id: int
    by: str
    today: date
    now: datetime


@dataclass(frozen=True, slots=True)
class Made:
    """A thing that was made of the line at a place; or changed, with what was `before` and came `after`, for JSON."""

    place: int
    noun: str
    thing_id: int
    label: str = ""
    is_change: bool = False
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    # Of an assignment: what the other system charged for it in a month.
    monthly: Decimal | None = None


class Kind:
    """A kind of file. One is made for each time that a file is gone through, so it may keep what it has looked up."""

    kind: ClassVar[FileKind]
    columns: ClassVar[Columns]
    # What one of its things is called.
    noun: ClassVar[str]

    @classmethod
    def samples(cls) -> Sequence[Mapping[str, str]]:
        """Lines of a file to begin with, by the names of the columns."""
        return ({column.name: column.sample for column in cls.columns if column.sample},)

    def items(self, lines: Sequence[Line]) -> list[Item]:
        """The lines, those of one thing together, in their order. It asks no database: killed, it is asked again."""
        raise NotImplementedError

    def plan(self, items: Sequence[Item], today: date) -> list[Planned]:
        """What would become of items, some of the file, as things stand. It stores nothing."""
        raise NotImplementedError

    def foresee(self, planned: Sequence[Planned], today: date) -> Any:
        """What the check page shows besides, in a template of the kind's name (`moving_in/_of_assignments.html`)."""
        return None

    def amount_of(self, planned: Planned) -> tuple[str, Decimal] | None:
        """What an item comes to, with its currency before it; None where it is no amount."""
        return None

    def lock(self, items: Sequence[Item], today: date) -> None:
        """Lock what the rules read of these. They are planned under the locks, and made then."""
        raise NotImplementedError

    def make(self, planned: Sequence[Planned], at: At) -> list[Made]:
        """Make those that are new, change those that are changed, as planned under the locks."""
        raise NotImplementedError

    def why_not_take_back(self, import_: MoveImport) -> RuleBroken | None:
        """Why nothing of an import can be taken back now; None where it can."""
        return None

    def take_back(self, made: Sequence[MoveMade], at: At) -> dict[int, str]:
        """Take these back, locked first; by their ids why those are left that cannot be."""
        raise NotImplementedError
