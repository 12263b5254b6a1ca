"""The message with which a summary is sent: in words what is to pay, by when and how, and what changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from dateutil.relativedelta import relativedelta
from flask import current_app
from sqlalchemy import func, select

from portal.domain.errors import RuleBroken
from portal.domain.schedule import ONE_DAY
from portal.domain.wording import long_month, money_in
from portal.extensions import db
from portal.models import Charge, Customer
from portal.models.company import company
from portal.models.user import User
from portal.services.chunks import in_chunks
from portal.services.mail.letters import drawn
from portal.services.mail.outbox import Pdf
from portal.services.summary import Summary, for_paper, in_sums, paper


@dataclass(frozen=True, slots=True)
class Letter:
    """What a customer is sent of a month. `without_pdf` says why there is none; then the text has a link."""

    subject: str
    text: str
    html: str
    pdf: Pdf | None
    charged: Decimal
    to_pay_then: Decimal
    to_pay: Decimal
    without_pdf: str = ""


def days_of(month: date) -> tuple[date, date]:
    """The first and the last day of a month."""
    return month, month + relativedelta(months=1) - ONE_DAY


def charged_in(month: date, ids: Sequence[int]) -> dict[int, Decimal]:
    """What each of these customers was charged in a month, with tax; those who were not are left out.

    A write-off charges nothing, and an opening item was charged elsewhere (billing-rules 11, 13).
    """
    found: dict[int, Decimal] = {}
    for some in in_chunks(ids):
        query = (
            select(Charge.customer_id, func.sum(Charge.amount), func.sum(Charge.tax))
            .where(Charge.customer_id.in_(some), Charge.charge_on.between(*days_of(month)))
            .where(Charge.writes_off_id.is_(None), Charge.opening_number.is_(None))
            .group_by(Charge.customer_id)
        )
        found |= {id: amount + tax for id, amount, tax in db.session.execute(query)}
    return found


def letter(customer: Customer, month: date, today: date, *, with_pdf: bool = True) -> Letter:
    """What a customer is sent of a month, as things stand today; for a look, without setting the PDF that goes with it.

    RuleBroken where it cannot be set as PDF and none of their people could sign in to read it.
    """
    begins, through = days_of(month)
    if with_pdf:
        found, pdf, refusal = _on_paper(customer, begins, through, today)
    else:
        found, pdf, refusal = in_sums(customer, begins, through, today), None, ""
    about = {
        "customer": customer,
        "provider": company(),
        "month": long_month(month),
        "month_before": long_month(month - relativedelta(months=1)),
        "charged": money_in(found.charged, customer.currency),
        "to_pay": paper.to_pay_in_words(found, today),
        "changed": paper.changed_in_words(found.changed, customer.currency) if found.changed else None,
        "link": _link(begins, through) if refusal else "",
    }
    return Letter(
        subject=f"Charge summary, {long_month(month)}",
        text=drawn("sent_summaries/message.txt", **about),
        html=drawn("sent_summaries/message.html", **about),
        pdf=pdf,
        charged=found.charged,
        to_pay_then=found.account.then.to_pay.total,
        to_pay=found.account.now.to_pay.total,
        without_pdf=refusal,
    )


def _on_paper(
    customer: Customer, begins: date, through: date, today: date
) -> tuple[Summary, Pdf | None, str]:
    """The summary with its PDF, or without one and why."""
    try:
        found = for_paper(customer, begins, through, today)
        name = f"charge-summary_{begins}_{through}.pdf"  # the customer reads no number that could be counted through
        return found, Pdf(name, paper.pdf(found, company(), today)), ""
    except RuleBroken as refusal:
        if not _can_sign_in(customer):
            raise
        return in_sums(customer, begins, through, today), None, refusal.sentence


def _can_sign_in(customer: Customer) -> bool:
    """Whether any of their people could read it in the portal."""
    people = select(User.id).where(User.customer_id == customer.id, User.active).limit(1)
    return db.session.scalar(people) is not None


def _link(begins: date, through: date) -> str:
    """The page of the same summary, for whoever signs in."""
    return f"{current_app.config['URL']}/my/summary?from={begins}&to={through}"
