"""`portal serve`: its processes end together, and whoever holds its port is named."""

import os
import signal
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import pytest
from sqlalchemy import create_engine, select, text

from portal.commands.serve import held_by
from portal.extensions import db
from portal.models.user import User
from tests import postgresql, served, world

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux says who holds a port"),
]

OPEN = """SELECT count(*) FROM pg_stat_activity
          WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"""


@pytest.fixture
def portal(tmp_path):
    url = f"sqlite:///{tmp_path / 'portal.db'}"
    app = world.make_app(tmp_path, url, SECRET_KEY=served.KEY)
    world.upgrade(app)
    portal = served.Served(
        tmp_path, url, PORTAL_WORKERS="2", XDG_RUNTIME_DIR=str(tmp_path), HOME=str(tmp_path)
    )
    portal.wait_for("/ready", 200)
    held = held_by(portal.port)
    yield portal
    portal.process.kill()
    for pid in held:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    portal.process.wait(served.PATIENCE)


def is_free_within(seconds, port):
    until = time.monotonic() + seconds
    while held_by(port) and time.monotonic() < until:
        time.sleep(0.1)
    return not held_by(port)


def test_all_processes_of_a_portal_hold_its_port_and_end_when_the_first_is_killed(portal):
    assert set(held_by(portal.port)) > {portal.process.pid} and len(held_by(portal.port)) == 3
    portal.process.kill()
    assert is_free_within(10, portal.port)  # without being asked anything


def test_whoever_is_left_of_a_killed_server_is_named_with_what_to_do_and_a_status_for_it(portal):
    with closing(socket.create_connection(("127.0.0.1", portal.port))) as slow:
        slow.sendall(b"GET /health HTTP/1.1\r\n")  # and does not go on: one process waits for the rest
        time.sleep(1)
        portal.process.kill()
        while len(held_by(portal.port)) > 1:
            time.sleep(0.1)
        (left,) = held_by(portal.port)
        status, said = portal.command("serve", "--port", str(portal.port))
        assert status == 6, said
        assert f"Cannot listen on port {portal.port} of 127.0.0.1: address already in use." in said
        assert f"A portal holds it: process {left}." in said and f"kill -QUIT {left}." in said
        assert len(said.splitlines()) == 1
        os.kill(left, signal.SIGQUIT)
        assert is_free_within(10, portal.port)


def test_gunicorn_opens_no_socket_to_control_it(portal, tmp_path):
    """Whoever may write to one could stop it, or have it start more."""
    assert not [path for path in tmp_path.rglob("*") if path.is_socket()]
    assert str(tmp_path) not in Path("/proc/self/net/unix").read_text()


def test_a_port_that_another_program_holds_is_said_to_be_its(portal):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, said = portal.command("serve", "--port", str(port))
    assert status == 6 and f"It is held by process {os.getpid()} (" in said
    assert f"make run PORT={port + 1}" in said


def test_a_process_needs_three_connections_and_no_more(folder, tmp_path):
    """As docs/running.md counts them, however many people ask at once."""
    processes = 2
    home = folder / "counted"
    home.mkdir()
    with postgresql.own_server(home) as url:
        app = world.make_app(tmp_path, url, SECRET_KEY=served.KEY)
        world.upgrade(app)
        with app.app_context():
            world.create_staff("owner@lumen.example", "Olivia Brandt", world.PASSWORD, "owner")
            told = world.cookie_of(db.session.scalars(select(User)).one())
            db.session.commit()
            db.session.remove()
            db.engine.dispose()
        cookie = app.session_interface.get_signing_serializer(app).dumps({**told, "_fresh": True})
        portal = served.Served(tmp_path, url, PORTAL_WORKERS=str(processes))
        engine = create_engine(url)
        try:
            portal.wait_for("/ready", 200)
            with ThreadPoolExecutor(8) as people, engine.connect() as connection:
                asked = [
                    people.submit(portal.ask, path, cookie)
                    for path in ["/", "/packages", "/ready", "/customers", "/login", "/runs"] * 10
                ]
                seen = []
                while not seen or not all(answer.done() for answer in asked):
                    seen.append(connection.scalar(text(OPEN)))
                    connection.rollback()
                    time.sleep(0.02)
            assert {answer.result().status for answer in asked} <= {200, 302}
            assert 2 * processes < max(seen) <= 3 * processes
        finally:
            portal.end()
            engine.dispose()
