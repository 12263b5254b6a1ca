"""Own prices of many assignments at once: asked for, seen before they are saved, and saved as they were seen."""

from collections.abc import Sequence
from typing import Any

from flask import flash, redirect, render_template, request

from portal.clock import today
from portal.domain.errors import Invalid
from portal.domain.wording import listed, plural
from portal.extensions import db
from portal.models import Assignment
from portal.services.assignments import own_prices
from portal.services.assignments.own_impact import OwnImpact, impact_of
from portal.services.assignments.own_prices import OwnChange
from portal.services.batch import Batch
from portal.web.assignments import bp
from portal.web.assignments.forms import OwnPricesForm
from portal.web.assignments.many import home_of_many, lock_chosen_assignments, packed
from portal.web.shared.fields import put_error

Planned = Batch[OwnChange, Assignment]


@bp.post("/assignments/own-prices")
def own_prices_of_many() -> Any:
    """Ask for the prices of the chosen assignments; show what they bring; then, as that was seen, save them."""
    chosen = lock_chosen_assignments()
    if "retail" not in request.form:
        return _form(chosen, OwnPricesForm(formdata=None))
    form = OwnPricesForm()
    try:
        planned = _planned(chosen, form)
    except Invalid as problem:
        db.session.rollback()
        put_error(form, problem)
        return _form(chosen, form, 422)
    if planned is None:
        return _form(chosen, form, 422)
    impact = impact_of(planned.done)
    if not impact.hits and planned.refused:
        return _form(chosen, form, 409, planned, impact)
    if "show" in request.form or form.confirmed.data != impact.fingerprint:
        return _form(chosen, form, 200, planned, impact)
    own_prices.make_many(planned.done)
    db.session.commit()
    flash(f"Own prices of {plural(len(planned.done), 'assignment')} were saved.")
    if planned.refused:
        return render_template("assignments/own_many_done.html", planned=planned, home=home_of_many(chosen))
    return redirect(home_of_many(chosen)[1], code=303)


def _planned(chosen: Sequence[Assignment], form: OwnPricesForm) -> Planned | None:
    """What would change, and who refuses; None where the form cannot be read."""
    prices = form.prices()
    if prices is None:
        return None
    ids = [assignment.id for assignment in chosen]
    return own_prices.plan_many(ids, prices, form.effective_from.data, today())


def _form(
    chosen: Sequence[Assignment],
    form: OwnPricesForm,
    status: int = 200,
    planned: Planned | None = None,
    impact: OwnImpact | None = None,
) -> Any:
    form.confirmed.raw_data, form.confirmed.data = None, impact.fingerprint if impact else ""
    currencies = sorted({assignment.customer.currency for assignment in chosen})
    context = {
        "chosen": chosen,
        "home": home_of_many(chosen),
        "form": form,
        "planned": planned,
        "impact": impact,
        "ids": packed([assignment.id for assignment in chosen]),
        "unit": currencies[0] if len(currencies) == 1 else "a unit",
        "currencies": listed(currencies) if len(currencies) > 1 else "",
    }
    return render_template("assignments/own_many.html", **context), status
