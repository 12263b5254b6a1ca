"""Being asked to stop: SIGTERM, as systemd and `kill` send it, or Ctrl-C."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def asked_to_stop() -> Iterator[Callable[[], bool]]:
    """In here, whether somebody has asked: what is at work looks between its chunks. Asked again, it ends at once."""
    asked: list[int] = []
    before: dict[signal.Signals, object] = {}

    def ask(number: int, _frame: FrameType | None) -> None:
        asked.append(number)
        for one, handler in before.items():
            signal.signal(one, handler)  # type: ignore[arg-type]

    if current_thread() is main_thread():  # nobody else is told of signals
        before.update({one: signal.signal(one, ask) for one in SIGNALS})
    try:
        yield lambda: bool(asked)
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)  # type: ignore[arg-type]
