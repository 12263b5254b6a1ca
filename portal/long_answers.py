"""An answer that takes long: it says that it goes on, so that the process giving it is not ended as one that hangs."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Part = TypeVar("Part")
_listeners: list[Callable[[], None]] = []


def tell(listener: Callable[[], None]) -> None:
    """Let whoever serves hear of it; in this process, nobody else does from now on."""
    _listeners[:] = [listener]


def goes_on() -> None:
    """Say that the answer goes on: after each part of it, and of what has to be worked out before it."""
    for listener in _listeners:
        listener()


def each(parts: Iterable[Part]) -> Iterator[Part]:
    """The parts of an answer, each of which says that it goes on."""
    for part in parts:
        goes_on()
        yield part
