"""What a server counts of its requests, for /metrics: in each process, or in files that all its processes share.

The files lie in a folder of this server's own in the instance folder (`portal/serving.py` opens it). Each of gunicorn's
processes counts in a place that it takes over from one that has ended: nothing counted is lost when a process ends, and
there are never more files than processes.
"""

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, values
from prometheus_client.multiprocess import MultiProcessCollector

from portal import private

FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # as prometheus-client has it
# Bytes that a file of counts has on the disk from its start: it is mapped into memory, and a process that writes to
# such a file on a full disk is killed.
ROOM = 2 * 1024 * 1024
KINDS = ("counter", "histogram")
SECONDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
METHODS = {
    "GET",
    "HEAD",
    "POST",
    "OPTIONS",
}  # what the portal's addresses accept; others are counted together
OTHER = "other"


class Counts(NamedTuple):
    """What is counted. Seconds are of the server's work, until the last byte has been handed on."""

    requests: Counter
    seconds: Histogram

    def take(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one request; its method is one of METHODS or OTHER."""
        self.requests.labels(route, method, str(status)).inc()
        self.seconds.labels(route).observe(seconds)


@cache
def counts() -> Counts:
    """This process's. Made when the first request is counted: then it is known where it counts."""
    return Counts(
        Counter(
            "portal_requests",
            "Requests answered, by the rule of their address",
            ("route", "method", "status"),
        ),
        Histogram(
            "portal_request_seconds", "Seconds until a request was answered", ("route",), buckets=SECONDS
        ),
    )


def registry() -> CollectorRegistry:
    """All that was counted: by every process of this server, or by this one where it is alone."""
    if FOLDER not in os.environ:
        return REGISTRY
    found = CollectorRegistry()
    MultiProcessCollector(found, os.environ[FOLDER])  # type: ignore[no-untyped-call]
    return found


class Shared:
    """The folder in which the processes of one server count, and who has which place in it."""

    def __init__(self, instance: Path) -> None:
        """A new one, for as long as this process or a child of it lives; what dead servers left is cleared away."""
        above = private.folder(instance / "metrics")
        for left in above.iterdir():
            _clear_if_dead(left)
        self.folder = Path(tempfile.mkdtemp(dir=above))
        self._lock = os.open(self.folder / "lock", os.O_CREAT | os.O_RDWR, private.FILE)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.place = "master"
        os.environ[FOLDER] = str(self.folder)
        values.ValueClass = values.MultiProcessValue(lambda: self.place)

    def reserve(self, taken: set[str]) -> str:
        """The first place that is free, with its room on the disk. OSError where there is none."""
        place = next(str(number) for number in range(len(taken) + 1) if str(number) not in taken)
        for kind in KINDS:
            path = self.folder / f"{kind}_{place}.db"
            file = os.open(path, os.O_CREAT | os.O_RDWR, private.FILE)
            try:
                os.posix_fallocate(file, 0, ROOM)
            except OSError:
                path.unlink()
                raise
            finally:
                os.close(file)
        return place

    def count_in(self, place: str) -> None:
        """From now on this process counts there; without a place, for itself alone, and nobody is told."""
        self.place = place
        if not place:
            values.ValueClass = values.MutexValue

    def end(self) -> None:
        """Clear it away."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _clear_if_dead(folder: Path) -> None:
    """A folder whose server lives is locked by it."""
    with suppress(OSError):
        lock = os.open(folder / "lock", os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder)
        finally:
            os.close(lock)
