"""Everybody's own account: the second step, backup codes, sessions that can be seen and ended, the password."""

import re
import time

import pytest
from sqlalchemy import select

from portal import clock
from portal.models.session import UserSession
from portal.models.user import User
from tests import world
from tests.authenticator import code
from tests.pages import error_at, page, words

NEW = "three-lanterns-burn-late"


def sign_in(client, email="owner@lumen.example", password=world.PASSWORD, **more):
    return client.post("/login", data={"email": email, "password": password, **more})


def set_up(client):
    """Turn the second step on; the key."""
    soup = page(client.post("/account/second-factor", data={"setup": "authenticator"}))
    form = soup.select_one("form[action*='/second-factor/']")
    key = words(form.select_one(".code"))
    assert form.select_one("img")["src"].startswith("data:image/svg+xml;base64,")
    assert client.post(form["action"], data={"code": code(key, -1)}).location == "/account"
    return key


def owner(session):
    return session.scalars(select(User).where(User.email == "owner@lumen.example")).one()


def said(client):
    """The message on the account's page."""
    return words(page(client.get("/account")).select_one("#toasts"))


# The second step


def test_signing_in_asks_for_a_code_once_the_second_step_is_on(client, anonymous):
    key = set_up(client)
    assert "on · You need a code" in words(page(client.get("/account")).select_one("main"))
    answer = sign_in(anonymous, next="/packages?state=all")
    assert answer.location.startswith("/login/code")
    assert anonymous.get("/").status_code == 303
    form = page(anonymous.get(answer.location)).select_one("form")
    spaced = code(key)[:3] + " " + code(key)[3:]
    assert anonymous.post(form["action"], data={"code": spaced}).location == "/packages?state=all"
    assert anonymous.get("/").status_code == 200


def test_a_code_works_once(app, client, anonymous):
    key = set_up(client)
    sign_in(anonymous)
    once = code(key)
    assert anonymous.post("/login/code", data={"code": once}).status_code == 302
    second = app.test_client()
    sign_in(second)
    soup = page(second.post("/login/code", data={"code": once}), 422)
    assert "already been used" in error_at(soup, "code")
    assert second.get("/").status_code == 303


@pytest.mark.parametrize("typed", ["", "000000", "abc", "９９９９９９", "1" * 5000, "-1", "12345\u0000"])
def test_what_is_no_code_is_refused_with_a_sentence(client, anonymous, typed):
    set_up(client)
    sign_in(anonymous)
    assert anonymous.post("/login/code", data={"code": typed}).status_code == 422
    assert anonymous.get("/").status_code == 303


def test_codes_are_not_guessed(client, anonymous):
    key = set_up(client)
    sign_in(anonymous)
    answers = [anonymous.post("/login/code", data={"code": f"{n:06}"}).status_code for n in range(6)]
    assert answers == [422] * 5 + [429]
    refused = anonymous.post("/login/code", data={"code": code(key)})
    assert "Too many tries. Wait 15 minutes" in error_at(page(refused, 429), "code")
    assert anonymous.post("/login/backup-code", data={"code": "x"}).status_code == 429


def test_without_the_password_nobody_comes_to_the_second_step(client, anonymous):
    key = set_up(client)
    for path, typed in (("/login/code", code(key)), ("/login/backup-code", "aaaa-bbbb-cccc")):
        assert anonymous.post(path, data={"code": typed}).location == "/login"
        assert anonymous.get(path).location == "/login"


def test_a_mistyped_first_code_does_not_start_over(client):
    soup = page(client.post("/account/second-factor", data={"setup": "authenticator"}))
    form = soup.select_one("form[action*='/second-factor/']")
    again = page(client.post(form["action"], data={"code": "000000"}), 422)
    assert "code is wrong" in error_at(again, "code")
    assert words(again.select_one(".steps .code")) == words(form.select_one(".code"))
    assert (
        client.post(form["action"], data={"code": code(words(form.select_one(".code")))}).status_code == 302
    )


def test_the_secret_and_the_backup_codes_are_stored_encrypted(session, client):
    key = set_up(client)
    codes = [words(li) for li in page(client.post("/account/backup-codes")).select(".codes li")]
    stored = owner(session)
    assert key.replace("-", "") not in stored.tf_totp_secret
    assert len(codes) == len(stored.mf_recovery_codes) == 8
    assert all(one.startswith("gAAAA") for one in stored.mf_recovery_codes)


def test_a_backup_code_works_once(app, client, anonymous):
    set_up(client)
    codes = [words(li) for li in page(client.post("/account/backup-codes")).select(".codes li")]
    sign_in(anonymous, next="/packages")
    form = page(anonymous.get("/login/backup-code")).select_one("form")
    assert anonymous.post(form["action"], data={"code": f" {codes[0].upper()} "}).status_code == 302
    assert anonymous.get("/").status_code == 200
    second = app.test_client()
    sign_in(second)
    refused = second.post("/login/backup-code", data={"code": codes[0]})
    assert "not one of your remaining backup codes" in error_at(page(refused, 422), "code")
    assert "7 backup codes left" in words(page(client.get("/account")).select_one("main"))
    shown = page(client.get("/account/backup-codes?show_codes=1"))
    assert [words(li) for li in shown.select(".codes li")] == codes[1:]


def test_the_second_step_is_turned_off_with_its_backup_codes(session, client, anonymous):
    set_up(client)
    client.post("/account/backup-codes")
    client.post("/account/second-factor", data={"setup": "disable"})
    assert "no longer need a code" in said(client)
    assert sign_in(anonymous).location == "/"
    assert not owner(session).mf_recovery_codes


def test_an_owner_takes_the_second_step_of_somebody_else_away(app, session, client):
    ben = world.signed_in(app, "billing")
    set_up(ben)
    person = session.scalars(select(User).where(User.email == "billing@lumen.example")).one()
    client.post(f"/settings/people/{person.id}/second-step")
    assert ben.get("/").status_code == 303
    assert sign_in(ben, "billing@lumen.example").location == "/"


def test_what_protects_the_account_asks_for_the_password_again_after_a_while(app, client):
    with client.session_transaction() as cookie:
        cookie["fs_paa"] = time.time() - 3600
    for path in ("/account/second-factor", "/account/backup-codes", "/account/passkeys"):
        answer = client.post(path, data={"setup": "authenticator", "name": "Key"})
        assert answer.location.startswith("/account/verify?next="), path
    soup = page(client.get("/account/verify?next=/account/backup-codes"))
    action = soup.select_one("main form")["action"]
    assert "password is wrong" in error_at(page(client.post(action, data={"password": "x"}), 422), "password")
    assert client.post(action, data={"password": world.PASSWORD}).location == "/account/backup-codes"
    assert client.get("/account/backup-codes").status_code == 200


def test_whoever_found_an_open_browser_does_not_guess_the_password(client):
    answers = [client.post("/account/verify", data={"password": "x"}).status_code for _ in range(6)]
    assert answers == [422] * 5 + [429]
    typed = {"password": world.PASSWORD, "new_password": NEW, "new_password_confirm": NEW}
    assert client.post("/account/password", data=typed).status_code == 429


@pytest.mark.parametrize("path", ["/login/select", "/login/rescue"])
def test_ways_that_the_portal_does_not_have_are_closed(anonymous, client, path):
    for browser in (anonymous, client):
        assert browser.get(path).status_code == browser.post(path).status_code == 404


# Name and password


def test_a_name_is_changed(session, client):
    assert client.post("/account", data={"name": "  Olivia  Brandt-Meyer "}).location == "/account"
    assert owner(session).name == "Olivia Brandt-Meyer"
    assert "Enter your name" in error_at(page(client.post("/account", data={"name": " "}), 422), "name")


def test_a_viewer_has_an_account_too(as_viewer):
    assert page(as_viewer.get("/account"))
    assert as_viewer.post("/account", data={"name": "Vera"}).status_code == 303


def test_a_new_password_signs_out_everywhere_else(app, client, anonymous):
    sign_in(anonymous)
    typed = {"password": world.PASSWORD, "new_password": NEW, "new_password_confirm": NEW}
    assert client.post("/account/password", data=typed).location == "/account"
    assert "signed out everywhere else" in said(client)
    assert anonymous.get("/").status_code == 303
    assert sign_in(anonymous).status_code == 422
    assert sign_in(anonymous, password=NEW).status_code == 302


@pytest.mark.parametrize(
    ("typed", "field", "says"),
    [
        ({"password": "wrong"}, "password", "password is wrong"),
        ({"password": ""}, "password", "Enter your current password"),
        ({"new_password": "short"}, "new_password", "12 characters"),
        ({"new_password": "olivia brandt"}, "new_password", "too easy"),
        ({"new_password_confirm": "other"}, "new_password_confirm", "do not match"),
        (
            {"new_password": world.PASSWORD, "new_password_confirm": world.PASSWORD},
            "password",
            "your current password",
        ),
    ],
)
def test_a_password_is_not_changed_by_halves(client, typed, field, says):
    whole = {"password": world.PASSWORD, "new_password": NEW, "new_password_confirm": NEW, **typed}
    if field == "new_password":
        whole["new_password_confirm"] = whole["new_password"]
    assert says in error_at(page(client.post("/account/password", data=whole), 422), field)


# Sessions


def test_a_person_sees_where_they_are_signed_in_and_ends_it(session, client, anonymous):
    firefox = {"User-Agent": "Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/140.0"}
    typed = {"email": "owner@lumen.example", "password": world.PASSWORD}
    anonymous.post("/login", data=typed, headers=firefox)
    soup = page(client.get("/account"))
    rows = [words(row) for row in soup.select("[aria-labelledby=sessions-head] tbody tr")]
    assert sum("this one" in row for row in rows) == 1
    other = next(row for row in rows if "Firefox on Windows" in row)
    assert "127.0.0.1" in other
    action = soup.select_one("form[action*='/account/sessions/'][action$='/end'] button").parent["action"]
    assert client.post(action).location == "/account"
    assert anonymous.get("/").status_code == 303
    assert client.get("/").status_code == 200
    assert client.post(action).status_code == 404


def test_nobody_ends_the_session_of_somebody_else(session, as_viewer, client):
    of_owner = session.scalars(select(UserSession.key).join(User, User.id == UserSession.user_id)
        .where(User.email == "owner@lumen.example")).first()  # fmt: skip
    assert as_viewer.post(f"/account/sessions/{of_owner}/end").status_code == 404
    assert client.get("/").status_code == 200


def test_signing_out_ends_this_session_and_no_other(client, anonymous):
    sign_in(anonymous)
    assert client.post("/logout").location == "/login"
    assert client.get("/").status_code == 303
    assert anonymous.get("/").status_code == 200


def test_signing_out_everywhere_ends_them_all(client, anonymous):
    sign_in(anonymous)
    assert client.post("/account/sessions/end").location == "/login"
    assert {client.get("/").status_code, anonymous.get("/").status_code} == {303}


def test_a_session_that_was_not_used_for_long_has_ended(session, app, client):
    from datetime import timedelta

    for one in session.scalars(select(UserSession)):
        one.seen_at = clock.now() - timedelta(hours=app.config["SESSION_HOURS"], minutes=6)
    session.commit()
    assert client.get("/").status_code == 303


def test_it_is_noted_when_somebody_was_there(session, app, client):
    from datetime import timedelta

    for one in session.scalars(select(UserSession)):
        one.seen_at = clock.now() - timedelta(hours=1)
    before = {one.id: one.seen_at for one in session.scalars(select(UserSession))}
    session.commit()
    client.get("/")
    session.expire_all()
    moved = [one for one in session.scalars(select(UserSession)) if one.seen_at > before[one.id]]
    assert len(moved) == 1


def test_the_table_of_sessions_opens_nothing(session, client):
    with client.session_transaction() as cookie:
        key = cookie["session_key"]
    assert key not in {one.key for one in session.scalars(select(UserSession))}
    assert re.fullmatch(r"[0-9a-f]{64}", session.scalars(select(UserSession.key)).first())
