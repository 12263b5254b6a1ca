"""DIDs that earn nothing: in stock, with a customer and no package, and those that cost and bring nothing."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from sqlalchemy import ColumnElement, func, select

from portal.extensions import db
from portal.models import Assignment, Did
from portal.services.dids.earning import brings_nothing, has_no_package
from portal.services.overview.recurring import add_up
from portal.services.overview.remembering import Reading


@dataclass(frozen=True, slots=True)
class IdleDids:
    """How many there are of each, archived ones aside, and what those that bring nothing cost in a month, by currency.

    A DID has no cost of its own: of those without a package it is not known what they cost.
    """

    dids: int
    in_stock: int
    no_package: int
    bring_nothing: int
    costs: dict[str, Decimal] = field(default_factory=dict)

    @property
    def any(self) -> bool:
        """Whether there is one."""
        return bool(self.in_stock or self.no_package or self.bring_nothing)


def idle_dids(reading: Reading) -> IdleDids:
    """Remembered until something changes."""
    return reading.answer("idle dids", reading.newest, lambda: _idle(reading.today))


def _idle(today: date) -> IdleDids:
    nothing = brings_nothing(today)
    some = _count(nothing)
    on_them = Assignment.did_id.in_(select(Did.id).where(nothing))
    costs = {row.currency: row.cost for row in add_up(today, on_them)} if some else {}
    in_stock = Did.customer_id.is_(None)
    return IdleDids(_count(), _count(in_stock), _count(has_no_package(today)), some, costs)


def _count(*which: ColumnElement[bool]) -> int:
    query = select(func.count()).select_from(Did).where(Did.archived_on.is_(None), *which)
    return db.session.scalar(query) or 0
