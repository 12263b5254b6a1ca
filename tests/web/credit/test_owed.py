"""The page of who owes, and what a clerk does there."""

from datetime import timedelta
from decimal import Decimal

import pytest

from portal.models import Charge
from portal.services import credit
from portal.services.charges.by_hand import ManualCharge, charge_manually
from tests.pages import error_at, page, words
from tests.trade import BEN, NOW, TODAY, a_customer

OLD = TODAY - timedelta(days=50)


@pytest.fixture(autouse=True)
def its_today(app, monkeypatch):
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


@pytest.fixture
def acme(session):
    """30 that fell due in October, 20 that is not due yet, and 8 in the balance."""
    customer = a_customer("Acme", tax_rate="0")
    credit.adjust(customer, Decimal(8), TODAY, "Goodwill", token="g", today=TODAY, by=BEN, now=NOW)
    for token, amount, day in (("old", "30", OLD), ("new", "20", TODAY)):
        asked = ManualCharge(customer, day, Decimal(amount), Decimal(0), f"Visit {token}")
        charge_manually(asked, token=token, today=day, by=BEN, now=NOW)
    session.commit()
    return customer


def test_everybody_who_owes_stands_with_one_number_and_its_ages(client, acme):
    soup = page(client.get("/owed"))
    text = words(soup)
    assert "50.00 GBP to pay" in text and "overdue 30.00" in text
    row = words(soup.select_one("tbody tr"))
    assert "Acme 8.00 in the balance" in row and "17 Oct 2026" in row and row.endswith("50.00")
    assert "To pay 50.00 GBP" in words(page(client.get(f"/customers/{acme.id}/credit")))
    assert "To pay 50.00 30.00 overdue, since" in words(page(client.get("/")))


def test_a_day_gone_by_is_asked_for_in_the_address_and_a_bad_one_refused_at_its_field(client, acme):
    assert "30.00 GBP to pay" in words(page(client.get(f"/owed?on={OLD}")))
    before = words(page(client.get(f"/owed?on={OLD - timedelta(days=1)}")))
    assert "Nobody owes anything as of 2 Oct 2026." in before
    for typed, sentence in (("soon", "Enter the day as a date"), ("2027-01-01", "Choose a day from")):
        soup = page(client.get(f"/owed?on={typed}"), 422)
        assert sentence in words(soup) and soup.select_one("#on")["value"] == typed


def test_the_balance_pays_for_those_who_are_ticked(client, session, acme):
    answer = client.post("/owed/pay", data={"ids": str(acme.id)}, follow_redirects=True)
    assert "Paid 8.00 GBP of Acme from the balance." in words(page(answer))
    assert credit.to_pay(acme.id).charges == 42
    again = client.post("/owed/pay", data={"ids": str(acme.id)}, follow_redirects=True)
    assert "There is no money in the balance of Acme." in words(page(again))
    assert "Choose at least one customer." in words(page(client.post("/owed/pay", follow_redirects=True)))


def test_a_charge_says_what_became_of_it_and_is_found_by_it(client, session, acme):
    client.post("/owed/pay", data={"ids": str(acme.id)})
    old = session.query(Charge).filter_by(label="Visit old").one()
    text = words(page(client.get(f"/charges/{old.id}")))
    assert "overdue 17 Oct" in text and "Left to pay 22.00 overdue since 17 Oct 2026" in text
    for paid, labels in (("overdue", ["Visit old"]), ("to_pay", ["Visit new", "Visit old"]), ("paid", [])):
        soup = page(client.get(f"/charges?paid={paid}"))
        assert [link.text for link in soup.select("tbody th a")] == labels


def test_a_clerk_writes_off_what_is_left_and_gives_more_time(client, session, acme):
    new = session.query(Charge).filter_by(label="Visit new").one()
    path = f"/charges/{new.id}/due-day"
    assert "only be moved later" in error_at(
        page(client.post(path, data={"due_on": TODAY.isoformat(), "reason": "Please"}), 422), "due_on"
    )
    moved = client.post(path, data={"due_on": "2027-01-31", "reason": "Asked for it"}, follow_redirects=True)
    assert "due 31 Jan 2027" in words(page(moved)) and "Moved to 31 Jan 2027" in words(page(moved))
    path = f"/charges/{new.id}/write-off"
    assert "use that first" in words(page(client.get(path)))
    assert "the customer sees it" in error_at(page(client.post(path, data={"reason": ""}), 422), "reason")
    gone = page(client.post(path, data={"reason": "Out of business"}, follow_redirects=True))
    assert "written off" in words(gone) and credit.to_pay(acme.id).charges == 30
    assert "Nothing is left to pay" in words(page(client.get(path), 409))


def test_a_discount_that_was_released_waits_until_it_is_used_for_a_charge_that_was_chosen(
    client, session, acme
):
    asked = ManualCharge(acme, TODAY, Decimal(-6), Decimal(0), "Sorry")
    discount = charge_manually(asked, token="sorry", today=TODAY, by=BEN, now=NOW)
    session.commit()
    old, new = (session.query(Charge).filter_by(label=f"Visit {which}").one() for which in ("old", "new"))
    soup = page(client.get(f"/charges/{discount.id}"))
    assert "Used for" in words(soup) and "Visit old" in words(soup)
    released = client.post(soup.select_one(".row-actions form")["action"], follow_redirects=True)
    assert "is no longer paid" in words(page(released))
    assert credit.to_pay(acme.id).credit_to_use == 6
    path = f"/charges/{discount.id}/credit"
    typed = {"seen": "6", "charge": str(new.id), "amount": "7"}
    assert "At most 6.00 can be used" in error_at(page(client.post(path, data=typed), 422), "amount")
    used = client.post(path, data=typed | {"amount": "4"}, follow_redirects=True)
    assert "Used 4.00 GBP for Visit new." in words(page(used))
    found = credit.items_of([old, new, discount])
    # What is left of it is set off by itself again, against what is due first.
    assert [found[one.id].left for one in (old, new, discount)] == [28, 16, 0]
    assert "has changed since" in words(page(client.post(path, data=typed | {"amount": "4"}), 409))
