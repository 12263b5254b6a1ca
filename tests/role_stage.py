"""A portal with two customers, and every address of it with real things for its parts."""

from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import BuildError, Rule

from tests import role_things, world
from tests.role_things import Things

STAFF = ("viewer", "billing", "owner")
NEW_PART = """{name} has an address with a part that tests/role_things.py does not know: {rule}
Say there, in `parts`, what it is for one customer (a stored thing's id, handle or name)."""


class Stage(world.Sqlite):
    """Acme and Globex with their things and their people; put back as it was by `clean`."""

    things: dict[str, Things]


def make(folder: Path, name: str) -> Stage:
    """A stage of its own in the session's folder."""
    stage = Stage(world.new_folder(folder, name))
    with stage.app.app_context():
        stage.things = role_things.make(stage.app)
    stage.keep()
    return stage


def routes(app: Flask) -> dict[str, list[Rule]]:
    """`GET packages.index` and its rules, for each view of the application."""
    found: dict[str, list[Rule]] = {}
    for rule in app.url_map.iter_rules():
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            found.setdefault(f"{method} {rule.endpoint}", []).append(rule)
    return found


def address(app: Flask, name: str, rule: Rule, things: Things) -> str:
    """A rule's address, with real things for its parts."""
    endpoint = rule.endpoint
    try:
        parts: dict[str, Any] = {
            part: things.parts.get(f"{part} of {endpoint}") or things.parts[part] for part in rule.arguments
        }
        with app.test_request_context():
            built = rule.build(parts, append_unknown=False)
            assert built, f"{rule} cannot be built from {parts}"
            return built[1]
    except (KeyError, BuildError):
        pytest.fail(NEW_PART.format(name=name, rule=rule))


def browser(stage: Stage, role: str) -> FlaskClient:
    """A browser of somebody with this role."""
    if role in STAFF:
        return world.signed_in(stage.app, role)
    client = stage.app.test_client()
    if role in stage.things:
        with client.session_transaction() as cookie:
            cookie.update(stage.things[role].cookie, _fresh=True, fs_paa=world.time.time())
    return client
