"""Signing in and out: nothing else is open, and a session ends when it is ended."""

import re

import pytest
from sqlalchemy import select

from portal.extensions import db
from portal.models.user import User
from portal.services.people import people
from tests import world
from tests.pages import page, words


@pytest.fixture
def strict(folder, database, app):
    """The same database under an application that checks CSRF tokens and counts tries."""
    url = app.config["SQLALCHEMY_DATABASE_URI"]
    strict = world.make_app(
        folder, url, WTF_CSRF_ENABLED=True, RATELIMIT_ENABLED=True, SIGN_IN_LIMIT="5 per minute"
    )
    yield strict
    with strict.app_context():
        db.engine.dispose()


def sign_in(client, email="owner@lumen.example", password=world.PASSWORD, **more):
    return client.post("/login", data={"email": email, "password": password, **more})


def token(response):
    """The CSRF token in a page."""
    return re.search(r'name="csrf_token"[^>]*value="([^"]+)"', response.text)[1]


def test_whoever_signs_in_comes_to_the_page_they_asked_for(anonymous):
    asked = anonymous.get("/packages?archived=yes&page=2")
    form = page(anonymous.get(asked.location))
    there = form.select_one("input[name=next]")["value"]
    assert sign_in(anonymous, next=there).location == "/packages?archived=yes&page=2"
    assert anonymous.get("/").status_code == 200


def test_nobody_is_sent_to_another_host_after_signing_in(anonymous):
    answer = sign_in(anonymous, next="https://elsewhere.example/")
    assert "elsewhere" not in answer.headers.get("Location", "")


def guests(client):
    """Whom the page of the sign-in offers to look round as."""
    return {words(form.button): form for form in page(client.get("/login")).select("#demo ~ .actions form")}


def test_the_demo_offers_whom_it_lets_in_with_its_own_password(anonymous, session):
    assert not guests(anonymous), "everybody has a password of their own"
    session.scalars(select(User).filter_by(email=people.DEMO_EMAIL)).one().password = people.DEMO_PASSWORD
    session.commit()
    offered = guests(anonymous)
    assert list(offered) == ["Owner"]
    typed = {field["name"]: field["value"] for field in offered["Owner"].select("input")}
    assert anonymous.post("/login", data=typed).status_code == 302
    assert anonymous.get("/").status_code == 200


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("owner@lumen.example", "wrong"),
        ("nobody@lumen.example", world.PASSWORD),
        ("", ""),
        ("not an address", "x"),
        ("owner@lumen.example", ""),
    ],
)
def test_a_refused_sign_in_says_the_same_whatever_was_wrong(anonymous, email, password):
    soup = page(sign_in(anonymous, email, password), 422)
    assert words(soup.select_one("[role=alert]")) == "E-mail or password is wrong. Check both and try again."
    assert soup.select_one("#email")["value"] == email
    assert anonymous.get("/").status_code == 303


def test_an_inactive_person_does_not_sign_in_and_is_signed_out(app, client, anonymous):
    with app.app_context():
        db.session.query(User).filter_by(email="owner@lumen.example").one().active = False
        db.session.commit()
    assert client.get("/").status_code == 303
    assert sign_in(anonymous).status_code == 422


def test_htmx_is_sent_to_the_sign_in_page_as_a_whole(anonymous):
    response = anonymous.get(
        "/packages", headers={"HX-Request": "true", "HX-Current-URL": "http://localhost/customers?q=a"}
    )
    assert response.status_code == 204
    assert response.headers["HX-Redirect"] == "/login?next=/customers?q%3Da"


def test_signing_out_makes_a_copied_cookie_worthless(app, anonymous):
    sign_in(anonymous)
    thief = app.test_client()
    stolen = anonymous.get_cookie("portal")
    thief.set_cookie("portal", stolen.value)
    assert thief.get("/").status_code == 200
    assert anonymous.get("/logout").status_code == 405
    assert anonymous.post("/logout").status_code == 302
    assert anonymous.get("/").status_code == 303
    assert thief.get("/").status_code == 303


def test_a_form_without_its_token_is_refused_with_a_sentence(strict):
    client = strict.test_client()
    soup = page(sign_in(client), 400)
    assert "Load it again" in words(soup.select_one("main"))


def test_the_token_of_before_signing_in_is_worth_nothing_after(strict):
    client = strict.test_client()
    before = token(client.get("/login"))
    assert sign_in(client, csrf_token=before).status_code == 302
    assert client.post("/logout", data={"csrf_token": before}).status_code == 400
    assert client.post("/logout", data={"csrf_token": token(client.get("/"))}).status_code == 302


def test_guessing_is_slowed_down(strict):
    client = strict.test_client()
    form = token(client.get("/login"))
    answers = [sign_in(client, password="guess", csrf_token=form).status_code for _ in range(6)]
    assert answers == [422] * 5 + [429]
    refused = sign_in(client, csrf_token=form)
    assert "Too many tries" in words(page(refused, 429).select_one("main"))
    assert refused.headers["Retry-After"]
