"""Locks are taken in one order, and what is read under them is what stands."""

from decimal import Decimal

import pytest
from sqlalchemy import text

from portal.extensions import db
from portal.models import AssignmentPosition, Charge, Customer, Package
from portal.services import locking
from portal.services.locking import OutOfOrder, lock, lock_ids, lock_one, watched
from tests.trade import TODAY, a_customer, a_package, assigned

pytestmark = pytest.mark.usefixtures("session")


@pytest.fixture
def one_act(session):
    """Something is stored, and from here on a transaction is one act."""
    package, customer = a_package(), a_customer()
    assignment = assigned(package, customer, TODAY)
    session.commit()
    with watched(locking.RAISE):
        yield assignment


def test_a_kind_that_stands_before_what_is_held_is_not_locked_any_more(one_act):
    lock(AssignmentPosition, [one_act.id])
    with pytest.raises(OutOfOrder, match="Customer is locked after AssignmentPosition"):
        lock(Customer, [one_act.customer_id])


def test_a_lock_that_is_shared_is_not_made_one_alone(one_act):
    lock(Package, [one_act.package_id], shared=True)
    with pytest.raises(OutOfOrder, match="after it was shared"):
        lock(Package, [one_act.package_id])


def test_rows_of_a_kind_are_locked_by_id(one_act):
    later = a_customer("Later")
    lock(Customer, [later.id])
    with pytest.raises(OutOfOrder, match=r"Customer \d+ is locked after \d+"):
        lock(Customer, [one_act.customer_id])


def test_what_is_held_may_be_asked_for_again(one_act):
    customer = lock_one(Customer, one_act.customer_id)
    lock(AssignmentPosition, [one_act.id])
    assert lock(Customer, [one_act.customer_id], shared=True) == [customer]
    assert lock_ids(AssignmentPosition, [one_act.id]) == [one_act.id]


def test_what_is_not_there_is_not_locked(one_act):
    assert lock(Customer, [one_act.customer_id + 99, None]) == []
    assert lock_ids(Charge, [5]) == []


def test_a_transaction_that_is_over_holds_no_lock(one_act):
    lock(AssignmentPosition, [one_act.id])
    db.session.commit()
    assert not locking.has_locked(AssignmentPosition, [one_act.id])
    lock(Customer, [one_act.customer_id])
    db.session.rollback()
    assert not locking.has_locked(Customer, [one_act.customer_id])


def test_what_was_locked_in_a_savepoint_is_let_go_with_it(one_act):
    lock(Customer, [one_act.customer_id])
    savepoint = db.session.begin_nested()
    lock(AssignmentPosition, [one_act.id])
    savepoint.rollback()
    assert locking.has_locked(Customer, [one_act.customer_id])
    assert not locking.has_locked(AssignmentPosition, [one_act.id])
    lock(Package, [one_act.package_id])


def test_what_another_has_stored_in_the_meantime_is_read_under_the_lock(session, database, one_act):
    """Its prices too, which stand in rows of their own; and what was changed here is not lost."""
    if db.engine.dialect.name == "sqlite":
        pytest.skip("there one writes at a time")
    package, customer = one_act.package, one_act.customer
    assert (package.prices[0].retail, customer.tax_rates[0].rate) == (Decimal("24.50"), Decimal(20))
    with db.engine.begin() as other:
        other.execute(text("UPDATE package_price SET retail = 99000000"))
        other.execute(text("UPDATE package SET name = 'Other', version = version + 1"))
        other.execute(text("UPDATE customer_tax_rate SET rate = 7000000"))
    package_now = a_package("Mine")
    (customer,) = lock(Customer, [customer.id])
    lock(Package, [package.id, package_now.id])
    assert (package.name, package.prices[0].retail, package.version) == ("Other", Decimal(99), 2)
    assert customer.tax_rates[0].rate == Decimal(7)
    assert package_now.name == "Mine"


def test_outside_of_one_act_the_order_is_nobodys_concern(one_act):
    with watched(locking.NOT):
        lock(AssignmentPosition, [one_act.id])
        lock(Customer, [one_act.customer_id])


def test_in_production_a_lock_out_of_order_is_told_and_taken(one_act, caplog):
    with watched(locking.LOG):
        lock(AssignmentPosition, [one_act.id])
        assert lock(Customer, [one_act.customer_id])
    assert "Customer is locked after AssignmentPosition" in caplog.text


def test_what_was_only_locked_is_read_when_it_is_asked_for(session, one_act):
    if db.engine.dialect.name == "sqlite":
        pytest.skip("there one writes at a time")
    customer = one_act.customer
    assert customer.name == "Northwind Telecom"
    with db.engine.begin() as other:
        other.execute(text("UPDATE customer SET name = 'Other', version = version + 1"))
    lock_ids(Customer, [customer.id])
    assert lock_one(Customer, customer.id).name == "Other"
