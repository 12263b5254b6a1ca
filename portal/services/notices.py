"""Notices: that a charge comes, as many days before as the setting says (billing-rules 12).

One message for an assignment and charge date, whatever is started again and also if the amount changes. What
is already due or posted is not announced, nor is a minimum spend.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload

from portal.domain.due import Kind
from portal.domain.wording import long_day
from portal.extensions import db
from portal.models import Assignment, AssignmentPosition, Customer, Mail, Notice
from portal.models.company import company
from portal.services import locking
from portal.services.billing.failures import Failed
from portal.services.billing.planning import PlannedCharge, due_ids, work_out
from portal.services.mail import outbox as mail
from portal.services.mail.letters import drawn

# What comes of the schedule and has a date ahead; a minimum spend depends on calls not yet made.
ANNOUNCED = (Kind.SETUP, Kind.ONE_OFF, Kind.RECURRING)


def notification_days() -> int:
    """The setting Package Charge Notification Days; 0 announces nothing."""
    return company().notification_days


def to_announce(today: date) -> list[int]:
    """The assignments on which something falls due within the days of notice."""
    days = notification_days()
    return due_ids(today + timedelta(days=days)) if days else []


def announce(assignment_ids: Sequence[int], today: date, now: datetime) -> int:
    """Announce what is to be charged on these assignments: how many notices were made. The caller commits."""
    # What is announced is not removed or ended meanwhile.
    assignment_ids = locking.lock_ids(AssignmentPosition, assignment_ids, shared=True)
    through = today + timedelta(days=notification_days())
    coming: dict[tuple[int, date], list[PlannedCharge]] = defaultdict(list)
    for worked in work_out(assignment_ids, through, today):
        if isinstance(worked, Failed) or worked.held:
            continue
        for charge in worked.planned(today):
            if charge.kind in ANNOUNCED and charge.charge_on > today and charge.amount > 0:
                coming[charge.assignment_id, charge.charge_on].append(charge)
    known = select(Notice.assignment_id, Notice.charge_on).where(
        Notice.assignment_id.in_(assignment_ids), Notice.charge_on > today
    )
    for row in db.session.execute(known):
        coming.pop((row.assignment_id, row.charge_on), None)
    if not coming:
        return 0
    whose = {a.id: a for a in db.session.scalars(_with_their_people({key[0] for key in coming}))}
    return sum(_announce(whose[id], day, charges, today, now) for (id, day), charges in coming.items())


def _with_their_people(ids: set[int]) -> Select[Assignment]:
    return (
        select(Assignment)
        .where(Assignment.id.in_(ids))
        .options(joinedload(Assignment.customer), joinedload(Assignment.package), joinedload(Assignment.did))
    )


def _announce(
    assignment: Assignment, day: date, charges: Sequence[PlannedCharge], today: date, now: datetime
) -> bool:
    """One notice and its message; False where somebody else was quicker."""
    notice = Notice(
        assignment=assignment,
        charge_on=day,
        currency=assignment.customer.currency,
        amount=sum((charge.amount for charge in charges), Decimal(0)),
        tax=sum((charge.tax for charge in charges), Decimal(0)),
        made_on=today,
    )
    try:
        with db.session.begin_nested():
            notice.mail = _message(notice, charges, now)
            db.session.add(notice)
    except IntegrityError:
        return False
    return True


def _message(notice: Notice, charges: Sequence[PlannedCharge], now: datetime) -> Mail | None:
    """The message to the customer; None where there is no address to write to."""
    assignment = notice.assignment
    if not assignment.customer.email:
        return None
    provider = company()
    about = {"notice": notice, "assignment": assignment, "charges": charges, "provider": provider}
    return mail.queue(
        f"notice {assignment.id} {notice.charge_on.isoformat()}",
        assignment.customer.email,
        f"{assignment.package.name}: a charge on {long_day(notice.charge_on)}",
        drawn("notices/charge.txt", **about),
        html=drawn("notices/charge.html", **about),
        now=now,
    )


def find_notices(customer: Customer | None = None) -> Select[Notice]:
    """The notices that were made, of one customer or of all."""
    query = select(Notice).options(
        joinedload(Notice.mail),
        joinedload(Notice.assignment).joinedload(Assignment.customer),
        joinedload(Notice.assignment).joinedload(Assignment.package),
        joinedload(Notice.assignment).joinedload(Assignment.did),
    )
    if customer is None:
        return query
    return query.where(
        Notice.assignment_id.in_(select(Assignment.id).where(Assignment.customer_id == customer.id))
    )
