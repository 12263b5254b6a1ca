"""Changing a package: what holds at once, what holds from a day on, and what is fixed for good.

Planning a change works out what it will do and refuses what cannot be; making it writes. Between the two a
person sees whom it hits (portal.services.packages.impact).
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import exists, select, update

from portal.domain.errors import Invalid, RuleBroken, WayOut
from portal.domain.schedule import FIRST_DAY, LAST_DAY, ONE_DAY, Schedule
from portal.domain.wording import listed, long_day
from portal.extensions import db
from portal.models import Assignment, AssignmentPosition, Customer, Package, PackageSchedule
from portal.services import locking
from portal.services.packages.catalogue import (
    copy_described,
    copy_fixed,
    price_row,
    touch,
    was_assigned,
    was_posted,
)
from portal.services.packages.definition import (
    FIELDS,
    FIXED,
    PRICE_LABELS,
    Definition,
    PriceSet,
    check,
    definition_of,
    tidied,
)
from portal.services.packages.line_bound import check_prices


class Fixed(RuleBroken):
    """A part of a package that nobody may change once it was assigned; a copy may have it otherwise."""


@dataclass(frozen=True, slots=True)
class Change:
    """What saving a definition would do to a package.

    `effective_from` is FIRST_DAY where it holds at once: then it replaces what held from the beginning.
    """

    package: Package
    definition: Definition
    today: date
    effective_from: date
    prices: tuple[PriceSet, ...] = ()
    schedule: Schedule | None = None
    dropped: tuple[str, ...] = ()

    @property
    def at_once(self) -> bool:
        """Whether it replaces what held from the beginning, because nothing was posted."""
        return self.effective_from == FIRST_DAY

    @property
    def of_terms(self) -> bool:
        """Whether prices or schedule change for anybody who has the package."""
        return bool(self.prices or self.schedule)


def earliest_day(package: Package, today: date) -> date:
    """The first day from which a change can hold: today while nothing was posted, else tomorrow."""
    return today + ONE_DAY if was_posted(package) else today


def plan_change(
    package: Package,
    definition: Definition,
    effective_from: date | None,
    today: date,
    shown_on: date | None = None,
) -> Change:
    """Work out a change of a package, or refuse it, with the package locked. Without a day, from the earliest there is.

    What stands in the definition as it was shown was not meant to change: the terms of `shown_on`, or, as a form
    shows them, of the earliest day.
    """
    locking.lock(Package, [package.id])
    return would_change(package, definition, effective_from, today, shown_on)


def would_change(
    package: Package,
    definition: Definition,
    effective_from: date | None,
    today: date,
    shown_on: date | None = None,
) -> Change:
    """The same, of a package as it is stored now: nothing is locked, so nothing may be made of it."""
    definition = tidied(definition)
    check(definition)
    _refuse_fixed(package, definition)
    earliest = earliest_day(package, today)
    begins = _begins(effective_from or earliest, earliest, today)
    shown = definition_of(package, shown_on or earliest)
    held = definition_of(package, today if begins == FIRST_DAY else begins)
    prices = tuple(
        typed
        for typed in definition.prices
        if (was := shown.price_in(typed.currency)) and typed != was and typed != held.price_in(typed.currency)
    )
    moved = definition.schedule != shown.schedule and definition.schedule != held.schedule
    check_prices(package, definition.prices, today)
    dropped = tuple(p.currency for p in shown.prices if not definition.price_in(p.currency))
    _refuse_dropped(package, dropped)
    return Change(package, definition, today, begins, prices, definition.schedule if moved else None, dropped)


def make_change(change: Change) -> None:
    """Write a change that was planned."""
    package, definition = change.package, change.definition
    if change.at_once and change.of_terms:
        _start_afresh(change)
    if not was_assigned(package):
        copy_fixed(definition, package)
    copy_described(definition, package)
    for prices in change.prices:
        _keep_prices(package, prices, change.effective_from)
    if change.schedule:
        _keep_schedule(package, change.schedule, change.effective_from)
    sold = set(package.currencies)
    package.prices.extend(price_row(p, FIRST_DAY) for p in definition.prices if p.currency not in sold)
    for row in [row for row in package.prices if row.currency in change.dropped]:
        package.prices.remove(row)
    package.prices.sort(key=lambda row: (row.currency, row.effective_from))
    touch(package)
    db.session.flush()


def planned_days(package: Package, today: date) -> list[date]:
    """The days to come from which another set of prices or another schedule holds."""
    days = {row.effective_from for row in package.prices} | {row.effective_from for row in package.schedules}
    return sorted(day for day in days if day > today)


def drop_planned(package: Package, effective_from: date, today: date) -> None:
    """Take back the prices and the schedule that would hold from a day to come."""
    locking.lock(Package, [package.id])
    if effective_from <= today:
        raise Invalid("effective_from", "This is already in force. Set other prices from tomorrow instead.")
    if effective_from not in planned_days(package, today):
        raise Invalid("effective_from", f"Nothing is planned for {long_day(effective_from)}.")
    package.prices[:] = [row for row in package.prices if row.effective_from != effective_from]
    package.schedules[:] = [row for row in package.schedules if row.effective_from != effective_from]
    touch(package)
    db.session.flush()


# -- what cannot be


def _begins(effective_from: date, earliest: date, today: date) -> date:
    """The day from which a change holds; FIRST_DAY for at once."""
    if effective_from < earliest:
        reason = "Charges have been posted at today's terms. " if earliest > today else ""
        back = " What was wrong before is corrected back to a day." if reason else ""
        raise Invalid("effective_from", f"{reason}Choose {long_day(earliest)} or a later day.{back}")
    if effective_from > LAST_DAY:
        raise Invalid("effective_from", f"Choose a day up to {long_day(LAST_DAY)}.")
    return FIRST_DAY if effective_from == today else effective_from


def _refuse_fixed(package: Package, definition: Definition) -> None:
    """Refuse to change what is fixed once the package was assigned (billing-rules 6)."""
    changed = [name for name in FIXED if getattr(package, name) != getattr(definition, name)]
    turned = package.recurs != definition.recurs
    lost = not package.schedules  # whoever knows what they were may say so
    if (turned or lost) and "proration" in changed:  # partial periods come and go with the frequency
        changed.remove("proration")
    names = [FIELDS[name].label for name in changed]
    if turned and not lost:
        names.append("whether there is a Frequency")
    if not names or not was_assigned(package):
        return
    verb = "is" if len(names) == 1 else "are"
    raise Fixed(
        f"{package.name} has been assigned, so {listed(names)} {verb} fixed. Copy the package, change the copy "
        "and assign that from now on.",
        WayOut("Copy package", "packages.copy", {"package_id": package.id}),
    )


def _refuse_dropped(package: Package, dropped: tuple[str, ...]) -> None:
    """Refuse to drop a currency in which somebody has the package."""
    for currency in dropped:
        held = exists().where(
            Assignment.package_id == package.id,
            Assignment.customer_id == Customer.id,
            Customer.currency == currency,
        )
        if db.session.scalar(select(held)):
            sentence = (
                f"Customers in {currency} have or had {package.name}, so its {currency} prices must stay."
            )
            raise Invalid("prices", sentence)


# -- writing


def _start_afresh(change: Change) -> None:
    """Take away what has held since, so that one set holds from the beginning; no run may have come between.

    Moving the positions on makes a run that read the old terms read again (billing-rules 8).
    """
    package = change.package
    of_package = select(Assignment.id).where(Assignment.package_id == package.id)
    locking.lock_where(AssignmentPosition, AssignmentPosition.assignment_id.in_(of_package))
    db.session.execute(
        update(AssignmentPosition)
        .where(AssignmentPosition.assignment_id.in_(of_package))
        .values(version=AssignmentPosition.version + 1)
        .execution_options(synchronize_session=False)
    )
    _begins(
        change.today, earliest_day(package, change.today), change.today
    )  # a run may have posted meanwhile
    changed = {prices.currency for prices in change.prices}
    package.prices[:] = [
        row
        for row in package.prices
        if row.currency not in changed or not _is_past(row.effective_from, change.today)
    ]
    if change.schedule:
        package.schedules[:] = [
            row for row in package.schedules if not _is_past(row.effective_from, change.today)
        ]


def _is_past(effective_from: date, today: date) -> bool:
    """Whether a set began to hold after the beginning and up to today."""
    return FIRST_DAY < effective_from <= today


def _keep_prices(package: Package, prices: PriceSet, effective_from: date) -> None:
    """Let a set of prices hold from a day on, in place of what began on that day."""
    begun = [
        row
        for row in package.prices
        if (row.currency, row.effective_from) == (prices.currency, effective_from)
    ]
    if not begun:
        package.prices.append(price_row(prices, effective_from))
    for row in begun:
        for name in PRICE_LABELS:
            setattr(row, name, getattr(prices, name))


def _keep_schedule(package: Package, schedule: Schedule, effective_from: date) -> None:
    """Let a schedule hold from a day on, in place of what began on that day."""
    begun = [row for row in package.schedules if row.effective_from == effective_from]
    if not begun:
        begun = [PackageSchedule(effective_from=effective_from)]
        package.schedules.extend(begun)
    begun[0].frequency, begun[0].frequency_match = schedule.frequency, schedule.match
    package.schedules.sort(key=lambda row: row.effective_from)
