"""Month end: who is to be sent the summary of a month, and how far that is (billing-rules 13)."""

from collections.abc import Sequence
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from dateutil.relativedelta import relativedelta
from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import aliased, joinedload

from portal.domain.errors import Invalid
from portal.domain.schedule import FIRST_DAY
from portal.domain.wording import long_month
from portal.extensions import db
from portal.models import (
    BalanceEntry,
    Charge,
    Customer,
    Mail,
    MailState,
    OpenItem,
    Run,
    RunUndo,
    SentSummary,
    SummaryState,
)
from portal.models.company import company
from portal.services.among import among
from portal.services.chunks import in_chunks
from portal.services.customers.customers import ALL, find_customers
from portal.services.runs.gap import done_for_everyone
from portal.services.summary.letter import days_of


class Standing(StrEnum):
    """How far the summary of a customer and month is."""

    TO_SEND = "to_send"
    NO_ADDRESS = "no_address"
    SENT = "sent"
    FAILED = "failed"
    NOTHING = "nothing"

    @property
    def words(self) -> str:
        """As the page says it."""
        return WORDS[self]


WORDS = {
    Standing.TO_SEND: "To send",
    Standing.NO_ADDRESS: "No address",
    Standing.SENT: "Sent",
    Standing.FAILED: "Not delivered",
    Standing.NOTHING: "Nothing on it",
}
# Whom a sending reaches: what was sent is sent again only by asking for it.
REACHED = (Standing.TO_SEND, Standing.FAILED)


def last_month(today: date) -> date:
    """The first day of the month that ended last."""
    return today.replace(day=1) - relativedelta(months=1)


def month_or_none(text: str) -> date | None:
    """The first day of a month written as 2026-10; None for anything else."""
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        return None


def check_month(month: date | None, today: date) -> date:
    """A month whose summaries can be sent, by its first day. Invalid for any other."""
    last = last_month(today)
    if month is None or month.day != 1 or not FIRST_DAY <= month <= last:
        raise Invalid("month", f"Choose a month that is over: {long_month(last)} or an earlier one.")
    return month


def find(month: date, text: str = "", standing: Standing | None = None) -> Select[Customer]:
    """The customers of a month, all or those whose summary stands so.

    Who was archived before the month is left out.
    """
    query = find_customers(text, ALL).where(
        or_(Customer.archived_on.is_(None), Customer.archived_on >= month)
    )
    return query.where(_is(month, standing)) if standing else query


def counts(month: date, text: str = "") -> dict[Standing, int]:
    """How many customers there are of each standing."""
    which = case(*((_is(month, one), one.value) for one in Standing), else_=Standing.NOTHING.value)
    found = find(month, text).with_only_columns(which.label("standing")).subquery()
    rows = db.session.execute(select(found.c.standing, func.count()).group_by(found.c.standing))
    return dict.fromkeys(Standing, 0) | {Standing(name): count for name, count in rows}


def ids_of(query: Select[Customer]) -> list[int]:
    """All that a query finds, by id."""
    return list(db.session.scalars(query.with_only_columns(Customer.id).order_by(None).order_by(Customer.id)))


def by_name(ids: Sequence[int], most: int) -> list[Customer]:
    """The first of some customers, by name."""
    query = select(Customer).where(among(Customer.id, set(ids)))
    return list(db.session.scalars(query.order_by(Customer.search_key, Customer.id).limit(most)))


def standings(month: date, ids: Sequence[int]) -> dict[int, Standing]:
    """How far the summary of each of these customers is."""
    found: dict[int, Standing] = {}
    which = case(*((_is(month, one), one.value) for one in Standing), else_=Standing.NOTHING.value)
    for some in in_chunks(ids):
        query = select(Customer.id, which).where(Customer.id.in_(some))
        found |= {id: Standing(name) for id, name in db.session.execute(query)}
    return found


def last_sent(month: date, ids: Sequence[int]) -> dict[int, SentSummary]:
    """What was sent last of a month to each of these customers, where anything was."""
    found: dict[int, SentSummary] = {}
    for some in in_chunks(ids):
        query = select(SentSummary).where(SentSummary.month == month, SentSummary.customer_id.in_(some))
        query = query.options(joinedload(SentSummary.mail))
        found |= {one.customer_id: one for one in db.session.scalars(query.order_by(SentSummary.number))}
    return found


def posted_by(month: date) -> date:
    """The day up to which a run for everyone has to be done, so that all that the month brings is posted."""
    return days_of(month)[1] + timedelta(days=company().usage_wait_days)


def is_posted(month: date) -> bool:
    """Whether all that the month brings is posted: a run for everyone came after the wait for calls, and since then
    no run was undone that had posted anything of it.
    """
    of_it = select(Charge.id).where(Charge.run_id == RunUndo.run_id, Charge.charge_on <= days_of(month)[1])
    undone_since = select(RunUndo.id).where(RunUndo.started_at >= Run.started_at, of_it.exists())
    run = done_for_everyone().where(Run.through >= posted_by(month), ~undone_since.correlate(Run).exists())
    return db.session.scalar(run.with_only_columns(Run.id).limit(1)) is not None


def to_send_by_themselves(today: date) -> list[int]:
    """The customers who get the summary of the month that ended last by itself, and have not had it."""
    month = last_month(today)
    wanted = find(month, standing=Standing.TO_SEND).where(Customer.monthly_summary_since <= days_of(month)[1])
    return ids_of(wanted)


def _is(month: date, standing: Standing) -> ColumnElement[bool]:
    """Whether the summary of a customer stands so. Of each customer one standing is true."""
    asked, failed = _asked(month), _failed(month)
    if standing == Standing.SENT:
        return and_(asked, ~failed)
    if standing == Standing.FAILED:
        return failed
    if standing == Standing.NOTHING:
        return and_(~asked, ~_has_something(month))
    addressed = Customer.email != "" if standing == Standing.TO_SEND else Customer.email == ""
    return and_(~asked, _has_something(month), addressed)


def _asked(month: date) -> ColumnElement[bool]:
    of_month = select(SentSummary.id).where(
        SentSummary.customer_id == Customer.id, SentSummary.month == month
    )
    return of_month.correlate(Customer).exists()


def _failed(month: date) -> ColumnElement[bool]:
    """Whether what was sent last will not arrive."""
    later = aliased(SentSummary)
    is_last = ~(
        select(later.id)
        .where(
            later.customer_id == SentSummary.customer_id,
            later.month == month,
            later.number > SentSummary.number,
        )
        .correlate(SentSummary)
        .exists()
    )
    given_up = select(Mail.id).where(Mail.id == SentSummary.mail_id, Mail.state == MailState.FAILED)
    lost = or_(SentSummary.state == SummaryState.REFUSED, given_up.correlate(SentSummary).exists())
    query = select(SentSummary.id).where(
        SentSummary.customer_id == Customer.id, SentSummary.month == month, lost, is_last
    )
    return query.correlate(Customer).exists()


def _has_something(month: date) -> ColumnElement[bool]:
    """Whether anything was charged or moved the balance in the month, or was to pay on its last day and still is."""
    begins, through = days_of(month)
    charged = select(Charge.id).where(
        Charge.customer_id == Customer.id,
        Charge.charge_on.between(begins, through),
        or_(Charge.amount != 0, Charge.tax != 0),
    )
    moved = select(BalanceEntry.id).where(
        BalanceEntry.customer_id == Customer.id, BalanceEntry.made_on.between(begins, through)
    )
    # What came after the month is on the summary of another one.
    open_ = (
        select(OpenItem.charge_id)
        .join(Charge, Charge.id == OpenItem.charge_id)
        .where(OpenItem.customer_id == Customer.id, OpenItem.amount > 0, Charge.charge_on <= through)
    )
    balance: Any = select(func.coalesce(func.sum(BalanceEntry.amount), 0)).where(
        BalanceEntry.customer_id == Customer.id
    )
    below_zero = (
        one.correlate(Customer).scalar_subquery() < 0
        for one in (balance, balance.where(BalanceEntry.made_on <= through))
    )
    return or_(*(query.correlate(Customer).exists() for query in (charged, moved, open_)), and_(*below_zero))
