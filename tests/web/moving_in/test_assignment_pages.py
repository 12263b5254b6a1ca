"""Moving assignments in on pages: first charges before, the changeover afterwards."""

import csv
import io
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.extensions import db
from portal.models import Assignment
from portal.services.moving_in import changeover
from tests.pages import page, words
from tests.trade import TODAY, a_customer, a_package, assigned
from tests.web.moving_in.test_moving_in_pages import count, facts, send, started

HEAD = "Reference,Customer,Package,Quantity,Start Date,Charge From,Monthly Amount\n"


@pytest.fixture(autouse=True)
def _on_a_sunday(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


@pytest.fixture
def trade(session: Any) -> Any:
    found = a_customer("Acme"), a_customer("Globex", "EUR")
    a_package("SIP Trunk", "20", setup_retail="50", minimum_days=60, currencies=("GBP", "EUR"))
    session.commit()
    return found


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))


def table(soup: Any, name: str) -> list[list[str]]:
    lines = soup.select(f"section[aria-labelledby={name}] tbody tr")
    return [[words(cell) for cell in line.select("td, th")] for line in lines]


def test_the_check_page_shows_first_charges_a_year_and_locks(client: FlaskClient, trade: Any) -> None:
    where = send(
        client,
        HEAD
        + "S-1,Acme,SIP Trunk,2,2025-03-15,2026-12-01,40\nS-2,Globex,SIP Trunk,1,2026-11-01,2026-11-01,20\n"
        "S-3,Acme,SIP Trunk,1,2026-12-10,,\n",
        "assignments",
    ).location
    soup = page(client.get(where))
    said = facts(soup)
    assert said["In twelve months, GBP"].startswith("770.00")
    assert said["Due by today, EUR"].startswith("70.00")
    assert (said["Locked"], "the last until 8 Feb 2027" in words(soup)) == ("2", True)
    assert table(soup, "firsts") == [
        ["SIP Trunk for Acme", "2", "1 Dec 2026", "1–31 Dec 2026", "14 May 2025", "40.00 GBP"],
        ["SIP Trunk for Globex", "3", "1 Nov 2026", "Setup", "31 Dec 2026", "50.00 EUR"],
        ["SIP Trunk for Acme", "4", "10 Dec 2026", "Setup", "8 Feb 2027", "50.00 GBP"],
    ]
    assert count(Assignment) == 0
    text = client.get(f"{where}/first-charges.csv").get_data(as_text=True)
    assert rows(text)[1] == [
        "2", "SIP Trunk for Acme", "GBP", "2026-12-01", "recurring", "2026-12-01", "2027-01-01", "40.00",
        "2025-05-14", "",
    ]  # fmt: skip


def test_the_first_day_not_charged_is_asked_for_and_holds_for_all_lines(
    client: FlaskClient, trade: Any
) -> None:
    where = send(client, HEAD + "S-1,Acme,SIP Trunk,2,2025-03-15,,\n", "assignments").location
    soup = page(client.get(where))
    assert "Charge From is empty: enter the first day that the other system has not charged." in words(soup)
    assert client.get(f"{where}/first-charges.csv").status_code == 200
    client.post(f"{where}/values", data={"say-charge_from": "2026-12-01"})
    soup = page(client.get(where))
    assert table(soup, "firsts")[0][2] == "1 Dec 2026"
    started(client, where)
    assert db.session.query(Assignment).one().charge_from.isoformat() == "2026-12-01"


def test_credits_that_were_not_posted_there_are_named_and_not_carried(
    client: FlaskClient, trade: Any
) -> None:
    text = "Customer,Package,Start Date,Charge From,Not Posted Yet\nAcme,SIP Trunk,2025-03-15,2026-12-01,-12.50\n"
    soup = page(client.get(send(client, text, "assignments").location))
    assert "1 line names credits that were not posted there yet, −12.50 GBP in all." in words(soup)


def test_the_changeover_shows_who_differs_first_and_all_of_it_in_the_file(
    client: FlaskClient, trade: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme, globex = trade
    soup = page(client.get("/imports/changeover"))
    assert "No file has brought assignments yet." in words(soup)
    lines = (
        "S-1,Acme,SIP Trunk,2,2025-03-15,2026-12-01,40\nS-2,Acme,SIP Trunk,1,2025-03-16,2026-12-01,20\n"
        "S-3,Globex,SIP Trunk,1,2025-11-01,2026-12-01,25\n"
    )
    started(client, send(client, HEAD + lines, "assignments").location)
    soup = page(client.get("/imports/changeover"))
    found = [[words(cell) for cell in line.select("td, th")] for line in soup.select("tbody tr")]
    assert found == [
        ["Globex", "1", "25.00", "20.00 EUR", "−5.00"],
        ["Acme", "2", "60.00", "60.00 GBP", "0.00"],
    ]
    assert facts(soup)["Different, EUR"].startswith("1")
    assigned(db.session.query(Assignment).first().package, acme)
    db.session.commit()
    text = client.get("/imports/changeover.csv").get_data(as_text=True)
    # Of very many customers it is all the same.
    monkeypatch.setattr(changeover, "VERY_MANY", 0)
    assert client.get("/imports/changeover.csv").get_data(as_text=True) == text
    assert rows(text)[1:] == [
        ["Acme", f"#{acme.id}", "GBP", "2", "60.00", "80.00", "20.00", "0"],
        ["Globex", f"#{globex.id}", "EUR", "1", "25.00", "20.00", "-5.00", "0"],
    ]


def test_without_a_figure_of_the_other_system_nothing_is_compared(client: FlaskClient, trade: Any) -> None:
    started(
        client, send(client, HEAD + "S-1,Acme,SIP Trunk,2,2025-03-15,2026-12-01,\n", "assignments").location
    )
    soup = page(client.get("/imports/changeover"))
    assert "1 without a figure" in words(soup)
    assert rows(client.get("/imports/changeover.csv").get_data(as_text=True))[1][4:] == ["", "40.00", "", "1"]
