"""Customers, account codes and DIDs found by any part of their texts: the same as by reading every row."""

from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select

from portal.domain.names import search_key
from portal.extensions import db
from portal.models import AccountCode, Customer
from portal.services import parts
from portal.services.customers.account_codes import give
from portal.services.customers.customers import find_customers
from portal.services.dids.dids import find_dids
from tests.trade import TODAY, a_customer, a_did

TEXTS = st.text(alphabet=st.sampled_from("ab c\"%_\\'é漢+0"), min_size=1, max_size=9)
numbers = count(1)


def found(part):
    """The names of the customers one of whose texts holds a part."""
    return set(db.session.scalars(select(Customer.name).where(parts.holds(Customer, part))))


@given(names=st.lists(TEXTS, max_size=6, unique=True), part=TEXTS, many=st.sampled_from((0, parts.MANY)))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_who_is_found_is_who_holds_it(session, monkeypatch, names, part, many):
    """Also where the threes of the part are in too many rows to be of help."""
    monkeypatch.setattr(parts, "MANY", many)
    session.rollback()
    made = [a_customer(f"{next(numbers)} {name}") for name in names]
    part = search_key(part)
    expected = {customer.name for customer in made if part in customer.search_key}
    assert found(part) == expected
    session.rollback()


def test_what_is_changed_is_found_as_it_is_now_and_what_is_gone_no_more(session):
    acme, did = a_customer("Acme"), a_did(None, "+442079460123")
    give(acme, ["OLD-1"])
    acme.name, acme.company_details = "Zenith", "Harbour Street"
    give(acme, ["NEW-1"])
    did.number = "+442079460777"
    session.flush()
    for text, is_found in (("acme", 0), ("enith", 1), ("bour", 1), ("old", 0), ("new-1", 1)):
        assert len(session.scalars(find_customers(text)).all()) == is_found, text
    assert [len(session.scalars(find_dids(TODAY, text)).all()) for text in ("0123", "0777", "7946")] == [
        0,
        1,
        1,
    ]
    session.delete(did)
    session.flush()
    assert session.scalars(find_dids(TODAY, "0777")).all() == []


def test_a_customer_is_found_by_words_of_which_one_is_in_a_code(session):
    acme = a_customer("Acme Harbour")
    give(acme, ["UK-LONDON-7"])
    a_customer("Acme Garage")
    assert session.scalars(find_customers("london acme")).all() == [acme]
    assert session.scalars(select(AccountCode).where(parts.holds(AccountCode, "lond"))).one().customer is acme


@pytest.mark.parametrize("model", parts.INDEXED)
def test_no_row_is_read_for_a_part_that_nobody_has(session, model):
    """The index answers: on PostgreSQL where it may not read all rows, on SQLite as it plans it."""
    statements = []
    engine = session.get_bind()
    event.listen(
        engine,
        "before_cursor_execute",
        lambda c, cursor, statement, values, *_: statements.append((statement, values)),
    )
    session.scalars(select(model.id).where(parts.holds(model, "qqzzy"))).all()
    statement, values = statements[-1]
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        connection.exec_driver_sql("SET LOCAL enable_indexonlyscan = off")
        connection.exec_driver_sql("SET LOCAL enable_indexscan = off")
    plan = connection.exec_driver_sql(
        f"EXPLAIN {'QUERY PLAN ' if connection.dialect.name == 'sqlite' else ''}{statement}", values
    )
    assert f"part_{model.__tablename__}" in str(plan.all())
