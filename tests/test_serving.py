"""`portal serve`: its processes end together, and whoever holds its port is named."""

import os
import signal
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import create_engine, func, insert, select, text

from portal.commands.serve import held_by
from portal.config import ROOT
from portal.extensions import db
from portal.models import Assignment, Charge, Run, RunState
from portal.models.user import User
from portal.services.runs import runs
from tests import postgresql, served, world
from tests.trade import a_customer, a_package, assigned

LONG = runs.SMALL + 1  # assignments of a run that nobody waits for

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


def copied(count):
    """So many more assignments, each as the only one that there is."""
    tables = [table for table in db.metadata.sorted_tables if "assignment_id" in table.columns]
    for table in [Assignment.__table__, *tables]:
        alike = [column for column in table.columns if column.name != "id"]
        for row in db.session.execute(select(*alike)).mappings().all():
            rows = [{**row, "assignment_id": 2 + number} for number in range(count)]
            if table is Assignment.__table__:
                rows = [{**row, "token": f"copy {number}"} for number in range(count)]
            db.session.execute(insert(table), rows)


def test_stopping_the_server_does_not_end_a_long_run_that_a_page_began(tmp_path):
    """On SQLite, where nobody else would go on with it: only the server's first process is told (KillMode=process)."""
    unit = (ROOT / "deploy" / "systemd" / "portal-web.service").read_text()
    assert "\nKillMode=process\n" in unit
    url = f"sqlite:///{tmp_path / 'portal.db'}"
    app = world.make_app(tmp_path, url, SECRET_KEY=served.KEY)
    world.upgrade(app)
    with app.app_context():
        world.create_staff("owner@lumen.example", "Olivia Brandt", world.PASSWORD, "owner")
        told = world.cookie_of(db.session.scalars(select(User)).one())
        assigned(a_package("Trunk", "20", match=(1,)), a_customer("Acme"), date(2026, 11, 1))
        copied(LONG - 1)
        db.session.commit()
        db.engine.dispose()
    signer = app.session_interface.get_signing_serializer(app)
    cookie = signer.dumps({**told, "_fresh": True, "csrf_token": "0" * 40})
    portal = served.Served(tmp_path, url, PORTAL_TODAY="2026-11-22", PORTAL_RUN_CHUNK="10")
    try:
        page = portal.wait_for("/runs/new", 200, cookie).text
        token = page.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
        form = {"csrf_token": token, "customer": "", "simulate": "no", "through": "2026-11-22"}
        assert portal.ask("/runs", cookie, form=form).status == 200
    finally:
        portal.end()
    with app.app_context():
        assert db.session.scalar(select(func.count(Charge.id))) < LONG
        until = time.monotonic() + served.PATIENCE
        while db.session.scalar(select(Run.state)) != RunState.DONE and time.monotonic() < until:
            db.session.rollback()
            time.sleep(0.2)
        assert db.session.scalar(select(func.count(Charge.id))) == LONG
        db.session.remove()
        db.engine.dispose()
