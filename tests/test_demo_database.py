"""The demo's own database: kept as it is, unless another first migration made it."""

import sqlite3
from contextlib import closing

import pytest

from portal.config import finish, load
from portal.demo_database import keep_first, set_aside


@pytest.fixture
def settings(tmp_path):
    config = load({"PORTAL_INSTANCE": str(tmp_path)})
    finish(config)
    return config


def make(path, said="kept"):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE said (what TEXT)")
        connection.execute("INSERT INTO said VALUES (?)", (said,))
        connection.commit()


def said(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT what FROM said").fetchall()


def test_a_database_of_another_first_migration_is_set_aside_whole_and_each_under_a_name_of_its_own(
    settings, tmp_path
):
    for number in (1, 2):
        make(tmp_path / "portal.db", f"kept {number}")
        aside = set_aside(settings)
        assert aside == tmp_path / f"portal-aside-{number}.db"
        assert said(aside) == [(f"kept {number}",)]
        assert not (tmp_path / "portal.db").exists()


def test_a_database_of_this_first_migration_stays(settings, tmp_path):
    make(tmp_path / "portal.db")
    keep_first(settings)
    assert set_aside(settings) is None
    assert said(tmp_path / "portal.db") == [("kept",)]


def test_a_database_that_was_named_by_a_setting_is_never_set_aside(tmp_path):
    path = tmp_path / "portal.db"
    named = {"PORTAL_INSTANCE": str(tmp_path / "instance"), "PORTAL_DATABASE_URL": f"sqlite:///{path}"}
    config = load(named)
    finish(config)
    make(path)
    keep_first(config)
    assert set_aside(config) is None and said(path) == [("kept",)]


def test_where_nothing_is_there_yet_nothing_is_set_aside(settings, tmp_path):
    assert set_aside(settings) is None
    (tmp_path / "portal.db").touch()
    assert set_aside(settings) is None
