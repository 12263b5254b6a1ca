"""`portal charge` and `portal preview`: what the portal does, from the command line."""

import json
from contextlib import nullcontext
from datetime import date, timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

from portal.cli import main
from portal.clock import now
from portal.extensions import db
from portal.models import Charge, Run
from portal.services.customers.customers import change_customer, fields_of, named
from tests.calling import a_file, accepted
from tests.trade import a_customer, a_package, assigned

NOVEMBER = date(2026, 11, 1)


@pytest.fixture
def portal(app, monkeypatch):
    """Run `portal ...` on the test's database, on 22 November 2026."""
    monkeypatch.setattr("portal.create_app", lambda: app)
    monkeypatch.setitem(app.config, "TODAY", "2026-11-22")

    def run(*arguments, status=0):
        result = CliRunner().invoke(main, [str(part) for part in arguments])
        assert result.exit_code == status, result.output
        return result.output

    return run


@pytest.fixture
def trade(app):
    """Two customers in two currencies, each with a trunk that is due."""
    with app.app_context():
        trunk = a_package(currencies=("GBP", "USD"))
        assigned(trunk, a_customer("Acme"), NOVEMBER)
        assigned(trunk, a_customer("Globex", "USD"), NOVEMBER)
        db.session.commit()


def counted(app, model=Charge):
    with app.app_context():
        return db.session.scalar(select(func.count(model.id)))


def test_it_posts_all_that_is_due_and_says_so_in_a_line_for_each_currency(portal, app, trade):
    said = portal("charge").splitlines()
    assert said[0].endswith("2 charges posted up to 2026-11-22.")
    assert said[1:] == [
        "GBP: 24.50 in 1 charge, tax 4.90, cost 10.00, margin 14.50.",
        "USD: 24.50 in 1 charge, tax 4.90, cost 10.00, margin 14.50.",
    ]
    assert counted(app) == 2
    assert "0 charges posted" in portal("charge")
    assert counted(app) == 2


def test_a_run_for_everyone_discards_files_of_calls_that_nobody_came_back_to_and_says_so(
    portal, app, trade, tmp_path
):
    with app.app_context():
        waits = accepted(a_file(tmp_path, ["a,Acme,1"], "ref,who,pounds"), now=now() - timedelta(days=31))
        db.session.commit()
        id = waits.id
    for arguments in (["--simulate"], ["--customer", "Acme"]):
        assert "Discarded" not in portal("charge", *arguments)
    assert json.loads(portal("charge", "--simulate", "--json"))["state"] == "done"
    said = portal("charge").splitlines()
    assert said[-1] == (
        f"Import {id} (calls.csv): Discarded: its layout was not described within 30 days. "
        "Nothing of the file was imported."
    )
    assert "Discarded" not in portal("charge")


def test_for_one_customer_by_name_or_number(portal, app, trade):
    assert "1 charge posted up to 2026-11-22 for Acme" in portal("charge", "--customer", "acme")
    assert counted(app) == 1
    assert "There is no customer called Nobody" in portal("charge", "--customer", "Nobody", status=1)


@pytest.mark.parametrize("command", ["charge", "preview", "services"])
def test_a_bare_number_is_nobody_and_an_account_code_is_somebody(portal, app, trade, command):
    with app.app_context():
        acme = named("Acme")
        number = acme.id
    said = portal(command, "--customer", number, status=1)
    assert f"There is no customer called {number}. Did you mean #{number} (Acme)?" in said
    assert counted(app) == 0
    with app.app_context():
        globex = named("Globex")
        change_customer(globex, fields_of(globex, account_codes=(str(number),)))
        db.session.commit()
        globex_id = globex.id
    said = portal(command, "--customer", number)
    if command == "charge":
        assert "for Globex" in said
    elif command == "preview":
        assert f"(customer {globex_id})" in said and f"(customer {number})" not in said
    portal(command, "--customer", f"#{number}")


def test_a_simulation_posts_nothing_and_takes_any_day(portal, app, trade):
    answer = json.loads(portal("charge", "--simulate", "--date", "2027-01-01", "--json"))
    assert (answer["charges"], answer["state"], answer["simulate"]) == (6, "done", True)
    assert answer["totals"]["GBP"] == {
        "charges": 3, "amount": "73.50", "tax": "14.70", "cost": "30.00", "margin": "43.50",
    }  # fmt: skip
    assert len(answer["fingerprint"]) == 64
    assert counted(app) == 0


def test_a_day_after_today_is_refused_in_a_sentence(portal, app, trade):
    assert "Charges cannot be posted before their day" in portal("charge", "--date", "2026-11-23", status=1)
    assert counted(app, Run) == 0


def test_a_run_is_continued_by_its_number(portal, app, trade):
    answer = json.loads(portal("charge", "--json"))
    again = json.loads(portal("charge", "--run", answer["run"], "--json"))
    assert again == answer
    assert counted(app, Run) == 1
    assert "There is no run 99999" in portal("charge", "--run", "99999", status=1)
    assert "leave out the other options" in portal("charge", "--run", answer["run"], "--simulate", status=2)


def test_told_to_stop_it_does_so_behind_a_chunk_and_is_continued_by_its_number(
    portal, app, trade, monkeypatch
):
    monkeypatch.setitem(app.config, "RUN_CHUNK", 1)
    with monkeypatch.context() as told:
        told.setattr("portal.stopping.asked_to_stop", lambda: nullcontext(lambda: True))
        said = portal("charge", status=3)
    assert "1 charge posted" in said and "Stopped. portal charge --run" in said
    number = said.rsplit("--run ", 1)[1].split()[0]
    assert "2 charges posted" in portal("charge", "--run", number)
    assert (counted(app), counted(app, Run)) == (2, 1)


def test_a_preview_says_what_falls_due_and_why(portal, app, trade):
    answer = json.loads(portal("preview", "--from", "2026-12-01", "--to", "2026-12-31", "--json"))
    assert [(c["date"], c["amount"], c["why"]) for c in answer["charges"]] == [
        ("2026-12-01", "24.50", "Every month on the 1st. 24.50 × 1 for 1 to 31 Dec.")
    ] * 2
    assert answer["totals"]["USD"] == {"amount": "24.50", "tax": "4.90", "cost": "10.00", "margin": "14.50"}
    said = portal("preview", "--customer", "Acme", "--from", "2026-11-01").splitlines()
    assert said[-2:] == [
        "2 charges from 2026-11-01 to 2026-12-01.",
        "GBP: 49.00, tax 9.80, cost 20.00, margin 29.00.",
    ]
    assert counted(app) == 0
    assert "--from before --to" in portal("preview", "--from", "2026-12-01", "--to", "2026-11-01", status=1)


@pytest.mark.parametrize(
    "command", ["charge --date", "preview --from", "services --on", "summary 1 2026-01-01"]
)
def test_a_day_that_is_none_gets_a_sentence(portal, command):
    said = portal(*command.split(), "2026-13-01", status=2)
    assert "2026-13-01 is not a date. Write it like 2026-01-31." in said


@pytest.mark.parametrize("unset", ["", " ", "\t"])
def test_a_customer_who_is_named_by_nothing_is_not_everyone(portal, app, trade, unset):
    for command in ("charge", "preview"):
        assert "The customer is empty" in portal(command, "--customer", unset, status=1)
    assert counted(app) == 0


def test_a_run_long_after_the_last_one_is_refused_unless_somebody_says_that_it_is_right(
    portal, app, trade, monkeypatch
):
    portal("charge")
    monkeypatch.setitem(app.config, "TODAY", "2026-12-23")  # 31 days
    portal("charge")
    monkeypatch.setitem(app.config, "TODAY", "2027-01-24")  # 32 days
    before = counted(app)
    said = portal("charge", status=1)
    assert (
        "The last run for all customers was up to 23 December 2026, 32 days before 24 January 2027." in said
    )
    assert "portal charge --catch-up" in said and counted(app) == before
    portal("charge", "--simulate")
    portal("charge", "--customer", "Acme")
    assert counted(app) == before + 1
    portal("charge", "--catch-up")
    assert counted(app) == before + 2
    portal("charge")


def test_the_first_run_of_all_is_asked_nothing(portal, app, trade, monkeypatch):
    monkeypatch.setitem(app.config, "TODAY", "2027-06-01")
    portal("charge", "--customer", "Acme", "--date", "2026-11-01")
    portal("charge")


def test_a_clock_that_was_ahead_and_is_set_back_posts_nothing_twice(portal, app, trade, monkeypatch):
    monkeypatch.setitem(app.config, "TODAY", "2026-12-10")  # within the 31 days: nobody asks
    portal("charge")
    posted = counted(app)
    for day in ("2026-11-22", "2026-11-01", "2026-12-01", "2026-12-10"):
        monkeypatch.setitem(app.config, "TODAY", day)
        assert "0 charges posted" in portal("charge")
    assert counted(app) == posted == 4
