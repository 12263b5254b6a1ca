"""How a customer stands, in one statement: what a page of theirs says beside their name and on its links."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from portal.domain.money import from_micros
from portal.extensions import db
from portal.models import Assignment, AssignmentPosition, Did, Note, OpenItem
from portal.models.customer import Customer
from portal.services.assignments.lists import is_open
from portal.services.credit import micros_moved
from portal.services.listing import COUNTED
from portal.services.packages.holdings import has_many


@dataclass(frozen=True, slots=True)
class Glance:
    """What is assigned, held, open and written about a customer; counts are as `listing.count` says them.

    `oldest_due` is the first due day of what is left to pay of charges; `held` counts assignments that are held, of
    which `first_held` is one.
    """

    customer: Customer
    assigned: int
    dids: int
    notes: int
    held: int
    first_held: int | None
    balance: Decimal
    oldest_due: date | None
    today: date

    @property
    def available(self) -> Decimal:
        """What can still be taken from the balance."""
        return self.balance + self.customer.debit_limit

    @property
    def owes(self) -> bool:
        """Whether anything is to pay."""
        return self.oldest_due is not None or self.balance < 0

    @property
    def overdue_since(self) -> date | None:
        """The due day of the oldest charge that should have been paid."""
        return self.oldest_due if self.oldest_due and self.oldest_due < self.today else None

    @property
    def below_limit(self) -> Decimal:
        """What the balance is below the debit limit."""
        return max(-self.available, Decimal(0))


def glance(customer: Customer, today: date) -> Glance:
    """How a customer stands today."""
    id = customer.id
    # The sum keeps SQLite from beginning with the customer, where the few that are held are less to read.
    whose = Assignment.customer_id + 0 if has_many(id) else Assignment.customer_id
    held = (
        select(func.count(), func.min(Assignment.id))
        .join(AssignmentPosition)
        .where(whose == id, AssignmentPosition.is_held)
        .subquery()
    )
    oldest = select(func.min(OpenItem.due_on)).where(OpenItem.customer_id == id, OpenItem.amount > 0)
    row = db.session.execute(
        select(
            _counted(select(Assignment.id).where(Assignment.customer_id == id, is_open(today))),
            _counted(select(Did.id).where(Did.customer_id == id)),  # who has one has none that is archived
            _counted(select(Note.id).where(Note.customer_id == id)),
            *held.c,
            micros_moved(id),
            oldest.scalar_subquery(),
        )
    ).one()
    assigned, dids, notes, held_count, first_held, stands, oldest_due = row
    return Glance(
        customer,
        assigned,
        dids,
        notes,
        held_count,
        first_held,
        from_micros(int(stands or 0)),
        oldest_due,
        today,
    )


def _counted(query: Select[Any]) -> ColumnElement[int]:
    some = query.limit(COUNTED + 1).subquery()
    return select(func.count()).select_from(some).scalar_subquery()
