"""Take in files. `portal import calls FILE`: rated call records from CSV, plain or gzip.

Exit status: 0 all is taken in, 1 refused, 3 there are bad rows, or it was stopped (SIGTERM, Ctrl-C: behind the lines
in hand).
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from portal import private
from portal.commands import with_app
from portal.domain.wording import day, money, plural, rated, whole
from portal.exit_status import NOT_ALL

if TYPE_CHECKING:
    from portal.models import CallImport
    from portal.services.calls.looking import Look

BY = "portal import"


@click.group()
def command() -> None:
    """Import files."""


@command.command()
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Replace calls already imported with what FILE says.")
@click.option(
    "--import", "import_id", type=click.IntRange(1), help="Continue this import instead of starting one."
)
@click.option(
    "--bad-rows", type=click.Path(dir_okay=False, path_type=Path), help="Write the bad rows here, as CSV."
)
@click.option("--check", is_flag=True, help="Only show what would be imported. Nothing is stored.")
@with_app()
def calls(
    file: Path | None, replace: bool, import_id: int | None, bad_rows: Path | None, check: bool
) -> None:
    """Import the call records of FILE: CSV, plain or gzip, its layout known by names or described once on a page.

    Each call counts once, by customer and call id, however often it is sent. Every bad row is named with its line
    and reason; good rows are kept. If it was stopped or killed, continue it, on whatever machine, with --import and the
    number it printed first.
    """
    from portal.clock import now, today
    from portal.extensions import db
    from portal.models import CallImport
    from portal.services.calls import importing, rejects
    from portal.stopping import asked_to_stop

    if bool(file) == bool(import_id):
        raise click.UsageError("Name a FILE, or an import to continue.")
    if check:
        if not file:
            raise click.UsageError("Name a FILE to check.")
        return _check(file, replace)
    if file:
        with file.open("rb") as opened:
            import_ = importing.accept(opened, file.name, replaces=replace, by=BY, now=now())
        db.session.commit()
        click.echo(f"Import {import_.id}: {plural(import_.lines_total, 'line')}.", err=True)
        if importing.needs_layout(import_):
            raise click.ClickException(
                f"{import_.sentence} Describe the layout on the page of import {import_.id}, under Calls."
            )
    else:
        import_ = db.session.get(CallImport, import_id) or _nothing(import_id)
        if import_.state != "running" or importing.is_interrupted(import_, now()):
            importing.go_on(import_, now())
            db.session.commit()
    with asked_to_stop() as is_asked_to_stop:
        import_ = importing.carry_out(
            import_.id, today(), now, say=_progress, is_asked_to_stop=is_asked_to_stop
        )
        if is_asked_to_stop():
            importing.stop(import_)
            db.session.commit()
    click.echo(_outcome(import_))
    if bad_rows and import_.bad_count:
        with open(bad_rows, "w", encoding="utf-8", newline="", opener=private.opener) as out:
            out.writelines(rejects.as_csv(import_))
    if import_.bad_count or import_.state != "done":
        sys.exit(NOT_ALL)


def _check(file: Path, replace: bool) -> None:
    """Say what would become of a file; the exit status is that of importing it."""
    from portal.clock import today, zone
    from portal.database import reading
    from portal.services.calls import looking

    with file.open("rb") as opened, reading():
        look = looking.check(opened, today(), zone(), replaces=replace)
    for line in _looked(look):
        click.echo(line)
    if look.bad:
        sys.exit(NOT_ALL)


def _looked(look: "Look") -> Iterator[str]:
    """What was found, a line each."""
    from portal.clock import zone
    from portal.services.calls.looking import AsRead

    for row in look.first:
        if isinstance(row, AsRead):
            amount = rated(row.amount, row.currency)
            when = row.started_at.astimezone(zone()).isoformat(" ", "seconds")
            yield f"Line {row.line}: {row.name}, to {row.destination}, {when}, {row.seconds} s, {amount} {row.currency}"
    for of in look.customers.values():
        yield f"{of.name} (#{of.id}): {plural(of.calls, 'call')}, {money(of.amount, of.currency)} {of.currency}"
    if look.first_day and look.last_day:
        yield f"Days: {day(look.first_day)} to {day(look.last_day)}"
    for reason in look.reasons.values():
        first = reason.examples[0]
        yield f"{plural(reason.count, 'bad row')}: {reason.reason} First: line {first.line}: {first.sentence}"
    counts = {**look.counts, "to import": look.new, "bad": look.bad}
    names = ("to import", "replaced", "known", "unanswered", "passed", "bad")
    words = {"known": "duplicate", "passed": "passed over", "replaced": "to replace"}
    said = [
        f"{whole(counts.get(name, 0))} {words.get(name, name)}"
        for name in names
        if counts.get(name) or name == "to import"
    ]
    yield f"Nothing was imported. {plural(look.lines, 'line')}: {', '.join(said)}."


def _nothing(import_id: int | None) -> "CallImport":
    raise click.ClickException(f"There is no import {import_id}.")


def _progress(import_: "CallImport") -> None:
    from portal.clock import now
    from portal.services.calls import rejects

    if sys.stderr.isatty():
        left = rejects.left(import_, now())
        click.echo(
            f"\r{whole(import_.lines_done)} lines, {rejects.share_done(import_)} %"
            + (f", about {int(left.total_seconds())} seconds left " if left else " "),
            nl=False,
            err=True,
        )


def _outcome(import_: "CallImport") -> str:
    counts = (
        (import_.taken_count, "imported"), (import_.replaced_count, "replaced"), (import_.known_count, "duplicate"),
        (import_.unanswered_count, "unanswered"),
        (import_.passed_count, "passed over"), (import_.bad_count, "bad"),
        (import_.late_count, "too late to reopen a period"),
    )  # fmt: skip
    said = ", ".join(f"{whole(count)} {word}" for count, word in counts if count or word == "imported")
    return f"Import {import_.id} {import_.state}: {said}."
