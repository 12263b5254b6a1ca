"""Assignments: the list, the row that opens in it, one assignment's page, and ending one."""

from collections.abc import Callable
from typing import Any

from flask import abort, flash, render_template, request, url_for
from flask_security import current_user
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from portal.clock import now, today
from portal.domain.commitment import earliest_last_day
from portal.domain.days import check_day
from portal.domain.errors import Invalid, RuleBroken, WayOut
from portal.domain.schedule import Schedule
from portal.domain.wording import charged, day, whole
from portal.extensions import db
from portal.models import Assignment, AssignmentPrice, Customer, Did, Package
from portal.services import deletion
from portal.services.assignments import changing, ending, own_prices, waiting
from portal.services.assignments import lists as assignments
from portal.services.assignments.own_impact import OwnImpact, impact_of
from portal.services.assignments.story import story_of
from portal.services.corrections import made as corrections
from portal.services.deletion import Refused
from portal.services.exports import assignments as exports
from portal.services.packages.definition import PRICE_LABELS, own_set
from portal.services.packages.history import HOLDERS, IN_FORCE, assignments_of
from portal.services.runs.assignment_locks import lock_assignment

# The routes of assigning, and of many at once, stand on the same blueprint.
from portal.web.assignments import bp
from portal.web.assignments.forms import EditForm, EndForm, has_begun
from portal.web.assignments.section import (
    around,
    changed_section,
    of_customer,
    of_did,
    of_row,
    section_around,
)
from portal.web.http.access import may_own
from portal.web.http.bounds import row_id
from portal.web.http.htmx import fragment, is_htmx, see_other
from portal.web.shared.exports import FORM, send
from portal.web.shared.fields import day_or_none, put_error, shown
from portal.web.shared.lists import TEXT_LONGEST

__all__ = ["bp"]


@bp.app_template_filter()
def charged_words(package: Package, on: Any) -> str:
    """When a package is charged: monthly, 15th and 31st."""
    row = package.schedule_on(on)
    return charged(Schedule(row.frequency, row.frequency_match), is_minimum=package.minimum_spend)


bp.add_app_template_filter(assignments.charged, "charged_for")
bp.add_app_template_filter(own_prices.in_words, "own_words")


@bp.app_template_filter()
def own_given(row: AssignmentPrice | None) -> dict[str, str]:
    """The prices that are its own, as an address fills them into a form."""
    return {name: shown(price) for name, price in own_set(row).given.items()}


def _get(assignment_id: int) -> Assignment:
    query = [*assignments.for_rows(), selectinload(Assignment.ends)]
    assignment = db.session.get(Assignment, assignment_id, options=query)
    return assignment or abort(404)


def _locked(assignment_id: int) -> Assignment:
    """The same, locked and read anew for a change."""
    return lock_assignment(assignment_id, *assignments.for_rows(), selectinload(Assignment.ends)) or abort(
        404
    )


# -- the list


@bp.get("/customers/<int:customer_id>/assignments")
@bp.get("/dids/<int:did_id>/assignments")
def index(customer_id: int | None = None, did_id: int | None = None) -> Any:
    """All that is assigned to a customer, or on a DID; for htmx the section alone."""
    if did_id is not None:
        section = of_did(db.get_or_404(Did, did_id))
    else:
        section = of_customer(db.get_or_404(Customer, customer_id))
    if is_htmx():
        return fragment("assignments/_section.html", section=section)
    return render_template("assignments/index.html", section=section)


@bp.get(f"/assignments/list.{FORM}")
def download(form: str) -> Any:
    """All that is assigned, or what of it is assigned to a customer, on a DID, or of a package, as a file."""
    day, ids = today(), {name: request.args.get(name, type=row_id) for name in ("customer", "did", "package")}
    sort = assignments.newest(day)
    if ids["did"] is not None:
        query = assignments.of_did(db.get_or_404(Did, ids["did"]))
    elif ids["customer"] is not None:
        text = request.args.get("q", "").strip()[:TEXT_LONGEST]
        query = assignments.of_customer(db.get_or_404(Customer, ids["customer"]), text)
    elif ids["package"] is not None:
        package = db.get_or_404(Package, ids["package"])
        query = assignments_of(package, day, request.args.get("state", IN_FORCE))
        sort = HOLDERS
    else:
        query, sort = select(Assignment), HOLDERS
    return send(exports.assignments(query, sort, day), form)


# -- one


@bp.get("/assignments/<int:assignment_id>")
def show(assignment_id: int) -> Any:
    return _page(_get(assignment_id))


def _page(assignment: Assignment, status: int = 200) -> Any:
    (row,) = assignments.listed([assignment], today())
    story = story_of(assignment, today())
    context = {
        "assignment": assignment,
        "row": row,
        "story": story,
        "corrections": corrections.of_assignment(assignment),
        "today": today(),
        "begun": has_begun(assignment),
    }
    return render_template("assignments/show.html", **context), status


# -- the row


@bp.get("/assignments/<int:assignment_id>/row")
def row(assignment_id: int) -> Any:
    assignment = _get(assignment_id)
    return _row(assignment) if is_htmx() else see_other(_home(assignment))


@bp.get("/assignments/<int:assignment_id>/row/edit")
def edit_row(assignment_id: int) -> Any:
    assignment = _get(assignment_id)
    _check_open(assignment)
    if not is_htmx():
        return see_other(url_for("assignments.edit", assignment_id=assignment.id))
    return _open_row(assignment, EditForm.of(assignment, today()))


@bp.post("/assignments/<int:assignment_id>/row")
def update_row(assignment_id: int) -> Any:
    assignment = _locked(assignment_id)
    if refused := _save(assignment, _open_row):
        return refused
    return _row(_get(assignment_id)) if is_htmx() else see_other(_home(assignment))


def _row(assignment: Assignment) -> Any:
    (listed,) = assignments.listed([assignment], today())
    response = fragment("assignments/_row.html", row=listed, section=of_row(assignment))
    response.headers["HX-Trigger"] = "assignments-changed"
    return response


def _open_row(assignment: Assignment, form: EditForm, status: int = 200, **more: Any) -> Any:
    """The open row, or, in a plain browser, the page that asks the same."""
    if not is_htmx():
        return _editor(assignment, form, status, **more)
    return fragment("assignments/_edit_row.html", status, **_asked(assignment, form, **more))


# -- changing it


@bp.get("/assignments/<int:assignment_id>/edit")
def edit(assignment_id: int) -> Any:
    assignment = _get(assignment_id)
    _check_open(assignment)
    return _editor(assignment, EditForm.of(assignment, today()))


@bp.post("/assignments/<int:assignment_id>")
def update(assignment_id: int) -> Any:
    assignment = _locked(assignment_id)
    return _save(assignment, _editor) or see_other(_home(assignment))


@bp.get("/assignments/<int:assignment_id>/waiting", endpoint="waiting")
def show_waiting(assignment_id: int) -> Any:
    """What a new quantity gives away until the next charge date, and what own prices bring, while they are typed."""
    assignment = _get(assignment_id)
    form = EditForm(formdata=request.args, meta={"csrf": False})
    if is_htmx():
        lost, impact = _lost(assignment, form), _impact(assignment, form)
        return fragment("assignments/_waiting.html", assignment=assignment, lost=lost, impact=impact)
    return see_other(url_for("assignments.edit", assignment_id=assignment.id))


def _lost(assignment: Assignment, form: EditForm) -> waiting.Waiting | None:
    change = form.change(assignment, today(), owner=False)
    if change is None or not 1 <= change.quantity <= 100_000:
        return None
    try:
        check_day("effective_from", change.effective_from)
    except Invalid:
        return None
    return waiting.waiting(assignment, change.quantity, change.effective_from, today())


def _impact(assignment: Assignment, form: EditForm) -> OwnImpact | None:
    """What own prices bring that are to change; None where none is, or none can be."""
    change = form.change(assignment, today(), owner=False)
    if change is None or not change.own:
        return None
    try:
        planned = own_prices.foresee_own_change(assignment, dict(change.own), change.effective_from, today())
    except RuleBroken:
        return None
    found = impact_of([planned])
    return found if found.hits else None


def _save(assignment: Assignment, ask: Callable[..., Any]) -> Any:
    """Save what was typed; else ask again, in the row or on the page, and say what is in the way."""
    _check_open(assignment)
    form = EditForm()
    change = form.change(assignment, today(), owner=may_own())
    if change is None:
        return ask(assignment, form, 422)
    if form.is_stale(assignment.version):
        return ask(assignment, form, 409, stored=_stored(assignment))
    if not form.seen.data and (lost := _lost(assignment, form)):
        return ask(assignment, form, 409, lost=lost, impact=_impact(assignment, form), asked=True)
    impact = _impact(assignment, form)
    if impact and form.confirmed.data != impact.fingerprint:
        return ask(assignment, form, 409, impact=impact, asked=True)
    try:
        changing.make_change(assignment, change, today(), by=current_user.email, now=now())
    except Invalid as problem:
        db.session.rollback()
        put_error(form, problem)
        return ask(assignment, form, 422)
    db.session.commit()
    flash(f"Saved {assignment.package.name}.")
    return None


def _editor(assignment: Assignment, form: EditForm, status: int = 200, **more: Any) -> Any:
    """The page that asks what is to change."""
    return render_template("assignments/edit.html", **_asked(assignment, form, **more)), status


def _asked(assignment: Assignment, form: EditForm, **more: Any) -> dict[str, Any]:
    """What row and page ask with."""
    form.stand_on(assignment.version)
    return {
        "assignment": assignment,
        "form": form,
        "begun": has_begun(assignment),
        "own_from": own_prices.earliest_day(assignment, today()),
        "own_fields": {
            name: label for name, label in PRICE_LABELS.items() if own_prices.is_open(assignment, name)
        },
        "today": today(),
        "earliest": earliest_last_day(assignment.locked_until, assignment.start_date),
        **more,
    }


def _stored(assignment: Assignment) -> list[tuple[str, str]]:
    """What is stored now, for whoever typed over it."""
    from_day = own_prices.earliest_day(assignment, today())
    return [
        ("Quantity", whole(assignment.last_quantity)),
        ("Start Date", day(assignment.start_date)),
        ("End Date", day(assignment.end_date) or "none"),
        ("Own prices", own_prices.in_words(assignment.own_on(from_day), assignment.customer.currency)),
        ("Auto Decrement Credit", "yes" if assignment.auto_decrement_credit else "no"),
    ]


def _check_open(assignment: Assignment) -> None:
    """An assignment that has ended is changed no more."""
    if assignment.has_ended_on(today()):
        own = own_given(assignment.own_on(assignment.end_date or today()))
        ids = {"did_id": assignment.did_id} if assignment.did_id else {"customer_id": assignment.customer_id}
        raise RuleBroken(
            f"{assignment.package.name} ended on {day(assignment.end_date)} and can no longer be changed.",
            WayOut("Assign it again", "assignments.new", {**ids, "package": assignment.package_id, **own}),
        )


def _home(assignment: Assignment) -> str:
    return url_for("assignments.show", assignment_id=assignment.id)


@bp.post("/assignments/<int:assignment_id>/own-prices/planned/delete")
def delete_planned(assignment_id: int) -> Any:
    """Take back own prices that are planned from a day on."""
    assignment = _locked(assignment_id)
    _check_open(assignment)
    effective_from = day_or_none(request.form.get("effective_from", ""))
    if effective_from is None:
        raise Invalid("effective_from", "Effective from is not a valid date.")
    own_prices.drop_planned(assignment, effective_from, today())
    db.session.commit()
    flash(f"Removed the own prices planned from {day(effective_from)}.")
    return see_other(_home(assignment))


# -- ending


@bp.get("/assignments/<int:assignment_id>/end")
def ask_end(assignment_id: int) -> Any:
    """Ask for its last day; with one in the address, say what ending on it comes to."""
    is_chosen = bool(request.args.get("end_date") or request.args.get("last_day"))
    form = EndForm(formdata=request.args if is_chosen else None)
    if is_chosen:
        form.validate()
    return _end(_get(assignment_id), form)


@bp.post("/assignments/<int:assignment_id>/end")
def end(assignment_id: int) -> Any:
    """Set the end date: what every refusal offers as its way out."""
    assignment = _locked(assignment_id)
    form = EndForm()
    if form.validate() and form.day is None:
        put_error(form, Invalid("end_date", "Choose its last day."))
    if (
        may_own()
        and changing.overrides(assignment, form.day)
        and "reason" in request.form
        and not form.override
    ):
        put_error(form, Invalid("reason", "Enter why the lock is overridden: the reason is kept."))
    if form.errors:
        return _end(assignment, form, 422)
    if form.is_stale(assignment.version):
        return _end(assignment, form, 409, stale=True)
    reason = form.override if may_own() else ""
    try:
        changing.change_end(
            assignment, form.day, today(), by=current_user.email, now=now(), override_reason=reason
        )
    except Invalid as problem:
        db.session.rollback()
        put_error(form, problem)
        return _end(assignment, form, 422)
    db.session.commit()
    flash(f"{assignment.package.name} ends on {day(assignment.end_date)}.")
    return _done(assignment)


@bp.post("/assignments/<int:assignment_id>/delete")
def delete(assignment_id: int) -> Any:
    """Remove it, or make today its last day, by the rules for that."""
    assignment = _locked(assignment_id)
    form = EndForm()
    if form.is_stale(assignment.version):
        return _end(assignment, form, 409, stale=True)
    name, package_id, customer = assignment.package.name, assignment.package_id, assignment.customer
    did = assignment.did if request.args.get("on") == "did" else None
    reason = form.override if may_own() else ""
    try:
        removed = deletion.delete_assignment(
            assignment, today(), by=current_user.email, now=now(), override_reason=reason
        )
    except Refused:
        db.session.rollback()
        if may_own() and "reason" in request.form:
            put_error(form, Invalid("reason", "Enter why the lock is overridden: the reason is kept."))
        return _end(assignment, form, 409)
    db.session.commit()
    flash(f"Removed {name}." if removed else f"{name} ends today.")
    if not removed:
        return _done(assignment)
    section = of_did(did) if did else around(customer, package_id)
    return changed_section(section) if is_htmx() else see_other(section.home)


def _done(assignment: Assignment) -> Any:
    return changed_section(section_around(assignment)) if is_htmx() else see_other(_home(assignment))


def _end(assignment: Assignment, form: EndForm, status: int = 200, **more: Any) -> Any:
    """The question, or the refusal with its way out: in the dialog, or on a page."""
    refusal = deletion.why_not_delete_assignment(assignment, today())
    if not refusal and not form.is_answered:
        form.last_day.data = today()
    elif refusal and refusal.way_out and not form.is_answered:
        form.last_day.data = refusal.possible_on
    context = {
        "assignment": assignment,
        "form": form,
        "today": today(),
        "removable": deletion.is_removable(assignment, today()),
        "refusal": refusal,
        **_effect(assignment, form),
        **more,
    }
    if is_htmx():
        return fragment("assignments/_end.html", status, **context)
    return render_template("assignments/end.html", **context), status


def _effect(assignment: Assignment, form: EndForm) -> dict[str, Any]:
    """What ending on the day that was chosen comes to, or why it cannot end then; nothing before one is chosen."""
    last_day = form.day
    if last_day is None or form.end_date.errors or form.last_day.errors or not _runs(assignment):
        return {"last_day": None}
    try:
        changing.check_change_of_end(assignment, last_day, today(), override=may_own())
    except Invalid as problem:
        return {"last_day": last_day, "not_then": problem.sentence}
    return {"last_day": last_day, "effect": ending.remaining(assignment, last_day, today())}


def _runs(assignment: Assignment) -> bool:
    return assignment.start_date <= today() and not assignment.has_ended_on(today())
