"""Undoing a run leaves everything as before it, and a run afterwards posts the same once more, and once only."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest
from sqlalchemy import func, select

from portal.domain.due import Kind
from portal.domain.errors import Invalid, RuleBroken
from portal.domain.paid_state import PaidState
from portal.domain.schedule import Frequency
from portal.domain.terms import Proration
from portal.extensions import db
from portal.models import (
    Allocation,
    AllocationSource,
    Assignment,
    AssignmentPosition,
    BalanceEntry,
    Call,
    Charge,
    OpenItem,
    Payment,
    PaymentState,
    counts_as_posted,
)
from portal.services import credit
from portal.services.assignments.changing import change_end, change_quantity, change_start
from portal.services.calls.effects import settle
from portal.services.charges.by_hand import (
    ManualCharge,
    charge_manually,
    family,
    reverse,
    what_stands,
    why_not_reverse,
)
from portal.services.charges.write_off import move_due_day, write_off
from portal.services.credit.account import account
from portal.services.credit.items import items_of
from portal.services.credit.ledger import charge_ledger
from portal.services.credit.states import is_in_state, standings
from portal.services.customers.posted import has_postings
from portal.services.packages.catalogue import was_posted
from portal.services.runs import runs, undoing
from tests.depth import tries
from tests.trade import BEN, NOW, TODAY, a_customer, a_package, assigned

pytestmark = pytest.mark.usefixtures("session")

NOVEMBER = date(2026, 11, 1)
DECEMBER = date(2026, 12, 1)
SAID = (
    Charge.assignment_id, Charge.kind, Charge.charge_on, Charge.period_from, Charge.period_until, Charge.quantity,
    Charge.unit_price, Charge.amount, Charge.cost, Charge.tax, Charge.auto_decrement_credit, Charge.due_on,
)  # fmt: skip


def a_run(day=TODAY, customer=None):
    """A run of a day, carried out on it."""
    whose = customer.id if customer else None
    run = runs.start(day, simulate=False, today=day, by=BEN, now=NOW, customer_id=whose)
    db.session.commit()
    return runs.carry_out(run.id, day, lambda: NOW)


def undo(run, day=TODAY, reason="The prices were wrong."):
    """Undo a run on a day."""
    begun = undoing.start_undoing(run, reason, by=BEN, now=NOW)
    db.session.commit()
    return undoing.carry_out_undoing(begun.id, day, lambda: NOW)


def standing():
    """The lines that count as posted, without their numbers."""
    rows = db.session.execute(select(*SAID).where(counts_as_posted(), Charge.writes_off_id.is_(None)))
    return sorted(map(tuple, rows), key=repr)


def positions():
    columns = (
        AssignmentPosition.assignment_id, AssignmentPosition.charged_until, AssignmentPosition.worked_through,
        AssignmentPosition.next_charge_on, AssignmentPosition.late_from, AssignmentPosition.late_on,
    )  # fmt: skip
    return sorted(map(tuple, db.session.execute(select(*columns))))


def world(customers, days=()):
    """All that a run may change and undoing it puts back."""
    db.session.commit()
    db.session.expire_all()
    return {
        "lines": standing(),
        "positions": positions(),
        "balances": [credit.balance_of(customer.id) for customer in customers],
        "to pay": [credit.to_pay(customer.id, day) for customer in customers for day in (None, *days)],
        "covered": list(
            db.session.execute(select(Call.id, Call.covered_amount, Call.covered_seconds).order_by(Call.id))
        ),
    }


def paid(customer, amount, day=TODAY, token="payment"):
    payment = Payment(
        token=token, customer=customer,
        state=PaymentState.COMPLETED, paid_on=day, amount=Decimal(amount), created_by=BEN, created_at=NOW,
        fee=Decimal(0), description="Bank transfer",
    )  # fmt: skip
    return credit.record_payment(payment, day, now=NOW)


def a_discount(customer, amount, day=TODAY):
    asked = ManualCharge(customer, day, -Decimal(amount), Decimal(0), "Sorry")
    token = f"d{db.session.scalar(select(func.count(Charge.id)))}"
    return charge_manually(asked, token=token, today=day, by=BEN, now=NOW)


def the(kind=Kind.RECURRING, *which):
    query = select(Charge).where(Charge.kind == kind, counts_as_posted(), *which)
    return db.session.scalars(query.order_by(Charge.id.desc())).first()


@pytest.fixture
def acme(session):
    return a_customer("Acme", tax_rate="0")


@pytest.fixture
def trunk(session):
    return a_package(retail="100", setup_retail="25", proration=Proration.DAILY)


def test_a_run_that_was_undone_leaves_everything_as_before_it(acme, trunk):
    for auto in (True, False):
        assigned(trunk, acme, NOVEMBER, auto_decrement_credit=auto)
    paid(acme, "300")
    before = world([acme])
    run = a_run()
    assert world([acme]) != before
    assert undo(run).charge_count == 4
    assert world([acme]) == before


def test_a_mirror_bears_the_charge_date_of_what_it_mirrors_and_its_entry_the_day_it_is_made(acme, trunk):
    assigned(trunk, acme, NOVEMBER, auto_decrement_credit=True)
    undo(a_run(), TODAY + timedelta(days=1), "Wrong prices.")
    mirrors = db.session.scalars(select(Charge).where(Charge.kind == Kind.UNDO).order_by(Charge.id)).all()
    assert [(m.charge_on, m.amount, m.reverses.amount, m.reason) for m in mirrors] == [
        (NOVEMBER, -25, 25, "Wrong prices."),
        (NOVEMBER, -100, 100, "Wrong prices."),
    ]
    made = [
        db.session.scalars(select(BalanceEntry).where(BalanceEntry.charge_id == m.id)).one() for m in mirrors
    ]
    assert [(e.made_on, e.for_day, e.amount) for e in made] == [
        (TODAY + timedelta(days=1), NOVEMBER, 25),
        (TODAY + timedelta(days=1), NOVEMBER, 100),
    ]


def test_a_run_afterwards_posts_the_same_lines_once_each_with_the_next_number(acme, trunk):
    assigned(trunk, acme, NOVEMBER)
    run = a_run()
    posted = standing()
    for number in (1, 2):
        undo(run)
        run = a_run()
        assert standing() == posted
        assert {
            line.number for line in db.session.scalars(select(Charge).where(Charge.run_id == run.id))
        } == {number}
        assert a_run().charge_count == 0


def test_what_was_paid_returns_and_pays_the_same_line_again_from_the_first_day(acme, trunk):
    assigned(trunk, acme, NOVEMBER)
    run = a_run(NOVEMBER)
    paid(acme, "60", NOVEMBER + timedelta(days=4))
    days = [NOVEMBER + timedelta(days=days) for days in (0, 3, 4, 10)]
    before = world([acme], days)
    undo(run)
    assert (credit.to_pay(acme.id).charges, credit.balance_of(acme.id)) == (0, 60)
    a_run()
    assert world([acme], days)["to pay"] == before["to pay"]
    assert credit.balance_of(acme.id) == 0
    stands = standings([the(Kind.SETUP), the()], TODAY)
    assert [one.state.value for one in stands.values()] == ["paid", "part_paid"]


def test_what_was_undone_and_posted_again_is_charged_once_in_the_account_of_its_span(acme, trunk):
    assigned(trunk, acme, NOVEMBER)
    run = a_run()

    def said():
        says = account(acme, NOVEMBER, TODAY, TODAY)
        return says.charged, says.credited, says.left_of_charges

    before = said()
    assert before == (125, 0, 125)
    undo(run)
    assert said() == (0, 0, 0)
    a_run()
    assert said() == before


def test_a_line_posted_again_keeps_its_due_day_also_where_it_was_moved(acme, trunk):
    assigned(trunk, acme, NOVEMBER)
    run = a_run(NOVEMBER)
    moved = DECEMBER + timedelta(days=20)
    move_due_day(the(), moved, "They asked.", today=NOVEMBER, by=BEN, now=NOW)
    undo(run)
    a_run()
    items = items_of([the(Kind.SETUP), the()])
    assert [item.due_on for item in items.values()] == [NOVEMBER + timedelta(days=14), moved]


def test_two_differences_of_a_period_that_are_posted_again_are_each_paid_and_due_as_before(acme, trunk):
    line = assigned(trunk, acme, NOVEMBER, end_date=date(2026, 11, 24))
    a_run(NOVEMBER)
    runs_ = []
    for number, last in enumerate((26, 29)):
        day = NOVEMBER + timedelta(days=4 + number)
        change_end(line, date(2026, 11, last), day, by=BEN, now=NOW)
        runs_.append(a_run(day))
    first, second = (
        db.session.scalars(
            select(Charge).where(Charge.kind == Kind.DIFFERENCE, Charge.number == number)
        ).one()
        for number in (1, 2)
    )
    owed = credit.to_pay(acme.id).charges
    paid(acme, str(owed), TODAY)
    for run in reversed(runs_):
        undo(run)
    assert credit.balance_of(acme.id) == first.total + second.total
    a_run()
    again = db.session.scalars(select(Charge).where(Charge.kind == Kind.DIFFERENCE, Charge.number > 2)).all()
    assert [(one.total, one.due_on) for one in again] == [(one.total, one.due_on) for one in (first, second)]
    assert (credit.to_pay(acme.id).charges, credit.balance_of(acme.id)) == (0, 0)
    assert [one.state.value for one in standings(again, TODAY).values()] == ["paid", "paid"]


def test_one_difference_that_is_posted_again_for_two_is_paid_by_what_paid_either(acme):
    assigned(a_package(retail="100", minimum_spend=True), acme, date(2026, 10, 1))
    call = Call(
        customer_id=acme.id, call_id="call", day=date(2026, 10, 5), seconds=60, amount=Decimal(60),
        came_in_on=date(2026, 10, 5),
    )  # fmt: skip
    db.session.add(call)
    a_run(NOVEMBER + timedelta(days=2))
    runs_, differences = [], []
    for number, amount in enumerate((50, 30)):
        day = NOVEMBER + timedelta(days=4 + number)
        call.amount = Decimal(amount)
        settle({acme.id: call.day}, day, NOW)
        runs_.append(a_run(day))
        differences.append(the(Kind.DIFFERENCE))
    assert [one.total for one in differences] == [10, 20]
    paid(acme, "200", TODAY)
    left = credit.balance_of(acme.id)
    for run in reversed(runs_):
        undo(run)
    assert credit.balance_of(acme.id) == left + 30
    a_run()
    again = the(Kind.DIFFERENCE)
    assert (again.number, again.total, again.due_on) == (3, 30, differences[1].due_on)
    assert credit.balance_of(acme.id) == left
    assert [one.state.value for one in standings([again], TODAY).values()] == ["paid"]


def test_what_paid_a_line_that_was_posted_and_undone_twice_is_put_on_once(acme, trunk):
    assigned(trunk, acme, NOVEMBER)
    run = a_run(NOVEMBER)
    payment = paid(acme, "125", NOVEMBER)
    credit.allocate(payment, {the().id: Decimal(60)}, today=TODAY, by=BEN, now=NOW)
    for _ in range(2):
        undo(run)
        run = a_run()
    assert (credit.to_pay(acme.id).charges, credit.balance_of(acme.id)) == (40, 40)


def test_money_that_is_no_longer_held_does_not_pay_again(acme, trunk):
    assigned(trunk, acme, NOVEMBER)
    run = a_run(NOVEMBER)
    paid(acme, "125", NOVEMBER)
    undo(run)
    credit.adjust(acme, Decimal(-100), TODAY, "Calls", token="a", today=TODAY, by=BEN, now=NOW)
    a_run()
    assert (credit.to_pay(acme.id).charges, credit.balance_of(acme.id)) == (100, 0)


def test_a_discount_and_a_write_off_are_put_on_again(acme, trunk):
    assigned(trunk, acme, NOVEMBER)
    run = a_run(NOVEMBER)
    a_discount(acme, "40", NOVEMBER + timedelta(days=1))
    written_off = write_off(the(), "Gone away.", today=NOVEMBER + timedelta(days=2), by=BEN, now=NOW)
    days = [NOVEMBER + timedelta(days=days) for days in range(5)]
    before = world([acme], days)
    undo(run)
    assert what_stands(written_off).total == 0
    assert credit.to_pay(acme.id).credit_to_use == 40
    a_run()
    assert world([acme], days)["to pay"] == before["to pay"]
    assert what_stands(written_off).total == written_off.total
    assert [one.state.value for one in standings([the()], TODAY).values()] == ["written_off"]


def test_a_credit_of_an_earlier_charge_is_undone_alone_and_what_it_returned_is_put_on_again(acme, trunk):
    line = assigned(trunk, acme, NOVEMBER)
    a_run(NOVEMBER)
    charge = the()
    paid(acme, "125", NOVEMBER)
    change_end(line, TODAY - timedelta(days=8), TODAY, by=BEN, now=NOW)
    before = world([acme], [NOVEMBER, TODAY])
    run = a_run()
    assert credit.balance_of(acme.id) > 0
    undo(run)
    assert world([acme], [NOVEMBER, TODAY]) == before
    assert [one.state.value for one in standings([charge], TODAY).values()] == ["paid"]
    assert [one.kind for one in family(charge)] == [Kind.RECURRING, Kind.CREDIT, Kind.UNDO]
    a_run()
    again = the(Kind.CREDIT)
    assert (again.number, again.corrects_id, what_stands(charge).amount) == (2, charge.id, 100 + again.amount)


def test_the_charge_behind_an_undone_credit_can_be_reversed(acme, trunk):
    line = assigned(trunk, acme, NOVEMBER)
    a_run(NOVEMBER)
    charge = the()
    change_end(line, TODAY, TODAY, by=BEN, now=NOW)
    undo(a_run(TODAY + timedelta(days=1)), TODAY + timedelta(days=1))
    assert reverse(charge, "No.", today=TODAY, by=BEN, now=NOW).amount == -100
    assert credit.to_pay(acme.id).charges == 25


def test_what_was_undone_cannot_be_reversed_nor_what_undoes_it(acme, trunk):
    assigned(trunk, acme, NOVEMBER)
    undo(a_run())
    for kind in (Kind.SETUP, Kind.UNDO):
        charge = db.session.scalars(select(Charge).where(Charge.kind == kind)).first()
        assert why_not_reverse(charge)


def test_what_is_followed_by_something_later_reversed_by_hand_or_archived_is_left_and_named(acme, trunk):
    later, by_hand, free = (assigned(trunk, acme, NOVEMBER) for _ in range(3))
    gone = a_customer("Gone")
    old = assigned(trunk, gone, NOVEMBER, end_date=NOVEMBER)
    run = a_run(NOVEMBER + timedelta(days=1))
    change_end(later, TODAY, TODAY, by=BEN, now=NOW)
    a_second = a_run(TODAY + timedelta(days=1))
    reverse(the(Kind.RECURRING, Charge.assignment_id == by_hand.id), "No.", today=TODAY, by=BEN, now=NOW)
    gone.archived_on = TODAY
    db.session.flush()
    before = {row[0]: row for row in positions()}
    told = undoing.would_undo(run)
    assert {(left.assignment.id, left.why.value, left.run_id) for left in told.left} == {
        (later.id, "later", a_second.id),
        (by_hand.id, "reversed", None),
        (old.id, "archived", None),
    }
    assert (told.assignments, told.customers, told.charges, told.left_count) == (1, 1, 2, 3)
    assert undo(run).charge_count == 2
    after = {row[0]: row for row in positions()}
    assert [id for id in before if before[id] != after[id]] == [free.id]
    # Once what came later is undone, so can be what it followed.
    undo(a_second)
    assert [left.assignment.id for left in undoing.would_undo(run).left] == [by_hand.id, old.id]
    assert undo(run).charge_count == 2


def test_what_was_undone_counts_as_not_posted(acme, trunk):
    line = assigned(trunk, acme, NOVEMBER)
    run = a_run()
    write_off(the(), "Gone away.", today=TODAY, by=BEN, now=NOW)
    assert was_posted(trunk)
    assert has_postings(acme.id)
    undo(run)
    assert not was_posted(trunk)
    assert not has_postings(acme.id)
    change_start(db.session.get(Assignment, line.id), NOVEMBER + timedelta(days=1), None, TODAY)
    a_run()
    assert (the(Kind.SETUP).number, the().number, the().period_from) == (0, 0, NOVEMBER + timedelta(days=1))


def test_an_end_date_and_a_quantity_that_came_since_are_kept(acme, trunk):
    line = assigned(trunk, acme, NOVEMBER)
    run = a_run(NOVEMBER)
    change_end(line, TODAY, TODAY, by=BEN, now=NOW)
    undo(run)
    line = db.session.get(Assignment, line.id)
    assert line.end_date == TODAY
    change_quantity(line, 2, TODAY, TODAY)
    a_run()
    # 22 of 30 days of two.
    assert the().amount == Decimal("146.67")
    assert a_run(DECEMBER).charge_count == 0


def test_a_run_is_undone_once_with_a_reason_and_a_simulation_not_at_all(acme, trunk):
    assigned(trunk, acme, NOVEMBER)
    run = a_run()
    for reason, said in (("  ", "Enter why"), ("x" * 1001, "Too long")):
        with pytest.raises(Invalid, match=said):
            undoing.start_undoing(run, reason, by=BEN, now=NOW)
    undo(run)
    with pytest.raises(RuleBroken, match="Nothing of this run is left"):
        undo(run)
    simulation = runs.start(TODAY, simulate=True, today=TODAY, by=BEN, now=NOW)
    with pytest.raises(RuleBroken, match="posted nothing"):
        undo(simulation)


# -- any history


class Account:
    """A customer to whom things happen, drawn from a seed: to two of the same seed the same."""

    def __init__(self, name, catalogue, seed):
        self.customer, self.random = a_customer(name), Random(seed)
        self.day, self.lines, self.count = date(2026, 8, 3), [], 0
        for package in catalogue:
            for _ in range(self.random.randint(1, 2)):
                ends = self.day + timedelta(days=self.random.randint(20, 120))
                self.lines.append(
                    assigned(
                        package, self.customer, self.day - timedelta(days=self.random.randint(0, 20)),
                        auto_decrement_credit=self.random.random() < 0.4, quantity=self.random.randint(1, 3),
                        end_date=ends if self.random.random() < 0.3 else None,
                        minutes=5 if package.type.value == "free_minutes" else None,
                    )
                )  # fmt: skip

    def goes_on(self):
        """Days go by."""
        self.day += timedelta(days=self.random.randint(1, 25))

    def runs(self):
        return a_run(self.day, self.customer)

    def happens(self, *names):
        """Something that a run may find: calls of days gone by, another end date, more units."""
        name = self.random.choice(names)
        getattr(self, name)()
        db.session.commit()

    def calls(self):
        days = [self.day - timedelta(days=self.random.randint(0, 40)) for _ in range(3)]
        for on in days:
            self.count += 1
            db.session.add(
                Call(
                    customer_id=self.customer.id, call_id=f"call-{self.count}", day=on, seconds=240,
                    started_at=datetime(on.year, on.month, on.day, 9, tzinfo=UTC), destination="442079460999",
                    amount=Decimal(self.random.randint(100, 4000)) / 100, came_in_on=self.day,
                )
            )  # fmt: skip
        db.session.flush()
        settle({self.customer.id: min(days)}, self.day, NOW)

    def ends(self):
        line = self.random.choice(self.lines)
        last = self.day + timedelta(days=self.random.randint(-3, 30))
        if not line.has_ended_on(self.day) and last >= line.start_date:
            change_end(line, None if self.random.random() < 0.2 else last, self.day, by=BEN, now=NOW)

    def units(self):
        line = self.random.choice(self.lines)
        if not line.has_ended_on(self.day):
            change_quantity(line, self.random.randint(1, 4), self.day + timedelta(days=1), self.day)

    def pays(self):
        self.count += 1
        paid(self.customer, self.random.randint(1, 400), self.day, f"{self.customer.name}-{self.count}")

    def is_given_a_discount(self):
        a_discount(self.customer, self.random.randint(1, 60), self.day)

    def is_not_going_to_pay(self):
        item = self.of_what_is_open()
        if item:
            write_off(item.charge, "Gone.", today=self.day, by=BEN, now=NOW)

    def gets_more_time(self):
        item = self.of_what_is_open()
        if item:
            later = item.due_on + timedelta(days=3)
            move_due_day(item.charge, later, "Asked.", today=self.day, by=BEN, now=NOW)

    def of_what_is_open(self):
        items = credit.to_pay_items(self.customer.id)
        return self.random.choice(items) if items else None

    def undoes(self, run):
        undo(run, self.day)

    @property
    def says(self):
        """All that a run may change, with the assignments counted from the first."""
        db.session.commit()
        db.session.expire_all()
        mine = Charge.assignment_id.in_([line.id for line in self.lines])
        first = self.lines[0].id
        query = select(*SAID).where(mine, counts_as_posted(), Charge.writes_off_id.is_(None))
        lines = sorted(((row[0] - first, *row[1:]) for row in db.session.execute(query)), key=repr)
        places = [row for row in positions() if first <= row[0] <= self.lines[-1].id]
        calls = select(Call.call_id, Call.covered_amount).where(Call.customer_id == self.customer.id)
        return {
            "lines": lines,
            "positions": [(row[0] - first, *row[1:]) for row in places],
            "balance": credit.balance_of(self.customer.id),
            "to pay": {
                day: credit.to_pay(self.customer.id, day)
                for day in [None, *(self.day - timedelta(days=days) for days in range(0, 120, 7))]
            },
            "open": sorted(
                (row.due_on, row.amount)
                for row in db.session.scalars(
                    select(OpenItem).where(OpenItem.customer_id == self.customer.id)
                )
            ),
            "covered": sorted(map(tuple, db.session.execute(calls))),
        }


def adds_up(customer, today):
    """Account, ledger, lists and balance say the same, whatever was undone."""
    db.session.expire_all()
    charges = list(db.session.scalars(select(Charge).where(Charge.customer_id == customer.id)))
    left = items_of(charges)
    assert (
        sum((i.left for i in left.values() if i.left > 0), Decimal(0)) == credit.to_pay(customer.id).charges
    )
    open_ = {row.charge_id: row.amount for row in db.session.scalars(select(OpenItem))}
    assert {id: item.left for id, item in left.items() if item.left} == open_
    stands = standings(charges, today)
    for state in PaidState:
        listed = set(db.session.scalars(select(Charge.id).where(is_in_state(state.value, today))))
        assert listed == {id for id, one in stands.items() if one.state == state}, state
    for days in (0, 9, 40, 90):
        begins, through = today - timedelta(days=days), today - timedelta(days=days // 3)
        says = account(customer, begins, through, today)
        before = credit.to_pay(customer.id, begins - timedelta(days=1))
        assert says.brought_forward == before.charges - before.credit_to_use
        ledger = charge_ledger(customer.id, begins, through)
        stood = ledger.opening + sum((line.amount for line in ledger.lines), Decimal(0))
        assert stood == ledger.to_pay.charges == credit.to_pay(customer.id, through).charges
        assert ledger.opening == before.charges
    written_off = [charge.total for charge in charges if charge.writes_off_id]
    off = select(func.sum(Allocation.amount)).where(
        Allocation.source == AllocationSource.WRITE_OFF, Allocation.released_on.is_(None)
    )
    assert -sum(written_off, Decimal(0)) == (db.session.scalar(off) or 0)


@pytest.fixture
def catalogue(session):
    return [
        a_package("Seat", "31", proration=Proration.DAILY, setup_retail="12"),
        a_package("Trunk", "24.50", match=(15, 31)),
        a_package("Watch", "1.25", frequency=Frequency.WEEKLY, match=(1, 4)),
        a_package("Promise", "50", minimum_spend=True),
        a_package("Bundle", "9", minutes=True),
        a_package("Phone", "89", frequency=Frequency.NONE, match=()),
    ]


SINCE = ("calls", "ends", "units")
MONEY_MOVES = ("pays", "pays", "is_given_a_discount", "is_not_going_to_pay", "gets_more_time")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(tries(2, deep=4)))
def test_in_any_history_undoing_a_run_leaves_what_was_and_the_next_run_posts_it_again(catalogue, seed):
    one = Account("One", catalogue, seed)
    for _ in range(4):
        for _ in range(3):
            one.happens(*SINCE, *MONEY_MOVES)
        one.goes_on()
        one.happens(*SINCE, *MONEY_MOVES)
        before = one.says
        run = one.runs()
        after = one.says
        if not run.charge_count and before == after:
            continue
        one.undoes(run)
        assert one.says == before
        adds_up(one.customer, one.day)
        one.runs()
        assert one.says == after
        adds_up(one.customer, one.day)
        assert one.runs().charge_count == 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(tries(2, deep=4)))
def test_in_any_history_what_comes_between_a_run_and_undoing_it_is_as_if_there_had_been_no_run(
    catalogue, seed
):
    one, other = (Account(name, catalogue, seed) for name in ("One", "Other"))
    for each in (one, other):
        for _ in range(3):
            each.goes_on()
            each.happens(*SINCE)
            each.runs()
        each.goes_on()
    run = one.runs()
    for each in (one, other):
        for _ in range(4):
            each.happens(*SINCE)
    if run.due_count:
        one.undoes(run)
    for each in (one, other):
        each.goes_on()
        each.runs()
    for what in ("balance", "to pay", "covered"):
        assert one.says[what] == other.says[what], what
    # A line that was posted before keeps the due day that it had.
    assert [line[:-1] for line in one.says["lines"]] == [line[:-1] for line in other.says["lines"]]
    assert [row[:4] for row in one.says["positions"]] == [row[:4] for row in other.says["positions"]]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(tries(2, deep=4)))
def test_in_any_history_what_was_paid_of_it_is_paid_again_by_what_is_still_there(catalogue, seed):
    one = Account("One", catalogue, seed)
    one.goes_on()
    one.runs()
    one.goes_on()
    run = one.runs()
    for _ in range(6):
        one.happens(*MONEY_MOVES)
    before = one.says
    total = before["balance"] - before["to pay"][None].total
    adds_up(one.customer, one.day)
    one.undoes(run)
    adds_up(one.customer, one.day)
    one.runs()
    adds_up(one.customer, one.day)
    after = one.says
    assert after["lines"] == before["lines"]
    assert after["to pay"][None].total - after["balance"] == -total
    assert after["open"] == before["open"]
