"""How a summary is laid out: charges package by package, calls a row a week; nothing is lost and the sums add up."""

from datetime import date, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.config import ROOT
from portal.models import BalanceEntry, EntrySource
from portal.services.charges.explaining import Explained
from portal.services.credit.statement import StatementLine
from portal.services.summary import paper
from portal.services.summary.layout import BLOCKS, OTHER, by_package, by_week

MONDAY = date(2026, 11, 2)


def charge(label, amount="1", assignment_id=1):
    return Explained(SimpleNamespace(label=label, amount=Decimal(amount), assignment_id=assignment_id), "why")


def test_charges_stand_by_package_in_the_order_of_the_first_of_each_and_others_last():
    lines = [
        charge("B"),
        charge("Visit", assignment_id=None),
        charge("A"),
        charge("B", "2"),
        charge("Visit", "9", None),
    ]
    groups = by_package(lines)
    assert [(group.name, len(group.lines), group.amount) for group in groups] == [
        ("B", 2, Decimal(3)),
        ("A", 1, Decimal(1)),
        (OTHER, 2, Decimal(10)),
    ]
    assert [group.has_head for group in groups] == [True, False, True]
    assert [group.named(group.lines[0]) for group in groups] == ["", "A", "Visit"]


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from([None, 1, 2]), st.integers(-9, 9))))
def test_every_charge_is_in_one_group(made):
    lines = [charge(label, str(amount), id) for label, id, amount in made]
    grouped = [line for group in by_package(lines) for line in group.lines]
    assert sorted(map(id, grouped)) == sorted(map(id, lines))


def statement(entries):
    """Lines of a statement: (source, made on, for day, amount), each with the balance after it."""
    balance, lines = Decimal(0), []
    for source, made_on, for_day, amount in entries:
        balance += amount
        entry = BalanceEntry(source=source, made_on=made_on, for_day=for_day, amount=Decimal(amount))
        lines.append(StatementLine(entry, "Calls" if source == EntrySource.CALLS else "Payment", balance))
    return lines


def test_calls_of_a_week_are_one_row_with_their_days_the_sum_and_the_balance_after_them():
    calls = [
        (EntrySource.CALLS, date(2026, 11, 9), MONDAY + timedelta(days=day), -day - 1) for day in range(8)
    ]
    rows = by_week(statement(calls))
    assert [(row.words, row.amount, row.balance, len(row.days)) for row in rows] == [
        ("Calls, 2–8 Nov 2026", Decimal(-28), Decimal(-28), 7),
        ("Calls", Decimal(-8), Decimal(-36), 0),
    ]
    assert [row.for_day for row in rows] == [
        None,
        None,
    ]  # the last ones are of the day on which they were counted


def test_a_payment_between_them_parts_the_calls_of_a_week_so_that_the_balance_runs():
    rows = by_week(
        statement(
            [
                (EntrySource.CALLS, MONDAY, MONDAY, -1),
                (EntrySource.PAYMENT, MONDAY, MONDAY - timedelta(days=1), 10),
                (EntrySource.CALLS, MONDAY, MONDAY + timedelta(days=1), -2),
            ]
        )
    )
    assert [(row.words, row.balance) for row in rows] == [("Calls", -1), ("Payment", 9), ("Calls", 7)]
    assert rows[1].for_day == date(2026, 11, 1)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([EntrySource.CALLS, EntrySource.CALLS, EntrySource.PAYMENT]),
            st.just(MONDAY),
            st.integers(0, 30).map(lambda days: MONDAY + timedelta(days=days)),
            st.integers(-9, 9),
        )
    )
)
def test_the_rows_add_up_to_the_entries_however_they_are_mixed(entries):
    lines = statement(entries)
    rows = by_week(lines)
    assert sum(row.amount for row in rows) == sum(line.entry.amount for line in lines)
    assert sum(len(row.days) or 1 for row in rows) == len(lines)
    balance = Decimal(0)
    for row in rows:
        balance += row.amount
        assert row.balance == balance


@pytest.mark.parametrize("block", BLOCKS)
def test_each_block_is_a_template_of_the_page_and_a_part_of_the_paper(block):
    assert (ROOT / "templates" / "summary" / f"_{block}.html").exists()
    assert f"\n  {block}: [" in paper.SOURCE.read_text(encoding="utf-8")
