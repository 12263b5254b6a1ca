"""Settings: documented, checked at the start, safe in production."""

import os

import pytest

from portal import create_app
from portal.config import ROOT, SETTINGS, BadSetting, as_markdown, finish, load
from portal.database import upgrade
from portal.extensions import db


def test_the_documentation_holds_every_setting_with_its_default_and_unit():
    assert as_markdown() in (ROOT / "docs" / "configuration.md").read_text()


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_has_a_default_that_it_accepts_itself(setting):
    setting.read(setting.default)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORTAL_MODE", "test"),
        ("PORTAL_MAX_BODY", "many"),
        ("PORTAL_PROXIES", "-1"),
        ("PORTAL_TODAY", "31 January"),
        ("PORTAL_TODAY", "2026-02-30"),
        ("PORTAL_MAIL_FROM", "Billing <billing>"),
        ("PORTAL_MAIL_FROM", "no address"),
        ("PORTAL_URL", "portal.example.com"),
        ("PORTAL_URL", "ftp://portal.example.com"),
        ("PORTAL_URL", "https://portal.example.com/portal"),
        ("PORTAL_URL", "https://ann@portal.example.com"),
        ("PORTAL_URL", "https://portal.example.com:many"),
        ("PORTAL_URL", "https://"),
        ("PORTAL_MAIL_FROM", "=?utf-8?q?a?=@lumen.example"),
        ("PORTAL_FONTS", "/no/such/folder"),
        ("PORTAL_WORKERS", "0"),
        ("PORTAL_STATEMENT_SECONDS", "0"),
        ("PORTAL_DATABSE_URL", "postgresql://portal@db/portal"),
        ("PORTAL_SMTP_HOTS", "mail.example.com"),
    ],
)
def test_a_setting_that_cannot_be_is_named(name, value):
    with pytest.raises(BadSetting, match=name):
        load({name: value})


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, "PORTAL_SECRET_KEY"),
        ({"PORTAL_SECRET_KEY": "short"}, "PORTAL_SECRET_KEY"),
        ({"PORTAL_SECRET_KEY": "k" * 32}, "PORTAL_TRUSTED_HOSTS"),
        ({"PORTAL_SECRET_KEY": "k" * 32, "PORTAL_TRUSTED_HOSTS": "portal.example.com"}, "PORTAL_URL"),
    ],
)
def test_production_does_not_start_half_set(given, missing, tmp_path):
    with pytest.raises(BadSetting, match=missing):
        finish(load({"PORTAL_MODE": "production", "PORTAL_INSTANCE": str(tmp_path), **given}))


def test_no_day_but_today_is_today_in_production(tmp_path):
    given = {
        "PORTAL_MODE": "production",
        "PORTAL_INSTANCE": str(tmp_path),
        "PORTAL_SECRET_KEY": "k" * 32,
        "PORTAL_TRUSTED_HOSTS": "portal.example.com",
        "PORTAL_URL": "https://portal.example.com",
    }
    finish(load(given))
    with pytest.raises(BadSetting, match="PORTAL_TODAY: not allowed in production"):
        finish(load({**given, "PORTAL_TODAY": "2026-11-22"}))


def test_a_name_that_is_nobodys_setting_says_which_may_be_meant():
    with pytest.raises(BadSetting, match="Is PORTAL_DATABASE_URL meant"):
        load({"PORTAL_DATABASE_ULR": "postgresql://portal@db/portal"})
    load({"PORTAL_LOGO_OF_ANOTHER_PROGRAM": "x", "PORTAL_TEST_DATABASE_URL": "x"})


def test_the_demo_keeps_the_key_it_made(tmp_path):
    keys = []
    for _ in range(2):
        settings = load({"PORTAL_INSTANCE": str(tmp_path)})
        finish(settings)
        keys.append(settings["SECRET_KEY"])
    assert keys[0] == keys[1]
    assert len(keys[0]) >= 32
    assert (tmp_path / "secret-key").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("given", ["postgres://u@h/d", "postgresql://u@h/d"])
def test_postgresql_is_spoken_to_by_psycopg_3(given, tmp_path):
    settings = load({"PORTAL_INSTANCE": str(tmp_path), "PORTAL_DATABASE_URL": given})
    finish(settings)
    assert settings["SQLALCHEMY_DATABASE_URI"] == "postgresql+psycopg://u@h/d"


def test_everything_that_is_made_is_for_its_owner_alone(tmp_path):
    """Whatever the machine lets others read by default."""
    before = os.umask(0)
    try:
        app = create_app({"INSTANCE": tmp_path / "new" / "instance", "TESTING": True})
        upgrade(app)
        with app.app_context():
            app.test_client().get("/login")
            made = sorted((tmp_path / "new" / "instance").rglob("*"))
            db.session.rollback()
            modes = {path.relative_to(tmp_path).as_posix(): path.stat().st_mode & 0o777 for path in made}
            db.engine.dispose()
    finally:
        os.umask(before)
    assert {"new/instance/portal.db", "new/instance/secret-key"} <= modes.keys()
    assert any(name.startswith("new/instance/templates/") for name in modes)
    open_to_others = {name: oct(mode) for name, mode in modes.items() if mode & 0o077}
    assert not open_to_others
    assert (tmp_path / "new" / "instance").stat().st_mode & 0o777 == 0o700
