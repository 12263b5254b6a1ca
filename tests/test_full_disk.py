"""A disk that is full: the portal goes on with what needs no room, says what does, and needs no restart afterwards."""

import shutil
import subprocess
from contextlib import contextmanager
from datetime import date

import pytest
from sqlalchemy import func, select

from portal.extensions import db
from portal.models import Charge
from portal.models.user import User
from tests import postgresql, served, world
from tests.trade import a_customer, a_package, assigned

pytestmark = pytest.mark.slow

BIG = "1,Acme,2026-11-01T10:00:00Z,442079460000,60,0.10\n" * 20_000  # more than is kept in memory


class Disk:
    """A small disk of this test's own."""

    def __init__(self, at):
        self.at, self.filler = at, at / "filler"

    def fill(self):
        """Take all the room that is left."""
        with open(self.filler, "wb", buffering=0) as file:
            try:
                while file.write(b"x" * 4096):
                    pass
            except OSError:
                return

    def empty(self):
        """Give it back."""
        self.filler.unlink()


@contextmanager
def mounted(at, size):
    """A disk of so much; skips the test where nobody may mount one."""
    at.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "tmpfs", str(at)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"NOT TESTED: a full disk, as nothing can be mounted here ({error})")
    if done.returncode:
        pytest.skip(f"NOT TESTED: a full disk, as nothing can be mounted here ({done.stderr.strip()})")
    try:
        yield Disk(at)
    finally:
        subprocess.run(["umount", "-l", str(at)], check=True)


@pytest.fixture
def disk(tmp_path):
    with mounted(tmp_path / "disk", "16m") as disk:
        yield disk


@pytest.fixture
def cookie(disk):
    """Of an owner, in a portal on SQLite whose folder is on that disk; a charge is due."""
    shares_nothing(disk.at / "instance")
    app = world.make_app(disk.at, f"sqlite:///{disk.at / 'portal.db'}", SECRET_KEY=served.KEY)
    world.upgrade(app)
    with app.app_context():
        world.create_staff("owner@lumen.example", "Olivia Brandt", world.PASSWORD, "owner")
        told = world.cookie_of(db.session.scalars(select(User)).one())
        assigned(a_package("Trunk", "20", match=(1,)), a_customer("Acme"), date(2026, 11, 1))
        db.session.commit()
        db.engine.dispose()
    signer = app.session_interface.get_signing_serializer(app)
    return signer.dumps({**told, "_fresh": True, "csrf_token": "0" * 40})


def shares_nothing(instance):
    """Templates are compiled onto this disk too, and static files copied."""
    for made in world.READY_MADE:
        (instance / made).mkdir(parents=True)


def serve(disk, **settings):
    url = f"sqlite:///{disk.at / 'portal.db'}"
    there = {"TMPDIR": str(disk.at), "PORTAL_INSTANCE": str(disk.at / "instance")}
    others = {"PORTAL_DATABASE_URL": url, "PORTAL_WORKERS": "1", "PORTAL_TODAY": "2026-11-22"}
    return served.Served(disk.at.parent, url, **{**there, **others, **settings})


def post(portal, cookie, path, page, **fields):
    """Send a form with the token that its page holds."""
    return portal.ask(path, cookie, form={"csrf_token": token_on(portal, cookie, page), **fields})


def token_on(portal, cookie, page):
    shown = portal.ask(page, cookie).text
    return shown.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]


def test_pages_are_served_what_cannot_be_saved_is_said_and_nothing_is_restarted(disk, cookie):
    portal = serve(disk)
    try:
        portal.wait_for("/ready", 200)
        disk.fill()
        for path in ("/packages", "/customers", "/runs/new"):  # none of them is compiled yet
            assert portal.ask(path, cookie).status == 200, portal.log.read_text()
        assert portal.log.read_text().count("Compiled templates cannot be kept") == 1
        run = {"customer": "", "simulate": "no", "through": "2026-11-22"}
        refused = post(portal, cookie, "/runs", "/runs/new", **run)
        assert refused.status == 503 and "The disk is full: nothing was saved." in refused.text
        not_ready = portal.ask("/ready")
        assert not_ready.status == 503 and '"disk": "no space left on device"' in not_ready.text
        assert portal.ask("/health").status == 200
        status, said = portal.command("charge")
        assert status == 4 and said.startswith("Error: The disk is full: "), said
        disk.empty()
        assert portal.wait_for("/ready", 200)
        assert post(portal, cookie, "/runs", "/runs/new", **run).status == 200
        assert portal.command("charge")[0] == 0
        assert "Traceback" not in portal.log.read_text()
    finally:
        portal.end()
    app = world.make_app(disk.at, f"sqlite:///{disk.at / 'portal.db'}")
    with app.app_context():
        assert db.session.scalar(select(func.count(Charge.id))) == 1
        db.session.remove()
        db.engine.dispose()


def test_a_server_that_starts_on_a_full_disk_serves_what_needs_no_room(disk, cookie, tmp_path):
    shutil.copytree(disk.at, tmp_path / "copy")
    shares_nothing(disk.at / "another")
    disk.fill()
    # With its database elsewhere, it only misses what it would have copied and compiled.
    elsewhere = {"PORTAL_DATABASE_URL": f"sqlite:///{tmp_path / 'copy' / 'portal.db'}"}
    portal = serve(disk, PORTAL_INSTANCE=str(disk.at / "another"), **elsewhere)
    try:
        page = portal.wait_for("/packages", 200, cookie)
        sheet = page.text.split('rel="stylesheet" href="')[1].split('"')[0]
        assert portal.ask(sheet).status == 200
        assert portal.log.read_text().count("Static files cannot be copied") == 1
        assert portal.ask("/", cookie).status == 200  # what it adds up has not even a folder
        assert "Traceback" not in portal.log.read_text()
    finally:
        portal.end()
    # A SQLite file that nobody has open cannot even be read there.
    portal = serve(disk)
    try:
        assert "The disk is full" in portal.wait_for("/login", 503).text
        disk.empty()
        portal.wait_for("/packages", 200, cookie)
    finally:
        portal.end()


def test_an_uploaded_file_that_finds_no_room_is_refused_in_a_sentence(disk, cookie):
    portal = serve(disk)
    try:
        portal.wait_for("/ready", 200)
        token = token_on(portal, cookie, "/calls")
        disk.fill()
        said = upload(portal, cookie, token)
        assert said.endswith("503") and "The disk is full: nothing was saved." in said
    finally:
        portal.end()


def upload(portal, cookie, token):
    """What curl, which streams a file as browsers do, gets for it; and after it the status."""
    form = ["-F", f"csrf_token={token}", "-F", "file=@-;filename=calls.csv"]
    command = ["curl", "-s", "-w", "%{http_code}", "-b", f"portal={cookie}", *form]
    address = f"http://127.0.0.1:{portal.port}/calls"
    done = subprocess.run([*command, address], input=BIG, capture_output=True, text=True, check=True)
    return done.stdout


def test_a_full_disk_of_postgresql_is_said_and_nothing_is_restarted(folder):
    with (
        mounted(folder / "full", "160m") as disk,
        postgresql.own_server(disk.at) as url,
    ):
        (folder / "beside").mkdir()
        database = world.Postgresql(folder / "beside", url)
        database.app.config["TODAY"] = "2026-11-22"
        with database.app.app_context():
            assigned(a_package("Trunk", "20", match=(1,)), a_customer("Acme"), date(2026, 11, 1))
            db.session.commit()
        browser = world.signed_in(database.app, "owner")
        run = {"customer": "", "simulate": "no", "through": "2026-11-22"}
        disk.fill()
        for _ in range(3):
            answer = browser.post("/runs", data=run)
            assert answer.status_code == 503 and "The disk is full: nothing was saved." in answer.text
            assert browser.get("/packages").status_code == 200
        disk.empty()
        assert browser.post("/runs", data=run).status_code == 303
        with database.app.app_context():
            assert db.session.scalar(select(func.count(Charge.id))) == 1
        database.end()
