"""Charges: the list of what is posted, one charge with its whole story, a manual charge, reversing one."""

from collections.abc import Sequence
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask_security import current_user
from sqlalchemy.orm import joinedload

from portal.clock import now, today
from portal.domain.due import Kind
from portal.domain.errors import Invalid
from portal.domain.explaining import COST, RETAIL, Origin
from portal.domain.wording import charged
from portal.extensions import db
from portal.models import Assignment, Charge, Customer, Run
from portal.services import credit
from portal.services.charges import by_hand, lists
from portal.services.charges.explaining import explain_all, explained, origin_of
from portal.services.credit.states import FILTERS, came_off, due_days, standings
from portal.services.customers.customers import currencies_in_use
from portal.services.customers.taxes import tax_of
from portal.services.exports import charges as exports
from portal.web.charges import bp
from portal.web.charges.forms import ManualChargeForm, ReverseForm, WhoForm
from portal.web.http.access import may_change
from portal.web.http.bounds import row_id
from portal.web.http.errors import problem
from portal.web.http.htmx import fragment, is_htmx, see_other
from portal.web.shared.exports import FORM, send
from portal.web.shared.fields import put_error
from portal.web.shared.lists import ListState, list_state
from portal.web.shared.spans import Span, span_of

SORTS = tuple(down + name for name in lists.SORTS for down in ("-", ""))


@bp.app_template_filter("kind")
def kind_in_words(kind: Kind) -> str:
    """What a charge is for, as a word."""
    return lists.KINDS[kind]


# -- the list


@bp.get("")
def index() -> Any:
    context = _found()
    if is_htmx():
        return fragment("charges/_found.html", **context)
    return render_template("charges/index.html", **context)


@bp.get(f"/list.{FORM}")
def download(form: str) -> Any:
    """All that the list finds, as a file."""
    state, span, _, asked = _asked(currencies_in_use())
    return problem(422, span.problem) if span.problem else send(exports.charges(asked, state.sort), form)


@bp.get(f"/accounts.{FORM}")
def accounts(form: str) -> Any:
    """The same as accounts import it."""
    state, span, _, asked = _asked(currencies_in_use())
    return problem(422, span.problem) if span.problem else send(exports.for_accounts(asked, state.sort), form)


def _asked(in_use: Sequence[str]) -> tuple[ListState, Span, Customer | None, lists.Asked]:
    """What the list's address asks for."""
    state = list_state(
        SORTS,
        kind=("", *lists.KINDS),
        currency=("", *in_use),
        paid=("", *FILTERS),
        customer=(),
        **{"from": (), "to": ()},
    )
    customer = db.session.get(Customer, _id(state["customer"])) if state["customer"] else None
    span = span_of(None, None, "All days")
    asked = lists.Asked(
        text=state.text,
        customer_id=customer.id if customer else None,
        kind=Kind(state["kind"]) if state["kind"] else None,
        currency=state["currency"],
        begins=span.begins,
        through=span.through,
        paid=state["paid"],
        today=today(),
    )
    return state, span, customer, asked


def _found() -> dict[str, Any]:
    """What the list shows."""
    in_use = currencies_in_use()
    state, span, customer, asked = _asked(in_use)
    page = lists.charge_page(asked, state.sort, state.after, state.before)
    return {
        "page": page,
        "told": explained(page.rows),
        "standings": standings(page.rows, today()),
        "states": [("", "Any state"), *((name, words.capitalize()) for name, words in FILTERS.items())],
        "state": state,
        "today": today(),
        "span": span,
        "customer": customer,
        "kinds": [("", "Any kind"), *((kind.value, word) for kind, word in lists.KINDS.items())],
        "currencies": [("", "Any currency"), *((code, code) for code in in_use)],
        "is_narrowed": bool(state.text or any(state.filters.values())),
    }


def _id(text: str) -> int:
    try:
        return row_id(text)
    except ValueError:
        return 0


# -- one charge


@bp.get("/<int:charge_id>")
def show(charge_id: int) -> Any:
    return _page(db.get_or_404(Charge, charge_id))


def _page(charge: Charge, status: int = 200, form: ReverseForm | None = None) -> Any:
    """A charge with its whole story: why, on which terms, what corrected it, and which run posted it."""
    root = charge.corrects or charge.writes_off or charge.reverses or charge
    reversal = by_hand.reversal_of(root)
    origin = origin_of(charge)
    story = by_hand.family(root) + ([reversal] if reversal else [])
    assignment = db.session.get(
        Assignment, charge.assignment_id, options=[joinedload(Assignment.package), joinedload(Assignment.did)]
    ) if charge.assignment_id else None  # fmt: skip
    context = {
        "charge": charge,
        "why": explain_all([charge])[charge.id],
        "origin": origin,
        "tax": tax_of(charge) if charge.opening_number is None else None,
        "charged": charged(origin.schedule) if origin else "",
        "assignment": assignment,
        **_priced(charge, assignment, origin),
        "run": db.session.get(Run, charge.run_id) if charge.run_id else None,
        "story": explained(story) if len(story) > 1 else [],
        "stands": by_hand.what_stands(root),
        "reversal": reversal,
        "standing": standings([charge], today()).get(charge.id),
        "came_off": came_off(charge),
        "to_pay": credit.to_pay(charge.customer_id).charges,
        "due_days": due_days(charge),
        "refusal": by_hand.why_not_reverse(charge) if may_change() else None,
    }
    return render_template("charges/show.html", **context), status


def _priced(charge: Charge, assignment: Assignment | None, origin: Origin | None) -> dict[str, Any]:
    """Which two of the four prices a charge took, and which of them were its assignment's own."""
    retail, cost = RETAIL.get(charge.kind, "retail"), COST.get(charge.kind, "cost")
    held = assignment.prices_on(origin.on) if assignment and origin else None
    took = {retail: charge.unit_price, cost: charge.unit_cost}
    own = {name for name, price in took.items() if held and name in held.own and getattr(held, name) == price}
    return {"retail": retail, "cost": cost, "held": held, "own": own}


# -- reversing it


@bp.get("/<int:charge_id>/reversal")
def reversal(charge_id: int) -> Any:
    """Why it is to be reversed: asked in a dialog, or on a page of its own."""
    charge = db.get_or_404(Charge, charge_id)
    if refusal := by_hand.why_not_reverse(charge):
        raise refusal
    return _ask_why(charge, ReverseForm(formdata=None))


@bp.post("/<int:charge_id>/reversal")
def reverse(charge_id: int) -> Any:
    charge = db.get_or_404(Charge, charge_id)
    form = ReverseForm()
    if not form.validate_on_submit():
        return _ask_why(charge, form, 422)
    try:
        made = by_hand.reverse(charge, form.reason.data or "", today=today(), by=_by(), now=now())
    except Invalid as error:
        db.session.rollback()
        put_error(form, error)
        return _ask_why(charge, form, 422)
    db.session.commit()
    flash(f"Reversed {charge.label}.")
    return see_other(url_for("charges.show", charge_id=made.id))


def _ask_why(charge: Charge, form: ReverseForm, status: int = 200) -> Any:
    lines = explained(by_hand.family(charge))
    context = {
        "charge": charge,
        "form": form,
        "lines": lines,
        "stands": by_hand.what_stands(charge),
        "today": today(),
    }
    if is_htmx():
        return fragment("charges/_reverse_dialog.html", status, **context)
    return render_template("charges/reverse.html", **context), status


# -- a manual charge


@bp.get("/new")
def new() -> Any:
    """The form, once it is known for whom."""
    assignment = db.session.get(Assignment, request.args.get("assignment_id", 0, row_id))
    customer_id = assignment.customer_id if assignment else request.args.get("customer_id", 0, row_id)
    if customer := db.session.get(Customer, customer_id):
        form = ManualChargeForm(
            customer, formdata=None, charge_on=today(), assignment=assignment and assignment.id
        )
        return render_template("charges/new.html", form=form, customer=customer, today=today())
    who = WhoForm(request.args)
    if not request.args.get("customer", "").strip():
        return render_template("charges/who.html", form=who)
    if not who.validate() or who.customer.customer is None:
        return render_template("charges/who.html", form=who), 422
    return redirect(url_for("charges.new", customer_id=who.customer.customer.id), code=303)


@bp.post("")
def create() -> Any:
    customer = db.session.get(Customer, _id(request.form.get("customer_id", "")))
    if customer is None:
        abort(404)
    form = ManualChargeForm(customer)
    if not form.validate_on_submit():
        return _again(form, customer)
    try:
        token = form.token.data
        made = by_hand.charge_manually(form.asked(customer), token=token, today=today(), by=_by(), now=now())
    except Invalid as error:
        db.session.rollback()
        put_error(form, error)
        return _again(form, customer)
    db.session.commit()
    flash(f"Charged {customer.name}: {made.label}.")
    return redirect(url_for("charges.show", charge_id=made.id), code=303)


def _again(form: ManualChargeForm, customer: Customer) -> Any:
    return render_template("charges/new.html", form=form, customer=customer, today=today()), 422


def _by() -> str:
    return str(current_user.email)
