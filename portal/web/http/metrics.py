"""What happens, in numbers, for whoever watches over the portal (Prometheus): `/metrics`, by a token of the settings.

As `/health` it is answered in front of everything else: under any host's name, without a session or a page. Without a
token in the settings it is not there. What servers count is told also while the database is away.
"""

import hmac
from collections.abc import Callable, Iterable
from importlib.metadata import version
from typing import Any

from flask import Flask
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from portal import database, metrics, schema
from portal.clock import now, today
from portal.database import Failure
from portal.extensions import db
from portal.services.overview import gauges
from portal.tasks import watch
from portal.web.http.headers import HEADERS
from portal.web.http.health import Application
from portal.web.http.request_log import because

SECONDS = 2  # that the database may take for one answer: whoever asks for all gives up after ten


def register(app: Flask) -> None:
    """Stand in front of everything else."""
    portal: Application = app.wsgi_app

    def stand_in_front(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("PATH_INFO") != "/metrics":
            return portal(environ, start_response)
        status, body, more = _answer(app, environ)
        headers = {
            **HEADERS,
            "Content-Type": "text/plain; charset=utf-8",
            "Cache-Control": "no-store",
            **more,
        }
        headers["Content-Length"] = str(len(body))
        start_response(status, list(headers.items()))
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    app.wsgi_app = stand_in_front  # type: ignore[method-assign,assignment]


def _answer(app: Flask, environ: dict[str, Any]) -> tuple[str, bytes, dict[str, str]]:
    """The status, the body and the headers that go with it."""
    token = app.config["METRICS_TOKEN"]
    if not token:
        return "404 Not Found", b"Not found.\n", {}
    scheme, _, given = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    is_known = hmac.compare_digest(given.strip().encode("latin-1", "replace"), token.encode())
    if scheme.lower() != "bearer" or not is_known:
        told = b"Send PORTAL_METRICS_TOKEN: Authorization: Bearer ...\n"
        return "401 Unauthorized", told, {"WWW-Authenticate": "Bearer"}
    if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
        return "405 Method Not Allowed", b"Only GET.\n", {"Allow": "GET, HEAD"}
    counted = generate_latest(metrics.registry())
    return "200 OK", counted + generate_latest(_told(app, environ)), {"Content-Type": CONTENT_TYPE_LATEST}


class _Told:
    """What was just found out, as prometheus-client wants to have it."""

    def __init__(self, families: list[GaugeMetricFamily]) -> None:
        self.families = families

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """All of it."""
        return self.families


def _told(app: Flask, environ: dict[str, Any]) -> CollectorRegistry:
    """What stands in the database, and whether it answers."""
    information = GaugeMetricFamily("portal_info", "The portal's version", labels=("version", "schema"))
    information.add_metric([version("portal"), schema.newest()], 1)
    found, why, is_up = _found(app)
    if why:
        because(why, environ)
    families = [
        information,
        GaugeMetricFamily("portal_database_up", "Whether the database answers", is_up),
        GaugeMetricFamily("portal_metrics_complete", "Whether all that the database knows is told", not why),
    ]
    for gauge in found:
        family = GaugeMetricFamily(gauge.name, gauge.meaning, labels=[gauge.label] if gauge.label else [])
        for labelled, value in gauge.values.items():
            family.add_metric([labelled] if gauge.label else [], value)
        families.append(family)
    registry = CollectorRegistry()
    registry.register(_Told(families))  # type: ignore[arg-type]
    return registry


def _found(app: Flask) -> tuple[list[gauges.Gauge], str, bool]:
    """The gauges, why there are none, and whether the database answers."""
    with app.app_context(), database.reading():
        known = database.patience()
        if known and known.hangs:
            return [], "the database does not answer", False
        try:
            if known:
                db.session.execute(text(f"SET LOCAL statement_timeout = '{SECONDS}s'"))
            return [*gauges.read(today(), now()), *watch.gauges()], "", True
        except SQLAlchemyError as error:
            return [], database.words_of(error), database.kind_of(error) is not Failure.AWAY
        finally:
            _let_go()


def _let_go() -> None:
    try:
        db.session.rollback()
    except SQLAlchemyError:
        db.session.close()
