"""Remembering what was added up for as long as nothing has changed, so that a large portal's overview stays quick.

A *fingerprint* differs whenever an answer may. Charges are never edited and never deleted, so how many there are in
a month is the fingerprint of its sums; the fingerprint of assignments is how often they were changed. Reading even that
takes a while where there are millions, so fingerprints hold for half a minute in which the newest rows are the same.

Where adding up takes long, nobody waits for it: whoever looks is told what was known last, and since when, and
`refreshing` adds up anew behind their back. What is added up in no time is never out of date.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import date
from time import monotonic
from typing import Any, NamedTuple, TypeVar

from flask import current_app
from sqlalchemy import ScalarSelect, func, select

from portal.domain.schedule import LAST_DAY
from portal.extensions import db
from portal.models import (
    Assignment,
    AssignmentQuantity,
    AuditEntry,
    Call,
    Charge,
    Company,
    Customer,
    Package,
    Run,
)

MONTHS = 12
MOST = 100  # answers that one process remembers
TRUSTED_FOR = 30.0  # seconds
# Seconds that adding up may keep somebody waiting; what took longer is told as it was known last.
QUICK = 0.1

Answer = TypeVar("Answer")


class Known(NamedTuple):
    """An answer, the fingerprint it hangs on, when it was found and how long that takes, in seconds of `monotonic`."""

    fingerprint: Hashable
    found_at: float
    took: float
    answer: Any


_known: OrderedDict[Hashable, Known] = OrderedDict()


def forget() -> None:
    """Know nothing, as a process that has just started."""
    _known.clear()


@dataclass(slots=True)
class Reading:
    """One look at the figures of a day. `oldest` is when the oldest answer was found that may be out of date.

    `waits` is for whoever has the time: every answer is brought up to date. `anew` finds out again what is known:
    how long it takes, where a process that has just started took long over everything.
    """

    today: date
    waits: bool = False
    anew: bool = False
    oldest: float | None = None
    _fingerprints: "Fingerprints | None" = field(default=None, repr=False)

    @property
    def age(self) -> float | None:
        """Seconds since what is told was true for certain; None where all of it is true now."""
        return None if self.oldest is None else monotonic() - self.oldest

    @property
    def newest(self) -> Hashable:
        """What tells at once that something was added."""
        return _newest(self.today)

    @property
    def fingerprints(self) -> "Fingerprints":
        """The fingerprints of the day, read once."""
        if self._fingerprints is None:
            newest = self.newest
            self._fingerprints = self.answer(
                "fingerprints", newest, lambda: _read(self.today), trusted_for=TRUSTED_FOR
            )
        return self._fingerprints

    def answer(
        self,
        question: Hashable,
        fingerprint: Hashable,
        find: Callable[[], Answer],
        trusted_for: float | None = None,
        is_bounded: bool = False,
    ) -> Answer:
        """What is known of a question while its fingerprint is the same, or else is found now, or after this look.

        `is_bounded` says that finding it takes the same however large the portal is: it is never out of date.
        Tests start anew too often for any fingerprint to tell.
        """
        if current_app.testing:
            return find()
        key = (current_app.config["SQLALCHEMY_DATABASE_URI"], question)
        known = _known.get(key)
        if (
            known
            and not self.anew
            and known.fingerprint == fingerprint
            and (trusted_for is None or monotonic() - known.found_at < trusted_for)
        ):
            found: Answer = known.answer
        elif known and known.took > QUICK and not self.waits and not is_bounded:
            self.oldest = min(known.found_at, self.oldest or known.found_at)
            found = known.answer
        else:
            begun = monotonic()
            found = find()
            took = monotonic() - begun
            if known:  # a moment in which the machine was busy with other things says little
                took = min(took, 2 * known.took)
            _known[key] = Known(fingerprint, begun, took, found)
            _known.move_to_end(key)
            while len(_known) > MOST:
                _known.popitem(last=False)
        return found


class Fingerprints(NamedTuple):
    """The fingerprints of assignments with their packages and customers, and of the charges of each month."""

    assignments: Hashable
    months: tuple[int, ...]
    calls: int


def _newest(today: date) -> Hashable:
    """What tells at once that something was added: the newest rows, and how often packages were changed."""
    newest = (
        select(func.max(model.id)).scalar_subquery() for model in (Charge, Assignment, AssignmentQuantity)
    )
    others = (select(func.max(model.id)).scalar_subquery() for model in (AuditEntry, Run, Call))
    versions = (select(func.sum(model.version)).scalar_subquery() for model in (Package, Company))
    return today, tuple(db.session.execute(select(*newest, *others, *versions)).one())


def _read(today: date) -> Fingerprints:
    changes = (part for model in (Assignment, Customer, Package, Company) for part in _changes(model))
    months = (_charges(*span) for span in spans(today))
    row = list(
        db.session.execute(select(*changes, *months, select(func.max(Call.id)).scalar_subquery())).one()
    )
    return Fingerprints((today, *row[: -MONTHS - 1]), tuple(row[-MONTHS - 1 : -1]), row[-1] or 0)


def _changes(model: type[Any]) -> list[ScalarSelect[Any]]:
    """What differs with every row that is made, changed or removed."""
    parts = (func.count(), func.sum(model.version))
    return [select(part).select_from(model).scalar_subquery() for part in parts]


def _charges(begins: date, until: date) -> ScalarSelect[int]:
    """How many charges there are in [begins, until): counted off an index alone."""
    count = select(func.count()).select_from(Charge)
    return count.where(Charge.charge_on >= begins, Charge.charge_on < until).scalar_subquery()


def spans(today: date) -> list[tuple[date, date]]:
    """The last months, each as [begins, until); this month's is open."""
    number = today.year * 12 + today.month - 1
    begins = [date(n // 12, n % 12 + 1, 1) for n in range(number - MONTHS + 1, number + 1)]
    return list(zip(begins, [*begins[1:], LAST_DAY], strict=True))
