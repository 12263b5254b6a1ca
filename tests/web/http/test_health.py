"""Alive and ready, told to whoever watches over the portal."""

import json
import shutil

import pytest

from tests import world


def test_health_asks_nothing_and_is_answered_under_any_name(anonymous):
    answer = anonymous.get("/health", headers={"Host": "10.0.0.7"})
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})
    assert "Set-Cookie" not in answer.headers and answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_a_balancer_may_ask_for_the_head_alone(anonymous, path):
    answer = anonymous.head(path)
    assert (answer.status_code, answer.data) == (200, b"")


def test_health_is_answered_to_a_browser_that_is_signed_in(client):
    assert client.get("/health").status_code == 200


def test_ready_says_which_version_it_is(anonymous):
    assert anonymous.get("/ready").json["status"] == "ok"
    assert anonymous.get("/ready").json["version"] == "0.1.0"


def test_a_portal_without_its_database_is_alive_and_not_ready(tmp_path):
    app = world.make_app(tmp_path, "postgresql+psycopg://portal@127.0.0.1:1/portal")
    answer = app.test_client().get("/ready")
    assert answer.status_code == 503 and answer.headers["Retry-After"]
    assert json.loads(answer.text)["database"] == "it cannot be reached"
    assert app.test_client().get("/health").status_code == 200


def test_a_portal_that_cannot_write_is_not_ready(folder, app):
    made = world.make_app(folder / "gone", app.config["SQLALCHEMY_DATABASE_URI"])
    shutil.rmtree(folder / "gone")
    answer = made.test_client().get("/ready")
    assert answer.status_code == 503 and answer.json["disk"] == "no such file or directory"
    with made.app_context():
        from portal.extensions import db

        db.engine.dispose()


def test_without_its_database_every_page_is_one_that_asks_nothing(tmp_path):
    app = world.make_app(tmp_path, "postgresql+psycopg://portal@127.0.0.1:1/portal", TESTING=False)
    browser = app.test_client()
    for path in ("/login", "/reset"):
        answer = browser.get(path)
        assert answer.status_code == 503, path
        assert "cannot reach its database" in answer.text and answer.headers["Retry-After"] == "5"
    assert 'id="toasts"' in browser.get("/login", headers={"HX-Request": "true"}).text
    answer = browser.post("/login", data={"email": "a@b.example", "password": "x"})
    assert answer.status_code == 503 and "saved before you send it again" in answer.text
