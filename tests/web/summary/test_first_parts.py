"""A page that shows a first part says so: what lies beyond its bound is counted, or on the next page."""

import json

import pytest
from sqlalchemy import func, insert, select

from portal.commands.charge import _answer
from portal.domain.errors import Invalid
from portal.models import Outcome, Payment, PaymentState, Run, RunException, RunState
from portal.services.assignments.changing import change_end
from portal.services.charges.lists import Asked, charge_page
from portal.services.customers.customers import named
from tests.pages import page, words
from tests.trade import BEN, NOW, TODAY, a_customer, a_did, a_package, assigned, run


@pytest.fixture(autouse=True)
def _today(app, monkeypatch):
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


def main(response):
    return words(page(response).select_one("main"))


def test_the_overview_says_that_there_is_more_to_look_at_than_it_names(client, session, monkeypatch):
    monkeypatch.setattr("portal.services.overview.watch.NAMED", 2)
    seat = a_package("Seat", "1", cost="2", currencies=("GBP", "EUR", "USD"))
    for name in ("Acme", "Beta", "Cargo"):
        change_end(assigned(seat, a_customer(name)), TODAY, TODAY, by=BEN, now=NOW)
    session.commit()
    said = main(client.get("/"))
    assert said.count("There are more ") == 2
    assert "There are more customers with something that ends than the 2 named here." in said
    assert "There are more prices below their cost than the 2 named here." in said
    monkeypatch.setattr("portal.services.overview.watch.NAMED", 3)
    assert "There are more " not in main(client.get("/"))


@pytest.fixture
def passed_over(session):
    """A run that held 3 assignments and failed for 1,001."""
    run_ = Run(
        through=TODAY, state=RunState.DONE, held_count=3, failed_count=1_001, started_at=NOW, heartbeat_at=NOW
    )
    session.add(run_)
    session.flush()
    one = assigned(a_package(), a_customer())
    rows = [(Outcome.HELD, 3), (Outcome.FAILED, 1_001)]
    session.execute(
        insert(RunException),
        [
            {
                "run_id": run_.id,
                "assignment_id": one.id,
                "outcome": outcome,
                "sentence": f"{outcome} {number}",
            }
            for outcome, count in rows
            for number in range(count)
        ],
    )
    session.commit()
    return run_


def test_the_report_of_a_run_says_how_many_were_passed_over_where_it_names_the_first(
    client, passed_over, monkeypatch
):
    monkeypatch.setattr("portal.services.runs.reports.EXCEPTIONS_SHOWN", 2)
    said = main(client.get(f"/runs/{passed_over.id}"))
    assert "Held the first 2 of 3" in said and "Failed the first 2 of 1,001" in said


def test_the_command_names_every_assignment_that_was_passed_over(passed_over):
    answer = json.loads(json.dumps(_answer(passed_over)))
    assert len(answer["passed_over"]) == 1_004


def test_the_report_of_a_run_says_that_more_are_below_their_limit_than_it_names(client, session, monkeypatch):
    monkeypatch.setattr("portal.web.runs.pages.BELOW_NAMED", 1)
    for name in ("Acme", "Beta"):
        assigned(a_package(name), a_customer(name), TODAY.replace(day=1), auto_decrement_credit=True)
    session.commit()
    client.post("/runs", data={"simulate": "no", "through": TODAY.isoformat()}, follow_redirects=True)
    said = main(client.get(f"/runs/{session.scalar(select(func.max(Run.id)))}"))
    assert "These are the first 1 by name; there are more." in said


def test_every_payment_is_on_a_page_of_its_customers_credit(client, session, monkeypatch):
    monkeypatch.setattr("portal.web.credit.pages.PAYMENTS_SHOWN", 2)
    customer = a_customer()
    for number in range(3):
        session.add(
            Payment(
                token=f"t{number}", customer=customer, amount=number + 1, paid_on=TODAY, state=PaymentState.PENDING,
                description=f"Transfer {number}", created_at=NOW,
            )
        )  # fmt: skip
    session.commit()
    first = page(client.get(f"/customers/{customer.id}/credit?part=payments"))
    assert "3 payments" in words(first) and "Transfer 0" not in words(first)
    rest = words(page(client.get(first.select_one("a[rel=next]")["href"])))
    assert "Transfer 0" in rest and "Transfer 2" not in rest


def test_a_manual_charge_can_name_an_assignment_that_its_form_does_not_list(client, session, monkeypatch):
    monkeypatch.setattr("portal.services.charges.by_hand.ASSIGNMENTS_LISTED", 1)
    customer = a_customer()
    old, _, _ = (assigned(a_package(name), customer) for name in ("Old", "Mid", "New"))
    session.commit()
    form = page(client.get(f"/charges/new?customer_id={customer.id}"))
    assert "The newest 1 of 3 are listed; for an older one, start from the assignment's page." in words(form)
    assert [option.text.split(",")[0] for option in form.select("select[name=assignment] option")] == [
        "None",
        "New",
    ]
    link = page(client.get(f"/assignments/{old.id}")).select_one("a[href^='/charges/new']")["href"]
    chosen = page(client.get(link)).select_one("select[name=assignment] option[selected]")
    assert chosen.text.startswith("Old, since")


def test_a_customers_home_counts_every_package_where_it_lists_the_newest(client, session, monkeypatch):
    monkeypatch.setattr("portal.web.my.pages.PACKAGES_MOST", 1)
    customer = a_customer()
    trunk = a_package("Trunk", "7")
    for package in (a_package("Seat"), trunk, trunk, trunk):
        assigned(package, customer)
    session.commit()
    said = main(client.get(f"/customers/{customer.id}/as-customer"))
    assert "4 packages, the newest 2 are listed here; the charge summary has all of them" in said
    assert "Trunk monthly, 3 assigned The newest 1 of them:" in said
    assert "Trunk × 3" not in said.split("Packages")[1]


def test_suggestions_say_that_more_customers_match(client, session, monkeypatch):
    monkeypatch.setattr("portal.web.customers.list.SUGGESTED", 1)
    for name in ("Acme", "Acme Two"):
        a_customer(name)
    session.commit()
    assert "more customers match: type more letters" in client.get("/customers/suggestions?customer=acm").text
    assert "more customers" not in client.get("/customers/suggestions?customer=acme+two").text


def test_a_customer_is_found_by_name_however_many_begin_so(session, monkeypatch):
    monkeypatch.setattr("portal.services.customers.customers.NAMESAKES_MAX", 1)
    for name in ("Acme 1", "Acme 2", "Acme"):
        a_customer(name)
    assert named("acme").name == "Acme"
    for _ in range(6):
        a_customer("Twin")
    with pytest.raises(Invalid, match="or another of the 6"):
        named("twin")


def test_a_search_for_charges_loses_none_where_many_customers_and_packages_are_meant(session, monkeypatch):
    monkeypatch.setattr("portal.services.charges.lists.FEW", 1)
    for name in ("Acme North", "Acme South"):
        customer = a_customer(name)
        for seat in ("Seat A", "Seat B"):
            assigned(a_package(f"{seat} {name[-5:]}"), customer, TODAY.replace(day=1), did=None)
    run()
    assert len(charge_page(Asked(text="acme seat")).rows) == 4
    assert (
        len(charge_page(Asked(text="acme north and more words than ten are of no use here nothing")).rows)
        == 0
    )


def test_ending_many_counts_those_it_does_not_name(client, session):
    customer = a_customer()
    package = a_package()
    ids = [assigned(package, customer, did=a_did(customer, f"+4420794{n:05d}")).id for n in range(101)]
    session.commit()
    asked = {"ids": ",".join(map(str, ids)), "end_date": TODAY.isoformat(), "show": "1"}
    assert "and 1 more that can end then" in main(client.post("/assignments/end", data=asked))
