"""Adding DIDs: one, a block, pasted lines, a file. First what would come of it, then the same again, stored."""

from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_security import current_user
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from portal.clock import now, today
from portal.domain.errors import Invalid
from portal.domain.phone_numbers import international
from portal.domain.terms import PackageType
from portal.domain.wording import plural, whole
from portal.extensions import db
from portal.models import Customer, Did, Package
from portal.services.csv.export import lines as csv_lines
from portal.services.dids import dids
from portal.services.dids import intake as did_intake
from portal.services.dids.consequences import consequences
from portal.services.dids.intake import Report
from portal.web.dids.forms import FORMS, IntakeForm, OneForm
from portal.web.http.access import changes_nothing
from portal.web.http.bounds import row_id
from portal.web.shared.fields import name_for_field, put_error

bp = Blueprint("did_intake", __name__, url_prefix="/dids")

CHANGED = "What would be added or charged has changed since you looked. Check it again, then add."


@bp.get("/new")
def new() -> Any:
    customer_id = request.args.get("customer", type=row_id)
    customer = db.session.get(Customer, customer_id) if customer_id else None
    form = _form(formdata=None, country=dids.last_country(), start_date=today())
    form.customer.data = name_for_field(customer)
    return _ask(form)


@bp.post("/new")
@changes_nothing
def again() -> Any:
    """The form as it was filled in, to change something in it."""
    return _ask(_form())


@bp.post("/new/check")
@changes_nothing
def check() -> Any:
    form = _form()
    report = _report(form)
    return _show(form, report) if report else _ask(form, 422)


@bp.post("/new/bad-lines.csv")
@changes_nothing
def bad_lines() -> Any:
    """The bad lines as a file, to be mended and sent again."""
    form = _form()
    report = _report(form)
    if report is None:
        return _ask(form, 422)
    text = "".join(csv_lines(("line", "reason", *report.head), report.file_of_bad_lines()))
    headers = {"Content-Disposition": "attachment; filename=bad-lines.csv"}
    return Response(text, mimetype="text/csv", headers=headers)


@bp.post("")
def create() -> Any:
    form = _form()
    report = _report(form, to_change=True)
    if report is None:
        return _ask(form, 422)
    try:
        if there := did_intake.taken_before(report, form.token.data):
            flash("These numbers have already been added. Nothing was added twice.")
            return _to(form, there)
    except Invalid as error:
        put_error(form, error)
        return _ask(form, 422)
    if isinstance(form, OneForm) and not _is_new(form, report):
        return _ask(form, 422)
    if form.fingerprint.data != report.fingerprint() and not _needs_no_look(form, report):
        return _show(form, report, 409 if form.fingerprint.data else 200)
    try:
        added = did_intake.take_in(
            report, token=form.token.data or "", by=current_user.email, now=now(), today=today()
        )
    except did_intake.TakenMeanwhile:  # somebody else was quicker: see what is there now
        db.session.rollback()
        report = _report(form)
        return _show(form, report, 409) if report else _ask(form, 422)
    db.session.commit()
    flash(_said(report, added))
    if report.bad:
        return _show(form, report, done=len(added))
    return _to(form, added)


def _to(form: IntakeForm, added: list[Did]) -> Any:
    """The DID, where it is one; else the list, with the last on top."""
    if len(added) == 1:
        return redirect(url_for("dids.show", did_id=added[0].id), code=303)
    owner = form.customer.customer
    return redirect(url_for("dids.index", sort="-added", customer=owner.id if owner else None), code=303)


def _said(report: Report, added: list[Did]) -> str:
    """What was done, in a sentence."""
    names = {row.wanted.package.name for row in report.new if row.wanted.package}
    assigned = sum(row.wanted.package is not None for row in report.new)
    what = international(added[0].number) if len(added) == 1 else plural(len(added), "DID")
    if not names:
        return f"Added {what}."
    to = "it" if len(added) == 1 else "each" if assigned == len(added) else f"{whole(assigned)} of them"
    return f"Added {what} and assigned {names.pop() if len(names) == 1 else 'packages'} to {to}."


def _form(**given: Any) -> IntakeForm:
    """The form of the way that the address asks for."""
    form = FORMS.get(request.values.get("by", ""), OneForm)(**given)
    _offer(form)
    return form


def _offer(form: IntakeForm) -> None:
    query = select(Package).where(Package.archived_on.is_(None), Package.type == PackageType.STANDARD)
    form.offer(
        list(
            db.session.scalars(
                query.options(selectinload(Package.prices)).order_by(Package.search_key, Package.id)
            )
        )
    )


def _report(form: IntakeForm, *, to_change: bool = False) -> Report | None:
    """What would come of it; None where the form itself cannot be read, and says why.

    `to_change`: as things stand once all that it speaks of is locked.
    """
    if not form.validate_on_submit():
        return None
    try:
        lines = form.lines()
        report = did_intake.check(lines, form.wanted)
        if to_change:
            did_intake.lock_report(report)
            _offer(form)
            return did_intake.check(lines, form.wanted) if form.validate() else None
        return report
    except Invalid as error:
        put_error(form, error)
        return None


def _is_new(form: OneForm, report: Report) -> bool:
    """Whether the one number can be added; its field says why not."""
    row = report.rows[0]
    if row.there and not row.is_new:
        whose = f"with {row.there.customer.name}" if row.there.customer else "in stock"
        put_error(form, Invalid("number", f"{international(row.number)} already exists, {whose}."))
    elif row.reason:
        put_error(form, Invalid("number", row.reason))
    return row.is_new


def _needs_no_look(form: IntakeForm, report: Report) -> bool:
    """Whether there is nothing to look at first: one number, and nothing charged."""
    return isinstance(form, OneForm) and not any(row.wanted.package for row in report.new)


def _ask(form: IntakeForm, status: int = 200) -> Any:
    return render_template("dids/new.html", form=form, by=form.by), status


def _show(form: IntakeForm, report: Report, status: int = 200, done: int = 0) -> Any:
    """What would come of it, or, once it is `done`, what is left over."""
    form.fingerprint.data = report.fingerprint()
    return render_template(
        "dids/report.html",
        form=form,
        by=form.by,
        report=report,
        consequences=consequences(report, today()) if not done else None,
        done=done,
        changed=CHANGED if status == 409 else "",
    ), status
