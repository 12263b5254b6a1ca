"""Charges that people make: a manual one, once; a reversal, once, in full."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from portal.domain.due import Kind
from portal.domain.errors import Invalid, RuleBroken
from portal.domain.terms import Proration
from portal.models import BalanceEntry, Charge
from portal.services.assignments.changing import change_end
from portal.services.charges import by_hand
from portal.services.charges.by_hand import ManualCharge
from portal.services.charges.explaining import explain_all
from tests.calling import a_file, a_line, noon, taken_in
from tests.trade import BEN, NOW, TODAY, a_customer, a_package, assigned, run

pytestmark = pytest.mark.usefixtures("session")

NOVEMBER = date(2026, 11, 1)


def asked(**more) -> ManualCharge:
    """A visit for Acme."""
    given = {"customer": a_customer("Acme"), "charge_on": TODAY, "amount": Decimal("12.50")}
    return ManualCharge(**{**given, "cost": Decimal(4), "description": "Visit", **more})


def charged(given: ManualCharge, token: str = "form") -> Charge:
    return by_hand.charge_manually(given, token=token, today=TODAY, by=BEN, now=NOW)


def reversed_(charge: Charge, reason: str = "Wrong number") -> Charge:
    return by_hand.reverse(charge, reason, today=TODAY, by=BEN, now=NOW)


def only(session, kind: Kind) -> Charge:
    return session.scalars(select(Charge).where(Charge.kind == kind)).one()


# -- by hand


def test_a_manual_charge_has_the_customers_tax_and_who_made_it():
    charge = charged(asked())
    assert (charge.kind, charge.amount, charge.tax, charge.cost) == (
        Kind.MANUAL, Decimal("12.50"), Decimal("2.50"), Decimal(4),
    )  # fmt: skip
    assert (charge.label, charge.posted_by, charge.run_id) == ("Visit", BEN, None)


def test_below_zero_it_is_a_discount():
    charge = charged(asked(amount=Decimal(-5), cost=Decimal(0)))
    assert (charge.amount, charge.tax) == (Decimal(-5), Decimal(-1))
    assert explain_all([charge])[charge.id] == "A discount, entered by hand."


def test_a_form_sent_twice_charges_once(session):
    given = asked()
    assert charged(given).id == charged(given).id
    assert session.scalar(select(func.count(Charge.id))) == 1
    assert charged(given, "another form").id != charged(given).id


def test_two_of_one_day_may_belong_to_one_assignment():
    given = asked()
    given = replace(given, assignment=assigned(a_package(), given.customer, NOVEMBER))
    first, second = charged(given, "one"), charged(given, "two")
    assert (first.number, second.number) == (0, 1)
    assert first.package_id == given.assignment.package_id


def test_with_auto_decrement_it_takes_amount_and_tax_from_the_balance(session):
    charge = charged(asked(auto_decrement_credit=True))
    entry = session.scalars(select(BalanceEntry)).one()
    assert (entry.charge_id, entry.amount) == (charge.id, Decimal(-15))


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("charge_on", {"charge_on": TODAY + timedelta(days=1)}),
        ("charge_on", {"charge_on": date(1999, 12, 31)}),
        ("amount", {"amount": Decimal("1.001")}),
        ("amount", {"amount": Decimal("0.0000001")}),
        ("amount", {"amount": Decimal(1_000_000_000)}),
        ("amount", {"amount": Decimal(0), "cost": Decimal(0)}),
        ("cost", {"cost": Decimal("0.005")}),
        ("description", {"description": "  "}),
        ("description", {"description": "x" * 121}),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(field, wrong):
    with pytest.raises(Invalid) as refusal:
        charged(asked(**wrong))
    assert refusal.value.field == field


def test_an_assignment_of_somebody_else_is_refused():
    theirs = assigned(a_package(), a_customer("Globex"), NOVEMBER)
    with pytest.raises(Invalid, match="another customer"):
        charged(asked(assignment=theirs))


def test_an_archived_customer_is_not_charged():
    given = asked()
    given.customer.archived_on = TODAY
    with pytest.raises(Invalid, match="archived"):
        charged(given)


# -- reversing


@pytest.fixture
def trunk(session):
    """A trunk, charged for November in full and then ended on the 10th: a charge and its credit."""
    assignment = assigned(a_package("Trunk", "30", proration=Proration.DAILY), a_customer(), NOVEMBER)
    run(NOVEMBER)
    change_end(assignment, date(2026, 11, 10), date(2026, 11, 10), by=BEN, now=NOW)
    run()
    return assignment


def test_a_reversal_mirrors_what_stands_with_its_credit(session, trunk):
    root, credit = only(session, Kind.RECURRING), only(session, Kind.CREDIT)
    assert credit.amount == Decimal(-20)
    reversal = reversed_(root)
    assert (reversal.amount, reversal.tax) == (Decimal(-10), Decimal(-2))
    assert reversal.cost == -(root.cost + credit.cost)
    assert (reversal.charge_on, reversal.reverses_id, reversal.reason) == (TODAY, root.id, "Wrong number")
    assert by_hand.what_stands(root).total == 0
    assert explain_all([reversal])[reversal.id] == (
        "Reverses the charge of 1 Nov with its credits and differences: 10.00 in all."
    )


def test_a_reversed_period_is_not_posted_again_and_not_credited(session):
    assignment = assigned(a_package("Trunk", "30", proration=Proration.DAILY), a_customer(), NOVEMBER)
    run(NOVEMBER)
    reversed_(only(session, Kind.RECURRING))
    change_end(assignment, date(2026, 11, 25), TODAY, by=BEN, now=NOW)
    assert run(date(2026, 11, 30)).charges == 0


def test_no_late_call_reopens_a_reversed_minimum(session, tmp_path):
    assigned(a_package("Minimum", "50", minimum_spend=True), a_customer(), date(2026, 10, 1))
    run(date(2026, 11, 2))
    reversed_(only(session, Kind.MINIMUM_SPEND))
    taken_in(a_file(tmp_path, [a_line("1", noon(date(2026, 10, 5)), 60, "20")]))
    assert run().charges == 0


def test_a_charge_is_reversed_once_and_a_reversal_never(session, trunk):
    root = only(session, Kind.RECURRING)
    reversal = reversed_(root)
    with pytest.raises(RuleBroken, match="already reversed") as refusal:
        reversed_(root)
    assert refusal.value.way_out.values == {"charge_id": reversal.id}
    with pytest.raises(RuleBroken, match="A reversal cannot be reversed") as refusal:
        reversed_(reversal)
    assert refusal.value.way_out.endpoint == "charges.new"


def test_a_correction_is_reversed_with_the_charge_it_corrects(session, trunk):
    with pytest.raises(RuleBroken, match="with the charge that it corrects") as refusal:
        reversed_(only(session, Kind.CREDIT))
    assert refusal.value.way_out.values == {"charge_id": only(session, Kind.RECURRING).id}


def test_what_its_credits_took_back_whole_is_not_reversed(session):
    assignment = assigned(a_package("Trunk", "30"), a_customer(), date(2026, 10, 1))
    run(NOVEMBER)
    change_end(assignment, date(2026, 10, 31), NOVEMBER, by=BEN, now=NOW)
    run()
    credited = session.scalars(
        select(Charge).where(Charge.period_from == NOVEMBER, Charge.corrects_id.is_(None))
    )
    with pytest.raises(RuleBroken, match="Nothing is left to reverse"):
        reversed_(credited.one())


@pytest.mark.parametrize("reason", ["", "  ", "x" * 1001])
def test_a_reversal_needs_a_reason(session, trunk, reason):
    with pytest.raises(Invalid) as refusal:
        reversed_(only(session, Kind.RECURRING), reason)
    assert refusal.value.field == "reason"


def test_a_reversal_goes_where_its_charge_went(session):
    charge = charged(asked(auto_decrement_credit=True))
    reversed_(charge)
    entries = session.scalars(select(BalanceEntry.amount).order_by(BalanceEntry.id)).all()
    assert entries == [Decimal(-15), Decimal(15)]
