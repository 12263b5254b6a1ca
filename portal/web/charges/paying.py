"""What a clerk does about a charge that is not paid: more time, writing it off; and about credit to use."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import flash, render_template, url_for
from flask_security import current_user
from flask_wtf import FlaskForm

from portal.clock import now, today
from portal.domain.errors import Invalid, RuleBroken, WayOut
from portal.domain.wording import day, digits, money_in
from portal.extensions import db
from portal.models import Charge, Customer
from portal.services import credit
from portal.services.charges import write_off as write_offs
from portal.web.charges import bp
from portal.web.charges.forms import DueDayForm, UseCreditForm, WriteOffForm
from portal.web.http.htmx import fragment, is_htmx, see_other
from portal.web.http.locks import lock_or_404
from portal.web.shared.fields import put_error


@bp.get("/<int:charge_id>/write-off")
def ask_write_off(charge_id: int) -> Any:
    """Why it is written off: asked in a dialog, or on a page of its own."""
    charge = _open(charge_id)
    return _ask("charges/_write_off.html", "Write off", charge, WriteOffForm(formdata=None))


@bp.post("/<int:charge_id>/write-off")
def write_off(charge_id: int) -> Any:
    charge, form = db.get_or_404(Charge, charge_id), WriteOffForm()

    def act() -> str:
        made = write_offs.write_off(charge, form.reason.data or "", today=today(), by=_by(), now=now())
        return f"Wrote off {money_in(-made.total, made.currency)} of {charge.label}."

    return _do("charges/_write_off.html", "Write off", charge, form, act)


@bp.get("/<int:charge_id>/due-day")
def ask_due_day(charge_id: int) -> Any:
    """Until when, and why."""
    charge = _open(charge_id)
    later = max(credit.items_of([charge])[charge.id].due_on, today()) + timedelta(days=14)
    return _ask("charges/_due_day.html", "Move due day", charge, DueDayForm(formdata=None, due_on=later))


@bp.post("/<int:charge_id>/due-day")
def move_due_day(charge_id: int) -> Any:
    charge, form = db.get_or_404(Charge, charge_id), DueDayForm()

    def act() -> str:
        assert form.due_on.data is not None
        made = write_offs.move_due_day(
            charge, form.due_on.data, form.reason.data or "", today=today(), by=_by(), now=now()
        )
        return f"{charge.label} is now due on {day(made.due_on)}."

    return _do("charges/_due_day.html", "Move due day", charge, form, act)


@bp.get("/<int:charge_id>/credit")
def ask_use_credit(charge_id: int) -> Any:
    """For which charge a discount is used."""
    discount = db.get_or_404(Charge, charge_id)
    to_pay = credit.to_pay_items(discount.customer_id)
    item = credit.items_of([discount]).get(discount.id)
    if not to_pay or not item or (left := -item.left) <= 0:
        raise RuleBroken(
            "There is nothing to use, or nothing to use it for.",
            WayOut("Show the charge", "charges.show", {"charge_id": discount.id}),
        )
    form = UseCreditForm(to_pay, formdata=None, seen=digits(left), amount=min(left, to_pay[0].left))
    return _ask("charges/_use_credit.html", "Use credit", discount, form)


@bp.post("/<int:charge_id>/credit")
def use_credit(charge_id: int) -> Any:
    discount = db.get_or_404(Charge, charge_id)
    lock_or_404(Customer, discount.customer_id)  # so that what can be chosen is what there is to pay
    form = UseCreditForm(credit.to_pay_items(discount.customer_id))

    def act() -> str:
        charge = db.session.get_one(Charge, form.charge.data)
        credit.set_off_by_hand(
            discount,
            charge,
            form.amount.data,
            seen=form.seen.data or "",
            today=today(),
            by=_by(),
            now=now(),
        )
        return f"Used {money_in(form.amount.data, charge.currency)} for {charge.label}."

    return _do("charges/_use_credit.html", "Use credit", discount, form, act)


def _open(charge_id: int) -> Charge:
    charge = db.get_or_404(Charge, charge_id)
    write_offs.check_open(charge)
    return charge


def _do(template: str, title: str, charge: Charge, form: FlaskForm, act: Callable[[], str]) -> Any:
    if not form.validate_on_submit():
        return _ask(template, title, charge, form, 422)
    try:
        said = act()
    except Invalid as error:
        db.session.rollback()
        put_error(form, error)
        return _ask(template, title, charge, form, 422)
    db.session.commit()
    flash(said)
    return see_other(url_for("charges.show", charge_id=charge.id))


def _ask(template: str, title: str, charge: Charge, form: FlaskForm, status: int = 200) -> Any:
    context = {
        "form": form,
        "charge": charge,
        "title": title,
        "asked": template,
        "today": today(),
        "item": credit.items_of([charge]).get(charge.id),
        "to_pay": credit.to_pay(charge.customer_id),
    }
    if is_htmx():
        return fragment("charges/_asked_dialog.html", status, **context)
    return render_template("charges/asked.html", **context), status


def _by() -> str:
    return str(current_user.email)
