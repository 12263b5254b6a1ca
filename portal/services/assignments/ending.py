"""What ending an assignment on a day would bring: what falls due until then, and what goes back."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from portal.domain.due import Kind
from portal.domain.explaining import explain
from portal.domain.schedule import ONE_DAY
from portal.models import Assignment
from portal.services.billing.failures import Failed, failed, load_each
from portal.services.billing.loading import Loaded, suppose_end
from portal.services.billing.planning import PlannedCharge
from portal.services.charges.explaining import Explained
from portal.services.chunks import in_chunks


class Over(NamedTuple):
    """The first day on which a run leaves nothing of an assignment due any more, and all posted until then."""

    loaded: Loaded
    on: date
    charges: list[PlannedCharge]


@dataclass(slots=True)
class Brings:
    """What ending comes to in one currency, before tax: what is still charged, and what is credited (below zero)."""

    currency: str
    charged: Decimal = Decimal(0)
    credited: Decimal = Decimal(0)

    def add(self, charged: Decimal, credited: Decimal) -> None:
        """Take in what another ending comes to."""
        self.charged += charged
        self.credited += credited


@dataclass(slots=True)
class Foreseen:
    """What ending many on one day comes to: for each assignment, and in all for each currency."""

    each: dict[int, Brings | Failed] = field(default_factory=dict)
    totals: dict[str, Brings] = field(default_factory=dict)
    failed: int = 0


def last_day_of(assignment: Assignment, end_date: date | None, today: date) -> date:
    """The day on which it is to end; without one, the earliest that may be its last from today on."""
    return end_date or max(assignment.earliest_last_day, today)


def foresee(assignments: Iterable[Assignment], end_date: date | None, today: date) -> Foreseen:
    """What each comes to if it ends on that day, or as early as it may. Nothing is stored."""
    found = Foreseen()
    last_days = {one.id: last_day_of(one, end_date, today) for one in assignments}
    for over in over_each(last_days, today):
        if isinstance(over, Failed):
            found.each[over.assignment_id] = over
            found.failed += 1
            continue
        amounts = [charge.amount for charge in over.charges]
        currency = over.loaded.facts.currency
        brings = Brings(
            currency,
            sum((amount for amount in amounts if amount > 0), Decimal(0)),
            sum((amount for amount in amounts if amount < 0), Decimal(0)),
        )
        found.each[over.loaded.facts.assignment_id] = brings
        found.totals.setdefault(currency, Brings(currency)).add(brings.charged, brings.credited)
    return found


def remaining(assignment: Assignment, end_date: date, today: date) -> list[Explained] | Failed:
    """All that would still be posted if the assignment ended on that day. Nothing is stored."""
    (over,) = over_each({assignment.id: end_date}, today)
    if isinstance(over, Failed):
        return over
    return [Explained(charge, explain(charge, over.loaded.terms)) for charge in over.charges]


def over_each(last_days: Mapping[int, date], today: date) -> Iterator[Over | Failed]:
    """What each assignment comes to if it has the last day that stands beside its id, in the order of their ids."""
    for ids in in_chunks(sorted(last_days)):
        for loaded in load_each(ids, spend_before=max(last_days[id] for id in ids) + ONE_DAY):
            if isinstance(loaded, Failed):
                yield loaded
                continue
            end_date = last_days[loaded.facts.assignment_id]
            try:
                if loaded.terms.ends[-1][1] != end_date:
                    suppose_end(loaded, end_date, today)
                yield _until_over(loaded, end_date, today)
            except Exception as error:
                yield failed(loaded.facts.assignment_id, error)


def _until_over(loaded: Loaded, end_date: date, today: date) -> Over:
    on = max(end_date + ONE_DAY, today)
    due = loaded.due(on)
    if due.next_charge_on:  # a minimum spend waits for its last calls
        on = max(end_date + ONE_DAY * (1 + loaded.terms.wait_days), today)
        due = loaded.due(on)
    return Over(
        loaded,
        on,
        [
            PlannedCharge(
                loaded.facts, charge, charge.kind == Kind.MINIMUM_SPEND and charge.charge_on > today
            )
            for charge in due.charges
        ],
    )
