"""`portal import undo 12`: take an import of calls back, or continue to.

Exit status: 0 it is taken back, or --check has shown what that would do; 1 refused, 3 it was stopped (SIGTERM, Ctrl-C).
"""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from portal.commands import NUMBER, with_app
from portal.commands.import_calls import BY, named
from portal.domain.wording import day, money, plural, whole
from portal.exit_status import NOT_ALL

if TYPE_CHECKING:
    from datetime import date

    from portal.models import CallImport
    from portal.services.calls.would_undo import OfCustomer

CLOSED_SHOWN = 100


@click.command()
@click.argument("import_id", metavar="IMPORT", type=NUMBER)
@click.option("--reason", default="", help="Why it is undone. The reason is kept, for staff only.")
@click.option("--check", is_flag=True, help="Only show what undoing it would do. Nothing is stored.")
@with_app()
def undo(import_id: int, reason: str, check: bool) -> None:
    """Undo import number IMPORT: its calls leave, or go back to the files that held them too.

    Free minutes, minimum spends and balances are worked out again without them. If it was stopped or killed, give the
    command again and it continues.
    """
    from portal.clock import now, today
    from portal.domain.errors import Invalid
    from portal.extensions import db
    from portal.services.calls import undoing, would_undo
    from portal.stopping import asked_to_stop

    import_ = named(import_id)
    if check:
        undoing.check_can_be_undone(import_, now())
        return _check_undo(import_)
    if import_.state != "undoing":
        try:
            undoing.start_undoing(import_, reason, by=BY, now=now())
        except Invalid as refusal:
            raise click.UsageError(f"--reason: {refusal.sentence}") from None
    db.session.commit()
    with asked_to_stop() as is_asked_to_stop:
        done = undoing.carry_out(import_id, today(), now, is_asked_to_stop=is_asked_to_stop)
    for line in _taken_back(would_undo.taken_from(done), would_undo.too_old(would_undo.taken_from(done))):
        click.echo(line)
    for of in would_undo.left_alone(import_) if done.finished_at else ():
        click.echo(f"{of.name} (#{of.id}) is archived: {plural(of.calls, 'call')} left as they are.")
    said = f"{plural(done.done_count - done.given_count, 'call')} taken back"
    given = f", {whole(done.given_count)} given back to other files" if done.given_count else ""
    if not done.finished_at:
        click.echo(f"Stopped: {said}{given}. portal import undo {import_id} continues.", err=True)
        sys.exit(NOT_ALL)
    click.echo(f"Import {import_id} undone: {said}{given}.")


def _check_undo(import_: "CallImport") -> None:
    from portal.clock import today
    from portal.database import reading
    from portal.extensions import db
    from portal.services.calls import would_undo

    db.session.rollback()
    with reading():
        would = would_undo.would_undo(import_, today())
        for line in _taken_back(would.customers, would_undo.too_old(would.customers)):
            click.echo(line)
    for of in would.left:
        click.echo(f"{of.name} (#{of.id}) is archived: {plural(of.calls, 'call')} would be left as they are.")
    click.echo(
        f"Nothing was undone. {plural(would.leave, 'call')} to take back, "
        f"{whole(would.given)} to give back to other files."
    )


def _taken_back(customers: "list[OfCustomer]", too_old: "dict[int, tuple[date, date]]") -> Iterator[str]:
    """What leaves each customer, and the periods that are not reopened, a line each."""
    from portal.clock import today
    from portal.services.calls.closed_periods import closed_periods

    for of in customers:
        amount, days = money(of.amount, of.currency), f"{day(of.first_day)} to {day(of.last_day)}"
        yield f"{of.name} (#{of.id}): {plural(of.calls, 'call')}, {amount} {of.currency}, {days}"
    closed = closed_periods(too_old, today(), CLOSED_SHOWN)
    for period in closed[:CLOSED_SHOWN]:
        days = f"{day(period.begins)} to {day(period.last_day)}"
        yield f"Not reopened: {period.customer} (#{period.customer_id}), {period.package}, {days}"
    if len(closed) > CLOSED_SHOWN:
        yield f"Not reopened: more than these {CLOSED_SHOWN} periods."
