"""A PostgreSQL that is stopped, or gone, while people are at work: in the server that `portal serve` starts."""

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import OperationalError

from portal import database, waiting
from portal.extensions import db
from portal.models.user import User
from tests import postgresql, served, world

pytestmark = pytest.mark.slow

AT_ONCE = 5  # seconds: what waits for the database alone is given up after eight


class Store:
    """A PostgreSQL of this test's own."""

    def __init__(self, folder, url):
        self.data, self.programs = folder / "data", postgresql.binaries(folder)
        self.url = url

    def hang(self):
        """Stop its processes where they are: connections stay open, and nothing is answered."""
        self.stopped = postgresql.processes(self.data)
        for pid in reversed(self.stopped):
            os.kill(pid, signal.SIGSTOP)

    def go_on(self):
        """Let them go on."""
        for pid in self.stopped:
            os.kill(pid, signal.SIGCONT)

    def end(self):
        """Stop it for good."""
        postgresql.end(self.programs, self.data)

    def begin(self):
        """Start it again."""
        postgresql.begin(self.programs, self.data)


@pytest.fixture(scope="module")
def store(folder):
    home = world.new_folder(folder, "stopped")
    with postgresql.own_server(home) as url:
        yield Store(home, url)


@pytest.fixture(scope="module")
def portal(store, tmp_path_factory):
    """The portal on it, in which somebody is signed in."""
    folder = tmp_path_factory.mktemp("portal")
    app = world.make_app(folder, store.url, SECRET_KEY=served.KEY)
    world.upgrade(app)
    with app.app_context():
        world.create_staff("owner@lumen.example", "Olivia Brandt", world.PASSWORD, "owner")
        cookie = world.cookie_of(db.session.scalars(select(User)).one())
        db.session.commit()
        db.engine.dispose()
    serving = served.Served(folder, store.url, PORTAL_STATEMENT_SECONDS="3", PORTAL_WORKERS="2")
    serving.cookie = app.session_interface.get_signing_serializer(app).dumps({**cookie, "_fresh": True})
    yield serving
    serving.end()


@pytest.fixture
def ready(portal):
    """Each of its processes has answered somebody."""
    portal.wait_for("/ready", 200)
    with ThreadPoolExecutor(4) as people:
        list(people.map(lambda _: portal.wait_for("/packages", 200, portal.cookie), range(8)))
    return portal


def css(portal):
    """The address of a static file, as pages have it."""
    page = portal.ask("/login").text
    return "/static/css/base." + page.split("/static/css/base.")[1].split('"')[0]


def test_a_database_that_hangs_takes_neither_health_nor_static_files_with_it(ready, store):
    portal, sheet = ready, css(ready)
    store.hang()
    try:
        with ThreadPoolExecutor(12) as people:
            waiting = [people.submit(portal.ask, "/packages", portal.cookie) for _ in range(10)]
            for path in ("/health", sheet, "/health", sheet):
                assert portal.ask(path, seconds=AT_ONCE).status == 200
            pages = [page.result() for page in waiting]
        assert {page.status for page in pages} == {503}
        page = portal.ask("/packages", portal.cookie, seconds=AT_ONCE)
        assert page.status == 503 and "cannot reach its database" in page.text
        assert int(page.headers["Retry-After"]) > 0
        not_ready = portal.ask("/ready", seconds=AT_ONCE)
        assert not_ready.status == 503 and '"database": "it does not answer"' in not_ready.text
    finally:
        store.go_on()
    portal.wait_for("/packages", 200, portal.cookie)
    portal.wait_for("/ready", 200)


def _said_of_four(portal):
    """The log of 503s for /customers and /login: the line of a request may come a moment after its answer."""
    until = time.monotonic() + served.PATIENCE
    while True:
        lines = portal.log.read_text().splitlines()
        said = [line for line in lines if "/customers 503 " in line or "/login 503 " in line]
        if len(said) >= 4 or time.monotonic() > until:
            return said
        time.sleep(0.05)


def test_a_database_that_is_away_is_one_line_in_the_log_for_each_request(ready, store):
    portal = ready
    store.end()
    try:
        portal.wait_for("/packages", 503, portal.cookie)
        for _ in range(3):
            page = portal.ask("/customers", portal.cookie)
            assert page.status == 503 and "cannot reach its database" in page.text
            assert page.headers["Retry-After"]
        assert portal.ask("/login").status == 503
        said = _said_of_four(portal)
        assert len(said) == 4 and all("why=" in line and "request=" in line for line in said)
        assert "Traceback" not in portal.log.read_text()
        assert portal.ask("/health", portal.cookie).status == 200
        assert '"database": "it cannot be reached"' in portal.ask("/ready").text
    finally:
        store.begin()
    portal.wait_for("/packages", 200, portal.cookie)


def test_a_server_that_starts_while_the_database_hangs_is_alive_and_then_ready(store, portal, tmp_path):
    store.hang()
    try:
        starting = served.Served(tmp_path, store.url)
        starting.wait_for("/health", 200)
        starting.wait_for("/login", 503)
    finally:
        store.go_on()
    starting.wait_for("/ready", 200)
    starting.end()


def test_whoever_waits_when_the_database_begins_to_hang_is_let_go(store, tmp_path):
    """As a command is, whose answers may else take as long as they take."""
    app = world.make_app(tmp_path, store.url)
    with app.app_context():
        known = database.patience()
        known.limits = waiting.Limits(statement=None, lock=5, answer=0.5, every=0.1)
        watching = waiting.Watch(known)
        watching.start()
        with db.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
            threading.Timer(0.5, store.hang).start()
            try:
                with pytest.raises(OperationalError):
                    connection.execute(text("SELECT pg_sleep(60)"))
                assert known.hangs
                with pytest.raises(OperationalError, match="the database does not answer"):
                    db.engine.connect()
            finally:
                store.go_on()
        watching.end()
        watching.join()
        db.engine.dispose()


def test_what_takes_too_long_is_given_up_by_the_server_and_at_last_by_this_side(store, tmp_path):
    app = world.make_app(tmp_path, store.url, STATEMENT_SECONDS=1, LOCK_SECONDS=1)
    with app.app_context(), db.engine.connect() as connection:
        assert connection.scalar(text("SHOW statement_timeout")) == "1s"
        assert connection.scalar(text("SHOW lock_timeout")) == "1s"
        with pytest.raises(OperationalError, match="statement timeout"):
            connection.execute(text("SELECT pg_sleep(3)"))
        connection.rollback()
        raw = connection.connection.driver_connection
        raw.patience = 0.5  # as if the server did not keep to what it was told
        with pytest.raises(OperationalError, match="the database does not answer"):
            connection.execute(text("SELECT pg_sleep(0.9)"))
        assert raw.closed


def test_whoever_waits_for_a_lock_too_long_is_told_that_the_database_is_busy(portal, store, tmp_path):
    app = world.make_app(tmp_path, store.url, LOCK_SECONDS=1)
    other = create_engine(store.url)
    with other.begin() as holding:
        holding.execute(text("LOCK TABLE company IN ACCESS EXCLUSIVE MODE"))
        answer = app.test_client().get("/login")
        assert answer.status_code == 503 and "busy with another change" in answer.text
    other.dispose()
    with app.app_context():
        db.engine.dispose()


def test_the_first_rows_of_a_large_table_are_the_same_when_somebody_looks_again(store, tmp_path):
    """What is told of them as "at least" would else change with each look, without anything having happened."""
    app = world.make_app(tmp_path, store.url)
    with app.app_context():
        with db.engine.connect() as connection:
            assert connection.scalar(text("SHOW synchronize_seqscans")) == "off"
        db.engine.dispose()
