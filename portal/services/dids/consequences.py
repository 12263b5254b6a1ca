"""What taking DIDs in would charge: each kind of assignment is planned once, and counted."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from portal.domain.due import Kind
from portal.domain.names import search_key
from portal.services.assignments.assigning import draft_terms
from portal.services.billing.planning import PlannedCharge, plan_draft
from portal.services.dids.intake import Report, Wanted

# Every frequency has a charge date within a year.
HORIZON = timedelta(days=366)
SHOWN = 24


@dataclass(frozen=True, slots=True)
class ComingCharge:
    """The charges of one day, for one thing, of all the DIDs that bring them."""

    charge_on: date
    kind: Kind
    label: str
    currency: str
    dids: int
    amount: Decimal
    provisional: bool


@dataclass(frozen=True, slots=True)
class Consequences:
    """The charges that fall due by today and the next one after; how many assignments would be held.

    `overdue` counts the charges that are dated before today.
    """

    lines: list[ComingCharge]
    held: int = 0
    overdue: int = 0
    totals: dict[str, Decimal] = field(default_factory=dict)

    @property
    def shown(self) -> list[ComingCharge]:
        """As many lines as a page bears."""
        return self.lines[:SHOWN]


def consequences(report: Report, today: date) -> Consequences:
    """What would be charged first and next. Nothing is stored."""
    kinds = Counter(row.wanted for row in report.charged)
    sums: dict[tuple[date, Kind, str, str, bool], list[Decimal | int]] = defaultdict(lambda: [0, Decimal(0)])
    held = 0
    for wanted, dids in kinds.items():
        charges, is_held = _first_and_next(wanted, today)
        held += dids if is_held else 0
        for charge in charges:
            key = (charge.charge_on, charge.kind, charge.label, charge.currency, charge.provisional)
            sums[key][0] += dids
            sums[key][1] += charge.amount * dids
    order = {kind: place for place, kind in enumerate(Kind)}
    lines = [
        ComingCharge(day, kind, label, currency, int(dids), Decimal(amount), provisional)
        for (day, kind, label, currency, provisional), (dids, amount) in sums.items()
    ]
    lines.sort(key=lambda line: (line.charge_on, search_key(line.label), order[line.kind], line.currency))
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        totals[line.currency] += line.amount
    overdue = sum(line.dids for line in lines if line.charge_on < today)
    return Consequences(lines, held, overdue, dict(sorted(totals.items())))


def _first_and_next(wanted: Wanted, today: date) -> tuple[list[PlannedCharge], bool]:
    """What falls due by today, and all of the next charge date; whether a run would hold it."""
    draft = wanted.draft
    assert draft is not None
    facts, terms = draft_terms(draft)
    plan = plan_draft(facts, terms, max(today, draft.start_date) + HORIZON, today)
    coming = next((charge.charge_on for charge in plan.charges if charge.charge_on > today), today)
    return [charge for charge in plan.charges if charge.charge_on <= coming], bool(plan.held)
