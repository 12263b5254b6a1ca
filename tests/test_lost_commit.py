"""A connection that is lost inside a commit: nobody knows whether it was done, all find out, and nothing is done twice.

Between the portal and PostgreSQL stands a wire that can be cut at any commit: before it arrives, or before its answer
does.
"""

import socket
import threading
from contextlib import suppress
from datetime import date

import pytest
from click.testing import CliRunner
from sqlalchemy import func, make_url, select

from portal.cli import main
from portal.extensions import db
from portal.models import Charge, Customer, Payment
from tests import postgresql, world
from tests.pages import read, words
from tests.trade import a_customer, a_package, assigned

pytestmark = pytest.mark.slow

BEFORE, AFTER = "before it arrives", "before its answer does"


class Wire:
    """Between the portal and a server: connections to `port` are handed on, until one is cut at a commit."""

    def __init__(self, to):
        self.to, self.left, self.where = str(to), 0, BEFORE
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def cut(self, commit, where):
        """Cut the connection whose commit is so many from now: 1 for the next."""
        self.left, self.where = commit, where

    def end(self):
        self.listening.close()

    def _listen(self):
        with suppress(OSError):
            while True:
                near, _ = self.listening.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(self.to)
                threading.Thread(target=self._ask, args=(near, far), daemon=True).start()
                threading.Thread(target=self._answer, args=(near, far), daemon=True).start()

    def _ask(self, near, far):
        with suppress(OSError):
            while said := near.recv(65536):
                if self.left and b"COMMIT\0" in said:
                    self.left -= 1
                    if not self.left:
                        if self.where == AFTER:
                            near.shutdown(socket.SHUT_RDWR)
                            far.sendall(said)
                        break
                far.sendall(said)
        for end in (near, far):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR if end is near else socket.SHUT_WR)

    def _answer(self, near, far):
        with suppress(OSError):
            while said := far.recv(65536):
                near.sendall(said)
        for end in (near, far):
            end.close()


@pytest.fixture(scope="module")
def store(folder):
    """A PostgreSQL of this test's own, and the wire to it."""
    home = world.new_folder(folder, "lost")
    with postgresql.own_server(home) as url:
        wire = Wire(home / "data" / ".s.PGSQL.5432")
        by_wire = make_url(url).set(host="127.0.0.1", port=wire.port, query={"sslmode": "disable"})
        database = world.Postgresql(home, by_wire.render_as_string(hide_password=False))
        yield database, wire
        database.end()
        wire.end()


@pytest.fixture
def portal(store, monkeypatch):
    """The portal at its other end, in which a charge of Acme's is due."""
    database, wire = store
    database.clean()
    monkeypatch.setattr("portal.create_app", lambda: database.app)
    monkeypatch.setitem(database.app.config, "TODAY", "2026-11-22")
    with database.app.app_context():
        assigned(a_package("Trunk", "20", match=(1,)), a_customer("Acme"), date(2026, 11, 1))
        db.session.commit()
    yield database.app, wire
    wire.cut(0, BEFORE)
    database.close()


def count(app, model):
    with app.app_context():
        return db.session.scalar(select(func.count(model.id)))


@pytest.mark.parametrize("where", [BEFORE, AFTER])
@pytest.mark.parametrize("commit", range(1, 7))
def test_a_run_from_the_page_posts_each_charge_once(portal, commit, where):
    app, wire = portal
    browser = world.signed_in(app, "owner")
    asked = {"customer": "", "simulate": "no", "through": "2026-11-22"}
    browser.get("/runs/new")
    wire.cut(commit, where)
    answer = browser.post("/runs", data=asked)
    if wire.left:  # it has fewer
        assert commit > 3
        assert answer.status_code == 303 and count(app, Charge) == 1
        return
    assert answer.status_code == 503
    said = words(read(answer.text).select_one("main"))
    assert "cannot reach its database" in said and "Look whether what you sent was saved" in said
    assert browser.get("/runs").status_code == 200
    assert browser.post("/runs", data=asked).status_code == 303
    assert count(app, Charge) == 1


@pytest.mark.parametrize("where", [BEFORE, AFTER])
@pytest.mark.parametrize("commit", range(1, 7))
def test_a_run_from_the_command_line_is_started_again_and_posts_each_charge_once(portal, commit, where):
    app, wire = portal
    wire.cut(commit, where)
    result = CliRunner().invoke(main, ["charge"])
    if wire.left:
        assert commit > 3 and result.exit_code == 0
    else:
        assert result.exit_code == 4, result.output
        assert result.output.startswith("Error: The database does not answer: ")
        assert "What was done before stays; start it again." in result.output
        assert CliRunner().invoke(main, ["charge"]).exit_code == 0
    assert count(app, Charge) == 1


@pytest.mark.parametrize("where", [BEFORE, AFTER])
def test_a_form_that_is_sent_again_makes_one_payment_whether_the_first_was_saved_or_not(portal, where):
    app, wire = portal
    browser = world.signed_in(app, "owner")
    with app.app_context():
        acme = db.session.scalars(select(Customer.id)).one()
    action = f"/payments?customer_id={acme}"
    page = read(browser.get(f"/payments/new?customer_id={acme}").text)
    token = page.select_one("input[name=token]")["value"]
    sent = {
        "amount": "24",
        "paid_on": "2026-11-22",
        "method": "bank_transfer",
        "state": "completed",
        "allocate": "no",
    }
    form = {"token": token, **sent}
    wire.cut(1, where)
    assert browser.post(action, data=form).status_code == 503
    assert count(app, Payment) == (1 if where == AFTER else 0)
    assert browser.post(action, data=form).status_code == 303
    assert count(app, Payment) == 1
