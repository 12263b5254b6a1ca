"""Forgotten passwords, and guessing them: nobody learns who has an account, nobody is locked out by others."""

import re
import statistics
import time
from contextlib import contextmanager
from datetime import timedelta

import pytest
from itsdangerous import TimestampSigner
from sqlalchemy import func, select

from portal import clock
from portal.extensions import db
from portal.models.mail import Mail
from portal.models.session import SignInAttempt
from portal.services.people import attempts
from tests import world
from tests.mail_server import mail_server
from tests.pages import error_at, page, words

NEW = "three-lanterns-burn-late"
OWNER = "owner@lumen.example"
HERE = {"base_url": "https://portal.example.com"}


@pytest.fixture
def letterbox(app):
    """A mail server on this machine."""
    with mail_server(app) as letterbox:
        yield letterbox


@pytest.fixture
def internet(folder, app):
    """The portal in earnest, behind a proxy that says where each request comes from."""
    made = []

    def portal(**config):
        settings = {
            "MODE": "production", "SECRET_KEY": "k" * 40, "TRUSTED_HOSTS": ["portal.example.com"],
            "URL": "https://portal.example.com", "PROXIES": 1, **config,
        }  # fmt: skip
        made.append(world.make_app(folder, app.config["SQLALCHEMY_DATABASE_URI"], **settings))
        return made[-1]

    yield portal
    for one in made:
        with one.app_context():
            db.engine.dispose()


def sign_in(client, address="203.0.113.7", email=OWNER, password="wrong"):
    return client.post(
        "/login",
        data={"email": email, "password": password},
        headers={"X-Forwarded-For": address, "X-Forwarded-Proto": "https"},
        **HERE,
    )


def reset(client, email=OWNER, **more):
    return client.post("/reset", data={"email": email}, **more)


def link(letterbox):
    return re.search(r"http://localhost(/reset/\S+)", letterbox.messages[-1].get_content())[1]


def choose(client, path, password=NEW):
    return client.post(path, data={"password": password, "password_confirm": password})


# Recovery


def test_a_forgotten_password_is_chosen_again_by_a_link_in_a_message(client, anonymous, letterbox):
    assert page(anonymous.get("/reset"))
    soup = page(reset(anonymous, "Owner@Lumen.example"))
    assert "If Owner@Lumen.example can sign in here" in words(soup.select_one("main"))
    (message,) = letterbox.messages
    assert message["To"] == OWNER and message["Subject"] == "Choose a new password"
    path = link(letterbox)
    assert page(anonymous.get(path))
    assert choose(anonymous, path).location == "/login"
    assert letterbox.messages[-1]["Subject"] == "Your password was reset"
    assert client.get("/").status_code == 303  # whoever was signed in before
    assert anonymous.post("/login", data={"email": OWNER, "password": NEW}).status_code == 302


def test_the_link_works_once_and_not_after_a_new_password(anonymous, letterbox):
    reset(anonymous)
    path = link(letterbox)
    choose(anonymous, path)
    assert choose(anonymous, path, "another-good-lantern").location == "/reset"
    assert anonymous.get(path).location == "/reset"
    assert "is no longer valid" in words(page(anonymous.get("/reset")).select_one("#toasts"))


def test_a_link_expires(anonymous, letterbox, monkeypatch):
    reset(anonymous)
    path = link(letterbox)
    real = TimestampSigner.get_timestamp
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda self: real(self) + 2 * 3600 + 60)
    assert anonymous.get(path).location == "/reset"
    assert choose(anonymous, path).location == "/reset"


@pytest.mark.parametrize(("password", "says"), [("short", "12 characters"), ("password1234", "too easy")])
def test_a_new_password_is_no_worse_than_a_first_one(anonymous, letterbox, password, says):
    reset(anonymous)
    assert says in error_at(page(choose(anonymous, link(letterbox), password), 422), "password")


def test_the_answer_does_not_tell_who_has_an_account(session, anonymous, letterbox):
    answers = {reset(anonymous, email).text.replace(email, "E") for email in (OWNER, "nobody@lumen.example")}
    assert len(answers) == 1
    assert len(letterbox.messages) == 1


def test_the_answer_comes_before_anybody_is_looked_up(app, anonymous, monkeypatch):
    asked = []
    monkeypatch.setattr("portal.web.sign_in.recovery.send_link", lambda *what: asked.append(what))
    monkeypatch.setattr(app.extensions["portal.afterwards"], "do", lambda work, base_url: None)
    assert reset(anonymous).status_code == 200
    assert asked == []


@pytest.mark.slow
def test_signing_in_takes_as_long_for_nobody_as_for_somebody(folder, app):
    """With passwords hashed as in earnest. (What this process worked: others may keep the machine busy.)"""
    earnest = world.make_app(
        folder, app.config["SQLALCHEMY_DATABASE_URI"],
        SECURITY_PASSWORD_HASH="argon2", SECURITY_PASSWORD_SCHEMES=["argon2", "plaintext"],
    )  # fmt: skip
    client = earnest.test_client()
    with earnest.app_context():
        from flask_security import hash_password

        from portal.models.user import User

        db.session.query(User).filter_by(email=OWNER).one().password = hash_password(world.PASSWORD)
        db.session.commit()
    took = {OWNER: [], "nobody@lumen.example": []}
    for _ in range(4):
        for email in took:
            before = time.process_time()
            client.post("/login", data={"email": email, "password": "wrong"})
            took[email].append(time.process_time() - before)
    somebody, nobody = (statistics.median(times) for times in took.values())
    with earnest.app_context():
        db.engine.dispose()
    assert 0.4 < somebody / nobody < 2.5


@pytest.mark.parametrize("email", ["", "no address", "x" * 300 + "@lumen.example", "a@b\r\nBcc: c@d.example"])
def test_what_is_no_address_is_refused_with_a_sentence(anonymous, email):
    assert "Enter an e-mail address" in error_at(page(reset(anonymous, email), 422), "email")


@pytest.mark.slow
def test_nobody_is_flooded_with_messages(session, anonymous, letterbox):
    answers = {reset(anonymous).text for _ in range(6)}
    assert len(answers) == 1
    assert len(letterbox.messages) == 3


def test_who_may_not_sign_in_gets_no_link(session, anonymous, letterbox):
    from portal.models.user import User

    session.query(User).filter_by(email=OWNER).one().active = False
    session.commit()
    assert reset(anonymous).status_code == 200
    assert not letterbox.messages


def test_the_link_is_forgotten_once_it_has_left(session, anonymous, letterbox):
    reset(anonymous)
    path = link(letterbox)
    assert path.rpartition("/")[2] not in session.scalars(select(Mail)).one().text


# Guessing


def test_who_guesses_is_kept_out_and_nobody_else(internet):
    portal = internet()
    thief, owner = portal.test_client(), portal.test_client()
    assert [sign_in(thief).status_code for _ in range(6)] == [422] * 5 + [429]
    refused = sign_in(thief, password=world.PASSWORD)
    assert "Too many tries. Wait 15 minutes, then try again." in words(
        page(refused, 429).select_one("[role=alert]")
    )
    assert 0 < int(refused.headers["Retry-After"]) <= 15 * 60 + 1
    assert sign_in(owner, "198.51.100.4", password=world.PASSWORD).status_code == 302


def test_who_has_signed_in_before_is_not_kept_out_by_somebody_at_the_same_address(internet):
    portal = internet()
    owner, colleague = portal.test_client(), portal.test_client()
    assert sign_in(owner, password=world.PASSWORD).status_code == 302
    for _ in range(6):
        sign_in(colleague)
    assert sign_in(colleague, password=world.PASSWORD).status_code == 429
    owner.post("/logout", headers={"X-Forwarded-Proto": "https"}, **HERE)
    assert sign_in(owner, password=world.PASSWORD).status_code == 302
    assert [sign_in(owner.application.test_client()).status_code for _ in range(2)] == [429, 429]


def test_the_known_browser_of_one_account_helps_with_no_other(internet):
    portal = internet()
    owner = portal.test_client()
    sign_in(owner, password=world.PASSWORD)
    owner.post("/logout", headers={"X-Forwarded-Proto": "https"}, **HERE)
    other = portal.test_client()
    for _ in range(5):
        sign_in(other, email="billing@lumen.example")
    assert sign_in(owner, email="billing@lumen.example").status_code == 429


def test_tries_are_counted_whichever_process_they_come_to(internet):
    first, second = internet().test_client(), internet().test_client()
    answers = [sign_in(client).status_code for client in (first, second) * 3]
    assert answers == [422] * 5 + [429]


def test_all_addresses_of_one_household_are_one(internet):
    client = internet().test_client()
    answers = [sign_in(client, f"2001:db8:1:2::{n:x}").status_code for n in range(6)]
    assert answers == [422] * 5 + [429]
    assert sign_in(client, "2001:db8:1:3::1").status_code == 422


def test_an_account_that_is_none_is_counted_as_well(internet):
    client = internet().test_client()
    answers = [sign_in(client, email="nobody@lumen.example").status_code for _ in range(6)]
    assert answers == [422] * 5 + [429]


@pytest.mark.parametrize("variant", ["OWNER@lumen.example", " owner@lumen.example", "owner@LUMEN.example"])
def test_an_address_written_otherwise_is_no_new_try(internet, variant):
    client = internet().test_client()
    for _ in range(5):
        sign_in(client)
    assert sign_in(client, email=variant).status_code == 429


def test_a_right_password_forgets_the_wrong_ones(session, internet):
    client = internet().test_client()
    for _ in range(4):
        sign_in(client)
    assert sign_in(client, password=world.PASSWORD).status_code == 302
    assert session.scalar(select(func.count(SignInAttempt.id))) == 0


def test_after_the_wait_there_are_tries_again(session, app):
    now, of_whom = clock.now(), attempts.subject("a", "b")
    for _ in range(5):
        assert attempts.begin(of_whom, attempts.PASSWORDS, now) is None
    assert attempts.begin(of_whom, attempts.PASSWORDS, now) == timedelta(minutes=15)
    assert attempts.begin(of_whom, attempts.PASSWORDS, now + timedelta(minutes=16)) is None
    for hour in range(1, 4):
        for _ in range(5):
            attempts.begin(of_whom, attempts.PASSWORDS, now + timedelta(minutes=20 * hour))
    wait = attempts.begin(of_whom, attempts.PASSWORDS, now + timedelta(minutes=100))
    assert wait > timedelta(hours=4)


def test_many_tries_at_once_are_no_way_round(app, session):
    from threading import Thread

    passed = []

    def attempt():
        with app.app_context():
            if attempts.begin(attempts.subject("x"), attempts.PASSWORDS, clock.now()) is None:
                passed.append(1)

    threads = [Thread(target=attempt) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passed) <= 5


def test_old_tries_are_cleared_away(session):
    for n in range(attempts.SWEEP):
        attempts.begin(attempts.subject(n), (), clock.now() - timedelta(days=2))
    for n in range(attempts.SWEEP):
        attempts.begin(attempts.subject("new", n), (), clock.now())
    old = SignInAttempt.at < clock.now() - attempts.LONGEST
    assert session.scalar(select(func.count(SignInAttempt.id)).where(old)) == 0


def test_the_table_of_tries_tells_nobody_who_tried(session, internet):
    sign_in(internet().test_client())
    assert all(re.fullmatch("[0-9a-f]{64}", row.subject) for row in session.scalars(select(SignInAttempt)))


def test_one_address_does_not_ask_without_end(internet):
    portal = internet(RATELIMIT_ENABLED=True, SIGN_IN_LIMIT="4 per minute")
    client = portal.test_client()
    paths = ["/login", "/reset", "/login/code", "/invitations/abc", "/login/passkey"]
    answers = [
        client.post(path, headers={"X-Forwarded-Proto": "https"}, **HERE).status_code for path in paths
    ]
    assert answers[-1] == 429 and 429 not in answers[:-1]
    assert client.get("/login", headers={"X-Forwarded-Proto": "https"}, **HERE).status_code == 200
    elsewhere = {"X-Forwarded-For": "198.51.100.4", "X-Forwarded-Proto": "https"}
    assert client.post("/login", headers=elsewhere, **HERE).status_code == 422


def test_nobody_waits_while_a_password_is_hashed(app, monkeypatch, tmp_path):
    """On SQLite a writer would keep all others waiting: whoever writes here is not kept by a sign-in."""
    from threading import Event, Thread

    from flask_security import UserMixin

    hashing, go_on = Event(), Event()

    def slowly(self, password):
        hashing.set()
        go_on.wait(10)
        return False

    monkeypatch.setattr(UserMixin, "verify_and_update_password", slowly)
    thread = Thread(target=lambda: app.test_client().post("/login", data={"email": OWNER, "password": "x"}))
    thread.start()
    assert hashing.wait(10)
    with app.app_context(), stopwatch() as took:
        attempts.begin("writer", (), clock.now())
    go_on.set()
    thread.join()
    assert took[0] < 5


@contextmanager
def stopwatch():
    before, took = time.perf_counter(), []
    yield took
    took.append(time.perf_counter() - before)
