"""Take in files. `portal import calls FILE`: rated call records from CSV, plain or gzip.

Exit status: 0 all is taken in, 1 refused, 3 there are bad rows, or it was stopped.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from portal import private
from portal.commands import with_app
from portal.domain.wording import plural, whole
from portal.exit_status import NOT_ALL

if TYPE_CHECKING:
    from portal.models import CallImport

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
    "--waiting", is_flag=True, help="Import what was uploaded on a page and waits, without a worker."
)
@click.option(
    "--bad-rows", type=click.Path(dir_okay=False, path_type=Path), help="Write the bad rows here, as CSV."
)
@with_app()
def calls(
    file: Path | None, replace: bool, import_id: int | None, waiting: bool, bad_rows: Path | None
) -> None:
    """Import the call records of FILE: CSV, plain or gzip, with column names in the first line.

    Each call counts once, by customer and call id, however often it is sent. Every bad row is named with its line
    and reason; good rows are kept. If it was killed, continue it with --import and the number it printed first.
    """
    from flask import current_app

    from portal.clock import now, today
    from portal.extensions import db
    from portal.models import CallImport
    from portal.services.calls import importing, rejects, uploads

    if [bool(file), bool(import_id), waiting].count(True) != 1:
        raise click.UsageError("Name a FILE, or an import to continue, or what is --waiting.")
    if waiting:
        from portal.tasks.foreground import do_what_waits

        click.echo(f"{plural(do_what_waits('import_calls'), 'waiting import')} taken up.")
        return
    if file:
        import_, lines = importing.accept(file.resolve(), file.name, replaces=replace, by=BY, now=now())
        db.session.commit()
        click.echo(f"Import {import_.id}: {plural(lines, 'line')}.", err=True)
        if importing.needs_mapping(import_):
            raise click.ClickException(
                f"{import_.sentence} Choose the columns on the import's page, under Calls."
            )
    else:
        import_ = db.session.get(CallImport, import_id) or _nothing(import_id)
        if import_.state != "running" or importing.is_interrupted(import_, now()):
            importing.go_on(import_, now())
            db.session.commit()
    path = import_.path
    import_ = importing.carry_out(import_.id, today(), now, say=_progress)
    if import_.state == "done":
        uploads.let_go(path, current_app.config["INSTANCE"])
    click.echo(_outcome(import_))
    if bad_rows and import_.bad_count:
        with open(bad_rows, "w", encoding="utf-8", newline="", opener=private.opener) as out:
            out.writelines(rejects.as_csv(import_))
    if import_.bad_count or import_.state != "done":
        sys.exit(NOT_ALL)


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
        (import_.bad_count, "bad"), (import_.late_count, "too late to reopen a period"),
    )  # fmt: skip
    said = ", ".join(f"{whole(count)} {word}" for count, word in counts if count or word == "imported")
    return f"Import {import_.id} {import_.state}: {said}."
