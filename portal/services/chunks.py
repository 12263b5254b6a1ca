"""Many things a few at a time."""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import TypeVar

from portal.extensions import db

# As many as one statement names.
CHUNK = 500
# How long a chunk should take: so long others wait for it. On SQLite that is everybody who writes.
SECONDS = {"sqlite": 0.15, "postgresql": 0.5}
FIRST = {"sqlite": 2_000, "postgresql": 2_500}
FEW, AT_ONCE = 1_000, 7_500
Item = TypeVar("Item")


def in_chunks(many: Sequence[Item], size: int = CHUNK) -> Iterator[Sequence[Item]]:
    """The things in their order, `size` at a time."""
    for start in range(0, len(many), size):
        yield many[start : start + size]


class Sizes:
    """How many things at a time take as long as others may wait, by what others took before. Never more than `most`.

    Not fewer than the few either: what a chunk costs whatever its size would only come up more often.
    """

    def __init__(self, most: int) -> None:
        store = db.engine.dialect.name
        self.most, self.wanted = most, SECONDS[store]
        self.size = min(FIRST[store], most)

    @contextmanager
    def measured(self, done: int) -> Iterator[None]:
        """In here so many are done. Their number counts, and not `size`: the next ones may have been taken already."""
        begun = monotonic()
        yield
        took = max(monotonic() - begun, 0.001)
        self.size = min(max(int(done * min(self.wanted / took, 2)), FEW), self.most)


def in_time(many: Sequence[Item], most: int) -> Iterator[Sequence[Item]]:
    """The things in their order, as many at a time as whoever takes them does in the time that others may wait."""
    sizes, start = Sizes(most), 0
    while start < len(many):
        some = many[start : start + sizes.size]
        with sizes.measured(len(some)), collecting_nothing():
            yield some
        start += len(some)


_is_settled = False


def settle() -> None:
    """Take for good what is there now."""
    global _is_settled
    gc.collect()
    gc.freeze()
    _is_settled = (
        True  # gc would count all that was taken each time it is asked: longer than many a page takes
    )


@contextmanager
def collecting_nothing() -> Iterator[None]:
    """In here nobody looks for what refers to itself in a circle: among the very many things of a chunk there is none,
    and to look through them again and again takes a quarter of the time. What nothing refers to goes all the same.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            if not _is_settled:  # what a server has put aside since it started stays there
                gc.freeze()  # with this, what came up meanwhile counts as old, and is not looked through now either
                gc.unfreeze()
            gc.enable()
