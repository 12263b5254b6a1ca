"""Month end: sending the summaries of a month, to all, by filter or ticked; and what was sent, with the customer."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import partial
from time import monotonic
from typing import Any

from dateutil.relativedelta import relativedelta
from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_security import current_user
from sqlalchemy import select

from portal.clock import now, today
from portal.domain.errors import Invalid, RuleBroken, WayOut
from portal.domain.wording import long_month, numbered_month, plural
from portal.extensions import db
from portal.models import Customer
from portal.services import listing
from portal.services.among import among
from portal.services.customers import customers
from portal.services.overview.remembering import Reading
from portal.services.summary import month_end, sending
from portal.services.summary.letter import charged_in, days_of, letter
from portal.services.summary.month_end import Standing
from portal.tasks import queue
from portal.web.assignments.many import packed, unpacked
from portal.web.http.access import changes_nothing
from portal.web.http.htmx import fragment, is_htmx
from portal.web.http.locks import lock_or_404
from portal.web.shared.lists import ListState, list_state
from portal.web.shared.remembered import since_when

bp = Blueprint("sent_summaries", __name__)

# Months back that are offered by name; an address may name any.
MONTHS = 12
NAMED = 20
# Customers whom one sending reaches at most; the command has no such bound.
MOST = 100_000


@bp.get("/summaries")
def index() -> Any:
    """The customers of a month, by how far their summary is; without a month, the one that ended last."""
    state, month = _asked()
    standing = Standing(state["standing"]) if state["standing"] else None
    query = month_end.find(month, state.text, standing)
    sort = customers.SORTS["name"]
    page = listing.page(query, sort, state.after, state.before)
    ids = [customer.id for customer in page.rows]
    counts, added_up = _counted(month, state.text)
    context: dict[str, Any] = {
        "state": state,
        "month": month,
        "months": [month_end.last_month(today()) - relativedelta(months=back) for back in range(MONTHS)],
        "counts": counts,
        "added_up": added_up,
        "standing": standing,
        "standing_of": month_end.standings(month, ids),
        "sent_of": month_end.last_sent(month, ids),
        "charged": dict.fromkeys(ids, Decimal(0)) | charged_in(month, ids),
        "page": page,
        "being_written": sending.count_waiting(month),
        "not_posted": _not_posted(month),
        "kept": _named(state, month),
        "Standing": Standing,
    }
    if is_htmx():
        return fragment("sent_summaries/_found.html", **context)
    return render_template("sent_summaries/index.html", **context)


def _counted(month: date, text: str) -> tuple[dict[Standing, int], Any]:
    """How many customers there are of each standing, and as of when that is, where they are too many to wait for."""
    if text:
        return month_end.counts(month, text), None
    reading = Reading(today())
    # Asked anew each time, but told as it was known last where that takes long.
    counts = reading.answer(("month end", month), monotonic(), partial(month_end.counts, month))
    return counts, since_when(reading)


def _asked() -> tuple[ListState, date]:
    """What the list's address asks for. Invalid for a month that is not over."""
    state = list_state(("name",), month=(), standing=("", *Standing))
    month = month_end.month_or_none(state["month"]) if state["month"] else month_end.last_month(today())
    return state, month_end.check_month(month, today())


def _named(state: ListState, month: date) -> dict[str, Any]:
    """What the list's address asks for, with its month."""
    return {**state.kept, "month": numbered_month(month)}


def _not_posted(month: date) -> date | None:
    """Up to which day a run is missing, where charges of the month may still be posted."""
    return None if month_end.is_posted(month) else month_end.posted_by(month)


@bp.route("/summaries/sending", methods=["GET", "POST"])
@changes_nothing
def ask() -> Any:
    """Whom a sending would reach of those that a list chose, and who is left out and why."""
    state, month = _asked()
    found = sending.sort_out(month, _chosen(state, month))
    status = 200 if found.to_send else 409
    context = {
        "month": month,
        "found": found,
        "ids": packed(tuple(found.to_send)),
        "addressless": month_end.by_name(found.by_standing.get(Standing.NO_ADDRESS, []), NAMED),
        "examples": month_end.by_name(found.to_send, NAMED),
        "named": NAMED,
        # By its name: "last month" is another one tomorrow.
        "back": url_for("sent_summaries.index", **_named(state, month)),
        "send_to": url_for("sent_summaries.send", **_named(state, month)),
        "not_posted": _not_posted(month),
    }
    return render_template("sent_summaries/ask.html", **context), status


def _chosen(state: ListState, month: date) -> list[int]:
    """Those that were ticked, or all that the filter finds."""
    if request.values.get("all_found"):
        standing = Standing(state["standing"]) if state["standing"] else None
        return month_end.ids_of(month_end.find(month, state.text, standing))
    ids = unpacked(request.values.getlist("ids"), MOST)
    if not ids:
        way = WayOut("Back to the list", "sent_summaries.index", state.kept)
        raise RuleBroken("No customer was selected. Tick one or more rows first.", way)
    return list(ids)


@bp.post("/summaries")
def send() -> Any:
    """Have them sent, each once: what was sent meanwhile is not sent again."""
    state, month = _asked()
    chosen = _chosen(state, month)
    if chosen and not month_end.ids_of(select(Customer).where(among(Customer.id, chosen))):
        abort(404)
    reached = sending.send(month, chosen, today=today(), by=str(current_user.email), now=now())
    # What somebody else has asked for meanwhile is written likewise: it may wait for nobody any more.
    _carry_out(reached or chosen)
    if reached:
        flash(f"Sending {plural(len(reached), 'summary', 'summaries')} of {long_month(month)}.")
    else:
        flash("They were sent already: nothing is sent twice.")
    return redirect(url_for("sent_summaries.index", month=numbered_month(month), standing="sent"), code=303)


def _carry_out(ids: Sequence[int]) -> None:
    """Commit, and have what these customers are sent written: a few at once, more while nobody waits."""
    if len(ids) > sending.SMALL:
        queue.enqueue("send_summaries")
    db.session.commit()
    if len(ids) <= sending.SMALL:
        sending.carry_out(today(), now, of=ids)


# -- one customer


@bp.get("/customers/<int:customer_id>/summaries")
def of_customer(customer_id: int) -> Any:
    """What was sent to a customer."""
    customer = db.get_or_404(Customer, customer_id)
    state = list_state(("newest",))
    page = listing.page(sending.of_customer(customer.id), sending.NEWEST, state.after, state.before)
    last = month_end.last_month(today())
    return render_template("sent_summaries/of_customer.html", customer=customer, page=page, last=last)


@bp.get("/customers/<int:customer_id>/summaries/<month>")
def look(customer_id: int, month: str) -> Any:
    """What a customer would be sent of a month, and what they were."""
    return _look(db.get_or_404(Customer, customer_id), _month(month))


def _month(text: str) -> date:
    """The month that an address names; 404 where it is none, or not over."""
    try:
        return month_end.check_month(month_end.month_or_none(text), today())
    except Invalid:
        abort(404)


def _look(customer: Customer, month: date, status: int = 200, refusal: RuleBroken | None = None) -> Any:
    begins, through = days_of(month)
    would_be: Any = None
    try:
        would_be = letter(customer, month, today(), with_pdf=False)
    except RuleBroken as why:
        refusal = refusal or why
    sent = list(db.session.scalars(sending.of_customer(customer.id, month)))
    context = {
        "customer": customer,
        "month": month,
        "begins": begins,
        "through": through,
        "letter": would_be,
        "sent": sent,
        "number": (sent[0].number if sent else 0) + 1,
        "refusal": refusal,
        "not_posted": _not_posted(month),
        "today": today(),
    }
    return render_template("sent_summaries/look.html", **context), status


@bp.post("/customers/<int:customer_id>/summaries/<month>")
def send_one(customer_id: int, month: str) -> Any:
    """Send it to one customer, or once more: the form says as which number, so that a second click sends nothing."""
    customer, day = lock_or_404(Customer, customer_id), _month(month)
    typed = request.form.get("number", "")[:9]
    number = int(typed) if typed.isascii() and typed.isdigit() else 0
    try:
        new = sending.send_to_one(customer, day, number, today=today(), by=str(current_user.email), now=now())
    except RuleBroken as refusal:
        db.session.rollback()
        return _look(customer, day, 422 if isinstance(refusal, Invalid) else 409, refusal)
    _carry_out([customer.id])
    flash(
        f"Sending the summary of {long_month(day)} to {customer.email}."
        if new
        else "It was sent already. Look at it again before you send it once more."
    )
    return redirect(
        url_for("sent_summaries.look", customer_id=customer.id, month=numbered_month(day)), code=303
    )


@bp.post("/customers/<int:customer_id>/monthly-summary")
def set_monthly(customer_id: int) -> Any:
    """Let a customer get the summary of each month by itself, or no longer."""
    customer = lock_or_404(Customer, customer_id)
    wanted = request.form.get("wanted") == "yes"
    sending.set_monthly(customer, wanted, today())
    db.session.commit()
    flash(said_of_monthly(customer.name, wanted))
    return redirect(url_for("customers.details", customer_id=customer.id, _anchor="sent-summaries"), code=303)


def said_of_monthly(who: str, wanted: bool) -> str:
    """What is said once it is set."""
    if wanted:
        return f"{who} gets the charge summary of each month by e-mail, {long_month(today())} first."
    return f"{who} gets no charge summary by itself any more."
