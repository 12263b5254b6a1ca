"""Several charges are reversed in one act: what cannot be stays with its reason; no more than was seen."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from portal.domain.due import Kind
from portal.domain.errors import Invalid, RuleBroken
from portal.domain.terms import Proration
from portal.models import Charge, Payment, PaymentState
from portal.services import credit
from portal.services.assignments.changing import change_end
from portal.services.charges.by_hand import ManualCharge, charge_manually, reverse
from portal.services.charges.reversing_many import reverse_many, sort_out
from portal.services.charges.write_off import write_off
from tests.trade import BEN, NOW, TODAY, a_customer, a_package, assigned, run

NOVEMBER = date(2026, 11, 1)


def charged(customer, amount, token):
    asked = ManualCharge(customer, NOVEMBER, Decimal(amount), Decimal(1), "Visit")
    return charge_manually(asked, token=token, today=TODAY, by=BEN, now=NOW)


def all_reversed(ids, reason="Wrong", seen=None):
    seen = sort_out(ids).seen if seen is None else seen
    return reverse_many(ids, reason, seen=seen, today=TODAY, by=BEN, now=NOW)


@pytest.fixture
def acme(session):
    return a_customer("Acme")


@pytest.fixture
def globex(session):
    return a_customer("Globex", "EUR", tax_rate="0")


def test_several_of_several_customers_are_taken_back_with_what_was_paid(session, acme, globex):
    made = [charged(acme, "10", "a"), charged(acme, "20", "b"), charged(globex, "7", "c")]
    ids = [charge.id for charge in made]
    payment = Payment(
        token="p", customer=acme, state=PaymentState.COMPLETED, paid_on=TODAY, amount=Decimal(30), fee=Decimal(0),
        created_by=BEN, created_at=NOW,
    )  # fmt: skip
    credit.record_payment(payment, TODAY, now=NOW)
    found = sort_out(ids)
    sums = {currency: (sum.amount, sum.cost, sum.tax, sum.count) for currency, sum in found.sums.items()}
    assert sums == {"EUR": (7, 1, 0, 1), "GBP": (30, 2, 6, 2)}
    assert [made.reverses_id for made in all_reversed(ids)] == ids
    assert (credit.to_pay(acme.id).charges, credit.to_pay(globex.id).charges) == (0, 0)
    assert credit.balance_of(acme.id) == 30
    with pytest.raises(RuleBroken, match="has changed"):
        all_reversed(ids, seen=found.seen)
    assert all_reversed(ids) == [], "what is reversed is not reversed again"


def test_what_cannot_be_reversed_is_left_alone_with_its_reason(session, acme):
    done, gone, other = charged(acme, "10", "a"), charged(acme, "5", "b"), a_customer("Old")
    theirs = charged(other, "3", "c")
    reversal = reverse(gone, "Twice", today=TODAY, by=BEN, now=NOW)
    other.archived_on = TODAY
    session.flush()
    ids = [charge.id for charge in (done, gone, reversal, theirs)]
    found = sort_out([*ids, 10**15])
    assert found.done == [done]
    assert {one.reason.partition(".")[0] for one in found.refused} == {
        "It was already reversed, on 22 November 2026",
        "A reversal cannot be reversed",
        "Old is archived, so the charge cannot be reversed",
    }
    assert len(all_reversed(ids)) == 1


def test_a_correction_goes_with_its_charge_and_is_left_alone_without(session, acme):
    seat = assigned(a_package("Seat", "30", proration=Proration.DAILY), acme, NOVEMBER)
    run(TODAY)
    change_end(seat, TODAY - timedelta(days=1), TODAY, by=BEN, now=NOW)
    run(TODAY)
    charge, correction = session.scalars(select(Charge).order_by(Charge.id)).all()
    alone = sort_out([correction.id])
    assert not alone.done and "with the charge that it corrects" in alone.refused[0].reason
    both = sort_out([charge.id, correction.id])
    assert (both.done, both.refused) == ([charge], [])
    assert both.stands[charge.id].amount == charge.amount + correction.amount == 21
    (made,) = all_reversed([correction.id, charge.id])
    assert made.amount == -21


def test_a_charge_and_its_write_off_are_both_taken_back_whole(session, acme):
    charge = charged(acme, "10", "a")
    lost = write_off(charge, "Bankrupt", today=TODAY, by=BEN, now=NOW)
    ids = [charge.id, lost.id]
    sums = sort_out(ids).sums["GBP"]
    assert (sums.amount, sums.tax) == (0, 0)
    assert sorted(made.amount for made in all_reversed(ids)) == [-10, 10]
    assert not session.scalars(select(Charge).where(Charge.kind == Kind.WRITE_OFF_LAPSED)).all()
    assert (credit.to_pay(acme.id).charges, credit.balance_of(acme.id)) == (0, 0)


def test_a_discount_and_what_it_was_set_off_against_are_reversed_together(session, acme):
    ids = [charged(acme, "10", "a").id, charged(acme, "-4", "b").id, charged(acme, "8", "c").id]
    all_reversed(ids[:2])
    assert credit.to_pay(acme.id).charges == Decimal("9.60")
    assert credit.to_pay(acme.id).credit_to_use == 0


def test_without_a_reason_nothing_is_reversed(session, acme):
    ids = [charged(acme, "10", "a").id]
    with pytest.raises(Invalid, match="Enter why"):
        all_reversed(ids, reason=" ")
    assert session.scalar(select(func.count(Charge.id))) == 1
