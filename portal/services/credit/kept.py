"""Whose rows are kept added up: of customers who have very many of a kind (charged, came_off, moved)."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select

from portal.extensions import db
from portal.services.listing import values_of


def to_add_up(of: Any, sums: Any, least: int, after: int, until: int) -> Iterator[ColumnElement[bool]]:
    """Which rows are to be added to `sums` as the mark passes ids after one up to another: of customers who are in them
    those that are passed, and all up to there of whoever has at least so many among these. The caller moves the mark
    on in the same transaction.
    """
    passed = and_(of.id > after, of.id <= until)
    kept = set(values_of(sums.customer_id))
    many = select(of.customer_id).where(passed).group_by(of.customer_id)
    new = set(db.session.scalars(many.having(func.count() >= least))) - kept
    if kept:
        yield and_(passed, of.customer_id.in_(kept))
    if new:
        yield and_(of.id <= until, of.customer_id.in_(new))
