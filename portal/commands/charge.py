"""Post every charge that is due, or simulate it: the night's work, fit for cron.

Exit status: 0 all is posted (or simulated), 1 refused, 3 some assignments failed or nothing was posted
because a simulation no longer holds.
"""

import json
import sys
from contextlib import suppress
from datetime import date
from typing import TYPE_CHECKING, Any

import click

from portal.commands import CALLED, DAY, NUMBER, with_app
from portal.exit_status import NOT_ALL

if TYPE_CHECKING:
    from portal.models import Customer, Run
    from portal.services.billing.planning import Totals


@click.command()
@click.option("--date", "on", type=DAY, help="Up to and including this day (YYYY-MM-DD). Default: today.")
@click.option("--customer", "who", help=f"For one customer: {CALLED}. Default: everyone.")
@click.option("--simulate", is_flag=True, help="Show the report and post nothing; any day is allowed.")
@click.option("--run", "run_id", type=NUMBER, help="Continue this run instead of starting one.")
@click.option("--undo", "undo_id", type=NUMBER, help="Continue undoing a run, begun on its page.")
@click.option(
    "--catch-up",
    is_flag=True,
    help="Yes, the last run for everyone was more than 31 days before: post it all.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_app()
def command(
    on: date | None,
    who: str | None,
    simulate: bool,
    run_id: int | None,
    undo_id: int | None,
    catch_up: bool,
    as_json: bool,
) -> None:
    """Post every charge due up to a day, each missed day with its own charge date.

    Started again, or several times at once, it posts each charge once. If it was killed, start it again and it goes
    on. PORTAL_RUN_CHUNK says how many assignments go into one transaction. Without a worker it first carries out the
    runs that were started on a page and wait. A run for everyone also discards files of calls that have waited too long
    for somebody (PORTAL_WAITING_FILE_DAYS).

    \b
    Every night:  15 1 * * *  /usr/local/bin/portal charge
    """

    from portal.clock import today
    from portal.services.charges import sums
    from portal.tasks.foreground import do_what_waits

    if (run_id or undo_id) and (on or who is not None or simulate or catch_up or (run_id and undo_id)):
        raise click.UsageError("--run and --undo continue what was started: leave out the other options.")
    if undo_id:
        _undo(undo_id)
        return
    waited = do_what_waits("charge", "charge_shard", "undo").failed if not run_id else []
    run = _taken_up(run_id) if run_id else _started(on or today(), customer_called(who), simulate, catch_up)
    run = _carried_out(run)
    answer = _answer(run)
    click.echo(json.dumps(answer, indent=2) if as_json else "\n".join(_lines(answer)))
    if run.state == "stopped":
        click.echo(f"Stopped. portal charge --run {run.id} continues it.", err=True)
        sys.exit(NOT_ALL)
    for sentence in waited:
        click.echo(f"What was started on a page could not be done: {sentence}", err=True)
    sums.fold()
    if not (run.simulate or run.customer_id):
        _sweep()
    if run.failed_count or waited:
        sys.exit(NOT_ALL)


def _carried_out(run: "Run") -> "Run":
    """Do a run to its end, or until this process is told to stop (SIGTERM, Ctrl-C): then behind the chunk in hand."""
    from flask import current_app

    from portal.clock import now, today
    from portal.domain.errors import RuleBroken
    from portal.extensions import db
    from portal.services.runs import runs
    from portal.stopping import asked_to_stop

    run_id, chunk = run.id, current_app.config["RUN_CHUNK"]
    with asked_to_stop() as is_asked_to_stop:

        def stop() -> None:
            if is_asked_to_stop():
                with suppress(RuleBroken):  # somebody has stopped it on its page, or the other half has
                    runs.stop(db.session.get_one(type(run), run_id), now())
                db.session.commit()

        return runs.carry_out(run_id, today(), now, chunk, between=stop)


def _sweep() -> None:
    """Once a night is often enough, and this is what every night has."""
    from flask import current_app

    from portal.clock import now
    from portal.extensions import db
    from portal.services.calls import retention
    from portal.services.moving_in import accepting

    days = current_app.config["WAITING_FILE_DAYS"]
    for import_ in retention.sweep(now(), days):
        click.echo(f"Import {import_.id} ({import_.file_name}): {import_.sentence}", err=True)
    for moving in accepting.sweep(now(), days):
        click.echo(f"Import of {moving.kind} {moving.id} ({moving.file_name}): {moving.sentence}", err=True)
    db.session.commit()


def _undo(undo_id: int) -> None:
    from flask import current_app

    from portal.clock import now, today
    from portal.domain.wording import plural
    from portal.extensions import db
    from portal.models import RunUndo
    from portal.services.runs import undoing

    if db.session.get(RunUndo, undo_id) is None:
        raise click.ClickException(f"There is no undoing {undo_id}.")
    done = undoing.carry_out_undoing(undo_id, today(), now, current_app.config["RUN_CHUNK"])
    click.echo(f"Run {done.run_id} undone: {plural(done.charge_count, 'charge')} taken back.")


def customer_called(text: str | None) -> "Customer | None":
    """Who is meant by an account code, a name or #12, as files name customers; None where nobody was named.

    A customer who is named by nothing, as by a script's variable that was never set, is an error, never everyone.
    """
    from portal.services.customers.customers import named

    if text is None:
        return None
    if not text.strip():
        raise click.ClickException(f"The customer is empty. Enter {CALLED}.")
    return named(text)


def _started(through: date, customer: "Customer | None", simulate: bool, catch_up: bool) -> "Run":
    from portal.clock import now, today
    from portal.exit_status import REFUSED, Failed
    from portal.extensions import db
    from portal.services.runs import runs
    from portal.services.runs.gap import LongAgo, check_gap

    whose = customer.id if customer else None
    if whose is None and not simulate and not catch_up and through <= today():
        try:
            check_gap(through)
        except LongAgo as error:
            raise Failed(f"{error.sentence} To post it: portal charge --catch-up.", REFUSED) from error
    run = runs.start(through, simulate=simulate, today=today(), by=_who(), now=now(), customer_id=whose)
    db.session.commit()
    return run


def _who() -> str:
    """Who started it, as a run and its charges keep it: the machine's user."""
    import getpass

    try:
        return f"{getpass.getuser()} (portal charge)"
    except (OSError, KeyError, ImportError):
        return "portal charge"


def _taken_up(run_id: int) -> "Run":
    """A run that somebody else started: the portal, or this command before it was killed."""
    from portal.clock import now
    from portal.extensions import db
    from portal.models import Run, RunState
    from portal.services.runs import runs

    run = db.session.get(Run, run_id)
    if run is None:
        raise click.ClickException(f"There is no run {run_id}.")
    if run.state == RunState.STOPPED:
        runs.take_up(run, now())
        db.session.commit()
    return run


def _answer(run: "Run") -> dict[str, Any]:
    from sqlalchemy import select

    from portal.extensions import db
    from portal.models import RunException
    from portal.services.runs.reports import totals_of

    passed_over = select(RunException).where(RunException.run_id == run.id).order_by(RunException.id)
    return {
        "run": run.id,
        "date": run.through.isoformat(),
        "customer": run.customer.name if run.customer else None,
        "simulate": run.simulate,
        "state": run.state.value,
        "charges": run.charge_count,
        "held": run.held_count,
        "failed": run.failed_count,
        "fingerprint": run.fingerprint,
        "totals": {currency: _sums(sums, currency) for currency, sums in totals_of([run])[run.id].items()},
        "passed_over": [
            {"assignment": row.assignment_id, "outcome": row.outcome.value, "sentence": row.sentence}
            for row in db.session.scalars(passed_over.execution_options(yield_per=1_000))
        ],
    }


def _sums(sums: "Totals", currency: str) -> dict[str, Any]:
    from portal.domain.wording import plain

    named = {name: plain(getattr(sums, name), currency) for name in ("amount", "tax", "cost", "margin")}
    return {"charges": sums.count, **named}


def _lines(answer: dict[str, Any]) -> list[str]:
    """The answer for people and for a log: a line for the run, one for each currency, one for each refusal."""
    from portal.domain.wording import plural

    did = "simulated, nothing posted" if answer["simulate"] else "posted"
    whose = f" for {answer['customer']}" if answer["customer"] else ""
    lines = [
        f"Run {answer['run']}: {plural(answer['charges'], 'charge')} {did} up to {answer['date']}{whose}."
    ]
    if answer["state"] == "refused":
        lines = [
            f"Run {answer['run']}: nothing posted, {answer['failed']} charges changed since the simulation."
        ]
    for currency, sums in answer["totals"].items():
        lines.append(
            f"{currency}: {sums['amount']} in {plural(sums['charges'], 'charge')}, tax {sums['tax']}, "
            f"cost {sums['cost']}, margin {sums['margin']}."
        )
    return lines + [
        f"{row['outcome'].capitalize()}, assignment {row['assignment']}: {row['sentence']}"
        for row in answer["passed_over"]
    ]
