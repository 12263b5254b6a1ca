"""Adding DIDs: one, a block, pasted lines, a file. First what would come of it, then the same again, stored."""

from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_security import current_user
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from portal.clock import now, today
from portal.domain.did_files.layout import WORDS
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
from portal.services.dids.intake import Report, Row
from portal.services.dids.lines import Table, Undescribed, check_layout, remember
from portal.web.dids.forms import FORMS, IntakeForm, LayoutForm, OneForm, TextForm, layout_form, line_or_none
from portal.web.http.access import changes_nothing
from portal.web.http.bounds import row_id
from portal.web.shared.fields import name_for_field, put_error

bp = Blueprint("did_intake", __name__, url_prefix="/dids")

FIRST_ROWS = 5
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
    try:
        report = _report(form)
    except Undescribed as asked:
        return _describe(form, asked.table)
    return _show(form, report) if report else _ask(form, 422)


@bp.post("/new/columns")
@changes_nothing
def columns() -> Any:
    """Ask what the columns mean; with what was chosen so far, show the first lines as they would be read."""
    form = _form()
    table = _table(form)
    return _describe(form, table, _chosen(table)) if table else _ask(form, 422)


@bp.post("/new/layout")
def keep_layout() -> Any:
    """Remember what the columns mean, and show what would come of the lines."""
    form = _form()
    table = _table(form)
    if table is None:
        return _ask(form, 422)
    chosen = _chosen(table)
    if chosen is None:
        chosen = layout_form(table, formdata=None)
        put_error(
            chosen, Invalid("heading", "Another line names the columns now: choose again what they mean.")
        )
        return _describe(form, table, chosen, 422)
    if not chosen.validate_on_submit():
        return _describe(form, table, chosen, 422)
    try:
        remember(table, chosen.layout(table))
    except Invalid as refusal:
        db.session.rollback()
        put_error(chosen, refusal)
        return _describe(form, table, chosen, 422)
    db.session.commit()
    assert isinstance(form, TextForm)
    form.heading.data = str(table.heading.lines if table.heading.has_names else 0)
    try:
        report = _report(form)
    except Undescribed:  # it stays remembered, but says nothing of these lines
        put_error(
            chosen,
            Invalid(
                "number",
                "No line has a number here that can be read. Choose another column, or how numbers begin.",
            ),
        )
        return _describe(form, table, chosen, 422)
    return _show(form, report) if report else _ask(form, 422)


def _table(form: IntakeForm) -> Table | None:
    """The text cut into cells, its columns named by the line that was chosen; None where the form says why not."""
    if not form.validate_on_submit():
        return None
    if not isinstance(form, TextForm):
        put_error(form, Invalid("number" if isinstance(form, OneForm) else "first", "It has no columns."))
        return None
    line = line_or_none(request.form.get("column-heading", form.heading.data or ""))
    try:
        return form.table(line)
    except Invalid as error:
        put_error(form, error)
        return None


def _chosen(table: Table) -> LayoutForm | None:
    """What was chosen of the columns; None where that was said of others, as another line names them now."""
    shown = request.form.get("column-shown", type=line_or_none)
    line = table.heading.lines if table.heading.has_names else 0
    return layout_form(table) if shown == line else None


def _describe(form: IntakeForm, table: Table, chosen: LayoutForm | None = None, status: int = 200) -> Any:
    layout = chosen or layout_form(table, formdata=None)
    return render_template(
        "dids/columns.html",
        form=form,
        by=form.by,
        at=table,
        layout=layout,
        shown=table.heading.lines if table.heading.has_names else 0,
        rows=_first_rows(form, table, layout),
    ), status


def _first_rows(form: IntakeForm, table: Table, chosen: LayoutForm) -> list[Row]:
    """The first lines as they would be read; none as long as too little is said of them."""
    if chosen.errors:
        return []
    layout = chosen.layout(table)
    try:
        check_layout(table, layout)
        lines = table.read(layout)
        return did_intake.check(replace(lines, lines=lines.lines[:FIRST_ROWS]), form.wanted).rows
    except Invalid:
        return []


@bp.post("/new/bad-lines.csv")
@changes_nothing
def bad_lines() -> Any:
    """The bad lines as a file, to be mended and sent again."""
    form = _form()
    try:
        report = _report(form)
    except Undescribed as asked:
        return _describe(form, asked.table)
    if report is None:
        return _ask(form, 422)
    text = "".join(csv_lines(("line", "reason", *report.head), report.file_of_bad_lines()))
    headers = {"Content-Disposition": "attachment; filename=bad-lines.csv"}
    return Response(text, mimetype="text/csv", headers=headers)


@bp.post("")
def create() -> Any:
    form = _form()
    try:
        report = _report(form, to_change=True)
    except Undescribed as asked:
        return _describe(form, asked.table)
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
        return _show(form, report, done=len(added) or len(report.assigned))
    return _to(form, added)


def _to(form: IntakeForm, added: list[Did]) -> Any:
    """The DID, where it is one; else the list, with the last on top."""
    if len(added) == 1:
        return redirect(url_for("dids.show", did_id=added[0].id), code=303)
    owner = form.customer.customer
    return redirect(url_for("dids.index", sort="-added", customer=owner.id if owner else None), code=303)


def _said(report: Report, added: list[Did]) -> str:
    """What was done, in a sentence."""
    if not added:
        return (
            f"Assigned {_packages(report.assigned)} to {plural(len(report.assigned), 'DID')} already there."
        )
    new = [row for row in report.new if row.wanted.package]
    what = international(added[0].number) if len(added) == 1 else plural(len(added), "DID")
    also = f" {plural(len(report.assigned), 'DID')} already there got a package." if report.assigned else ""
    if not new:
        return f"Added {what}.{also}"
    to = "it" if len(added) == 1 else "each" if len(new) == len(added) else f"{whole(len(new))} of them"
    return f"Added {what} and assigned {_packages(new)} to {to}.{also}"


def _packages(rows: list[Row]) -> str:
    names = {row.wanted.package.name for row in rows if row.wanted.package}
    return names.pop() if len(names) == 1 else "packages"


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
        report = did_intake.check(lines, form.wanted, form.yes)
        if to_change:
            did_intake.lock_report(report)
            _offer(form)
            return did_intake.check(lines, form.wanted, form.yes) if form.validate() else None
        return report
    except Invalid as error:
        put_error(form, error)
        return None


def _is_new(form: OneForm, report: Report) -> bool:
    """Whether the one number can be added; its field says why not."""
    row = report.rows[0]
    if len(report.rows) > 1:
        put_error(form, Invalid("number", "This is a range of numbers. Add it as a block."))
        return False
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
        says=_says(report) if report.head != ("number",) else [],
        has_columns=isinstance(form, TextForm),
        consequences=consequences(report, today()) if not done else None,
        done=done,
        changed=CHANGED if status == 409 else "",
    ), status


def _says(report: Report) -> list[tuple[str, str]]:
    """Which column of the text was what."""
    columns = report.layout.columns if report.layout else {}
    return [(WORDS[name], report.head[place]) for name, place in columns.items() if place < len(report.head)]
