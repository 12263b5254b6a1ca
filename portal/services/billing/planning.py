"""What would be charged: preview and simulation read it, a run posts it.

Planning has nothing to write with. Posting (portal.services.billing.posting) is the same plan plus an insert.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from hashlib import sha256
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, func, select, true

from portal.domain.charges import charges_due
from portal.domain.due import ORDER, Due, DueCharge, Kind, Position
from portal.domain.money import from_micros
from portal.domain.schedule import ONE_DAY
from portal.domain.terms import Terms
from portal.extensions import db
from portal.models import Assignment, AssignmentPosition
from portal.services.billing.failures import Failed, failed, load_each
from portal.services.billing.loading import Facts, Loaded, usage_wait_days
from portal.services.chunks import in_chunks

# An assignment with more lines than this dated before the day of the run is held (billing-rules 8).
HELD_ABOVE = 40


@dataclass(frozen=True, slots=True)
class PlannedCharge:
    """A charge that is not posted, with the names of a posted one.

    Pages, files and explanations take posted, simulated and planned charges alike, so it has what they read; its
    money is decimal as theirs is, while what was worked out counts in micros.
    """

    facts: Facts
    due: DueCharge
    # A minimum spend whose period has not ended: what it would be if nothing more were spent.
    provisional: bool = False

    id = None

    @property
    def kind(self) -> Kind:
        """What it is for."""
        return self.due.kind

    @property
    def charge_on(self) -> date:
        """Its date."""
        return self.due.charge_on

    @property
    def period_from(self) -> date:
        """The first day it pays for."""
        return self.due.period_from

    @property
    def period_until(self) -> date | None:
        """The day after the last one it pays for; None for setup and one-off."""
        return self.due.period_until

    @property
    def is_once(self) -> bool:
        """Whether it has no service period."""
        return self.due.period_until is None

    @property
    def number(self) -> int:
        """0 for what the schedule brings, counting on for corrections."""
        return self.due.number

    @property
    def quantity(self) -> int:
        """How many units."""
        return self.due.quantity

    @property
    def days(self) -> int:
        """The days charged, of `whole_days`."""
        return self.due.days

    @property
    def whole_days(self) -> int:
        """The days of the whole period."""
        return self.due.whole_days

    @property
    def unit_price(self) -> Decimal:
        """Retail, or setup retail, per unit."""
        return from_micros(self.due.unit_price)

    @property
    def unit_cost(self) -> Decimal:
        """Cost, or setup cost, per unit."""
        return from_micros(self.due.unit_cost)

    @property
    def spend(self) -> Decimal | None:
        """What calls cost in the period; minimum spend only."""
        return None if self.due.spend is None else from_micros(self.due.spend)

    @property
    def amount(self) -> Decimal:
        """What the customer pays, before tax."""
        return from_micros(self.due.amount)

    @property
    def cost(self) -> Decimal:
        """What the provider pays."""
        return from_micros(self.due.cost)

    @property
    def tax_rate(self) -> Decimal:
        """Per cent."""
        return from_micros(self.due.tax_rate)

    @property
    def tax(self) -> Decimal:
        """Tax on the amount."""
        return from_micros(self.due.tax)

    @property
    def margin(self) -> Decimal:
        """Amount less cost."""
        return from_micros(self.due.amount - self.due.cost)

    @property
    def total(self) -> Decimal:
        """Amount and tax."""
        return from_micros(self.due.amount + self.due.tax)

    @property
    def currency(self) -> str:
        """The customer's currency."""
        return self.facts.currency

    @property
    def label(self) -> str:
        """The package's name."""
        return self.facts.label

    @property
    def did_number(self) -> str:
        """The number of the DID it is for, if it is for one."""
        return self.facts.did_number

    @property
    def assignment_id(self) -> int:
        """Whose charge it is."""
        return self.facts.assignment_id

    @property
    def customer_id(self) -> int:
        """Who pays."""
        return self.facts.customer_id

    @property
    def package_id(self) -> int:
        """For what."""
        return self.facts.package_id

    @property
    def key(self) -> tuple[int, str, str, int]:
        """What makes it one and the same charge."""
        return (
            self.facts.assignment_id,
            self.due.kind.value,
            self.due.period_from.isoformat(),
            self.due.number,
        )


@dataclass(slots=True)
class Totals:
    """Sums in one currency. `outside` is the part of the amount that is outside revenue: of opening items."""

    amount: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    tax: Decimal = Decimal(0)
    count: int = 0
    outside: Decimal = Decimal(0)

    def add(self, line: Any) -> None:
        """Take in a charge, posted, simulated or planned."""
        self.amount += line.amount
        self.cost += line.cost
        self.tax += line.tax
        self.count += 1
        if getattr(line, "opening_number", None) is not None:  # only what is posted has one
            self.outside += line.amount

    def put(self, other: "Totals") -> None:
        """Take in the sums of others."""
        self.amount += other.amount
        self.cost += other.cost
        self.tax += other.tax
        self.count += other.count
        self.outside += other.outside

    def take_off(self, line: Any) -> None:
        """Take out a charge that is among them."""
        self.amount -= line.amount
        self.cost -= line.cost
        self.tax -= line.tax
        self.count -= 1

    @property
    def margin(self) -> Decimal:
        """Amount less cost, without what is outside revenue."""
        return self.amount - self.outside - self.cost

    @property
    def total(self) -> Decimal:
        """Amount and tax."""
        return self.amount + self.tax


@dataclass(frozen=True, slots=True)
class Held:
    """An assignment with too many lines to post unasked: all that waits with them, the first day, and the sum."""

    facts: Facts
    lines: int
    first_on: date
    amount: Decimal


@dataclass(slots=True)
class Plan:
    """The charges that would be posted, in the order they stand in, what is held, and what cannot be worked out."""

    charges: list[PlannedCharge] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)

    @property
    def totals(self) -> dict[str, Totals]:
        """Sums for each currency."""
        return totals(self.charges)


class Worked(NamedTuple):
    """One assignment worked out up to a day: what it stands on, what falls due, and whether it is held."""

    loaded: Loaded
    due: Due
    held: Held | None

    def planned(self, today: date) -> Iterator[PlannedCharge]:
        """Its charges, those of a minimum spend that still runs marked so."""
        return (self.line(charge, today) for charge in self.due.charges)

    def line(self, charge: DueCharge, today: date) -> PlannedCharge:
        """One of them."""
        runs = charge.kind == Kind.MINIMUM_SPEND and charge.period_until is not None
        return PlannedCharge(self.loaded.facts, charge, runs and charge.charge_on > today)


class Fingerprint:
    """A digest of charges in the order they are added: two plans with one fingerprint are the same plan."""

    def __init__(self) -> None:
        self._digest = sha256()

    def add(self, facts: Facts, due: DueCharge) -> None:
        """Take in one charge."""
        line = (
            facts.assignment_id, due.kind.value, due.period_from, due.number, due.charge_on, due.amount, due.cost,
            due.tax, facts.currency,
        )  # fmt: skip
        self._digest.update(repr(line).encode())

    def hex(self) -> str:
        """The digest so far."""
        return self._digest.hexdigest()


def due_ids(
    through: date, customer_id: int | None = None, among: ColumnElement[bool] | None = None
) -> list[int]:
    """The assignments on which anything can fall due up to `through`, in the order of their ids.

    Of all, of one customer, or `among` those meant. With them those that have lost their position, which is how a run
    learns of them.
    """
    whose = among if customer_id is None else Assignment.customer_id == customer_id
    if whose is not None:
        # One by one: joined, PostgreSQL would read the positions of all for the few that are meant.
        day = select(func.coalesce(AssignmentPosition.next_charge_on, date.max))
        stands = day.where(AssignmentPosition.assignment_id == Assignment.id).scalar_subquery()
        due_or_lost = func.coalesce(stands, date.min) <= through
        return sorted(db.session.scalars(select(Assignment.id).where(whose, due_or_lost)))
    # In order here: for an order of theirs, SQLite would read all that there are, also where none is due.
    due = select(AssignmentPosition.assignment_id).where(AssignmentPosition.next_charge_on <= through)
    ids = sorted(db.session.scalars(due))
    if _count(Assignment.id) == _count(AssignmentPosition.assignment_id):
        return ids
    return sorted([*ids, *db.session.scalars(without_position(true()))])


def due_count(through: date, customer_id: int | None = None) -> int:
    """How many these are, without those that have lost their position: whoever begins a run counts them anew."""
    if customer_id is not None:
        return len(due_ids(through, customer_id))
    due = select(func.count()).where(AssignmentPosition.next_charge_on <= through)
    return db.session.scalar(due) or 0


def _count(of: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(of.class_)) or 0


def without_position(which: ColumnElement[bool]) -> Select[int]:
    """Those of the assignments meant by `which` that have lost their position."""
    stands = select(AssignmentPosition.assignment_id).where(AssignmentPosition.assignment_id == Assignment.id)
    return select(Assignment.id).where(which, ~stands.exists())


def work_out(ids: Sequence[int], through: date, today: date) -> Iterator[Worked | Failed]:
    """Work assignments out up to `through`. The one function behind preview, simulation and run.

    One that cannot be worked out is told as Failed, and stops no other.
    """
    for loaded in load_each(ids, spend_before=through + ONE_DAY):
        yield loaded if isinstance(loaded, Failed) else _worked(loaded, through, today)


def _worked(loaded: Loaded, through: date, today: date) -> Worked | Failed:
    try:
        due = loaded.due(through)
        return Worked(loaded, due, _held(loaded, due, min(through, today)))
    except Exception as error:
        return failed(loaded.facts.assignment_id, error)


def _held(loaded: Loaded, due: Due, day: date) -> Held | None:
    """Whether it has more than 40 lines dated before the day of the run that nobody has let through."""
    if len(due.charges) <= HELD_ABOVE:
        return None
    free = loaded.post_all_through
    old = sum(c.charge_on < day and (free is None or c.charge_on > free) for c in due.charges)
    if old <= HELD_ABOVE:
        return None
    lines = [charge for charge in due.charges if charge.charge_on <= day]
    return Held(loaded.facts, len(lines), lines[0].charge_on, from_micros(sum(line.amount for line in lines)))


def plan(ids: Sequence[int], through: date, today: date) -> Plan:
    """The charges that a run on `through` would post for these assignments, by date, then as they stand."""
    found = Plan()
    for chunk in in_chunks(ids):
        for worked in work_out(chunk, through, today):
            if isinstance(worked, Failed):
                found.failed.append(worked)
            elif worked.held:
                found.held.append(worked.held)
            else:
                found.charges.extend(worked.planned(today))
    found.charges.sort(key=in_order)
    return found


def in_order(charge: PlannedCharge) -> tuple[date, int, int, date, int]:
    """Lines stand by date, then by assignment, then by kind (billing-rules 4)."""
    due = charge.due
    return (due.charge_on, charge.facts.assignment_id, ORDER[due.kind], due.period_from, due.number)


def upcoming(
    begins: date, through: date, today: date, customer_id: int | None = None, ids: Sequence[int] | None = None
) -> Plan:
    """What falls due with a date from `begins` to `through`, both included, as far as is known today.

    What is overdue and not yet posted is part of it where its date lies in the span.
    """
    ahead = through + ONE_DAY * usage_wait_days()
    found = plan(due_ids(ahead, customer_id) if ids is None else ids, ahead, today)
    found.charges = [charge for charge in found.charges if begins <= charge.charge_on <= through]
    return found


def plan_draft(facts: Facts, terms: Terms, through: date, today: date) -> Plan:
    """What an assignment that is not stored yet would be charged up to `through`, if nothing changes."""
    due = charges_due(terms, Position(), through)
    loaded = Loaded(facts, terms, Position(), 0, None, {}, {}, lambda begins, until: 0)
    worked = Worked(loaded, due, _held(loaded, due, today))
    return Plan(list(worked.planned(today)), [worked.held] if worked.held else [])


def totals(charges: Iterable[Any]) -> dict[str, Totals]:
    """Sums of charges, posted, simulated or planned, for each currency, in the order of the currencies' codes."""
    found: dict[str, Totals] = {}
    for charge in charges:
        found.setdefault(charge.currency, Totals()).add(charge)
    return dict(sorted(found.items()))


def planned_totals(charges: Iterable[tuple[str, DueCharge]]) -> dict[str, Totals]:
    """The same of what falls due in a currency, however much: added up in micros."""
    micros: dict[str, list[int]] = {}
    for currency, due in charges:
        of = micros.setdefault(currency, [0, 0, 0, 0])
        of[0] += due.amount
        of[1] += due.cost
        of[2] += due.tax
        of[3] += 1
    return {
        currency: Totals(from_micros(amount), from_micros(cost), from_micros(tax), count)
        for currency, (amount, cost, tax, count) in sorted(micros.items())
    }


def sums_of(parts: Iterable[dict[str, Totals]]) -> dict[str, Totals]:
    """Sums for each currency, of sums of parts."""
    found: dict[str, Totals] = {}
    for part in parts:
        for currency, of in part.items():
            found.setdefault(currency, Totals()).put(of)
    return dict(sorted(found.items()))
