"""Settings: documented, checked at the start, safe in production."""

import pytest

from portal.config import ROOT, SETTINGS, BadSetting, as_markdown, finish, load


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
        ("PORTAL_FONTS", "/no/such/folder"),
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
    ],
)
def test_production_does_not_start_half_set(given, missing, tmp_path):
    with pytest.raises(BadSetting, match=missing):
        finish(load({"PORTAL_MODE": "production", "PORTAL_INSTANCE": str(tmp_path), **given}))


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
