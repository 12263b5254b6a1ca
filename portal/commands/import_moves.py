"""Move in from files: `portal import customers FILE`, `packages`; go on with an import, and take one back.

Exit status: 0 all is made, or --check has shown what would be; 1 refused; 3 there are bad lines, or it was stopped.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from portal import private
from portal.commands import NUMBER, with_app
from portal.domain.wording import listed, plural, whole
from portal.exit_status import NOT_ALL

if TYPE_CHECKING:
    from portal.models import FileKind, MoveImport
    from portal.services.moving_in.planning import Plan

BY = "portal import"
SHOWN = 20
# The kinds of files, in the order in which one moves in, and what a line of each is.
KINDS = {
    "customers": "A line a customer, known by account code, else by name.",
    "packages": "A line a package in one currency; lines of one name are one package.",
    "assignments": "A line an assignment, known by reference, else by customer, package, DID and start date.",
    "opening": "A line an opening item, known by customer and number. Below zero it is credit.",
    "payments": "A line a payment, known by method and bank reference.",
}
CALLED_IN_HELP = {"opening": "opening items"}


def _command(kind: str, what: str) -> click.Command:
    """The command of a kind of file."""

    @click.command(
        kind,
        help=f"Move in the {CALLED_IN_HELP.get(kind, kind)} of FILE: CSV, TSV or XLSX. {what}\n\n"
        "Each is made once, however often it is sent: what is there as FILE says is left, and what is there but "
        "otherwise is shown. Columns are known by their names, or described once on a page: Import.",
    )
    @click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
    @click.option("--check", is_flag=True, help="Only show what would be made. Nothing is stored.")
    @click.option("--take-changes", is_flag=True, help="Also change what is already there.")
    @click.option("--good-only", is_flag=True, help="Leave bad lines out. Without it, one refuses the file.")
    @click.option("--sheet", default="", help="Of a workbook: the sheet. Default: the first one.")
    @click.option(
        "--say", "said", multiple=True, metavar="COLUMN=VALUE",
        help="For all lines that do not say it, such as currency=GBP. May be repeated.",
    )  # fmt: skip
    @click.option(
        "--bad-lines",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Write the bad lines here, as CSV.",
    )
    @with_app()
    def command(
        file: Path,
        check: bool,
        take_changes: bool,
        good_only: bool,
        sheet: str,
        said: tuple[str, ...],
        bad_lines: Path | None,
    ) -> None:
        _move_in(kind, file, check, take_changes, good_only, sheet, dict(map(_said, said)), bad_lines)

    return command


def _said(text: str) -> tuple[str, str]:
    name, is_one, value = text.partition("=")
    if not is_one:
        raise click.UsageError(f"--say {text}: write it as COLUMN=VALUE.")
    return name, value


def _of_all(kind: "FileKind", said: Mapping[str, str]) -> dict[str, str]:
    """What is said of all lines, by the names of the columns: each may be called as the pages call it."""
    from portal.domain.csv_files.heading import plain_name
    from portal.services.moving_in.kinds import columns_of

    asked = [column for column in columns_of(kind) if column.is_asked]
    names = {plain_name(called): column.name for column in asked for called in (column.name, column.label)}
    if unknown := next((name for name in said if plain_name(name) not in names), None):
        labels = listed([column.label for column in asked], "or")
        raise click.UsageError(f"--say {unknown}: of {kind.value} only {labels} can be said for all lines.")
    return {names[plain_name(name)]: value for name, value in said.items()}


COMMANDS = [_command(kind, what) for kind, what in KINDS.items()]


def _move_in(
    kind: str,
    file: Path,
    check: bool,
    take_changes: bool,
    good_only: bool,
    sheet: str,
    said: Mapping[str, str],
    bad_lines: Path | None,
) -> None:
    from portal.clock import now, today
    from portal.domain.errors import RuleBroken
    from portal.extensions import db
    from portal.models import FileKind
    from portal.services.moving_in import accepting, lists, making, planning

    of_all = _of_all(FileKind(kind), said)
    try:
        with file.open("rb") as opened:
            import_ = accepting.accept(
                opened, file.name, FileKind(kind), sheet=sheet, by=BY, now=now(), is_new=True
            )
        if accepting.needs_layout(import_):
            raise RuleBroken(f"{import_.sentence} Describe the columns once on a page: Import.")
        accepting.say_of_all(import_, of_all)
        plan = planning.plan(import_, today())
        for line in _shown(plan, take_changes):
            click.echo(line)
        if bad_lines and plan.bad:
            with open(bad_lines, "w", encoding="utf-8", newline="", opener=private.opener) as out:
                out.writelines(lists.bad_lines_of(import_, plan))
        if check:
            db.session.rollback()
            click.echo(f"Nothing was stored. {_foreseen(plan)}")
            sys.exit(NOT_ALL if plan.bad else 0)
        making.begin(
            import_, takes_changes=take_changes, good_only=good_only, today=today(), now=now(), seen=plan
        )
        db.session.commit()
    except RuleBroken as refusal:
        db.session.rollback()
        raise click.ClickException(str(refusal)) from None
    click.echo(f"Import {import_.id}: {plural(import_.lines_total, 'line')}.", err=True)
    _carried_out(import_.id)


def _carried_out(import_id: int) -> None:
    """Make what is left to be made, and say what came of it."""
    from portal.clock import now, today
    from portal.extensions import db
    from portal.services.moving_in import making
    from portal.stopping import asked_to_stop

    with asked_to_stop() as is_asked_to_stop:
        import_ = making.carry_out(import_id, today(), now, is_asked_to_stop=is_asked_to_stop)
    if import_.state == "running":
        making.stop(import_)
        db.session.commit()
    click.echo(_outcome(import_))
    if import_.state != "done":
        click.echo(f"Stopped: portal import go-on {import_id} continues.", err=True)
    if import_.state != "done" or import_.bad_count:
        sys.exit(NOT_ALL)


def _shown(plan: "Plan", take_changes: bool) -> Iterator[str]:
    """The changes and the bad lines, the first of each."""
    for one in plan.changed[:SHOWN]:
        differs = "; ".join(f"{label}: {stored}, now {said}" for label, stored, said in one.differences)
        yield f"Line {one.item.place}: {one.label} {'changes' if take_changes else 'would change'}: {differs}"
    if len(plan.changed) > SHOWN:
        yield f"and {plural(len(plan.changed) - SHOWN, 'more change')}."
    for number, (line, reason) in enumerate(plan.bad_lines()):
        if number == SHOWN:
            yield f"and {plural(plan.bad_line_count - SHOWN, 'more bad line')}, all in the file of --bad-lines."
            break
        yield f"Line {line.place}: {reason}"


def _foreseen(plan: "Plan") -> str:
    changed = f"{whole(len(plan.changed))} to change (--take-changes)"
    said = [
        f"{whole(len(plan.new))} to make",
        f"{whole(len(plan.same))} already there",
        *([changed] if plan.changed else []),
        f"{plural(plan.bad_line_count, 'bad line')}",
    ]
    return f"{listed(said)}."


def _outcome(import_: "MoveImport") -> str:
    said = [
        f"{whole(import_.made_count)} made",
        *([f"{whole(import_.changed_count)} changed"] if import_.changed_count else []),
        f"{whole(import_.same_count)} already there",
        *([f"{whole(import_.left_count)} left as they were (--take-changes)"] if import_.left_count else []),
        f"{plural(import_.bad_count, 'bad line')}",
    ]
    return f"{listed(said)}."


def _named(import_id: int) -> "MoveImport":
    from portal.extensions import db
    from portal.models import MoveImport

    import_ = db.session.get(MoveImport, import_id)
    if import_ is None:
        raise click.ClickException(f"There is no import {import_id} on the page Import.")
    return import_


@click.command("go-on")
@click.argument("import_id", metavar="IMPORT", type=NUMBER)
@with_app()
def go_on(import_id: int) -> None:
    """Go on with import number IMPORT of the page Import, which was stopped or killed."""
    from portal.clock import now
    from portal.extensions import db
    from portal.services.moving_in import making

    import_ = _named(import_id)
    if import_.state != "running" or making.is_interrupted(import_, now()):
        making.go_on(import_, now())
        db.session.commit()
    _carried_out(import_id)


@click.command("take-back")
@click.argument("import_id", metavar="IMPORT", type=NUMBER)
@click.option("--reason", default="", help="Why it is undone. The reason is kept, for staff only.")
@with_app()
def take_back(import_id: int, reason: str) -> None:
    """Undo import number IMPORT of the page Import: what it made is removed, what it changed is put back.

    What has something else since is left, and named. If it was stopped or killed, give the command again.
    """
    from portal.clock import now, today
    from portal.domain.errors import Invalid
    from portal.extensions import db
    from portal.services.moving_in import undoing
    from portal.stopping import asked_to_stop

    import_ = _named(import_id)
    if import_.state != "undoing":
        try:
            undoing.begin(import_, reason, by=BY, now=now())
        except Invalid as refusal:
            raise click.UsageError(f"--reason: {refusal.sentence}") from None
        db.session.commit()
    with asked_to_stop() as is_asked_to_stop:
        import_ = undoing.carry_out(import_id, today(), now, is_asked_to_stop=is_asked_to_stop)
    for made in undoing.left_things(import_):
        click.echo(f"Left: {made.label}. {made.left}")
    if import_.state == "undoing":
        click.echo(f"Stopped: portal import take-back {import_id} continues.", err=True)
        sys.exit(NOT_ALL)
    click.echo(f"Import {import_id} undone: {whole(undoing.count_taken_back(import_id))} taken back.")
