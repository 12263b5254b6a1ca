"""What the portal logs, and how a line looks: text for whoever reads it, JSON for whatever collects it.

Every logger of a process, the standard library's and gunicorn's too, goes to standard error through one formatter. A
line says when, how urgent, who says it, what, and what it is about: the request, the person, the run. Nothing in it is
a parameter, a query string or a secret: nobody logs what somebody typed (docs/security.md).
"""

import logging
import re
import sys
from collections.abc import Callable, MutableMapping
from contextlib import AbstractContextManager
from functools import wraps
from typing import Any, ParamSpec, TextIO, TypeVar

import structlog

from portal.config import JSON

FIRST = ("time", "level", "logger", "message")
# PostgreSQL's second sentence of an error holds values of the row that it is about.
DETAIL = re.compile(
    r"^DETAIL: .*?(?=^\[SQL: |^HINT: |^CONTEXT: |^The above exception|^During handling|\Z)", re.M | re.S
)

Line = MutableMapping[str, Any]
Given = ParamSpec("Given")
Answer = TypeVar("Answer")


def about(**what: Any) -> AbstractContextManager[None]:
    """In here every line says what it is about: `about(run=7)`."""
    return structlog.contextvars.bound_contextvars(**what)


def by_number(what: str) -> Callable[[Callable[Given, Answer]], Callable[Given, Answer]]:
    """Let every line that a function writes say what it is about: its first argument is the number of it."""

    def decorate(function: Callable[Given, Answer]) -> Callable[Given, Answer]:
        @wraps(function)
        def inside(*given: Given.args, **named: Given.kwargs) -> Answer:
            with about(**{what: given[0]}):
                return function(*given, **named)

        return inside

    return decorate


def set_up(look: str, least: int = logging.INFO) -> None:
    """Log like this from now on: of the portal what is `least` or more urgent, of its libraries warnings and above."""
    structlog.contextvars.clear_contextvars()
    handler = StandardError()
    handler.setFormatter(formatter(look))
    root = logging.getLogger()
    for log in (root, logging.getLogger("portal")):  # the second may have Flask's own, from before
        for other in [one for one in log.handlers if type(one).__module__.startswith(("portal", "logging"))]:
            log.removeHandler(other)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("portal").setLevel(least)
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # its own server writes whole addresses


def for_a_command(look: str) -> None:
    """What a command does, it says itself. Where logs are collected its lines stand there, too."""
    set_up(look, logging.INFO if look == JSON else logging.WARNING)


class StandardError(logging.StreamHandler[TextIO]):
    """Writes to what standard error is when it writes."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        """Not kept: another may take its place."""
        return sys.stderr


def formatter(look: str) -> logging.Formatter:
    """How a line looks."""
    last: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if look == JSON:
        last += [
            structlog.processors.format_exc_info,
            _without_details,
            structlog.processors.EventRenamer("message"),
            _in_order,
            structlog.processors.JSONRenderer(default=str, ensure_ascii=False),
        ]
    else:
        last += [
            structlog.processors.format_exc_info,
            _without_details,
            _said_once,
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), timestamp_key="time", sort_keys=False, pad_event_to=0
            ),
        ]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(),
            _without_others,
            structlog.processors.TimeStamper("iso", utc=True, key="time"),
            structlog.processors.StackInfoRenderer(),
        ],
        processors=last,
    )


def _without_others(_logger: Any, _name: str, line: Line) -> Line:
    """What the standard library's own formatter leaves on a line that it has written as well."""
    for name in ("message", "asctime"):
        line.pop(name, None)
    return line


def _without_details(_logger: Any, _name: str, line: Line) -> Line:
    """An error of the database, without the values that it was about."""
    if "exception" in line:
        line["exception"] = DETAIL.sub("DETAIL: left out of the log\n", line["exception"])
    return line


def _said_once(_logger: Any, _name: str, line: Line) -> Line:
    """A request's line begins with what else stands in fields of its own."""
    if line.get("logger") == "portal.requests":
        for name in ("method", "route", "status"):
            line.pop(name, None)
    return line


def _in_order(_logger: Any, _name: str, line: Line) -> Line:
    return {name: line[name] for name in (*FIRST, *line) if name in line}
