"""What a view is about to change: locked and read anew, or not found.

A version that a form was opened with is compared after this, so that whoever saved meanwhile is seen.
"""

from contextlib import suppress
from typing import Any, TypeVar

from flask import Flask, abort, request

from portal.extensions import db
from portal.services import locking
from portal.web.http.bounds import row_id

Row = TypeVar("Row")


def register(app: Flask) -> None:
    """Every request is one act: what it locks out of order is logged, and in tests raised."""

    @app.before_request
    def _watched() -> None:
        locking.watch(locking.RAISE if app.testing else locking.LOG)

    @app.teardown_request
    def _as_before(_error: BaseException | None) -> None:
        locking.watch(locking.NOT)


def lock_chosen(model: type[Any], field: str) -> None:
    """Lock the row that a form names, before the form asks what there is to choose from: it stays until the end."""
    with suppress(ValueError):
        locking.lock(model, [row_id(request.form.get(field, ""))], shared=True)


def commit() -> None:
    """Store what was done to a thing that can be deleted, and go on with it as it was stored.

    With the commit its lock is gone: read again, it may not be there any more.
    """
    session = db.session()
    session.expire_on_commit = False
    try:
        session.commit()
    finally:
        session.expire_on_commit = True


def lock_or_404(model: type[Row], id: Any, *, shared: bool = False) -> Row:
    """A row that is locked until this request's transaction ends; 404 where there is none."""
    return locking.lock_one(model, id, shared=shared) or abort(404)
