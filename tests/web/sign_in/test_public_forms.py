"""Whatever is sent to the forms that anybody may send to: no error on our side, nothing that a page carries out.

Generated: some eight hundred in all, and with --deep two and a half thousand.
"""

import json
from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal import clock
from portal.models.user import User
from portal.services.people import invitations
from tests import world
from tests.authenticator import code
from tests.depth import tries
from tests.pages import page

pytestmark = pytest.mark.slow

MANY = tries(40, deep=120)
generated = settings(
    max_examples=MANY, deadline=None, database=None, suppress_health_check=list(HealthCheck), print_blob=True
)
PROBE = "<xss-probe"
GOOD = "three-lanterns-burn-late"

NASTY = [
    PROBE + ">", f'"{PROBE} onload=x()>', f"'{PROBE}", f"</title>{PROBE}>", f"{{{{ {PROBE} }}}}", "{{ 7*7 }}",
    "javascript:alert(1)", "\x00", "\ud800", "a\r\nSet-Cookie: x=y", "' OR 1=1 --", "%00", "%0d%0a", "../../etc/passwd",
    "owner@lumen.example", "OWNER@LUMEN.EXAMPLE", "a@b.example", f'"{PROBE}>"@lumen.example', "ＡＢＣ@ｂ.example",
    "x" * 5_000, "9" * 400, "\u202e\u0000", "\U0001f4a9" * 40, "", " ", "on", "-1", "1e999", "[]", "{}", "null",
    "//evil.example", "https://evil.example", "\\\\evil.example", "/\t/evil.example", "True", world.PASSWORD, GOOD,
]  # fmt: skip
texts = st.one_of(
    st.sampled_from(NASTY),
    st.text(max_size=80),
    st.tuples(st.sampled_from(NASTY), st.text(max_size=20)).map("".join),
    st.emails(),
)


def submissions(*names):
    """What a form may be sent: its fields, some of them missing, several times, or others."""
    fields = st.sampled_from([*names, "csrf_token", "next", "remember", "submit", "x"]) | st.text(max_size=12)
    return st.lists(st.tuples(fields, texts), max_size=6)


def send(client, path, pairs, multipart=False):
    """Send it, and hold the answer to what every answer has to be."""
    data: dict[str, list[str]] = {}
    for name, value in pairs:
        data.setdefault(storable(name), []).append(storable(value))
    kind = {"content_type": "multipart/form-data"} if multipart else {}
    answer = client.post(path, data=data, **kind)
    hold(answer)
    return answer


def storable(text):
    """Half of a surrogate pair travels as no bytes at all; the client could not send it."""
    return text.encode("utf-8", "replace").decode()


def hold(answer):
    """No error on our side, nothing carried out, nobody led astray."""
    assert answer.status_code < 500, answer.text[:500]
    assert PROBE.encode() not in answer.data
    location = answer.headers.get("Location", "/")
    assert "\\" not in location and not location.startswith("//"), location
    assert urlsplit(urljoin("http://localhost/login", location)).netloc == "localhost", location


@pytest.mark.parametrize("multipart", [False, True], ids=["encoded", "in parts"])
def test_signing_in(anonymous, multipart):
    @generated
    @given(submissions("email", "password"))
    def survives(pairs):
        send(anonymous, "/login", pairs, multipart)

    survives()


def test_where_to_after_signing_in(anonymous):
    @generated
    @given(texts)
    def survives(there):
        hold(anonymous.get("/login", query_string={"next": storable(there)}))
        typed = [("email", "owner@lumen.example"), ("password", world.PASSWORD), ("next", there)]
        send(anonymous, "/login", typed)
        anonymous.post("/logout")

    survives()


def test_asking_for_a_link(anonymous):
    @generated
    @given(submissions("email"))
    def survives(pairs):
        send(anonymous, "/reset", pairs)

    survives()


def test_links_that_are_made_up(anonymous):
    @generated
    @given(texts.filter(lambda text: "/" not in text and text not in ("", ".", "..")), st.booleans())
    def survives(token, post):
        for form in ("/reset/", "/invitations/", "/login/passkey/"):
            path = form + storable(token)
            hold(anonymous.post(path) if post else anonymous.get(path))

    survives()


def test_choosing_a_new_password(app, session, anonymous):
    from flask_security.recoverable import generate_reset_password_token

    with app.test_request_context():
        owner = session.query(User).filter_by(email="owner@lumen.example").one()
        path = f"/reset/{generate_reset_password_token(owner)}"

    @generated
    @given(submissions("password", "password_confirm"))
    def survives(pairs):
        send(anonymous, path, pairs)

    survives()


def test_accepting_an_invitation(session, anonymous, client):
    owner = session.query(User).filter_by(email="owner@lumen.example").one()
    new = "new@lumen.example"
    _, token = invitations.invite(new, f"{PROBE}>", "viewer", by=owner, now=clock.now())

    @generated
    @given(submissions("name", "password", "password_confirm"))
    def survives(pairs):
        send(anonymous, f"/invitations/{token}", pairs)

    survives()
    hold(client.get("/settings/people"))


def test_what_whoever_was_invited_is_called_is_only_a_name(session, anonymous, client):
    owner = session.query(User).filter_by(email="owner@lumen.example").one()
    taken = []

    @settings(generated, max_examples=tries(12, deep=25))
    @given(texts)
    def survives(name):
        email = f"new{len(taken)}@lumen.example"
        _, token = invitations.invite(email, "", "viewer", by=owner, now=clock.now())
        typed = [("name", name), ("password", GOOD), ("password_confirm", GOOD)]
        taken.append(send(anonymous, f"/invitations/{token}", typed).status_code)

    survives()
    assert 303 in taken
    people = client.get("/settings/people")
    hold(people)
    assert page(people)
    session.commit()
    for person in session.query(User):
        browser = client.application.test_client()
        browser.post("/login", data={"email": person.email, "password": GOOD})
        hold(browser.get("/account"))


@pytest.fixture
def at_the_second_step(client, anonymous):
    """A browser that knows the password, and now needs a code."""
    soup = page(client.post("/account/second-factor", data={"setup": "authenticator"}))
    form = soup.select_one("form[action*='/second-factor/']")
    client.post(form["action"], data={"code": code(form.select_one(".code").text, -1)})
    anonymous.post("/login", data={"email": "owner@lumen.example", "password": world.PASSWORD})
    return anonymous


@pytest.mark.parametrize("path", ["/login/code", "/login/backup-code"])
def test_codes(at_the_second_step, path, monkeypatch):
    monkeypatch.setattr("portal.services.people.attempts.CODES", ())  # else the first few would be all

    @generated
    @given(submissions("code"))
    def survives(pairs):
        assert send(at_the_second_step, path, pairs).status_code in (400, 422)

    survives()
    assert at_the_second_step.get("/").status_code == 303


base64 = st.sampled_from(["", "AA", "!!", "AAAA" * 20]) | st.text(alphabet="ABCabc123-_", max_size=90)
leaves = st.none() | st.booleans() | st.integers() | texts.map(storable) | base64
answers = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("clientDataJSON", "authenticatorData", "signature", "userHandle"), leaves),
        "attestationObject": leaves,
        "transports": leaves | st.lists(leaves, max_size=3),
    },
)
anything = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
)
credentials = anything | st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("id", "rawId", "extensions", "authenticatorAttachment"), leaves),
        "type": st.sampled_from(["public-key", "x"]) | leaves,
        "response": answers | leaves,
    },
)


@pytest.mark.parametrize("act", ["sign in", "register"])
def test_what_a_device_answers(anonymous, client, act):
    browser = anonymous if act == "sign in" else client
    start = "/login/passkey" if act == "sign in" else "/account/passkeys"
    action = page(browser.post(start, data={"name": "Key"})).select_one("form[data-passkey]")["action"]

    @generated
    @given(credentials.map(json.dumps) | texts)
    def survives(credential):
        send(browser, action, [("credential", credential)])

    survives()
