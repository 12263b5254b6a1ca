"""What ending an assignment on a day would bring: what falls due until then, and what goes back."""

from datetime import date

from portal.domain.charges import Kind, charges_due
from portal.domain.explaining import explain
from portal.domain.schedule import ONE_DAY
from portal.models import Assignment
from portal.services.explaining import Explained
from portal.services.planning import PlannedCharge
from portal.services.terms import load, suppose_end


def remaining(assignment: Assignment, end_date: date, today: date) -> list[Explained]:
    """All that would still be posted if the assignment ended on that day. Nothing is stored."""
    loaded = load([assignment.id], spend_before=end_date + ONE_DAY)[0]
    suppose_end(loaded, end_date, today)
    through = max(end_date + ONE_DAY, today) + ONE_DAY * loaded.terms.wait_days
    due = charges_due(loaded.terms, loaded.position, through, loaded.posted, loaded.spend)
    planned = (
        PlannedCharge(loaded.facts, charge, charge.kind == Kind.MINIMUM_SPEND and charge.charge_on > today)
        for charge in due.charges
    )
    return [Explained(charge, explain(charge, loaded.terms)) for charge in planned]
