"""What assigning would bring, before anything is stored: the same plan that a run posts (billing-rules 8)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from dateutil.relativedelta import relativedelta

from portal.domain.commitment import earliest_last_day
from portal.domain.explaining import explain
from portal.domain.schedule import ONE_DAY
from portal.domain.terms import Terms
from portal.services.assignments.assigning import Draft, draft_terms
from portal.services.billing.planning import Held, PlannedCharge, Totals, plan_draft, totals
from portal.services.charges.explaining import Explained
from portal.services.packages.definition import that_round_to_nothing

# The charges that come first: of so many dates, and no more lines than this.
DATES_SHOWN, LINES_SHOWN = 3, 8


@dataclass(frozen=True, slots=True)
class Outlook:
    """What an assignment would bring.

    `overdue` is what is dated before today, `coming` the charges of the first few dates from today on, `year` the
    twelve months from today or from the start date, whichever is later.
    """

    currency: str
    overdue: Totals
    coming: Sequence[Explained]
    year: Totals
    held: Held | None
    next_charge_on: date | None
    locked_until: date | None
    last_day: date | None
    warnings: Sequence[str] = ()

    @property
    def first(self) -> Explained | None:
        """The charge that comes first."""
        return self.coming[0] if self.coming else None


@dataclass(frozen=True, slots=True)
class OutlookSums:
    """What one assignment would bring, in sums only, and the charge that comes first: for many at once."""

    due: Totals = field(default_factory=Totals)
    year: Totals = field(default_factory=Totals)
    held: Held | None = None
    first: PlannedCharge | None = None


def outlook(draft: Draft, today: date) -> Outlook:
    """What a draft would be charged, from today on and before. It must have passed `assigning.check`."""
    facts, terms = draft_terms(draft)
    until = _year_end(terms, today)
    plan = plan_draft(facts, terms, until + ONE_DAY * terms.wait_days, today)
    coming = [c for c in plan.charges if c.charge_on >= today]
    return Outlook(
        currency=facts.currency,
        overdue=_sum(c for c in plan.charges if c.charge_on < today),
        coming=[Explained(charge, explain(charge, terms)) for charge in _first_dates(coming)],
        year=_sum(c for c in coming if c.charge_on <= until),
        held=plan.held[0] if plan.held else None,
        next_charge_on=next((c.charge_on for c in coming if c.charge_on > today), None),
        locked_until=draft.locked_until,
        last_day=earliest_last_day(draft.locked_until, draft.start_date) if draft.locked_until else None,
        warnings=that_round_to_nothing(draft.own.given, facts.currency),
    )


def sums(draft: Draft, today: date, wait_days: int) -> OutlookSums:
    """What a draft would be charged up to today, and in the twelve months to come."""
    facts, terms = draft_terms(draft, wait_days)
    until = _year_end(terms, today)
    plan = plan_draft(facts, terms, until + ONE_DAY * terms.wait_days, today)
    return OutlookSums(
        _sum(c for c in plan.charges if c.charge_on <= today),
        _sum(c for c in plan.charges if today <= c.charge_on <= until),
        plan.held[0] if plan.held else None,
        plan.charges[0] if plan.charges else None,
    )


def _year_end(terms: Terms, today: date) -> date:
    """The last of the twelve months that a form speaks of."""
    return max(today, terms.begins) + relativedelta(years=1) - ONE_DAY


def _first_dates(charges: Sequence[PlannedCharge]) -> list[PlannedCharge]:
    dates = sorted({charge.charge_on for charge in charges})[:DATES_SHOWN]
    return [charge for charge in charges if charge.charge_on in dates][:LINES_SHOWN]


def _sum(charges: Iterable[PlannedCharge]) -> Totals:
    """The sums of charges of one currency."""
    return next(iter(totals(charges).values()), Totals())
