"""What ending an assignment on a day would bring: what falls due until then, and what goes back."""

from collections.abc import Iterator, Mapping
from datetime import date
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
