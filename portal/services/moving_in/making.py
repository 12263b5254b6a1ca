"""A file to move in with, made: some of its items at a time, each time in one transaction (billing-rules 16).

It commits as it goes: killed or stopped anywhere it loses nothing, and goes on where it stood. How far it has come
moves by compare-and-set, so two processes at work on one file make nothing twice; and imports make what they make one
after the other, so that the same file, sent by two people at the same moment, is made once and found there once.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from sqlalchemy import bindparam, delete, func, insert, select, update

from portal.domain.errors import RuleBroken, WayOut
from portal.domain.wording import plural
from portal.extensions import db
from portal.models import ImportState, MoveImport, MoveLine, MoveMade
from portal.services import locking
from portal.services.chunks import collecting_nothing
from portal.services.moving_in.accepting import needs_layout, waits
from portal.services.moving_in.kind import At, Item, Kind, Made, Outcome, Planned
from portal.services.moving_in.kinds import kind_of
from portal.services.moving_in.planning import Plan, items_of, plan, planned

CHUNK = 500
# A file of fewer lines is made while one waits.
SMALL = 500
SILENT_FOR = timedelta(seconds=60)
# Whoever makes what a file says waits for whoever is making some (PostgreSQL; the number means nothing elsewhere).
MAKING = 0x6D6F7665
Clock = Callable[[], datetime]
AskedToStop = Callable[[], bool]


class MovedMeanwhile(RuleBroken):
    """What would be made is not any more what somebody has looked at."""


def begin(
    import_: MoveImport,
    *,
    takes_changes: bool,
    good_only: bool,
    today: date,
    now: datetime,
    expected: str | None = None,
    seen: Plan | None = None,
) -> Plan:
    """Let a file that waits be made; what is to be made of it. It is then `carry_out`'s.

    `seen` is a plan of it that this transaction has made already. RuleBroken while there are bad lines, unless the
    `good_only` are wanted; MovedMeanwhile where what would be made is not what was `expected`, the fingerprint of a
    plan.
    """
    locking.lock(MoveImport, [import_.id])
    if needs_layout(import_):
        raise RuleBroken(
            f"{import_.sentence} Describe the columns first.".strip(),
            WayOut("Describe the columns", "moving_in.columns", {"move_id": import_.id}),
        )
    if not waits(import_):
        raise RuleBroken(f"The import of {import_.file_name} has begun already, or it was discarded.")
    found = seen or plan(import_, today)
    if expected is not None and found.fingerprint() != expected:
        raise MovedMeanwhile(
            "Something has changed since this page was shown. This is what would be made now."
        )
    if found.bad and not good_only:
        raise RuleBroken(
            f"{plural(found.bad_line_count, 'line')} cannot be imported. Correct the file and send it again, or import "
            "the good lines only."
        )
    import_.takes_changes, import_.items_total = takes_changes, len(found.planned)
    import_.state, import_.heartbeat_at = ImportState.RUNNING, now
    return found


def carry_out(
    import_id: int,
    today: date,
    clock: Clock,
    *,
    size: int = CHUNK,
    say: Callable[[MoveImport], object] = bool,
    is_asked_to_stop: AskedToStop = bool,
) -> MoveImport:
    """Make all of a file, committing each chunk; started again, anywhere, it goes on where it stood.

    Asked to stop, it does so behind the chunk in hand and is still `running`: whoever asked has somebody go on with it.
    """
    import_ = _as_stored(import_id)
    if import_.state != ImportState.RUNNING:
        return import_
    kind = kind_of(import_)
    items = items_of(import_, kind)
    db.session.commit()
    at = import_.items_done
    while at < len(items):
        some = items[at : at + size]
        with collecting_nothing():
            is_made = _make(import_id, kind, some, at, today, clock())
        if not is_made:
            return _as_stored(import_id)
        at += len(some)
        say(_as_stored(import_id))
        db.session.commit()
        if is_asked_to_stop():
            return _as_stored(import_id)
    return _finish(import_id, clock())


def _make(import_id: int, kind: Kind, items: Sequence[Item], at: int, today: date, now: datetime) -> bool:
    """Make some items in one transaction; False where it was stopped, or does not stand there."""
    _wait_for_others()
    import_ = _as_stored(import_id)
    if import_.state != ImportState.RUNNING or import_.items_done != at:
        db.session.rollback()
        return False
    kind.lock([item for item in items if not item.reason], today)
    found = planned(kind, items, today)
    wanted = [one for one in found if one.outcome == Outcome.NEW]
    changed = [one for one in found if one.outcome == Outcome.CHANGED]
    bad = [one for one in found if one.outcome == Outcome.BAD]
    if import_.takes_changes:
        wanted += changed
    made, refused = _made(kind, wanted, At(import_id, import_.started_by, today, now))
    bad += refused
    _keep(import_id, made, bad)
    changes = sum(one.is_change for one in made)
    counts = {
        MoveImport.items_done: at + len(items),
        MoveImport.made_count: MoveImport.made_count + len(made) - changes,
        MoveImport.changed_count: MoveImport.changed_count + changes,
        MoveImport.same_count: MoveImport.same_count + sum(one.outcome == Outcome.SAME for one in found),
        MoveImport.left_count: MoveImport.left_count + (0 if import_.takes_changes else len(changed)),
        MoveImport.bad_count: MoveImport.bad_count + sum(len(one.item.lines) for one in bad),
        MoveImport.heartbeat_at: now,
    }
    moved = db.session.execute(
        update(MoveImport)
        .where(MoveImport.id == import_id, MoveImport.state == ImportState.RUNNING)
        .where(MoveImport.items_done == at)
        .values(counts)
        .execution_options(synchronize_session=False)
    )
    if moved.rowcount != 1:  # type: ignore[attr-defined]
        db.session.rollback()
        return False
    db.session.commit()
    return True


def _made(kind: Kind, wanted: Sequence[Planned], at: At) -> tuple[list[Made], list[Planned]]:
    """Make these together; where a rule refuses one after all, each by itself: what was made, and what is then bad.

    (What is new and what is changed in one chunk may stand in each other's way: no plan sees that of each alone.)
    """
    if not wanted:
        return [], []
    try:
        with db.session.begin_nested():
            return kind.make(wanted, at), []
    except RuleBroken as error:
        if len(wanted) == 1:
            return [], [replace(wanted[0], outcome=Outcome.BAD, reason=error.sentence)]
    kind.lock([one.item for one in wanted], at.today)
    made: list[Made] = []
    refused: list[Planned] = []
    for one in wanted:
        some, bad = _made(kind, [one], at)
        made += some
        refused += bad
    return made, refused


def _wait_for_others() -> None:
    """Let imports make one after the other. (SQLite has one writer at a time.)"""
    connection = db.session.connection()
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(MAKING)))


def _keep(import_id: int, made: Sequence[Made], bad: Sequence[Planned]) -> None:
    """Keep what was made of which line, and why others are bad."""
    rows = [
        {
            "import_id": import_id,
            "place": one.place,
            "noun": one.noun,
            "thing_id": one.thing_id,
            "label": one.label[:250],
            "is_change": one.is_change,
            "before": json.dumps(dict(one.before), ensure_ascii=False) if one.is_change else "",
            "after": json.dumps(dict(one.after), ensure_ascii=False) if one.is_change else "",
            "monthly": one.monthly,
        }
        for one in made
    ]
    if rows:
        db.session.execute(insert(MoveMade), rows)
    sentences = [
        {"of": import_id, "at": line.place, "why": line.reason or one.reason}
        for one in bad
        for line in one.item.lines
    ]
    if sentences:
        table = MoveLine.__table__
        which = (table.c.import_id == bindparam("of")) & (table.c.place == bindparam("at"))
        db.session.connection().execute(
            update(table).where(which).values(sentence=bindparam("why")),
            sentences,
        )


def _finish(import_id: int, now: datetime) -> MoveImport:
    """Say that a file is done, if all of it was dealt with; of its lines the bad ones are kept."""
    (import_,) = locking.lock(MoveImport, [import_id])
    if import_.state == ImportState.RUNNING and import_.items_done >= import_.items_total:
        import_.state, import_.finished_at = ImportState.DONE, now
        forget_good_lines(import_id)
    db.session.commit()
    return import_


def forget_good_lines(import_id: int) -> None:
    """Delete the lines that nobody needs any more."""
    good = (MoveLine.import_id == import_id) & (MoveLine.sentence == "")
    db.session.execute(delete(MoveLine).where(good).execution_options(synchronize_session=False))


def stop(import_: MoveImport) -> None:
    """Let whoever is at work on it stop behind the chunk they have in hand."""
    locking.lock(MoveImport, [import_.id])
    if import_.state == ImportState.RUNNING:
        import_.state = ImportState.STOPPED


def go_on(import_: MoveImport, now: datetime) -> None:
    """Let an import go on that was begun, and stopped or interrupted. RuleBroken where it cannot."""
    locking.lock(MoveImport, [import_.id])
    if waits(import_):
        raise RuleBroken(
            f"{import_.file_name} waits for somebody to look at it.",
            WayOut("Look at it", "moving_in.show", {"move_id": import_.id}),
        )
    if import_.state not in (ImportState.STOPPED, ImportState.RUNNING):
        raise RuleBroken(f"The import of {import_.file_name} is {import_.state}.")
    if import_.state == ImportState.RUNNING and not is_silent(import_, now):
        raise RuleBroken(f"{import_.file_name} is already being imported.")
    import_.state, import_.heartbeat_at = ImportState.RUNNING, now


def is_silent(import_: MoveImport, now: datetime) -> bool:
    """Whether nothing was heard for a while of whoever was at work on it."""
    return now - import_.heartbeat_at > SILENT_FOR


def is_interrupted(import_: MoveImport, now: datetime) -> bool:
    """Whether whoever was at work on it has gone silent."""
    return import_.state in (ImportState.RUNNING, ImportState.UNDOING) and is_silent(import_, now)


def _as_stored(import_id: int) -> MoveImport:
    return db.session.get_one(MoveImport, import_id, populate_existing=True)
