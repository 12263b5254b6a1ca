"""Several shards of a run in one process: while PostgreSQL stores the chunk of one, a chunk of another is worked out.

One at a time, the process waits for the database two thirds of its time, and the database for the process the rest. No
customer is in two shards, so neither half waits for what the other has locked. SQLite takes one writer at a time.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from contextvars import copy_context
from threading import Event, Lock

from flask import current_app

from portal.extensions import db

Pause = Callable[[], object]


class OtherEnded(Exception):
    """What the other half was at has raised an error: nothing more is begun."""


class Pair:
    """Shards to be posted by one or two at a time: `post` one, calling `Pause` behind each chunk."""

    def __init__(self, numbers: Sequence[int], post: Callable[[int, Pause], None], between: Pause) -> None:
        self.waiting = iter(numbers)
        self.post, self.between = post, between
        self.has_ended, self.alone = Event(), Lock()

    def half(self) -> None:
        """Post whatever still waits. Raises what posting raises, or OtherEnded."""
        with self.ending():
            for number in self.waiting:
                self.post(number, self.pause)

    def pause(self) -> None:
        """What `between` does, for one half after the other."""
        with self.alone, self.ending():
            if self.has_ended.is_set():
                raise OtherEnded
            self.between()

    @contextmanager
    def ending(self) -> Iterator[None]:
        """An error in here ends both."""
        try:
            yield
        except BaseException:
            self.has_ended.set()
            raise

    def other_half(self, application: AbstractContextManager[object]) -> None:
        """The same, in a thread and a session of its own."""
        with application:
            self.half()


def post_all(numbers: Sequence[int], post: Callable[[int, Pause], None], between: Pause) -> None:
    """Post the shards of these numbers; an error of either half ends both, behind the chunks they have in hand."""
    pair = Pair(numbers, post, between)
    if len(numbers) < 2 or db.engine.dialect.name == "sqlite":
        pair.half()
        return
    with ThreadPoolExecutor(1, "other half") as threads:
        other = threads.submit(copy_context().run, pair.other_half, current_app.app_context())
        try:
            pair.half()
        except OtherEnded:
            other.result()  # raises what the other half has met
            raise
    other.result()
