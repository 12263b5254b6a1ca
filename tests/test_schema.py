"""One version: whoever posts or takes in does so on the database that this portal was made for, and on no other."""

from decimal import Decimal

import pytest
from alembic.script import ScriptDirectory
from click.testing import CliRunner
from sqlalchemy import insert, text

from portal import schema
from portal.cli import main
from portal.database import alembic_config
from portal.extensions import db
from portal.models import BalanceEntry, EntrySource
from tests import trade, world


@pytest.fixture
def portal(app, monkeypatch):
    monkeypatch.setattr("portal.create_app", lambda: app)

    def run(*arguments):
        result = CliRunner().invoke(main, [str(part) for part in arguments])
        return result.exit_code, result.output

    return run


@pytest.fixture
def another_version(app):
    """Say of the database that it is at another migration, and who may serve it; afterwards it is as before."""

    def say(found, may_serve=()):
        with app.app_context(), db.engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :found"), {"found": found})
            schema.keep_who_may_serve(connection, found, list(may_serve))
        app.extensions["portal.schema"].look()

    yield say
    say(schema.newest())


def test_the_files_of_the_migrations_are_called_as_alembic_calls_them(app):
    script = ScriptDirectory.from_config(alembic_config(app))
    assert schema.newest() == script.get_current_head()
    assert set(schema.revisions()) == {step.revision for step in script.walk_revisions()}


@pytest.mark.parametrize(
    "command",
    [
        "charge",
        "notices",
        "mail send",
        "worker",
        "preview",
        "services",
        "summary all 2026-01-01 2026-01-31 --pdf",
        "seed",
    ],
)
def test_every_command_refuses_a_newer_database(portal, another_version, command):
    another_version("9999")
    status, said = portal(*command.split())
    assert status == 5
    assert said == (
        f"Error: The database is at version 9999, which is newer than this portal ({schema.newest()}). "
        "Install the portal that the database was upgraded with.\n"
    )


def test_an_older_database_is_to_be_brought_up_to_date(portal, another_version, monkeypatch):
    another_version("0001")
    monkeypatch.setattr(schema, "revisions", lambda: ("0001", "0002"))
    status, said = portal("charge")
    assert status == 5 and "The database is at version 0001, and this portal needs 0002." in said
    assert "portal db upgrade" in said
    monkeypatch.undo()


def test_a_database_without_tables_is_to_be_given_them(tmp_path, monkeypatch):
    app = world.make_app(tmp_path, f"sqlite:///{tmp_path / 'empty.db'}")
    monkeypatch.setattr("portal.create_app", lambda: app)
    result = CliRunner().invoke(main, ["charge"])
    assert (result.exit_code, result.output) == (
        5, "Error: The database has no tables yet. Make them: portal db upgrade.\n",
    )  # fmt: skip
    answer = app.test_client().get("/login")
    assert answer.status_code == 503 and "brought up to date" in answer.text
    assert "no tables yet" in app.test_client().get("/ready").json["database"]
    with app.app_context():
        db.engine.dispose()


def test_a_server_shows_no_page_of_a_newer_database_that_does_not_say_that_it_may(client, another_version):
    another_version("9999")
    answer = client.get("/packages")
    assert answer.status_code == 503 and "brought up to date" in answer.text
    assert "newer than this portal" in client.get("/ready").json["database"]
    assert client.get("/health").status_code == 200


def test_a_server_may_serve_beside_a_newer_one_that_says_so_and_posts_nothing(
    client, session, another_version, portal
):
    acme = trade.a_customer("Acme")
    session.commit()
    another_version("9999", may_serve=[schema.newest()])
    assert client.get("/packages").status_code == 200
    assert client.get("/ready").status_code == 200
    assert portal("preview")[0] == 0
    assert portal("charge")[0] == 5
    entry = insert(BalanceEntry).values(
        customer_id=acme.id, amount=Decimal(1), source=EntrySource.ADJUSTMENT, made_on=trade.TODAY,
        for_day=trade.TODAY, reason="x",
    )  # fmt: skip
    with pytest.raises(schema.OtherVersion):
        session.execute(entry)
    session.rollback()
    for statement in ("INSERT INTO call (id) VALUES (1)", "UPDATE call_import SET lines_done = 1"):
        with pytest.raises(schema.OtherVersion):
            session.execute(text(statement))
        session.rollback()


def test_what_the_newest_migration_says_of_older_ones_is_kept_with_the_database(tmp_path, monkeypatch):
    """A made-up migration after the newest, which says that the one before it may go on serving."""
    from alembic import command

    newest = schema.newest()
    more = tmp_path / "more"
    more.mkdir()
    (more / "9998_more.py").write_text(
        f'revision, down_revision, older_may_serve = "9998", "{newest}", True\n'
        "def upgrade():\n    pass\n\n\ndef downgrade():\n    pass\n"
    )
    app = world.make_app(tmp_path, f"sqlite:///{tmp_path / 'served.db'}")
    config = alembic_config(app)
    versions = f"{config.get_main_option('script_location')}/versions"
    config.set_main_option("version_locations", f"{versions};{more}")
    config.set_main_option("path_separator", ";")
    command.upgrade(config, "head")
    with app.app_context(), db.engine.connect() as connection:
        assert schema.at(connection) == "9998"
        schema.check(connection, exact=False)
        with pytest.raises(schema.OtherVersion):
            schema.check(connection, exact=True)
    command.downgrade(config, newest)
    with app.app_context(), db.engine.connect() as connection:
        schema.check(connection, exact=True)
    with app.app_context():
        db.engine.dispose()
