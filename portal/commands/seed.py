"""Load the demo company, once, or a made-up portfolio of any size."""

from datetime import date, timedelta

import click

from portal.commands import DAY, with_app

YEAR, NO_TIME = timedelta(days=365), timedelta(0)
# What it tells reaches a few years back and ahead, and billing knows the days of 2000 to 2199.
FIRST, LAST = date(2005, 1, 1), date(2190, 12, 31)


@click.command()
@click.option(
    "--assignments",
    type=click.IntRange(1, 10_000_000),
    metavar="NUMBER",
    help="Not the demo company: so many assignments, made up, with customers and DIDs to match.",
)
@click.option(
    "--due-on",
    type=DAY,
    metavar="DATE",
    help="With --assignments: the day from which they are charged. Today, if none is given; nobody is due before it.",
)
@click.option(
    "--history",
    is_flag=True,
    help="With --assignments: also a year of runs, one a day, with payments and changes.",
)
@with_app(one_act=False)
def command(assignments: int | None, due_on: date | None, history: bool) -> None:
    """Load the demo company, or as many made-up assignments as are asked for, into an empty portal.

    The same number and day make the same portfolio: every frequency, one match day and several, prices that changed,
    five currencies, customers with one assignment and one with a twentieth of all.
    """
    from flask import current_app

    from portal.clock import today
    from portal.config import DEMO
    from portal.extensions import db
    from portal.services.people import people

    if current_app.config["MODE"] != DEMO:
        raise click.ClickException("The demo company, with its known password, is for demo mode only.")
    if (due_on or history) and not assignments:
        raise click.UsageError("--due-on and --history go with --assignments.")
    if due_on and not FIRST <= due_on <= LAST:
        raise click.UsageError(f"--due-on must be between {FIRST.year} and {LAST.year}.")
    people.ensure_demo_owner()
    db.session.commit()
    if assignments:
        first = (due_on or today()) - (YEAR if history else NO_TIME)
        _write(assignments, first, min(due_on or today(), today()) if history else first)
    else:
        _load(today())


def _load(today: date) -> None:
    from portal.services import demo

    if reason := demo.why_not_load():
        click.echo(reason)
        return
    click.echo("Loading the demo company: packages, customers, DIDs and half a year of charges.")
    demo.load(today, say=click.echo)
    click.echo("The demo company is loaded.")


def _write(assignments: int, since: date, until: date) -> None:
    from portal.domain.wording import long_day, plural
    from portal.extensions import db
    from portal.services import demo, portfolio

    if reason := portfolio.why_not_write():
        raise click.ClickException(reason)
    portfolio.write(assignments, since, say=click.echo)
    demo.let_in(portfolio.largest())
    db.session.commit()
    portfolio.live(since, until, say=click.echo)
    click.echo(f"Made up: {plural(assignments, 'assignment')}, charged from {long_day(since)} on.")
