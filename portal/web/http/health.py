"""Is the portal alive, is it ready? For whoever watches over it, and for load balancers.

Both are answered before the portal itself is asked: under any host's name, to anybody, without a session or a page.
`/health` asks nothing, so that it tells of this server alone: nobody starts it again because the database is away.
`/ready` says whether it can do its work, and if not, why.
"""

import json
import tempfile
from collections.abc import Callable, Iterable
from importlib.metadata import version
from typing import Any

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from portal import database, schema
from portal.extensions import db
from portal.web.http.errors import RETRY_AFTER
from portal.web.http.headers import HEADERS
from portal.web.http.request_log import because

OK, NOT_READY = "200 OK", "503 Service Unavailable"

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def register(app: Flask) -> None:
    """Stand in front of everything else."""
    portal: Application = app.wsgi_app
    ours = version("portal")

    def stand_in_front(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO")
        if path not in ("/health", "/ready") or environ.get("REQUEST_METHOD") not in ("GET", "HEAD"):
            return portal(environ, start_response)
        told = {"status": "ok"}
        if path == "/ready":
            told = {**told, "version": ours, "schema": schema.newest(), **_missing(app, environ)}
        status = OK if told["status"] == "ok" else NOT_READY
        body = json.dumps(told).encode() + b"\n"
        headers = {**HEADERS, "Content-Type": "application/json", "Cache-Control": "no-store"}
        headers["Content-Length"] = str(len(body))
        if status == NOT_READY:
            headers["Retry-After"] = str(RETRY_AFTER)
        start_response(status, list(headers.items()))
        return [body] if environ["REQUEST_METHOD"] == "GET" else []

    app.wsgi_app = stand_in_front  # type: ignore[method-assign,assignment]


def _missing(app: Flask, environ: dict[str, Any]) -> dict[str, str]:
    """What keeps the portal from its work, each with its reason; nothing, if nothing does."""
    found, known = {}, []
    with app.app_context():
        for what, look in (("database", _database), ("disk", _disk)):
            if why := look(app):
                found[what] = why[0]
                known.append(f"{what}: {why[1]}")
    if not found:
        return {}
    because("; ".join(known), environ)
    return {"status": "not ready", **found}


# Each says what is missing to whoever asks, and to the log: how, with its host, is for the log alone.
def _database(_app: Flask) -> tuple[str, str] | None:
    known = database.patience()
    if known and known.hangs:
        return "it does not answer", "it does not answer"
    try:
        with database.reading(), db.engine.connect() as connection:
            schema.check(connection, exact=False)
    except schema.OtherVersion as error:
        return error.sentence, error.sentence
    except SQLAlchemyError as error:
        return "it cannot be reached", database.words_of(error)
    return None


def _disk(app: Flask) -> tuple[str, str] | None:
    try:
        with tempfile.TemporaryFile(dir=app.config["INSTANCE"]) as file:
            file.write(b"x")
    except OSError as error:
        return (error.strerror or str(error)).lower(), str(error)
    return None
