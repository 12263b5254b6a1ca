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
# Of a chunk that is worked out before SQLite is locked, others wait for half of its time: while it is stored.
PARTS = {"sqlite": 2, "postgresql": 1}
Item = TypeVar("Item")


def in_chunks(many: Sequence[Item], size: int = CHUNK) -> Iterator[Sequence[Item]]:
    """The things in their order, `size` at a time."""
    for start in range(0, len(many), size):
        yield many[start : start + size]


def in_time(many: Sequence[Item], most: int, parts: int = 1) -> Iterator[Sequence[Item]]:
    """The things in their order, as many at a time as whoever takes them does in the time that others may wait.

    Never more than `most`; then by what the last ones took. Not fewer than the few either: what a chunk costs whatever
    its size would only come up more often. As many times as there are `parts`, if others wait for one of them alone.
    """
    store = db.engine.dialect.name
    wanted = SECONDS[store] * parts
    size, start = min(FIRST[store] * parts, most), 0
    while start < len(many):
        begun = monotonic()
        with collecting_nothing():
            yield many[start : start + size]
        start += size
        took = max(monotonic() - begun, 0.001)
        size = min(max(int(size * min(wanted / took, 2)), FEW), most)


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
            gc.freeze()  # with this, what came up meanwhile counts as old, and is not looked through now either
            gc.unfreeze()
            gc.enable()
