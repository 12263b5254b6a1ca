"""Who owes, how old it is, and as of which day."""

from datetime import timedelta
from decimal import Decimal

import pytest

from portal.domain.errors import Invalid, RuleBroken
from portal.models import Payment, PaymentMethod, PaymentState
from portal.services import credit
from portal.services.charges.by_hand import ManualCharge, charge_manually, reverse
from portal.services.charges.write_off import move_due_day, write_off
from portal.services.credit.owed import AGES, SORTS, age, in_all, owed
from tests.trade import BEN, NOW, TODAY, a_customer

DAY = timedelta(days=1)


def charged(customer, amount, on=TODAY, token="charge", today=TODAY):
    asked = ManualCharge(customer, on, Decimal(amount), Decimal(0), "Visit")
    return charge_manually(asked, token=token, today=today, by=BEN, now=NOW)


def pay(
    customer, amount, token="payment", on=TODAY, reference="", method=PaymentMethod.BANK_TRANSFER, **more
):
    payment = Payment(
        token=token, customer=customer, state=PaymentState.COMPLETED, paid_on=on, amount=Decimal(amount),
        fee=Decimal(0), method=method, bank_reference=reference, created_by=BEN, created_at=NOW, **more,
    )  # fmt: skip
    return credit.record_payment(payment, on, now=NOW)


@pytest.fixture
def acme(session):
    return a_customer("Acme", tax_rate="0")


@pytest.mark.parametrize(
    ("late", "which"),
    [(-1, 0), (0, 0), (1, 1), (30, 1), (31, 2), (60, 2), (61, 3), (90, 3), (91, 4), (4000, 4)],
)
def test_ages_begin_the_day_after_the_due_day(late, which):
    assert age(TODAY - late * DAY, TODAY) == which < len(AGES)


def test_a_charge_is_due_payment_days_after_the_later_of_its_date_and_its_posting(acme):
    late, own = charged(acme, "10", TODAY - 40 * DAY, "late"), a_customer("Own", tax_rate="0")
    own.payment_days = 30
    assert late.due_on == charged(acme, "10", token="today").due_on == TODAY + 14 * DAY
    assert charged(own, "10", token="own").due_on == TODAY + 30 * DAY


def test_who_owes_stands_with_what_is_left_by_age_and_what_is_below_the_limit(session, acme):
    old = TODAY - 50 * DAY
    charged(acme, "30", old, "old", today=old)
    charged(acme, "20", token="new")
    acme.debit_limit = Decimal(5)
    credit.adjust(acme, Decimal(-12), TODAY, "Calls", token="calls", today=TODAY, by=BEN, now=NOW)
    a_customer("Nothing", tax_rate="0")
    found = owed("GBP", TODAY, now_is=TODAY)
    (row,) = found.rows
    assert (row.name, row.charges, row.below_zero, row.below_limit) == ("Acme", 50, 12, 7)
    assert row.ages == [20, 0, 30, 0, 0] and row.oldest == old + 14 * DAY
    assert (row.total, row.overdue) == (62, 37) == (found.sum("total"), found.sum("overdue"))
    assert row.total == credit.to_pay(acme.id).total
    assert owed("EUR", TODAY, now_is=TODAY).rows == []


def test_a_day_gone_by_is_as_it_was_then_and_what_was_posted_since_is_told(session, acme):
    old = TODAY - 50 * DAY
    first = charged(acme, "30", old, "old", today=old)
    pay(acme, "30", on=TODAY - 10 * DAY)
    charged(acme, "7", old, "late")
    assert [row.total for row in owed("GBP", TODAY - 11 * DAY, now_is=TODAY).rows] == [37]
    assert [row.total for row in owed("GBP", TODAY - 10 * DAY, now_is=TODAY).rows] == [7]
    assert owed("GBP", old - DAY, now_is=TODAY).rows == []
    # Both were posted at the instant of these tests, years after their days.
    assert first.posted_at.date() >= TODAY - 10 * DAY
    assert owed("GBP", TODAY - 11 * DAY, now_is=TODAY).posted_since == 37


@pytest.mark.parametrize("sort", SORTS)
def test_what_is_kept_of_a_day_gone_by_is_what_each_owed_then(session, acme, sort):
    then = TODAY - 30 * DAY
    globex, initech, paid = (a_customer(name, tax_rate="0") for name in ("Globex", "Initech", "Paid"))
    for number, customer in enumerate((acme, globex, paid)):
        for late in (20, 60, 200):
            on = then - late * DAY
            charged(customer, str(10 * number + late), on, f"{number}-{late}", today=on)
    globex.debit_limit = Decimal(4)
    for customer, amount, on in ((globex, -7, then), (initech, "-3.25", then), (globex, 20, then)):
        token = f"{customer.id} {amount}"
        credit.adjust(customer, Decimal(amount), on, "Calls", token=token, today=on, by=BEN, now=NOW)
    pay(acme, "100", "part", then - 5 * DAY)
    pay(paid, "1000", "all", then - DAY)
    pay(acme, "1000", "since", TODAY)
    for day in (then, then - 2 * DAY, TODAY):
        found = in_all("GBP", day, now_is=TODAY, sort=sort)
        asked = owed("GBP", day, now_is=TODAY, ids=list(found.ids)).rows
        by_id = {row.customer_id: row for row in asked}
        expected = [by_id[id] for id in found.ids]
        assert len(expected) == {then: 3, then - 2 * DAY: 3, TODAY: 2}[day]
        for first, until in ((0, 50), (0, 1), (1, 2), (1, 50), (50, 99)):
            assert found.rows(first, until, TODAY) == expected[first:until]


def test_a_moved_due_day_counts_from_the_day_it_was_moved(session, acme):
    old = TODAY - 50 * DAY
    charge = charged(acme, "30", old, "old", today=old)
    with pytest.raises(Invalid, match="only be moved later"):
        move_due_day(charge, charge.due_on, "They asked", today=TODAY, by=BEN, now=NOW)
    with pytest.raises(Invalid, match="the reason is kept"):
        move_due_day(charge, TODAY + DAY, " ", today=TODAY, by=BEN, now=NOW)
    move_due_day(charge, TODAY + DAY, "They asked", today=TODAY, by=BEN, now=NOW)
    assert owed("GBP", TODAY, now_is=TODAY).rows[0].overdue == 0
    assert owed("GBP", TODAY - DAY, now_is=TODAY).rows[0].overdue == 30
    assert charge.due_on == old + 14 * DAY


def test_who_owes_while_the_balance_holds_money_is_marked_and_can_pay_from_it(session, acme):
    pay(acme, "25")
    charge = charged(acme, "30")
    found = owed("GBP", TODAY, now_is=TODAY, ids=[acme.id])
    assert found.rows[0].could_pay and found.rows[0].balance == 25
    assert credit.pay_from_balance(acme, today=TODAY, by=BEN, now=NOW) == 25
    assert credit.items_of([charge])[charge.id].left == 5
    with pytest.raises(RuleBroken, match="no money in the balance"):
        credit.pay_from_balance(acme, today=TODAY, by=BEN, now=NOW)


def test_what_came_otherwise_pays_after_the_payments(session, acme):
    credit.adjust(acme, Decimal(10), TODAY, "Goodwill", token="a", today=TODAY, by=BEN, now=NOW)
    payment = pay(acme, "5")
    charge = charged(acme, "12")
    credit.pay_from_balance(acme, today=TODAY, by=BEN, now=NOW)
    assert (credit.left_of(payment), credit.balance_of(acme.id)) == (0, 3)
    assert credit.items_of([charge])[charge.id].left == 0


def test_a_payment_pays_what_is_due_first_as_far_as_the_balance_holds_money(session, acme):
    later = charged(acme, "10", token="later")
    move_due_day(later, TODAY + 60 * DAY, "They asked", today=TODAY, by=BEN, now=NOW)
    first = charged(acme, "10", token="first")
    credit.adjust(acme, Decimal(-8), TODAY, "Calls", token="calls", today=TODAY, by=BEN, now=NOW)
    payment = pay(acme, "20")
    found = credit.items_of([first, later])
    assert (found[first.id].left, found[later.id].left, credit.left_of(payment)) == (0, 8, 8)
    assert credit.balance_of(acme.id) == 0


def test_the_same_payment_typed_twice_is_noticed_however_it_is_written(session, acme):
    pay(acme, "20", "one", reference="FT-2026 / 77a")
    globex = a_customer("Globex", tax_rate="0")
    with pytest.raises(Invalid, match=r"already been recorded: 20\.00 GBP from Acme.*enter why") as refused:
        pay(globex, "20", "two", reference="ft 2026/77A")
    assert refused.value.field == "again_reason"
    session.rollback()


def test_the_same_reference_is_taken_with_a_reason_by_another_way_or_after_cancelling(session, acme):
    first = pay(acme, "20", "one", reference="FT77")
    pay(acme, "20", "two", reference="FT77", again_reason="Two on one slip")
    pay(acme, "20", "three", reference="FT77", method=PaymentMethod.CARD)
    pay(acme, "20", "four", reference="NOTPROVIDED")
    pay(acme, "20", "five", reference="Not Provided")
    credit.cancel_payment(first, TODAY, by=BEN, now=NOW)
    assert credit.balance_of(acme.id) == 80


def test_writing_off_leaves_nothing_to_pay_and_reversing_it_opens_the_charge_with_its_due_day(session, acme):
    charge = charged(acme, "30")
    due = charge.due_on
    with pytest.raises(Invalid, match="the customer sees it"):
        write_off(charge, "", today=TODAY, by=BEN, now=NOW)
    made = write_off(charge, "Out of business", today=TODAY, by=BEN, now=NOW)
    assert credit.to_pay(acme.id).total == 0 and made.total == -30
    with pytest.raises(RuleBroken, match="Nothing is left"):
        write_off(charge, "Again", today=TODAY, by=BEN, now=NOW)
    reverse(made, "They paid after all", today=TODAY, by=BEN, now=NOW)
    assert credit.items_of([charge])[charge.id].left == 30
    assert credit.open_items(acme.id)[0].due_on == due


def test_a_discount_is_set_off_at_once_and_never_to_pay(session, acme):
    charged(acme, "-24", token="discount")
    assert (credit.to_pay(acme.id).total, credit.to_pay(acme.id).credit_to_use) == (0, 24)
    charged(acme, "30")
    assert (credit.to_pay(acme.id).total, credit.to_pay(acme.id).credit_to_use) == (6, 0)
    assert credit.balance_of(acme.id) == 0
