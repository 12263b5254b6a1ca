"""Add the DIDs of a file. `portal import dids FILE`: as *Add DIDs* does from a CSV file, checked first with --check.

Exit status: 0 all is added, 1 refused, 3 there are bad lines.
"""

import secrets
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from portal import private
from portal.commands import CALLED, DAY, with_app
from portal.domain.wording import listed, money, plural, whole
from portal.exit_status import NOT_ALL

if TYPE_CHECKING:
    from portal.services.dids.intake import Report, Wanted
    from portal.services.dids.lines import Lines

BY = "portal import"
BAD_SHOWN = 20


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--check", is_flag=True, help="Only show what would be added and charged. Nothing is stored.")
@click.option("--country", default="", help="Country of numbers as dialled within it, such as GB.")
@click.option("--customer", help=f"Customer of lines that name none: {CALLED}. Without one: into stock.")
@click.option("--package", help="Package of lines that name none.")
@click.option("--start-date", type=DAY, help="Start date of lines that name none. Default: today.")
@click.option("--assign-there", is_flag=True, help="Assign packages to DIDs that are already there.")
@click.option("--assign-twice", is_flag=True, help="Also to those that already have the package.")
@click.option(
    "--bad-lines", type=click.Path(dir_okay=False, path_type=Path), help="Write the bad lines here, as CSV."
)
@with_app()
def dids(
    file: Path,
    check: bool,
    country: str,
    customer: str | None,
    package: str | None,
    start_date: date | None,
    assign_there: bool,
    assign_twice: bool,
    bad_lines: Path | None,
) -> None:
    """Add the DIDs of FILE: CSV, plain or gzip, its columns known by names or described once on a page.

    A DID is added once, however often it is sent. Every bad line is named with its reason; good lines are kept.
    """
    from portal.clock import now, today
    from portal.database import reading
    from portal.domain.errors import RuleBroken
    from portal.extensions import db
    from portal.services.csv.export import lines as csv_lines
    from portal.services.dids import intake
    from portal.services.dids.intake import Yes

    yes = Yes(there=assign_there, twice=assign_twice)
    try:
        with reading() if check else nullcontext():
            wanted = intake.wanted_named(country, customer, package, start_date or today())
            lines = _lines(file, wanted)
            report = intake.check(lines, wanted, yes)
            foreseen = list(_charges(report, today())) if check else []
        if not check:
            intake.lock_report(report)
            report = intake.check(lines, wanted, yes)
            added = intake.take_in(report, token=secrets.token_hex(16), by=BY, now=now(), today=today())
            db.session.commit()
    except (RuleBroken, ValueError) as refusal:
        db.session.rollback()
        raise click.ClickException(str(refusal)) from None
    for line in foreseen:
        click.echo(line)
    for line in _bad(report):
        click.echo(line)
    click.echo(_outcome(report, None if check else len(added)))
    if bad_lines and report.bad:
        with open(bad_lines, "w", encoding="utf-8", newline="", opener=private.opener) as out:
            out.writelines(csv_lines(("line", "reason", *report.head), report.file_of_bad_lines()))
    if report.bad:
        sys.exit(NOT_ALL)


def _lines(file: Path, wanted: "Wanted") -> "Lines":
    from portal.services.dids.lines import TEXT_MAX, Undescribed, decoded, read_lines

    with file.open("rb") as opened:
        text = decoded(opened.read(TEXT_MAX + 1))
    try:
        return read_lines(text, "file", wanted.country)
    except Undescribed as asked:
        raise click.ClickException(
            f"{asked} Describe the columns once on a page: Add DIDs, CSV file."
        ) from None


def _charges(report: "Report", today: date) -> Iterator[str]:
    """What would be charged first and next, a line for each currency."""
    from portal.services.dids.consequences import consequences

    found = consequences(report, today)
    for currency, amount in found.totals.items():
        yield f"Charged first and next, before tax: {money(amount, currency)} {currency}"
    if found.overdue:
        yield f"{plural(found.overdue, 'charge')} dated before today, due at once."
    if found.held:
        yield f"{plural(found.held, 'assignment')} would be held: too many of their charges are in the past."


def _bad(report: "Report") -> Iterator[str]:
    """The bad lines with their reasons, the first of them."""
    for row in report.bad[:BAD_SHOWN]:
        yield f"Line {row.line.place}: {row.reason}"
    if len(report.bad) > BAD_SHOWN:
        yield f"and {plural(len(report.bad) - BAD_SHOWN, 'more bad line')}, all in the file of --bad-lines."


def _outcome(report: "Report", added: int | None) -> str:
    """What was done; None were added where it was only checked."""
    to_do = ("to add", "to get a package") if added is None else ("added", "got a package")
    waiting = [
        f"{whole(len(rows))} {words}"
        for rows, words in (
            ([] if report.yes.there else report.unassigned, "could get a package (--assign-there)"),
            ([] if report.yes.twice else report.second, "have the package already (--assign-twice)"),
        )
        if rows
    ]
    said = [
        f"{whole(len(report.new) if added is None else added)} {to_do[0]}",
        f"{whole(len(report.there))} already there",
        *([f"{whole(len(report.assigned))} of them {to_do[1]}"] if report.assigned else []),
        *waiting,
        f"{whole(len(report.bad))} bad",
    ]
    return f"{'Nothing was stored. ' if added is None else ''}{listed(said)}."
