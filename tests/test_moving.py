"""`portal move`: the whole demo company goes from SQLite to PostgreSQL, every row as it was, and is charged there."""

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime

import pytest
from click.testing import CliRunner
from sqlalchemy import create_engine, make_url, select, text

from portal import moving
from portal.cli import main
from portal.domain.errors import RuleBroken
from portal.extensions import db
from portal.models import CallImport, Customer
from portal.services import demo
from portal.services.people import people
from tests import world
from tests.calling import a_file, a_line, gone_on_with, half_in, noon
from tests.trade import a_customer

NAME = "portal_test_moved"
TODAY = date(2026, 11, 22)


@pytest.fixture
def target(postgresql_url, tmp_path):
    """An application on an empty PostgreSQL."""
    engine = create_engine(postgresql_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {NAME}"))
    app = world.make_app(
        tmp_path, make_url(postgresql_url).set(database=NAME).render_as_string(hide_password=False)
    )
    yield app
    with app.app_context():
        db.engine.dispose()
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE {NAME} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture
def source(tmp_path):
    """A SQLite file and the application on it."""
    app = world.make_app(tmp_path, f"sqlite:///{tmp_path / 'old.db'}")
    world.upgrade(app)
    with app.app_context():
        a_customer("Acme Ünïted")
        a_customer("Globex")
        # A file that is half in: whoever goes on with it does so on PostgreSQL.
        half_in(a_file(tmp_path, [a_line(str(n), noon(TODAY), 60, "1", customer="Globex") for n in range(9)]))
        db.session.commit()
    yield app
    with app.app_context():
        db.engine.dispose()


def plain(value):
    """A value, an instant whatever its zone is called."""
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


def moved(app):
    """Every row, read through the models' own types, which are the same on both databases."""
    with app.app_context(), db.engine.connect() as connection:
        return {
            name: sorted(repr([plain(value) for value in row]) for row in connection.execute(select(table)))
            for name, table in db.metadata.tables.items()
        }


def foreign_keys():
    """Every foreign key that the database has, as it says them."""
    of_each = "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)"
    return set(db.session.execute(text(f"{of_each} FROM pg_constraint WHERE contype = 'f'")))


def run(app, monkeypatch, tmp_path):
    monkeypatch.setattr("portal.create_app", lambda: app)
    return CliRunner().invoke(main, ["move", str(tmp_path / "old.db")])


def test_every_row_goes_over_and_new_ones_go_on_after_the_last(source, target, monkeypatch, tmp_path):
    before = moved(source)
    world.upgrade(target)
    with target.app_context():
        keys = foreign_keys()
        db.session.remove()
    done = run(target, monkeypatch, tmp_path)
    assert done.exit_code == 0, done.output
    assert f"{sum(map(len, before.values()))} rows moved, each compared." in done.output
    assert moved(target) == before and moved(source) == before
    with target.app_context():
        assert a_customer("New").id == 3
        db.session.rollback()
        import_ = db.session.scalars(select(CallImport)).one()
        assert (import_.lines_done, gone_on_with(import_).taken_count) == (1, 9)
        assert foreign_keys() == keys
        db.session.remove()
    again = run(target, monkeypatch, tmp_path)
    assert again.exit_code == 1 and "is not empty" in again.output


@pytest.mark.slow
def test_the_demo_company_goes_over_and_is_charged_there(source, target, monkeypatch, tmp_path):
    (tmp_path / "old.db").rename(tmp_path / "small.db")
    app = world.make_app(tmp_path, f"sqlite:///{tmp_path / 'old.db'}", MODE="demo")
    world.upgrade(app)
    with app.app_context():
        people.ensure_demo_owner()
        db.session.commit()
        demo.load(TODAY, say=lambda _words: None)
        db.session.remove()
    before = moved(app)
    assert sum(map(len, before.values())) > 5_000
    done = run(target, monkeypatch, tmp_path)
    assert done.exit_code == 0, done.output
    assert moved(target) == before
    monkeypatch.setitem(target.config, "TODAY", "2026-12-03")
    charged = CliRunner().invoke(main, ["charge"])
    assert charged.exit_code == 0 and "charges posted" in charged.output
    with app.app_context():
        db.engine.dispose()


def test_a_row_that_is_not_the_same_is_named_and_nothing_moved(source, target, monkeypatch, tmp_path):
    world.upgrade(target)
    with target.app_context(), db.engine.begin() as connection:
        connection.execute(
            text(
                "CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN NEW.name = upper(NEW.name); RETURN NEW; END $$"
            )
        )
        connection.execute(
            text("CREATE TRIGGER cut BEFORE INSERT ON customer FOR EACH ROW EXECUTE FUNCTION cut()")
        )
    done = run(target, monkeypatch, tmp_path)
    assert done.exit_code == 1
    assert "Row 1 of the table customer is not the same on both databases. Nothing was moved." in done.output
    with target.app_context():
        assert db.session.scalar(select(Customer.id)) is None
        db.session.remove()


def test_somebody_who_writes_meanwhile_is_noticed(source, target, tmp_path):
    world.upgrade(target)

    def write(table, _count):
        if table == "customer":
            with closing(sqlite3.connect(tmp_path / "old.db")) as somebody:
                somebody.execute("UPDATE company SET name = 'Late'")
                somebody.commit()

    with (
        target.app_context(),
        pytest.raises(RuleBroken, match="Somebody wrote into the SQLite database meanwhile"),
    ):
        moving.move(tmp_path / "old.db", db.engine, write)
    with target.app_context():
        assert db.session.scalar(select(Customer.id)) is None
        db.session.remove()


def test_a_file_that_is_no_database_or_cannot_be_worked_beside_is_refused_in_a_sentence(
    source, target, monkeypatch, tmp_path
):
    world.upgrade(target)
    (tmp_path / "notes.txt").write_text("nothing of ours")
    with target.app_context():
        with pytest.raises(RuleBroken, match=r"notes\.txt is no SQLite database"):
            moving.move(tmp_path / "notes.txt", db.engine, lambda *_: None)
        monkeypatch.setattr(
            "portal.moving.os.access", lambda path, _how: path != tmp_path
        )  # root may write anywhere
        with pytest.raises(RuleBroken, match="Copy it into a folder that you may write to"):
            moving.move(tmp_path / "old.db", db.engine, lambda *_: None)
