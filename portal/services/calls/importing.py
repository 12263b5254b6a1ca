"""One file of calls, from being chosen to being done.

Like a run it commits a chunk at a time: killed or stopped anywhere it loses nothing, and goes on where it stood.
A call counts once whatever happens, by its customer and call id; how far a file has come moves by compare-and-set,
so that two processes at work on one file never count a line twice. What follows from its calls (free minutes, minimum
spends, balances) is worked out once all of them are in, and not before: so that however often an import is killed,
stopped, taken up or raced, it adds at most one entry a customer and day to the balances. Until then its calls count
nowhere (portal.services.calls.counting).

Its lines are kept in the database (portal.services.calls.keeping): whoever reaches that can go on with it, be it a
server, a worker or a command, on whatever machine.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from operator import itemgetter
from typing import BinaryIO
from zoneinfo import ZoneInfo

from sqlalchemy import insert, update
from sqlalchemy.exc import OperationalError

from portal.database import make_room
from portal.domain.call_files.layout import Layout
from portal.domain.call_files.proposing import is_open, names_calls, propose
from portal.domain.csv_files.heading import Heading, find_heading
from portal.domain.csv_files.proof import Proof
from portal.domain.csv_files.text import SEPARATOR, cells_of, delimiter_of, split
from portal.domain.errors import RuleBroken, WayOut
from portal.extensions import db
from portal.models import Call, CallChange, CallCover, CallImport, CallMove, CallReject, CallSaid, ImportState
from portal.services import locking
from portal.services.again import again_and_again
from portal.services.calls import effects, keeping, layouts, met_before, moves
from portal.services.calls.meanwhile import ChangedMeanwhile, Meanwhile
from portal.services.calls.rows import BadRow, Chunk, Reader, Record
from portal.services.calls.storing import Stored, store
from portal.services.chunks import collecting_nothing
from portal.services.csv import files
from portal.services.planner import count_anew

CHUNK = 8_000
UTC = ZoneInfo("UTC")
# A file of fewer lines is taken in while one waits.
SMALL = 20_000
# What is joined for what follows from a file, and as it is undone.
OF_CALLS = (Call, CallChange, CallCover, CallMove, CallSaid)
SILENT_FOR = timedelta(seconds=60)
WHOSE_AND_WHEN = itemgetter(*map(Record._fields.index, ("customer_id", "day")))
# Behind every day that a call can have.
NEVER = "~"
Clock = Callable[[], datetime]
AskedToStop = Callable[[], bool]


def accept(
    file: BinaryIO,
    file_name: str,
    *,
    replaces: bool,
    by: str,
    now: datetime,
    by_hand: bool = False,
    waits: bool = False,
    once: bool = False,
) -> CallImport:
    """An import of a file that can be read to its end. Its lines are kept, and none of them is taken yet.

    It is a new one, unless a file of this content waits already: then that one, as if it had been sent now.

    What was done before is committed, so that nobody waits while a file is read; one of many megabytes is committed
    as it is kept, too. The import itself is the caller's to commit. Invalid, with a sentence, for a file that cannot
    be. One whose layout has to be described, or is to be `by_hand`, waits, stopped; so does any that `waits` for
    somebody to look at what would be taken. `once`: MetBefore for one that is or was an import, but for one that waits
    and was begun by the same `by`.
    """
    db.session.commit()
    readable = files.make_sure(file)
    if once:
        _check_is_new(readable.digest, replaces, by)
    found = examine(file, readable, by_hand=by_hand)
    layout, shape = found.layout, found.shape
    import_, file_id = met_before.lock_waiting(readable.digest, replaces=replaces), None
    if import_ is None:
        file_id = keeping.keep(files.as_utf8(file, readable.encoding), readable.digest, now)
        # While a long file was kept, somebody else may have sent it.
        import_ = met_before.lock_waiting(readable.digest, replaces=replaces)
    if once:
        _check_is_new(readable.digest, replaces, by, file_id)
    is_new = import_ is None
    if import_ is not None:
        import_.paused_seconds += int((now - import_.heartbeat_at).total_seconds())
    else:
        import_ = CallImport(
            file_id=file_id,
            digest=readable.digest,
            replaces=replaces,
            bytes_total=readable.bytes,
            started_at=now,
        )
        db.session.add(import_)
    import_.file_name, import_.started_by, import_.heartbeat_at = file_name[-250:], by, now
    import_.layout, import_.sentence = layout.to_json() if layout else "", found.sentence
    import_.proof = json.dumps(found.proof.to_dict()) if found.proof else ""
    import_.state = ImportState.RUNNING if layout and not waits else ImportState.STOPPED
    import_.head, import_.delimiter = json.dumps(found.head), shape.delimiter
    import_.lines_before, import_.footer = shape.lines_before, shape.footer
    import_.lines_total = readable.lines - shape.lines_before
    db.session.flush()
    if file_id is not None and not is_new:
        keeping.let_go(file_id)
    return import_


def _check_is_new(digest: str, replaces: bool, by: str, file_id: int | None = None) -> None:
    """MetBefore for a file that is or was an import, but for one that waits and was begun by the same.

    What was kept of it meanwhile, as `file_id`, is let go.
    """
    met = met_before.met(digest, replaces=replaces)
    if met is None or (met_before.waits_untouched(met) and (met.started_by, met.replaces) == (by, replaces)):
        return
    met_id = met.id
    if file_id is not None:
        keeping.let_go(file_id)
    raise met_before.MetBefore(db.session.get_one(CallImport, met_id))


@dataclass(frozen=True, slots=True)
class Examined:
    """A file that was read to its end: how it becomes records, and its layout.

    Where that has to be described first there is none, but what somebody has to say, and what all of the file proves.
    """

    readable: files.Readable
    head: list[str]
    shape: files.Shape
    layout: Layout | None
    sentence: str
    proof: Proof | None


def examine(file: BinaryIO, readable: files.Readable, *, by_hand: bool = False) -> Examined:
    """Find out how a file says what a call is. Invalid, with a sentence, for one that cannot be of calls."""
    said = SEPARATOR.fullmatch(readable.first[0])
    delimiter = said[1] if said else delimiter_of(readable.first)
    heading = find_heading(
        readable.first, delimiter, lambda row: layouts.remembered(row) is not None, names_calls
    )
    shape = shape_with(readable, delimiter, heading)
    layout, sentence, proof = _layout(
        files.as_utf8(file, readable.encoding), readable, heading, shape, by_hand
    )
    return Examined(readable, heading.head, shape, layout, sentence, proof)


def shape_with(readable: files.Readable, delimiter: str, heading: Heading) -> files.Shape:
    """How a file with such a heading becomes records. Invalid for what cannot be one of calls."""
    line = readable.first[max(heading.lines - 1, 0)]
    files.check_heading(heading.head, readable.lines - heading.lines, line)
    width = len(heading.head)
    return files.Shape(delimiter, width, heading.lines, readable.footer(delimiter, width))


def _layout(
    file: BinaryIO, readable: files.Readable, heading: Heading, shape: files.Shape, by_hand: bool
) -> tuple[Layout | None, str, Proof | None]:
    """The layout of a file that can be taken in at once; else what somebody has to say, and what all of it proves."""
    first = split(readable.first[heading.lines], shape.delimiter) or []
    layout = layouts.remembered(heading.head, has_names=heading.has_names)
    if layout and not by_hand and (heading.has_names or layouts.fits(layout, first)):
        return layout, "", None
    begin = Proof(shape.width)
    begin.add(cells_of(readable.first[heading.lines :], shape.delimiter))
    proposal = propose(heading, begin, first)
    if not by_hand and not proposal.asks and not is_open(proposal.layout, begin):
        return proposal.layout, "", None
    db.session.commit()  # nobody waits while all of it is read
    proof = prove(file, shape)
    proposal = propose(heading, proof, first)
    if by_hand or proposal.asks:
        return None, proposal.sentence, proof
    return proposal.layout, "", None


def prove(file: BinaryIO, shape: files.Shape) -> Proof:
    """What the columns of a whole file hold."""
    proof = Proof(shape.width)
    for block in files.blocks(file, shape, CHUNK):
        proof.add(cells_of(block.records, shape.delimiter))
    return proof


def needs_layout(import_: CallImport) -> bool:
    """Whether somebody has to describe the layout of the file before it can go on."""
    return import_.state == ImportState.STOPPED and not import_.layout


def can_be_described(import_: CallImport) -> bool:
    """Whether its layout has to be described, or may be described anew: nothing of it is taken yet."""
    return needs_layout(import_) or waits_for_a_look(import_)


def waits_for_a_look(import_: CallImport) -> bool:
    """Whether somebody has to look at what would be taken before it goes on: nothing of it is taken yet."""
    return met_before.waits_untouched(import_) and bool(import_.layout)


def name_columns(import_: CallImport, heading: Heading, shape: files.Shape) -> None:
    """Let another line of a file that waits name its columns, or none."""
    _lock(import_)
    import_.lines_total += import_.lines_before - shape.lines_before
    import_.head, import_.lines_before, import_.footer = (
        json.dumps(heading.head),
        shape.lines_before,
        shape.footer,
    )


def describe(import_: CallImport, layout: Layout, now: datetime) -> None:
    """Say how the file says what a call is; remembered for files with the same columns. Invalid names the column.

    It waits, then, for somebody to go on with it.
    """
    _lock(import_)
    if not can_be_described(import_):
        raise RuleBroken(f"The import of {import_.file_name} has begun, or it was discarded.")
    layouts.remember(json.loads(import_.head), layout)
    import_.layout, import_.sentence, import_.proof, import_.heartbeat_at = layout.to_json(), "", "", now


def is_interrupted(import_: CallImport, now: datetime) -> bool:
    """Whether whoever was taking it in has gone silent."""
    return import_.state == ImportState.RUNNING and is_silent(import_, now)


def is_silent(import_: CallImport, now: datetime) -> bool:
    """Whether nothing was heard for a while of whoever was taking it in, or undoing it."""
    return now - import_.heartbeat_at > SILENT_FOR


def stop(import_: CallImport) -> None:
    """Let whoever is at work on it stop behind the chunk they have in hand."""
    _lock(import_)
    if import_.state == ImportState.RUNNING:
        import_.state = ImportState.STOPPED


def go_on(import_: CallImport, now: datetime) -> None:
    """Let a stopped or interrupted import go on. RuleBroken where it cannot."""
    _lock(import_)
    if import_.state in (ImportState.DONE, ImportState.DISCARDED, ImportState.UNDONE):
        raise RuleBroken(f"{import_.file_name} is {import_.state}.")
    if import_.state == ImportState.UNDOING:
        raise RuleBroken(f"The import of {import_.file_name} is being undone.")
    if not import_.layout:
        raise RuleBroken(
            f"{import_.sentence} Describe the layout first.".strip(),
            WayOut("Describe the layout", "calls.map_columns", {"import_id": import_.id}),
        )
    if import_.state == ImportState.RUNNING and not is_interrupted(import_, now):
        raise RuleBroken(f"{import_.file_name} is already being imported.")
    _set_going(import_, now)


def _lock(import_: CallImport) -> None:
    """Lock how far it is, and read it anew."""
    locking.lock(CallImport, [import_.id])


def _set_going(import_: CallImport, now: datetime) -> None:
    import_.paused_seconds += int((now - import_.heartbeat_at).total_seconds())
    import_.state, import_.heartbeat_at = ImportState.RUNNING, now


def carry_out(
    import_id: int,
    today: date,
    clock: Clock,
    zone: ZoneInfo | None = None,
    size: int = CHUNK,
    say: Callable[[CallImport], object] = bool,
    is_asked_to_stop: AskedToStop = bool,
) -> CallImport:
    """Take a file in to its end, committing each chunk; started again, anywhere, it goes on where it stood.

    Without a zone, times are in the portal's, as it is set when each chunk is stored. Asked to stop, it does so behind
    the chunk in hand and is still `running`: whoever asked has somebody go on with it, or calls `stop`.
    """
    import_ = db.session.get_one(CallImport, import_id)
    if import_.state != ImportState.RUNNING:
        return import_
    # Where it stands for us; whoever else is at work on it moves what is stored, and then we are done.
    file_id, position, lines = import_.file_id, import_.bytes_done, import_.lines_done
    assert file_id is not None, "the lines of an import that runs are kept"
    if import_.lines_total - lines > SMALL:
        make_room(db.session.connection())
    shape = shape_of(import_)
    reader = Meanwhile(
        Reader(layout_of(import_), json.loads(import_.head), shape, zone or UTC, today),
        follows=zone is None,
    )
    reached: dict[int, date] = {}
    at = position
    # Where somebody else was at work on the same calls, or on what they name, a block is taken in again.
    take = again_and_again(_take, refused=(ChangedMeanwhile, OperationalError))
    try:
        for block in files.blocks(keeping.opened(file_id), shape, size, position, lines):
            with collecting_nothing():
                is_taken = take(import_, block, at, reader, today, clock(), reached)
            # Stopped: nothing follows until somebody goes on. Or raced: it follows where the last block was taken.
            if not is_taken or is_asked_to_stop():
                return _as_stored(import_id)
            at = block.position
            say(import_)
    except keeping.NotKept:
        import_ = _as_stored(import_id)
        if import_.state == ImportState.RUNNING:
            raise
        return import_
    import_ = _as_stored(import_id)
    count_anew(*OF_CALLS)
    if import_.replaces:
        moves.find(import_id)
    if position or import_.replaces or import_.known_count:  # calls may have become its own meanwhile
        reached = effects.reached_by(import_id)
    if not effects.follow(reached, import_id, today, clock, is_asked_to_stop):
        return _as_stored(import_id)
    return _finish(import_id, clock())


def layout_of(import_: CallImport) -> Layout:
    """How its file says what a call is."""
    return Layout.from_json(import_.layout) or Layout()


def shape_of(import_: CallImport) -> files.Shape:
    """How the text of its file becomes records."""
    width = len(json.loads(import_.head))
    return files.Shape(import_.delimiter, width, import_.lines_before, import_.footer)


def _as_stored(import_id: int) -> CallImport:
    return db.session.get_one(CallImport, import_id, populate_existing=True)


def discard(
    import_id: int, say: Callable[[CallImport], str], *, by: str = "", untouched_since: datetime | None = None
) -> bool:
    """Discard an import that waits, of which nothing was taken in, and its file; whether it was one.

    Where it says since when nobody may have touched it, that too. `say` gives the import's sentence, as it stands when
    it is discarded; `by` is nobody where it has waited too long. It commits.
    """
    import_ = db.session.get_one(CallImport, import_id)
    _lock(import_)
    file_id = import_.file_id
    waits = import_.state == ImportState.STOPPED and not import_.lines_done
    is_untouched = untouched_since is None or import_.heartbeat_at < untouched_since
    if file_id is None or not (waits and is_untouched):
        db.session.rollback()
        return False
    import_.state, import_.sentence, import_.file_id = ImportState.DISCARDED, say(import_), None
    import_.discarded_by = by
    db.session.commit()
    keeping.let_go(file_id)
    return True


def _take(
    import_: CallImport,
    block: files.Block,
    at: int,
    reader: Meanwhile,
    today: date,
    now: datetime,
    reached: dict[int, date],
) -> bool:
    """Take a block in that begins `at`, in one transaction; False where it was stopped, or does not stand there."""
    chunk = reader.read(block)
    stored = store(chunk, today, import_.id, import_.replaces)
    bad = sorted([*chunk.bad, *stored.bad], key=lambda row: row.line)
    keep_bad(import_.id, bad)
    alike = stored.alike if reader.is_without_ids else []
    keep_bad(import_.id, alike, is_bad=False)
    moved = db.session.connection().execute(
        update(CallImport)
        .where(CallImport.id == import_.id, CallImport.state == ImportState.RUNNING)
        .where(CallImport.bytes_done == at)
        .values(
            bytes_done=block.position,
            lines_done=CallImport.lines_done + block.lines,
            taken_count=CallImport.taken_count + stored.taken,
            known_count=CallImport.known_count + stored.known,
            replaced_count=CallImport.replaced_count + stored.replaced,
            bad_count=CallImport.bad_count + len(bad),
            unanswered_count=CallImport.unanswered_count + chunk.unanswered,
            passed_count=CallImport.passed_count + chunk.passed,
            alike_count=CallImport.alike_count + len(alike),
            heartbeat_at=now,
        )
    )
    if moved.rowcount != 1:
        db.session.rollback()
        return False
    db.session.commit()
    _reach(reached, chunk, stored)
    return True


def _reach(reached: dict[int, date], chunk: Chunk, stored: Stored) -> None:
    """Keep from which day on each customer's calls have changed."""
    first: dict[int, str] = {}
    if stored.taken:
        for customer_id, day in map(WHOSE_AND_WHEN, chunk.records):
            if day < first.get(customer_id, NEVER):
                first[customer_id] = day
    days = [*((id, date.fromisoformat(day)) for id, day in first.items()), *stored.reached.items()]
    for id, begins in days:
        reached[id] = min(reached.get(id, begins), begins)


def keep_bad(import_id: int, bad: Iterable[BadRow], *, is_bad: bool = True) -> None:
    """Keep rows that were not taken, as they stood, with their lines and reasons."""
    rows = [
        {
            "import_id": import_id,
            "line": row.line,
            "row": json.dumps(row.cells, ensure_ascii=False).replace("\\u0000", ""),
            "sentence": row.sentence,
            "reason": row.reason,
            "is_bad": is_bad,
        }
        for row in bad
    ]
    if rows:
        db.session.execute(insert(CallReject), rows)


def _finish(import_id: int, now: datetime) -> CallImport:
    """Say that a file is done, if all of it was dealt with; its lines are needed no more."""
    import_ = db.session.get_one(CallImport, import_id)
    _lock(import_)
    file_id = import_.file_id
    is_done = import_.state == ImportState.RUNNING and import_.bytes_done >= import_.bytes_total
    if is_done:
        import_.state, import_.file_id, import_.finished_at = ImportState.DONE, None, now
    db.session.commit()
    if is_done and file_id is not None:
        keeping.let_go(file_id)
    return import_
