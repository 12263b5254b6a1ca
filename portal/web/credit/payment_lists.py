"""The lists of all payments and of all payments back: searched, filtered, a page at a time."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from flask import render_template
from sqlalchemy.orm import joinedload

from portal.extensions import db
from portal.models import Customer, Payment, PaymentBack, PaymentState
from portal.services import listing
from portal.services.credit import payment_list
from portal.services.customers.customers import currencies_in_use
from portal.services.exports import payments as exports
from portal.web.credit import payments, payments_back
from portal.web.http.bounds import row_id
from portal.web.http.errors import problem
from portal.web.http.htmx import fragment, is_htmx
from portal.web.shared.exports import FORM, send
from portal.web.shared.lists import ListState, list_state
from portal.web.shared.spans import Span, span_of

STATE_CHOICES = [("", "Any state"), *((state.value, state.value.capitalize()) for state in PaymentState)]
BACK_STATE_CHOICES = [("", "Any state"), ("completed", "Paid back"), ("cancelled", "Cancelled")]


@payments.bp.get("")
def index() -> Any:
    """All payments."""
    return _listed(is_back=False)


@payments_back.bp.get("", endpoint="index")
def index_back() -> Any:
    """All payments back."""
    return _listed(is_back=True)


@payments.bp.get(f"/list.{FORM}")
def download(form: str) -> Any:
    """All payments that the list finds, as a file."""
    state, span, _, sought = _asked(currencies_in_use(), is_back=False)
    if span.problem:
        return problem(422, span.problem)
    query = payment_list.find_payments(sought)
    return send(exports.payments(query, payment_list.SORTS[state.sort]), form)


@payments_back.bp.get(f"/list.{FORM}", endpoint="download")
def download_back(form: str) -> Any:
    """All payments back that the list finds, as a file."""
    state, span, _, sought = _asked(currencies_in_use(), is_back=True)
    if span.problem:
        return problem(422, span.problem)
    query = payment_list.find_payments_back(sought)
    return send(exports.payments_back(query, payment_list.SORTS_BACK[state.sort]), form)


def _asked(
    in_use: Sequence[str], *, is_back: bool
) -> tuple[ListState, Span, Customer | None, payment_list.Sought]:
    """What the list's address asks for."""
    sorts = payment_list.SORTS_BACK if is_back else payment_list.SORTS
    states = payment_list.BACK_STATES if is_back else tuple(PaymentState)
    state = list_state(
        tuple(sorts), state=("", *states), currency=("", *in_use), customer=(), **{"from": (), "to": ()}
    )
    customer = db.session.get(Customer, _id(state["customer"])) if state["customer"] else None
    span = span_of(None, None, "All days")
    sought = payment_list.Sought(
        text=state.text,
        customer_id=customer.id if customer else None,
        state=state["state"],
        currency=state["currency"],
        begins=span.begins,
        through=span.through,
    )
    return state, span, customer, sought


def _listed(*, is_back: bool) -> Any:
    """One of the two lists; of the other, how many the same search finds there: no amount is looked for in vain."""
    in_use = currencies_in_use()
    state, span, customer, sought = _asked(in_use, is_back=is_back)
    sorts = payment_list.SORTS_BACK if is_back else payment_list.SORTS
    sought = replace(sought, named=payment_list.customers_named(sought.text))
    # Nothing that is paid back was ever pending: the other list is then asked whatever the state.
    elsewhere = replace(sought, state="") if sought.state == PaymentState.PENDING else sought
    find, find_others = payment_list.payments_and_count, payment_list.payments_back_and_count
    if is_back:
        find, find_others = find_others, find
    found, total = find(sought)
    others, known = find_others(elsewhere)
    query = found.options(joinedload((PaymentBack if is_back else Payment).customer))
    page = listing.page(query, sorts[state.sort], state.after, state.before, total=total)
    context = {
        "page": page,
        "others": listing.count(others) if known is None else known,
        "is_back": is_back,
        "lefts": {} if is_back else payment_list.lefts(page.rows),
        "state": state,
        "span": span,
        "customer": customer,
        "states": BACK_STATE_CHOICES if is_back else STATE_CHOICES,
        "currencies": [("", "Any currency"), *((code, code) for code in in_use)],
        "is_narrowed": bool(state.text or any(state.filters.values())),
    }
    status = 422 if span.problem else 200
    if is_htmx():
        return fragment("payments/_found.html", status, **context)
    return render_template("payments/index.html", **context), status


def _id(text: str) -> int:
    try:
        return row_id(text)
    except ValueError:
        return 0
