"""Every route, asked by every role with real things of two customers, answers as tests/role_table.py says."""

import re
import time

import pytest

from portal.extensions import db
from tests import role_stage, role_table
from tests.role_stage import address, browser, routes
from tests.role_table import ANSWERS, ROLES, SIGN_IN, YES

ROWS = role_table.rows()
# An answer to somebody who is let in: what is asked for, a form that is not filled in, a rule against it.
LET_IN = {200, 204, 302, 303, 409, 422}
# Those who are let in come to the sign-in page all the same: that is what they asked for.
SIGN_OUT = {"POST account.end_sessions", "POST security.logout"}
# What these are asked for is not there: a made-up session.
ABSENT = {"POST account.end_session"}
# Parts of an address that name nobody's thing: what kind of file a list is wanted as.
NO_THINGS = {"form"}
TAKEN_ONCE = re.compile(rb'name="token"[^>]* value="[0-9a-f]{32}"')
NEW = """{names}
has no row in tests/role_table.py. Say there who may ask for it: add the view's name to the line of its
method and blueprint in the block OPEN, PERSONAL, STAFF, CHANGE, OWNER, MINE or MY_OWNER (or add a line)."""


@pytest.fixture(scope="module")
def stage(folder):
    """A portal with two customers, their things and their people; put back as it was by `clean`."""
    stage = role_stage.make(folder, "roles")
    yield stage
    stage.close()


def test_every_route_has_its_row(stage):
    missing = sorted(routes(stage.app).keys() - ROWS.keys())
    assert not missing, NEW.format(names=", ".join(missing))
    gone = sorted(ROWS.keys() - routes(stage.app).keys())
    assert not gone, f"tests/role_table.py has rows of routes that are gone: {', '.join(gone)}"


@pytest.mark.parametrize("name", ROWS)
def test_each_role_gets_its_answer(stage, name):
    method = name.split()[0]
    stage.clean()
    for rule in routes(stage.app).get(name, []):
        for owner, things in stage.things.items():
            path = address(stage.app, name, rule, things)
            for role, answers in zip(ROLES, ANSWERS[ROWS[name]], strict=True):
                expected = answers
                names_things = ROWS[name].startswith("M") and rule.arguments - NO_THINGS
                if names_things and role in stage.things and role != owner:
                    expected = (403, 404) if expected == 403 else (404,)
                if method == "POST" and expected == YES:
                    stage.clean()
                named = {"customer_id": things.parts["customer_id"]}
                fields = {"data": named} if method == "POST" else {}
                answer = browser(stage, role).open(path, method=method, query_string=named, **fields)
                judge(name, role, path, answer, expected)


def judge(name, role, path, answer, expected):
    """Hold an answer to what is expected of it."""
    sent_to_sign_in = answer.status_code == 303 and answer.location.startswith("/login")
    told = f"{name} ({path}) answers {role} {answer.status_code}, and should answer {expected}"
    if expected == SIGN_IN:
        assert sent_to_sign_in, told
    elif expected == YES:
        fine = answer.status_code in LET_IN or (name in ABSENT and answer.status_code == 404)
        assert fine and (not sent_to_sign_in or name in SIGN_OUT or ROWS[name] == "OPEN"), told
    else:
        assert answer.status_code in (expected if isinstance(expected, tuple) else (expected,)), told


@pytest.mark.slow
@pytest.mark.parametrize("role", ROLES)
def test_an_answer_is_the_same_byte_for_byte_while_nothing_changes(stage, monkeypatch, role):
    """But for what says, in a form that adds something, that it is taken once."""
    monkeypatch.setitem(stage.app.config, "WTF_CSRF_ENABLED", True)
    stage.clean()
    client, first = browser(stage, role), "/login" if role == "nobody" else "/account"
    paths = sorted(
        address(stage.app, name, rule, stage.things["acme"])
        for name in ROWS
        if name.startswith("GET")
        for rule in routes(stage.app)[name]
    )
    before = answers_to(client, first, paths)
    time.sleep(1.1)  # nor may a second that has passed show
    assert sum(answer.startswith(b"200") for answer in before.values()) >= 5
    for path, answer in answers_to(client, first, paths).items():
        assert answer == before[path], path


def answers_to(client, first, paths):
    """What each says to a session that has its CSRF token, and nothing left to be told once."""
    client.get(first)
    return {path: answer_to(client, path) for path in paths}


def answer_to(client, path):
    """Its status and what it says."""
    answer = client.get(path)
    return str(answer.status_code).encode() + TAKEN_ONCE.sub(b"", answer.data)


def test_no_answer_to_a_customer_names_another(stage):
    """Whatever Acme's people may ask for, Globex does not occur in it."""
    stage.clean()
    for name, block in ROWS.items():
        if not name.startswith("GET") or block not in ("MINE", "MY_OWNER", "PERSONAL"):
            continue
        for rule in routes(stage.app)[name]:
            path = address(stage.app, name, rule, stage.things["acme"])
            assert b"Globex" not in browser(stage, "acme").get(path).data, path


@pytest.mark.slow
def test_the_database_is_left_alone_by_whoever_is_refused(stage):
    """A refusal comes before anything is done."""
    stage.clean()
    before = contents(stage.app)
    for name, block in ROWS.items():
        method, _ = name.split()
        if method == "GET" or block not in ("CHANGE", "OWNER"):
            continue
        for rule in routes(stage.app)[name]:
            for role in ("nobody", "viewer", "acme", "globex"):
                browser(stage, role).open(address(stage.app, name, rule, stage.things["acme"]), method="POST")
    assert contents(stage.app) == before


def contents(app):
    """Every row of every table but the sessions' and tries'."""
    with app.app_context():
        return {
            table.name: sorted(map(repr, db.session.execute(table.select()).all()))
            for table in db.metadata.sorted_tables
            if table.name not in ("user_session", "sign_in_attempt")
        }
