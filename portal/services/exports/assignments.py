"""Assignments as a table: what each is charged by, how far it is charged, and all that it takes to go on from there.

Credits that no run has posted yet (after an earlier end, a smaller quantity) are named with their sum: an import does
not carry them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import Select
from sqlalchemy.orm import joinedload, selectinload

from portal.domain.due import Kind as ChargeKind
from portal.domain.money import from_micros
from portal.domain.schedule import ONE_DAY
from portal.domain.terms import segment_at, segments
from portal.domain.wording import digits
from portal.models import Assignment, Customer
from portal.models.assignment import HeldPrices
from portal.services.assignments.lists import NextCharge, State, for_rows, next_charge_of, state_on
from portal.services.billing.failures import Failed, failed, load_each
from portal.services.billing.loading import Loaded
from portal.services.exports.table import Column, Kind, Table, first_code, rows_of, yes
from portal.services.listing import Sort
from portal.services.packages.definition import PRICE_LABELS

WORDS = {state: state.value.capitalize() for state in State}


@dataclass(slots=True)
class Row:
    """An assignment on a day: where it stands, what comes next, and what was not posted yet of what is due back."""

    assignment: Assignment
    today: date
    charge_from: date | None = None
    anchor: date | None = None
    next_charge: NextCharge | None = None
    not_posted: Decimal | None = None
    problem: str = ""

    @property
    def day(self) -> date:
        """Today, or the day on which it starts."""
        return max(self.today, self.assignment.start_date)

    @property
    def prices(self) -> HeldPrices | None:
        """What it is charged by."""
        return self.assignment.prices_on(self.day)

    @property
    def planned_quantities(self) -> list[str]:
        """Each later day with the quantity from then on."""
        later = (row for row in self.assignment.quantities if row.effective_from > self.day)
        return [f"{row.effective_from.isoformat()}; {row.quantity}" for row in later]

    @property
    def planned_prices(self) -> list[str]:
        """Each later day with the own prices from then on."""
        later = (row for row in self.assignment.own_prices if row.effective_from > self.day)
        return [
            "; ".join(
                [
                    row.effective_from.isoformat(),
                    *(
                        f"{label} {digits(price)}"
                        for name, label in PRICE_LABELS.items()
                        if (price := getattr(row, name)) is not None
                    ),
                ]
            )
            for row in later
        ]


def _own(name: str) -> Column:
    """A price that is the assignment's own."""

    def value(row: Row) -> Decimal | None:
        mine = row.assignment.own_on(row.day)
        return getattr(mine, name) if mine else None

    return Column(f"Own {PRICE_LABELS[name]}", value, Kind.MONEY)


COLUMNS = (
    Column("Reference", lambda row: reference_of(row.assignment)),
    Column("Customer", lambda row: row.assignment.customer.name),
    Column("Account Code", lambda row: first_code(row.assignment.customer)),
    Column("Package", lambda row: row.assignment.package.name),
    Column("DID", lambda row: row.assignment.did and row.assignment.did.number),
    Column("Quantity", lambda row: row.assignment.quantity_on(row.day), Kind.NUMBER),
    Column("Start Date", lambda row: row.assignment.start_date, Kind.DAY),
    Column("End Date", lambda row: row.assignment.end_date, Kind.DAY),
    Column("Charge From", lambda row: row.charge_from, Kind.DAY),
    Column("Minutes", lambda row: row.assignment.minutes, Kind.NUMBER),
    Column("Minimum Days", lambda row: row.assignment.minimum_days, Kind.NUMBER),
    Column("Locked Until", lambda row: row.assignment.locked_until, Kind.DAY),
    Column("Auto Decrement Credit", lambda row: yes(row.assignment.auto_decrement_credit)),
    Column("Anchor", lambda row: row.anchor, Kind.DAY),
    Column("Currency", lambda row: row.assignment.customer.currency),
    Column("Retail", lambda row: row.prices and row.prices.retail, Kind.MONEY),
    Column("Cost", lambda row: row.prices and row.prices.cost, Kind.MONEY),
    *map(_own, PRICE_LABELS),
    Column("Planned Quantity", lambda row: "\n".join(row.planned_quantities)),
    Column("Planned Own Prices", lambda row: "\n".join(row.planned_prices)),
    Column("State", lambda row: WORDS[state_on(row.assignment, row.today)]),
    Column(
        "Charged Until",
        lambda row: row.assignment.position and row.assignment.position.charged_until,
        Kind.DAY,
    ),
    Column("Next Charge", lambda row: row.next_charge and row.next_charge.charge_on, Kind.DAY),
    Column("Next Amount", lambda row: row.next_charge and row.next_charge.amount, Kind.MONEY),
    Column("Not Posted Yet", lambda row: row.not_posted, Kind.MONEY),
    Column("Cannot Be Worked Out", lambda row: row.problem),
)


def assignments(query: Select[Assignment], sort: Sort, today: date) -> Table:
    """The assignments that a list finds."""
    query = query.options(
        *for_rows(),
        joinedload(Assignment.customer).selectinload(Customer.account_codes),
        joinedload(Assignment.customer).selectinload(Customer.tax_rates),
        selectinload(Assignment.ends),
    )
    return Table(
        "assignments",
        COLUMNS,
        rows_of(query, sort, lambda some: _rows(some, today)),
        lambda row: row.assignment.customer.currency,
    )


def _rows(some: Sequence[Assignment], today: date) -> list[Row]:
    rows = {assignment.id: Row(assignment, today, charge_from_of(assignment)) for assignment in some}
    for item in _worked_out(some, today):
        row = rows[item.assignment_id if isinstance(item, Failed) else item.facts.assignment_id]
        if isinstance(item, Failed):
            row.problem = item.reason
            continue
        try:
            _fill(row, item, today)
        except Exception as error:
            row.problem = failed(row.assignment.id, error).reason
    return [rows[assignment.id] for assignment in some]


def _worked_out(some: Sequence[Assignment], today: date) -> Iterable[Loaded | Failed]:
    """Those of which something can fall due still."""
    ids = [a.id for a in some if not a.position or a.position.next_charge_on]
    return load_each(ids, today + ONE_DAY) if ids else ()


def _fill(row: Row, item: Loaded, today: date) -> None:
    if item.terms.recurs:
        row.anchor = anchor_of(item, today)
    row.next_charge = next_charge_of(item, today)
    back = [
        charge.amount
        for charge in item.due(_ends_on(item, today)).charges
        if charge.kind in (ChargeKind.CREDIT, ChargeKind.DIFFERENCE) and charge.amount < 0
    ]
    row.not_posted = from_micros(sum(back)) if back else None


def anchor_of(item: Loaded, today: date) -> date:
    """The day that charge dates to come are counted from: of a schedule that changed, the one on which it took hold."""
    terms, until = item.terms, item.position.charged_until
    begins = segment_at(segments(terms), max(today, terms.start_date, until or today)).begins
    return terms.anchor if begins == terms.start_date else begins


def _ends_on(item: Loaded, today: date) -> date:
    """The day up to which credits are looked for: today, or the day after the last one, where more is charged."""
    last, until = item.terms.ends[-1][1], item.position.charged_until
    return max(today, last + ONE_DAY) if last and until and last < until else today


def reference_of(assignment: Assignment) -> str:
    """What a file knows an assignment by: what another system calls it, else its number here."""
    return assignment.reference or f"#{assignment.id}"


def charge_from_of(assignment: Assignment) -> date:
    """The first day of which nothing was charged."""
    start = assignment.start_date
    until = assignment.position.charged_until if assignment.position else None
    if until == start and not assignment.package.recurs:
        return start + ONE_DAY  # what is charged once was charged
    return max(until or start, assignment.charge_from or start)
