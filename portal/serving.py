"""How gunicorn serves the portal: `gunicorn --config python:portal.serving portal.wsgi:app --bind 127.0.0.1:8000`.

What is said here can be said otherwise on the command line. Its own lines go where all others go (portal/logs.py), and
its processes count their requests together (portal/metrics.py). `portal serve` starts it so.
"""

import ctypes
import logging
import signal
import sys
from typing import Any

from gunicorn.glogging import Logger

from portal import logs, long_answers, metrics
from portal.config import finish, load

timeout = 120
loglevel = "warning"
control_socket_disable = True

WHEN_PARENT_ENDS = 1  # PR_SET_PDEATHSIG

_shared: metrics.Shared | None = None


class Log(Logger):
    """gunicorn's log, but for what clients sent: an address may hold a secret, and what is no request, anything."""

    def setup(self, cfg: Any) -> None:
        """To the portal's formatter, and nowhere else."""
        super().setup(cfg)
        logs.set_up(load()["LOG"])
        logging.captureWarnings(True)
        self.error_log.handlers.clear()
        self.error_log.propagate = True

    def exception(self, msg: Any, *args: Any, **named: Any) -> None:
        """Without the address that was asked for."""
        if str(msg).startswith("Error handling request"):
            msg, args = "Error handling a request", ()
        super().exception(msg, *args, **named)

    def warning(self, msg: Any, *args: Any, **named: Any) -> None:
        """Without a word of what was sent: from where it came is kept."""
        if str(msg).startswith("Invalid request from ip="):
            msg, args = str(msg).partition(": ")[0], ()
        super().warning(msg, *args, **named)


logger_class = Log


def on_starting(server: Any) -> None:
    """Make the folder that its processes count in, where anybody may read the counts."""
    global _shared
    config = load()
    finish(config)
    if config["METRICS_TOKEN"]:
        try:
            _shared = metrics.Shared(config["INSTANCE"])
        except OSError as error:
            server.log.error("Requests are not counted: %s", error)


def pre_fork(server: Any, worker: Any) -> None:
    """Give a process its place to count in: that of one that has ended, or a new one."""
    worker.counts_in = ""
    if _shared is not None:
        try:
            worker.counts_in = _shared.reserve({one.counts_in for one in server.WORKERS.values()})
        except OSError as error:
            server.log.error("Requests of a process are not counted: %s", error)


def post_fork(_server: Any, worker: Any) -> None:
    """Let it count there; and end it with the first process, which may be killed, so that it lets go of the port.

    It gives the answer that it is at. By itself it would notice only when it is asked next, or after a minute.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(WHEN_PARENT_ENDS, signal.SIGTERM)
    if _shared is not None:
        _shared.count_in(worker.counts_in)
    long_answers.tell(worker.notify)


def post_worker_init(_worker: Any) -> None:
    """Look through what a process has from its start no more: with all of it, looking for garbage takes 0.2 s, in which
    a page waits."""
    settle()


def settle() -> None:
    """Take for good what is there now."""
    from portal.services import chunks  # here: the process that starts all others needs none of it

    chunks.settle()


def on_exit(_server: Any) -> None:
    """Leave nothing behind."""
    if _shared is not None:
        _shared.end()
