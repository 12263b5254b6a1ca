"""Who owes: everybody with something to pay, by age, as of today or of any day gone by."""

from datetime import date
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_security import current_user

from portal.clock import now, today
from portal.domain.errors import RuleBroken
from portal.domain.schedule import FIRST_DAY
from portal.domain.wording import money_in, plural
from portal.extensions import db
from portal.models import Customer
from portal.services import credit
from portal.services.credit import owed
from portal.services.exports import owed as exports
from portal.services.overview.owing import owed_in_all
from portal.services.overview.remembering import Reading
from portal.services.packages.catalogue import default_currency
from portal.web.http.bounds import row_id
from portal.web.http.errors import problem as refused
from portal.web.http.htmx import fragment, is_htmx
from portal.web.shared.exports import FORM, send
from portal.web.shared.lists import ListState, list_state
from portal.web.shared.remembered import since_when

bp = Blueprint("owed", __name__, url_prefix="/owed")

SORTS = ("-total", "total", "oldest", "-oldest", "-overdue", "overdue", "name", "-name")
A_PAGE = 50


@bp.get("")
def index() -> Any:
    """The list; a page of it, with the sums of all of it."""
    state, currencies = _asked()
    day, problem = _day(state["on"])
    currency, reading = state["currency"], Reading(today())
    found = owed_in_all(reading, currency, day, state.sort)
    pages = max(-(-len(found.ids) // A_PAGE), 1)
    first = min(max(request.args.get("page", 1, type=row_id), 1), pages)
    page = found.rows((first - 1) * A_PAGE, first * A_PAGE, today())
    context = {
        "owed": found,
        "added_up": since_when(reading),
        "currency": currency,
        "day": day,
        "rows": page,
        "number": first,
        "pages": pages,
        "ages": owed.AGES,
        "sort": state.sort,
        "state": state,
        "problem": problem,
        "currencies": [(code, code) for code in currencies],
        "typed": state["on"],
        "is_today": day == today(),
        "today": today(),
    }
    if is_htmx():
        return fragment("owed/_found.html", 422 if problem else 200, **context)
    return render_template("owed/index.html", **context), 422 if problem else 200


@bp.get(f"/list.{FORM}")
def download(form: str) -> Any:
    """Everybody who owes, as a file."""
    state, _ = _asked()
    day, problem = _day(state["on"])
    if problem:
        return refused(422, problem)
    found = owed_in_all(Reading(today()), state["currency"], day, state.sort)
    return send(exports.owing(found, today()), form)


def _asked() -> tuple[ListState, list[str]]:
    """What the list's address asks for, and the currencies that there are."""
    currencies, own = owed.currencies_owed() or [default_currency()], default_currency()
    return list_state(
        SORTS, currency=(own, *currencies) if own in currencies else currencies, on=()
    ), currencies


def _day(text: str) -> tuple[date, str]:
    """The day that the address names, today without one; and what is wrong with it."""
    if not text.strip():
        return today(), ""
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        return today(), "Enter the day as a date, such as 2026-11-30."
    if not FIRST_DAY <= day <= today():
        return today(), f"Choose a day from {FIRST_DAY.year} to today."
    return day, ""


@bp.post("/pay")
def pay() -> Any:
    """Pay what is due first out of the balance, for each of the customers chosen; one that cannot be stops no other."""
    paid, refused = 0, []
    for customer_id in sorted(set(request.form.getlist("ids", type=row_id))):
        customer = db.session.get(Customer, customer_id)
        if customer is None:
            continue
        try:
            amount = credit.pay_from_balance(customer, today=today(), by=str(current_user.email), now=now())
        except RuleBroken as error:
            db.session.rollback()
            refused.append(str(error))
            continue
        db.session.commit()
        paid += 1
        last = f"Paid {money_in(amount, customer.currency)} of {customer.name} from the balance."
    if paid:
        flash(last if paid == 1 else f"Paid from the balance for {plural(paid, 'customer')}.")
    for sentence in refused:
        flash(sentence, "problem")
    if not paid and not refused:
        flash("Choose at least one customer.", "problem")
    return redirect(url_for("owed.index", currency=request.args.get("currency") or None), code=303)
