"""Many rows at once: all of them or none, and what goes wrong is told as everywhere else."""

from datetime import date

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from portal.extensions import db
from portal.models import CustomerTaxRate
from portal.models.raw_tables import raw_table
from portal.services.copying import AT_A_TIME, copy_in
from tests.trade import a_customer

RATES = raw_table(CustomerTaxRate)
COLUMNS = ("customer_id", "effective_from", "rate")


def rates(customer, count):
    return [(customer.id, date(2020, 1, 1).replace(year=2020 + n), n) for n in range(count)]


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
