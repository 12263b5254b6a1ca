"""While the database is known to hang, whoever asks for a page is told so at once and waits for nothing."""

from flask import Flask, Response

from portal.database import Failure, patience
from portal.web.http.errors import unavailable


def register(app: Flask) -> None:
    """Ask before anything else does: who is signed in is in the database, too."""

    @app.before_request
    def _at_once() -> Response | None:
        known = patience()
        return unavailable(Failure.AWAY) if known and known.hangs else None
