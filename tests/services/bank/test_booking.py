"""Lines of bank statements: proposed with a reason, booked once, set aside, put back (billing-rules 13)."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from portal.domain.errors import Invalid, RuleBroken
from portal.extensions import db
from portal.models import Customer, LineState, Payment, PaymentBack, PaymentMethod, PaymentState
from portal.services import credit
from portal.services.bank import booking, exact, lists, proposals, putting
from portal.services.bank.booking import Part
from portal.services.bank.proposals import Act
from tests.banking import (
    ACME,
    DATA,
    GLOBEX,
    INITECH,
    WHO,
    charged,
    customer,
    lines_of,
    made_up,
    reference,
    take_in,
)
from tests.services.credit.test_payments import back, paid
from tests.trade import BEN, NOW, TODAY

ZERO = Decimal(0)
THEIRS, OTHER = "DE89370400440532013000", "DE02120300000000202051"


@pytest.fixture
def acme(session):
    return customer(ACME, "Acme GmbH")


@pytest.fixture
def globex(session):
    return customer(GLOBEX, "Globex AG")


def proposed(line):
    return proposals.propose([line])[line.id]


def accept(line):
    booking.lock_line(line.id)
    return booking.accept(line, proposed(line).seal, WHO)


def one(*row):
    (line,) = lines_of(made_up(row, name=f"{row}"))
    return line


def exactly(statement):
    return exact.book_exact(statement, by=BEN, today=TODAY, now=lambda: NOW)


# -- whose a line is


@pytest.mark.parametrize(
    "text", ["{}", "Invoice 7 {}", "rf {} thanks", "{}, 2026-11", "Ref:{}.", "x\u00a0{} y", "KD/{}/2026"]
)
@pytest.mark.parametrize("spaced", [False, True])
def test_a_payment_reference_is_exact_wherever_it_stands_and_however_it_is_spaced(acme, text, spaced):
    written = reference(acme)
    written = " ".join(written[at : at + 4] for at in range(0, len(written), 4)) if spaced else written
    found = proposed(one(text.format(written.lower()), "24.50"))
    assert (found.act, found.customer, found.is_exact) == (Act.PAY, acme, True)
    assert found.why.startswith("Payment reference RF81")


def test_a_reference_with_wrong_check_digits_is_nobodys(acme):
    found = proposed(one("RF82539001", "24.50"))
    assert (found.act, found.customer) == (Act.NOTHING, None)


def test_references_of_two_customers_are_never_exact_and_nobody_is_proposed(acme, globex):
    found = proposed(one(f"{reference(acme)} and {reference(globex)}", "24.50", "Acme GmbH", THEIRS))
    assert (found.act, found.is_exact) == (Act.NOTHING, False)
    assert [who for who, _ in found.candidates] == [acme, globex]


def test_beside_the_reference_of_somebody_of_another_currency_none_is_exact(acme):
    customer(INITECH, "Initech Ltd", "GBP")
    kept = made_up((f"{reference(acme)} RF27539003", "24.50"))
    assert not proposed(*lines_of(kept)).is_exact
    assert exact.exact_of(kept.statements[0]).count == 0


def test_the_reference_of_somebody_of_another_currency_proposes_nobody_and_says_so(session):
    customer(INITECH, "Initech Ltd", "GBP")
    found = proposed(one("RF27539003", "24.50"))
    assert found.act == Act.NOTHING
    assert found.note == "It names the payment reference of Initech Ltd, who pays in GBP, not in EUR."


def test_the_reference_of_somebody_who_is_archived_proposes_nobody_and_says_so(acme):
    acme.archived_on = TODAY
    found = proposed(one(reference(acme), "24.50"))
    assert (found.act, "archived" in found.note) == (Act.NOTHING, True)


def test_an_account_that_was_booked_before_is_known_again_until_that_is_put_back(acme, globex):
    first = one("x", "5.00", "A", THEIRS)
    assert proposed(first).act == Act.NOTHING
    booking.book(first, [Part(globex, first.amount)], WHO)
    second = one("y", "6.00", "Somebody", THEIRS)
    found = proposed(second)
    assert (found.customer, found.is_exact, found.why) == (globex, False, "Account DE89 … 3000 is known.")
    putting.put_back(first, WHO)
    assert proposed(second).act == Act.NOTHING


def test_an_account_booked_for_two_proposes_neither(acme, globex):
    for who, day in ((acme, 3), (globex, 4)):
        line = one("x", "5.00", "A", THEIRS, "", day)
        booking.book(line, [Part(who, line.amount)], WHO)
    found = proposed(one("y", "6.00", "Somebody", THEIRS))
    assert (found.act, len(found.candidates)) == (Act.NOTHING, 2)


def test_the_account_of_a_customer_is_known(acme):
    acme.iban = THEIRS
    assert proposed(one("y", "6.00", "Somebody", THEIRS)).customer == acme


def test_an_email_is_that_of_a_customer_or_a_contact(acme):
    acme.email = "Billing@acme.example"
    lines = lines_of(take_in("stripe-payouts-itemised.csv"))
    (charge,) = [line for line in lines if line.email == "billing@acme.example" and line.amount > 0]
    found = proposed(charge)
    assert (found.customer, found.why) == (acme, "E-mail billing@acme.example.")


@pytest.mark.parametrize("name", ["ACME GMBH", "Acme", "acme gmbh", "Firma Acme GmbH"])
def test_a_name_speaks_for_a_customer_only_with_the_amount_of_what_is_open(acme, name):
    line = one("x", "24.50", name)
    assert proposed(line).act == Act.NOTHING
    charged(acme, "24.50", token="a")
    assert (proposed(line).customer, proposed(line).is_exact) == (acme, False)
    assert proposed(line).why == "Name, and the amount of what is open."


def test_two_customers_of_one_name_and_amount_are_both_offered_and_neither_proposed(acme, session):
    twin = customer(GLOBEX, "Acme Ltd")
    for who in (acme, twin):
        charged(who, "24.50", token=f"for {who.id}")
    found = proposed(one("x", "24.50", "ACME"))
    assert (found.act, {who for who, _ in found.candidates}) == (Act.NOTHING, {acme, twin})


# -- which charges it pays


def test_the_charges_proposed_are_those_that_come_to_the_amount_else_what_is_due_first(acme):
    first, second = (
        charged(acme, amount, token=amount, days_ago=days) for amount, days in (("10.00", 9), ("24.50", 5))
    )
    ref = reference(acme)
    assert proposed(one(ref, "34.50")).chosen == {first.id: Decimal(10), second.id: Decimal("24.50")}
    assert proposed(one(ref, "24.50")).chosen == {second.id: Decimal("24.50")}
    assert proposed(one(ref, "12.00")).chosen == {first.id: Decimal(10), second.id: Decimal(2)}
    over = proposed(one(ref, "40.00"))
    assert (sum(over.chosen.values()), over.rest) == (Decimal("34.50"), Decimal("5.50"))


def test_accepting_a_proposal_books_a_payment_that_pays_just_what_was_shown(acme):
    first, second = (
        charged(acme, amount, token=amount, days_ago=days) for amount, days in (("10.00", 9), ("24.50", 5))
    )
    line = one(reference(acme), "24.50", "Acme", THEIRS, "T-1")
    accept(line)
    (made,) = [booked.payment for booked in line.bookings]
    assert credit.paid_by(made) == {second.id: Decimal("24.50")}
    assert (made.paid_on, made.bank_reference, made.created_by) == (line.booked_on, "T-1", BEN)
    assert (line.state, line.decided_by) == (LineState.BOOKED, BEN)
    assert first.id in {item.charge.id for item in credit.to_pay_items(acme.id)}


def test_what_has_changed_since_it_was_proposed_is_refused(acme):
    charged(acme, "24.50", token="a")
    line = one(reference(acme), "24.50")
    seal = proposed(line).seal
    paid(acme, "24.50", token="by hand", day=TODAY - timedelta(days=3))
    with pytest.raises(RuleBroken, match="has changed"):
        booking.accept(line, seal, WHO)


def test_a_line_is_booked_once(acme):
    line = one(reference(acme), "24.50")
    seal = proposed(line).seal
    booking.accept(line, seal, WHO)
    with pytest.raises(RuleBroken, match="booked already by"):
        booking.accept(line, seal, WHO)
    assert db.session.scalar(select(func.count(Payment.id))) == 1


@pytest.mark.parametrize(
    "act",
    [
        lambda line, acme, payment: booking.book(line, [Part(acme, line.amount)], WHO, "Again"),
        lambda line, acme, payment: booking.tie(line, payment, WHO),
        lambda line, acme, payment: putting.set_aside(line, "Rent", WHO),
    ],
    ids=["booked", "tied", "set aside"],
)
def test_nothing_else_becomes_of_a_line_that_is_booked(acme, act):
    other = paid(acme, "24.50", token="by hand", day=TODAY - timedelta(days=5))
    line = one("x", "24.50")
    booking.book(line, [Part(acme, line.amount)], WHO)
    with pytest.raises(RuleBroken, match="booked already by"):
        act(line, acme, other)


@pytest.mark.parametrize(
    "act",
    [
        lambda line, acme, payment: booking.came_back(line, [payment], WHO),
        lambda line, acme, payment: booking.pay_back(line, acme, WHO),
    ],
    ids=["came back", "paid back"],
)
def test_nothing_goes_out_by_a_line_that_is_booked(acme, act):
    payment = paid(acme, "24.50", token="by hand", day=TODAY - timedelta(days=5))
    paid(acme, "24.50", token="another", day=TODAY - timedelta(days=4))
    line = one("x", "-24.50")
    booking.pay_back(line, acme, WHO)
    with pytest.raises(RuleBroken, match="booked already by"):
        act(line, acme, payment)
    assert credit.balance_of(acme.id) == Decimal("24.50")


def test_a_payment_that_somebody_recorded_before_is_it_and_not_another_one(acme):
    by_hand = paid(acme, "24.50", token="by hand", day=TODAY - timedelta(days=5))
    line = one(reference(acme), "24.50")
    found = proposed(line)
    assert (found.act, found.payments, found.is_exact) == (Act.RECORDED, (by_hand,), False)
    accept(line)
    assert db.session.scalar(select(func.count(Payment.id))) == 1
    assert proposed(one(f"{reference(acme)} again", "24.50")).act == Act.PAY


def test_a_pending_payment_is_completed_by_its_line(acme):
    by_hand = paid(acme, "24.50", token="by hand", state=PaymentState.PENDING)
    accept(one(reference(acme), "24.50"))
    assert by_hand.state == PaymentState.COMPLETED
    assert credit.balance_of(acme.id) == Decimal("24.50")


def test_the_same_bank_reference_again_needs_a_reason(acme):
    paid(acme, "24.50", token="by hand", reference="T-1", day=TODAY - timedelta(days=60))
    line = one(reference(acme), "24.50", "Acme", THEIRS, "T-1")
    with pytest.raises(Invalid) as refused:
        accept(line)
    assert refused.value.field == "again_reason"
    db.session.rollback()


def test_a_line_may_be_split_between_customers(acme, globex):
    line = one("for both", "30.00", "Parent", THEIRS, "T-1")
    booking.book(line, [Part(acme, Decimal(10)), Part(globex, Decimal(20))], WHO)
    payments = [booked.payment for booked in line.bookings]
    assert [(one.customer, one.amount, one.bank_reference) for one in payments] == [
        (acme, Decimal(10), "T-1"),
        (globex, Decimal(20), "T-1"),
    ]
    assert payments[1].again_reason.startswith("One of 2 parts of a line")


@pytest.mark.parametrize(
    ("parts", "name", "words"),
    [
        ([(0, "10"), (1, "19")], "amount", "1.00 too little"),
        ([(0, "10"), (1, "21")], "amount", "1.00 too much"),
        ([(0, "10"), (0, "20")], "customer_2", "twice"),
        ([(0, "10"), (2, "20")], "customer_2", "pays in GBP"),
        ([(0, "31"), (1, "-1")], "share_2", "above zero"),
        ([(0, "10.001"), (1, "19.999")], "amount", "decimals"),
    ],
)
def test_parts_that_cannot_be_are_refused_at_their_field(acme, globex, parts, name, words):
    whose = [acme, globex, customer(INITECH, "Initech", "GBP")]
    line = one("for both", "30.00")
    with pytest.raises(Invalid, match=words) as refused:
        booking.book(line, [Part(whose[who], Decimal(amount)) for who, amount in parts], WHO)
    assert refused.value.field == name


# -- what came back, and what went out


def test_a_return_proposes_to_cancel_its_payment_and_does_so(globex):
    item = charged(globex, "29.50", token="a", days_ago=30)
    line = lines_of(take_in("camt.053.xml"))[2]
    accept(line)
    (payment,) = [booked.payment for booked in line.bookings]
    assert payment.method == PaymentMethod.DIRECT_DEBIT
    assert not credit.to_pay_items(globex.id)
    came = lines_of(take_in("camt.053.xml"))[3]
    found = proposed(came)
    assert (found.act, found.payments[0]) == (Act.CANCEL, payment)
    assert found.why == "Globex AG's payment of 29.50 EUR, 5 November 2026, came back."
    accept(came)
    assert (payment.state, came.state) == (PaymentState.CANCELLED, LineState.BOOKED)
    assert [one.charge.id for one in credit.to_pay_items(globex.id)] == [item.id]
    assert credit.balance_of(globex.id) == ZERO
    with pytest.raises(RuleBroken, match="came back by another line"):
        putting.put_back(line, WHO)
    with pytest.raises(RuleBroken, match="cannot be made good"):
        putting.put_back(came, WHO)


def test_a_dispute_at_stripe_proposes_the_payment_that_it_names(globex):
    lines = {line.bank_reference: line for line in lines_of(take_in("stripe-payouts-itemised.csv"))}
    accept(lines["txn_1SA002"])
    (payment,) = [booked.payment for booked in lines["txn_1SA002"].bookings]
    found = proposed(lines["txn_1SA004"])
    assert (found.act, found.payments[:1]) == (Act.CANCEL, (payment,))


def test_a_return_of_nothing_that_is_known_proposes_nothing(globex):
    assert proposed(lines_of(take_in("camt.053.xml"))[3]).act == Act.NOTHING


def test_less_than_was_paid_cancels_no_payment(acme):
    payment = paid(acme, "50.00", token="by hand")
    line = lines_of(take_in("camt.053.xml"))[3]
    with pytest.raises(RuleBroken, match="less than was paid"):
        booking.came_back(line, [payment], WHO)


def test_a_refund_at_stripe_proposes_money_paid_back(acme):
    acme.email = "billing@acme.example"
    lines = {line.bank_reference: line for line in lines_of(take_in("stripe-payouts-itemised.csv"))}
    accept(lines["txn_1SA001"])
    refund = lines["txn_1SA003"]
    assert (proposed(refund).act, proposed(refund).customer) == (Act.PAY_BACK, acme)
    accept(refund)
    assert credit.balance_of(acme.id) == Decimal("14.50")
    (booked,) = refund.bookings
    assert booked.payment_back.amount == Decimal(10)
    putting.put_back(refund, WHO)
    assert credit.balance_of(acme.id) == Decimal("24.50")


def test_money_that_was_paid_back_before_is_not_paid_back_twice(acme):
    acme.iban = THEIRS
    paid(acme, "50.00", token="by hand")
    made = back(acme, "20.00")
    line = one("refund", "-20.00", "Acme", THEIRS)
    assert (proposed(line).act, proposed(line).backs) == (Act.RECORDED, (made,))
    accept(line)
    assert db.session.scalar(select(func.count(PaymentBack.id))) == 1


def test_a_payout_of_a_service_is_set_aside_and_found_from_its_report(session):
    report = take_in("stripe-payouts-itemised.csv").statements[1]
    assert lists.arrival_of(report) is None
    line = one("po_1SAaBcNov09", "98.25", "STRIPE TECHNOLOGY EUROPE LTD", OTHER, "", 12)
    assert proposed(line).act == Act.SET_ASIDE
    assert lists.arrival_of(report) == line
    accept(line)
    assert line.state == LineState.SET_ASIDE


# -- set aside, and put back


def test_a_line_is_set_aside_with_a_word_and_put_back(acme):
    line = one("Rent", "-850.00")
    with pytest.raises(Invalid, match="Enter a word"):
        putting.set_aside(line, "  ", WHO)
    putting.set_aside(line, "Rent", WHO)
    assert (line.state, line.note) == (LineState.SET_ASIDE, "Rent")
    with pytest.raises(RuleBroken, match="set aside already"):
        booking.book(line, [Part(acme, Decimal(1))], WHO)
    putting.put_back(line, WHO)
    assert (line.state, line.note) == (LineState.OPEN, "")


def test_a_booked_line_that_is_put_back_has_its_payment_cancelled_and_can_be_booked_again(acme, globex):
    charged(acme, "24.50", token="a")
    line = one("x", "24.50", "A", THEIRS, "T-1")
    booking.book(line, [Part(acme, line.amount)], WHO)
    (first,) = [booked.payment for booked in line.bookings]
    putting.put_back(line, WHO)
    assert (first.state, line.state, line.bookings) == (PaymentState.CANCELLED, LineState.OPEN, [])
    assert len(credit.to_pay_items(acme.id)) == 1
    booking.book(line, [Part(globex, line.amount)], WHO)
    assert credit.balance_of(globex.id) == Decimal("24.50")
    assert credit.balance_of(acme.id) == ZERO


def test_a_line_tied_to_a_payment_lets_it_go_and_the_payment_stays(acme):
    by_hand = paid(acme, "24.50", token="by hand", day=TODAY - timedelta(days=5))
    line = one(reference(acme), "24.50")
    accept(line)
    putting.put_back(line, WHO)
    assert (by_hand.state, line.state) == (PaymentState.COMPLETED, LineState.OPEN)


# -- all exact ones, and the three sums


def test_all_exact_lines_are_booked_at_once_and_no_other(acme, globex):
    charged(acme, "24.50", token="a")
    globex.iban = OTHER
    kept = made_up(
        (reference(acme), "24.50", "A", THEIRS, "T-1"),
        (f"{reference(acme)} second", "10.00", "A", THEIRS, "T-2"),
        (f"{reference(acme)} {reference(globex)}", "11.00"),
        ("known account", "12.00", "Globex", OTHER),
        ("Rent", "-850.00"),
        (f"Refund {reference(acme)}", "-1.00"),
    )
    statement = kept.statements[0]
    assert (exact.exact_of(statement).count, exact.exact_of(statement).total) == (2, Decimal("34.50"))
    assert exactly(statement).count == 2
    sums = lists.sums_of([statement.id])[statement.id]
    assert {state: (one.count, one.total) for state, one in sums.items()} == {
        LineState.BOOKED: (2, Decimal("34.50")),
        LineState.SET_ASIDE: (0, ZERO),
        LineState.OPEN: (4, Decimal("-828.00")),
    }
    assert sum(one.total for one in sums.values()) == statement.total
    assert exactly(statement).count == 0
    assert credit.balance_of(acme.id) == Decimal(10)


def test_of_the_exact_lines_one_that_cannot_be_booked_stops_no_other_and_says_why(acme, globex):
    paid(globex, "7.00", token="by hand", reference="T-2", day=TODAY - timedelta(days=90))
    paid(globex, "8.00", token="also", day=TODAY - timedelta(days=4))
    kept = made_up(
        (reference(acme), "24.50", "A", THEIRS, "T-1"),
        (reference(globex), "9.00", "G", OTHER, "T-2"),
        (reference(globex), "8.00", "G", OTHER, "T-3"),
    )
    done = exactly(kept.statements[0])
    assert done.count == 1
    assert sorted(why[:40] for _, why in done.refused) == [
        "A payment of this amount was recorded al",
        "A payment with this reference has alread",
    ]
    assert [line.state.value for line in lines_of(kept)] == ["booked", "open", "open"]


def test_a_line_is_exact_as_things_stand_when_it_is_booked(acme):
    """Between the look and the lock one named becomes a customer, another is archived, a third line is booked."""
    initech = customer(INITECH, "Initech Ltd")
    kept = made_up(
        (f"{reference(acme)} RF54539002", "11.00"), (reference(initech), "12.00"), (reference(acme), "13.00")
    )
    (*_, third) = lines_of(kept)

    def between():
        if not initech.archived_on:
            customer(GLOBEX, "Globex AG")
            initech.archived_on = TODAY
            booking.book(third, [Part(acme, third.amount)], WHO)
            db.session.commit()

    assert exact.exact_of(kept.statements[0]).count == 3
    done = exact.book_exact(kept.statements[0], by=BEN, today=TODAY, now=lambda: NOW, between=between)
    assert (done.count, done.refused) == (0, [])
    assert [line.state.value for line in lines_of(kept)] == ["open", "open", "booked"]


def test_a_line_dated_tomorrow_stays_open(acme):
    kept = made_up((reference(acme), "24.50", "A", THEIRS, "T-1", -1), ("x", "-1.00"))
    assert "or before" in exactly(kept.statements[0]).refused[0][1]


def test_a_customer_is_proposed_in_the_currency_of_the_statement_alone(session):
    customer(INITECH, "Initech Ltd", "EUR")
    lines = lines_of(take_in("mt940-swift.txt"))
    assert proposed(lines[0]).act == Act.NOTHING
    db.session.get_one(Customer, INITECH).currency = "GBP"
    assert proposed(lines[0]).is_exact


def test_a_batch_whose_parts_are_not_known_is_never_exact_and_has_to_be_split(acme):
    content = (
        (DATA / "camt.053.xml")
        .read_bytes()
        .replace(b'<Amt Ccy="EUR">29.50</Amt><CdtDbtInd>CRDT', b'<Amt Ccy="EUR">29.00</Amt><CdtDbtInd>CRDT')
        .replace(b"Invoice 17", f"Invoice 17 {reference(acme)}".encode())
    )
    kept = take_in("x.xml", content)
    line = lines_of(kept)[1]
    found = proposed(line)
    assert (line.amount, found.act, found.is_exact) == (54, Act.NOTHING, False)
    assert found.note == proposals.SPLIT_IT
    exactly(kept.statements[0])
    assert line.state == LineState.OPEN


def test_a_return_of_a_payment_of_which_a_part_was_split_off_cancels_nothing(acme, globex):
    paid(acme, "37.00", token="whole")
    (whole,) = db.session.scalars(select(Payment))
    credit.split(whole, globex, Decimal(7), description="", token="part", today=TODAY, by=BEN, now=NOW)
    line = one(f"R\u00fccklastschrift {reference(acme)}", "-37.00")
    booking.lock_line(line.id)
    with pytest.raises(RuleBroken, match="split off"):
        booking.came_back(line, [whole], WHO)
    assert (line.state, whole.state) == (LineState.OPEN, PaymentState.COMPLETED)


def test_a_customer_whose_currency_is_changed_while_a_line_is_booked_is_not_paid_in_another_one(
    acme, monkeypatch
):
    line = one("for Acme", "30.00")
    really = booking.locking.lock

    def changed_while_waiting(model, ids, **how):
        if model is Customer:
            db.session.execute(
                Customer.__table__.update().where(Customer.id == acme.id).values(currency="GBP")
            )
        return really(model, ids, **how)

    booking.lock_line(line.id)
    monkeypatch.setattr(booking.locking, "lock", changed_while_waiting)
    with pytest.raises(Invalid, match="pays in GBP; this line is in EUR"):
        booking.book(line, [Part(acme, line.amount)], WHO)
