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
from datetime import date, datetime, timedelta
from typing import BinaryIO
from zoneinfo import ZoneInfo

from sqlalchemy import insert, update
from sqlalchemy.exc import OperationalError

from portal.database import make_room
from portal.domain.errors import Invalid, RuleBroken, WayOut
from portal.extensions import db
from portal.models import CallImport, CallReject, ImportState
from portal.services import locking
from portal.services.calls import columns, effects, files, keeping
from portal.services.calls.columns import Mapping
from portal.services.calls.meanwhile import ChangedMeanwhile, Meanwhile
from portal.services.calls.rows import BadRow, Chunk, Reader
from portal.services.calls.storing import Stored, store

CHUNK = 8_000
UTC = ZoneInfo("UTC")
# A file of fewer lines is taken in while one waits.
SMALL = 20_000
SILENT_FOR = timedelta(seconds=60)
TRIES = 20
Clock = Callable[[], datetime]
AskedToStop = Callable[[], bool]
NO_NAMES = (
    "The first line holds values, not the names of the columns. "
    "Put names above them, such as: call id, customer, start time, seconds, charge."
)


def accept(
    file: BinaryIO, file_name: str, *, replaces: bool, by: str, now: datetime, by_hand: bool = False
) -> CallImport:
    """A new import of a file that can be read to its end. Its lines are kept, and none of them is taken yet.

    What was done before is committed, so that nobody waits while a file is read; one of many megabytes is committed
    as it is kept, too. The import itself is the caller's to commit. Invalid, with a sentence, for a file that cannot
    be. One whose columns have to be mapped by hand, or are to be `by_hand`, waits, stopped.
    """
    db.session.commit()
    readable = files.make_sure(file)
    mapping, lacks = columns.mapping_of(readable.head)
    if lacks and columns.looks_like_values(readable.head):
        raise Invalid("file", NO_NAMES)
    waits = by_hand or bool(lacks)
    import_ = CallImport(
        file_name=file_name[-250:],
        file_id=keeping.keep(files.unpacked(file), readable.digest, now),
        digest=readable.digest,
        replaces=replaces,
        mapping="" if waits else mapping.to_json(),
        state=ImportState.STOPPED if waits else ImportState.RUNNING,
        sentence=lacks,
        head=json.dumps(readable.head),
        delimiter=readable.delimiter,
        lines_total=readable.lines,
        bytes_total=readable.bytes,
        started_by=by,
        started_at=now,
        heartbeat_at=now,
    )
    db.session.add(import_)
    db.session.flush()
    return import_


def needs_mapping(import_: CallImport) -> bool:
    """Whether somebody has to say which column is what before it can go on."""
    return import_.state == ImportState.STOPPED and not import_.mapping


def map_columns(import_: CallImport, mapping: Mapping, now: datetime) -> None:
    """Say which column is what; remembered for files with the same first line. Invalid names the column."""
    _lock(import_)
    if not needs_mapping(import_):
        raise RuleBroken(f"The columns of {import_.file_name} have already been chosen.")
    columns.remember(json.loads(import_.head), mapping)
    import_.mapping, import_.sentence = mapping.to_json(), ""
    _set_going(import_, now)


def is_interrupted(import_: CallImport, now: datetime) -> bool:
    """Whether whoever was at work on it has gone silent."""
    return import_.state == ImportState.RUNNING and now - import_.heartbeat_at > SILENT_FOR


def stop(import_: CallImport) -> None:
    """Let whoever is at work on it stop behind the chunk they have in hand."""
    _lock(import_)
    if import_.state == ImportState.RUNNING:
        import_.state = ImportState.STOPPED


def go_on(import_: CallImport, now: datetime) -> None:
    """Let a stopped or interrupted import go on. RuleBroken where it cannot."""
    _lock(import_)
    if import_.state in (ImportState.DONE, ImportState.DISCARDED):
        raise RuleBroken(f"{import_.file_name} is {import_.state}.")
    if not import_.mapping:
        raise RuleBroken(
            f"{import_.sentence} Choose the columns first.".strip(),
            WayOut("Choose the columns", "calls.columns", {"import_id": import_.id}),
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
    reader = Meanwhile(
        Reader(
            Mapping.from_json(import_.mapping) or Mapping({}),
            json.loads(import_.head),
            import_.delimiter,
            zone or UTC,
            today,
        ),
        follows=zone is None,
    )
    reached: dict[int, date] = {}
    at = position
    try:
        for block in files.blocks(keeping.opened(file_id), size, position, lines):
            is_taken = _take_again_and_again(import_, block, at, reader, today, clock, reached)
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
    if position:
        reached = effects.reached_by(import_id)
    if not effects.follow(reached, import_id, today, clock, is_asked_to_stop):
        return _as_stored(import_id)
    return _finish(import_id, clock())


def _as_stored(import_id: int) -> CallImport:
    return db.session.get_one(CallImport, import_id, populate_existing=True)


def discard(import_id: int, sentence: str, untouched_since: datetime | None = None) -> bool:
    """Discard an import that waits, of which nothing was taken in, and its file; whether it was one.

    Where it says since when nobody may have touched it, that too. It commits.
    """
    import_ = db.session.get_one(CallImport, import_id)
    _lock(import_)
    file_id = import_.file_id
    waits = import_.state == ImportState.STOPPED and not import_.lines_done
    is_untouched = untouched_since is None or import_.heartbeat_at < untouched_since
    if file_id is None or not (waits and is_untouched):
        db.session.rollback()
        return False
    import_.state, import_.sentence, import_.file_id = ImportState.DISCARDED, sentence, None
    db.session.commit()
    keeping.let_go(file_id)
    return True


def _take_again_and_again(
    import_: CallImport,
    block: files.Block,
    at: int,
    reader: Meanwhile,
    today: date,
    clock: Clock,
    reached: dict[int, date],
) -> bool:
    """Take a block in; where somebody else was at work on the same calls, or on what they name, do it again."""
    for attempt in range(TRIES):
        try:
            return _take(import_, block, at, reader, today, clock(), reached)
        except (ChangedMeanwhile, OperationalError):
            db.session.rollback()
            if attempt + 1 == TRIES:
                raise
    raise AssertionError("unreachable")


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
    moved = db.session.connection().execute(
        update(CallImport)
        .where(CallImport.id == import_.id, CallImport.state == ImportState.RUNNING)
        .where(CallImport.bytes_done == at)
        .values(
            bytes_done=block.position,
            lines_done=CallImport.lines_done + len(block.lines),
            taken_count=CallImport.taken_count + stored.taken,
            known_count=CallImport.known_count + stored.known,
            replaced_count=CallImport.replaced_count + stored.replaced,
            bad_count=CallImport.bad_count + len(bad),
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
        for record in chunk.records:
            day = first.get(record.customer_id)
            if day is None or record.day < day:
                first[record.customer_id] = record.day
    days = [*((id, date.fromisoformat(day)) for id, day in first.items()), *stored.reached.items()]
    for id, begins in days:
        reached[id] = min(reached.get(id, begins), begins)


def keep_bad(import_id: int, bad: Iterable[BadRow]) -> None:
    """Keep bad rows, as they stood, with their lines and reasons."""
    rows = [
        {
            "import_id": import_id,
            "line": row.line,
            "row": json.dumps(row.cells, ensure_ascii=False).replace("\\u0000", ""),
            "sentence": row.sentence,
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
