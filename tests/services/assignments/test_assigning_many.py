"""Assigning to many at once: seen first, done once, quick."""

from contextlib import contextmanager
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import event, func, select

from portal.domain.errors import Invalid
from portal.models import Assignment
from portal.services.assignments.assigning_many import (
    Wish,
    assign_many,
    foresee,
    load_customers,
    load_dids,
    name_of,
    sort_out,
)
from portal.services.assignments.preview import outlook
from tests.trade import BEN, NOW, TODAY, a_customer, a_did, a_package, assigned, run

pytestmark = pytest.mark.usefixtures("session")


def assign_all(wish, targets, token="form-1", **more):
    found = sort_out(wish, targets, **more)
    return found, assign_many(found.done, token=token, by=BEN, now=NOW)


def dids_of(customer, first, many):
    return [a_did(customer, f"+4420794{number:05}") for number in range(first, first + many)]


def test_who_cannot_have_it_stays_with_a_reason_and_the_others_get_it(session):
    northwind, globex = a_customer(), a_customer("Globex", "USD")
    package = a_package()
    ours, theirs, stock = a_did(northwind), a_did(globex, "+442079460124"), a_did(None, "+442079460125")
    again = a_did(northwind, "+442079460126")
    assigned(package, northwind, did=again)
    found, made = assign_all(Wish(package, 2, TODAY), load_dids([stock.id, theirs.id, ours.id, again.id]))
    assert [assignment.did for assignment in made] == [ours]
    assert made[0].quantity_on(TODAY) == 2
    assert [(name_of(it.thing), it.reason) for it in found.refused] == [
        ("+44 20 7946 0124", "SIP Trunk 10 has no prices in USD, the currency of Globex."),
        ("+44 20 7946 0125", "It is in stock. Give it to a customer first."),
        ("+44 20 7946 0126", "SIP Trunk 10 is already assigned to +442079460126, since 22 November 2026."),
    ]


def test_those_who_have_it_already_get_it_twice_only_when_that_is_meant():
    package, customer = a_package(), a_customer()
    assigned(package, customer)
    assert sort_out(Wish(package, 1, TODAY), [customer]).done == []
    found = sort_out(Wish(package, 1, TODAY), [customer], twice=True)
    assert (len(found.done), found.twice) == (1, 1)


def test_the_same_package_on_a_did_or_over_other_days_is_not_the_same():
    package, customer = a_package(), a_customer()
    assigned(package, customer, did=a_did(customer))
    assigned(package, customer, date(2026, 1, 1), end_date=date(2026, 11, 21))
    assert len(sort_out(Wish(package, 1, TODAY), [customer]).done) == 1


def test_a_second_click_makes_nothing_more(session):
    wish, customers = Wish(a_package(), 1, TODAY), [a_customer(), a_customer("Globex")]
    _, first = assign_all(wish, load_customers([customer.id for customer in customers]))
    _, second = assign_all(wish, customers, twice=True)
    assert {one.id for one in first} == {one.id for one in second}
    assert session.scalar(select(func.count(Assignment.id))) == 2


def test_what_can_be_nobodys_is_said_at_its_field():
    with pytest.raises(Invalid) as refusal:
        sort_out(Wish(a_package(), 0, TODAY), [a_customer(), a_customer("Globex")])
    assert refusal.value.field == "quantity"


def test_what_is_foreseen_is_the_sum_of_what_each_would_be_charged():
    package = a_package(currencies=("GBP", "USD"), setup_retail="5")
    customers = [a_customer(), a_customer("Globex", "USD", "0"), a_customer("Initech", tax_rate="7")]
    found = sort_out(Wish(package, 1, date(2026, 10, 15)), customers)
    seen = foresee(found.done, TODAY)
    each = [outlook(draft, TODAY) for draft in found.done]
    assert {currency: sums.amount for currency, sums in seen.due.items()} == {
        "GBP": Decimal(59),
        "USD": Decimal("29.5"),
    }
    assert sum(sums.tax for sums in seen.year.values()) == sum(one.year.tax for one in each)
    assert (sum(sums.count for sums in seen.due.values()), seen.held) == (6, 0)


def test_what_is_foreseen_is_what_a_run_posts():
    package, customers = a_package(setup_retail="5"), [a_customer(), a_customer("Globex")]
    wish = Wish(package, 1, date(2026, 10, 15))
    seen = foresee(sort_out(wish, customers).done, TODAY)
    assign_all(wish, customers)
    assert run().charges == seen.due["GBP"].count


@pytest.mark.slow
def test_five_hundred_dids_ask_the_database_as_often_as_fifty(session):
    wish, questions = Wish(a_package(setup_retail="5"), 1, TODAY), []
    for first, many in ((0, 50), (50, 500)):
        ids = [did.id for did in dids_of(a_customer(f"Customer of {many}"), first, many)]
        session.commit()
        with questions_to(session) as asked:
            found = sort_out(wish, load_dids(ids))
            seen = foresee(found.done, TODAY)
            made = assign_many(found.done, token=f"form-{many}", by=BEN, now=NOW)
            session.commit()
        questions.append(len(asked))
        assert (len(made), seen.due["GBP"].amount) == (many, 5 * many)
    assert name_of(made[0].did) == "+44 20 7940 0050"
    assert questions[0] == questions[1] < 20, questions


@contextmanager
def questions_to(session):
    """What the database is asked meanwhile. (What is written, SQLite takes a row at a time.)"""
    asked = []

    def note(connection, cursor, statement, *_):
        if statement.startswith("SELECT"):
            asked.append(statement)

    event.listen(session.get_bind(), "before_cursor_execute", note)
    yield asked
    event.remove(session.get_bind(), "before_cursor_execute", note)
