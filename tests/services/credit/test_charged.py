"""What a customer was charged is the same whether it is kept added up or read charge by charge."""

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from portal.extensions import db
from portal.models import Charge, CustomerSum, Part
from portal.services.assignments.changing import change_end
from portal.services.charges import sums
from portal.services.charges.write_off import write_off
from portal.services.credit import charged as module
from portal.services.credit.charged import ITEMS, charged
from portal.services.credit.items import IS_ITEM
from portal.services.runs import runs, undoing
from portal.services.summary import summary
from tests.services.charges.test_sums import by_hand_of, fold
from tests.trade import BEN, NOW, TODAY, a_customer, a_package, assigned, run

FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)
SPANS = ((FIRST, LAST), (date(2026, 11, 1), TODAY), (date(2026, 10, 5), date(2026, 11, 4)))


@pytest.fixture(autouse=True)
def _keeps_everybody(monkeypatch):
    monkeypatch.setattr(module, "KEPT_FROM", 1)


@pytest.fixture
def acme(session):
    """A customer with charges of all parts: some taken from the balance, a discount, a write-off, a run undone."""
    customer = a_customer("Acme", tax_rate="20")
    for auto in (True, False):
        package = a_package(f"Line {auto}", "31.17", cost="1", match=(1, 15))
        line = assigned(package, customer, date(2026, 10, 1), auto_decrement_credit=auto)
    run(date(2026, 11, 1))
    discount = by_hand_of(customer, -7, date(2026, 10, 20))
    by_hand_of(customer, 12, date(2026, 11, 3))
    write_off(by_hand_of(customer, 5), "Gone.", today=TODAY, by=BEN, now=NOW)
    change_end(line, TODAY, TODAY, by=BEN, now=NOW)
    wrong = runs.start(TODAY, simulate=False, today=TODAY, by=BEN, now=NOW)
    session.commit()
    runs.carry_out(wrong.id, TODAY, lambda: NOW)
    undo = undoing.start_undoing(wrong, "Wrong", by=BEN, now=NOW)
    session.commit()
    undoing.carry_out_undoing(undo.id, TODAY, lambda: NOW)
    sums_of = module.charged(customer.id, FIRST, LAST)
    assert {Part.ITEM, Part.DISCOUNT, Part.BALANCE, Part.WRITTEN_OFF, Part.UNDONE} <= {
        row.part for row in sums_of
    }
    assert discount.total < 0
    return customer


def read(customer, begins, through):
    """The same but for the parts, from every charge."""
    found = defaultdict(lambda: [Decimal(0), Decimal(0), 0])
    query = select(Charge).where(Charge.customer_id == customer.id, Charge.charge_on.between(begins, through))
    for charge in db.session.scalars(query):
        if charge.amount or charge.tax:
            one = found[charge.currency, charge.package_id or 0, charge.tax_rate]
            one[0], one[1], one[2] = one[0] + charge.amount, one[1] + charge.tax, one[2] + 1
    return dict(found)


def said(customer, begins, through):
    found = defaultdict(lambda: [Decimal(0), Decimal(0), 0])
    for row in charged(customer.id, begins, through):
        one = found[row.currency, row.package_id, row.tax_rate]
        one[0], one[1], one[2] = one[0] + row.amount, one[1] + row.tax, one[2] + row.charges
    return dict(found)


def kept():
    return db.session.scalar(select(func.sum(CustomerSum.charges))) or 0


def test_what_is_kept_is_what_a_scan_says_before_and_behind_the_mark(acme, session):
    before = [sorted(charged(acme.id, *span)) for span in SPANS]
    assert not kept()
    fold()
    assert kept()
    assert [sorted(charged(acme.id, *span)) for span in SPANS] == before
    by_hand_of(acme, 3)
    for span in SPANS:
        assert said(acme, *span) == read(acme, *span) != {}
    fold()
    for span in SPANS:
        assert said(acme, *span) == read(acme, *span)


def test_the_parts_that_are_to_be_paid_are_those_that_items_are(acme):
    fold()
    for begins, through in SPANS:
        query = select(Charge).where(Charge.customer_id == acme.id, IS_ITEM)
        items = list(db.session.scalars(query.where(Charge.charge_on.between(begins, through))))
        rows = [row for row in charged(acme.id, begins, through) if row.part in ITEMS]
        assert sum(row.charges for row in rows) == len(items) > 0
        assert module.total(rows, *ITEMS) == sum(charge.total for charge in items)


def test_only_who_has_very_many_charges_is_kept(acme, monkeypatch):
    few = a_customer("Few")
    by_hand_of(few, 1)
    monkeypatch.setattr(module, "KEPT_FROM", 3)
    fold()
    assert set(db.session.scalars(select(CustomerSum.customer_id))) == {acme.id}
    assert said(few, FIRST, LAST) == read(few, FIRST, LAST) != {}


def test_who_is_kept_later_is_kept_with_all_that_was_charged_before(acme, monkeypatch):
    monkeypatch.setattr(module, "KEPT_FROM", 10_000)
    fold()
    assert not kept()
    monkeypatch.setattr(module, "KEPT_FROM", 1)
    by_hand_of(acme, 2)
    fold()
    assert said(acme, FIRST, LAST) == read(acme, FIRST, LAST)
    assert kept() == sum(row[2] for row in read(acme, FIRST, LAST).values())


def test_of_very_many_charges_what_changed_is_said_by_package_and_adds_up(acme, session, monkeypatch):
    assigned(a_package("Trunk", "10", setup_retail="3"), acme, TODAY - timedelta(days=4))
    run(TODAY)
    span = (acme, date(2026, 11, 1), date(2026, 11, 30), TODAY)
    by_assignment = summary(*span).changed
    monkeypatch.setattr("portal.services.what_changed.CHANGES_MOST", 1)
    for _ in range(2):
        by_package = summary(*span).changed
        assert (by_package.now, by_package.before) == (by_assignment.now, by_assignment.before)
        assert by_package.difference == sum(line.amount for line in by_package.lines)
        assert any(line.words.startswith("Trunk, ") for line in by_package.lines)
        sums.fold()
