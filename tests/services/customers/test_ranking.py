"""What stands beside customers in a list, and their order by it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from portal.models import Customer, Payment, PaymentState
from portal.services import credit, listing
from portal.services.charges.by_hand import ManualCharge, charge_manually
from portal.services.customers import ranking
from portal.services.customers.figures import Recurring
from tests.trade import BEN, NOW, TODAY, a_customer, a_package, assigned


@pytest.fixture
def trade(session):
    """Three in pounds and one in dollars; who has nothing of something, too."""
    names = {name: a_customer(name, tax_rate="0") for name in ("Acme", "Globex", "Initech")}
    names["Hooli"] = a_customer("Hooli", "USD", tax_rate="0")
    line = a_package("Line", "10", cost="4")
    mistake = a_package("Mistake", "3", cost="5")
    assigned(line, names["Acme"], TODAY, quantity=3)
    assigned(mistake, names["Globex"], TODAY)
    for name, amount in (("Acme", "-7"), ("Globex", "20")):
        credit.adjust(names[name], Decimal(amount), TODAY, "Calls", token=name, today=TODAY, by=BEN, now=NOW)
    asked = ManualCharge(names["Globex"], TODAY, Decimal(50), Decimal(0), "Visit")
    charge_manually(asked, token="visit", today=TODAY, by=BEN, now=NOW)
    for number, day in enumerate((TODAY - timedelta(days=9), TODAY - timedelta(days=3))):
        payment = Payment(
            token=f"p{number}", customer=names["Initech"], state=PaymentState.COMPLETED, paid_on=day, amount=Decimal(1),
            fee=Decimal(0), created_by=BEN, created_at=NOW,
        )  # fmt: skip
        credit.record_payment(payment, TODAY, now=NOW)
    return names


def order(sort):
    found = ranking.ranked(select(Customer), ranking.order(sort, TODAY))
    return [customer.name for customer in found.rows]


def test_figures_are_what_the_customers_page_says(trade):
    found = ranking.figures_of([customer.id for customer in trade.values()], TODAY)
    acme, globex, initech = (found[trade[name].id] for name in ("Acme", "Globex", "Initech"))
    assert (acme.recurring, acme.margin) == (Recurring(Decimal(30), Decimal(12)), 18)
    assert (acme.balance, acme.to_pay, acme.paid) == (-7, 7, None)
    assert (globex.margin, globex.balance, globex.to_pay) == (-2, 20, 50)
    assert (initech.balance, initech.paid) == (2, TODAY - timedelta(days=3))
    assert all(one.to_pay == credit.to_pay(id).total for id, one in found.items())


def test_the_next_charge_is_the_first_of_all_that_is_assigned_but_for_what_is_held(trade, session):
    acme, globex, hooli = (trade[name].id for name in ("Acme", "Globex", "Hooli"))
    assigned(a_package("Later", "1"), trade["Acme"], TODAY + timedelta(days=3))
    held = assigned(a_package("Held", "1"), trade["Globex"], TODAY - timedelta(days=3))
    held.position.held_lines = 41
    session.flush()
    found = ranking.figures_of([acme, globex, hooli], TODAY)
    assert [found[id].next_on for id in (acme, globex, hooli)] == [TODAY, TODAY, None]


@pytest.mark.parametrize("first", [1, 2, 4, 100])
def test_of_very_many_assignments_the_next_charge_is_the_same_however_few_are_looked_at(
    session, monkeypatch, first
):
    """Due long ago, today, on a day that others are due on, later, held alone, or never."""
    days = {"Old": -9, "Now": 0, "Other": 0, "Both": 0, "Later": 3, "Held": -20, "Never": None, "None": None}
    line, found = a_package("Line", "1"), {}
    for name, late in days.items():
        customer = a_customer(name)
        if name != "None":
            positions = [assigned(line, customer).position for _ in range(2)]
            for number, position in enumerate(positions):
                position.next_charge_on = late if late is None else TODAY + timedelta(days=late + 40 * number)
                position.held_lines = int(name == "Held" or (name == "Both" and not number))
        found[customer.id] = name
    session.flush()
    plain = ranking._next_days(list(found))
    assert {found[id]: (day - TODAY).days for id, day in plain.items()} == {
        "Old": -9, "Now": 0, "Other": 0, "Both": 40, "Later": 3,
    }  # fmt: skip
    monkeypatch.setattr(ranking, "has_many", lambda _id: True)
    monkeypatch.setattr(ranking, "FIRST", first)
    assert ranking._next_days(list(found)) == plain
    few = list(found)[1::2]
    assert ranking._next_days(few) == {id: day for id, day in plain.items() if id in few}


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("-recurring", ["Acme", "Globex", "Initech", "Hooli"]),
        ("recurring", ["Initech", "Globex", "Acme", "Hooli"]),
        ("-margin", ["Acme", "Initech", "Globex", "Hooli"]),
        ("balance", ["Acme", "Initech", "Globex", "Hooli"]),
        ("-to_pay", ["Globex", "Acme", "Initech", "Hooli"]),
        ("-paid", ["Initech", "Acme", "Globex", "Hooli"]),
        ("paid", ["Initech", "Acme", "Globex", "Hooli"]),
    ],
)
def test_money_is_sorted_within_its_currency_and_who_never_paid_stands_last(trade, sort, names):
    assert order(sort) == names


@pytest.mark.parametrize("counted", [1, listing.COUNTED])
@pytest.mark.parametrize("sort", ranking.SORTS)
def test_pages_there_and_back_name_each_customer_once(trade, monkeypatch, sort, counted):
    """Also where there are too many to count and sort them, who are then looked through two at a time."""
    monkeypatch.setattr(listing, "COUNTED", counted)
    monkeypatch.setattr(ranking, "COUNTED", counted)
    monkeypatch.setattr(ranking, "LOOKED_AT", 2)
    places, names, after = ranking.order(sort, TODAY), [], None
    while True:
        page = ranking.ranked(select(Customer), places, after, size=1)
        names += [customer.name for customer in page.rows]
        assert page.total == min(4, counted + 1)
        if page.after is None:
            break
        after = page.after
    assert names == order(sort)
    back, before = [names[-1]], page.before
    while before is not None:
        page = ranking.ranked(select(Customer), places, before=before, size=1)
        back.insert(0, page.rows[0].name)
        before = page.before
    assert back == names
