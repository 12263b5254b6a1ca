"""Remembering what was added up for as long as nothing has changed, so that a large portal's overview stays quick.

A *mark* differs whenever an answer may. Charges are never edited and never deleted, so how many there are in a
month is the mark of its sums; the mark of assignments is how often they were changed. Reading even that takes a
while where there are millions, so marks hold for half a minute in which the newest rows are the same.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
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
MOST = 100  # answers of each question
TRUSTED_FOR = 30.0  # seconds

Answer = TypeVar("Answer")


class Remembered:
    """Answers by question, the latest of them; a question names the marks that its answer hangs on."""

    def __init__(self, seconds: float | None = None) -> None:
        self.seconds = seconds
        self.answers: OrderedDict[Hashable, tuple[float, Any]] = OrderedDict()

    def answer(self, question: Hashable, find: Callable[[], Answer]) -> Answer:
        """The answer that is known, or found and kept. Tests start anew too often for any mark to tell."""
        if current_app.testing:
            return find()
        key = (current_app.config["SQLALCHEMY_DATABASE_URI"], question)
        known = self.answers.get(key)
        if known is None or (self.seconds is not None and monotonic() - known[0] > self.seconds):
            known = self.answers[key] = (monotonic(), find())
            while len(self.answers) > MOST:
                self.answers.popitem(last=False)
        found: Answer = known[1]
        return found


class Marks(NamedTuple):
    """The marks of assignments with their packages and customers, and of the charges of each month."""

    assignments: Hashable
    months: tuple[int, ...]
    calls: int


KNOWN = Remembered(TRUSTED_FOR)


def marks(today: date) -> Marks:
    """The marks of today."""
    newest = (
        select(func.max(model.id)).scalar_subquery() for model in (Charge, Assignment, AssignmentQuantity)
    )
    others = (select(func.max(model.id)).scalar_subquery() for model in (AuditEntry, Run, Call))
    versions = (select(func.sum(model.version)).scalar_subquery() for model in (Package, Company))
    row = tuple(db.session.execute(select(*newest, *others, *versions)).one())
    return KNOWN.answer((today, row), lambda: _read(today))


def _read(today: date) -> Marks:
    changes = (part for model in (Assignment, Customer, Package, Company) for part in _changes(model))
    months = (_charges(*span) for span in spans(today))
    row = list(
        db.session.execute(select(*changes, *months, select(func.max(Call.id)).scalar_subquery())).one()
    )
    return Marks(tuple(row[: -MONTHS - 1]), tuple(row[-MONTHS - 1 : -1]), row[-1] or 0)


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
