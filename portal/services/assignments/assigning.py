"""Assigning packages: what may be assigned, what it would be charged by, and doing it once."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import or_, select
from sqlalchemy.orm import selectinload

from portal.domain.commitment import MINIMUM_DAYS_MAX, earliest_last_day, locked_until
from portal.domain.days import check_day
from portal.domain.errors import Invalid, NotAssignable, RuleBroken, WayOut
from portal.domain.money import QUANTITY_MAX, minor_unit, to_micros
from portal.domain.schedule import FIRST_DAY, Schedule, make_schedule
from portal.domain.terms import History, OwnPrices, PackageType, Terms, always, with_own
from portal.domain.wording import long_day, whole
from portal.extensions import db
from portal.models import (
    Assignment,
    AssignmentEnd,
    AssignmentPosition,
    AssignmentPrice,
    AssignmentQuantity,
    Customer,
    Did,
    Package,
)
from portal.services import locking
from portal.services.billing.loading import Facts, usage_wait_days
from portal.services.calls.effects import bundles_changed
from portal.services.once import Receipt, Sent, once
from portal.services.packages import line_bound
from portal.services.packages.definition import NO_OWN, PRICE_LABELS, OwnPriceSet, price_problems

GONE = "Choose a package from the list."  # as a form says where it has never been there


class Lock(NamedTuple):
    """The minimum days of an assignment, and the day on which its lock falls away: as promised elsewhere."""

    days: int
    until: date | None


@dataclass(frozen=True, slots=True)
class Draft:
    """An assignment as it is asked for.

    `lock`, `anchor`, `reference` and the planned terms are of one that is moved here: what was promised there holds.
    """

    package: Package
    customer: Customer
    did: Did | None
    quantity: int
    start_date: date
    end_date: date | None = None
    charge_from: date | None = None
    minutes: int | None = None
    minimum_days: int | None = None
    auto_decrement_credit: bool = False
    own: OwnPriceSet = NO_OWN
    lock: Lock | None = None
    anchor: date | None = None
    reference: str = ""
    # From later days on: the quantity; and which prices are its own, all four each time.
    planned_quantities: tuple[tuple[date, int], ...] = ()
    planned_own: tuple[tuple[date, OwnPriceSet], ...] = ()

    @property
    def lock_days(self) -> int:
        """The package's minimum days, or those given when the package has none."""
        return self.lock.days if self.lock else self.package.minimum_days or self.minimum_days or 0

    @property
    def locked_until(self) -> date | None:
        """The day on which the lock falls away."""
        return self.lock.until if self.lock else locked_until(self.start_date, self.lock_days)


def on_sale() -> list[Package]:
    """The packages that can be assigned, by name, with all that their terms are made of."""
    query = select(Package).where(Package.archived_on.is_(None)).order_by(Package.search_key, Package.id)
    return list(
        db.session.scalars(query.options(selectinload(Package.prices), selectinload(Package.schedules)))
    )


class AsksFirst(RuleBroken):
    """The same package is assigned to the same customer or DID over the same days: say yes to have it twice."""

    def __init__(self, sentence: str, existing: Assignment) -> None:
        super().__init__(sentence)
        self.existing = existing


def check(draft: Draft, *, moved: bool = False) -> None:
    """Whether a draft can be assigned. Invalid names the field; NotAssignable the way out.

    One that was assigned elsewhere and is `moved` here may be of a package that is no longer on sale.
    """
    package, customer = draft.package, draft.customer
    if package.archived_on and not moved:
        raise NotAssignable(f"{package.name} is archived: it is no longer on sale and cannot be assigned.")
    if customer.archived_on:
        raise NotAssignable(f"{customer.name} is archived. Restore the customer first.")
    if draft.did and (draft.did.archived_on or draft.did.customer_id != customer.id):
        raise NotAssignable(f"{draft.did.number} is not a DID of {customer.name}.")
    if customer.currency not in package.currencies:
        raise NotAssignable(
            f"{package.name} has no prices in {customer.currency}, the currency of {customer.name}.",
            WayOut(f"Add prices in {customer.currency}", "packages.edit", {"package_id": package.id}),
        )
    _check_schedules(package)
    if not customer.tax_rates:
        raise NotAssignable(f"{customer.name} has no tax rate, so nothing can be charged.")
    _check_numbers(draft)
    _check_dates(draft)


def _check_schedules(package: Package) -> None:
    """A package whose schedules are lost, or cannot be, is not assigned: nothing of it could be charged."""
    if not package.schedules:
        raise NotAssignable(f"{package.name} has no schedule, so it cannot be charged.")
    for row in package.schedules:
        try:
            make_schedule(row.frequency, row.frequency_match)
        except Invalid as problem:
            raise NotAssignable(f"{package.name} cannot be charged: {problem.sentence}") from None


def _check_numbers(draft: Draft) -> None:
    package = draft.package
    if not 1 <= draft.quantity <= QUANTITY_MAX:
        raise Invalid("quantity", f"Quantity must be 1 to {whole(QUANTITY_MAX)}.")
    for problem in price_problems(draft.own.given):
        raise problem
    for day, quantity in draft.planned_quantities:
        check_day("planned_quantity", day)
        if not 1 <= quantity <= QUANTITY_MAX:
            raise Invalid("planned_quantity", f"Quantity must be 1 to {whole(QUANTITY_MAX)}.")
    for day, planned in draft.planned_own:
        check_day("planned_own", day)
        for problem in price_problems(planned.given):
            raise problem
    own = _own_history(draft)
    for day, quantity in ((draft.start_date, draft.quantity), *draft.planned_quantities):
        line_bound.check_quantity(package, draft.customer.currency, quantity, day, own)
    if package.type == PackageType.FREE_MINUTES:
        if draft.minutes is None or not 1 <= draft.minutes <= 1_000_000_000:
            raise Invalid("minutes", "Enter how many minutes are free in each period: 1 to 1,000,000,000.")
    elif draft.minutes is not None:
        raise Invalid("minutes", "Only a free minutes package has minutes.")
    if draft.minimum_days is not None and package.minimum_days:
        raise Invalid("minimum_days", f"{package.name} has its own minimum days: {package.minimum_days}.")
    if not 0 <= draft.lock_days <= MINIMUM_DAYS_MAX:
        raise Invalid("minimum_days", f"Minimum Days must be 0 to {whole(MINIMUM_DAYS_MAX)}.")


def _check_dates(draft: Draft) -> None:
    for name, day in (
        ("start_date", draft.start_date),
        ("end_date", draft.end_date),
        ("charge_from", draft.charge_from),
        ("anchor", draft.anchor),
    ):
        check_day(name, day)
    if draft.charge_from and draft.charge_from < draft.start_date:
        raise Invalid("charge_from", "Charging cannot begin before the start date.")
    if draft.end_date:
        # Somebody may have let an assignment go there before its lock was over.
        check_end(draft.end_date, draft.start_date, None if draft.lock else draft.locked_until)
        if not draft.lock and draft.charge_from and draft.charge_from > draft.end_date:
            raise Invalid("charge_from", "Charging would begin after the end date.")


def check_end(end_date: date, start_date: date, lock: date | None) -> None:
    """Whether a day may be the last one. Invalid says from which day on it may."""
    if end_date < start_date:
        raise Invalid("end_date", f"The end date is before the start date, {long_day(start_date)}.")
    earliest = earliest_last_day(lock, start_date)
    if lock and end_date < earliest:
        raise Invalid(
            "end_date",
            f"Not before {long_day(earliest)}: it is locked until {long_day(lock)}.",
        )


def draft_terms(draft: Draft, wait_days: int | None = None) -> tuple[Facts, Terms]:
    """What a draft would be charged by: the facts and terms for `planning.plan_draft`.

    `wait_days` is the setting Usage Wait Days, where whoever asks for many has read it already.
    """
    package, currency = draft.package, draft.customer.currency
    facts = Facts(
        0,
        package.id,
        draft.customer.id,
        draft.did.id if draft.did else None,
        package.name,
        draft.did.number if draft.did else "",
        currency,
        draft.auto_decrement_credit,
    )
    own = _own_history(draft)
    terms = Terms(
        start_date=draft.start_date,
        schedules=tuple(
            (s.effective_from, Schedule(s.frequency, s.frequency_match)) for s in package.schedules
        ),
        prices=with_own(line_bound.package_prices(package, currency), own),
        own_prices=own,
        quantities=(*always(draft.quantity), *draft.planned_quantities),
        ends=always(draft.end_date),
        tax_rates=tuple((r.effective_from, to_micros(r.rate)) for r in draft.customer.tax_rates),
        unit=minor_unit(currency),
        proration=package.proration,
        minimum_spend=package.minimum_spend,
        charge_from=draft.charge_from,
        wait_days=(usage_wait_days() if wait_days is None else wait_days) if package.minimum_spend else 0,
        own_anchor=draft.anchor,
    )
    return facts, terms


def _own_history(draft: Draft) -> History[OwnPrices]:
    if not (draft.own.given or draft.planned_own):
        return ()
    later = ((day, planned.in_micros()) for day, planned in draft.planned_own)
    return (*always(draft.own.in_micros()), *later)


def same_over_the_same_days(draft: Draft) -> Assignment | None:
    """An assignment of the same package to the same customer or DID whose days meet the draft's."""
    query = (
        select(Assignment)
        .where(Assignment.package_id == draft.package.id, Assignment.customer_id == draft.customer.id)
        .where(Assignment.did_id == draft.did.id if draft.did else Assignment.did_id.is_(None))
        .where(or_(Assignment.end_date.is_(None), Assignment.end_date >= draft.start_date))
        .where(Assignment.withdrawn_on.is_(None))
        .order_by(Assignment.id)
        .limit(1)
    )
    if draft.end_date:
        query = query.where(Assignment.start_date <= draft.end_date)
    return db.session.scalar(query)


def assign(
    draft: Draft, *, token: str, by: str, now: datetime, twice: bool = False, today: date | None = None
) -> Assignment:
    """Assign a package. The token of the form makes a second click find the first one's assignment.

    Raises Invalid, NotAssignable, or AsksFirst unless `twice` says that a second one is meant.
    """

    def make() -> Assignment:
        lock_draft(draft)
        check(draft)
        if not twice and (existing := same_over_the_same_days(draft)):
            raise AsksFirst(f"{already(draft, existing)} Assign it a second time?", existing)
        return new_assignment(draft, token=token, by=by, now=now)

    def tell(made: Assignment) -> Receipt:
        whose = f"{draft.did.number} of {draft.customer.name}" if draft.did else draft.customer.name
        way = WayOut("See the assignment", "assignments.show", {"assignment_id": made.id})
        return f"{draft.package.name} was assigned to {whose}", way

    query = select(Assignment).where(Assignment.token == token)
    assignment, is_new = once(Sent("assignment", token, draft), query, make, tell)
    if is_new:
        bundles_changed([assignment], today or now.date(), now)
    return assignment


def lock_draft(draft: Draft) -> None:
    """Lock what may be assigned to whom, and read it anew. Invalid where the package is not there any more."""
    if draft.did:
        locking.lock(Did, [draft.did.id], shared=True)
    locking.lock(Customer, [draft.customer.id])
    if not locking.lock(Package, [draft.package.id], shared=True):
        raise Invalid("package", GONE)


def already(draft: Draft, existing: Assignment) -> str:
    """That the same package is there over the same days, in a sentence."""
    whose = draft.did.number if draft.did else draft.customer.name
    return f"{draft.package.name} is already assigned to {whose}, since {long_day(existing.start_date)}."


def new_assignment(draft: Draft, *, token: str, by: str, now: datetime) -> Assignment:
    """The rows of an assignment, not yet stored."""
    values, parts = values_of(draft, token=token, by=by, now=now), parts_of(draft)
    return Assignment(
        **values,
        package=draft.package,
        customer=draft.customer,
        did=draft.did,
        quantities=[AssignmentQuantity(**row) for row in parts[AssignmentQuantity]],
        ends=[AssignmentEnd(**row) for row in parts[AssignmentEnd]],
        own_prices=[AssignmentPrice(**row) for row in parts[AssignmentPrice]],
        position=AssignmentPosition(**parts[AssignmentPosition][0]),
    )


def values_of(draft: Draft, *, token: str, by: str, now: datetime) -> dict[str, Any]:
    """What stands in the row of an assignment."""
    return {
        "token": token,
        "package_id": draft.package.id,
        "customer_id": draft.customer.id,
        "did_id": draft.did.id if draft.did else None,
        "start_date": draft.start_date,
        "end_date": draft.end_date,
        "charge_from": draft.charge_from,
        "anchor": draft.anchor,
        "reference": draft.reference or None,
        "minutes": draft.minutes,
        "minimum_days": draft.lock_days,
        "locked_until": draft.locked_until,
        "auto_decrement_credit": draft.auto_decrement_credit,
        "created_by": by,
        "created_at": now,
    }


def parts_of(draft: Draft) -> dict[type[Any], list[dict[str, Any]]]:
    """What stands in the rows that belong to it, by their kind."""
    begins = max(draft.start_date, draft.charge_from) if draft.charge_from else draft.start_date
    quantities = ((FIRST_DAY, draft.quantity), *draft.planned_quantities)
    own = ((FIRST_DAY, draft.own), *draft.planned_own) if draft.own.given or draft.planned_own else ()
    return {
        AssignmentQuantity: [{"effective_from": day, "quantity": quantity} for day, quantity in quantities],
        AssignmentEnd: [{"known_on": FIRST_DAY, "end_date": draft.end_date}],
        AssignmentPrice: [
            {"effective_from": day, **dict.fromkeys(PRICE_LABELS), **prices.given}
            for day, prices in own
            if prices.given or day > FIRST_DAY
        ],
        AssignmentPosition: [{"next_charge_on": begins}],
    }
