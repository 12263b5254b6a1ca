"""Commands of the portal as processes of their own, to be run side by side and killed.

They are forked from one that has imported the portal already: eighty of them start in the time of ten.
"""

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy.orm import configure_mappers

from portal.cli import main

context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload([__name__])


def _warm_up() -> None:
    """Import all that the portal imports, and let its models find each other."""
    import portal.commands.charge
    import portal.tasks.worker  # noqa: F401
    from portal import create_app

    with tempfile.TemporaryDirectory() as folder:
        create_app({"INSTANCE": Path(folder), "SQLALCHEMY_DATABASE_URI": "sqlite://", "STATIC_AS_IS": True})
    configure_mappers()


if "--multiprocessing-fork" in sys.argv or "multiprocessing.forkserver" in " ".join(sys.orig_argv):
    _warm_up()


def in_a_hurry() -> None:
    """Let a worker look, ask again and hold another for dead after a second or four, where in earnest it waits."""
    from portal.tasks import queue, trying_again, worker

    queue.HEARTBEAT, queue.SILENT = 1, 4
    worker.LOOKS_EVERY = worker.POLLS_EVERY = worker.PAUSE = 1
    trying_again.DATABASE_PAUSE = 1


class Command:
    """`portal ARGUMENTS` in a process of its own; what it says stands in a file."""

    def __init__(
        self,
        arguments: list[str],
        environment: dict[str, str],
        says: Path,
        first: Callable[[], object] = bool,
    ) -> None:
        """`first` is done in the process before the command: a function of some module."""
        self.says = says
        self.process = context.Process(target=_run, args=(arguments, environment, str(says), first))
        self.process.start()

    @property
    def pid(self) -> int:
        """The number of the process."""
        assert self.process.pid is not None
        return self.process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.process.is_alive()

    def stop(self) -> None:
        """Tell it to end: it has time to clean up."""
        self.process.terminate()

    def kill(self) -> None:
        """End it at once: it has no time to clean anything up."""
        self.process.kill()

    def ended(self, patience: float) -> int | None:
        """Its exit status, a signal's below zero; None where it is still at work after `patience` seconds."""
        self.process.join(patience)
        code: int | None = self.process.exitcode
        return code


def _run(arguments: list[str], environment: dict[str, str], says: str, first: Callable[[], object]) -> Any:
    with open(says, "a") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.environ.update(environment)
    first()
    main(arguments)
