"""A line for each request: what it says, and what it never says."""

import json
import re

import pytest

from portal.extensions import db
from portal.web.http import request_log
from tests import lines, served, world
from tests.pages import page
from tests.trade import a_customer

GIVEN = "6f1c2e0b9d7a4c55"
METRICS_TOKEN = "the-token-of-this-test"
PASSWORD, EMAIL = "harbour-violet-cedar-19", "rosalind@lumen.example"


@pytest.fixture
def told():
    with lines.read() as read:
        yield read


@pytest.fixture
def behind_a_proxy(folder, app):
    """The portal in production, with one proxy in front."""
    made = world.make_app(
        folder,
        app.config["SQLALCHEMY_DATABASE_URI"],
        MODE="production",
        SECRET_KEY=served.KEY,
        TRUSTED_HOSTS=["portal.example.com"],
        URL="https://portal.example.com",
        PROXIES=1,
    )
    yield made.test_client()
    with made.app_context():
        db.engine.dispose()


def ask(browser, path, **more):
    """Ask, and take the whole answer: its line is written when it has been given."""
    answer = browser.get(path, **more)
    answer.close()
    return answer


def test_a_line_says_who_asked_for_which_page_what_became_of_it_and_how_long_it_took(client, app, told):
    ask(client, "/customers/7?tell=nobody")
    line = told.last()
    assert set(line) == {
        *("time", "level", "logger", "message", "request", "person"),
        *("method", "route", "status", "seconds"),
    }
    assert (line["level"], line["message"]) == ("info", "GET /customers/<int:customer_id> 404")
    assert (line["method"], line["route"], line["status"]) == ("GET", "/customers/<int:customer_id>", 404)
    assert isinstance(line["person"], int) and line["seconds"] >= 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line["time"])
    assert "nobody" not in json.dumps(line) and "owner@" not in json.dumps(line)


def test_a_request_is_one_line_and_static_files_and_who_watches_are_none(client, told):
    for path in ("/packages", "/health", "/ready", "/metrics", "/static/css/base.css", "/customers"):
        ask(client, path)
    assert [line["route"] for line in told.all("portal.requests")] == ["/packages", "/customers"]


def test_a_person_is_told_of_on_their_own_requests_only(client, anonymous, told):
    ask(client, "/packages")
    ask(anonymous, "/login")
    assert "person" in told.all("portal.requests")[0] and "person" not in told.last()


def test_the_proxys_id_is_taken_and_told_in_the_answer(behind_a_proxy, told):
    answer = ask(
        behind_a_proxy, "/login", base_url="https://portal.example.com", headers={"X-Request-ID": GIVEN}
    )
    assert answer.headers["X-Request-ID"] == told.last()["request"] == GIVEN


@pytest.mark.parametrize("given", ["short", "x" * 65, "a b c d e f g", "id=1234567", "-12345678", "é" * 9])
def test_an_id_that_is_none_is_not_taken(behind_a_proxy, told, given):
    answer = ask(
        behind_a_proxy, "/login", base_url="https://portal.example.com", headers={"X-Request-ID": given}
    )
    assert answer.headers["X-Request-ID"] == told.last()["request"] != given


def test_without_a_proxy_nobody_gives_an_id(client, told):
    answer = ask(client, "/packages", headers={"X-Request-ID": GIVEN})
    assert answer.headers["X-Request-ID"] == told.last()["request"] != GIVEN


def fails(app, monkeypatch, sentence="boom"):
    def view():
        raise RuntimeError(sentence)

    monkeypatch.setitem(app.view_functions, "packages.index", view)
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    monkeypatch.setattr(app, "testing", False)


def test_an_error_page_shows_the_id_that_its_line_bears(client, app, told, monkeypatch):
    fails(app, monkeypatch)
    answer = ask(client, "/packages?token=secret")
    line = told.last()
    assert answer.status_code == 500 and line["status"] == 500 and line["level"] == "error"
    assert page(answer, 500).select_one("p.soft code").text == line["request"]
    assert "RuntimeError: boom" in line["exception"] and "secret" not in json.dumps(line)
    assert len(told.all()) == 1


def test_a_toast_of_an_error_shows_it_too(client, app, told, monkeypatch):
    fails(app, monkeypatch)
    answer = ask(client, "/packages", headers={"HX-Request": "true"})
    assert told.last()["request"] in answer.text


def test_a_refusal_shows_no_id(client, told):
    assert told is not None and "request" not in page(ask(client, "/nowhere"), 404).select_one("p.soft").text


def test_a_portal_without_its_database_tells_why_in_the_one_line_of_the_request(tmp_path, told):
    app = world.make_app(tmp_path, "postgresql+psycopg://portal@127.0.0.1:1/portal", TESTING=False)
    answer = ask(app.test_client(), "/login")
    (line,) = told.all()
    assert (line["status"], line["level"]) == (503, "error") and "refused" in line["why"]
    assert line["request"] in answer.text


def test_a_portal_that_is_not_ready_tells_the_log_what_it_tells_nobody_else(tmp_path, told):
    app = world.make_app(tmp_path, "postgresql+psycopg://portal@127.0.0.1:1/portal")
    answer = ask(app.test_client(), "/ready")
    (line,) = told.all()
    assert line["message"] == "GET /ready 503" and "127.0.0.1" in line["why"]
    assert "127.0.0.1" not in answer.text


def test_what_fails_while_it_is_sent_is_in_the_log_with_its_request(app, told, monkeypatch):
    def pieces():
        yield b"one"
        raise RuntimeError("half way")

    monkeypatch.setitem(app.view_functions, "security.login", lambda: app.response_class(pieces()))
    with pytest.raises(RuntimeError):
        app.test_client().get("/login").close()
    assert "half way" in told.last()["exception"] and told.last()["level"] == "error"


def test_a_method_that_nobody_knows_is_not_repeated(client, told):
    client.open("/packages", method="SECRETWORD").close()
    assert told.last()["method"] == "other" and "SECRETWORD" not in told.written.getvalue()


def test_an_address_of_an_invitation_holds_a_secret_that_no_line_has(anonymous, told):
    ask(anonymous, "/invitations/very-secret-token")
    assert "very-secret-token" not in told.written.getvalue()
    assert told.last()["route"].startswith("/invitations/<")


def test_well_formed_is_what_proxies_make():
    for made in (GIVEN * 2, "0b8f6b52-7d9d-4c2e-9a83-0f6f2b4d8c11", "C0A80001.1F90-5D2"):
        assert request_log.WELL_FORMED.fullmatch(made), made


# -- who tries to get in


def sign_in(browser, email, password):
    browser.post("/login", data={"email": email, "password": password}).close()


def test_a_sign_in_that_fails_is_a_line_without_the_password_or_the_email(anonymous, told):
    sign_in(anonymous, "Owner@Lumen.example", "a wrong password")
    sign_in(anonymous, "owner@lumen.example", "another wrong one")
    sign_in(anonymous, "nobody@lumen.example", "whatever it was")
    first, again, other = told.all("portal.sign_in")
    assert (first["level"], first["address"]) == ("warning", "127.0.0.1")
    assert first["message"] == "Sign-in refused: wrong e-mail or password"
    assert first["account"] == again["account"] != other["account"]
    for typed in ("wrong", "whatever", "owner@", "nobody@"):
        assert typed not in told.written.getvalue().lower().replace("wrong e-mail or password", "")


def test_too_many_tries_are_told_as_such_and_a_sign_in_that_succeeds_is_none(anonymous, told):
    for _ in range(6):
        sign_in(anonymous, "owner@lumen.example", "a wrong password")
    assert told.last("portal.sign_in")["message"] == "Sign-in refused: too many tries"
    count = len(told.all("portal.sign_in"))
    sign_in(anonymous, "billing@lumen.example", world.PASSWORD)
    assert len(told.all("portal.sign_in")) == count
    assert isinstance(told.last()["person"], int)


# -- in the server


@pytest.mark.slow
def test_no_secret_is_in_any_line_while_somebody_signs_in_uploads_and_charges(app, tmp_path):
    with app.app_context():
        customer = a_customer("Quillfeather Ltd").id
        db.session.commit()
    serving = served.Served(
        tmp_path,
        app.config["SQLALCHEMY_DATABASE_URI"],
        PORTAL_LOG="json",
        PORTAL_METRICS_TOKEN=METRICS_TOKEN,
    )
    try:
        serving.command("user", "create", EMAIL, "--name", "Rosalind Ashworth", "--password", PASSWORD)
        serving.wait_for("/health", 200)
        person = served.Person(serving)
        assert "<title>Sign in" in person.send("/login", email=EMAIL, password="private guess")
        assert "<title>Overview" in person.send("/login", email=EMAIL, password=PASSWORD)
        head = "call_id,start_time,customer,charge_amount,caller,callee\n"
        line = "one,2026-11-03 10:00:00,x,1,447700900123,447700900124\n"
        person.send("/calls", files={"file": ("private-name.csv", head + line)})
        person.get("/customers?q=private-query")
        charged = person.send(
            "/charges",
            at=f"/charges/new?customer_id={customer}",
            amount="71.93",
            charge_on="2026-11-01",
            description="private description",
        )
        assert "private description" in charged
        person.get("/invitations/private-invitation")
        person.get("/private-page")
        person.get("/metrics")
        serving.send_raw(b"GET /private\x01line HTTP/9.9\r\n\r\n")
        serving.send_raw(b"private words that are no request\r\n\r\n")
    finally:
        serving.end()
    text = serving.log.read_text()
    found = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    assert text[: text.index("{")].strip().startswith("The portal is at")
    written = text[text.index("{") :]
    assert len(found) == len(written.splitlines()), "every line is JSON"
    routes = [line["route"] for line in found if line["logger"] == "portal.requests"]
    assert {"/login", "/calls", "/charges", "/customers"} <= set(routes)
    assert [line["message"] for line in found if line["logger"] == "gunicorn.error"]
    for secret in (
        *(PASSWORD, person.cookie, person.token, served.KEY, METRICS_TOKEN, EMAIL, "Rosalind"),
        *("private", "Quillfeather", "447700900123", "71.93"),
    ):
        assert secret not in written, secret
