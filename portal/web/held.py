"""What a view is about to change: locked and read anew, or not found.

A version that a form was opened with is compared after this, so that whoever saved meanwhile is seen.
"""

from typing import Any, TypeVar

from flask import Flask, abort

from portal.services import locking

Row = TypeVar("Row")


def register(app: Flask) -> None:
    """Every request is one act: what it locks out of order is logged, and in tests raised."""

    @app.before_request
    def _watched() -> None:
        locking.watch(locking.RAISE if app.testing else locking.LOG)

    @app.teardown_request
    def _as_before(_error: BaseException | None) -> None:
        locking.watch(locking.NOT)


def held(model: type[Row], id: Any, *, shared: bool = False) -> Row:
    """A row that is locked until this request's transaction ends; 404 where there is none."""
    return locking.lock_one(model, id, shared=shared) or abort(404)
