"""Upgrading while serving, rehearsed: two servers, and a made-up migration after the newest between them.

The old version is the portal as it stands, the new one a copy of it with a migration more, which says that the old one
may go on serving. Nobody who reads is turned away; the old one posts nothing any more, and the new one posts it once.
"""

import shutil
import threading
from datetime import date

import pytest
from sqlalchemy import create_engine, func, make_url, select, text

from portal import schema
from portal.config import ROOT
from portal.extensions import db
from portal.models import Charge
from portal.models.user import User
from tests import served, world
from tests.trade import a_customer, a_package, assigned

pytestmark = pytest.mark.slow

NAME = "portal_test_upgrading"
NEXT = """
import sqlalchemy as sa
from alembic import op

revision, down_revision, older_may_serve = "9998", "{newest}", True


def upgrade():
    op.add_column("company", sa.Column("made_up", sa.String(20), nullable=True))


def downgrade():
    op.drop_column("company", "made_up")
"""


@pytest.fixture
def url(postgresql_url):
    engine = create_engine(postgresql_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {NAME}"))
    yield make_url(postgresql_url).set(database=NAME).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE {NAME} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture
def next_version(tmp_path):
    """The portal with a migration more."""
    root = tmp_path / "next"
    for name in ("portal", "templates", "static", "migrations"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "migrations" / "versions" / "9998_made_up.py").write_text(NEXT.format(newest=schema.newest()))
    return root


class Reader(threading.Thread):
    """Somebody who reads on, and the answers they get."""

    def __init__(self, portal, cookie):
        super().__init__()
        self.portal, self.cookie = portal, cookie
        self.statuses, self.is_done = [], threading.Event()

    def run(self):
        while not self.is_done.is_set():
            self.statuses.append(self.portal.ask("/packages", self.cookie).status)


def run_package(portal, cookie):
    """Post everything that is due, by the page."""
    token = (
        portal.ask("/runs/new", cookie).text.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
    )
    form = {"csrf_token": token, "customer": "", "simulate": "no", "through": "2026-11-22"}
    return portal.ask("/runs", cookie, form=form)


def test_a_version_is_upgraded_while_people_read_and_nothing_is_posted_by_the_old_one(
    url, tmp_path, next_version
):
    app = world.make_app(tmp_path, url, SECRET_KEY=served.KEY)
    world.upgrade(app)
    with app.app_context():
        world.create_staff("owner@lumen.example", "Olivia Brandt", world.PASSWORD, "owner")
        cookie = world.cookie_of(db.session.scalars(select(User)).one())
        assigned(a_package("Trunk", "20", match=(1,)), a_customer("Acme"), date(2026, 11, 1))
        db.session.commit()
        db.session.remove()
    signed = app.session_interface.get_signing_serializer(app).dumps(
        {**cookie, "_fresh": True, "csrf_token": "0" * 40}
    )
    old = served.Served(tmp_path, url, PORTAL_TODAY="2026-11-22")
    new = None
    try:
        old.wait_for("/packages", 200, signed)
        reader = Reader(old, signed)
        reader.start()
        try:
            new = served.Served(tmp_path, url, next_version, PORTAL_TODAY="2026-11-22")
            new.process.wait(served.PATIENCE)
            assert "portal db upgrade" in new.log.read_text()  # it does not start before
            assert new.command("db", "upgrade") == (0, "The database is up to date.\n")
            new = served.Served(tmp_path, url, next_version, PORTAL_TODAY="2026-11-22")
            new.wait_for("/packages", 200, signed)
        finally:
            reader.is_done.set()
            reader.join()
        assert set(reader.statuses) == {200} and len(reader.statuses) > 5
        refused = run_package(old, signed)
        assert refused.status == 409 and "newer than this portal" in refused.text
        assert old.command("charge")[0] == 5
        assert old.command("preview")[0] == 0
        with app.app_context():
            assert db.session.scalar(select(func.count(Charge.id))) == 0
            db.session.remove()
        assert run_package(new, signed).status == 200  # the run's page, after a redirect
        status, said = new.command("charge")
        assert status == 0 and "0 charges posted" in said
        with app.app_context():
            assert db.session.scalar(select(func.count(Charge.id))) == 1
            db.session.remove()
    finally:
        old.end()
        if new:
            new.end()
        with app.app_context():
            db.engine.dispose()
