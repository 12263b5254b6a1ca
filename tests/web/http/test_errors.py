"""Errors are sentences, as a page or beside the row; nothing that comes in breaks the portal."""

import pytest
from flask import Blueprint, abort, request
from psycopg.errors import DeadlockDetected
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm.exc import ObjectDeletedError, StaleDataError

from portal.domain.errors import CannotDelete, Invalid, WayOut
from portal.extensions import db
from portal.models import Company
from tests import world
from tests.pages import page, part, words

HTMX = {"HX-Request": "true"}


def fail(how):
    """Break in one of the ways that views break."""
    if how == "rule":
        raise CannotDelete("Acme still has it.", WayOut("Archive it", "overview.show"))
    if how == "invalid":
        raise Invalid("quantity", "Quantity is at least 1.")
    if how == "stale":
        raise StaleDataError
    if how == "deleted":
        raise ObjectDeletedError(inspect(db.session.get_one(Company, 1)))
    if how == "deadlock":
        raise OperationalError("SELECT 1", {}, DeadlockDetected())
    if how == "crossed":
        raise IntegrityError("INSERT", {}, Exception())
    if how == "bug":
        return 1 / 0
    if how == "large":
        db.session.execute(text("SELECT CAST(:number AS BIGINT)"), {"number": 2**70})
    abort(int(how))


def find(number):
    """A row by a number from the address."""
    return str(db.session.scalar(text("SELECT id FROM company WHERE id = :id"), {"id": number}))


def echo():
    """Ask the database for whatever was typed, and say it."""
    typed = request.values.get("company_name", "")
    db.session.execute(text("SELECT :text"), {"text": typed})
    return typed


def write():
    """Write in a GET."""
    db.session.execute(text("UPDATE company SET name = 'changed'"))
    db.session.commit()
    return "written"


@pytest.fixture
def broken(folder, app):
    """The portal with views that fail; as its owner."""
    broken = world.make_app(
        folder, app.config["SQLALCHEMY_DATABASE_URI"], PROPAGATE_EXCEPTIONS=False, MAX_CONTENT_LENGTH=1000
    )
    broken.extensions["portal.tests.cast"] = app.extensions["portal.tests.cast"]
    doors = Blueprint("doors", __name__)
    doors.route("/fail/<how>", methods=["GET", "POST"])(fail)
    doors.get("/rows/<int:number>")(find)
    doors.route("/echo", methods=["GET", "POST"])(echo)
    doors.get("/write")(write)
    broken.register_blueprint(doors)
    yield world.signed_in(broken, "owner")
    with broken.app_context():
        db.engine.dispose()


@pytest.mark.parametrize(
    ("how", "status", "says"),
    [
        ("rule", 409, "Acme still has it."),
        ("invalid", 422, "Quantity is at least 1."),
        ("stale", 409, "Somebody else has saved this"),
        ("deleted", 404, "does not exist"),
        ("deadlock", 409, "Somebody else changed this at the same moment"),
        ("crossed", 409, "Somebody else changed this at the same moment"),
        ("bug", 500, "Something went wrong on our side"),
        ("large", 422, "value is too large"),
        ("404", 404, "does not exist"),
        ("403", 403, "Ask an owner"),
        ("418", 418, "teapot"),
    ],
)
def test_an_error_is_a_sentence_on_a_page_and_in_a_toast(broken, how, status, says):
    assert says in words(page(broken.get(f"/fail/{how}"), status).select_one("main"))
    toast = part(broken.get(f"/fail/{how}", headers=HTMX), status)
    assert says in words(toast.select_one("#toasts"))


def test_whoever_is_signed_in_keeps_the_rail_and_three_places_to_go_on_to(broken):
    soup = page(broken.get("/packages/999"), 404)
    assert words(soup.select_one("h1")) == "Nothing here" and soup.select_one("nav[aria-label=Main]")
    assert soup.select_one('main form[role=search][action="/search"] input[name=q]')
    assert [words(link) for link in soup.select("main .actions a")] == ["Packages", "Overview", "Customers"]


def test_a_refusal_offers_its_way_out(broken):
    ways = {words(link): link["href"] for link in page(broken.get("/fail/rule"), 409).select("a")}
    assert ways["Archive it"] == "/"


@pytest.mark.parametrize(
    "number", ["99999999999999999999", "9" * 5000, "-1", "1e3", "x", "9223372036854775808"]
)
def test_an_id_that_no_database_holds_is_nobodys(broken, number):
    assert page(broken.get(f"/rows/{number}"), 404)


def test_the_largest_id_is_only_not_found(broken):
    assert broken.get("/rows/9223372036854775807").text == "None"


@pytest.mark.parametrize("typed", ["a\0b", "\0"])
def test_a_character_that_cannot_be_stored_is_refused_by_the_name_of_its_field(broken, typed):
    soup = page(broken.post("/echo", data={"company_name": typed}), 422)
    assert "Company Name contains a character that cannot be stored" in words(soup.select_one("main"))


def test_an_address_asks_with_a_mark_in_place_of_a_character_that_cannot_be_stored(broken):
    assert broken.get("/echo?company_name=a%00b").text == "a\ufffdb"


@pytest.mark.parametrize(
    "path", ["/echo?company_name=%ff%fe", "/echo?company_name=%ed%a0%80", "/echo%00", "/%ff"]
)
def test_bytes_that_are_no_text_break_nothing(broken, path):
    assert broken.get(path).status_code in (200, 404, 422)


def test_too_large_a_request_is_refused_with_a_sentence(broken):
    soup = page(broken.post("/echo", data={"company_name": "x" * 2000}), 413)
    assert "too large" in words(soup.select_one("main"))


def test_a_method_that_an_address_does_not_take_names_those_it_does(broken):
    response = broken.delete("/echo")
    assert page(response, 405)
    assert {"GET", "POST"} <= set(response.headers["Allow"].split(", "))


def test_on_sqlite_a_get_cannot_write(broken, app):
    response = broken.get("/write")
    if app.config["SQLALCHEMY_DATABASE_URI"].startswith("sqlite"):
        assert response.status_code == 503
    else:
        assert response.status_code == 200  # elsewhere it is a promise, which reviews keep
