"""The charge summary: what a customer owes and why, and nothing that is not for their eyes."""

from dataclasses import fields
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select

from portal.domain.errors import RuleBroken
from portal.domain.schedule import Frequency
from portal.domain.terms import Proration
from portal.models import Charge, CustomerTaxRate
from portal.services import summary as module
from portal.services.assignments.changing import change_end, change_quantity
from portal.services.charges import by_hand
from portal.services.summary import for_paper, summary
from tests import many
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


def test_it_contains_each_charge_of_the_span_with_its_arithmetic(acme):
    found = summary(acme, NOVEMBER, LAST, TODAY)
    assert [(line.charge.label, str(line.charge.kind), line.charge.amount, line.why) for line in found.lines] == [
        ("Trunk", "recurring", Decimal(20), "Every month on the 1st. 20.00 × 1 for 1 to 30 Nov."),
        ("Seat", "recurring", Decimal(30), "Every month on the 1st. 30.00 × 1 for 1 to 30 Nov."),
        (
            "Seat", "credit", Decimal(-20),
            "Ended on 10 Nov: 10 of 30 days used come to 10.00; 30.00 was charged, so 20.00 goes back.",
        ),
    ]  # fmt: skip


def test_totals_are_the_sum_of_their_lines_with_tax_at_each_rate(session, acme):
    acme.tax_rates.append(CustomerTaxRate(effective_from=NOVEMBER, rate=Decimal(10)))
    session.flush()
    by_hand.charge_manually(
        by_hand.ManualCharge(acme, TODAY, Decimal(100), Decimal(1), "Visit"),
        token="t",
        today=TODAY,
        by=BEN,
        now=NOW,
    )
    found = summary(acme, OCTOBER, LAST, TODAY)
    assert {c: (s.amount, s.tax, s.total) for c, s in found.totals.items()} == {
        "GBP": (Decimal(180), Decimal(26), Decimal(206)),
    }  # fmt: skip
    assert [(at.rate, at.amount, at.tax) for at in found.taxes["GBP"]] == [
        (Decimal(20), Decimal(80), Decimal(16)),
        (Decimal(10), Decimal(100), Decimal(10)),
    ]


def test_a_reversed_charge_stands_with_its_reversal(session, acme):
    trunk = session.scalars(select(Charge).where(Charge.label == "Trunk", Charge.charge_on == NOVEMBER)).one()
    by_hand.reverse(trunk, "private words", today=TODAY, by=BEN, now=NOW)
    found = summary(acme, NOVEMBER, LAST, TODAY)
    assert [id for id, one in found.standings.items() if one.state == "reversed"] == [trunk.id]
    assert found.totals["GBP"].amount == Decimal(10)
    assert not any("private words" in line.why for line in found.lines)


def test_it_says_what_was_assigned_as_it_stood_last_in_the_span(session, acme):
    trunk = session.scalars(select(Charge).order_by(Charge.id)).first().assignment
    change_quantity(trunk, 3, date(2026, 11, 15), date(2026, 11, 14))
    rows = summary(acme, NOVEMBER, LAST, TODAY).assigned
    assert [(row.package, row.quantity, row.charged, row.retail) for row in rows] == [
        ("Trunk", 3, "monthly on the 1st", Decimal(20)),
        ("Seat", 1, "monthly on the 1st", Decimal(30)),
    ]
    december = summary(acme, date(2026, 12, 1), date(2026, 12, 31), TODAY)
    assert [row.package for row in december.assigned] == ["Trunk"]


def test_a_span_without_charges_comes_to_nothing_in_the_customers_currency(acme):
    found = summary(acme, date(2026, 1, 1), date(2026, 1, 31), TODAY)
    assert (found.lines, found.totals["GBP"].total, found.is_whole) == ([], 0, True)


def test_a_line_with_cost_and_no_amount_is_for_staff_only(session):
    customer = a_customer()
    assigned(a_package("Free", "0", cost="4"), customer, NOVEMBER)
    run()
    assert session.scalar(select(Charge.cost)) == Decimal(4)
    assert summary(customer, NOVEMBER, LAST, TODAY).lines == []


def test_nothing_in_it_is_called_cost_or_margin():
    names = {
        field.name for model in (module.Summary, module.Assigned, module.TaxedAt) for field in fields(model)
    }
    assert not names & {"cost", "margin", "reason"}


# -- more than a page shows


DAYS = date(2009, 6, 1)


@pytest.fixture
def big(session):
    """The customer of fourteen years, charged 1.00 a day: 5,135 charges, each taken from the balance."""
    customer = a_customer("Big Co")
    many.charges(
        assigned(a_package("Line", "1", frequency=Frequency.DAILY, match=()), customer, DAYS), DAYS, 5_135
    )
    return customer


@pytest.mark.slow
def test_a_summary_of_5135_charges_contains_each_of_them_and_adds_up_all_of_them(big):
    found = for_paper(big, DAYS, LAST, TODAY)
    totals = found.totals["GBP"]
    assert (totals.amount, totals.tax, totals.total) == (
        Decimal("5135.00"),
        Decimal("1027.00"),
        Decimal("6162.00"),
    )
    assert [(at.rate, at.amount, at.tax) for at in found.taxes["GBP"]] == [
        (Decimal(20), Decimal(5135), Decimal(1027))
    ]
    assert len(found.lines) == len(found.statement.lines) == 5_135
    assert found.statement.closing == found.statement.lines[-1].balance == Decimal("-6162.00")
    assert found.is_whole


@pytest.mark.slow
def test_a_first_part_of_a_summary_has_the_totals_of_all_of_it_and_says_what_the_rest_comes_to(big):
    found = summary(big, DAYS, LAST, TODAY, 1_000)
    assert (len(found.lines), found.totals, found.taxes) == (
        1_000, for_paper(big, DAYS, LAST, TODAY).totals, for_paper(big, DAYS, LAST, TODAY).taxes,
    )  # fmt: skip
    rest = found.rest("GBP")
    assert (rest.count, rest.amount, rest.tax) == (4_135, Decimal(4135), Decimal(827))
    stands = found.statement
    assert (len(stands.lines), stands.rest_count, stands.rest) == (1_000, 4_135, Decimal("-4962.00"))
    assert stands.closing == Decimal("-6162.00") == stands.lines[-1].balance + stands.rest
    assert not found.is_whole


def test_1100_adjustments_of_a_month_lead_to_the_closing_balance(session):
    customer = a_customer()
    many.adjustments(customer, NOVEMBER, 1_100)
    whole = for_paper(customer, NOVEMBER, LAST, TODAY).statement
    assert (len(whole.lines), whole.lines[-1].balance, whole.closing) == (1_100, Decimal(1100), Decimal(1100))
    part = summary(customer, NOVEMBER, LAST, TODAY, 1_000).statement
    assert (len(part.lines), part.rest_count, part.rest, part.closing) == (
        1_000,
        100,
        Decimal(100),
        Decimal(1100),
    )


def test_exactly_what_a_page_shows_leaves_nothing_over(session):
    customer = a_customer()
    many.adjustments(customer, NOVEMBER, 10)
    found = summary(customer, NOVEMBER, LAST, TODAY, 10)
    assert (found.statement.rest_count, found.statement.rest, found.is_whole) == (0, 0, True)


def test_what_was_assigned_is_counted_in_full_where_a_first_part_stands(session):
    customer = a_customer()
    for number in range(4):
        assigned(a_package(f"Seat {number}", "1"), customer, NOVEMBER)
    found = summary(customer, NOVEMBER, LAST, TODAY, 3)
    assert (len(found.assigned), found.assigned_count, found.is_whole) == (3, 4, False)
    assert len(for_paper(customer, NOVEMBER, LAST, TODAY).assigned) == 4


def test_a_summary_that_is_too_much_for_one_file_is_refused_in_a_sentence(acme, monkeypatch):
    monkeypatch.setattr(module, "PAPER_MOST", 4)
    with pytest.raises(RuleBroken, match="would have 5 lines; one PDF can have 4 at most"):
        for_paper(acme, NOVEMBER, LAST, TODAY)


def test_what_is_explained_portion_by_portion_is_explained_the_same(acme, monkeypatch):
    whole = [line.why for line in summary(acme, OCTOBER, LAST, TODAY).lines]
    monkeypatch.setattr(module, "AT_ONCE", 2)
    assert [line.why for line in summary(acme, OCTOBER, LAST, TODAY).lines] == whole
