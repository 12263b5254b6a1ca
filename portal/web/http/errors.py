"""Where an error becomes a sentence that a person can act on: a page, or a toast beside the row."""

import errno
from collections.abc import Sequence
from contextlib import suppress

from flask import Flask, Response, current_app, make_response, render_template, request
from flask_security import current_user
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DataError, IntegrityError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.orm.exc import ObjectDeletedError, StaleDataError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, TooManyRequests

from portal.database import Failure, kind_of, words_of
from portal.domain.errors import Invalid, RuleBroken, WayOut
from portal.extensions import db
from portal.web.http.htmx import is_htmx
from portal.web.http.request_log import because, request_id

STALE = "Somebody else has saved this since you opened it. Load it again to see what is stored now."
# Two acts at the same moment of which the database has let one go on.
AT_ONCE = (
    "Somebody else changed this at the same moment. Nothing was saved. Load the page again and try once more."
)
# Said without asking the database anything.
UNAVAILABLE = {
    Failure.AWAY: "The portal cannot reach its database at the moment. Try again in a minute.",
    Failure.BUSY: "The database is busy with another change. Wait a moment and try again.",
    Failure.SLOW: "This took longer than the database may take for one answer, and was given up. Ask for less at once, "
    "or try again when less is going on.",
    Failure.OTHER_VERSION: "The portal is being brought up to date. Try again in a minute.",
    Failure.FULL: "The disk is full: nothing was saved. Tell whoever runs the portal.",
}
# Where the connection is lost while something is saved, nobody knows whether it was.
PERHAPS_SAVED = " Look whether what you sent was saved before you send it again."
RETRY_AFTER = 5  # seconds
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)  # on the server's own disk: an uploaded file is put there
NO_ANSWER = (OperationalError, InterfaceError, NoConnectionFree)
SENTENCES = {
    400: "The portal could not read this request. Go back, load the page again and try once more.",
    403: "Your role can view this but not change it. Ask an owner of the portal.",
    404: "This page does not exist, or you have no access to it.",
    405: "This address does not accept that kind of request.",
    413: "This is too large. Send a smaller file, or split it.",
    415: "The portal cannot read this kind of file.",
    429: "Too many tries. Wait a minute and try again.",
    500: "Something went wrong on our side. Nothing was saved; the error is in the server's log.",
}
CSRF = "This page was open for too long, or you signed in again elsewhere. Load it again and try once more."
TITLES = {404: "Nothing here", 409: "Not possible", 422: "Not accepted", 500: "Error", 503: "Not available"}

# Where somebody who came to nothing most likely wanted to go: the list of the noun in the address first.
STAFF_PLACES = (
    ("overview.show", "Overview"),
    ("customers.index", "Customers"),
    ("charges.index", "Charges"),
    ("packages.index", "Packages"),
    ("dids.index", "DIDs"),
    ("calls.index", "Calls"),
    ("runs.index", "Runs"),
    ("settings.index", "Settings"),
)
CUSTOMER_PLACES = (("my.home", "Home"), ("my.charges", "Charges"), ("my.summary", "Summary"))


def problem(status: int, text: str, way_out: WayOut | None = None) -> Response:
    """A refusal: as a whole page, or, asked by htmx, as a toast that leaves the page as it is.

    The toast is out of band, and htmx swaps nothing else of an answer of 400 and above.
    """
    context = {
        "status": status,
        "title": TITLES.get(status, "Not possible"),
        "text": text,
        "way_out": way_out,
        "request_id": _shown_id(status),
    }
    template = "errors/_toast.html" if is_htmx() else "errors/page.html"
    try:
        drawn = render_template(template, places_near=_places_near(status), **context)
    except NO_ANSWER as error:  # every page asks who is signed in, and what the provider is called
        return _no_answer(error)
    response = make_response(drawn, status)
    response.vary.add("HX-Request")
    return response


def unavailable(failure: Failure) -> Response:
    """The same, where the database does not do its part: it is asked nothing, not even who is signed in."""
    text = UNAVAILABLE[failure]
    if failure is Failure.AWAY and request.method not in ("GET", "HEAD", "OPTIONS"):
        text += PERHAPS_SAVED
    template = "errors/_toast.html" if is_htmx() else "errors/page.html"
    # Drawn without what is put into every page: the company, the person.
    drawn = current_app.jinja_env.get_template(template)
    said = {
        "status": 503,
        "title": TITLES[503],
        "text": text,
        "company": None,
        "request_id": _shown_id(503),
        "places_near": (),
    }
    response = make_response(drawn.render(**said), 503)
    response.vary.add("HX-Request")
    response.headers["Retry-After"] = str(RETRY_AFTER)
    return response


def _places_near(status: int) -> Sequence[tuple[str, str]]:
    """The three places to go on to, for whoever is signed in; none where the portal itself is in trouble."""
    if status >= 500 or not current_user.is_authenticated:
        return ()
    if not current_user.is_staff:
        return CUSTOMER_PLACES
    noun = request.path.strip("/").partition("/")[0]
    nearest, second, third, *_ = sorted(STAFF_PLACES, key=lambda place: place[0] != f"{noun}.index")
    return nearest, second, third


def _shown_id(status: int) -> str:
    """The request's id, where something went wrong that its line in the log explains. A refusal explains itself."""
    return request_id() if status >= 500 else ""


def _no_answer(error: SQLAlchemyError) -> Response:
    """The reason in the request's line, and the transaction ended as far as the database still listens."""
    because(words_of(error))
    with suppress(SQLAlchemyError):
        db.session.rollback()
    return unavailable(kind_of(error))


def register(app: Flask) -> None:
    """Answer every error at this one edge."""

    @app.errorhandler(RuleBroken)
    def rule_broken(error: RuleBroken) -> Response:
        db.session.rollback()
        return problem(422 if isinstance(error, Invalid) else 409, error.sentence, error.way_out)

    @app.errorhandler(StaleDataError)
    def stale(_error: StaleDataError) -> Response:
        db.session.rollback()
        return problem(409, STALE)

    @app.errorhandler(IntegrityError)
    def crossed(error: IntegrityError) -> Response:
        app.logger.exception("What a lock should have kept apart has met in the database", exc_info=error)
        db.session.rollback()
        return problem(409, AT_ONCE)

    @app.errorhandler(ObjectDeletedError)
    def deleted(_error: ObjectDeletedError) -> Response:
        db.session.rollback()
        return problem(404, SENTENCES[404])

    @app.errorhandler(CSRFError)
    def forged(_error: CSRFError) -> Response:
        return problem(400, CSRF)

    @app.errorhandler(DataError)
    @app.errorhandler(OverflowError)
    def out_of_range(error: Exception) -> Response:
        kind = type(getattr(error, "orig", None) or error).__name__
        app.logger.warning("A value out of range reached the database: %s", kind)
        db.session.rollback()
        return problem(422, "A value is too large. Enter a smaller one.")

    @app.errorhandler(OperationalError)
    @app.errorhandler(InterfaceError)
    @app.errorhandler(NoConnectionFree)
    def no_answer(error: SQLAlchemyError) -> Response:
        if kind_of(error) is not Failure.CROSSED:
            return _no_answer(error)
        app.logger.exception("Two acts waited for each other", exc_info=error)
        db.session.rollback()
        return problem(409, AT_ONCE)

    @app.errorhandler(OSError)
    def no_room(error: OSError) -> Response:
        if error.errno not in NO_ROOM:
            raise error
        because(str(error))
        with suppress(SQLAlchemyError):
            db.session.rollback()
        return unavailable(Failure.FULL)

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response | HTTPException:
        code = error.code or 500
        if code < 400:
            return error
        if code >= 500:
            with suppress(SQLAlchemyError):
                db.session.rollback()
        response = problem(code, SENTENCES.get(code, error.description or SENTENCES[400]))
        if isinstance(error, RequestEntityTooLarge):
            response.headers["Connection"] = "close"
        if isinstance(error, TooManyRequests):
            response.headers["Retry-After"] = "60"
        if allowed := getattr(error, "valid_methods", None):
            response.headers["Allow"] = ", ".join(sorted(allowed))
        return response
