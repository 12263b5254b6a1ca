"""Lines that are posted again after a run was undone (billing-rules 16).

Each takes the next number of its kind and period, keeps the due day that it had, and what was paid of it is put on
again. Only assignments of which something was undone are asked about: for all others this costs a run nothing.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import aliased

from portal.domain.due import DueCharge, Kind
from portal.extensions import db
from portal.models import Assignment, AssignmentPosition, Charge, Customer
from portal.services import locking
from portal.services.among import among
from portal.services.billing.planning import Worked
from portal.services.chunks import in_chunks
from portal.services.credit import Act, keep_due_days, put_on_again

CORRECTIONS = (Kind.CREDIT, Kind.DIFFERENCE)
NO_LINES = (Kind.MANUAL, Kind.REVERSAL, Kind.UNDO)
Key = tuple[int, str, date]  # an assignment, a kind, the first day of a period


def lock_owners_of_undone(ids: Iterable[int]) -> None:
    """Lock the customers of those of the assignments of which something was undone: money of theirs may be put on."""
    of_these = among(AssignmentPosition.assignment_id, ids)
    query = (
        select(Assignment.customer_id).join(AssignmentPosition).where(AssignmentPosition.was_undone, of_these)
    )
    locking.lock_ids(Customer, db.session.scalars(query.distinct()))


def owners_are_locked(ready: Iterable[Worked]) -> bool:
    """Whether they still are all: something may have been undone before the positions were locked."""
    owners = {worked.loaded.facts.customer_id for worked in ready if worked.loaded.was_undone}
    return locking.has_locked(Customer, owners)


@dataclass(slots=True)
class Again:
    """Undone lines of the periods of which lines are to be posted.

    `highest` is the highest number of those of each kind, corrections of either kind counted together. A line that is
    there and was not undone is none of them: the key refuses it a second time, as ever. `undone` are those that no line
    has stood for since, in their order: several, where credits or differences of a period were undone that had stood
    beside each other. `to_come` is how many lines of the key are to be posted.
    """

    highest: dict[Key, int] = field(default_factory=dict)
    undone: dict[Key, list[Any]] = field(default_factory=dict)
    to_come: Counter[Key] = field(default_factory=Counter)
    taken_up: list[tuple[list[Any], tuple[Any, ...]]] = field(default_factory=list)

    def take_up(
        self, assignment_id: int, due: DueCharge, due_on: date | None
    ) -> tuple[DueCharge, date | None]:
        """Number a line on from those there were, and let it have the due day of the latest that it stands for."""
        key: Key = (assignment_id, due.kind, due.period_from)
        highest = self.highest.get(_numbered(key))
        if highest is not None and due.number <= highest:
            self.highest[_numbered(key)] = highest + 1
            due = due._replace(number=highest + 1)
        if before := self._stands_for(key):
            if due_on and before[-1].due_on:
                due_on = before[-1].due_on
            self.taken_up.append((before, (*key, due.number)))
        return due, due_on

    def _stands_for(self, key: Key) -> list[Any]:
        """Those that the next line of a key stands for: each for one of them in their order, the last for the rest."""
        left = self.undone.get(key, [])
        self.to_come[key] -= 1
        if self.to_come[key] <= 0:
            return self.undone.pop(key, [])
        return [left.pop(0)] if left else []

    def put_on(self, act: Act) -> None:
        """Once the lines are in: put on again what was put against those that they stand for."""
        if self.taken_up:
            new = _ids_of([whole for _, whole in self.taken_up])
            stands_for = [(before, new[whole]) for before, whole in self.taken_up]
            keep_due_days({before[-1].id: id for before, id in stands_for})
            put_on_again({one.mirror_id: id for before, id in stands_for for one in before}, act)


def posted_before(ready: Iterable[Worked]) -> Again:
    """What was undone of the periods of which lines are to be posted."""
    again = Again()
    of_lines = {
        worked.loaded.facts.assignment_id: [due.period_from for due in worked.due.charges]
        for worked in ready
        if worked.loaded.was_undone and worked.due.charges
    }
    if not of_lines:
        return again
    again.to_come.update(
        (worked.loaded.facts.assignment_id, due.kind, due.period_from)
        for worked in ready
        for due in worked.due.charges
    )
    first, last = (some(day for days in of_lines.values() for day in days) for some in (min, max))
    mirror = aliased(Charge)
    query = (
        select(
            Charge.assignment_id, Charge.kind, Charge.period_from, Charge.number, Charge.id, Charge.due_on,
            mirror.id.label("mirror_id"),
        )
        .outerjoin(mirror, and_(mirror.reverses_id == Charge.id, mirror.kind == Kind.UNDO))
        .where(Charge.period_from.between(first, last), Charge.kind.not_in(NO_LINES))
        .order_by(Charge.id)
    )  # fmt: skip
    for some in in_chunks(sorted(of_lines)):
        for row in db.session.execute(query.where(Charge.assignment_id.in_(some))):
            key: Key = (row.assignment_id, row.kind, row.period_from)
            # It stood for those that were undone before it: what was put against them was this one's.
            again.undone[key] = [one for one in again.undone.get(key, ()) if one.mirror_id > row.id]
            if row.mirror_id is not None:
                again.highest[_numbered(key)] = max(row.number, again.highest.get(_numbered(key), 0))
                again.undone[key].append(row)
    return again


def _numbered(key: Key) -> Key:
    return (key[0], Kind.CREDIT if key[1] in CORRECTIONS else key[1], key[2])


def _ids_of(wholes: list[tuple[Any, ...]]) -> dict[tuple[Any, ...], int]:
    """The ids of lines that were inserted, by what makes each one and the same."""
    columns = (Charge.assignment_id, Charge.kind, Charge.period_from, Charge.number)
    found: dict[tuple[Any, ...], int] = {}
    days = [day for _, _, day, _ in wholes]
    query = select(Charge.id, *columns).where(Charge.period_from.between(min(days), max(days)))
    for some in in_chunks(sorted({id for id, *_ in wholes})):
        for id, *whole in db.session.execute(query.where(Charge.assignment_id.in_(some))):
            found[tuple(whole)] = id
    return found
