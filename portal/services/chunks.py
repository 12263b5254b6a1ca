"""Many things a few at a time."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

# As many as one statement names.
CHUNK = 500
Item = TypeVar("Item")


def in_chunks(many: Sequence[Item], size: int = CHUNK) -> Iterator[Sequence[Item]]:
    """The things in their order, `size` at a time."""
    for start in range(0, len(many), size):
        yield many[start : start + size]
