"""What is held: the list, one's own page, and the choice for one and for all."""

from datetime import timedelta

import pytest

from portal.domain.schedule import Frequency
from tests.pages import error_at, page, words
from tests.trade import TODAY, a_customer, a_package, assigned, run


@pytest.fixture(autouse=True)
def _today(app, monkeypatch):
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


@pytest.fixture
def held(session):
    """Two assignments that a run has held."""
    daily = a_package("Recording", "2", frequency=Frequency.DAILY, match=())
    made = [
        assigned(daily, a_customer(name), TODAY - timedelta(50)) for name in ("Northwind Telecom", "Globex")
    ]
    run()
    return made


def test_what_is_held_is_listed_with_its_sums(client, held):
    soup = page(client.get("/held"))
    assert "Recording Northwind Telecom customer 51 3 Oct 2026 102.00 GBP 20.40" in words(
        soup.select_one("tbody")
    )
    assert "2 held assignments" in words(soup.select_one("main"))


def test_nothing_held_says_what_belongs_here(client, session):
    assert "Nothing is held." in words(page(client.get("/held")).select_one("main"))


def test_either_choice_says_what_it_brings(client, held):
    said = words(page(client.get(f"/held/{held[0].id}")).select_one("table"))
    assert "Post all 51 charges 102.00 none" in said
    assert "Charge from 22 Nov 2026 (today) 1 charge 2.00 50 charges 100.00" in said


def test_post_all_is_chosen_for_one(client, session, held):
    response = client.post(f"/held/{held[0].id}", data={"choice": "post_all"})
    assert (response.status_code, response.location) == (303, f"/assignments/{held[0].id}")
    history = words(page(client.get(response.location)).select_one("#history").find_parent("section"))
    assert "owner@lumen.example chose to post all of 51 held charges." in history
    assert run().charges == 51
    assert "is not held" in words(page(client.get(f"/held/{held[0].id}")).select_one("h1"))


def test_charging_from_a_day_on_keeps_what_was_passed_over(client, session, held):
    data = {"choice": "charge_from", "charge_from": TODAY.isoformat()}
    assert client.post(f"/held/{held[0].id}", data=data).status_code == 303
    soup = page(client.get(f"/assignments/{held[0].id}"))
    assert "50 charges, 100.00 GBP, were not charged" in words(
        soup.select_one("#history").find_parent("section")
    )


def test_a_day_in_the_address_is_one_more_to_choose_and_is_chosen_itself(client, held):
    address = f"/held/{held[0].id}"
    soup = page(client.get(f"{address}?charge_from=2026-11-12"))
    chosen = soup.select_one("[name=choice][checked]")
    assert words(chosen.find_parent("tr")) == "Charge from 12 Nov 2026 11 charges 22.00 40 charges 80.00"
    assert client.post(address, data={"choice": chosen["value"], "charge_from": ""}).status_code == 303
    soup = page(client.get(f"/assignments/{held[0].id}"))
    assert "40 charges, 80.00 GBP, were not charged" in words(soup.select_one("main"))


@pytest.mark.parametrize(
    ("data", "name", "sentence"),
    [
        ({}, "choice", "Choose Post all, or Charge from a day on."),
        ({"choice": "charge_from"}, "charge_from", "Choose the day from which to charge."),
        (
            {"choice": "charge_from", "charge_from": "2026-10-03"},
            "charge_from",
            "Choose a day after 3 October 2026",
        ),
    ],
)
def test_a_choice_that_cannot_be_is_said_at_its_field(client, held, data, name, sentence):
    soup = page(client.post(f"/held/{held[0].id}", data=data), 422)
    field = soup.select_one(f'[name="{name}"][aria-invalid=true]')
    assert field is not None and sentence in words(soup.select_one("main"))
    if name != "choice":
        assert sentence in error_at(soup, name)


def test_one_choice_is_made_for_all(client, session, held):
    response = client.post("/held", data={"choice": "post_all"})
    assert (response.status_code, response.location) == (303, "/held")
    assert run().charges == 102


def test_a_choice_that_does_not_fit_all_names_whom_it_left(client, session, held):
    younger = assigned(
        a_package("Other", "2", frequency=Frequency.DAILY, match=()),
        a_customer("Initech"),
        TODAY - timedelta(45),
    )
    run()
    day = (TODAY - timedelta(45)).isoformat()
    soup = page(client.post("/held", data={"choice": "charge_from", "charge_from": day}))
    assert "2 assignments chosen for, 1 not: Other of Initech: Choose a day after 8 October 2026" in words(
        soup
    )
    session.refresh(younger.position)
    assert younger.position.held_lines == 46


def test_a_viewer_looks_and_does_not_choose(as_viewer, held):
    assert not page(as_viewer.get(f"/held/{held[0].id}")).select("main form")
    assert as_viewer.post(f"/held/{held[0].id}", data={"choice": "post_all"}).status_code == 403
