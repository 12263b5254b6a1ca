"""`portal services`: what the switch asks."""

import json

import pytest
from click.testing import CliRunner

from portal.cli import main
from portal.extensions import db
from portal.services.packages.connexcs import add_connexcs_package
from tests.trade import TODAY, a_customer, a_package, assigned


@pytest.fixture
def portal(app, monkeypatch):
    """Run `portal services ...` on the test's database, on 22 November 2026."""
    monkeypatch.setattr("portal.create_app", lambda: app)
    monkeypatch.setitem(app.config, "TODAY", "2026-11-22")

    def run(*arguments, status=0):
        result = CliRunner().invoke(main, ["services", *arguments])
        assert result.exit_code == status, result.output
        return result.output

    return run


@pytest.fixture
def trade(app):
    """Acme has a service on its account, Globex has none."""
    with app.app_context():
        recording = a_package("Recording")
        recording.connexcs_package = add_connexcs_package("Call Recording")
        assigned(recording, a_customer("Acme"), TODAY)
        a_customer("Globex")
        db.session.commit()


def test_it_prints_everyone_with_a_service(portal, trade):
    found = json.loads(portal())
    assert found["on"] == "2026-11-22"
    assert [customer["name"] for customer in found["customers"]] == ["Acme"]
    assert found["customers"][0]["services"][0]["service"] == "Call Recording"


def test_it_prints_one_customer_on_a_day(portal, trade):
    [acme] = json.loads(portal("--customer", "acme", "--on", "2026-11-21"))["customers"]
    assert acme["services"] == []


def test_it_takes_a_name_with_the_apostrophe_of_any_keyboard(portal, app):
    with app.app_context():
        a_customer("O’Brien & Łódź")
        db.session.commit()
    assert len(json.loads(portal("--customer", "o'brien & ŁO\u0301DZ\u0301"))["customers"]) == 1
    assert "Did you mean O’Brien & Łódź?" in portal("--customer", "O'Brien & Lodz", status=1)


def test_it_names_whom_it_does_not_know(portal, trade):
    assert "Initech" in portal("--customer", "Initech", status=1)


def test_it_refuses_what_is_no_day(portal, trade):
    portal("--on", "2026-02-30", status=2)
