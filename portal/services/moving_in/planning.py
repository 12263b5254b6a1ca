"""What would become of a file to move in with: read, grouped and compared with what is stored. It stores nothing."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from hashlib import sha256
from itertools import islice
from typing import Any

from sqlalchemy import select

from portal.domain.move_files.lines import TORN, Line, read_line, read_of_all
from portal.extensions import db
from portal.models import MoveImport, MoveLine
from portal.services.chunks import collecting_nothing, in_chunks
from portal.services.moving_in.accepting import head_of, layout_of
from portal.services.moving_in.kind import Item, Kind, Outcome, Planned
from portal.services.moving_in.kinds import kind_of

AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What would become of the items of a file, in their order."""

    planned: list[Planned]
    # How the file was read: its layout, and what was said of all lines.
    read_as: str = ""
    by_outcome: dict[Outcome, list[Planned]] = field(init=False)

    def __post_init__(self) -> None:
        found: dict[Outcome, list[Planned]] = {outcome: [] for outcome in Outcome}
        for one in self.planned:
            found[one.outcome].append(one)
        object.__setattr__(self, "by_outcome", found)

    @property
    def new(self) -> list[Planned]:
        """What would be made."""
        return self.by_outcome[Outcome.NEW]

    def sums(self, kind: Kind) -> list[tuple[str, Decimal]]:
        """What the items to be made come to, by currency, to be held against the other system; empty of no amounts."""
        found: dict[str, Decimal] = {}
        for one in self.new:
            if amount := kind.amount_of(one):
                found[amount[0]] = found.get(amount[0], Decimal(0)) + amount[1]
        return sorted(found.items())

    @property
    def same(self) -> list[Planned]:
        """What is there as the file says."""
        return self.by_outcome[Outcome.SAME]

    @property
    def changed(self) -> list[Planned]:
        """What is there, but otherwise."""
        return self.by_outcome[Outcome.CHANGED]

    @property
    def bad(self) -> list[Planned]:
        """What cannot be."""
        return self.by_outcome[Outcome.BAD]

    def bad_lines(self) -> Iterator[tuple[Line, str]]:
        """Each line of what cannot be, in the order of the file, with its reason."""
        found = [(line, line.reason or one.reason) for one in self.bad for line in one.item.lines]
        yield from sorted(found, key=lambda pair: pair[0].place)

    def first_bad_lines(self, most: int) -> list[tuple[Line, str]]:
        """The first of them."""
        return list(islice(self.bad_lines(), most))

    @property
    def bad_line_count(self) -> int:
        """How many lines cannot be imported."""
        return sum(len(one.item.lines) for one in self.bad)

    def fingerprint(self) -> str:
        """A digest of what would be made and changed, and by what it was read: two plans with the same do the same."""
        digest = sha256(self.read_as.encode())
        for one in self.planned:
            differs = [(difference.label, difference.said) for difference in one.differences]
            digest.update(repr((one.item.place, one.outcome.value, one.thing_id, differs)).encode())
        return digest.hexdigest()


def plan(import_: MoveImport, today: date) -> Plan:
    """What would become of a file whose layout is known."""
    kind = kind_of(import_)
    found: list[Planned] = []
    for some in in_chunks(items_of(import_, kind), AT_ONCE):
        with collecting_nothing():
            found.extend(planned(kind, some, today))
    return Plan(found, repr((import_.layout, import_.of_all)))


def items_of(import_: MoveImport, kind: Kind) -> list[Item]:
    """The lines of a file, grouped into what each is of. The same every time, whatever is stored."""
    return kind.items(list(lines_of(import_, kind)))


def planned(kind: Kind, items: Sequence[Item], today: date) -> list[Planned]:
    """What would become of some of them; those that cannot be whatever is stored are not asked about."""
    good = kind.plan([item for item in items if not item.reason], today)
    by_place = {one.item.place: one for one in good}
    return [by_place.get(item.place) or Planned(item, Outcome.BAD, reason=item.reason) for item in items]


def lines_of(import_: MoveImport, kind: Kind) -> Iterator[Line]:
    """The lines of a file, read."""
    layout, width = layout_of(import_), len(head_of(import_))
    of_all: dict[str, Any] = read_of_all(kind.columns, json.loads(import_.of_all))
    there = tuple(column for column in kind.columns if column.name in layout.columns)
    query = select(MoveLine.place, MoveLine.cells, MoveLine.sentence).where(MoveLine.import_id == import_.id)
    for place, cells, sentence in db.session.execute(query.order_by(MoveLine.place)):
        if sentence == TORN:
            yield Line(place, tuple(json.loads(cells)), reason=TORN)
        else:
            yield read_line(place, json.loads(cells), width, there, layout, of_all)
