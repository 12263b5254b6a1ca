"""Files that come again, known by their content: whatever they are called and wherever they come from.

A file of which nothing is taken in yet waits once, however often it is sent. What lies in a folder night for night is
taken once, and whoever is sent it asks here first.
"""

from sqlalchemy import Select, case, func, or_, select

from portal.extensions import db
from portal.models import CallImport, ImportState
from portal.models.call import TAKEN_BACK
from portal.services import locking

# Only that: nothing else of the portal takes this lock, with a second number behind it.
CONTENT = 0x63616C6C  # "call"
DIGITS = 7
# What became of a file of which nothing is wanted.
GIVEN_UP = (ImportState.DISCARDED, *TAKEN_BACK)


class MetBefore(Exception):
    """A file of the same content is or was an import already."""

    def __init__(self, import_: CallImport) -> None:
        super().__init__(f"Import {import_.id} is of the same file.")
        self.import_ = import_


def met(digest: str, *, replaces: bool) -> CallImport | None:
    """The import that a file of this content is or was: one at work before one that is done, then the newest.

    Where the file is to replace calls, only one that does so, too, or one that somebody discarded or undid since. One
    that was discarded because nobody came in time is none: the file may wait again.
    """
    at_work = case((CallImport.is_at_work(), 0), (CallImport.state == ImportState.DONE, 1), else_=2)
    given_up = CallImport.state.in_(GIVEN_UP)
    stands = _of(digest).with_only_columns(func.max(CallImport.id)).where(~given_up).scalar_subquery()
    is_last_word = given_up & (CallImport.id > func.coalesce(stands, 0))
    has_lapsed = (CallImport.state == ImportState.DISCARDED) & (CallImport.discarded_by == "")
    query = _of(digest).where(~has_lapsed, or_(CallImport.replaces.in_((replaces, True)), is_last_word))
    return db.session.scalar(query.order_by(at_work, CallImport.id.desc()).limit(1))


def lock_waiting(digest: str, *, replaces: bool) -> CallImport | None:
    """The import with a file of this content that waits and of which nothing is taken in, locked.

    Nobody else begins one of this content before the transaction ends.
    """
    _lock_content(digest)
    waits = _of(digest).where(
        CallImport.replaces.is_(replaces),
        CallImport.state == ImportState.STOPPED,
        CallImport.lines_done == 0,
        CallImport.file_id.is_not(None),
    )
    for id in db.session.scalars(waits.with_only_columns(CallImport.id).order_by(CallImport.id)).all():
        import_ = locking.lock_one(CallImport, id)
        if import_ and waits_untouched(import_):
            return import_
    return None


def waits_untouched(import_: CallImport) -> bool:
    """Whether a file waits for its layout, for a look or to be continued, and nothing of it is taken in."""
    is_stopped = import_.state == ImportState.STOPPED and import_.file_id is not None
    return is_stopped and not import_.lines_done


def _of(digest: str) -> Select[CallImport]:
    return select(CallImport).where(CallImport.digest == digest)


def _lock_content(digest: str) -> None:
    """Let nobody else begin with a file of this content. (SQLite has one writer at a time.)"""
    connection = db.session.connection()
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(CONTENT, int(digest[:DIGITS], 16))))
