"""What production mode adds: its own names only, cookies over HTTPS only, proxies believed as told."""

import pytest
from sqlalchemy import select

from portal.extensions import db
from portal.models.user import User
from portal.services.people import people
from tests import world

KEY = "a key of more than thirty-two characters"


@pytest.fixture
def production(folder, app):
    """The portal as it stands behind one proxy."""
    production = world.make_app(
        folder,
        app.config["SQLALCHEMY_DATABASE_URI"],
        MODE="production",
        SECRET_KEY=KEY,
        TRUSTED_HOSTS=["portal.example.com"],
        URL="https://portal.example.com",
        PROXIES=1,
    )
    yield production.test_client()
    with production.app_context():
        db.engine.dispose()


def test_a_name_that_is_not_ours_is_refused_with_a_sentence(production):
    response = production.get("/login", base_url="https://elsewhere.example")
    assert response.status_code == 400
    assert response.text == "The portal is not served under this name.\n"


def test_nobody_is_offered_to_look_round_as(production, session):
    session.scalars(select(User).filter_by(email=people.DEMO_EMAIL)).one().password = people.DEMO_PASSWORD
    session.commit()
    answer = production.get("/login", base_url="https://portal.example.com")
    assert "Sign in" in answer.text and "look round" not in answer.text


def test_the_cookie_travels_over_https_only(production):
    response = production.get("/login", base_url="https://portal.example.com")
    assert response.status_code == 200
    cookie = response.headers["Set-Cookie"]
    assert "Secure" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "max-age=31536000" in response.headers["Strict-Transport-Security"]


def test_the_proxy_says_by_which_name_it_was_asked(production):
    forwarded = {"X-Forwarded-Host": "portal.example.com", "X-Forwarded-Proto": "https"}
    assert production.get("/login", base_url="http://10.0.0.7", headers=forwarded).status_code == 200
    assert production.get("/login", base_url="http://10.0.0.7").status_code == 400
