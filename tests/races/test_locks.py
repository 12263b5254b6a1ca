"""What every act locks is what tests/lock_table.py says, and every act that changes something stands there."""

import re
from importlib import import_module
from pathlib import Path

import click
import pytest

from portal.commands import COMMANDS
from portal.config import ROOT
from portal.services import locking
from tests import lock_table, role_table
from tests.lock_table import Locks
from tests.race_acts import ACTS
from tests.racing import KINDS

pytestmark = pytest.mark.slow

ROUTES, COMMANDED = lock_table.routes(), lock_table.commands()
NEW = """{names}
has no line in tests/lock_table.py. Say there which kinds of rows it locks (portal/services/locking.py: all that its
rules read), or, in NOTHING, why it needs none; and add to tests/race_acts.py what somebody does with it."""


def test_every_route_that_changes_something_names_what_it_locks(races):
    views = races.app.view_functions
    changing = {
        name
        for method, name in (row.split() for row, block in role_table.rows().items() if block != "CLOSED")
        if method == "POST" and not getattr(views[name], "changes_nothing", False)
    }
    missing = sorted(changing - ROUTES.keys())
    assert not missing, NEW.format(names=", ".join(missing))
    assert not ROUTES.keys() - changing, (
        "tests/lock_table.py has lines of routes that are gone, or change nothing"
    )


def test_every_command_that_writes_names_what_it_locks():
    writing = {
        name for top in COMMANDS for name in _writing(top, import_module(f"portal.commands.{top}").command)
    }
    missing = sorted(writing - COMMANDED.keys())
    assert not missing, NEW.format(names=", ".join(missing))
    assert not COMMANDED.keys() - writing, (
        "tests/lock_table.py has lines of commands that are gone, or only read"
    )


def _writing(name, command):
    if isinstance(command, click.Group):
        for below, one in command.commands.items():
            yield from _writing(f"{name} {below}", one)
    elif not getattr(command.callback, "reads_only", True):
        yield name


@pytest.fixture(scope="module")
def seen(races):
    """For each route and command, what its acts answered and locked."""
    found = {}
    for act in ACTS.values():
        found.setdefault(act.of, []).append((act.name, *races.locks(act)))
    return found


@pytest.mark.parametrize("name", [name for name in (ROUTES | COMMANDED) if (ROUTES | COMMANDED)[name]])
def test_what_an_act_locks_is_what_it_names(seen, name):
    named: Locks = (ROUTES | COMMANDED)[name]
    assert name in seen, NEW.format(names=name)
    assert any(status < 400 for _, status, _ in seen[name]), f"nothing comes of it: {seen[name]}"
    together: dict[str, str] = {}
    for act, _, locked in seen[name]:
        for kind, how in locked.items():
            assert named.get(kind) == how or (how == lock_table.SHARED and kind in named), (
                f"{act} locks {kind} ({how}), which {name} does not name: {dict(named)}"
            )
            together[kind] = how
    unseen = named.keys() - named.sometimes - together.keys()
    assert not unseen, f"{name} names {unseen}, and none of its acts locks it"


def test_the_kinds_of_the_table_stand_in_the_order_of_locking():
    order = [model.__tablename__ for model in locking.ORDER]
    assert [KINDS[kind] for kind in KINDS] == order
    for name, named in (ROUTES | COMMANDED).items():
        assert [kind for kind in KINDS if kind in named] == list(named), f"{name} names kinds out of order"


@pytest.mark.parametrize("path", sorted((ROOT / "portal").rglob("*.py")), ids=lambda path: path.name)
def test_only_locking_locks(path: Path):
    """So that the order is kept in one place."""
    if path.name != "locking.py":
        assert not re.search(r"with_for_update|FOR UPDATE", path.read_text()), "ask portal.services.locking"
