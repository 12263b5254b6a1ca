"""Notices: that a charge comes, as many days before as the setting says (billing-rules 12).

One notice for an assignment and charge date, whatever is started again and also if the amount changes, and one message
a customer and day that lists them. What is already due or posted is not announced, nor is a minimum spend.

Announcing all commits some customers at a time.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload

from portal.domain.due import Kind
from portal.domain.schedule import ONE_DAY
from portal.domain.wording import long_day, plural, span
from portal.extensions import db
from portal.models import Assignment, AssignmentPosition, Customer, Mail, Notice
from portal.models.company import company
from portal.services import locking
from portal.services.billing.failures import Failed
from portal.services.billing.planning import PlannedCharge, due_ids, work_out
from portal.services.chunks import CHUNK, in_chunks
from portal.services.mail import outbox as mail
from portal.services.mail.letters import drawn

# What comes of the schedule and has a date ahead; a minimum spend depends on calls not yet made.
ANNOUNCED = (Kind.SETUP, Kind.ONE_OFF, Kind.RECURRING)


def notification_days() -> int:
    """The setting Package Charge Notification Days; 0 announces nothing."""
    return company().notification_days


def to_announce(today: date) -> Iterator[list[int]]:
    """The assignments on which something falls due within the days of notice, some customers at a time, each whole."""
    days = notification_days()
    if not days:
        return
    whose: dict[int, list[int]] = defaultdict(list)
    for some in in_chunks(due_ids(today + timedelta(days=days))):
        query = select(Assignment.customer_id, Assignment.id).where(Assignment.id.in_(some))
        for customer_id, id in db.session.execute(query.order_by(Assignment.id)):
            whose[customer_id].append(id)
    chunk: list[int] = []
    for customer_id in sorted(whose):
        chunk += whose[customer_id]
        if len(chunk) >= CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def announce_all(today: date, clock: Callable[[], datetime], between: Callable[[], object] = bool) -> int:
    """Announce all that is to come, committing some customers at a time: how many notices were made.

    `between` is called after each of these: what it raises ends it there, and nothing is lost.
    """
    made = 0
    for chunk in to_announce(today):
        made += announce(chunk, today, clock())
        db.session.commit()
        between()
    return made


def announce(assignment_ids: Sequence[int], today: date, now: datetime) -> int:
    """Announce what is to be charged on these assignments: how many notices were made. The caller commits.

    All of a customer's are among them, or none: what is left out waits for the next day's message.
    """
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
    for some in in_chunks(assignment_ids):
        known = select(Notice.assignment_id, Notice.charge_on).where(
            Notice.assignment_id.in_(some), Notice.charge_on > today
        )
        for row in db.session.execute(known):
            coming.pop((row.assignment_id, row.charge_on), None)
    assignments = {found.id: found for found in _with_their_people(sorted({id for id, _day in coming}))}
    found: dict[Customer, list[Coming]] = defaultdict(list)
    for (id, day), charges in coming.items():
        found[assignments[id].customer].append(Coming(day, assignments[id], charges))
    return sum(
        _announce(customer, sorted(items, key=_in_order), today, now) for customer, items in found.items()
    )


class Coming(NamedTuple):
    """What one assignment will be charged on one day."""

    day: date
    assignment: Assignment
    charges: list[PlannedCharge]

    @property
    def amount(self) -> Decimal:
        """Before tax."""
        return sum((charge.amount for charge in self.charges), Decimal(0))

    @property
    def tax(self) -> Decimal:
        """The tax on it."""
        return sum((charge.tax for charge in self.charges), Decimal(0))


def _in_order(coming: Coming) -> tuple[date, int]:
    return coming.day, coming.assignment.id


def _with_their_people(ids: Sequence[int]) -> Iterator[Assignment]:
    for some in in_chunks(ids):
        query = (
            select(Assignment)
            .where(Assignment.id.in_(some))
            .options(
                joinedload(Assignment.customer), joinedload(Assignment.package), joinedload(Assignment.did)
            )
        )
        yield from db.session.scalars(query)


def _announce(customer: Customer, coming: Sequence[Coming], today: date, now: datetime) -> int:
    """The notices of a customer and their message; 0 where the day's message was made before."""
    key = f"notices {customer.id} {today.isoformat()}"
    if db.session.scalar(select(Mail.id).where(Mail.key == key)):
        return 0
    try:
        with db.session.begin_nested():
            message = _message(key, customer, coming, now)
            for one in coming:
                db.session.add(
                    Notice(
                        assignment=one.assignment, charge_on=one.day, currency=customer.currency, amount=one.amount,
                        tax=one.tax, made_on=today, mail=message,
                    )
                )  # fmt: skip
            db.session.flush()
    except IntegrityError:
        return 0
    return len(coming)


def _message(key: str, customer: Customer, coming: Sequence[Coming], now: datetime) -> Mail | None:
    """The message to the customer; None where there is no address to write to."""
    if not customer.email:
        return None
    first, last = coming[0].day, coming[-1].day
    subject = f"{coming[0].assignment.package.name}: a charge on {long_day(first)}"
    if len(coming) > 1:
        subject = f"{plural(len(coming), 'charge')}, {span(first, last + ONE_DAY)}"
    totals = sum((one.amount for one in coming), Decimal(0)), sum((one.tax for one in coming), Decimal(0))
    about = {"customer": customer, "coming": coming, "totals": totals, "provider": company()}
    return mail.queue(
        key,
        customer.email,
        subject,
        drawn("notices/charges.txt", **about),
        html=drawn("notices/charges.html", **about),
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
