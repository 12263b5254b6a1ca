"""The charge summary: what a customer owes and why, and nothing that is not for their eyes."""

from dataclasses import fields
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select

from portal.domain.terms import Proration
from portal.models import Charge, CustomerTaxRate
from portal.services import summary as module
from portal.services.assignments.changing import change_end, change_quantity
from portal.services.billing import charges
from portal.services.summary import summary
from tests.trade import BEN, NOW, TODAY, a_customer, a_did, a_package, assigned, run

pytestmark = pytest.mark.usefixtures("session")

OCTOBER, NOVEMBER, LAST = date(2026, 10, 1), date(2026, 11, 1), date(2026, 11, 30)


@pytest.fixture
def acme(session):
    """A customer with a trunk, and a seat on a DID that ends on 10 November."""
    customer = a_customer("Acme")
    assigned(a_package("Trunk", "20", match=(1,)), customer, OCTOBER)
    seat = a_package("Seat", "30", match=(1,), proration=Proration.DAILY)
    on_did = assigned(seat, customer, OCTOBER, did=a_did(customer))
    run(NOVEMBER)
    change_end(on_did, date(2026, 11, 10), date(2026, 11, 5), by=BEN, now=NOW)
    run()
    return customer


def test_it_holds_each_charge_of_the_span_with_its_arithmetic(acme):
    found = summary(acme, NOVEMBER, LAST)
    assert [(line.charge.label, str(line.charge.kind), line.charge.amount, line.why) for line in found.lines] == [
        ("Trunk", "recurring", Decimal(20), "Match day 1. 20.00 × 1 for 1 to 30 Nov."),
        ("Seat", "recurring", Decimal(30), "Match day 1. 30.00 × 1 for 1 to 30 Nov."),
        (
            "Seat", "credit", Decimal(-20),
            "Ended on 10 Nov: 10 of 30 days used come to 10.00; 30.00 was charged, so 20.00 goes back.",
        ),
    ]  # fmt: skip


def test_totals_are_the_sum_of_their_lines_with_tax_at_each_rate(session, acme):
    acme.tax_rates.append(CustomerTaxRate(holds_from=NOVEMBER, rate=Decimal(10)))
    session.flush()
    charges.charge_manually(
        charges.ManualCharge(acme, TODAY, Decimal(100), Decimal(1), "Visit"),
        token="t",
        today=TODAY,
        by=BEN,
        now=NOW,
    )
    found = summary(acme, OCTOBER, LAST)
    assert {c: (s.amount, s.tax, s.total) for c, s in found.totals.items()} == {
        "GBP": (Decimal(180), Decimal(26), Decimal(206)),
    }  # fmt: skip
    assert [(at.rate, at.amount, at.tax) for at in found.taxes["GBP"]] == [
        (Decimal(20), Decimal(80), Decimal(16)),
        (Decimal(10), Decimal(100), Decimal(10)),
    ]


def test_a_reversed_charge_stands_with_its_reversal(session, acme):
    trunk = session.scalars(select(Charge).where(Charge.label == "Trunk", Charge.charge_on == NOVEMBER)).one()
    charges.reverse(trunk, "private words", today=TODAY, by=BEN, now=NOW)
    found = summary(acme, NOVEMBER, LAST)
    assert found.reversed_ids == {trunk.id}
    assert found.totals["GBP"].amount == Decimal(10)
    assert not any("private words" in line.why for line in found.lines)


def test_it_says_what_was_assigned_as_it_stood_last_in_the_span(session, acme):
    trunk = session.scalars(select(Charge).order_by(Charge.id)).first().assignment
    change_quantity(trunk, 3, date(2026, 11, 15), date(2026, 11, 14))
    rows = summary(acme, NOVEMBER, LAST).assigned
    assert [(row.assignment.package.name, row.quantity, row.charged, row.retail) for row in rows] == [
        ("Trunk", 3, "monthly, 1st", Decimal(20)),
        ("Seat", 1, "monthly, 1st", Decimal(30)),
    ]
    december = summary(acme, date(2026, 12, 1), date(2026, 12, 31))
    assert [row.assignment.package.name for row in december.assigned] == ["Trunk"]


def test_a_span_without_charges_comes_to_nothing_in_the_customers_currency(acme):
    found = summary(acme, date(2026, 1, 1), date(2026, 1, 31))
    assert (found.lines, found.totals["GBP"].total, found.left_out) == ([], 0, False)


def test_a_line_with_cost_and_no_amount_is_for_staff_only(session):
    customer = a_customer()
    assigned(a_package("Free", "0", cost="4"), customer, NOVEMBER)
    run()
    assert session.scalar(select(Charge.cost)) == Decimal(4)
    assert summary(customer, NOVEMBER, LAST).lines == []


def test_more_than_a_summary_holds_is_said(acme, monkeypatch):
    monkeypatch.setattr(module, "CHARGES_MOST", 2)
    found = summary(acme, NOVEMBER, LAST)
    assert (len(found.lines), found.left_out) == (2, True)


def test_nothing_in_it_is_called_cost_or_margin():
    names = {
        field.name for model in (module.Summary, module.Assigned, module.TaxedAt) for field in fields(model)
    }
    assert not names & {"cost", "margin", "reason"}
