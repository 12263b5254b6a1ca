"""Remembering what was added up for as long as nothing has changed, so that a large portal's overview stays quick.

Each question has a *mark*: a value that is read quickly and differs whenever the answer may. Charges are never
edited and never deleted, so their number in a span is the mark of their sums. What is remembered is therefore
never out of date.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import date
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from flask import current_app
from sqlalchemy import ScalarSelect, func, select

from portal.extensions import db
from portal.models import Assignment, Charge, Company, Package

MOST = 100  # answers of each question

Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")


class Remembered:
    """Answers by question and mark, the latest of them."""

    def __init__(self) -> None:
        self.answers: OrderedDict[Hashable, Any] = OrderedDict()

    def answer(self, question: Hashable, find: Callable[[], Answer]) -> Answer:
        """The answer that is known, or found and kept. Tests start anew too often for any mark to tell."""
        if current_app.testing:
            return find()
        key = (current_app.config["SQLALCHEMY_DATABASE_URI"], question)
        if key not in self.answers:
            self.answers[key] = find()
            while len(self.answers) > MOST:
                self.answers.popitem(last=False)
        found: Answer = self.answers[key]
        return found


def remembered(
    mark: Callable[Asked, Hashable],
) -> Callable[[Callable[Asked, Answer]], Callable[Asked, Answer]]:
    """Ask again, and as long as the mark is the same, the answer is."""

    def decorate(question: Callable[Asked, Answer]) -> Callable[Asked, Answer]:
        known = Remembered()

        @wraps(question)
        def asked(*args: Asked.args, **kwargs: Asked.kwargs) -> Answer:
            key = (args, tuple(sorted(kwargs.items())), mark(*args, **kwargs))
            return known.answer(key, lambda: question(*args, **kwargs))

        return asked

    return decorate


def charges_between(begins: date, until: date) -> ScalarSelect[int]:
    """How many charges there are in [begins, until): counted off an index alone."""
    count = (
        select(func.count()).select_from(Charge).where(Charge.charge_on >= begins, Charge.charge_on < until)
    )
    return count.scalar_subquery()


def versions_of(*models: type[Any]) -> list[ScalarSelect[Any]]:
    """What changes with every row of these tables that is made, changed or removed."""
    parts = ((func.count(), func.sum(model.version), func.max(model.id)) for model in models)
    return [
        select(part).select_from(model).scalar_subquery()
        for model, three in zip(models, parts, strict=True)
        for part in three
    ]


def read(*parts: ScalarSelect[Any]) -> Hashable:
    """A mark of several parts, in one statement."""
    return tuple(db.session.execute(select(*parts)).one())


def mark_of_assignments(today: date) -> Hashable:
    """What changes with every assignment, package and setting."""
    return read(*versions_of(Assignment, Package, Company))
