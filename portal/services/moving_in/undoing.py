"""An import taken back: what it made is removed, what it changed is put back, as far as nothing else stands on it.

It commits as it goes, a chunk a transaction, the last thing first; killed anywhere it goes on. What has to be left is
named, with its reason, and taken back when the import is undone once more and nothing is in the way any longer.
"""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import func, select, update

from portal.domain.errors import Invalid, RuleBroken
from portal.domain.names import written
from portal.extensions import db
from portal.models import ImportState, MoveImport, MoveMade
from portal.services import locking
from portal.services.charges.by_hand import REASON_LONGEST
from portal.services.moving_in.kind import IN_ORDER, At, Kind, made_by
from portal.services.moving_in.kinds import kind_of
from portal.services.moving_in.making import (
    CHUNK,
    AskedToStop,
    Clock,
    forget_good_lines,
    is_interrupted,
    is_silent,
)


def why_not(import_: MoveImport, now: datetime) -> RuleBroken | None:
    """Why an import cannot be taken back now; None where it can."""
    if import_.state == ImportState.RUNNING and not is_interrupted(import_, now):
        return RuleBroken(f"{import_.file_name} is being imported: stop the import first.")
    if import_.state == ImportState.UNDOING and not is_interrupted(import_, now):
        return RuleBroken(f"The import of {import_.file_name} is already being undone.")
    if not _has_made(import_.id):
        return RuleBroken(f"The import of {import_.file_name} has made nothing that could be undone.")
    return kind_of(import_).why_not_take_back(import_)


def can_be_undone(import_: MoveImport, now: datetime) -> bool:
    """Whether an import is one that somebody may ask to take back, whatever then stands in the way."""
    is_at_work = import_.state in (ImportState.RUNNING, ImportState.UNDOING)
    return _has_made(import_.id) and not (is_at_work and not is_silent(import_, now))


def _has_made(import_id: int) -> bool:
    """Whether anything that an import has made was not taken back."""
    query = select(MoveMade.id).where(made_by(import_id), MoveMade.taken_back_on.is_(None))
    return db.session.scalar(query.order_by(*IN_ORDER).limit(1)) is not None


def begin(import_: MoveImport, reason: str, *, by: str, now: datetime) -> None:
    """Let an import be taken back, with a reason; it is then `carry_out`'s. RuleBroken where it cannot be."""
    locking.lock(MoveImport, [import_.id])
    if refusal := why_not(import_, now):
        raise refusal
    reason = written(reason)
    if import_.state != ImportState.UNDOING:
        if not reason:
            raise Invalid("reason", "Enter why it is undone: the reason is kept.")
        if len(reason) > REASON_LONGEST:
            raise Invalid("reason", f"Too long: {REASON_LONGEST} characters at most.")
        import_.undo_reason = reason
    import_.state, import_.undone_by, import_.heartbeat_at = ImportState.UNDOING, by, now
    import_.undone_at = now
    # What had to be left before may not be in the way any more.
    of_import = (MoveMade.import_id == import_.id) & (MoveMade.left != "")
    db.session.execute(
        update(MoveMade).where(of_import).values(left="").execution_options(synchronize_session=False)
    )


def carry_out(
    import_id: int, today: date, clock: Clock, *, size: int = CHUNK, is_asked_to_stop: AskedToStop = bool
) -> MoveImport:
    """Take an import back to its end, committing each chunk; started again, anywhere, it goes on."""
    import_ = db.session.get_one(MoveImport, import_id, populate_existing=True)
    kind, by = kind_of(import_), import_.undone_by
    while import_.state == ImportState.UNDOING and (made := _next(import_id, size)):
        _take_back(import_id, kind, made, At(import_id, by, today, clock()))
        import_ = db.session.get_one(MoveImport, import_id, populate_existing=True)
        if is_asked_to_stop():
            return import_
    (import_,) = locking.lock(MoveImport, [import_id])
    if import_.state == ImportState.UNDOING:
        import_.state = ImportState.UNDONE
        forget_good_lines(import_id)
    db.session.commit()
    return import_


def _next(import_id: int, size: int) -> Sequence[MoveMade]:
    query = select(MoveMade).where(
        MoveMade.import_id == import_id, MoveMade.taken_back_on.is_(None), MoveMade.left == ""
    )
    return db.session.scalars(query.order_by(MoveMade.id.desc()).limit(size)).all()


def _take_back(import_id: int, kind: Kind, made: Sequence[MoveMade], at: At) -> None:
    left = kind.take_back(made, at)
    # Whoever else is at work on it is waited for, and has taken the same back.
    (import_,) = locking.lock(MoveImport, [import_id])
    for one in locking.read_anew(MoveMade, [one.id for one in made]):
        if one.id in left:
            one.left = left[one.id]
        else:
            one.taken_back_on = at.today
    import_.heartbeat_at = at.now
    db.session.commit()


def count_taken_back(import_id: int) -> int:
    """How many things were taken back."""
    query = select(func.count(MoveMade.id)).where(
        MoveMade.import_id == import_id, MoveMade.taken_back_on.is_not(None)
    )
    return db.session.scalar(query) or 0


def left_things(import_: MoveImport) -> Sequence[MoveMade]:
    """What had to be left when it was taken back, and why."""
    if not import_.undone_at:
        return ()
    query = select(MoveMade).where(MoveMade.import_id == import_.id, MoveMade.left != "")
    return db.session.scalars(query.order_by(MoveMade.id)).all()
