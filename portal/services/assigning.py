"""Assigning packages: assign, change the quantity, set or move the end date."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.attributes import flag_modified

from portal.domain.charges import Position, charges_due
from portal.domain.commitment import MINIMUM_DAYS_MAX, earliest_last_day, locked_until
from portal.domain.errors import Invalid, NotAssignable, RuleBroken, WayOut
from portal.domain.money import AMOUNT_BELOW, QUANTITY_MAX, minor_unit, to_micros
from portal.domain.schedule import FIRST_DAY, LAST_DAY, ONE_DAY, Schedule, in_words
from portal.domain.terms import PackageType, Prices, Terms, always
from portal.extensions import db
from portal.models import (
    Assignment,
    AssignmentEnd,
    AssignmentPosition,
    AssignmentQuantity,
    Customer,
    Did,
    Package,
)
from portal.services.terms import Facts, load, usage_wait_days


@dataclass(frozen=True, slots=True)
class Draft:
    """An assignment as it is asked for."""

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

    @property
    def lock_days(self) -> int:
        """The package's minimum days, or those given when the package has none."""
        return self.package.minimum_days or self.minimum_days or 0

    @property
    def locked_until(self) -> date | None:
        """The day on which the lock falls away."""
        return locked_until(self.start_date, self.lock_days)


class AsksFirst(RuleBroken):
    """The same package is assigned to the same customer or DID over the same days: say yes to have it twice."""

    def __init__(self, sentence: str, existing: Assignment) -> None:
        super().__init__(sentence)
        self.existing = existing


def check(draft: Draft) -> None:
    """Whether a draft can be assigned. Invalid names the field; NotAssignable the way out."""
    package, customer = draft.package, draft.customer
    if package.archived_on:
        raise NotAssignable(f"{package.name} is archived: it is off sale and cannot be assigned anew.")
    if customer.archived_on:
        raise NotAssignable(f"{customer.name} is archived. Take the customer back first.")
    if draft.did and (draft.did.archived_on or draft.did.customer_id != customer.id):
        raise NotAssignable(f"{draft.did.number} is not a DID of {customer.name}.")
    if customer.currency not in package.currencies:
        raise NotAssignable(
            f"{package.name} has no prices in {customer.currency}, the currency of {customer.name}.",
            WayOut(f"Add prices in {customer.currency}", "packages.edit", {"package_id": package.id}),
        )
    _check_numbers(draft)
    _check_dates(draft)


def _check_numbers(draft: Draft) -> None:
    package = draft.package
    if not 1 <= draft.quantity <= QUANTITY_MAX:
        raise Invalid("quantity", f"Quantity is 1 to {QUANTITY_MAX:,}.")
    price = package.price_on(draft.customer.currency, draft.start_date)
    assert price is not None
    if max(price.retail, price.setup_retail, price.cost, price.setup_cost) * draft.quantity >= AMOUNT_BELOW:
        raise Invalid("quantity", f"One charge would come to {AMOUNT_BELOW:,} or more. Take a smaller quantity.")
    if package.type == PackageType.FREE_MINUTES:
        if draft.minutes is None or not 1 <= draft.minutes <= 1_000_000_000:
            raise Invalid("minutes", "Say how many minutes are free in each period: 1 to 1,000,000,000.")
    elif draft.minutes is not None:
        raise Invalid("minutes", "Only a free minutes package carries minutes.")
    if draft.minimum_days is not None:
        if package.minimum_days:
            raise Invalid("minimum_days", f"{package.name} has its own minimum days: {package.minimum_days}.")
        if not 0 <= draft.minimum_days <= MINIMUM_DAYS_MAX:
            raise Invalid("minimum_days", f"Minimum Days are 0 to {MINIMUM_DAYS_MAX:,}.")


def _check_dates(draft: Draft) -> None:
    for name, day in (
        ("start_date", draft.start_date),
        ("end_date", draft.end_date),
        ("charge_from", draft.charge_from),
    ):
        check_day(name, day)
    if draft.charge_from and draft.charge_from < draft.start_date:
        raise Invalid("charge_from", "Charging cannot begin before the start date.")
    if draft.end_date:
        check_end(draft.end_date, draft.start_date, draft.locked_until)
        if draft.charge_from and draft.charge_from > draft.end_date:
            raise Invalid("charge_from", "Charging would begin after the end date.")


def check_day(name: str, day: date | None) -> None:
    """Days lie between 2000 and 2199. Invalid names the field."""
    if day and not FIRST_DAY <= day <= LAST_DAY:
        raise Invalid(name, f"Dates lie between {FIRST_DAY.year} and {LAST_DAY.year}.")


def check_end(end_date: date, start_date: date, lock: date | None) -> None:
    """Whether a day may be the last one. Invalid says from which day on it may."""
    if end_date < start_date:
        raise Invalid("end_date", f"The end date lies before the start date, {in_words(start_date)}.")
    earliest = earliest_last_day(lock, start_date)
    if lock and end_date < earliest:
        raise Invalid(
            "end_date", f"Not before {in_words(earliest)}, its last locked day: it is locked until {in_words(lock)}."
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
    prices = tuple(
        (p.holds_from, Prices(*map(to_micros, (p.cost, p.retail, p.setup_cost, p.setup_retail))))
        for p in package.prices
        if p.currency == currency
    )
    terms = Terms(
        start_date=draft.start_date,
        schedules=tuple((s.holds_from, Schedule(s.frequency, s.frequency_match)) for s in package.schedules),
        prices=prices,
        quantities=always(draft.quantity),
        ends=always(draft.end_date),
        tax_rates=tuple((r.holds_from, to_micros(r.rate)) for r in draft.customer.tax_rates),
        unit=minor_unit(currency),
        proration=package.proration,
        minimum_spend=package.minimum_spend,
        charge_from=draft.charge_from,
        wait_days=(usage_wait_days() if wait_days is None else wait_days) if package.minimum_spend else 0,
    )
    return facts, terms


def same_over_the_same_days(draft: Draft) -> Assignment | None:
    """An assignment of the same package to the same customer or DID whose days meet the draft's."""
    query = (
        select(Assignment)
        .where(Assignment.package_id == draft.package.id, Assignment.customer_id == draft.customer.id)
        .where(Assignment.did_id == draft.did.id if draft.did else Assignment.did_id.is_(None))
        .where(or_(Assignment.end_date.is_(None), Assignment.end_date >= draft.start_date))
        .order_by(Assignment.id)
        .limit(1)
    )
    if draft.end_date:
        query = query.where(Assignment.start_date <= draft.end_date)
    return db.session.scalar(query)


def assign(draft: Draft, *, token: str, by: str, now: datetime, twice: bool = False) -> Assignment:
    """Assign a package. The token of the form makes a second click find the first one's assignment.

    Raises Invalid, NotAssignable, or AsksFirst unless `twice` says that a second one is meant.
    """
    query = select(Assignment).where(Assignment.token == token)
    if existing := db.session.scalar(query):
        return existing
    check(draft)
    if not twice and (existing := same_over_the_same_days(draft)):
        raise AsksFirst(f"{already(draft, existing)} Assign it a second time?", existing)
    assignment = new_assignment(draft, token=token, by=by, now=now)
    try:
        with db.session.begin_nested():
            db.session.add(assignment)
    except IntegrityError:  # the other click was quicker
        return db.session.scalars(query).one()
    return assignment


def already(draft: Draft, existing: Assignment) -> str:
    """That the same package is there over the same days, in a sentence."""
    whose = draft.did.number if draft.did else draft.customer.name
    return f"{draft.package.name} is assigned to {whose} already, since {in_words(existing.start_date)}."


def new_assignment(draft: Draft, *, token: str, by: str, now: datetime) -> Assignment:
    """The rows of an assignment, not yet stored."""
    begins = max(draft.start_date, draft.charge_from) if draft.charge_from else draft.start_date
    return Assignment(
        token=token,
        package=draft.package,
        customer=draft.customer,
        did=draft.did,
        start_date=draft.start_date,
        end_date=draft.end_date,
        charge_from=draft.charge_from,
        minutes=draft.minutes,
        minimum_days=draft.lock_days,
        locked_until=draft.locked_until,
        auto_decrement_credit=draft.auto_decrement_credit,
        created_by=by,
        created_at=now,
        quantities=[AssignmentQuantity(holds_from=FIRST_DAY, quantity=draft.quantity)],
        ends=[AssignmentEnd(known_on=FIRST_DAY, end_date=draft.end_date)],
        position=AssignmentPosition(next_charge_on=begins),
    )


def has_begun(assignment: Assignment) -> bool:
    """Whether a run has dealt with it: from then on changes hold from a day on.

    Holds its position, so that a run that is at work on it comes wholly before or wholly after the change.
    """
    db.session.refresh(assignment.position, with_for_update=True)
    return assignment.position.charged_until is not None


def change_quantity(assignment: Assignment, quantity: int, holds_from: date, today: date) -> None:
    """A new quantity from `holds_from` on; at once while nothing of it has been posted.

    Invalid for a day that is not after today, for a number out of bounds, and for fewer units while locked.
    """
    if not 1 <= quantity <= QUANTITY_MAX:
        raise Invalid("quantity", f"Quantity is 1 to {QUANTITY_MAX:,}.")
    check_day("holds_from", holds_from)
    if holds_from <= today:
        if not has_begun(assignment):
            if assignment.is_locked_on(today) and quantity < assignment.quantity_on(today):
                raise _locked_quantity(assignment)
            first, *others = assignment.quantities
            first.quantity = quantity
            assignment.quantities = [first, *(row for row in others if row.holds_from > today)]
            touch(assignment)
            return
        raise Invalid("holds_from", f"A new quantity holds from tomorrow, {in_words(today + ONE_DAY)}, or later.")
    if assignment.is_locked_on(holds_from) and quantity < assignment.quantity_on(holds_from):
        raise _locked_quantity(assignment)
    _keep_quantity(assignment, quantity, holds_from)


def _keep_quantity(assignment: Assignment, quantity: int, holds_from: date) -> None:
    """Store a quantity from a day on; while locked, none that was planned for a later day may be fewer."""
    for row in assignment.quantities:
        if row.holds_from > holds_from and assignment.is_locked_on(row.holds_from) and row.quantity < quantity:
            raise Invalid(
                "quantity",
                f"{row.quantity:,} are planned from {in_words(row.holds_from)}. "
                f"While it is locked the quantity may not fall: choose that day, or {row.quantity:,} at most.",
            )
    touch(assignment)
    for row in assignment.quantities:
        if row.holds_from == holds_from:
            row.quantity = quantity
            return
    assignment.quantities.append(AssignmentQuantity(holds_from=holds_from, quantity=quantity))
    assignment.quantities.sort(key=lambda row: row.holds_from)


def touch(assignment: Assignment) -> None:
    """Let whoever has the assignment open know: its quantities stand in rows of their own."""
    flag_modified(assignment, "auto_decrement_credit")


def _locked_quantity(assignment: Assignment) -> Invalid:
    assert assignment.locked_until
    return Invalid(
        "quantity",
        f"While it is locked, until {in_words(assignment.locked_until)}, the quantity may rise but not fall.",
    )


def change_end(
    assignment: Assignment,
    end_date: date | None,
    today: date,
    *,
    by: str,
    now: datetime,
    override_reason: str = "",
) -> None:
    """Set, move or remove the end date; what was charged too much or too little is posted by the next run.

    Invalid for a day that may not be the last one. The owner may override the lock with a reason, which is kept.
    """
    if end_date == assignment.end_date:
        return
    if assignment.has_ended_on(today):
        assert assignment.end_date
        raise Invalid("end_date", f"It ended on {in_words(assignment.end_date)}. Assign the package anew instead.")
    if end_date:
        check_day("end_date", end_date)
        lock = None if override_reason else assignment.locked_until
        check_end(end_date, assignment.start_date, lock)
        if override_reason and assignment.locked_until and end_date < assignment.locked_until - ONE_DAY:
            assignment.override_reason, assignment.override_by, assignment.override_at = override_reason, by, now
    assignment.end_date = end_date
    if not has_begun(assignment):
        assignment.ends[0].end_date = end_date
    elif assignment.ends[-1].known_on >= today:
        assignment.ends[-1].end_date = end_date
    else:
        assignment.ends.append(AssignmentEnd(known_on=today, end_date=end_date))
    db.session.flush()
    find_next(assignment, today)


def change_start(assignment: Assignment, start_date: date, charge_from: date | None, today: date) -> None:
    """Another start date, while nothing has been posted; the lock moves with it."""
    if (start_date, charge_from) == (assignment.start_date, assignment.charge_from):
        return
    if has_begun(assignment):
        raise Invalid("start_date", "The start date is fixed: charges have been posted since. Assign anew instead.")
    if start_date != assignment.start_date and assignment.is_locked_on(today) and assignment.start_date <= today:
        raise Invalid("start_date", "It has started and is locked: its start date stays.")
    lock = locked_until(start_date, assignment.minimum_days)
    for name, day in (("start_date", start_date), ("charge_from", charge_from)):
        check_day(name, day)
    if charge_from and charge_from < start_date:
        raise Invalid("charge_from", "Charging cannot begin before the start date.")
    if assignment.end_date:
        check_end(assignment.end_date, start_date, lock)
    assignment.start_date, assignment.charge_from, assignment.locked_until = start_date, charge_from, lock
    db.session.flush()
    find_next(assignment, today)


def find_next(assignment: Assignment, today: date) -> None:
    """Work out anew the next day on which anything can fall due, and move the position's version on."""
    loaded = load([assignment.id], spend_before=today + ONE_DAY)[0]
    due = charges_due(loaded.terms, loaded.position, today, loaded.posted, loaded.spend)
    days = [charge.found_on for charge in due.charges] + [due.next_charge_on or LAST_DAY + ONE_DAY]
    begins = loaded.terms.begins
    if loaded.position == Position():
        days = [begins] if loaded.terms.ends[-1][1] is None or begins <= loaded.terms.ends[-1][1] else days
    assignment.position.next_charge_on = min(days) if min(days) <= LAST_DAY else None
    assignment.position.version += 1
