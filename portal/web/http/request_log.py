"""A line in the log and a count for each request: its id, its route, who asked, what became of it and how long it took.

It stands around everything else, static files and `/health` too. A route is the rule of an address, never the address:
an invitation's holds a secret. What went wrong stands in the request's own line, so that there is one, not two.
"""

import logging
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any

import structlog
from flask import Flask, has_request_context, request
from werkzeug.wsgi import ClosingIterator

from portal import metrics

log = logging.getLogger("portal.requests")

# An id that a proxy gives: what nginx, Traefik, HAProxy and others make fits.
WELL_FORMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
HEADER = "X-Request-ID"
ENTRY = "portal.request"
# What is asked all day long by machines, or with every page: told only where it went wrong.
QUIET = ("/health", "/ready", "/metrics")
STATIC = "/static/"
NO_ROUTE = "none"

Error = tuple[type[BaseException], BaseException, TracebackType | None]


@dataclass(slots=True)
class Entry:
    """What is known of a request so far. Of a static file the seconds end where its sending begins."""

    id: str
    method: str
    route: str
    begun: float
    status: int = 0
    why: str = ""
    error: Error | tuple[None, None, None] | None = None

    def end(self) -> None:
        """Count it, and write its line."""
        seconds = time.perf_counter() - self.begun
        metrics.counts().take(self.route, self.method, self.status, seconds)
        failed = self.status >= 500 or self.error is not None
        if failed or self.route not in (*QUIET, STATIC):
            self._tell(seconds, failed)
        structlog.contextvars.clear_contextvars()

    def _tell(self, seconds: float, failed: bool) -> None:
        log.log(
            logging.ERROR if failed else logging.INFO,
            "%s %s %s",
            *(self.method, self.route, self.status),
            exc_info=self.error,
            extra={
                "method": self.method,
                "route": self.route,
                "status": self.status,
                "seconds": round(seconds, 4),
                **({"why": self.why} if self.why else {}),
            },
        )


def entry(environ: dict[str, Any] | None = None) -> Entry | None:
    """The request that is being answered; None outside of one, and where nobody tells of it."""
    if environ is None:
        environ = request.environ if has_request_context() else {}
    return environ.get(ENTRY)


def request_id() -> str:
    """Its id, for whoever is told that something went wrong; empty outside of one."""
    return found.id if (found := entry()) else ""


def because(why: str, environ: dict[str, Any] | None = None) -> None:
    """Say in the request's line why it is refused."""
    if found := entry(environ):
        found.why = why
    else:
        log.error("%s", why)


def asked_by(person: int) -> None:
    """From here on lines say who it is, by number."""
    structlog.contextvars.bind_contextvars(person=person)


def register(app: Flask) -> None:
    """Stand around everything else."""
    portal = app.wsgi_app
    believes = bool(app.config["PROXIES"])

    @app.url_value_preprocessor
    def _note_route(_endpoint: str | None, _values: dict[str, Any] | None) -> None:
        if (found := entry()) and found.route == NO_ROUTE and request.url_rule is not None:
            found.route = request.url_rule.rule

    def log_exception(error: Error | tuple[None, None, None]) -> None:
        if found := entry():
            found.error = error
        else:
            app.logger.error("Something went wrong", exc_info=error)

    app.log_exception = log_exception  # type: ignore[method-assign,assignment]

    def stand_around(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        found = _begin(environ, believes)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request=found.id)

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            found.status = int(status.split(" ", 1)[0])
            return start_response(status, [*headers, (HEADER, found.id)], *rest)

        try:
            answer = portal(environ, start)
        except BaseException as error:
            found.status, found.error = 500, (type(error), error, error.__traceback__)
            found.end()
            raise
        if found.route == STATIC:  # handed on as it is: the server may leave a file's sending to the system
            found.end()
            return answer
        return ClosingIterator(_watched(answer, found), partial(_close, answer, found))

    app.wsgi_app = stand_around  # type: ignore[method-assign,assignment]


def _begin(environ: dict[str, Any], believes: bool) -> Entry:
    path = environ.get("PATH_INFO", "")
    given = environ.get("HTTP_X_REQUEST_ID", "")
    id = given if believes and WELL_FORMED.fullmatch(given) else secrets.token_hex(8)
    route = path if path in QUIET else STATIC if path.startswith(STATIC) else NO_ROUTE
    method = environ.get("REQUEST_METHOD", "")
    method = method if method in metrics.METHODS else metrics.OTHER
    found = environ[ENTRY] = Entry(id, method, route, time.perf_counter())
    return found


def _watched(answer: Iterable[bytes], found: Entry) -> Iterator[bytes]:
    """What is sent piece by piece may fail long after it began."""
    try:
        yield from answer
    except GeneratorExit:
        raise
    except BaseException as error:
        found.error = (type(error), error, error.__traceback__)
        raise


def _close(answer: Iterable[bytes], found: Entry) -> None:
    try:
        if hasattr(answer, "close"):
            answer.close()
    finally:
        found.end()
