"""What came in this month, and what the month is expected to come to."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from portal.domain.payments import PaymentMethod
from portal.domain.schedule import Frequency
from portal.models import Payment, PaymentBack, PaymentState
from portal.services import credit
from portal.services.overview import due, history
from portal.services.overview.remembering import Reading
from portal.services.overview.this_month import CameIn, came_in, this_month
from portal.services.runs.upcoming import upcoming
from tests.trade import BEN, NOW, TODAY, a_customer, a_package, assigned, run

pytestmark = pytest.mark.usefixtures("session")

FIRST = TODAY.replace(day=1)
LAST = TODAY.replace(day=30)


def paid(customer, amount, token, day=TODAY, state=PaymentState.COMPLETED):
    payment = Payment(
        token=token, customer=customer, state=state, paid_on=day, amount=Decimal(amount), created_by=BEN,
        created_at=NOW, fee=Decimal(0), bank_reference="", method=PaymentMethod.BANK_TRANSFER, description="",
    )  # fmt: skip
    return credit.record_payment(payment, TODAY, now=NOW)


def month(today=TODAY):
    reading = Reading(today)
    return this_month(reading, "GBP", history.charged(today), due.due(reading))


def test_what_came_in_is_told_by_currency_and_a_split_payment_counts_once():
    acme, globex, hooli = a_customer("Acme"), a_customer("Globex"), a_customer("Hooli", "USD")
    whole = paid(acme, "100", "whole")
    credit.split(whole, globex, Decimal(30), description="Theirs", token="part", today=TODAY, by=BEN, now=NOW)
    paid(acme, "7", "before", FIRST - timedelta(days=1))
    paid(acme, "9", "pending", state=PaymentState.PENDING)
    paid(hooli, "5", "dollars", FIRST)
    back = PaymentBack(
        token="back", customer=globex, paid_on=TODAY, amount=Decimal(10), method=PaymentMethod.BANK_TRANSFER,
        created_by=BEN, created_at=NOW,
    )  # fmt: skip
    credit.pay_back(back, TODAY, now=NOW)
    assert came_in(FIRST, TODAY) == {
        "GBP": CameIn(2, Decimal(100), Decimal(10)),
        "USD": CameIn(1, Decimal(5), Decimal(0)),
    }
    credit.cancel_payment(whole, TODAY, by=BEN, now=NOW)
    assert came_in(FIRST, TODAY)["GBP"] == CameIn(1, Decimal(30), Decimal(10))
    assert month().came_in == CameIn(1, Decimal(30), Decimal(10))


def test_the_month_is_expected_to_come_to_what_was_charged_and_what_is_still_to_come():
    customer = a_customer()
    assigned(a_package("Matched", "8", match=(1, 25)), customer, FIRST)
    assigned(
        a_package("Commitment", "50", match=(25,), minimum_spend=True), customer, FIRST - timedelta(days=40)
    )
    run()
    assigned(a_package("Late", "3", match=(3,)), customer, FIRST - timedelta(days=40))
    found = month()
    listed = upcoming(FIRST, LAST, TODAY).totals["GBP"].amount
    assert (found.charged, found.to_come, found.at_most) == (Decimal(8), listed, Decimal(50))
    assert found.expected == Decimal(8 + 3 + 8 + 50)
    run(LAST)
    assert month(LAST).charged == found.expected  # nothing was spent on calls


def test_the_last_of_thirty_one_days_belongs_to_the_month_on_its_first_day_too():
    assigned(a_package("Daily", "1", frequency=Frequency.DAILY, match=()), a_customer(), date(2026, 12, 1))
    assert month(date(2026, 12, 1)).expected == 31


def test_of_too_many_assignments_nothing_is_expected(monkeypatch):
    for day in range(4):
        assigned(a_package("Anchored", "3", match=()), a_customer(), TODAY + timedelta(days=day))
    monkeypatch.setattr(due, "ASSIGNMENTS_MOST", 2)
    assert (month().expected, month().to_come) == (None, None)
