"""What ending an assignment on a day would bring: what falls due until then, and what goes back."""

from collections.abc import Iterator, Mapping
from datetime import date

from portal.domain.due import Kind
from portal.domain.explaining import explain
from portal.domain.schedule import ONE_DAY
from portal.models import Assignment
from portal.services.billing.explaining import Explained
from portal.services.billing.planning import PlannedCharge, chunks
from portal.services.billing.terms import Loaded, load, suppose_end


def remaining(assignment: Assignment, end_date: date, today: date) -> list[Explained]:
    """All that would still be posted if the assignment ended on that day. Nothing is stored."""
    (loaded,) = supposed({assignment.id: end_date}, today)
    _, charges = until_over(loaded, end_date, today)
    return [Explained(charge, explain(charge, loaded.terms)) for charge in charges]


def supposed(last_days: Mapping[int, date], today: date) -> Iterator[Loaded]:
    """Assignments as if each had the last day that stands beside its id, in the order of their ids."""
    for ids in chunks(sorted(last_days)):
        for loaded in load(ids, spend_before=max(last_days[id] for id in ids) + ONE_DAY):
            end_date = last_days[loaded.facts.assignment_id]
            if loaded.terms.ends[-1][1] != end_date:
                suppose_end(loaded, end_date, today)
            yield loaded


def until_over(loaded: Loaded, end_date: date, today: date) -> tuple[date, list[PlannedCharge]]:
    """The first day on which a run leaves nothing of an assignment due any more, and all posted until then."""
    over_on = max(end_date + ONE_DAY, today)
    due = loaded.due(over_on)
    if due.next_charge_on:  # a minimum spend waits for its last calls
        over_on = max(end_date + ONE_DAY * (1 + loaded.terms.wait_days), today)
        due = loaded.due(over_on)
    return over_on, [
        PlannedCharge(loaded.facts, charge, charge.kind == Kind.MINIMUM_SPEND and charge.charge_on > today)
        for charge in due.charges
    ]
