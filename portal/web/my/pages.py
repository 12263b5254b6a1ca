"""The customer's own pages: what they have, what comes next, what they were charged and why.

Never cost, margin, private notes, anybody else's data, or, but for the payment reference, a number that could be
counted through. Staff see the same pages as the customer sees them (blueprint `seen`), marked so, with nothing to
press.
"""

from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import date
from typing import Any

from dateutil.relativedelta import relativedelta
from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for
from flask_security import current_user
from sqlalchemy import false, or_, select
from sqlalchemy.exc import SQLAlchemyError

from portal.clock import today
from portal.domain.schedule import ONE_DAY
from portal.extensions import db
from portal.models import Customer, Did
from portal.models.company import company
from portal.services.assignments import bundles
from portal.services.assignments.grouped import grouped
from portal.services.billing import minimums
from portal.services.calls import counted
from portal.services.charges.explaining import explained
from portal.services.charges.lists import Asked
from portal.services.credit.account import due
from portal.services.credit.ledger import ChargeLedger, charge_ledger
from portal.services.credit.owing import to_pay
from portal.services.customers import figures as customer_figures
from portal.services.customers.foreseen import by_month, foreseen
from portal.services.dids.dids import number_holds
from portal.services.exports import charges as charge_files
from portal.services.exports.statement import statement
from portal.services.summary import Summary, charged, for_paper, paper, sending, summary
from portal.services.summary.paying import how_to_pay
from portal.services.what_changed import what_changed
from portal.web.http.errors import problem
from portal.web.http.locks import lock_or_404
from portal.web.my import bp, people
from portal.web.settings.pages import logo_file
from portal.web.shared.exports import FORM, send
from portal.web.shared.spans import Span, span_of
from portal.web.summary.pages import LINES_SHOWN, sent

seen = Blueprint("seen", __name__, url_prefix="/customers/<int:customer_id>/as-customer")

# More than these are for a narrower question; the pages say so.
PACKAGES_MOST, UPCOMING_MOST, DIDS_A_PAGE = 50, 25, 100
PLACES = (
    ("home", "Home", "gauge"),
    ("charges", "Charges", "receipt-text"),
    ("summary", "Summary", "file-text"),
    ("dids", "Numbers", "phone"),
    ("people", "People", "users"),
)


def for_both(rule: str, name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Answer a page to the customer's people under /my, and to staff who look at it as they do."""

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        bp.add_url_rule(rule, name, lambda **values: view(_mine(), **values))
        seen.add_url_rule(rule, name, lambda customer_id, **values: view(_theirs(customer_id), **values))
        return view

    return decorate


def _mine() -> Customer:
    """Whose pages these are. Staff have none of their own."""
    customer = db.session.get(Customer, current_user.customer_id) if current_user.customer_id else None
    if customer is None:
        abort(404)
    g.whose = customer
    return customer


def _theirs(customer_id: int) -> Customer:
    customer: Customer = db.get_or_404(Customer, customer_id)
    g.whose = customer
    return customer


def link(name: str, **values: Any) -> str:
    """Another of these pages, for whoever looks at this one."""
    if request.blueprint == "seen":
        return url_for(f"seen.{name}", customer_id=g.whose.id, **values)
    return url_for(f"my.{name}", **values)


def drawn(template: str, status: int = 200, **context: Any) -> Any:
    """A page in the customer's frame."""
    context |= {"customer": g.whose, "link": link, "looking": request.blueprint == "seen", "today": today()}
    return render_template(template, **context), status


@bp.app_context_processor
def _places() -> dict[str, Any]:
    """The rail of a customer's people, on every page that they see."""
    with suppress(SQLAlchemyError):  # the page that says that the database is gone has no rail
        if getattr(current_user, "customer_id", None):
            return {"places": [("my", *place) for place in PLACES]}
    return {}


def counted_links(assignment_ids: Collection[int]) -> Callable[..., str]:
    """Where the calls are that assignments have counted in a span of days, for whoever looks at this page."""
    keys, tomorrow = counted.keys_of(assignment_ids), today() + ONE_DAY

    def counted_link(id: int, begins: date, until: date | None, so_far: bool = False) -> str:
        """Without `until` it never ends."""
        until = min(until or tomorrow, tomorrow) if so_far else until or tomorrow + ONE_DAY
        if id not in keys or until <= begins:
            return ""
        return link("calls", counting=keys[id], **{"from": begins, "to": until - ONE_DAY})

    return counted_link


@for_both("", "home")
def home(customer: Customer) -> Any:
    """What is to pay, what changed, what comes next, calls against minimum and free minutes, packages."""
    day = today()
    asked = due(customer, day)
    minimum_ids = minimums.running(customer.id, day, minimums.SHOWN + 1)
    free_minutes = bundles.running(customer.id, day, bundles.SHOWN + 1)
    month, length = day.replace(day=1), relativedelta(months=1)
    months = ((begins, begins + length - ONE_DAY) for begins in (month, month - length))
    packages = grouped(customer, day, PACKAGES_MOST, [*minimum_ids, *(one.id for one in free_minutes)])
    measured, used = minimums.minimums_of(minimum_ids, day), bundles.used_of(free_minutes, day)
    return drawn(
        "my/home.html",
        packages=packages,
        foreseen=foreseen(customer, day),
        due=asked,
        pay=how_to_pay(customer, asked.to_pay),
        # As long as there is nothing of this month to compare, of the one before it.
        changed=next(filter(None, (what_changed(customer, *span, day) for span in months)), None),
        minimums=measured,
        bundles=used,
        counted=counted_links([one.assignment_id for one in measured] + [one.assignment.id for one in used]),
    )


@for_both("/charges", "charges")
def charges(customer: Customer) -> Any:
    """What was charged in a span of days, and what comes, each with its reason."""
    span = _span(months=3)
    assert span.begins and span.through
    upcoming = customer_figures.next_charges(today(), UPCOMING_MOST, customer_id=customer.id)
    coming = [charge for charge in upcoming.charges if charge.amount or charge.provisional]
    found = charged(customer, span.begins, span.through, today(), LINES_SHOWN)
    measured = {line.charge.assignment_id for line in found.lines if line.charge.spend is not None}
    return drawn(
        "my/charges.html",
        422 if span.problem else 200,
        span=span,
        summary=found,
        ledger=_ledger(customer, span),
        coming=by_month(explained(coming)),
        counted=counted_links(measured),
        more=upcoming.more,
        failed=upcoming.failed,
    )


@for_both(f"/charges.{FORM}", "charges_file")
def charges_file(customer: Customer, form: str) -> Any:
    """What was charged in the days asked for, as a file."""
    span = _span(months=3)
    if span.problem:
        return problem(422, span.problem)
    asked = Asked(customer_id=customer.id, begins=span.begins, through=span.through, today=today())
    return send(charge_files.for_the_customer(asked), form)


@for_both(f"/statement.{FORM}", "statement_file")
def statement_file(customer: Customer, form: str) -> Any:
    """What moved the balance in the days asked for, as a file."""
    span = _span(months=1)
    if span.problem:
        return problem(422, span.problem)
    assert span.begins and span.through
    return send(statement(customer, span.begins, span.through), form)


@for_both("/summary", "summary")
def show_summary(customer: Customer) -> Any:
    """The charge summary, to read and to print."""
    span = _span(months=1)
    found = _summary(customer, span)
    pay = how_to_pay(customer, found.account.now.to_pay)
    return drawn("my/summary.html", 422 if span.problem else 200, span=span, summary=found, pay=pay)


@bp.post("/summary/monthly")
def set_monthly_summary() -> Any:
    """Choose to get the summary of each month by e-mail, or no longer."""
    customer = lock_or_404(Customer, _mine().id)
    wanted = request.form.get("wanted") == "yes"
    sending.set_monthly(customer, wanted, today())
    db.session.commit()
    flash(
        "Saved: the charge summary of each month comes by e-mail." if wanted else "Saved: it comes no longer."
    )
    return redirect(url_for("my.summary", _anchor="monthly"), code=303)


@for_both("/summary.pdf", "summary_pdf")
def summary_pdf(customer: Customer) -> Any:
    """The same as PDF."""
    span = _span(months=1)
    if span.problem:
        return problem(422, span.problem)
    assert span.begins and span.through
    found = for_paper(customer, span.begins, span.through, today())
    size = request.args.get("paper", "")
    made = paper.pdf(found, company(), today(), size if size in paper.PAPERS else "a4")
    name = f"charge-summary_{found.begins}_{found.through}.pdf"
    return sent(made, name)


@for_both("/logo.png", "logo")
def logo(customer: Customer) -> Any:
    """The provider's logo, as it stands on the summary."""
    return logo_file()


@for_both("/dids", "dids")
def dids(customer: Customer) -> Any:
    """The customer's numbers, in the order of the numbers: a page begins after a number, not after an id."""
    after = request.args.get("after", "")[:16]
    typed = request.args.get("q", "").strip()[:40]
    query = select(Did).where(Did.customer_id == customer.id, Did.archived_on.is_(None), Did.number > after)
    if typed:
        query = query.where(or_(false(), *number_holds(typed)))
    found = db.session.scalars(query.order_by(Did.number).limit(DIDS_A_PAGE + 1)).all()
    page = found[:DIDS_A_PAGE]
    next_after = page[-1].number if len(found) > DIDS_A_PAGE else ""
    return drawn("my/dids.html", dids=page, typed=typed, next_after=next_after)


def _span(months: int) -> Span:
    """The span that the address names; without one, so many months up to the end of this one."""
    first = today().replace(day=1)
    last = first + relativedelta(months=1, days=-1)
    unasked = f"{months} months" if months > 1 else ""
    return span_of(first - relativedelta(months=months - 1), last, unasked)


def _ledger(customer: Customer, span: Span) -> ChargeLedger:
    assert span.begins and span.through
    # What is to pay is not known of a day to come.
    through = max(min(span.through, today()), span.begins)
    now = to_pay(customer.id) if through >= today() else None
    return charge_ledger(customer.id, span.begins, through, LINES_SHOWN, now)


def _summary(customer: Customer, span: Span) -> Summary:
    begins, through = span.begins, span.through
    assert isinstance(begins, date) and isinstance(through, date)
    return summary(customer, begins, through, today(), LINES_SHOWN)


people.add_to(bp)
