"""`portal import calls FILE...`: rated call records from CSV, plain or gzip, of files and folders.

Exit status: 0 all is taken in, or there is nothing new; 1 a file was refused, or waits for its layout; 3 there are bad
rows, or something was stopped (SIGTERM, Ctrl-C: behind the lines in hand). Of many files the worst counts.
"""

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from portal import private
from portal.commands import NUMBER, with_app
from portal.domain.wording import day, money, plural, rated, whole
from portal.exit_status import AWAY, FAULT, NOT_ALL, OTHER_VERSION, REFUSED, Failed, as_failed, show

if TYPE_CHECKING:
    from portal.models import CallImport
    from portal.services.calls.looking import Look

BY = "portal import"
FOLDER = click.Path(file_okay=False, path_type=Path)
# The worst last.
STATUSES = (0, NOT_ALL, REFUSED, FAULT)
COUNTS = (
    ("taken_count", "imported"), ("replaced_count", "replaced"), ("known_count", "duplicate"),
    ("unanswered_count", "unanswered"), ("passed_count", "passed over"), ("bad_count", "bad"),
    ("late_count", "too late to reopen a period"),
)  # fmt: skip


@click.command()
@click.argument("paths", nargs=-1, metavar="FILE...", type=click.Path(exists=True, path_type=Path))
@click.option("--replace", is_flag=True, help="Replace calls already imported with what FILE says.")
@click.option("--check", is_flag=True, help="Only show what would be imported. Nothing is stored or moved.")
@click.option("--done", type=FOLDER, help="Move each file here once it is imported.")
@click.option("--failed", type=FOLDER, help="Move each file here that cannot be imported, or was discarded.")
@click.option(
    "--bad-rows", type=click.Path(dir_okay=False, path_type=Path), help="Write the bad rows here, as CSV."
)
@click.option("--import", "import_id", type=NUMBER, help="Continue this import instead of starting one.")
@click.option("--discard", "discard_id", type=NUMBER, help="Discard the file of this import.")
@click.option(
    "--waiting", is_flag=True, help="Import what was uploaded on a page and waits, without a worker."
)
@with_app()
def calls(
    paths: tuple[Path, ...],
    replace: bool,
    check: bool,
    done: Path | None,
    failed: Path | None,
    bad_rows: Path | None,
    import_id: int | None,
    discard_id: int | None,
    waiting: bool,
) -> None:
    """Import the call records of every FILE: CSV, plain or gzip, its layout known by names or described once on a page.

    Each call counts once, by customer and call id, however often it is sent. Every bad row is named with its line
    and reason; good rows are kept. A folder among the FILEs stands for what is new in it: a file that was imported
    before is known by its content, and passed over. One that is hidden, or perhaps still being written, is left for
    the next time. A bad file does not stop the others.

    \b
    Every night:  40 0 * * *  /usr/local/bin/portal import calls /var/spool/portal/calls --done /var/spool/portal/done

    If it was stopped or killed, start it again, or continue one import, on whatever machine, with --import and its
    number.
    """
    if [bool(paths), bool(import_id), bool(discard_id), waiting].count(True) != 1:
        raise click.UsageError("Name a FILE, or an import to continue or to --discard, or what is --waiting.")
    if not paths and (check or done or failed or replace):
        raise click.UsageError("--check, --replace, --done and --failed are for FILEs.")
    is_one = len(paths) == 1 and not paths[0].is_dir()
    if bad_rows and not (is_one or import_id):
        raise click.UsageError("--bad-rows is for one FILE. Those of many are on the pages of their imports.")
    if waiting:
        _what_waits()
    elif discard_id:
        _discard(discard_id)
    elif import_id:
        import_ = _continued(import_id)
        click.echo(_outcome(import_))
        _write_bad_rows(import_, bad_rows)
        if import_.bad_count or import_.state != "done":
            sys.exit(NOT_ALL)
    else:
        _check_folders(paths, done, failed)
        _Files(paths, replace, check, done, failed, bad_rows).take(is_one)


def _check_folders(paths: tuple[Path, ...], *moved_to: Path | None) -> None:
    """Refuse to move a file to where it is."""
    here = {(path if path.is_dir() else path.parent).resolve() for path in paths}
    if any(folder and folder.resolve() in here for folder in moved_to):
        raise click.UsageError("--done and --failed have to be other folders than those of the FILEs.")


def _what_waits() -> None:
    from portal.tasks.foreground import do_what_waits

    done = do_what_waits("import_calls", "undo_import")
    click.echo(f"{plural(done.done, 'waiting import')} taken up.")
    if done.failed:
        raise Failed(" ".join(done.failed), NOT_ALL)


def _discard(import_id: int) -> None:
    from portal.services.calls import retention

    import_ = retention.discard_by_hand(named(import_id).id, BY)
    click.echo(f"Import {import_.id} discarded: {import_.file_name}.")


def named(import_id: int) -> "CallImport":
    """The import of a number that somebody gave."""
    from portal.extensions import db
    from portal.models import CallImport

    import_ = db.session.get(CallImport, import_id)
    if import_ is None:
        raise click.ClickException(f"There is no import {import_id}.")
    return import_


def _continued(import_id: int) -> "CallImport":
    """An import taken up, unless somebody is at work on it, and carried out."""
    from portal.clock import now
    from portal.extensions import db
    from portal.services.calls import importing
    from portal.stopping import asked_to_stop

    import_ = named(import_id)
    if import_.state != "running" or importing.is_interrupted(import_, now()):
        importing.go_on(import_, now())
        db.session.commit()
    with asked_to_stop() as is_asked_to_stop:
        return _carried_out(import_, is_asked_to_stop, stops=True)


def _carried_out(import_: "CallImport", is_asked_to_stop: Callable[[], bool], *, stops: bool) -> "CallImport":
    """An import carried out as far as it goes. Asked to stop it `stops`, or is left for the next one to go on with."""
    from portal.clock import now, today
    from portal.extensions import db
    from portal.services.calls import importing

    import_ = importing.carry_out(import_.id, today(), now, say=_progress, is_asked_to_stop=is_asked_to_stop)
    if stops and is_asked_to_stop():
        importing.stop(import_)
        db.session.commit()
    return import_


def _write_bad_rows(import_: "CallImport", path: Path | None) -> None:
    from portal.services.calls import rejects

    if path and import_.bad_count:
        with open(path, "w", encoding="utf-8", newline="", opener=private.opener) as out:
            out.writelines(rejects.as_csv(import_))


# -- files and folders


@dataclass(frozen=True, slots=True)
class Came:
    """What became of a file: in a word, in a sentence, its exit status, and where it is moved to, if anywhere."""

    became: str
    said: str
    status: int = 0
    to: Path | None = None
    import_id: int | None = None


LEFT = "left for the next time"


@dataclass(frozen=True, slots=True)
class _Files:
    """What was asked for: the files and folders, and what is to be done with them."""

    paths: tuple[Path, ...]
    replace: bool
    check: bool
    done: Path | None
    failed: Path | None
    bad_rows: Path | None
    # The files that were looked at, by their content.
    seen: dict[str, Path] = field(default_factory=dict)

    def take(self, is_one: bool) -> None:
        """Take in one file after the other, say what became of each, and end with the worst status."""
        from portal.stopping import asked_to_stop

        came: list[Came] = []
        with asked_to_stop() as is_asked:
            if is_one:
                one = self._one(self.paths[0], is_asked, is_new_only=False)
                if one.status in (0, NOT_ALL):
                    click.echo(one.said)
                    sys.exit(one.status)
                raise Failed(one.said, one.status)
            for path, left, is_of_folder in self._found():
                if is_asked():
                    came.append(Came(LEFT, "left: the command was stopped before it.", NOT_ALL))
                elif left:
                    came.append(Came(LEFT, f"left: {left}."))
                else:
                    came.append(self._each(path, is_asked, is_of_folder))
                click.echo(
                    f"{_shown(path)}:{_begun(came[-1])}{came[-1].said}", err=came[-1].status == REFUSED
                )
        for line in _summed_up(came):
            click.echo(line)
        sys.exit(max((one.status for one in came), key=STATUSES.index, default=0))

    def _found(self) -> Iterator[tuple[Path, str, bool]]:
        """Each file in its order, why it is left, and whether a folder was named for it."""
        from portal import arrivals
        from portal.clock import now

        besides = {folder.resolve() for folder in (self.done, self.failed) if folder}
        for path in dict.fromkeys(self.paths):
            if path.is_dir():
                yield from ((one.path, one.left, True) for one in arrivals.in_folder(path, now(), besides))
            else:
                yield path, "", False

    def _each(self, path: Path, is_asked: Callable[[], bool], is_new_only: bool) -> Came:
        """One of many: whatever is wrong with it does not stop the others, unless the database is away."""
        from portal.extensions import db

        try:
            return self._one(path, is_asked, is_new_only=is_new_only)
        except Exception as error:
            db.session.rollback()
            failed = as_failed(error)
            if failed.exit_code in (AWAY, OTHER_VERSION):
                raise
            if click.get_current_context().find_root().params.get("traceback"):
                show(error)
            return Came("refused", failed.message, failed.exit_code)

    def _one(self, path: Path, is_asked: Callable[[], bool], *, is_new_only: bool) -> Came:
        """One file checked, or taken in and moved."""
        try:
            opened = path.open("rb")
        except FileNotFoundError:
            return Came("gone", "gone: somebody has moved it meanwhile.")
        with opened as file:
            read = os.fstat(file.fileno())
            if self.check:
                return self._checked(file, path, is_new_only)
            came = self._taken_in(file, path, is_asked, is_new_only)
        return _moved(came, path, read)

    def _taken_in(self, file: BinaryIO, path: Path, is_asked: Callable[[], bool], is_new_only: bool) -> Came:
        from portal.clock import now
        from portal.domain.errors import Invalid
        from portal.extensions import db
        from portal.services.calls import importing
        from portal.services.calls.met_before import MetBefore

        try:
            import_ = importing.accept(
                file, _shown(Path(path.name)), replaces=self.replace, by=BY, now=now(), once=is_new_only
            )
        except MetBefore as met:
            db.session.rollback()
            return self._met(met.import_, is_asked)
        except Invalid as refusal:
            db.session.rollback()
            return Came("refused", refusal.sentence, REFUSED, self.failed)
        db.session.commit()
        if not is_new_only:
            click.echo(f"Import {import_.id}: {plural(import_.lines_total, 'line')}.", err=True)
        if importing.needs_layout(import_):
            return _waits(import_)
        return self._carried_out(import_, is_asked, is_new_only)

    def _carried_out(self, import_: "CallImport", is_asked: Callable[[], bool], is_new_only: bool) -> Came:
        import_ = _carried_out(import_, is_asked, stops=not is_new_only)
        _write_bad_rows(import_, self.bad_rows)
        if import_.state == "done":
            status = NOT_ALL if import_.bad_count else 0
            return Came("imported", _outcome(import_), status, self.done, import_.id)
        said = _outcome(import_)
        if import_.state == "running":
            said = f"{said}\nStopped at line {whole(import_.lines_done)}: the next time goes on with it."
        return Came("stopped", said, NOT_ALL, None, import_.id)

    def _met(self, import_: "CallImport", is_asked: Callable[[], bool]) -> Came:
        """A file of a folder that is or was an import already."""
        from portal.clock import now
        from portal.domain.errors import RuleBroken
        from portal.extensions import db
        from portal.services.calls import importing, met_before
        from portal.tasks import queue

        name, at_work = f"import {import_.id}", Came(LEFT, f"left: import {import_.id} of it is at work.")
        if import_.state == "done":
            return Came("passed over", f"passed over: imported before, as {name}.", 0, self.done)
        if met_before.waits_untouched(import_):
            return _waits(import_)
        if import_.state == "stopped":
            where = f"stopped at line {whole(import_.lines_done)}"
            how = f"Continue it on its page, under Calls, or with --import {import_.id}"
            return Came("stopped", f"left: {name} of it was {where}. {how}.", NOT_ALL)
        if import_.state != "running":
            became = "being undone" if import_.state == "undoing" else import_.state
            return Came("passed over", f"passed over: {name} of it is {became}.", 0, self.failed)
        if queue.has(import_id=import_.id) or not importing.is_interrupted(import_, now()):
            return at_work
        if self.check:
            return Came("interrupted", f"{name} of it was interrupted: it would be continued.")
        try:
            importing.go_on(import_, now())
        except RuleBroken:  # somebody else was quicker
            db.session.rollback()
            return at_work
        db.session.commit()
        return self._carried_out(import_, is_asked, is_new_only=True)

    def _checked(self, file: BinaryIO, path: Path, is_new_only: bool) -> Came:
        """What would become of a file; the exit status is that of importing it."""
        from portal.clock import today, zone
        from portal.database import reading
        from portal.domain.errors import Invalid
        from portal.extensions import db
        from portal.services.calls import looking, met_before
        from portal.services.csv import files

        with reading():
            db.session.rollback()
            try:
                readable = files.make_sure(file)
                met = met_before.met(readable.digest, replaces=self.replace) if is_new_only else None
                if met and not met_before.waits_untouched(met):
                    return self._met(met, bool)
                if is_new_only and (first := self.seen.setdefault(readable.digest, path)) != path:
                    return Came("passed over", f"passed over: the same file as {_shown(first)}.")
                look = looking.check(file, readable, today(), zone(), replaces=self.replace)
            except looking.Undescribed as unknown:
                return Came("waiting", unknown.sentence, REFUSED)
            except Invalid as refusal:
                return Came("refused", refusal.sentence, REFUSED)
        said = "\n".join(_looked(look))
        return Came("looked at", said, NOT_ALL if look.bad else 0)


def _begun(came: Came) -> str:
    """What stands between the name of a file, one of many, and what is said of it."""
    return {"refused": " refused: ", "waiting": " waits: ", "looked at": "\n"}.get(came.became, " ")


def _waits(import_: "CallImport") -> Came:
    """A file that waits for somebody; it stays where it is, and is met again the next time."""
    from portal.services.calls import importing

    page = f"on the page of import {import_.id}, under Calls."
    if importing.needs_layout(import_):
        return Came("waiting", f"{import_.sentence} Describe the layout {page}", REFUSED)
    return Came("waiting", f"{import_.started_by} has sent it, too: look at it {page}", REFUSED)


def _moved(came: Came, path: Path, read: os.stat_result) -> Came:
    """Move a file to where it belongs by what became of it. What is in stays in, also where it cannot be moved."""
    from portal import arrivals

    if came.to is None:
        return came
    said, status = came.said, max(came.status, NOT_ALL, key=STATUSES.index)
    try:
        target = arrivals.move(path, came.to, read)
    except arrivals.Changed:
        why = "It was not moved: it has changed since it was read. The next time it is read again"
    except FileNotFoundError:  # another command was quicker
        return came
    except OSError as error:
        why = f"It was not moved to {_shown(came.to)}: {error.strerror or error}"
    else:
        if target.name == path.name:
            return came
        why, status = f"It was moved to {_shown(target)}, as the name was taken", came.status
    return Came(came.became, f"{said} {why}.", status, None, came.import_id)


def _shown(path: Path) -> str:
    """A path in letters that can be printed and stored, whatever bytes its name is made of."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in click.format_filename(path))


def _summed_up(came: list[Came]) -> Iterator[str]:
    """What the files came to, and the calls in those that were taken in."""
    from sqlalchemy import func, select

    from portal.extensions import db
    from portal.models import CallImport

    became = Counter(one.became for one in came)
    told = ", ".join(f"{whole(count)} {word}" for word, count in sorted(became.items()))
    new = set(became) - {"passed over", LEFT, "gone"}
    yield f"{'' if new else 'Nothing new. '}{plural(len(came), 'file')}{': ' if told else ''}{told}."
    ids = [one.import_id for one in came if one.import_id]
    if ids:
        sums = [func.sum(getattr(CallImport, name)) for name, _ in COUNTS]
        row = db.session.execute(select(*sums).where(CallImport.id.in_(ids))).one()
        yield f"Calls: {_counted(list(row))}."


# -- what is said


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
    names = ("to import", "replaced", "moved", "known", "unanswered", "passed", "bad")
    words = {
        "known": "duplicate", "passed": "passed over", "replaced": "to replace",
        "moved": "of them would move to another customer",
    }  # fmt: skip
    said = [
        f"{whole(counts.get(name, 0))} {words.get(name, name)}"
        for name in names
        if counts.get(name) or name == "to import"
    ]
    yield f"Nothing was imported. {plural(look.lines, 'line')}: {', '.join(said)}."


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


def _moved_calls(import_: "CallImport") -> Iterator[str]:
    """The calls that moved to other customers, a line each."""
    from portal.extensions import db
    from portal.models import Customer
    from portal.services.calls import moves

    for move in moves.all_moved_by(import_.id):
        whose, to = (db.session.get_one(Customer, id) for id in (move.from_customer_id, move.to_customer_id))
        amount = f"{rated(move.amount, to.currency)} {to.currency}"
        yield f"Moved: {move.call_id}, {day(move.day)}, {amount}: {whose.name} (#{whose.id}) to {to.name} (#{to.id})"


def _outcome(import_: "CallImport") -> str:
    counted = _counted([getattr(import_, name) for name, _ in COUNTS])
    return "\n".join((f"Import {import_.id} {import_.state}: {counted}.", *_moved_calls(import_)))


def _counted(counts: list[int]) -> str:
    said = zip(counts, (word for _, word in COUNTS), strict=True)
    return ", ".join(f"{whole(count)} {word}" for count, word in said if count or word == "imported")
