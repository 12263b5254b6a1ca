"""What a customer's page says in figures: what recurs in a month, what comes next, what was charged last."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, select

from portal.domain.schedule import FIRST_DAY, LAST_DAY, ONE_DAY
from portal.extensions import db
from portal.models import Assignment, AssignmentPosition, Charge, Customer, Did, Package
from portal.services.billing.failures import Failed
from portal.services.billing.loading import usage_wait_days
from portal.services.billing.planning import Held, Plan, PlannedCharge, upcoming
from portal.services.billing.positions import between, by_day, on_first_days
from portal.services.listing import Sort
from portal.services.packages.holdings import known_count

# How many assignments are planned to find the next charges, those with the earliest days first; more of them
# where these bring too few.
LOOKED_AT = (50, 500, 5_000)
# Charges, the latest before.
LATEST = Sort((Charge.charge_on, Charge.id), descending=True)
LATEST_OF_CUSTOMER = Sort((Charge.customer_id, *LATEST.columns), descending=True)
SOON, LATER = timedelta(days=40), timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Recurring:
    """What recurs in a month, before tax. A minimum spend counts as what it asks for."""

    retail: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)

    def __add__(self, other: "Recurring") -> "Recurring":
        return Recurring(self.retail + other.retail, self.cost + other.cost)

    @property
    def margin(self) -> Decimal:
        """Retail less cost."""
        return self.retail - self.cost

    @property
    def margin_rate(self) -> Decimal | None:
        """The margin in per cent of retail, whole."""
        return round(100 * self.margin / self.retail) if self.retail else None  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class Upcoming:
    """The next charges, the assignments that are held, and those that cannot be worked out.

    `more`: there are other charges after these.

    `first_on` is the first day on which the customer is to pay something, `first_amount` what all of that day
    comes to, None where it was not counted to the end.
    """

    charges: Sequence[PlannedCharge] = ()
    held: Sequence[Held] = ()
    failed: Sequence[Failed] = ()
    more: bool = False
    first_on: date | None = None
    first_amount: Decimal | None = None

    @property
    def amount(self) -> Decimal:
        """What these come to, before tax."""
        return sum((charge.amount for charge in self.charges), Decimal(0))


def next_charges(
    today: date, most: int, *, customer_id: int | None = None, did_id: int | None = None
) -> Upcoming:
    """The next charges of a customer, or on a DID: whatever is due and not posted, then what comes."""
    query = (
        select(Assignment.id, AssignmentPosition.next_charge_on)
        .join(AssignmentPosition)
        .where(AssignmentPosition.next_charge_on.is_not(None))
    )
    if customer_id is not None:
        query = query.where(Assignment.customer_id == customer_id)
    if did_id is not None:
        query = query.where(Assignment.did_id == did_id)
    found = Upcoming()
    for looked_at in LOOKED_AT:
        many = known_count(customer_id) if customer_id and did_id is None else 0
        rows = on_first_days(customer_id, looked_at + 1, many) if customer_id and many else []
        if len(rows) <= looked_at:
            among = between(customer_id) if customer_id is not None else []
            in_order = query.where(*among).order_by(by_day(among), Assignment.id).limit(looked_at + 1)
            rows = [(row[0], row[1] or LAST_DAY) for row in db.session.execute(in_order)]
        ids, before = [row[0] for row in rows[:looked_at]], None
        if len(rows) > looked_at:
            others_id, others_from = rows[-1]
            before = others_from, others_id
            # A minimum spend falls due some days after the date it bears.
            wait = ONE_DAY * usage_wait_days()
            minimums = _minimums_until(query, others_from + wait, looked_at)
            if minimums is None:
                before = others_from - wait, 0
            ids = sorted({*ids, *(minimums or ())})
        found = _planned(ids, before, today, most)
        if not before or len(found.charges) == most:
            break
    return found


def _minimums_until(query: Select[*tuple[Any, ...]], day: date, most: int) -> list[int] | None:
    """Of those that a query finds, the minimum spends that fall due up to a day; None where they are more than most."""
    # By the few packages: of each an index has a customer's assignments.
    minimums = select(Package.id).where(Package.minimum_spend)
    due = query.where(Assignment.package_id.in_(minimums), AssignmentPosition.next_charge_on <= day)
    found = list(db.session.scalars(due.with_only_columns(Assignment.id).limit(most + 1)))
    return found if len(found) <= most else None


def _planned(ids: list[int], before: tuple[date, int] | None, today: date, most: int) -> Upcoming:
    """The first charges of these assignments: where there are others, those that stand before all of theirs, which
    have a date and an assignment from `before` on.
    """
    far = today + LATER
    if before:
        far = min(far, before[0])
    plan = Plan()
    for through in (min(today + SOON, far), far) if ids else ():
        plan = upcoming(FIRST_DAY, through, today, ids=ids)
        if before:
            plan.charges = [one for one in plan.charges if (one.charge_on, one.assignment_id) < before]
        if len(plan.charges) > most:
            break
    first_on, amount = _first(plan.charges, before[0] if before else None)
    return Upcoming(
        plan.charges[:most],
        plan.held,
        plan.failed,
        more=before is not None or len(plan.charges) > most,
        first_on=first_on,
        first_amount=amount,
    )


def _first(
    charges: Sequence[PlannedCharge], counted_before: date | None
) -> tuple[date | None, Decimal | None]:
    """The first day with an amount, and what it comes to if it was counted to the end."""
    first = next((charge.charge_on for charge in charges if charge.amount), None)
    if first is None or (counted_before and first >= counted_before):
        return first, None
    return first, sum((charge.amount for charge in charges if charge.charge_on == first), Decimal(0))


def charges_of(customer: Customer) -> Select[Charge]:
    """The charges of a customer, for LATEST_OF_CUSTOMER.

    Said as a span: of whoever has very many PostgreSQL would read everybody's by their day, until there are enough.
    """
    return select(Charge).where(Charge.customer_id.between(customer.id, customer.id))


def charges_on(did: Did) -> Select[Charge]:
    """The charges posted for packages on a DID, whosever it was then."""
    mine = select(Assignment.id).where(Assignment.did_id == did.id)
    return select(Charge).where(Charge.assignment_id.in_(mine))
