"""What a customer with very many assignments has is remembered, and told as it is now, whatever was done to them."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from flask import current_app
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal import database as databases
from portal.extensions import db
from portal.models import Assignment, ConnexcsPackage, Customer
from portal.services.assignments import changing, lists, own_prices, withdrawing
from portal.services.customers import ranking
from portal.services.packages import holdings as module
from portal.services.packages import services_enabled
from portal.services.packages.changes import make_change, plan_change
from portal.services.packages.definition import PriceSet, definition_of
from tests.depth import tries
from tests.trade import BEN, NOW, TODAY, a_customer, a_package, assigned

DAYS = (TODAY, TODAY + timedelta(days=1), TODAY + timedelta(days=40))
LATER = DAYS[1]
ACTS = ("assign", "quantity", "later quantity", "own", "end", "withdraw", "price", "undone", "look")


def reads(find):
    """What a request that only reads is told."""
    db.session.commit()
    with databases.reading():
        found = find()
        db.session.rollback()
    return found


def told(customer_id, day):
    has = module.holdings_of([customer_id], day)
    units = {key: dict(of) for part in has for key, of in part.units.items()}
    return (
        units,
        {key: of for part in has for key, of in part.own.items()},
        ranking.by_package(day, customer_id),
    )


def shown(customer_id, day):
    """What their page says besides: what there is of each package, what has ended, which services are enabled."""
    customer = db.session.get(Customer, customer_id)
    groups = lists.groups_of(customer, day)
    return (
        list(lists.by_package(customer, day)),
        [(group.key, group.count) for group in groups.shown],
        services_enabled.of_customer(customer_id, day),
    )


def found(customer_id, day):
    """The same from the tables: to whoever writes."""
    units, own, _ = module.holdings(day, [customer_id])
    amounts = ranking.recurring(day, [customer_id]).get(customer_id, ranking.NOTHING)
    return {key: dict(of) for key, of in units.items()}, own, amounts


def agree(customer_id):
    for day in DAYS:
        reads(lambda day=day: shown(customer_id, day))  # before what they have was asked for, and after it
        units, own, by_package = reads(lambda day=day: told(customer_id, day))
        assert (units, own, sum(by_package.values(), ranking.NOTHING)) == found(customer_id, day)
        *groups, services = reads(lambda day=day: shown(customer_id, day))
        assert [*groups, services] == list(shown(customer_id, day))
        (account,) = services_enabled.services_enabled([customer_id], day)
        days = [(one.name, one.since, one.until) for one in account.services]
        assert [(one.name, one.since, one.until) for one in services] == days


@given(acts=st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 5)), max_size=8))
@settings(
    max_examples=tries(6, deep=20), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@pytest.mark.slow
def test_whatever_is_done_what_is_told_is_what_there_is(database, app, acts):
    database.clean()
    with app.app_context(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "VERY_MANY", 1)
        patch.setattr(services_enabled, "NAMED", 0)
        current_app.extensions.pop("portal.holdings", None)
        customer = a_customer()
        packages = [a_package("Line", "10", match=()), a_package("Seat", "7", match=(1, 15))]
        fax = ConnexcsPackage(name="Fax")
        db.session.add(fax)
        db.session.flush()
        for package in packages:
            package.connexcs_package_id = fax.id
        mine = [assigned(package, customer).id for package in packages]
        agree(customer.id)
        for act, which in acts:
            do(act, which, customer, packages, mine)
            agree(customer.id)


def do(act, which, customer, packages, mine):
    one = db.session.get(Assignment, mine[which % len(mine)]) if mine else None
    package = packages[which % len(packages)]
    if act == "assign" or (act == "undone" and one):
        made = assigned(package, customer, TODAY - timedelta(days=which), quantity=which + 1)
        if act == "assign":
            mine.append(made.id)
        else:  # told before it is stored, and never stored
            told(customer.id, TODAY)
            db.session.rollback()
    elif act == "price":
        stored = definition_of(package, TODAY)
        prices = (PriceSet("GBP", Decimal(0), Decimal(20 + which), Decimal(0), Decimal(0)),)
        changed = plan_change(package, replace(stored, prices=prices), LATER, TODAY)
        make_change(changed)
    elif one and not one.end_date:
        if act in ("quantity", "later quantity"):
            changing.change_quantity(one, which + 2, TODAY if act == "quantity" else LATER, TODAY)
        elif act == "own":
            own_prices.make_own_change(
                own_prices.plan_own_change(one, {"retail": Decimal(which)}, None, TODAY)
            )
        elif act == "end":
            changing.change_end(one, TODAY + timedelta(days=which), TODAY, by=BEN, now=NOW)
        elif act == "withdraw":
            mine.remove(one.id)
            withdrawing.withdraw([one], TODAY, NOW)


def test_who_has_few_is_not_remembered(session):
    customer = a_customer()
    assigned(a_package(), customer)
    current_app.extensions.pop("portal.holdings", None)
    reads(lambda: module.holdings_of([customer.id], TODAY))
    assert not current_app.extensions.get("portal.holdings")


def test_whose_packages_alone_are_asked_for_is_remembered_too(session, monkeypatch):
    monkeypatch.setattr(module, "VERY_MANY", 2)
    customer, package = a_customer(), a_package()
    for _ in range(2):
        assigned(package, customer)
    current_app.extensions.pop("portal.holdings", None)
    for _ in range(2):
        told = reads(lambda: list(lists.by_package(customer, TODAY)))
    assert module.known_count(customer.id) == 2
    assigned(package, customer)
    assert reads(lambda: list(lists.by_package(customer, TODAY))) != told
    assert module.known_count(customer.id) == 3
