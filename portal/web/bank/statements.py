"""Bank statements: taking a file in, what its columns mean, and what has become of the lines of one."""

from pathlib import PurePath
from typing import Any, BinaryIO, cast

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_security import current_user
from sqlalchemy.orm import undefer
from werkzeug.datastructures import FileStorage

from portal.clock import now, today
from portal.domain.bank_files.layout import WORDS
from portal.domain.bank_files.statement import Line
from portal.domain.csv_files.layout import DayOrder
from portal.domain.errors import Invalid
from portal.domain.wording import plural
from portal.extensions import db
from portal.models import BankFile, BankStatement, LineState
from portal.models.company import company
from portal.services import listing
from portal.services.bank import exact, keeping, lists
from portal.services.bank.exact import Booked
from portal.services.bank.keeping import Kept
from portal.services.bank.proposals import propose
from portal.services.bank.reading import Table
from portal.tasks import queue
from portal.web.bank.forms import BankLayoutForm, StatementForm, bank_layout_form
from portal.web.http.htmx import fragment, is_htmx, see_other
from portal.web.http.locks import lock_or_404
from portal.web.shared.fields import put_error
from portal.web.shared.lists import list_state

bp = Blueprint("bank_statements", __name__, url_prefix="/bank-statements")

STATES = {LineState.OPEN: "Open", LineState.BOOKED: "Booked", LineState.SET_ASIDE: "Set aside"}
# So many first lines are shown while columns are described, and so many refusals are told.
FIRST_LINES = REFUSED_SHOWN = 5


def _by() -> str:
    return str(current_user.email)


@bp.get("")
def index() -> Any:
    return _index(StatementForm(formdata=None))


def _index(form: StatementForm, status: int = 200) -> Any:
    accounts = lists.accounts()
    state = list_state(("newest",), account=("", *accounts))
    page = listing.page(lists.find_statements(state["account"]), lists.NEWEST, state.after, state.before)
    return render_template(
        "bank_statements/index.html",
        form=form,
        page=page,
        sums=lists.sums_of([statement.id for statement in page.rows]),
        waiting=lists.waiting_files(),
        accounts=accounts,
        account_choices=[("", "All accounts"), *((account, account) for account in accounts)],
        state=state,
    ), status


@bp.post("")
def create() -> Any:
    """Keep the statements of a file. Nothing of them is booked by it."""
    form = StatementForm()
    if not form.validate_on_submit():
        return _index(form, 422)
    upload = form.file.data
    if not isinstance(upload, FileStorage) or not upload.filename:
        put_error(form, Invalid("file", "Choose a bank statement."))
        return _index(form, 422)
    name = PurePath(upload.filename.replace("\\", "/")).name
    try:
        kept = keeping.accept(
            cast(BinaryIO, upload.stream), name, account=form.account.data or "", by=_by(), now=now()
        )
    except Invalid as refusal:
        db.session.rollback()
        put_error(form, refusal)
        return _index(form, 422)
    db.session.commit()
    return _to(kept)


def _to(kept: Kept) -> Any:
    """The statement of a file, the list where it has several, or the question what its columns mean."""
    if kept.waits:
        assert kept.file
        return see_other(url_for(".map_columns", file_id=kept.file.id))
    if kept.was_there:
        flash("This statement was there already. Nothing was changed.")
    else:
        there = sum(statement.known_count for statement in kept.statements)
        known = f" {plural(there, 'line')} of it stood in an earlier statement." if there else ""
        flash(f"Imported {plural(kept.new, 'line')}.{known}")
    if len(kept.statements) > 1:
        return see_other(url_for(".index"))
    return see_other(url_for(".show", statement_id=kept.statements[0].id))


# -- what the columns of a file mean


@bp.get("/files/<int:file_id>/columns")
def map_columns(file_id: int) -> Any:
    """Ask what the columns mean; with what was chosen so far in the address, show the first lines as they are read."""
    file = db.get_or_404(BankFile, file_id, options=[undefer(BankFile.content)])
    table = _table(file, request.args)
    chosen = "booked_on" in request.args
    form = bank_layout_form(
        table, company().default_currency, formdata=request.args if chosen else None, meta={"csrf": False}
    )
    if chosen:
        form.validate()
    return _ask(file, table, form)


@bp.post("/files/<int:file_id>/columns")
def keep_columns(file_id: int) -> Any:
    file = lock_or_404(BankFile, file_id)
    table = _table(file, request.form)
    form = bank_layout_form(table, company().default_currency)
    if not form.validate_on_submit():
        return _ask(file, table, form, 422)
    try:
        kept = keeping.describe(file, table, form.layout(table), form.own.data or "")
    except Invalid as refusal:
        db.session.rollback()
        put_error(form, _at_its_field(refusal))
        return _ask(db.get_or_404(BankFile, file_id), table, form, 422)
    db.session.commit()
    return _to(kept)


@bp.post("/files/<int:file_id>/discard")
def discard(file_id: int) -> Any:
    """Do away with a file that waits for its columns."""
    file = lock_or_404(BankFile, file_id)
    name = file.name
    keeping.discard(file)
    db.session.commit()
    flash(f"Discarded {name}.")
    return see_other(url_for(".index"))


def _at_its_field(refusal: Invalid) -> Invalid:
    name = {"account": "own", "file": "amount"}.get(refusal.field, refusal.field)
    return Invalid(name, refusal.sentence)


def _table(file: BankFile, values: Any) -> Table:
    """The file, its columns named by the line that is chosen; by the one that was found, if it has no such line."""
    text = values.get("heading", "")
    line = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else None
    try:
        return keeping.table_of(file, line)
    except Invalid:
        return keeping.table_of(file)


def _ask(file: BankFile, table: Table, form: BankLayoutForm, status: int = 200) -> Any:
    lines = _first_lines(table, form)
    return render_template(
        "bank_statements/columns.html",
        file=file,
        asks=_unanswered(table, form, bool(lines)),
        form=form,
        names=list(WORDS),
        lines=lines,
    ), status


def _unanswered(table: Table, form: BankLayoutForm, is_read: bool) -> list[str]:
    """What somebody still has to say: what was asked at first, without what the form says by now."""
    if "booked_on" not in request.values:
        return list(table.asks.values())
    if is_read:
        return []
    # The first column is number 0: an answer like any other.
    empty = (None, "", DayOrder.NONE)
    return [ask for name, ask in table.asks.items() if name not in form or form[name].data in empty]


def _first_lines(table: Table, form: BankLayoutForm) -> list[tuple[Line, str]]:
    """The first lines as they would be read, each with its currency; none as long as too little is said of them."""
    if form.errors:
        return []
    try:
        read = table.read(form.layout(table), form.own.data or "")
    except Invalid:
        return []
    return [(line, one.currency) for one in read for line in one.lines][:FIRST_LINES]


# -- one statement


@bp.get("/<int:statement_id>")
def show(statement_id: int) -> Any:
    statement = db.get_or_404(BankStatement, statement_id)
    state = list_state(("day",), state=("", *(state.value for state in LineState)))
    which = LineState(state["state"]) if state["state"] else None
    page = lists.line_page(statement, which, state.text, state.after, state.before)
    context: dict[str, Any] = {
        "statement": statement,
        "page": page,
        "state": state,
        "proposals": propose(page.rows),
        "sums": (sums := lists.sums_of([statement.id])[statement.id]),
        "states": [("", "All", statement.line_count), *((s.value, STATES[s], sums[s].count) for s in STATES)],
    }
    if is_htmx():
        return fragment("bank_statements/_lines.html", **context)
    return render_template(
        "bank_statements/show.html",
        **context,
        exact=exact.exact_of(statement),
        paid_out=lists.paid_out(statement),
        arrival=lists.arrival_of(statement),
        gap_before=lists.gap_before(statement),
    )


@bp.post("/<int:statement_id>/bookings")
def book_exact(statement_id: int) -> Any:
    """Book all exact lines: at once where they are few, else handed on."""
    statement = db.get_or_404(BankStatement, statement_id)
    if exact.exact_of(statement).count > exact.SMALL:
        statement.booking_by = _by()
        queue.enqueue("book_lines", statement_id=statement_id)
        db.session.commit()
        flash("The exact lines are being booked. You can leave this page and come back to it.")
        return redirect(url_for(".show", statement_id=statement_id), code=303)
    booked = exact.book_exact(statement, by=_by(), today=today(), now=now)
    _tell(booked)
    return redirect(url_for(".show", statement_id=statement_id), code=303)


def _tell(booked: Booked) -> None:
    flash(f"Booked {plural(booked.count, 'line')}." if booked.count else "There was no exact line to book.")
    for _line, sentence in booked.refused[:REFUSED_SHOWN]:
        flash(sentence, "problem")
    if (more := len(booked.refused) - REFUSED_SHOWN) > 0:
        flash(f"{plural(more, 'more line')} could not be booked and stay open.", "problem")
