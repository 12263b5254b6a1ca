"""Sending summaries by mail: once a customer and month, whatever is clicked twice, restarted or started side by side.

First it is stored who is to be sent which month, in one act; `carry_out` then writes each of them, its message and its
sums in one transaction, and commits each: killed anywhere, it goes on. Once more it is sent only by asking for it.
"""

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import Select, func, literal_column, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import aliased, joinedload

from portal import database
from portal.domain.errors import Invalid, RuleBroken, WayOut
from portal.domain.wording import long_month, numbered_month
from portal.extensions import db
from portal.models import Customer, SentSummary, SummaryState
from portal.services import locking
from portal.services.listing import Sort
from portal.services.mail import outbox
from portal.services.summary.letter import Letter, letter
from portal.services.summary.month_end import (
    REACHED,
    Standing,
    check_month,
    is_posted,
    last_month,
    last_sent,
    standings,
    to_send_by_themselves,
)

# So many are written while a request waits; more are handed on.
SMALL = 5
AT_ONCE = 500

NEWEST = Sort((SentSummary.id,), descending=True)
log = logging.getLogger("portal.mail")


@dataclass(slots=True)
class SortedOut:
    """Those that were chosen, by how far the summary of each is."""

    month: date
    by_standing: dict[Standing, list[int]] = field(default_factory=dict)

    @property
    def to_send(self) -> list[int]:
        """Whom a sending reaches."""
        return sorted(id for one in REACHED for id in self.by_standing.get(one, ()))

    def count(self, name: str) -> int:
        """How many stand so."""
        return len(self.by_standing.get(Standing(name), ()))


def sort_out(month: date, ids: Sequence[int]) -> SortedOut:
    """Who of these would be sent the summary of a month, and who would not."""
    found = SortedOut(month)
    for id, standing in standings(month, ids).items():
        found.by_standing.setdefault(standing, []).append(id)
    return found


def send(month: date, ids: Collection[int], *, today: date, by: str, now: datetime) -> list[int]:
    """Have the summary of a month sent to those of these customers who have not had it: who they are. The caller
    commits, and has it carried out.
    """
    check_month(month, today)
    # Two who do so at once come one after the other, and the second finds it done.
    reached = sort_out(month, locking.lock_ids(Customer, ids)).to_send
    before = last_sent(month, reached)
    for id in reached:
        number = before[id].number + 1 if id in before else 1
        db.session.add(_asked(id, month, number, by, now))
    db.session.flush()
    return reached


def send_to_one(customer: Customer, month: date, number: int, *, today: date, by: str, now: datetime) -> bool:
    """Have it sent to one customer as number 1, or again as the number that follows the last: whether that is new.

    The same number asked for twice is one message. Invalid for a number that nobody was shown; RuleBroken where there
    is no address.
    """
    check_month(month, today)
    locking.lock(Customer, [customer.id])
    if not customer.email:
        way = WayOut(f"Edit {customer.name}", "customers.edit", {"customer_id": customer.id})
        raise RuleBroken(f"{customer.name} has no e-mail address to send it to.", way)
    last = last_number(customer.id, month)
    if not 1 <= number <= last + 1:
        raise Invalid(
            "number", "The number in this form is wrong, so nothing was sent. Look at the summary again."
        )
    if number <= last:
        return False
    db.session.add(_asked(customer.id, month, number, by, now))
    db.session.flush()
    return True


def last_number(customer_id: int, month: date) -> int:
    """How often it was sent, 0 for never."""
    numbers = select(func.max(SentSummary.number)).where(
        SentSummary.customer_id == customer_id, SentSummary.month == month
    )
    return db.session.scalar(numbers) or 0


def send_by_themselves(today: date, now: datetime) -> list[int]:
    """Have the month that ended last sent to those who get it by itself, once the month is posted: who they are.

    The caller commits, and has it carried out.
    """
    month = last_month(today)
    if not is_posted(month):
        return []
    return send(month, to_send_by_themselves(today), today=today, by="", now=now)


def of_customer(customer_id: int, month: date | None = None) -> Select[SentSummary]:
    """What was sent to a customer, of one month or of all; the last first, where it is of one."""
    query = select(SentSummary).where(SentSummary.customer_id == customer_id)
    query = query.options(joinedload(SentSummary.mail))
    return (
        query
        if month is None
        else query.where(SentSummary.month == month).order_by(SentSummary.number.desc())
    )


def last_of_customer(customer_id: int, most: int) -> list[SentSummary]:
    """What was sent to a customer last."""
    return list(db.session.scalars(of_customer(customer_id).order_by(SentSummary.id.desc()).limit(most)))


def count_waiting(month: date) -> int:
    """How many of a month were asked for and are not written yet."""
    waits = select(func.count(SentSummary.id)).where(
        SentSummary.month == month, SentSummary.state == SummaryState.WAITING
    )
    return db.session.scalar(waits) or 0


def count_refused(month: date) -> int:
    """To how many customers a month could not be sent: no message was written, and nobody has asked for it again."""
    later = aliased(SentSummary)
    again = select(later.id).where(
        later.customer_id == SentSummary.customer_id,
        later.month == month,
        later.number > SentSummary.number,
    )
    refused = select(func.count(SentSummary.id)).where(
        SentSummary.month == month,
        # Said in full, so that the index of the few that were refused is taken.
        literal_column("sent_summary.state = 'refused'"),
        ~again.correlate(SentSummary).exists(),
    )
    return db.session.scalar(refused) or 0


def _asked(customer_id: int, month: date, number: int, by: str, now: datetime) -> SentSummary:
    return SentSummary(customer_id=customer_id, month=month, number=number, asked_by=by, asked_at=now)


# -- writing them


def waiting_ids(after: int = 0, of: Collection[int] | None = None) -> Sequence[int]:
    """Those that were asked for and are not written, the first asked for first; `of` some customers, or of all."""
    waits = select(SentSummary.id).where(SentSummary.state == SummaryState.WAITING, SentSummary.id > after)
    if of is not None:
        waits = waits.where(SentSummary.customer_id.in_(of))
    found = db.session.scalars(waits.order_by(SentSummary.id).limit(AT_ONCE)).all()
    db.session.rollback()
    return found


def carry_out(
    today: date,
    clock: Callable[[], datetime],
    between: Callable[[], object] = bool,
    of: Collection[int] | None = None,
) -> tuple[int, list[str]]:
    """Write all that wait, each in a transaction of its own: how many were written, and why others were not.

    `of` some customers, where somebody waits for it who has asked for no others.
    `between` is called before each: what it raises ends it there, and nothing is lost.
    """
    written, refused, last = 0, [], 0
    while some := waiting_ids(last, of):
        for id in some:
            between()
            sentence = _write(id, today, clock())
            written += sentence == ""
            refused += [sentence] if sentence else []
            last = id
    return written, refused


def _write(id: int, today: date, now: datetime) -> str | None:
    """Write one, and put its message into the outbox: why that was not possible, empty where it was.

    None where somebody else was quicker.
    """
    with database.reading():
        found = db.session.get_one(SentSummary, id, populate_existing=True)
        customer = found.customer
        to, currency, key = customer.email, customer.currency, key_of(found)
        outcome = _letter(customer, found.month, today) if to else f"{customer.name} has no e-mail address."
        db.session.rollback()
    state = SummaryState.WRITTEN if isinstance(outcome, Letter) else SummaryState.REFUSED
    # The first one has it; whoever wrote it at the same time finds that it waits no longer.
    mine = update(SentSummary).where(SentSummary.id == id, SentSummary.state == SummaryState.WAITING)
    taken = db.session.connection().execute(mine.values(state=state, written_on=today, to=to))
    if taken.rowcount != 1:
        db.session.rollback()
        return None
    row = db.session.get_one(SentSummary, id, populate_existing=True)
    if isinstance(outcome, Letter):
        row.currency, row.charged = currency, outcome.charged
        row.to_pay_then, row.to_pay, row.sentence = outcome.to_pay_then, outcome.to_pay, outcome.without_pdf
        row.mail = outbox.queue(
            key, to, outcome.subject, outcome.text, html=outcome.html, pdf=outcome.pdf, now=now
        )
    else:
        row.sentence = outcome
        log.warning(
            "The summary of %s of customer %s is not sent", numbered_month(row.month), row.customer_id
        )
    db.session.commit()
    return "" if isinstance(outcome, Letter) else outcome


def _letter(customer: Customer, month: date, today: date) -> Letter | str:
    """The letter, or why there is none: whatever is wrong with one must not stop the others."""
    try:
        return letter(customer, month, today)
    except RuleBroken as refusal:
        return refusal.sentence
    except SQLAlchemyError:
        raise
    except Exception as error:
        log.warning("The summary of customer %s cannot be written", customer.id, exc_info=True)
        return f"The summary of {long_month(month)} cannot be written: {error}"


def key_of(sent: SentSummary) -> str:
    """What makes the message one, whatever is started again."""
    return f"summary {sent.customer_id} {numbered_month(sent.month)} {sent.number}"


# -- who gets it each month


def set_monthly(customer: Customer, wanted: bool, today: date) -> None:
    """Let a customer get the summary of each month by itself, from the month of today on; or no longer."""
    locking.lock(Customer, [customer.id])
    if wanted != bool(customer.monthly_summary_since):
        customer.monthly_summary_since = today if wanted else None
