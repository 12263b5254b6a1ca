"""While the database hangs, or is of another version, whoever asks for a page is told so at once."""

from flask import Flask, Response

from portal import database
from portal.database import Failure
from portal.web.http.errors import unavailable
from portal.web.http.request_log import because


def register(app: Flask) -> None:
    """Ask before anything else does: who is signed in is in the database, too."""

    @app.before_request
    def _at_once() -> Response | None:
        known = database.patience()
        if known and known.hangs:
            because("the database does not answer")
            return unavailable(Failure.AWAY)
        with database.reading():
            if why := app.extensions["portal.schema"].refusal():
                because(f"not served: {why}")
                return unavailable(Failure.OTHER_VERSION)
        return None
