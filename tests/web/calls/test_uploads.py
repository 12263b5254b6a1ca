"""Uploads in earnest: a server that ends in the middle, a browser that is slow or goes away.

Whoever goes on with a file that another server took has an instance folder of its own, and nothing of the other's.
"""

import os
import re
import shutil
import socket
import time
from io import BytesIO
from pathlib import Path
from signal import SIGTERM

import pytest
from sqlalchemy import func, select, text
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from portal.database import reading
from portal.extensions import db
from portal.models import BalanceEntry, Call, CallFile, CallImport, ImportState
from tests import world
from tests.calling import HEAD, a_line
from tests.pages import page, words
from tests.processes import Command
from tests.served import Served
from tests.trade import TODAY, a_customer

# Twenty chunks: whoever is told to stop in the middle has not come to the end when it hears of it.
LINES = 160_000
PATIENCE = 120  # seconds: machines are busy


class Browser:
    """A browser on a socket, of which a test sees every byte."""

    def __init__(self, app, server):
        signer = app.session_interface.get_signing_serializer(app)
        signed_in = {**app.extensions["portal.tests.cast"][world.email("owner")], "_fresh": True}
        self.cookie = signer.dumps({**signed_in, "csrf_token": "0" * 40})
        self.server = server
        self.token = re.search(
            r'name="csrf_token"[^>]* value="([^"]+)', server.ask("/calls", self.cookie).text
        )[1]

    def upload(self, text):
        """The bytes of an upload."""
        file = FileStorage(BytesIO(text.encode()), "night.csv", "file", "text/csv")
        boundary, body = encode_multipart({"csrf_token": self.token, "file": file})
        head = (
            f"POST /calls HTTP/1.1\r\nHost: 127.0.0.1:{self.server.port}\r\nCookie: portal={self.cookie}\r\n"
            f"Content-Type: multipart/form-data; boundary={boundary}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def go_on(self, leads):
        """Let an import go on that somebody has looked at."""
        body = f"csrf_token={self.token}"
        with self.connect() as connection:
            connection.sendall(
                f"POST {leads}/resumption HTTP/1.1\r\nHost: 127.0.0.1:{self.server.port}\r\n"
                f"Cookie: portal={self.cookie}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
            )
            assert answer_to(connection)[0] == 303

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.server.port), PATIENCE)


@pytest.fixture
def server(app, tmp_path):
    """A server of its own, on the same database."""
    made = Served(
        tmp_path,
        app.config["SQLALCHEMY_DATABASE_URI"],
        PORTAL_SECRET_KEY=app.config["SECRET_KEY"],
        PORTAL_TODAY=TODAY.isoformat(),
        PORTAL_WORKERS="1",
    )
    made.wait_for("/ready", 200)
    yield made
    if made.process.poll() is None:
        made.end()


@pytest.fixture
def browser(app, server):
    return Browser(app, server)


def answer_to(connection):
    """The status and the address it leads to."""
    answer = b""
    while block := connection.recv(65_536):
        answer += block
    status = int(answer.split(b" ", 2)[1])
    leads = re.search(rb"\r\nLocation: (\S+)", answer)
    return status, leads and leads[1].decode()


def calls_file(lines):
    """A file of so many calls over some days, each at a penny."""
    calls = (a_line(f"c{n}", f"2026-11-{n % 20 + 1:02} 10:00:00", 60, "0.01") for n in range(lines))
    return "\n".join([HEAD, *calls]) + "\n"


def started_by_the_server(import_id):
    """The processes that take an import in because the server started them, as this machine lists them."""
    wanted = ["import", "calls", "--import", str(import_id)]
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_text().split("\0")[-5:-1] == wanted:
                yield int(path.parent.name)
        except OSError:  # it has ended meanwhile
            continue


def take_in(app, import_id, folder):
    """Go on with an import as a machine does that has an instance folder of its own."""
    settings = {
        "PORTAL_DATABASE_URL": app.config["SQLALCHEMY_DATABASE_URI"],
        "PORTAL_INSTANCE": str(folder / "instance"),
        "PORTAL_TODAY": TODAY.isoformat(),
    }
    folder.mkdir(exist_ok=True)
    return Command(["import", "calls", "--import", str(import_id)], settings, folder / "said.txt")


def stored(import_id):
    """An import as others see it; no lock is kept that would hold them up."""
    db.session.rollback()
    with reading():
        found = db.session.get_one(CallImport, import_id, populate_existing=True)
        db.session.expunge(found)
    db.session.rollback()
    return found


def wait_until(true):
    until = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.slow
def test_an_upload_stopped_in_its_middle_is_finished_elsewhere_each_call_once(
    session, app, server, browser, tmp_path
):
    customer_id = a_customer(tax_rate="0").id
    session.commit()
    # The first command of all takes seconds to begin, in which the file would be done.
    Command(["--help"], {}, tmp_path / "help.txt").ended(PATIENCE)
    with browser.connect() as connection:
        connection.sendall(browser.upload(calls_file(LINES)))
        status, leads = answer_to(connection)
    assert status == 303
    browser.go_on(leads)
    import_id = int(leads.rsplit("/", 1)[1])
    command = take_in(app, import_id, tmp_path)
    wait_until(lambda: stored(import_id).lines_done)
    for pid in started_by_the_server(import_id):
        os.kill(pid, SIGTERM)
    command.process.terminate()
    wait_until(lambda: stored(import_id).state != ImportState.RUNNING)
    half = stored(import_id)
    assert half.state == ImportState.STOPPED and 0 < half.lines_done < LINES
    command.ended(PATIENCE)
    server.end()
    shutil.rmtree(tmp_path / "instance")

    command = take_in(app, import_id, tmp_path / "elsewhere")
    assert command.ended(PATIENCE) == 0, command.says.read_text()
    done = stored(import_id)
    assert (done.state, done.taken_count, done.known_count) == (ImportState.DONE, LINES, 0)
    assert session.scalar(select(func.count(Call.id))) == LINES
    owed = select(func.sum(BalanceEntry.amount)).where(BalanceEntry.customer_id == customer_id)
    assert session.scalar(owed) == -LINES // 100
    assert not session.scalar(select(func.count(CallFile.id)))


@pytest.mark.slow
def test_an_upload_whose_browser_goes_away_leaves_nothing_and_no_error(session, server, browser):
    """After the end of the connection the one process answers others, so it has dealt with it."""
    upload = browser.upload(calls_file(20_000))
    for is_torn in (False, True):
        connection = browser.connect()
        connection.sendall(upload[: len(upload) // 2])
        if is_torn:  # without a word, as networks do
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()
        assert server.ask("/calls", browser.cookie).status == 200
    session.rollback()
    assert not session.scalar(select(func.count(CallImport.id)))
    assert not session.scalar(select(func.count(CallFile.id)))
    log = server.log.read_text()
    assert "Traceback" not in log and not re.search(r"\b500\b", log), log


@pytest.mark.slow
@pytest.mark.only_on("postgresql")
def test_while_a_slow_browser_sends_its_file_no_transaction_is_open(session, server, browser):
    a_customer()
    session.commit()
    upload = browser.upload(calls_file(20_000))
    open_ones = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        "AND xact_start IS NOT NULL AND backend_type = 'client backend'"
    )

    def none_is_open():
        count = session.scalar(open_ones)
        session.rollback()
        return count == 0

    with browser.connect() as connection:
        for part in (upload[:1_000], upload[1_000 : len(upload) // 2]):
            connection.sendall(part)
            wait_until(none_is_open)  # who signed in has been looked up
            time.sleep(0.5)
            assert none_is_open()
        connection.sendall(upload[len(upload) // 2 :])
        assert answer_to(connection)[0] == 303
    assert session.execute(select(CallImport.state, CallImport.lines_total)).one() == (
        ImportState.STOPPED,
        20_000,
    )


def test_a_file_that_waits_for_its_layout_is_shown_and_taken_in_by_another_server(session, app, tmp_path):
    a_customer()
    session.commit()
    a, b = [
        world.make_app(tmp_path / name, app.config["SQLALCHEMY_DATABASE_URI"], TODAY=TODAY.isoformat())
        for name in "AB"
    ]
    a.extensions["portal.tests.cast"] = b.extensions["portal.tests.cast"] = app.extensions[
        "portal.tests.cast"
    ]
    odd = b"ref,who,when was it,pounds\nr1,Northwind Telecom,2026-11-03 10:00:00,2\n"
    form = {"file": (BytesIO(odd), "odd.csv")}
    answer = world.signed_in(a, "owner").post("/calls", data=form, content_type="multipart/form-data")
    assert answer.location.endswith("/columns")
    shutil.rmtree(a.config["INSTANCE"])

    client = world.signed_in(b, "owner")
    assert "ref: r1" in words(page(client.get(answer.location)).select_one("select[name=call_id]"))
    chosen = {"call_id": 0, "customer": 1, "started_at": 2, "amount": 3}
    described = client.post(answer.location, data=chosen)
    assert client.post(f"{described.location}/resumption").status_code == 303
    session.rollback()
    assert [call.call_id for call in session.scalars(select(Call))] == ["r1"]
    for server in (a, b):
        with server.app_context():
            db.engine.dispose()
