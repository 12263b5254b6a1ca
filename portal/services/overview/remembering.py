"""Remembering for a minute what took long to add up, so that a large portal's overview stays quick.

What is quick is never remembered: a small portal's figures are always those of this instant. Nor is anything
remembered once something was posted, assigned or priced since.
"""

from collections.abc import Callable, Hashable
from functools import wraps
from time import monotonic
from typing import ParamSpec, TypeVar

from flask import current_app
from sqlalchemy import func, select

from portal.extensions import db
from portal.models import Assignment, Charge, Company, Package, Run

LONG = 0.25  # seconds that it may take without being remembered
FOR = 60.0  # seconds that it is remembered
MOST = 200  # answers of each question

Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")


def remembered(question: Callable[Asked, Answer]) -> Callable[Asked, Answer]:
    """Ask the same question again within a minute, and an answer that took long is the same."""
    answers: dict[Hashable, tuple[float, Answer]] = {}

    @wraps(question)
    def asked(*args: Asked.args, **kwargs: Asked.kwargs) -> Answer:
        if current_app.testing:
            return question(*args, **kwargs)
        key = (current_app.config["SQLALCHEMY_DATABASE_URI"], _mark(), args, tuple(sorted(kwargs.items())))
        begun = monotonic()
        known = answers.get(key)
        if known and begun - known[0] < FOR:
            return known[1]
        answer = question(*args, **kwargs)
        if monotonic() - begun > LONG:
            if len(answers) >= MOST:
                answers.clear()
            answers[key] = (begun, answer)
        return answer

    return asked


def _mark() -> Hashable:
    """What changes with most of what can change a figure, and is read in no time; once a session."""
    known: Hashable = db.session.info.get("overview")
    if known is None:
        known = db.session.info["overview"] = _read_mark()
    return known


def _read_mark() -> Hashable:
    newest = (select(func.max(model.id)).scalar_subquery() for model in (Charge, Assignment, Run))
    versions = (select(func.sum(model.version)).scalar_subquery() for model in (Package, Company))
    return tuple(db.session.execute(select(*newest, *versions)).one())
