"""What a charge refers to: the database itself holds that it is there and stays, and is of the same customer.

PostgreSQL holds part of it by a table beside the charges (migrations/charge_keys.py); what is claimed is the same.
"""

from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import insert, inspect, select, text, update
from sqlalchemy.exc import IntegrityError

from portal.extensions import db
from portal.models import Assignment, Charge
from portal.models.raw_tables import CHARGE, ENTRY
from tests.trade import NOW, TODAY, a_customer, a_package, assigned

NOBODY = 404
REFERS_TO = {
    column.name: key.column.table.name for column in Charge.__table__.columns for key in column.foreign_keys
}


@pytest.fixture
def theirs(session: Any) -> tuple[Assignment, Assignment]:
    """Two assignments, each of another customer and another package."""
    made = assigned(a_package("Seat"), a_customer("Acme")), assigned(a_package("Line"), a_customer("Bolt"))
    session.commit()
    return made


def post(session: Any, **of: Any) -> int:
    """A charge that refers to this, whatever it says."""
    nothing = dict.fromkeys(("unit_price", "unit_cost", "amount", "cost", "tax_rate", "tax", "number"), 0)
    one = dict.fromkeys(("quantity", "days", "whole_days"), 1)
    words = dict.fromkeys(("label", "did_number", "reason", "posted_by"), "")
    says = {"kind": "manual", "charge_on": TODAY, "period_from": TODAY, "currency": "GBP", "posted_at": NOW}
    row = {**nothing, **one, **words, **says, "auto_decrement_credit": False, **of}
    session.execute(insert(CHARGE).values(row))
    id: int = session.scalar(select(Charge.id).order_by(Charge.id.desc()).limit(1))
    return id


def of_it(assignment: Assignment) -> dict[str, int]:
    """What a charge of an assignment names."""
    return {
        "assignment_id": assignment.id, "customer_id": assignment.customer_id, "package_id": assignment.package_id,
    }  # fmt: skip


def test_the_references_are_those_that_are_looked_at_here() -> None:
    assert REFERS_TO == {
        "run_id": "run", "customer_id": "customer", "assignment_id": "assignment", "package_id": "package",
        "corrects_id": "charge", "reverses_id": "charge", "correction_id": "correction", "writes_off_id": "charge",
    }  # fmt: skip


@pytest.mark.parametrize("column", REFERS_TO)
@pytest.mark.parametrize("has_assignment", [True, False])
def test_a_charge_refers_to_nothing_that_is_not_there(
    session: Any, theirs: tuple[Assignment, Assignment], column: str, has_assignment: bool
) -> None:
    names = of_it(theirs[0])
    if not has_assignment:
        del names["assignment_id"]
    post(session, **names)
    with pytest.raises(IntegrityError, match=r"(?i)foreign key"):
        post(session, **{**names, column: NOBODY, "number": 1})


@pytest.mark.parametrize("column", ["customer_id", "package_id"])
def test_a_charge_of_an_assignment_is_of_its_customer_and_its_package(
    session: Any, theirs: tuple[Assignment, Assignment], column: str
) -> None:
    mine, other = theirs
    with pytest.raises(IntegrityError, match=r"(?i)foreign key"):
        post(session, **{**of_it(mine), column: getattr(other, column)})


def test_a_charge_of_an_assignment_names_a_package(
    session: Any, theirs: tuple[Assignment, Assignment]
) -> None:
    """Else nothing would look whether its customer and its assignment are there."""
    with pytest.raises(IntegrityError, match="ck_charge_has_package"):
        post(session, **{**of_it(theirs[0]), "package_id": None})


@pytest.mark.parametrize("column", ["customer_id", "package_id"])
def test_an_assignment_that_was_charged_stays_with_its_customer_and_its_package(
    session: Any, theirs: tuple[Assignment, Assignment], column: str
) -> None:
    mine, other = theirs
    post(session, **of_it(mine))
    new = {column: getattr(other, column)}
    with pytest.raises(IntegrityError, match=r"(?i)foreign key"):
        session.execute(update(Assignment).where(Assignment.id == mine.id).values(new))


@pytest.mark.parametrize("wrong", ["customer_id", "for_day", "charge_id"])
def test_a_balance_entry_is_of_the_customer_and_for_the_day_of_its_charge(
    session: Any, theirs: tuple[Assignment, Assignment], wrong: str
) -> None:
    mine, other = theirs
    names = {"customer_id": mine.customer_id, "for_day": TODAY, "charge_id": post(session, **of_it(mine))}
    says = {"source": "charge", "made_on": TODAY, "amount": 0, "reason": "", "made_by": "", "made_at": NOW}
    session.execute(insert(ENTRY).values({**says, **names}))
    not_its = {"customer_id": other.customer_id, "for_day": TODAY - timedelta(1), "charge_id": NOBODY}
    with pytest.raises(IntegrityError, match=r"(?i)foreign key"):
        session.execute(insert(ENTRY).values({**says, **names, "source": "release", wrong: not_its[wrong]}))


@pytest.mark.parametrize("table", ["assignment", "customer", "package"])
def test_what_a_charge_of_an_assignment_refers_to_is_not_removed(
    session: Any, theirs: tuple[Assignment, Assignment], table: str
) -> None:
    mine = theirs[0]
    post(session, **of_it(mine))
    id = mine.id if table == "assignment" else getattr(mine, f"{table}_id")
    with pytest.raises(IntegrityError, match=r"(?i)foreign key"):
        session.execute(text(f"DELETE FROM {table} WHERE id = {id}"))


@pytest.mark.parametrize("table", ["customer", "package"])
def test_what_a_charge_without_an_assignment_refers_to_is_not_removed(session: Any, table: str) -> None:
    """Nobody else names them: no assignment, no tax rate, no price."""
    acme, seat = a_customer("Acme"), a_package("Seat")
    session.flush()
    post(session, customer_id=acme.id, package_id=seat.id)
    for part in ("customer_tax_rate", "account_code", "contact", "package_price", "package_schedule"):
        session.execute(text(f"DELETE FROM {part}"))
    with pytest.raises(IntegrityError, match=r"(?i)foreign key"):
        session.execute(text(f"DELETE FROM {table}"))


def test_a_customer_is_not_removed_while_somebody_posts_for_them(app: Any, session: Any) -> None:
    """Whoever removes them waits for whoever posts, and is refused then."""
    if session.get_bind().dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    acme = a_customer("Acme")
    session.flush()
    session.execute(text("DELETE FROM customer_tax_rate"))
    session.commit()
    id, found = acme.id, []

    def remove() -> None:
        with app.app_context(), db.engine.connect() as other:
            try:
                other.execute(text(f"DELETE FROM customer WHERE id = {id}"))
            except IntegrityError as error:
                found.append(error)

    post(session, customer_id=id)
    removing = Thread(target=remove)
    removing.start()
    removing.join(0.3)
    assert removing.is_alive()
    session.commit()
    removing.join(10)
    assert len(found) == 1


def test_the_keys_beside_the_charges_are_those_of_the_charges(session: Any) -> None:
    """On PostgreSQL: one row for each charge that names anything but its assignment and its run, and what it names."""
    if session.get_bind().dialect.name == "sqlite":
        pytest.skip("SQLite has all keys in the charge")
    mine = assigned(a_package("Seat"), a_customer("Acme"))
    session.flush()
    first = post(session, **of_it(mine))
    second = post(session, **{**of_it(mine), "number": 1}, corrects_id=first, reverses_id=first)
    third = post(session, customer_id=mine.customer_id, package_id=mine.package_id, writes_off_id=second)
    rows = session.execute(text("SELECT * FROM charge_key ORDER BY charge_id")).all()
    none = None
    assert [tuple(row) for row in rows] == [
        (second, none, none, first, first, none, none),
        (third, mine.customer_id, mine.package_id, none, none, none, second),
    ]
    keys = inspect(session.connection()).get_foreign_keys("charge_key")
    kept = {key["constrained_columns"][0]: key["referred_table"] for key in keys}
    of_few = {name: table for name, table in REFERS_TO.items() if name not in ("run_id", "assignment_id")}
    assert kept == {"charge_id": "charge", **of_few}
    with pytest.raises(IntegrityError, match="written once"):
        session.execute(text("DELETE FROM charge_key"))
