"""Correcting back to a day: what is posted, to whom, what is kept, and what is left as it is."""

import json
from datetime import date, timedelta
from decimal import Decimal
from random import Random

import pytest
from sqlalchemy import func, select

from portal.domain.due import Kind
from portal.domain.errors import Invalid
from portal.domain.schedule import ONE_DAY
from portal.domain.terms import Proration
from portal.models import BalanceEntry, Call, CallCover, Charge, CorrectedAssignment, Correction
from portal.services import credit
from portal.services.assignments.changing import change_end, change_quantity
from portal.services.assignments.own_prices import make_own_change, plan_own_change
from portal.services.charges.by_hand import reverse
from portal.services.charges.explaining import explain_all
from portal.services.corrections.made import assignments_before, terms_before
from portal.services.corrections.planning import plan
from portal.services.corrections.posting import Changed, post
from portal.services.corrections.wanted import Wanted, Whose
from portal.services.once import AlreadySent
from portal.services.packages.changes import make_change, plan_change
from portal.services.packages.definition import PRICE_LABELS, PriceSet, definition_of
from tests.trade import BEN, NOW, TODAY, a_customer, a_package, assigned, run

SEPTEMBER, OCTOBER, NOVEMBER = (date(2026, month, 1) for month in (9, 10, 11))


def wanted(since=OCTOBER, *, quantity=None, for_good=False, sentence="", currency="GBP", **prices):
    four = {name: None if price is None else Decimal(price) for name, price in prices.items()}
    return Wanted(since, currency, four, quantity, for_good, sentence)


def correct(whose, what, *, token="correction", today=TODAY, seen=None):
    seen = seen or plan(what, whose, today).fingerprint
    made = post(what, whose, seen=seen, token=token, today=today, by=BEN, now=NOW)
    return made


def of(package):
    return Whose(package=package)


def chosen(*assignments):
    return Whose(assignment_ids=tuple(one.id for one in assignments))


def corrections(session):
    """What was posted for corrections: kind, first day, number, amount, tax."""
    query = select(Charge).where(Charge.correction_id.is_not(None)).order_by(Charge.id)
    return [
        (line.kind, line.period_from, line.number, line.amount, line.tax) for line in session.scalars(query)
    ]


def sums(session):
    """Amount, cost and tax of each assignment and first day."""
    query = (
        select(
            Charge.assignment_id,
            Charge.period_from,
            func.sum(Charge.amount),
            func.sum(Charge.cost),
            func.sum(Charge.tax),
        )
        .group_by(Charge.assignment_id, Charge.period_from)
        .order_by(Charge.assignment_id, Charge.period_from)
    )
    return [tuple(row) for row in session.execute(query) if any(row[2:])]


def test_a_wrong_price_of_a_package_is_credited_to_all_who_have_it_and_charged_right_from_then_on(session):
    trunk, acme, globex = a_package(), a_customer("Acme"), a_customer("Globex")
    for customer in (acme, globex):
        assigned(trunk, customer, SEPTEMBER)
    run(TODAY)
    made = correct(of(trunk), wanted(retail="20"))
    assert corrections(session) == [
        (Kind.CREDIT, day, 1, Decimal("-4.50"), Decimal("-0.90"))
        for _ in range(2)
        for day in (OCTOBER, NOVEMBER)
    ]
    lines = session.scalars(select(Charge).where(Charge.correction_id == made.id)).all()
    assert {line.charge_on for line in lines} == {TODAY}
    assert all(line.corrects.period_from == line.period_from for line in lines)
    assert credit.to_pay(acme.id).charges == Decimal("29.40") + 2 * Decimal("24.00")
    run(date(2026, 12, 1))
    assert sums(session)[-1][2] == 20


def test_it_keeps_who_when_since_which_day_what_is_said_and_the_terms_as_they_stood(session):
    trunk = a_package()
    assigned(trunk, a_customer(), SEPTEMBER)
    run(TODAY)
    made = correct(of(trunk), wanted(retail="20"))
    assert (made.since, made.made_on, made.made_by, made.package) == (OCTOBER, TODAY, BEN, trunk)
    assert made.right == "Retail 20.00 GBP"
    assert made.sentence == "The price was wrong since 1 October 2026."
    assert json.loads(made.before) == [["2000-01-01", 10_000_000, 24_500_000, 0, 0]]
    assert [(row.effective_from, row.retail) for row in trunk.prices] == [
        (date(2000, 1, 1), Decimal("24.50")),
        (OCTOBER, 20),
    ]


def test_a_correction_says_why_it_is_there(session):
    trunk = a_package()
    assigned(trunk, a_customer(), SEPTEMBER)
    run(TODAY)
    correct(of(trunk), wanted(NOVEMBER, retail="20", sentence="We charged the old price."))
    (line,) = session.scalars(select(Charge).where(Charge.correction_id.is_not(None)))
    assert explain_all([line])[line.id] == (
        "Corrected on 22 Nov: We charged the old price. 20.00 × 1 for 1 to 30 Nov comes to 20.00; 24.50 was charged, "
        "so 4.50 goes back."
    )


def test_a_price_is_right_until_the_next_change_of_it(session):
    trunk = a_package()
    line = assigned(trunk, a_customer(), SEPTEMBER)
    run(OCTOBER)
    fifty = definition_of(trunk, OCTOBER)
    dearer = PriceSet("GBP", Decimal(10), Decimal(50), Decimal(0), Decimal(0))
    make_change(plan_change(trunk, replaced(fifty, dearer), NOVEMBER, OCTOBER))
    run(TODAY)
    what = wanted(retail="20")
    seen = plan(what, of(trunk), TODAY)
    assert seen.later == [("Retail", NOVEMBER)]
    correct(of(trunk), what)
    assert [row[1:3] for row in sums(session) if row[0] == line.id] == [
        (SEPTEMBER, Decimal("24.5")), (OCTOBER, 20), (NOVEMBER, 50),
    ]  # fmt: skip
    correct(of(trunk), wanted(retail="20", for_good=True), token="for good")
    assert sums(session)[-1][2] == 20


def replaced(definition, prices):
    from dataclasses import replace

    return replace(definition, prices=(prices,))


def test_chosen_assignments_get_an_own_price_and_a_packages_correction_leaves_it_alone(session):
    trunk = a_package()
    acme, globex = (assigned(trunk, a_customer(name), SEPTEMBER) for name in ("Acme", "Globex"))
    run(TODAY)
    made = correct(chosen(acme), wanted(retail="15"))
    assert [(row.effective_from, row.retail, row.cost) for row in acme.own_prices] == [(OCTOBER, 15, None)]
    assert session.scalars(select(CorrectedAssignment.assignment_id)).all() == [acme.id]
    assert made.right == "Retail 15.00 GBP"
    what = wanted(retail="20")
    seen = plan(what, of(trunk), TODAY)
    assert {line.loaded.facts.assignment_id for line in seen.lines} == {globex.id}
    assert [(one.assignment, one.why) for one in seen.left] == [(acme, "It has its own retail.")]
    run(date(2026, 12, 1))
    assert [row[2] for row in sums(session)] == [Decimal("24.5"), 15, 15, 15, *[Decimal("24.5")] * 4]


def test_an_own_price_that_was_wrong_is_lifted_back_to_a_day(session):
    trunk = a_package(retail="24.50", currencies=("GBP", "EUR"))
    acme, globex = (assigned(trunk, a_customer(name, name), SEPTEMBER) for name in ("GBP", "EUR"))
    plain = assigned(trunk, a_customer(), SEPTEMBER)
    run(TODAY)
    for line, token in ((acme, "a"), (globex, "b")):
        currency = line.customer.currency
        correct(chosen(line), wanted(retail="15", cost="1", currency=currency), token=token)
    before = sums(session)
    made = correct(chosen(acme, globex, plain), wanted(retail=None), token="lifted")
    assert made.right == "Retail the package's"
    assert [(row.effective_from, row.retail, row.cost) for row in acme.own_prices] == [(OCTOBER, None, 1)]
    assert not plain.own_prices
    assert sums(session) != before
    assert {row[2] for row in sums(session)} == {Decimal("24.5")}
    with pytest.raises(Invalid, match="already hold"):
        correct(chosen(acme, globex, plain), wanted(retail=None), token="again")


def test_a_lifted_price_holds_to_the_next_own_one_that_is_planned(session):
    line = assigned(a_package(retail="24.50"), a_customer(), SEPTEMBER)
    run(TODAY)
    correct(chosen(line), wanted(retail="15"), token="own")
    make_own_change(plan_own_change(line, {"retail": Decimal(12)}, date(2026, 12, 1), TODAY))
    session.flush()
    seen = plan(wanted(retail=None), chosen(line), TODAY)
    assert seen.later == [("Retail", date(2026, 12, 1))]
    correct(chosen(line), wanted(retail=None), token="lifted")
    assert [(row.effective_from, row.retail) for row in line.own_prices] == [(date(2026, 12, 1), 12)]
    run(date(2026, 12, 1))
    assert [row[2] for row in sums(session)] == [Decimal("24.5")] * 3 + [12]


def test_the_terms_as_they_stood_before_are_told_from_the_corrected_day_on(session):
    trunk = a_package(retail="24.50", cost="9.80")
    line = assigned(trunk, a_customer(), SEPTEMBER)
    run(TODAY)
    dearer = PriceSet("GBP", Decimal(10), Decimal(30), Decimal(0), Decimal(0))
    make_change(plan_change(trunk, replaced(definition_of(trunk, TODAY), dearer), date(2026, 12, 1), TODAY))
    before = terms_before(correct(of(trunk), wanted(retail="20"), token="package"))
    assert (before[0].since, "Retail 24.50 GBP" in before[0].words) == (None, True)
    assert (before[-1].since, "Retail 30.00 GBP" in before[-1].words) == (date(2026, 12, 1), True)
    correct(chosen(line), wanted(quantity=3, retail="15"), token="one")
    ((_, quantities, prices),) = assignments_before(
        correct(chosen(line), wanted(quantity=2), token="two"), 100
    )
    assert [(one.words, one.since) for one in quantities] == [("3", OCTOBER)]
    assert [(one.words, one.since) for one in prices] == [("Retail 15.00 GBP", OCTOBER)]


def test_a_wrong_quantity_is_corrected_from_its_day(session):
    trunk = a_package(setup_retail="5")
    line = assigned(trunk, a_customer(), SEPTEMBER, quantity=3)
    run(TODAY)
    correct(chosen(line), wanted(SEPTEMBER, quantity=2))
    assert [row[2] for row in sums(session)] == [10 + 49, 49, 49]
    assert [(row.effective_from, row.quantity) for row in line.quantities] == [
        (date(2000, 1, 1), 3),
        (SEPTEMBER, 2),
    ]


def test_correcting_twice_posts_nothing_and_says_so(session):
    trunk = a_package()
    assigned(trunk, a_customer(), SEPTEMBER)
    run(TODAY)
    first = correct(of(trunk), wanted(retail="20"))
    assert (
        post(wanted(retail="20"), of(trunk), seen="", token="correction", today=TODAY, by=BEN, now=NOW)
        is first
    )
    with pytest.raises(AlreadySent):
        post(wanted(retail="21"), of(trunk), seen="", token="correction", today=TODAY, by=BEN, now=NOW)
    with pytest.raises(Invalid, match="already hold since 1 October 2026"):
        correct(of(trunk), wanted(retail="20"), token="again")
    assert len(corrections(session)) == 2


def test_it_is_bound_to_what_was_seen(session):
    trunk = a_package()
    assigned(trunk, a_customer("Acme"), SEPTEMBER)
    run(OCTOBER)
    seen = plan(wanted(retail="20"), of(trunk), TODAY).fingerprint
    run(TODAY)
    with pytest.raises(Changed) as changed:
        correct(of(trunk), wanted(retail="20"), seen=seen)
    assert len(changed.value.plan.lines) == 2
    assert corrections(session) == []


def test_a_reversed_period_and_an_archived_customer_are_left_as_they_are_and_named(session):
    trunk, acme, globex = a_package(), a_customer("Acme"), a_customer("Globex")
    line, other = assigned(trunk, acme, SEPTEMBER), assigned(trunk, globex, SEPTEMBER)
    run(TODAY)
    query = select(Charge).where(Charge.assignment_id == line.id, Charge.period_from == OCTOBER)
    reverse(session.scalars(query).one(), "By mistake", today=TODAY, by=BEN, now=NOW)
    globex.archived_on = TODAY
    session.flush()
    seen = plan(wanted(retail="20"), of(trunk), TODAY)
    assert [(one.assignment, one.why) for one in seen.left] == [
        (other, "Globex is archived."),
        (line, "1 charge was reversed: of 1 October 2026."),
    ]
    correct(of(trunk), wanted(retail="20"))
    assert [row[:2] for row in corrections(session)] == [(Kind.CREDIT, NOVEMBER)]


def test_who_falls_below_their_limit_is_seen_before_and_the_balance_moves_as_the_charge_did(session):
    trunk, acme = a_package(), a_customer("Acme")
    acme.debit_limit = Decimal(60)
    assigned(trunk, acme, OCTOBER, auto_decrement_credit=True)
    run(TODAY)
    seen = plan(wanted(retail="30"), of(trunk), TODAY)
    (theirs,) = seen.customers
    assert (theirs.sums.charged, theirs.sums.should, theirs.sums.difference, theirs.sums.tax) == (
        49, 60, 11, Decimal("2.20"),
    )  # fmt: skip
    assert (theirs.available, theirs.falls_below) == (Decimal(-12), True)
    correct(of(trunk), wanted(retail="30"))
    assert credit.balance_of(acme.id) == -72
    assert session.scalar(select(func.count(BalanceEntry.id))) == 4


def test_what_was_paid_too_much_returns_to_the_balance_and_what_is_missing_is_to_be_paid_with_a_due_day(
    session,
):
    trunk, acme = a_package(), a_customer("Acme", tax_rate="0")
    assigned(trunk, acme, OCTOBER)
    run(TODAY)
    credit.adjust(acme, Decimal(49), TODAY, "Cash", token="cash", today=TODAY, by=BEN, now=NOW)
    credit.pay_from_balance(acme, today=TODAY, by=BEN, now=NOW)
    correct(of(trunk), wanted(retail="20"))
    assert (credit.balance_of(acme.id), credit.to_pay(acme.id).charges) == (9, 0)
    correct(of(trunk), wanted(retail="30"), token="dearer")
    (first, _) = credit.to_pay_items(acme.id)
    assert (credit.to_pay(acme.id).charges, first.due_on) == (20, TODAY + timedelta(days=14))


def test_corrected_then_ended_early_by_days_is_credited_at_the_right_price(session):
    trunk, acme = a_package(retail="30", proration=Proration.DAILY), a_customer("Acme", tax_rate="0")
    line = assigned(trunk, acme, NOVEMBER)
    run(TODAY)
    correct(of(trunk), wanted(NOVEMBER, retail="60"))
    change_end(line, TODAY, TODAY, by=BEN, now=NOW)
    run(TODAY + ONE_DAY)
    assert sums(session)[0][2] == 44


def test_a_free_month_that_should_have_cost_is_charged_and_its_end_is_credited(session):
    trunk, acme = a_package(retail="0", cost="0", proration=Proration.DAILY), a_customer("Acme", tax_rate="0")
    line = assigned(trunk, acme, NOVEMBER)
    run(TODAY)
    change_end(line, date(2026, 11, 25), TODAY, by=BEN, now=NOW)
    run(TODAY)
    assert line.position.next_charge_on is None
    correct(of(trunk), wanted(NOVEMBER, retail="30"))
    assert line.position.next_charge_on == date(2026, 11, 26)
    run(date(2026, 11, 26))
    assert sums(session)[0][2] == 25


def test_a_minimum_spend_is_measured_with_the_calls_it_was_last_measured_with(session):
    minimum, acme = a_package(retail="50", cost="0", minimum_spend=True), a_customer("Acme", tax_rate="0")
    assigned(minimum, acme, OCTOBER)
    call = {"customer_id": acme.id, "seconds": 60, "came_in_on": TODAY}
    session.add(Call(call_id="1", day=OCTOBER, amount=Decimal(20), **call))
    run(TODAY)
    assert sums(session)[0][2] == 30
    session.add(Call(call_id="2", day=OCTOBER, amount=Decimal(5), **call))
    session.flush()
    correct(of(minimum), wanted(retail="60"))
    assert sums(session)[0][2] == 40


def test_free_minutes_of_a_corrected_quantity_are_worked_out_again(session):
    bundle, acme = a_package(retail="5", minutes=True), a_customer("Acme", tax_rate="0")
    line = assigned(bundle, acme, OCTOBER, minutes=1, quantity=2)
    run(TODAY)
    session.add(
        Call(
            customer_id=acme.id, call_id="1", day=NOVEMBER, started_at=NOW, seconds=120, amount=Decimal(2),
            came_in_on=TODAY, destination="4420",
        )
    )  # fmt: skip
    session.flush()
    from portal.services.calls.effects import bundles_changed

    bundles_changed([line], TODAY, NOW)
    assert session.scalar(select(func.sum(CallCover.seconds))) == 120
    correct(chosen(line), wanted(OCTOBER, quantity=1))
    assert session.scalar(select(func.sum(CallCover.seconds))) == 60
    assert credit.balance_of(acme.id) == -1


def test_prices_of_two_currencies_are_corrected_one_at_a_time(session):
    trunk = a_package(currencies=("GBP", "EUR"))
    lines = [assigned(trunk, a_customer(name, name), SEPTEMBER) for name in ("GBP", "EUR")]
    run(TODAY)
    with pytest.raises(Invalid, match="charged in EUR and GBP"):
        plan(wanted(retail="20"), chosen(*lines), TODAY)
    correct(of(trunk), wanted(retail="20", currency="EUR"))
    (euro,) = session.scalars(select(Charge.currency).where(Charge.correction_id.is_not(None)).distinct())
    assert euro == "EUR"


@pytest.mark.parametrize(
    ("what", "field"),
    [
        (wanted(TODAY + ONE_DAY, retail="20"), "since"),
        (wanted(date(1999, 1, 1), retail="20"), "since"),
        (wanted(), "retail"),
        (wanted(quantity=0), "quantity"),
        (wanted(quantity=100_001), "quantity"),
        (wanted(retail="999999999", quantity=2), "quantity"),
        (wanted(retail="-1"), "retail"),
        (wanted(retail="0.0000001"), "retail"),
        (wanted(retail="1", sentence="x" * 251), "sentence"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(session, what, field):
    line = assigned(a_package(), a_customer(), SEPTEMBER)
    with pytest.raises(Invalid) as refused:
        plan(what, chosen(line), TODAY)
    assert refused.value.field == field


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.slow
def test_histories_corrected_and_corrected_back_give_exactly_the_money_back(session, seed):
    random = Random(seed)
    customers = [a_customer(name, tax_rate=random.choice(("0", "7.7", "20"))) for name in ("Acme", "Globex")]
    packages = [
        a_package(
            f"Line {number}", random.choice(("31.17", "9.99")), setup_retail=random.choice(("0", "12")),
            proration=random.choice(list(Proration)), match=random.choice(((1,), (15, 31))),
            minimum_spend=number == 2,
        )
        for number in range(3)
    ]  # fmt: skip
    lines = [
        assigned(
            package, customer, SEPTEMBER + timedelta(days=random.randint(0, 40)), quantity=random.randint(1, 3),
            auto_decrement_credit=random.random() < 0.4,
        )
        for package in packages
        for customer in customers
    ]  # fmt: skip
    day, token = SEPTEMBER, 0
    while day < TODAY:
        day += timedelta(days=random.randint(3, 20))
        run(day)
        line = random.choice(lines)
        if random.random() < 0.3 and not line.end_date and line.start_date <= day:
            change_end(line, day + timedelta(days=random.randint(-3, 30)), day, by=BEN, now=NOW)
        if random.random() < 0.3:
            change_quantity(line, random.randint(1, 4), day + timedelta(days=random.randint(1, 20)), day)
        session.flush()
    before, owed = sums(session), [credit.to_pay(one.id).total for one in customers]
    held = [credit.balance_of(one.id) for one in customers]
    since = SEPTEMBER + timedelta(days=random.randint(0, 70))
    package = random.choice(packages)
    name = random.choice(list(PRICE_LABELS))
    was = definition_of(package, since).price_in("GBP")
    for price in (Decimal(random.randint(1, 5000)) / 100, getattr(was, name)):
        correct(of(package), wanted(since, **{name: price}), token=f"t{token}", today=day)
        assert not plan(wanted(since, **{name: price}), of(package), day).lines
        token += 1
    assert sums(session) == before
    line = random.choice(lines)
    quantity = line.quantity_on(since)
    for units in (quantity + 1, quantity):
        correct(chosen(line), wanted(since, quantity=units), token=f"t{token}", today=day)
        token += 1
    assert sums(session) == before
    assert [credit.balance_of(one.id) for one in customers] == held
    assert [credit.to_pay(one.id).total for one in customers] == owed
    assert session.scalar(select(func.count(Correction.id))) == 4
