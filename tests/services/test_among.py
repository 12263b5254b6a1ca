"""Many ids asked for as one value."""

import pytest
from sqlalchemy import select

from portal.models import Assignment, AssignmentQuantity
from portal.services.among import IDS, among, is_among, is_among_too, is_found_among, is_one_of
from tests.trade import a_customer, a_package, assigned

OF = AssignmentQuantity.assignment_id


@pytest.mark.only_on("sqlite")
def test_the_rows_of_many_ids_are_found_by_an_index(session):
    one = assigned(a_package(), a_customer())
    for query, values in (
        (select(OF).where(is_among(OF, IDS)), {"ids": [one.id]}),
        (select(OF).where(among(OF, [one.id])), {}),
    ):
        assert session.scalars(query, values).all() == [one.id]
        statement = str(query.compile(session.get_bind()))
        plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", ("[1]",)).all()
        assert "SEARCH assignment_quantity" in str(plan), plan


def test_of_what_is_joined_only_postgresql_is_told_too(session):
    one, _other = (assigned(a_package(name), a_customer(name)) for name in ("Trunk", "Seat"))
    query = (
        select(OF)
        .join(AssignmentQuantity.assignment)
        .where(is_among(Assignment.id, IDS), is_among_too(OF, IDS))
    )
    assert session.scalars(query, {"ids": [one.id]}).all() == [one.id]
    dialect = session.get_bind().dialect
    told = str(query.compile(dialect=dialect)).count("ids" if dialect.name == "postgresql" else "json_each")
    assert told == (2 if dialect.name == "postgresql" else 1)


@pytest.mark.parametrize("asked", [is_among, is_found_among, is_one_of])
def test_however_they_are_asked_for_the_same_rows_are_among_many_ids(session, asked):
    package, customer = a_package(), a_customer()
    first, _, last = (assigned(package, customer).id for _ in range(3))
    for ids, found in (([last, first, first, last + 1], [first, last]), ([], [])):
        is_meant = among(OF, ids, asked)
        for which in (is_meant, is_meant | (OF < 0)):
            assert session.scalars(select(OF).where(which).order_by(OF)).all() == found
