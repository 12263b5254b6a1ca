"""The balance is the sum of its entries, and every amount is either taken from it, to be paid, or paid."""

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from unittest.mock import patch

import pytest
from sqlalchemy import Date, func, select, text

from portal.domain.check_digits import in_fours
from portal.domain.due import Kind
from portal.domain.errors import Invalid, RuleBroken
from portal.domain.payment_reference import payment_reference
from portal.domain.schedule import FIRST_DAY, LAST_DAY
from portal.domain.terms import Proration
from portal.extensions import db
from portal.models import (
    MONEY,
    Allocation,
    AllocationSource,
    Assignment,
    BalanceEntry,
    Call,
    Charge,
    Payment,
    PaymentBack,
    PaymentState,
    Run,
)
from portal.services import credit
from portal.services.assignments.changing import change_end
from portal.services.calls import call_spend
from portal.services.charges import lists, opening_items, sums
from portal.services.charges.by_hand import ManualCharge, charge_manually, reverse, why_not_reverse
from portal.services.charges.lists import Asked, charge_page
from portal.services.charges.opening_items import OpeningItem
from portal.services.charges.write_off import move_due_day, write_off
from portal.services.corrections.planning import plan
from portal.services.corrections.posting import post
from portal.services.corrections.tax_rates import RateWanted, plan_rate, post_rate
from portal.services.corrections.wanted import Wanted, Whose
from portal.services.credit import came_off as came_off_kept
from portal.services.credit import charged as charged_kept
from portal.services.credit import moved as moved_kept
from portal.services.credit.account import account
from portal.services.credit.items import items_of
from portal.services.credit.ledger import charge_ledger
from portal.services.credit.statement import statement
from portal.services.credit.states import FILTERS, is_in_state, standings
from portal.services.runs import runs, undoing
from tests.depth import tries
from tests.services.credit.derived import Ledger, in_proportion
from tests.trade import BEN, NOW, TODAY, a_customer, a_package, assigned, run

ONE_DAY = timedelta(days=1)


def paid(customer, amount, state=PaymentState.COMPLETED, *, token="payment", **more):
    payment = Payment(
        token=token, customer=customer, state=state, paid_on=TODAY, amount=Decimal(amount), created_by=BEN,
        created_at=NOW, fee=Decimal(0), description="Bank transfer", **more,
    )  # fmt: skip
    return credit.record_payment(payment, TODAY, now=NOW)


def charged(customer, amount, *, token="charge", auto=False):
    asked = ManualCharge(customer, TODAY, Decimal(amount), Decimal(0), "Support call", auto)
    return charge_manually(asked, token=token, today=TODAY, by=BEN, now=NOW)


def owed(customer):
    return credit.to_pay(customer.id).charges - credit.to_pay(customer.id).credit_to_use


def allocate(payment, charge, amount):
    """Pay so much of a charge; the allocation."""
    more = credit.paid_by(payment).get(charge.id, Decimal(0)) + Decimal(amount)
    credit.allocate(payment, {charge.id: more}, today=TODAY, by=BEN, now=NOW)
    query = select(Allocation).where(Allocation.payment_id == payment.id, Allocation.charge_id == charge.id)
    return db.session.scalars(query.order_by(Allocation.id.desc())).first()


def test_only_a_completed_payment_is_in_the_balance(session):
    acme = a_customer()
    payment = paid(acme, "50", PaymentState.PENDING)
    assert credit.balance_of(acme.id) == 0
    credit.complete_payment(payment, TODAY, by=BEN, now=NOW)
    assert credit.balance_of(acme.id) == 50
    credit.cancel_payment(payment, TODAY, by=BEN, now=NOW)
    assert credit.balance_of(acme.id) == 0
    with pytest.raises(RuleBroken, match="already cancelled"):
        credit.cancel_payment(payment, TODAY, by=BEN, now=NOW)


def test_a_payment_sent_twice_counts_once(session):
    acme = a_customer()
    assert paid(acme, "50") is paid(acme, "50")
    assert credit.balance_of(acme.id) == 50


def test_a_charge_with_auto_decrement_takes_amount_and_tax_from_the_balance(session):
    acme = a_customer(tax_rate="20")
    charged(acme, "10", auto=True)
    entry = session.scalars(select(BalanceEntry)).one()
    assert (entry.amount, entry.tax) == (Decimal(-12), Decimal(-2))
    assert owed(acme) == 0


def test_allocating_a_payment_takes_from_the_balance_and_releasing_gives_back(session):
    acme = a_customer(tax_rate="20")
    payment, charge = paid(acme, "50"), charged(acme, "10")
    allocation = allocate(payment, charge, "12")
    assert (credit.balance_of(acme.id), owed(acme)) == (38, 0)
    assert credit.to_pay_items(acme.id) == []
    credit.release_allocation(allocation, TODAY, by=BEN, now=NOW)
    credit.release_allocation(allocation, TODAY, by=BEN, now=NOW)
    assert (credit.balance_of(acme.id), owed(acme)) == (50, 12)


def test_no_more_is_allocated_than_is_left_of_the_charge_or_of_the_payment(session):
    acme = a_customer(tax_rate="0")
    payment, charge = paid(acme, "15"), charged(acme, "10")
    with pytest.raises(Invalid, match=r"Only 10\.00 of the charge"):
        allocate(payment, charge, "11")
    allocate(payment, charge, "10")
    with pytest.raises(Invalid, match=r"Only 5\.00 of the payment"):
        allocate(payment, charged(acme, "10", token="second"), "6")


def test_an_allocated_payment_is_released_before_it_is_cancelled(session):
    acme = a_customer(tax_rate="0")
    payment, charge = paid(acme, "15"), charged(acme, "10")
    allocate(payment, charge, "10")
    with pytest.raises(RuleBroken, match="Release it first") as refused:
        credit.cancel_payment(payment, TODAY, by=BEN, now=NOW)
    assert refused.value.way_out.label == "Release the payment"
    credit.release(payment, TODAY, by=BEN, now=NOW)
    credit.cancel_payment(payment, TODAY, by=BEN, now=NOW)
    assert (credit.balance_of(acme.id), owed(acme)) == (0, 10)


def test_what_was_paid_of_a_reversed_charge_returns_to_the_balance(session):
    acme = a_customer(tax_rate="20")
    payment, charge = paid(acme, "12"), charged(acme, "10")
    allocate(payment, charge, "12")
    reverse(charge, "Wrong customer", today=TODAY, by=BEN, now=NOW)
    assert (credit.balance_of(acme.id), owed(acme)) == (12, 0)
    assert credit.allocated_of(payment) == 0


def test_a_credit_releases_only_what_was_paid_too_much(session):
    acme = a_customer(tax_rate="0")
    package = a_package(retail="30", cost="0", proration=Proration.DAILY)
    line = assigned(package, acme, date(2026, 11, 1))
    run(TODAY)
    charge = session.scalars(select(Charge)).one()
    paid(acme, "30")
    change_end(line, TODAY, TODAY, by=BEN, now=NOW)
    run(TODAY + ONE_DAY)
    assert (credit.balance_of(acme.id), owed(acme)) == (8, 0)
    stands = standings([charge], TODAY)[charge.id]
    assert (stands.state, stands.came_off.paid, stands.came_off.credited) == ("paid", 22, 8)


def test_a_correction_goes_where_its_charge_went_whatever_the_assignment_says_by_then(session):
    acme = a_customer(tax_rate="0")
    package = a_package(retail="30", cost="0", proration=Proration.DAILY)
    line = assigned(package, acme, date(2026, 11, 1))
    run(TODAY)
    line.auto_decrement_credit = True
    change_end(line, TODAY, TODAY, by=BEN, now=NOW)
    run(TODAY + ONE_DAY)
    assert (credit.balance_of(acme.id), owed(acme)) == (0, 22)


def test_calls_are_one_entry_a_customer_and_day_and_late_ones_add_the_difference(session):
    acme = a_customer(tax_rate="20")

    def call(number, amount):
        session.add(
            Call(
                customer_id=acme.id,
                call_id=str(number),
                day=TODAY,
                seconds=60,
                amount=Decimal(amount),
                came_in_on=TODAY,
            )
        )
        session.flush()
        call_spend.enter_calls([acme.id], TODAY, TODAY, NOW)

    call(1, "0.004")
    assert session.scalars(select(BalanceEntry)).all() == []
    call(2, "0.021")
    call(3, "1")
    entries = [(entry.amount, entry.tax) for entry in session.scalars(select(BalanceEntry))]
    assert entries == [(Decimal("-0.04"), Decimal("-0.01")), (Decimal("-1.20"), Decimal("-0.20"))]
    call_spend.enter_calls([acme.id], TODAY, TODAY, NOW)
    assert credit.balance_of(acme.id) == Decimal("-1.24")


def test_who_is_below_the_limit_counts_the_debit_limit(session):
    acme, globex = a_customer("Acme"), a_customer("Globex")
    for customer, name in ((acme, "a"), (globex, "g")):
        charged(customer, "10", token=name, auto=True)
    acme.debit_limit = Decimal(12)
    session.flush()
    assert [(one.customer, one.available) for one in credit.below_limit()] == [(globex, Decimal(-12))]


def test_the_customers_own_payment_reference_is_no_bank_reference(session):
    acme, own = a_customer(), payment_reference
    first, again = (
        paid(acme, "5", token=token, bank_reference=in_fours(own(acme.id)).lower()) for token in ("a", "b")
    )
    assert first is not again and {first.reference_key, again.reference_key} == {""}
    assert first.bank_reference  # it is kept all the same
    paid(a_customer("Globex"), "5", token="c", bank_reference=own(acme.id))
    with pytest.raises(Invalid, match="already been recorded"):
        paid(a_customer("Initech"), "5", token="d", bank_reference=own(acme.id))


class History:
    """Things that people do with a customer's money, drawn from a seed; refusals change nothing.

    What happens is told to a ledger that works out by itself what is left of what (tests/services/credit/derived.py).
    """

    def __init__(self, seed):
        self.random, self.spans = Random(seed), Random(seed)
        self.customer = a_customer(tax_rate=self.random.choice(("0", "20", "7.7")))
        self.other = a_customer("Somebody else")
        self.customer.payment_days = self.random.choice((None, 0, 30))
        self.day, self.tokens, self.seen = date(2026, 9, 1), 0, 0
        self.ledger = Ledger()
        for auto in (True, False, False):
            package = a_package(f"Line {self.token()}", "31.17", cost="1", proration=Proration.DAILY)
            assigned(package, self.customer, self.day, auto_decrement_credit=auto)

    @property
    def days(self):
        return 14 if self.customer.payment_days is None else self.customer.payment_days

    def token(self):
        self.tokens += 1
        return f"token-{self.tokens}"

    def amount(self):
        return Decimal(self.random.randint(1, 6000)) / 100

    def any(self, model, *where):
        found = db.session.scalars(select(model).where(*where).order_by(model.id))
        return self.random.choice([*found, None])

    def any_payment(self, *where):
        return self.any(Payment, Payment.customer_id == self.customer.id, *where)

    def any_open(self):
        return self.random.choice([*(item for item in self.ledger.items.values() if item.left() > 0), None])

    def act(self):
        getattr(self, self.random.choice([name for name in dir(self) if name.startswith("do_")]))()
        db.session.flush()

    def tell_posted(self, own_due=None):
        """Tell the ledger which charges are new, and when those are due that have a due day of their own."""
        rows = db.session.execute(
            text(
                "SELECT id, kind, amount + tax, charge_on, corrects_id, reverses_id, assignment_id, period_from "
                "FROM charge WHERE id > :seen AND NOT auto_decrement_credit ORDER BY id"
            ).columns(charge_on=Date, period_from=Date),
            {"seen": self.seen},
        ).all()
        plain = [
            (id, kind, Decimal(int(total)) / 1_000_000, *rest, (line, kind, period_from))
            for id, kind, total, *rest, line, period_from in rows
        ]
        self.ledger.posted(plain, self.day, self.days, own_due)
        self.seen = db.session.scalar(select(func.max(Charge.id))) or 0

    def do_pay(self):
        state = self.random.choice((PaymentState.PENDING, PaymentState.COMPLETED, PaymentState.COMPLETED))
        payment = Payment(
            token=self.token(), customer=self.customer, state=state, paid_on=self.day, amount=self.amount() * 3,
            created_by=BEN, created_at=NOW, fee=Decimal(0), description="Bank transfer",
        )  # fmt: skip
        before = credit.balance_of(self.customer.id)
        made = credit.record_payment(payment, self.day, now=NOW)
        if state == PaymentState.COMPLETED:
            self.ledger.arrived(made.id, made.amount, before + made.amount, made.paid_on, self.day)

    def do_complete(self):
        if payment := self.any_payment(Payment.state == PaymentState.PENDING):
            before = credit.balance_of(self.customer.id)
            credit.complete_payment(payment, self.day, by=BEN, now=NOW)
            self.ledger.arrived(
                payment.id, payment.amount, before + payment.amount, payment.paid_on, self.day
            )

    def do_cancel(self):
        if payment := self.any_payment(Payment.state != PaymentState.CANCELLED):
            if credit.allocated_of(payment):
                credit.release(payment, self.day, by=BEN, now=NOW)
                self.ledger.released_all(payment.id, self.day)
            credit.cancel_payment(payment, self.day, by=BEN, now=NOW, although_paid_back=True)
            self.ledger.payments.pop(payment.id, None)

    def do_adjust(self):
        amount = self.amount() * self.random.choice((1, -1))
        credit.adjust(
            self.customer, amount, self.day, "Goodwill", token=self.token(), today=self.day, by=BEN, now=NOW
        )

    def do_charge(self):
        auto, amount = self.random.random() < 0.3, self.amount() * self.random.choice((1, -1))
        asked = ManualCharge(self.customer, self.day, amount, Decimal(0), "Support call", auto)
        charge_manually(asked, token=self.token(), today=self.day, by=BEN, now=NOW)
        self.tell_posted()

    def do_charge_late(self):
        """A charge that is dated before it is posted."""
        charge_on = self.day - timedelta(days=self.random.randint(1, 40))
        asked = ManualCharge(self.customer, charge_on, self.amount(), Decimal(0), "Support call")
        charge_manually(asked, token=self.token(), today=self.day, by=BEN, now=NOW)
        self.tell_posted()

    def do_bring_in(self):
        """What was open in another system, due on a day of its own."""
        day = self.day - timedelta(days=self.random.randint(0, 90))
        due_on = day + timedelta(days=self.random.randint(0, 90))
        item = OpeningItem(self.customer, self.token(), day, due_on, self.amount())
        opening_items.lock([self.customer.id])
        (made,) = opening_items.bring_in([item], credit.Act(self.day, BEN, NOW))
        self.tell_posted({made.id: due_on})

    def do_reverse(self):
        charge = self.any(Charge, Charge.kind != Kind.REVERSAL)
        if charge and not why_not_reverse(charge):
            reverse(charge, "By mistake", today=self.day, by=BEN, now=NOW)
            self.tell_posted()
            if charge.kind == Kind.WRITE_OFF:
                self.ledger.write_off_reversed(charge.id, self.day)

    def do_write_off(self):
        if item := self.any_open():
            made = write_off(
                db.session.get_one(Charge, item.id), "Gone bankrupt", today=self.day, by=BEN, now=NOW
            )
            assert -made.total == item.left()
            whole = db.session.get_one(Charge, item.id)
            assert -made.tax == in_proportion(item.left(), whole.tax, whole.total)
            self.ledger.written_off(made.id, item.id, item.left(), self.day)
            self.seen = made.id

    def do_move_due_day(self):
        if item := self.any_open():
            due_on = item.due + timedelta(days=self.random.randint(1, 30))
            charge = db.session.get_one(Charge, item.id)
            move_due_day(charge, due_on, "They asked", today=self.day, by=BEN, now=NOW)
            self.ledger.moved(item.id, due_on)

    def do_allocate(self):
        payment, item = self.any_payment(Payment.state == PaymentState.COMPLETED), self.any_open()
        if payment and item:
            amount = min(item.left(), self.ledger.left_of(payment.id), self.amount())
            if amount > 0:
                more = credit.paid_by(payment).get(item.id, Decimal(0)) + amount
                credit.allocate(payment, {item.id: more}, today=self.day, by=BEN, now=NOW)
                self.ledger.allocated(payment.id, item.id, amount, self.day)

    def do_allocate_anew(self):
        """Everything that a payment pays, and something else, chosen anew."""
        if payment := self.any_payment(Payment.state == PaymentState.COMPLETED):
            paid = credit.paid_by(payment)
            wanted = {
                id: self.random.choice((Decimal(0), amount, min(amount, self.amount())))
                for id, amount in paid.items()
            }
            rest = (
                self.ledger.left_of(payment.id)
                + sum(paid.values(), Decimal(0))
                - sum(wanted.values(), Decimal(0))
            )
            if (item := self.any_open()) and item.id not in wanted and rest > 0:
                wanted[item.id] = min(item.left(), rest, self.amount())
            credit.allocate(payment, wanted, seen=credit.seen_of(payment), today=self.day, by=BEN, now=NOW)
            if wanted != paid:
                self.ledger.allocated_anew(payment.id, wanted, self.day)

    def do_split(self):
        if payment := self.any_payment(Payment.state == PaymentState.COMPLETED):
            amount = min(self.ledger.left_of(payment.id), self.amount())
            if amount > 0:
                credit.split(
                    payment,
                    self.other,
                    amount,
                    description="",
                    token=self.token(),
                    today=self.day,
                    by=BEN,
                    now=NOW,
                )
                self.ledger.split(payment.id, amount)

    def do_pay_back(self):
        amount = min(credit.balance_of(self.customer.id), self.amount())
        if amount <= 0:
            return
        chosen, payment = {}, self.any_payment(Payment.state == PaymentState.COMPLETED)
        if payment and (most := min(amount, self.ledger.left_of(payment.id), self.amount())) > 0:
            chosen[payment.id] = most
        back = PaymentBack(
            token=self.token(), customer=self.customer, paid_on=self.day, amount=amount, method="cash", created_by=BEN,
            created_at=NOW,
        )  # fmt: skip
        credit.pay_back(back, self.day, now=NOW, chosen=chosen)
        self.ledger.paid_back(back.id, amount, chosen)
        returned = {one.payment_id: one.amount for one in back.returned}
        assert returned == self.ledger.backs[back.id][1]

    def do_cancel_pay_back(self):
        if back := self.any(PaymentBack, PaymentBack.cancelled_on.is_(None)):
            credit.cancel_payment_back(back, self.day, by=BEN, now=NOW)
            self.ledger.backs.pop(back.id)

    def do_pay_from_balance(self):
        balance = credit.balance_of(self.customer.id)
        if balance > 0 and self.any_open():
            credit.pay_from_balance(self.customer, today=self.day, by=BEN, now=NOW)
            self.ledger.paid_from_balance(balance, self.day)

    def do_release_allocation(self):
        sources = (*MONEY, AllocationSource.DISCOUNT)
        allocation = self.any(Allocation, Allocation.released_on.is_(None), Allocation.source.in_(sources))
        if allocation and allocation.can_be_released:
            parts = (
                part
                for part in self.ledger.items[allocation.charge_id].parts
                if not part.until and part.source == allocation.source
                and part.whose == (allocation.payment_id or allocation.by_charge_id or 0)
                and part.amount == allocation.amount
            )  # fmt: skip
            part = next(parts)
            credit.release_allocation(allocation, self.day, by=BEN, now=NOW)
            self.ledger.lifted(part, self.day)

    def do_call(self):
        day = self.day - timedelta(days=self.random.randint(0, 3))
        db.session.add(
            Call(
                customer_id=self.customer.id, call_id=self.token(), day=day, seconds=60, amount=self.amount() / 7 // 1,
                came_in_on=self.day,
            )
        )  # fmt: skip
        db.session.flush()
        call_spend.enter_calls([self.customer.id], day, self.day, NOW)

    def do_end(self):
        line = self.any(Assignment, Assignment.end_date.is_(None))
        if line and self.random.random() < 0.3:
            change_end(line, self.day, self.day, by=BEN, now=NOW)

    def do_correct(self):
        """A wrong price of a package, or of one assignment with its quantity, corrected back to a day."""
        if not (line := self.any(Assignment)):
            return
        since = self.day - timedelta(days=self.random.randint(0, 70))
        whose = self.random.choice((Whose(package=line.package), Whose(assignment_ids=(line.id,))))
        quantity = None if whose.package else self.random.choice((None, 1, 2))
        wanted = Wanted(since, "GBP", {"retail": self.amount()}, quantity)
        if not (seen := plan(wanted, whose, self.day)).does_nothing:
            post(wanted, whose, seen=seen.fingerprint, token=self.token(), today=self.day, by=BEN, now=NOW)
            self.tell_posted()

    def do_correct_rate(self):
        """A wrong tax rate, corrected back to a day."""
        since = self.day - timedelta(days=self.random.randint(0, 70))
        wanted = RateWanted(since, Decimal(self.random.choice(("0", "7.7", "20"))))
        if not (seen := plan_rate(self.customer, wanted, self.day)).does_nothing:
            act = {"token": self.token(), "today": self.day, "by": BEN, "now": NOW}
            post_rate(self.customer, wanted, seen=seen.fingerprint, **act)
            self.tell_posted()

    def do_run(self):
        self.day += timedelta(days=self.random.randint(1, 12))
        self.run()

    do_run_again = do_run_once_more = do_run

    def run(self):
        self.ledger.balance = credit.balance_of(self.customer.id)
        made = runs.start(self.day, simulate=False, today=self.day, by=BEN, now=NOW)
        db.session.commit()
        runs.carry_out(made.id, self.day, lambda: NOW)
        db.session.expire_all()
        self.tell_posted()

    def do_undo_a_run(self):
        """One of the last runs is undone; what followed meanwhile keeps some of it from being undone."""
        found = list(db.session.scalars(select(Run).order_by(Run.id.desc()).limit(3)))
        made = self.random.choice([*found[:1], *found]) if found else None
        if not made:
            return
        balance, before = (
            credit.balance_of(self.customer.id),
            db.session.scalar(select(func.max(Charge.id))) or 0,
        )
        try:
            begun = undoing.start_undoing(made, "Wrong prices", by=BEN, now=NOW)
        except RuleBroken:  # nothing of it is left to undo
            return
        db.session.commit()
        undoing.carry_out_undoing(begun.id, self.day, lambda: NOW)
        db.session.expire_all()
        query = select(Charge).where(Charge.kind == Kind.UNDO, Charge.id > before).order_by(Charge.id)
        mirrors = list(db.session.scalars(query))
        returns = sum((one.total for one in mirrors if one.auto_decrement_credit), Decimal(0))
        undone = {one.reverses_id for one in mirrors if not one.auto_decrement_credit}
        self.ledger.undone(undone, balance - returns, self.day)
        self.seen = db.session.scalar(select(func.max(Charge.id))) or 0
        if self.random.random() < 0.4:
            self.run()

    do_undo_a_run_again = do_undo_a_run_once_more = do_undo_a_run

    def do_add_up(self):
        """All charges, what came off, what moved the balance: kept from now on, though it is little (KEPT_FROM)."""
        sums.fold()

    def check(self):
        """Everything that says what is to be paid says what the ledger says."""
        id, ledger = self.customer.id, self.ledger
        charges = list(db.session.scalars(select(Charge)))
        found = items_of(charges)
        undoes = {c.id for c in charges if c.kind == Kind.UNDO}
        assert {id: item.left for id, item in found.items() if item.left or id not in undoes} == {
            **{id: item.left() for id, item in ledger.items.items()},
            **{id: ledger.used(id) - total for id, (_, total) in ledger.discounts.items()},
        }
        assert {id: item.due_on for id, item in found.items() if item.left > 0} == {
            id: item.due for id, item in ledger.items.items() if item.left() > 0
        }
        balance = credit.balance_of(id)
        says = credit.to_pay(id)
        assert says.charges == ledger.left_of_charges()
        assert says.credit_to_use == ledger.credit_to_use()
        assert says.total == ledger.left_of_charges() + max(-balance, Decimal(0))
        assert [(item.charge.id, item.left) for item in credit.to_pay_items(id)] == [
            (item.id, item.left()) for item in ledger.due_first()
        ]
        day = self.day - timedelta(days=self.random.randint(0, 50))
        then = credit.to_pay(id, day)
        assert (then.charges, then.credit_to_use) == (ledger.left_of_charges(day), ledger.credit_to_use(day))
        by_day = defaultdict(Decimal)
        for item in credit.to_pay_items(id, day):
            by_day[item.due_on] += item.left
        assert list(credit.open_sums(id, day)[0].items()) == list(by_day.items())
        self.check_account()
        stands = standings(charges, self.day)
        assert {id: one.state for id, one in stands.items() if one.state != "from_balance"} == {
            id: ledger.state(id)
            for id in (*ledger.items, *ledger.discounts)
            if not (id in ledger.items and ledger.items[id].taken_back)
        } | {c.id: gone(c, charges) for c in charges if c.auto_decrement_credit and gone(c, charges)}
        for name in FILTERS:
            listed = set(db.session.scalars(select(Charge.id).where(is_in_state(name, self.day))))
            late = {id for id, one in stands.items() if one.overdue_days}
            of_name = {"to_pay": {item.id for item in ledger.due_first()}, "overdue": late}
            assert listed == of_name.get(name, {id for id, one in stands.items() if one.state == name}), name
            page = charge_page(Asked(paid=name, today=self.day), size=len(charges) + 1)
            assert {charge.id for charge in page.rows} == listed, name
            assert page.counted.count == len(listed), name
            self.check_newest(name)
        about = {c.id for c in charges if c.writes_off_id}
        off = (c.total for c in charges if c.id in about or c.reverses_id in about)
        assert -sum(off, Decimal(0)) == ledger.written_off_now()
        waits = ledger.waiting & set(ledger.discounts)
        assert credit.who_can_set_off() == [] or waits
        theirs = (Payment.customer_id == id, Payment.state == PaymentState.COMPLETED)
        for payment in db.session.scalars(select(Payment).where(*theirs)):
            assert credit.left_of(payment) == ledger.left_of(payment.id) >= 0

    def check_newest(self, name):
        """However few of those with the highest ids are looked at, a list begins as all charges in order do."""
        for sort, size in (("-date", 1), ("-date", 2), ("-posted", 1)):
            pages = []
            for looked_at in (0, 1, 2, 5):
                with patch.object(lists, "NEWEST", looked_at):
                    pages.append(charge_page(Asked(paid=name, today=self.day), sort, size=size).rows)
            assert pages == pages[:1] * len(pages), name

    def check_account(self):
        """Each part of the account is what the ledger says, they add up, and the next span goes on from there."""
        begins = self.day - timedelta(days=self.spans.randint(0, 60))
        through = begins + timedelta(days=self.spans.randint(0, 60))
        says, ledger, before = (
            account(self.customer, begins, through, self.day),
            self.ledger,
            begins - ONE_DAY,
        )
        assert says.brought_forward == ledger.net(before)
        assert says.charged == ledger.charged(begins, through)
        assert says.credited == ledger.credited(begins, through)
        assert says.written_off == ledger.came_off(("write_off",), begins, through)
        assert says.paid == ledger.came_off(MONEY, begins, through)
        assert says.left_of_charges == ledger.left_of_charges(through)
        assert says.credit_to_use == ledger.credit_to_use(through)
        assert (
            says.brought_forward + says.charged - says.credited - says.written_off - says.paid
            == says.left_of_charges - says.credit_to_use
        )
        assert says.then.to_pay == credit.to_pay(self.customer.id, through)
        assert says.now.to_pay == credit.to_pay(self.customer.id)
        left = [item for item in ledger.items.values() if item.left() > 0]
        overdue = sum((item.left() for item in left if item.due < self.day), Decimal(0))
        assert says.now.overdue == overdue + max(-credit.balance_of(self.customer.id), Decimal(0))
        assert list(says.now.by_day) == sorted({item.due for item in left})


def gone(charge, charges):
    """Whether it was reversed or undone, of a charge that names no other."""
    by = next((c for c in charges if c.reverses_id == charge.id), None)
    if charge.corrects_id or charge.reverses_id or not by:
        return None
    return "undone" if by.kind == Kind.UNDO else "reversed"


def calls_with_tax(customer):
    """What calls cost by day, amount and tax rounded once each."""
    by_day = defaultdict(Decimal)
    for call in db.session.scalars(select(Call).where(Call.customer_id == customer.id)):
        by_day[call.day] += call.spend
    cent = Decimal("0.01")
    return sum(
        (
            amount.quantize(cent, "ROUND_HALF_UP")
            + (amount.quantize(cent, "ROUND_HALF_UP") * customer.tax_rate_on(day) / 100).quantize(
                cent, "ROUND_HALF_UP"
            )
            for day, amount in by_day.items()
        ),
        Decimal(0),
    )


def ledgers_add_up(customer_id, begins, through):
    """The ledger of charges ends with what is left of them, from whichever day it begins."""
    for first, last in ((FIRST_DAY, through), (begins, through), (FIRST_DAY, begins)):
        ledger = charge_ledger(customer_id, first, last)
        stands = ledger.opening
        for line in ledger.lines:
            stands += line.amount
            assert (line.left, line.on) == (stands, max(first, min(line.on, last)))
        assert ledger.opening == credit.to_pay(customer_id, first - ONE_DAY).charges
        assert stands == ledger.to_pay.charges == credit.to_pay(customer_id, last).charges


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(tries(3, deep=6)))
def test_in_any_history_the_balance_is_what_came_in_less_what_was_taken(session, seed, monkeypatch):
    monkeypatch.setattr(charged_kept, "KEPT_FROM", 2)
    monkeypatch.setattr(came_off_kept, "KEPT_FROM", 2)
    monkeypatch.setattr(moved_kept, "KEPT_FROM", 2)
    history = History(seed)
    customer = history.customer
    for _ in range(40):
        history.act()
        adjusted = select(BalanceEntry.amount).where(BalanceEntry.source == "adjustment")
        charges = session.scalars(select(Charge)).all()
        standing = session.scalars(
            select(Allocation).where(Allocation.released_on.is_(None), Allocation.source.in_(MONEY))
        ).all()
        taken = sum((charge.total for charge in charges if charge.auto_decrement_credit), Decimal(0))
        allocated = sum((allocation.amount for allocation in standing), Decimal(0))
        balance = credit.balance_of(customer.id)
        assert balance == (
            history.ledger.came_in()
            + sum(session.scalars(adjusted), Decimal(0))
            - taken
            - allocated
            - calls_with_tax(customer)
        )
        theirs = select(BalanceEntry.amount).where(BalanceEntry.customer_id == customer.id)
        assert balance == sum(session.scalars(theirs), Decimal(0))
        assert credit.balance_of(history.other.id) == sum(history.ledger.split_off.values(), Decimal(0))
        ledgers_add_up(customer.id, history.day - timedelta(days=history.random.randint(0, 60)), history.day)
        whole = statement(customer.id, FIRST_DAY, LAST_DAY)
        assert balance == whole.closing == (whole.lines[-1].balance if whole.lines else whole.opening)
        cut = history.day - timedelta(days=history.random.randint(0, 20))
        before, rest = (
            statement(customer.id, FIRST_DAY, cut),
            statement(customer.id, cut + ONE_DAY, LAST_DAY),
        )
        assert (before.closing, rest.closing) == (rest.opening, balance)
        history.check()
