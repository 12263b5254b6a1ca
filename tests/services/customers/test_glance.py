"""What a customer's page says beside their name."""

import importlib

import pytest

from tests.trade import TODAY, a_customer, a_package, assigned

module = importlib.import_module("portal.services.customers.glance")


@pytest.mark.parametrize("many", [False, True], ids=["few", "very many"])
def test_what_is_held_is_the_customers_own_however_many_assignments_they_have(session, monkeypatch, many):
    monkeypatch.setattr(module, "has_many", lambda _id: many)
    trunk, acme, globex = a_package(), a_customer("Acme"), a_customer("Globex")
    mine, others = [assigned(trunk, acme) for _ in range(3)], assigned(trunk, globex)
    for one in (*mine[1:], others):
        one.position.held_lines = 41
    session.flush()
    found = module.glance(acme, TODAY)
    assert (found.assigned, found.held, found.first_held) == (3, 2, mine[1].id)
