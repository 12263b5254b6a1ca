"""The engine finds what the day-by-day oracle finds, for any terms that the rules allow."""

from datetime import timedelta

import pytest
from hypothesis import given, settings

from portal.domain.charges import charges_due
from portal.domain.due import Position
from portal.domain.money import from_micros, minor_unit
from portal.domain.schedule import FIRST_DAY
from tests import oracle
from tests.depth import tries
from tests.domain.made_up import FIRST_START, spent, terms

pytestmark = pytest.mark.slow

THROUGH = FIRST_START + timedelta(days=550)
CURRENCIES = {minor_unit(currency): currency for currency in ("USD", "JPY", "KWD")}


def entries(history, values):
    """A history as the oracle takes it: (holds from, value, ...)."""
    return [(oracle.ALWAYS if day == FIRST_DAY else day, *values(value)) for day, value in history]


def portfolio_of(terms):
    """One package, one customer, one assignment, and the calls of `spent`."""
    currency = CURRENCIES[terms.unit]
    days = range(FIRST_START.toordinal(), THROUGH.toordinal() + 1)
    return {
        "packages": [
            {
                "key": "line",
                "type": "standard",
                "minimum_spend": terms.minimum_spend,
                "proration": terms.proration.value,
                "schedules": entries(terms.schedules, lambda s: (s.frequency.value, s.match)),
                "prices": {
                    currency: entries(terms.prices, lambda four: [from_micros(price) for price in four])
                },
            }
        ],
        "customers": [
            {
                "key": "acme",
                "currency": currency,
                "tax_rates": entries(terms.tax_rates, lambda rate: (from_micros(rate),)),
            }
        ],
        "assignments": [
            {
                "package": "line",
                "customer": "acme",
                "did": None,
                "start_date": terms.start_date,
                "charge_from": terms.charge_from,
                "quantities": entries(terms.quantities, lambda quantity: (quantity,)),
                "ends": entries(terms.ends, lambda end: (end,)),
            }
        ],
        "usage": [
            ("acme", None, oracle.date.fromordinal(n), from_micros(spent_on(n))) for n in days if spent_on(n)
        ],
        "usage_wait_days": terms.wait_days,
        "through": THROUGH,
    }


def spent_on(ordinal):
    day = oracle.date.fromordinal(ordinal)
    return spent(day, day + oracle.ONE_DAY)


def as_the_oracle_says_it(charge):
    """A due charge with the fields of one of the oracle's."""
    once = charge.period_until is None
    return {
        "posted_on": charge.found_on if charge.number == 0 else charge.charge_on,
        "date": charge.charge_on,
        "assignment": 0,
        "kind": charge.kind.value,
        "number": charge.number,
        "period_from": None if once else charge.period_from,
        "period_until": charge.period_until,
        "quantity": charge.quantity,
        "unit_price": from_micros(charge.unit_price),
        "amount": from_micros(charge.amount),
        "cost": from_micros(charge.cost),
        "tax_rate": from_micros(charge.tax_rate),
        "tax": from_micros(charge.tax),
    }


@settings(max_examples=tries(12, deep=20), deadline=None)
@given(terms())
def test_what_falls_due_is_what_a_walk_through_every_day_finds(terms):
    found = [
        as_the_oracle_says_it(charge) for charge in charges_due(terms, Position(), THROUGH, {}, spent).charges
    ]
    expected = oracle.charges(portfolio_of(terms))
    assert found == expected
