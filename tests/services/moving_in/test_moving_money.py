"""Opening items and payments moved in from files: each once, whatever is sent again, and taken back."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select

from portal.extensions import db
from portal.models import BalanceEntry, Charge, FileKind, ImportState, MoveImport, Payment, PaymentState
from portal.services import credit
from portal.services.charges import by_hand
from portal.services.charges.opening_items import known
from portal.services.credit.owed import owed
from portal.services.moving_in import making
from tests.services.moving_in import moving
from tests.services.moving_in.moving import NOW, counts, taken_back
from tests.services.moving_in.test_moving_assignments import reasons
from tests.trade import BEN, TODAY, a_customer

pytestmark = pytest.mark.usefixtures("session")


@pytest.fixture
def acme() -> Any:
    found = a_customer("Acme")
    a_customer("Globex")
    db.session.commit()
    return found


def opened(
    *lines: str, head: str = "Customer,Invoice Number,Invoice Date,Due Date,Amount Due", **more: Any
) -> MoveImport:
    return moving.moved(FileKind.OPENING, "\n".join((head, *lines)) + "\n", **more)


def paid(
    *lines: str, head: str = "Customer,Date,Amount,Method,Bank Reference,State,Description", **more: Any
) -> MoveImport:
    return moving.moved(FileKind.PAYMENTS, "\n".join((head, *lines)) + "\n", **more)


THREE = (
    "Acme,2026-1,2026-05-03,2026-06-02,120.00",
    "Acme,CN-9,2026-05-04,,-40.00",
    "Globex,2026-1,2026-11-01,2026-12-01,7.25",
)


# -- opening items


def test_what_is_open_is_owed_by_its_due_day_and_credit_is_in_the_balance(acme):
    assert counts(opened(*THREE)) == (3, 0, 0, 0, 0)
    rows = {row.name: row for row in owed("GBP", TODAY, now_is=TODAY).rows}
    assert (rows["Acme"].charges, rows["Acme"].ages[-1], rows["Globex"].ages[0]) == (
        120,
        120,
        Decimal("7.25"),
    )
    assert credit.balance_of(acme.id) == 40


def test_opening_items_sent_again_are_there(acme):
    opened(*THREE)
    assert counts(opened(*THREE)) == (0, 0, 3, 0, 0)
    assert counts(opened(*reversed(THREE))) == (0, 0, 3, 0, 0)


def test_an_item_whose_customer_is_named_in_two_ways_is_brought_in_once(acme):
    import_ = opened("Acme,1,2026-05-03,2026-06-02,5", f"#{acme.id},1,2026-05-03,2026-06-02,5")
    assert counts(import_) == (1, 0, 0, 0, 1)
    assert reasons(import_) == ["The same number of this customer is in line 2 too."]
    assert credit.to_pay(acme.id).charges == 5


def test_a_number_that_comes_again_in_a_later_chunk_of_the_file_is_bad_there_too(acme):
    lines = ("Customer,Number,Date,Balance", "Acme,1,2026-05-03,5", "acme, 1 ,2026-05-03,7")
    import_ = moving.begun(moving.sent(FileKind.OPENING, "\n".join(lines) + "\n"))
    import_ = making.carry_out(import_.id, TODAY, moving.clock, size=1)
    assert counts(import_) == (1, 0, 0, 0, 1)
    assert reasons(import_) == ["The same number of this customer is in line 2 too."]


def test_without_a_due_day_an_item_is_due_payment_days_after_its_own(acme):
    acme.payment_days = 30
    db.session.commit()
    opened("Acme,1,2026-05-03,10.00", head="Customer,Number,Date,Balance")
    (item,) = known([acme.id]).values()
    assert item.due_on == date(2026, 6, 2)


def test_a_changed_item_is_reversed_and_brought_in_anew_only_if_asked_and_put_back(acme):
    opened(*THREE)
    lines = ("Acme,2026-1,2026-05-03,2026-06-02,100.00", "Acme,CN-9,2026-05-04,,-50.00")
    assert counts(opened(*lines)) == (0, 0, 0, 2, 0)
    import_ = opened(*lines, takes_changes=True)
    assert counts(import_) == (0, 2, 0, 0, 0)
    assert (credit.to_pay(acme.id).charges, credit.balance_of(acme.id)) == (100, 50)
    assert taken_back(import_).state == ImportState.UNDONE
    assert (credit.to_pay(acme.id).charges, credit.balance_of(acme.id)) == (120, 40)


def test_taken_back_items_are_reversed_and_what_was_paid_returns(acme):
    import_ = opened(*THREE)
    paid("Acme,2026-11-20,100,Cash,,,")
    assert (credit.to_pay(acme.id).charges, credit.balance_of(acme.id)) == (20, 40)
    assert taken_back(import_).state == ImportState.UNDONE
    assert (credit.to_pay(acme.id).charges, credit.balance_of(acme.id)) == (0, 100)
    assert known([acme.id]) == {}
    assert counts(opened(*THREE)) == (3, 0, 0, 0, 0)


def test_an_item_reversed_by_hand_is_not_in_the_way(acme):
    import_ = opened(*THREE)
    (item,) = known([acme.id]).values()
    by_hand.reverse(item, "Not theirs", today=TODAY, by=BEN, now=NOW)
    db.session.commit()
    import_ = taken_back(import_)
    assert import_.state == ImportState.UNDONE
    assert credit.to_pay(acme.id).total == 0


def test_what_cannot_be_an_opening_item_is_named(acme):
    import_ = opened(
        "Nobody,1,2026-05-03,2026-06-02,1", "Acme,2,2026-05-03,2026-05-02,1", "Acme,3,2026-05-03,2026-06-02,0",
        "Acme,,2026-05-03,2026-06-02,1", "Acme,4,2027-05-03,2027-06-02,1", "Acme,5,2026-05-03,2026-06-02,1.0011",
        "Acme,6,2026-05-03,2026-06-02,1", "ACME, 6 ,2026-05-03,2026-06-02,2", "Acme,7,,2026-06-02,1",
    )  # fmt: skip
    assert counts(import_) == (1, 0, 0, 0, 8)
    assert reasons(import_) == [
        "No customer is called Nobody.",
        "Due Day: It cannot be due before its own day, 3 May 2026.",
        "Gross: Nothing is open of an amount of zero.",
        "Number is empty: the item is known by it.",
        "Date: Choose a day from 2000 to today, 22 November 2026.",
        "Gross: An amount in GBP can have 2 decimals at most.",
        "The same number of this customer is in line 8 too.",
        "Date is empty: enter the day of the paper.",
    ]


# -- payments


PAYMENTS = (
    "Acme,2026-11-20,100,Bank transfer,FT-1,Completed,Thanks # from Ann",
    "Acme,2026-11-20,24,,,,Till",
    "Acme,2026-11-20,24,,,,Till",
    "Globex,2026-11-21,5,card,ch_77,pending,",
)


def test_payments_come_once_by_reference_else_by_which_they_are_among_alike(acme):
    assert counts(paid(*PAYMENTS)) == (4, 0, 0, 0, 0)
    assert credit.balance_of(acme.id) == 148
    assert counts(paid(*PAYMENTS)) == (0, 0, 4, 0, 0)
    # A statement that overlaps: one more of the same day, and an old one.
    assert counts(paid(*PAYMENTS[1:3], PAYMENTS[1], "Acme,2026-11-21,24,,,,Till")) == (2, 0, 2, 0, 0)
    assert credit.balance_of(acme.id) == 196


def test_a_payment_pays_what_is_due_first(acme):
    opened(*THREE)
    paid("Acme,2026-11-20,100,,,,")
    assert (credit.to_pay(acme.id).charges, credit.balance_of(acme.id)) == (20, 40)


def test_a_pending_payment_that_has_arrived_is_completed_only_if_asked(acme):
    paid(*PAYMENTS)
    line = "Globex,2026-11-21,5,card,ch_77,paid,"
    assert counts(paid(line)) == (0, 0, 0, 1, 0)
    import_ = paid(line, takes_changes=True)
    assert counts(import_) == (0, 1, 0, 0, 0)
    states = select(Payment.state).where(Payment.bank_reference == "ch_77")
    assert db.session.scalars(states).all() == [PaymentState.COMPLETED]
    taken_back(import_)
    assert db.session.scalars(states).all() == [PaymentState.COMPLETED]


def test_taken_back_payments_are_released_and_cancelled_and_may_come_again(acme):
    opened(*THREE)
    import_ = paid(*PAYMENTS)
    assert credit.to_pay(acme.id).charges == 0
    assert taken_back(import_).state == ImportState.UNDONE
    assert (credit.to_pay(acme.id).charges, credit.balance_of(acme.id)) == (120, 40)
    assert set(db.session.scalars(select(Payment.state))) == {PaymentState.CANCELLED}
    assert counts(paid(*PAYMENTS)) == (4, 0, 0, 0, 0)
    assert db.session.scalar(select(func.count(Payment.id))) == 8


def test_what_cannot_be_a_payment_is_named(acme):
    paid(PAYMENTS[0])
    import_ = paid(
        "Globex,2026-11-20,100,Bank transfer,ft1,,", "Acme,2026-11-23,1,,,,", "Acme,2026-11-20,-1,,,,",
        "Acme,2026-11-20,,,,,", "Acme,2026-11-20,1,Barter,,,", "Acme,2026-11-20,1,,,refunded,",
        "Acme,2026-11-20,1,card,x1,,", "Acme,2026-11-20,2,card,X-1,,", "Acme,2026-11-20,1.0011,,,,",
    )  # fmt: skip
    assert counts(import_) == (1, 0, 0, 0, 8)
    assert reasons(import_) == [
        "A payment with this reference is there already: 100.00 GBP from Acme, 20 Nov 2026.",
        "Date: A payment must be dated today, 22 November 2026, or before.",
        "Amount: The amount must be above zero.",
        "Amount is empty.",
        "Method is Barter: enter Bank transfer, Card, Direct debit, Cash, Cheque or Other.",
        "State is refunded: nothing came of it. Leave the line out.",
        "The same method and reference are in line 8 too.",
        "Amount: An amount in GBP can have 2 decimals at most.",
    ]


def test_what_is_posted_of_a_file_adds_up_to_what_it_says(acme):
    opened(*THREE)
    posted = db.session.scalar(select(func.sum(Charge.amount)))
    assert (posted, db.session.scalar(select(func.sum(BalanceEntry.amount)))) == (Decimal("127.25"), 40)
