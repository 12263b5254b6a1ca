"""The next charges are the first of all that come, however few assignments are planned to find them."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from portal.domain.schedule import FIRST_DAY
from portal.extensions import db
from portal.models import Assignment, Package
from portal.services import portfolio
from portal.services.billing import positions
from portal.services.billing.planning import upcoming
from portal.services.customers import figures
from portal.services.customers.figures import LATER, next_charges
from tests.trade import TODAY, a_customer, a_package, assigned

pytestmark = pytest.mark.usefixtures("session")


@pytest.fixture
def looks_at_few(monkeypatch):
    monkeypatch.setattr(figures, "LOOKED_AT", (2, 5, 1_000))


def all_that_come(customer_id: int) -> list:
    ids = db.session.scalars(select(Assignment.id).where(Assignment.customer_id == customer_id)).all()
    return [charge.key for charge in upcoming(FIRST_DAY, TODAY + LATER, TODAY, ids=list(ids)).charges]


@pytest.mark.parametrize(
    ("close", "known", "days"),
    [(-1, 0, 0), (positions.CLOSE, 0, 0), (-1, 10_000, 1), (-1, 10_000, 400)],
    ids=["far apart", "close", "the first day first", "day by day"],
)
def test_they_are_the_first_of_all_that_a_plan_of_everything_has(
    looks_at_few, monkeypatch, close, known, days
):
    monkeypatch.setattr(positions, "CLOSE", close)
    monkeypatch.setattr(positions, "known_count", lambda _id: known)
    monkeypatch.setattr(positions, "DAYS", days)
    portfolio.write(600, TODAY - timedelta(days=40))
    measures = select(Assignment.id).join(Package).where(Package.minimum_spend)
    assert db.session.scalars(measures.limit(1)).all()
    many = select(Assignment.customer_id).group_by(Assignment.customer_id).having(func.count() > 3)
    compared = 0
    for customer_id in db.session.scalars(many.order_by(Assignment.customer_id).limit(40)).all():
        for most in (1, 4):
            found = [charge.key for charge in next_charges(TODAY, most, customer_id=customer_id).charges]
            assert found == all_that_come(customer_id)[:most], customer_id
            compared += len(found)
    assert compared > 60


def test_of_very_many_of_one_day_a_few_are_planned(looks_at_few, monkeypatch):
    trunk, acme = a_package(), a_customer("Acme")
    for _ in range(12):
        assigned(trunk, acme, TODAY + timedelta(days=9))
    planned = []
    plan = figures.upcoming
    monkeypatch.setattr(figures, "upcoming", lambda *a, ids: planned.append(len(ids)) or plan(*a, ids=ids))
    found = next_charges(TODAY, 2, customer_id=acme.id)
    assert len(found.charges) == 2
    assert found.more and max(planned) == 2


def test_a_minimum_spend_that_bears_an_earlier_date_comes_first(looks_at_few):
    acme = a_customer("Acme")
    trunk = a_package("Trunk", "5")
    promised = a_package("Promise", "100", minimum_spend=True)
    for _ in range(8):
        assigned(trunk, acme, TODAY)
    assigned(promised, acme, TODAY - timedelta(days=20))
    db.session.flush()
    keys = all_that_come(acme.id)
    assert [charge.key for charge in next_charges(TODAY, 2, customer_id=acme.id).charges] == keys[:2]
