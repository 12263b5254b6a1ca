"""Runs: simulate or post what is due, each with its report; a long one shows how far it is."""

from datetime import timedelta
from functools import partial
from typing import Any

from flask import current_app, flash, render_template, request, url_for
from flask_security import current_user
from sqlalchemy import select
from werkzeug.wrappers import Response

from portal.clock import now, today
from portal.domain.errors import RuleBroken
from portal.domain.wording import plural
from portal.extensions import db
from portal.models import Charge, Customer, Outcome, Run, RunState
from portal.services.charges.explaining import explained
from portal.services.exports import runs as exports
from portal.services.overview import watch
from portal.services.overview.refreshing import refresh
from portal.services.overview.remembering import Reading
from portal.services.runs import reports, runs
from portal.services.runs.gap import LongAgo, check_gap
from portal.services.runs.undoing import has_something_to_undo, undoings_of, undone_among
from portal.tasks import queue
from portal.web.http.access import may_own
from portal.web.http.afterwards import afterwards
from portal.web.http.bounds import row_id
from portal.web.http.htmx import fragment, is_htmx, see_other
from portal.web.runs import bp
from portal.web.runs.forms import RunForm
from portal.web.shared.exports import FORM, send
from portal.web.shared.fields import day_or_none, name_for_field
from portal.web.shared.lists import list_state

BELOW_NAMED = 50
KINDS = {"simulations": True, "postings": False}


@bp.get("")
def index() -> Any:
    state = list_state(("newest",), kind=("", *KINDS))
    page = reports.run_page(state.after, state.before, KINDS.get(state["kind"]))
    totals = reports.totals_of(page.rows)
    return render_template(
        "runs/index.html",
        page=page,
        totals=totals,
        undone=undoings_of(page.rows),
        state=state,
        now=now(),
        is_interrupted=_is_interrupted,
    )


@bp.get(f"/list.{FORM}")
def download(form: str) -> Any:
    """All that the list finds, as a file."""
    state, moment = list_state(("newest",), kind=("", *KINDS)), now()
    return send(exports.runs(lambda run: _is_interrupted(run, moment), KINDS.get(state["kind"])), form)


# -- starting one


@bp.get("/new")
def new() -> Any:
    """Run Package; the address may name the customer and the day."""
    customer = db.session.get(Customer, request.args.get("customer_id", 0, row_id))
    through = day_or_none(request.args.get("through", "")) or today()
    form = RunForm(formdata=None, customer=name_for_field(customer), through=through)
    return render_template("runs/new.html", form=form, today=today())


@bp.post("")
def create() -> Any:
    form = RunForm()
    if not form.validate_on_submit():
        return render_template("runs/new.html", form=form, today=today()), 422
    simulate, customer = form.simulate.data == "yes", form.customer.customer
    try:
        if not simulate and not customer:
            _ask_if_long_ago(form.through.data)
        run = _started(form.through.data, simulate=simulate, customer_id=customer.id if customer else None)
    except RuleBroken as refusal:
        db.session.rollback()
        context = {"refusal": refusal, "long_ago": isinstance(refusal, LongAgo)}
        return render_template("runs/new.html", form=form, today=today(), **context), 409
    return _carried_out(run)


def _ask_if_long_ago(through: Any) -> None:
    """Raise LongAgo where the last run for everyone was long ago, unless somebody was asked and said yes."""
    if request.form.get("catch_up") != "yes" and through <= today():
        check_gap(through)


def _started(through: Any, **asked: Any) -> Run:
    return runs.start(through, today=today(), by=str(current_user.email), now=now(), **asked)


def _carried_out(run: Run) -> Response:
    """Do the run at once where it is short; else hand it on, and show how far it is. Commits."""
    run_id = run.id
    if run.due_count > runs.SMALL:
        queue.enqueue("charge", run_id=run_id)
        db.session.commit()
        return see_other(url_for("runs.show", run_id=run_id))
    db.session.commit()
    run = runs.carry_out(run_id, today(), now, current_app.config["RUN_CHUNK"])
    if not run.simulate:
        flash(f"Posted {plural(run.charge_count, 'charge')}." if run.charge_count else "Nothing was due.")
    if run.held_count:
        flash(f"{plural(run.held_count, 'assignment')} held until somebody chooses.", "warning")
    if run.failed_count:
        flash(f"{plural(run.failed_count, 'assignment')} failed: see below.", "error")
    return see_other(url_for("runs.show", run_id=run_id))


# -- one run


@bp.get("/<int:run_id>")
def show(run_id: int) -> Any:
    return _page(db.get_or_404(Run, run_id))


def _page(run: Run, status: int = 200, **more: Any) -> Any:
    """How far a run is, or, once it is done, its report."""
    state = list_state(("assignment",))
    is_done, is_interrupted = run.state == RunState.DONE, _is_interrupted(run, now())
    page = reports.line_page(run, state.after, state.before) if is_done else None
    context = {
        "run": run,
        "is_interrupted": is_interrupted,
        "made_good_by": _made_good_by(run, is_interrupted),
        **_progress(run),
        "totals": reports.totals_of([run])[run.id],
        "page": page,
        "told": explained(page.rows) if page else [],
        "undone_lines": undone_among([row.id for row in page.rows]) if page and not run.simulate else (),
        "passed_over": {outcome: reports.exceptions_of(run, outcome) for outcome in Outcome},
        "below_named": BELOW_NAMED,
        **_below(run),
        "postings": reports.postings_of(run) if run.simulate else [],
        "may_be_posted": run.through <= today(),
        **_undone(run),
        "can_be_undone": may_own() and has_something_to_undo(run),
        "now": now(),
        "today": today(),
    }
    return render_template("runs/show.html", **context, **more), status


def _is_interrupted(run: Run, moment: Any) -> bool:
    """Whether it stopped without being done, and nobody is going to take it up unasked."""
    return runs.is_interrupted(run, moment) and not queue.has(run_id=run.id)


def _made_good_by(run: Run, is_interrupted: bool) -> Run | None:
    stands_still = is_interrupted or run.state == RunState.STOPPED
    return runs.made_good_by(run) if stands_still and not run.simulate else None


def _undone(run: Run) -> dict[str, Any]:
    """How it was undone, and whether that goes on by itself where it is not done."""
    undone = undoings_of([run])[run.id]
    return {
        "undone": undone,
        "undo_goes_on": bool(undone) and (not undone[0].is_silent(now()) or queue.has(undo_id=undone[0].id)),
    }


def _progress(run: Run) -> dict[str, Any]:
    """How far it is, how fast, how long it still takes; and for what it waits."""
    is_silent = runs.is_interrupted(run, now())
    waits = run.state == RunState.RUNNING and (
        queue.has(run_id=run.id) if is_silent else queue.rests(run_id=run.id)
    )
    return {
        "rate": reports.rate(run, now()),
        "left": reports.left(run, now()),
        "waits": waits,
        "has_worker": waits and queue.has_worker(),
    }


def _below(run: Run) -> dict[str, Any]:
    """Who was charged by the run and is below their limit now."""
    if run.state != RunState.DONE or run.simulate:
        return {"below": []}
    reading = Reading(today())
    charged = Customer.id.in_(select(Charge.customer_id).where(Charge.run_id == run.id))
    found = watch.below(reading, charged, of=run.id, most=BELOW_NAMED)
    if reading.late:
        afterwards(partial(refresh, today(), reading.late))
    since = now() - timedelta(seconds=reading.age) if reading.age is not None else None
    return {"below": found, "below_as_of": since}


@bp.get("/<int:run_id>/progress")
def progress(run_id: int) -> Any:
    """How far it is, for a page that asks again; the page itself, where nobody but a person asks."""
    run = db.get_or_404(Run, run_id)
    is_over = run.state != RunState.RUNNING or _is_interrupted(run, now())
    if is_over or not is_htmx():
        return see_other(url_for("runs.show", run_id=run_id))
    return fragment("runs/_progress.html", run=run, **_progress(run))


@bp.post("/<int:run_id>/resumption")
def resume(run_id: int) -> Any:
    """Go on with a run that was stopped or interrupted."""
    run = db.get_or_404(Run, run_id)
    if (run.state == RunState.RUNNING and queue.has(run_id=run_id)) or not runs.take_up(run, now()):
        raise RuleBroken("This run is not interrupted: it is done, or somebody else has continued it.")
    return _carried_out(run)


@bp.post("/<int:run_id>/stop")
def stop(run_id: int) -> Any:
    runs.stop(db.get_or_404(Run, run_id), now())
    db.session.commit()
    flash("The run stops after the assignments being processed now. What it posted stays.")
    return see_other(url_for("runs.show", run_id=run_id))


@bp.post("/<int:run_id>/postings")
def post(run_id: int) -> Any:
    """Post what a simulation showed; or say what has changed since, and ask again."""
    simulation = db.get_or_404(Run, run_id)
    seen = request.form.get("fingerprint", "")[:64]
    if not simulation.simulate or simulation.state != RunState.DONE:
        raise RuleBroken("Only a completed simulation can be posted.")
    if simulation.customer_id is None:
        try:
            _ask_if_long_ago(simulation.through)
        except LongAgo as refusal:
            return render_template(
                "runs/catch_up.html", run=simulation, refusal=refusal, fingerprint=seen
            ), 409
    asked = {"simulate": False, "customer_id": simulation.customer_id, "simulation_id": simulation.id}
    if simulation.due_count > runs.SMALL:
        return _carried_out(_started(simulation.through, **asked, seen=seen))
    try:
        runs.check_unchanged(simulation, seen, today())
    except runs.PreviewOutdated as outdated:
        context = {"run": simulation, "found": outdated.differences, "sentence": outdated.sentence}
        context["catch_up"] = request.form.get("catch_up") == "yes"
        names = reports.customer_names([difference.line for difference in outdated.differences.first])
        return render_template("runs/changed.html", **context, customers=names, today=today()), 409
    return _carried_out(_started(simulation.through, **asked))
