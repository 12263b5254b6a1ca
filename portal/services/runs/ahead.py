"""The chunks of a shard, one after the other; on SQLite the next one is worked out while one is stored.

There one transaction at a time writes, so that nobody could help with a run. But whoever reads waits for nobody: a
second thread works out the next chunk meanwhile, and the file is locked only while what was found is stored. That
holds where nobody but the run has written since it was read: what the run itself stores in the meantime is of other
assignments. Else the chunk is done anew, locked from the beginning, as it is on PostgreSQL.
"""

import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import copy_context
from typing import NamedTuple

from flask import current_app
from sqlalchemy.exc import OperationalError

from portal.database import Kept, is_file, kept_connection, reading
from portal.extensions import db
from portal.services.again import TRIES
from portal.services.billing.posting import Found, PositionMoved
from portal.services.chunks import Sizes, collecting_nothing, in_chunks, in_time

Ids = Sequence[int]
Find = Callable[[Ids], Found]
Store = Callable[[Found, Ids], bool]
# What is done again, because somebody else was at work.
REFUSED = (PositionMoved, OperationalError)
# A chunk that is worked out under the lock takes twice as long as one that is only stored: it is done in parts.
PARTS = 2
# Seconds that one thread goes on while another waits to. Of Python's 5 ms whoever stores would wait again and again,
# each time for a moment's work between two statements.
AT_MOST, USUALLY = 0.0002, sys.getswitchinterval()


class Coming(NamedTuple):
    """A chunk that is being worked out, and what `Kept.data_version` said before it was begun."""

    ids: Ids
    data_version: int
    found: Future[Found]


def in_turn(ids: Ids, most: int, find: Find, store: Store) -> Generator[bool]:
    """Do all chunks, each what `store` says of it in the end: whoever asks commits each, or rolls back and goes."""
    if is_file(db.engine):
        yield from _ahead(ids, most, find, store)
        return
    for chunk in in_time(ids, most):
        yield _do(chunk, find, store)


def _ahead(ids: Ids, most: int, find: Find, store: Store) -> Iterator[bool]:
    sizes, start = Sizes(most), 0
    with (
        ThreadPoolExecutor(1, "ahead") as threads,
        kept_connection() as kept,  # behind an error nobody waits for the file until the thread has ended, too
        collecting_nothing(),
        switching_often(),
    ):

        def work_out_next() -> Coming:
            nonlocal start
            some, start = ids[start : start + sizes.size], start + sizes.size
            return Coming(
                some, kept.data_version(), threads.submit(copy_context().run, _find_reading, find, some)
            )

        coming = work_out_next() if ids else None
        while coming:
            chunk = coming
            wait([chunk.found])
            kept.put_log_away()
            coming = work_out_next() if start < len(ids) else None
            with sizes.measured(len(chunk.ids)):
                goes_on = _stored(chunk, store, kept)
                if goes_on is not None:
                    yield goes_on
                    continue
                for some in in_chunks(chunk.ids, -(-len(chunk.ids) // PARTS)):
                    yield _do(some, find, store, kept)


def _stored(chunk: Coming, store: Store, kept: Kept) -> bool | None:
    """Store what was found; None where it has to be worked out anew."""
    try:
        kept.begin()
        if kept.data_version() == chunk.data_version:
            return store(chunk.found.result(), chunk.ids)
    except REFUSED:
        pass
    db.session.rollback()
    return None


@contextmanager
def switching_often() -> Iterator[None]:
    """In here no thread waits long for another one of this process."""
    sys.setswitchinterval(AT_MOST)
    try:
        yield
    finally:  # not what it was: another run of this process may have set that, and end first
        sys.setswitchinterval(USUALLY)


def _find_reading(find: Find, some: Ids) -> Found:
    with current_app.app_context(), reading():
        return find(some)


def _do(some: Ids, find: Find, store: Store, kept: Kept | None = None) -> bool:
    """Do a chunk in a transaction that has locked all it reads; again where somebody else was at work meanwhile."""
    for attempt in range(TRIES):
        try:
            if kept:
                kept.begin()
            return store(find(some), some)
        except REFUSED:
            db.session.rollback()
            if attempt + 1 == TRIES:
                raise
    raise AssertionError("unreachable")
