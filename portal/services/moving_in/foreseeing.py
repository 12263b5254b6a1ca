"""What assignments of a file would be charged: the first charge of each, a year in all, and who is locked until when.

It is worked out by the code that posts charges, before anything is stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from portal.services.assignments.assigning import Draft
from portal.services.assignments.preview import OutlookSums, sums
from portal.services.billing.loading import usage_wait_days
from portal.services.billing.planning import PlannedCharge
from portal.services.moving_in.kind import Outcome, Planned

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class First:
    """A new assignment: where its line stands, its first charge (None: nothing is due in a year), and its lock."""

    place: int
    label: str
    currency: str
    charge: PlannedCharge | None
    is_held: bool
    locked_until: date | None


@dataclass(slots=True)
class Sums:
    """What the new assignments come to in one currency, before tax; `not_carried` are credits of the other portal."""

    count: int = 0
    due: Decimal = ZERO
    year: Decimal = ZERO
    not_carried: Decimal = ZERO
    not_carried_count: int = 0


@dataclass(slots=True)
class Foreseen:
    """What a file of assignments would bring: in the order of its lines, and in each currency."""

    firsts: list[First] = field(default_factory=list)
    sums: dict[str, Sums] = field(default_factory=dict)
    locked_count: int = 0
    # The last day on which any lock falls away.
    locked_until: date | None = None
    held_count: int = 0


def foresee(planned: Sequence[Planned], today: date) -> Foreseen:
    """What the new ones among these would bring. Each kind of draft is worked out once."""
    found, wait_days = Foreseen(), usage_wait_days()
    kinds: dict[object, OutlookSums] = {}
    for one in planned:
        if one.outcome == Outcome.NEW:
            draft: Draft = one.value
            kind = _kind(draft)
            outlook = kinds.get(kind) or kinds.setdefault(kind, sums(draft, today, wait_days))
            _add(found, one, draft, outlook, today)
    found.sums = dict(sorted(found.sums.items()))
    return found


def _kind(draft: Draft) -> object:
    """What two drafts have in common that are charged the same on the same days."""
    rates = tuple((rate.effective_from, rate.rate) for rate in draft.customer.tax_rates)
    alike = replace(draft, customer=None, did=None, reference="")  # type: ignore[arg-type]
    return draft.customer.currency, rates, alike


def _add(found: Foreseen, one: Planned, draft: Draft, outlook: OutlookSums, today: date) -> None:
    currency, until = draft.customer.currency, draft.locked_until
    total = found.sums.setdefault(currency, Sums())
    total.count += 1
    total.due += outlook.due.amount
    total.year += outlook.year.amount
    if not_posted := one.item.says.get("not_posted"):
        total.not_carried += not_posted
        total.not_carried_count += 1
    if until and until > today:
        found.locked_count += 1
        found.locked_until = max(until, found.locked_until or until)
    found.held_count += outlook.held is not None
    is_held = outlook.held is not None
    found.firsts.append(First(one.item.place, one.label, currency, outlook.first, is_held, until))
