"""Many rows at once: all of them or none, and what goes wrong is told as everywhere else."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from portal.extensions import db
from portal.models import AssignmentPosition, AuditEntry, CustomerTaxRate
from portal.models.raw_tables import raw_table
from portal.services.copying import AT_A_TIME, copy_in, copy_shared, lay_moves
from tests.trade import TODAY, a_customer, a_package, assigned

RATES, AUDIT = raw_table(CustomerTaxRate), raw_table(AuditEntry)
COLUMNS = ("customer_id", "effective_from", "rate", "category")


def rates(customer, count):
    return [(customer.id, date(2020, 1, 1).replace(year=2020 + n), n + 1, "standard") for n in range(count)]


def count():
    return db.session.scalar(select(func.count()).select_from(CustomerTaxRate))


def test_more_rows_than_go_into_one_statement_are_all_in(session):
    customer, before = a_customer(), count()
    copy_in(RATES, COLUMNS, rates(customer, 2 * AT_A_TIME + 1))
    assert count() == before + 2 * AT_A_TIME + 1


def test_no_rows_are_nothing_to_do(session):
    copy_in(RATES, COLUMNS, [])


def test_one_that_is_there_already_is_refused_as_by_any_statement_and_none_is_in(session):
    customer, before = a_customer(), count()
    with pytest.raises(IntegrityError), session.begin_nested():
        copy_in(RATES, COLUMNS, [*rates(customer, 3), *rates(customer, 1)])
    assert count() == before


@pytest.mark.only_on("postgresql")
def test_a_database_that_lets_nobody_through_is_no_fault_of_a_row(app, session):
    """Else a run would tell each assignment of a chunk as failed, instead of trying the chunk again."""
    customer = a_customer()
    session.commit()
    with db.engine.connect() as other:
        other.execute(text("LOCK TABLE customer_tax_rate IN ACCESS EXCLUSIVE MODE"))
        session.execute(text("SET LOCAL lock_timeout = '100ms'"))
        with pytest.raises(OperationalError):
            copy_in(RATES, COLUMNS, rates(customer, 1))
    session.rollback()


def test_what_is_the_same_of_all_is_written_with_each(session):
    customer = a_customer()
    rows = [row[1:3] for row in rates(customer, AT_A_TIME + 1)]
    copy_in(RATES, COLUMNS[1:3], rows, {"customer_id": customer.id, "category": "standard"})
    query = select(func.count()).where(CustomerTaxRate.customer_id == customer.id)
    assert session.scalar(query) == 1 + AT_A_TIME + 1


def test_only_what_stands_as_it_was_seen_is_moved_on_and_counted(session):
    positions = [assigned(a_package(f"P{n}"), a_customer(f"C{n}")).position for n in range(3)]
    session.flush()
    ids = [position.assignment_id for position in positions]
    positions[1].version += 1
    positions[0].held_lines = 5
    session.flush()
    seen = [position.version for position in positions]
    rows = [
        (ids[0], seen[0], TODAY, None),
        (ids[1], seen[1] - 1, TODAY, None),
        (ids[2], seen[2], None, TODAY),
    ]
    table = AssignmentPosition.__table__
    columns = ("charged_until", "next_charge_on")
    assert lay_moves(table, "assignment_id", columns, rows, {"held_lines": 0})() == 2
    session.expire_all()
    assert [position.version for position in positions] == [seen[0] + 1, seen[1], seen[2] + 1]
    assert (positions[0].charged_until, positions[0].next_charge_on, positions[0].held_lines) == (
        TODAY,
        None,
        0,
    )
    assert (positions[2].charged_until, positions[2].next_charge_on) == (None, TODAY)
    assert positions[1].charged_until is None


def test_rows_that_share_values_are_in_as_they_were_told_and_in_their_order(session):
    customers = [a_customer(f"C{n}") for n in range(3)]
    day = date(2020, 1, 1)
    told = [(customers[n % 3].id, date(2020 + n, 1, 1), n % 2 + 1, "standard") for n in range(12)]
    rows = [((whose, since), (rate, category)) for whose, since, rate, category in told]
    copy_shared(RATES, COLUMNS[:2], COLUMNS[2:], rows)
    copy_shared(RATES, COLUMNS[:2], COLUMNS[2:], [])
    query = select(RATES).where(RATES.c.effective_from >= day).order_by(RATES.c.id)
    found = [(row.customer_id, row.effective_from, row.rate, row.category) for row in session.execute(query)]
    assert found[-12:] == told


def test_rows_that_share_values_are_all_in_or_none(session):
    customer, before = a_customer(), count()
    rows = [((customer.id, date(2020 + n % 2, 1, 1)), (1, "standard")) for n in range(3)]
    with pytest.raises(IntegrityError), session.begin_nested():
        copy_shared(RATES, COLUMNS[:2], COLUMNS[2:], rows)
    assert count() == before
    copy_shared(RATES, COLUMNS[:2], COLUMNS[2:], rows[:2])
    assert count() == before + 2


def test_what_rows_share_is_said_once(session):
    customer, asked = a_customer(), []

    def said(rate):
        asked.append(rate)
        return (rate, "standard")

    rows = [((customer.id, date(2020 + n, 1, 1)), (n % 2 + 1,)) for n in range(6)]
    copy_shared(RATES, COLUMNS[:2], COLUMNS[2:], rows, said=said)
    assert asked == [1, 2]
    query = select(RATES.c.rate).where(RATES.c.customer_id == customer.id).order_by(RATES.c.effective_from)
    assert session.scalars(query).all()[-6:] == [1, 2, 1, 2, 1, 2]


def test_what_none_of_the_rows_has_is_taken_from_all_that_move(session):
    position = assigned(a_package(), a_customer(), TODAY).position
    position.late_from = position.late_on = TODAY
    session.flush()
    columns, row = ("charged_until", "late_from", "late_on"), (position.assignment_id, position.version)
    moves = [(*row, TODAY, None, None)]
    assert lay_moves(AssignmentPosition.__table__, "assignment_id", columns, moves, {})() == 1
    assert lay_moves(AssignmentPosition.__table__, "assignment_id", columns, [], {})() == 0
    session.refresh(position)
    assert (position.charged_until, position.late_from, position.late_on) == (TODAY, None, None)
    assert position.version == row[1] + 1


LETTERS = "a\ttab, a\nline, a\r\nline, \\N, a \\ and 'quotes'"


@pytest.mark.parametrize("shared", [("comment",), ("comment", "customer_id", "before")])
def test_words_are_stored_letter_by_letter_and_what_is_not_there_is_not_there(session, shared):
    said = {
        "done_at": datetime(2026, 1, 31, 12, tzinfo=UTC), "done_by": "", "role": "", "address": "", "act": "change",
        "noun": "package", "noun_id": None, "customer_id": None, "label": LETTERS, "before": "", "after": LETTERS,
        "comment": LETTERS, "overrides": True, "search_key": "",
    }  # fmt: skip
    own = [name for name in ("label", "noun_id", "before", "customer_id", "comment") if name not in shared]
    same = {name: value for name, value in said.items() if name not in (*own, *shared)}
    row = (tuple(said[name] for name in own), tuple(said[name] for name in shared))
    other = (tuple(7 if name == "noun_id" else said[name] for name in own), row[1])
    copy_shared(AUDIT, own, shared, [row, other], same)
    found = (
        session.execute(select(AUDIT).where(AUDIT.c.label == LETTERS).order_by(AUDIT.c.id)).mappings().all()
    )
    assert [one["noun_id"] for one in found] == [None, 7]
    assert all(one[name] == value for one in found for name, value in said.items() if name != "noun_id")
