"""Where an error becomes a sentence that a person can act on: a page, or a toast beside the row."""

from flask import Flask, Response, make_response, render_template
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from sqlalchemy.orm.exc import ObjectDeletedError, StaleDataError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, TooManyRequests

from portal.domain.errors import Invalid, RuleBroken, WayOut
from portal.extensions import db
from portal.web.http.htmx import is_htmx

STALE = "Somebody else has saved this since you opened it. Load it again to see what is stored now."
# Two acts at the same moment of which the database has let one go on.
AT_ONCE = (
    "Somebody else changed this at the same moment. Nothing was saved. Load the page again and try once more."
)
DEADLOCK, NOT_SERIAL = "40P01", "40001"
BUSY = "The database is busy with another change. Wait a moment and try again."
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
TITLES = {404: "Not found", 409: "Not possible", 422: "Not accepted", 500: "Error"}


def problem(status: int, text: str, way_out: WayOut | None = None) -> Response:
    """A refusal: as a whole page, or, asked by htmx, as a toast that leaves the page as it is.

    The toast is out of band, and htmx swaps nothing else of an answer of 400 and above.
    """
    context = {
        "status": status,
        "title": TITLES.get(status, "Not possible"),
        "text": text,
        "way_out": way_out,
    }
    template = "errors/_toast.html" if is_htmx() else "errors/page.html"
    response = make_response(render_template(template, **context), status)
    response.vary.add("HX-Request")
    return response


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
        app.logger.warning("A value out of range reached the database: %s", error)
        db.session.rollback()
        return problem(422, "A value is too large. Enter a smaller one.")

    @app.errorhandler(OperationalError)
    def busy(error: OperationalError) -> Response:
        if getattr(error.orig, "sqlstate", "") in (DEADLOCK, NOT_SERIAL):
            app.logger.exception("Two acts waited for each other", exc_info=error)
            db.session.rollback()
            return problem(409, AT_ONCE)
        app.logger.exception("The database did not answer", exc_info=error)
        db.session.rollback()
        response = problem(503, BUSY)
        response.headers["Retry-After"] = "5"
        return response

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response | HTTPException:
        code = error.code or 500
        if code < 400:
            return error
        if code >= 500:
            db.session.rollback()
        response = problem(code, SENTENCES.get(code, error.description or SENTENCES[400]))
        if isinstance(error, RequestEntityTooLarge):
            response.headers["Connection"] = "close"
        if isinstance(error, TooManyRequests):
            response.headers["Retry-After"] = "60"
        if allowed := getattr(error, "valid_methods", None):
            response.headers["Allow"] = ", ".join(sorted(allowed))
        return response
