"""Payments: chosen, noticed twice, split for others, paid back, found in the list (billing-rules 13)."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from portal.domain.errors import Invalid, RuleBroken
from portal.models import BalanceEntry, Payment, PaymentBack, PaymentMethod, PaymentState
from portal.services import credit, listing, parts
from portal.services.charges.by_hand import ManualCharge, charge_manually
from portal.services.credit import payment_list
from portal.services.credit.payment_list import SORTS, SORTS_BACK, Sought, find_payments, find_payments_back
from portal.services.credit.statement import statement
from tests.trade import BEN, NOW, TODAY, a_customer

ZERO = Decimal(0)


@pytest.fixture
def acme(session):
    return a_customer("Acme", tax_rate="0")


@pytest.fixture
def globex(session):
    return a_customer("Globex", tax_rate="0")


def paid(
    customer, amount, *, token="payment", day=TODAY, reference="", state=PaymentState.COMPLETED, chosen=None
):
    payment = Payment(
        token=token, customer=customer, state=state, paid_on=day, amount=Decimal(amount), created_by=BEN,
        created_at=NOW, fee=ZERO, bank_reference=reference, method=PaymentMethod.BANK_TRANSFER, description="",
    )  # fmt: skip
    return credit.record_payment(payment, TODAY, now=NOW, chosen=chosen)


def charged(customer, amount, *, token="charge", days_ago=0):
    day = TODAY - timedelta(days=days_ago)
    asked = ManualCharge(customer, day, Decimal(amount), ZERO, "Support call")
    return charge_manually(asked, token=token, today=TODAY, by=BEN, now=NOW)


def split(payment, customer, amount, token="split"):
    return credit.split(
        payment, customer, Decimal(amount), description="Theirs", token=token, today=TODAY, by=BEN, now=NOW
    )


def back(customer, amount, *, token="back", chosen=None):
    made = PaymentBack(
        token=token, customer=customer, paid_on=TODAY, amount=Decimal(amount), method=PaymentMethod.BANK_TRANSFER,
        created_by=BEN, created_at=NOW,
    )  # fmt: skip
    return credit.pay_back(made, TODAY, now=NOW, chosen=chosen)


def cancel(payment, **how):
    credit.cancel_payment(payment, TODAY, by=BEN, now=NOW, **how)


def test_the_same_form_with_other_charges_is_not_the_same(acme):
    first, second = charged(acme, "10"), charged(acme, "10", token="second")
    made = paid(acme, "10", chosen={first.id: Decimal(10)})
    assert paid(acme, "10", chosen={first.id: Decimal("10.00")}) is made
    with pytest.raises(RuleBroken, match="different content"):
        paid(acme, "10", chosen={second.id: Decimal(10)})


def test_what_is_chosen_is_paid_and_the_rest_waits_in_the_balance(acme):
    first, second = charged(acme, "10"), charged(acme, "10", token="second")
    payment = paid(acme, "15", chosen={second.id: Decimal(10)})
    assert credit.paid_by(payment) == {second.id: 10}
    assert [item.charge for item in credit.to_pay_items(acme.id)] == [first]
    assert (credit.balance_of(acme.id), credit.left_of(payment)) == (5, 5)


@pytest.mark.parametrize("amount", ["-1", "0", "0.001", "11", "16"])
def test_no_amount_is_chosen_that_cannot_be(acme, amount):
    charge = charged(acme, "10")
    with pytest.raises(Invalid) as refused:
        paid(acme, "15", chosen={charge.id: Decimal(amount)})
    assert refused.value.field == f"amount_{charge.id}"
    assert (credit.balance_of(acme.id), credit.to_pay(acme.id).charges) == (0, 10)


def test_a_part_of_a_payment_moves_to_another_customer_and_pays_there(session, acme, globex):
    payment = paid(acme, "100", reference="FT 1")
    theirs = charged(globex, "30")
    part = split(payment, globex, "40")
    assert (credit.balance_of(acme.id), credit.balance_of(globex.id)) == (60, 10)
    assert (credit.left_of(payment), credit.left_of(part)) == (60, 10)
    assert credit.paid_by(part) == {theirs.id: 30}
    assert (part.bank_reference, part.method, part.paid_on) == ("FT 1", payment.method, payment.paid_on)
    dated = session.scalars(select(BalanceEntry.made_on).where(BalanceEntry.source == "split")).all()
    assert dated == [TODAY]
    words = [line.words for line in statement(acme.id, TODAY, TODAY).lines]
    assert words == ["Payment", "Payment, a part moved to another account"]


def test_a_split_sent_twice_counts_once(acme, globex):
    payment = paid(acme, "100")
    assert split(payment, globex, "40") is split(payment, globex, "40")
    assert credit.left_of(payment) == 60


def test_no_more_is_split_off_than_is_left(acme, globex):
    payment, charge = paid(acme, "100"), charged(acme, "30")
    credit.allocate(payment, {charge.id: Decimal(30)}, today=TODAY, by=BEN, now=NOW)
    split(payment, globex, "50")
    with pytest.raises(Invalid, match=r"Only 20\.00 of the payment is left"):
        split(payment, globex, "20.01", "more")
    split(payment, globex, "20", "rest")
    assert credit.left_of(payment) == 0


def test_a_part_goes_to_another_customer_of_the_same_currency(acme):
    payment = paid(acme, "100")
    for customer, said in ((acme, "already"), (a_customer("Dollar", "USD"), "pays in USD")):
        with pytest.raises(Invalid, match=said) as refused:
            split(payment, customer, "10", f"to {customer.id}")
        assert refused.value.field == "customer"


def test_only_a_completed_payment_is_split(acme, globex):
    with pytest.raises(RuleBroken, match="only a completed payment can be split"):
        split(paid(acme, "100", state=PaymentState.PENDING), globex, "10")


def test_each_part_is_cancelled_by_itself(acme, globex):
    payment = paid(acme, "100")
    part = split(payment, globex, "40")
    cancel(payment)
    assert (credit.balance_of(acme.id), credit.balance_of(globex.id)) == (0, 40)
    cancel(part)
    assert (credit.balance_of(acme.id), credit.balance_of(globex.id)) == (0, 0)


def test_the_parts_of_a_payment_share_its_reference_and_nobody_else_may(acme, globex):
    payment = paid(acme, "100", reference="FT 1")
    split(payment, globex, "40")
    split(payment, a_customer("Third"), "10", "second")
    cancel(payment)
    with pytest.raises(Invalid) as refused:  # the parts still have it
        paid(acme, "5", token="again", reference="ft-1")
    assert refused.value.field == "again_reason"


def test_money_paid_back_comes_off_the_latest_payments_first(acme):
    old = paid(acme, "50", token="old", day=TODAY - timedelta(days=9))
    new = paid(acme, "30", token="new")
    made = back(acme, "45")
    assert {one.payment: one.amount for one in made.returned} == {new: 30, old: 15}
    assert (credit.balance_of(acme.id), credit.left_of(new), credit.left_of(old)) == (35, 0, 35)


def test_which_payments_are_returned_can_be_chosen(acme):
    old = paid(acme, "50", token="old", day=TODAY - timedelta(days=9))
    new = paid(acme, "30", token="new")
    made = back(acme, "45", chosen={old.id: Decimal(40)})
    assert {one.payment: one.amount for one in made.returned} == {old: 40, new: 5}


def test_money_that_came_otherwise_names_no_payment(acme):
    credit.adjust(acme, Decimal(20), TODAY, "Goodwill", token="a", today=TODAY, by=BEN, now=NOW)
    payment = paid(acme, "10")
    assert [(one.payment, one.amount) for one in back(acme, "25").returned] == [(payment, 10)]
    assert [one.payment for one in back(acme, "5", token="rest").returned] == []
    assert credit.balance_of(acme.id) == 0


def test_no_more_is_paid_back_than_the_balance_holds(acme):
    paid(acme, "50")
    charge_manually(
        ManualCharge(acme, TODAY, Decimal(20), ZERO, "Call", True), token="auto", today=TODAY, by=BEN, now=NOW
    )
    with pytest.raises(Invalid, match=r"holds only 30\.00"):
        back(acme, "30.01")
    back(acme, "30")
    assert credit.balance_of(acme.id) == 0


def test_a_payment_back_is_cancelled_once(acme):
    payment = paid(acme, "50")
    made = back(acme, "20")
    credit.cancel_payment_back(made, TODAY, by=BEN, now=NOW)
    assert (credit.balance_of(acme.id), credit.left_of(payment)) == (50, 50)
    with pytest.raises(RuleBroken, match="already cancelled"):
        credit.cancel_payment_back(made, TODAY, by=BEN, now=NOW)
    assert [line.words for line in statement(acme.id, TODAY, TODAY).lines] == [
        "Payment", "Paid back", "Paid back, cancelled",
    ]  # fmt: skip


def test_cancelling_a_payment_that_was_paid_back_says_first_what_will_be_owed(acme):
    payment = paid(acme, "50")
    back(acme, "20")
    with pytest.raises(RuleBroken, match=r"Acme then owes 20\.00 GBP") as refused:
        cancel(payment)
    assert refused.value.way_out.fields["although_paid_back"]
    cancel(payment, although_paid_back=True)
    assert credit.balance_of(acme.id) == -20


def test_what_is_allocated_anew_goes_only_as_far_as_is_left_of_the_payment(acme, globex):
    payment, charge = paid(acme, "100"), charged(acme, "90")
    split(payment, globex, "20")
    back(acme, "10")
    with pytest.raises(Invalid, match=r"Only 70\.00 of the payment"):
        credit.allocate(payment, {charge.id: Decimal(71)}, today=TODAY, by=BEN, now=NOW)
    credit.allocate(payment, {charge.id: Decimal(70)}, today=TODAY, by=BEN, now=NOW)
    credit.allocate(payment, {charge.id: Decimal(5)}, today=TODAY, by=BEN, now=NOW)
    assert (credit.left_of(payment), credit.to_pay(acme.id).charges) == (65, 85)


@pytest.fixture(params=[0, 10_000])
def bound(request, monkeypatch):
    """What is looked up first is as good as nothing, or all there is: the same is found."""
    for module, name in (
        (listing, "COUNTED"), (payment_list, "COUNTED"), (payment_list, "LOOKED_UP"), (parts, "MANY"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, request.param)


def found(**sought):
    return [payment.token for payment in listing.page(find_payments(Sought(**sought)), SORTS["date"]).rows]


def test_payments_are_found_by_amount_reference_customer_state_and_day(session, bound, acme, globex):
    paid(acme, "99.72", token="a", reference="FT-26 1122", day=TODAY - timedelta(days=5))
    paid(acme, "10", token="b", state=PaymentState.PENDING)
    paid(globex, "10", token="c", reference="NOTPROVIDED")
    assert found(text="99.72") == ["a"]
    assert found(text="ft261122") == found(text="FT-26 11") == ["a"]
    assert found(text="notprov") == ["c"]
    assert found(text="globex") == ["c"]
    assert found(text="100%") == found(text="9" * 40) == found(text="bank_transfer") == []
    assert found(text="10") == ["b", "c"]
    assert found(state="pending") == ["b"]
    assert found(customer_id=acme.id) == ["a", "b"]
    assert found(begins=TODAY) == ["b", "c"]
    assert found(through=TODAY - timedelta(days=1)) == ["a"]
    assert found(currency="GBP", text="acme") == ["a", "b"]
    assert found(currency="USD") == []
    first = session.scalars(select(Payment).where(Payment.token == "a")).one()
    first.bank_reference, first.reference_key = "Café N° 77", "bank_transfer cafn77"
    session.flush()
    assert found(text="café n° 77") == found(text="CAF") == ["a"]
    assert found(text="FT-26") == []


def test_the_list_goes_on_page_by_page_by_amount(acme):
    for number in range(7):
        paid(acme, str(10 + number % 3), token=f"p{number}")
    sort, query, seen, after = SORTS["-amount"], find_payments(Sought()), [], None
    while True:
        page = listing.page(query, sort, after, size=3)
        assert page.total == 7
        seen += [payment.amount for payment in page.rows]
        if not (after := page.after):
            break
    assert seen == sorted(seen, reverse=True) and len(seen) == 7


def test_payments_back_are_found_as_payments_are(session, bound, acme, globex):
    for customer in (acme, globex):
        paid(customer, "200", token=f"paid {customer.name}")
    first = back(acme, "99.72", token="a")
    first.bank_reference, first.paid_on = "FT-26 1122", TODAY - timedelta(days=3)
    back(globex, "10", token="b")
    credit.cancel_payment_back(back(acme, "10", token="c"), TODAY, by=BEN, now=NOW)

    def found(**sought):
        rows = session.scalars(find_payments_back(Sought(**sought)).order_by(PaymentBack.id))
        return [row.token for row in rows]

    assert found() == ["a", "b", "c"]
    assert found(text="99.72") == found(text="ft261122") == found(text="ft 26.11") == ["a"]
    assert found(text="10") == ["b", "c"]
    assert found(text="globex") == ["b"]
    assert found(text="100%") == found(text="_") == found(text="100") == []
    assert found(state="cancelled") == ["c"] and found(state="completed") == ["a", "b"]
    assert found(customer_id=acme.id, currency="GBP") == ["a", "c"]
    assert found(begins=TODAY) == ["b", "c"] and found(through=TODAY - timedelta(days=1)) == ["a"]
    amounts = [row.amount for row in listing.page(find_payments_back(Sought()), SORTS_BACK["-amount"]).rows]
    assert amounts == [Decimal("99.72"), 10, 10]
