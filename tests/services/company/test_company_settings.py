"""The provider's settings: what cannot be is refused, and a wait for calls moves what waits for them."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import select

from portal.domain.errors import Invalid
from portal.domain.party import Party
from portal.domain.schedule import Frequency
from portal.domain.terms import Proration
from portal.models import Call, Charge, Company
from portal.models.company import company
from portal.services.assignments import assigning
from portal.services.company.settings import CompanyFields, change_company, is_time_zone_fixed, time_zones
from portal.services.customers.customers import CustomerFields, create_customer
from portal.services.packages.catalogue import create_package
from portal.services.packages.definition import Definition, PriceSet
from portal.services.runs import runs

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BEGIN = date(2026, 2, 1)


@pytest.fixture
def provider(session):
    return company()


def as_stored(provider, **changes):
    fields = CompanyFields(**{name: getattr(provider, name) for name in CompanyFields.__dataclass_fields__})
    return replace(fields, **changes)


@pytest.fixture
def commitments(session):
    """Three customers of a minimum spend of 50 a month, on the 1st; nothing was called."""
    package = create_package(
        Definition(
            "Commitment",
            (PriceSet("USD", retail=Decimal(50)),),
            frequency=Frequency.MONTHLY,
            frequency_match=(1,),
            minimum_spend=True,
            proration=Proration.DAILY,
        ),
        token="p",
        now=NOW,
    )
    made = []
    for name in ("Acme", "Globex", "Initech"):
        fields = CustomerFields(name, "USD")
        customer = create_customer(fields, Decimal(0), token=name, today=BEGIN, now=NOW)
        draft = assigning.Draft(package, customer, None, 1, BEGIN)
        made.append(assigning.assign(draft, token=name, by="", now=NOW))
    run(date(2026, 2, 2))
    return made


def run(day):
    made = runs.start(day, simulate=False, today=day, by="", now=NOW)
    return runs.carry_out(made.id, day, lambda: NOW).charge_count


def nexts(session):
    from portal.models import AssignmentPosition

    session.expire_all()
    return set(session.scalars(select(AssignmentPosition.next_charge_on)))


def test_there_is_one_company_from_the_first_migration_on(provider):
    assert provider.usage_wait_days == 1
    assert provider.version == 1 or provider.version


def test_a_longer_wait_settles_minimum_spends_later(provider, commitments, session):
    assert nexts(session) == {date(2026, 3, 2)}
    assert change_company(company(), as_stored(company(), usage_wait_days=5), date(2026, 2, 20)) == 3
    session.commit()
    assert nexts(session) == {date(2026, 3, 6)}
    assert run(date(2026, 3, 5)) == 0
    assert run(date(2026, 3, 6)) == 3
    assert set(session.scalars(select(Charge.charge_on))) == {date(2026, 3, 1)}


def test_a_shorter_wait_settles_at_once_what_waited(provider, commitments, session):
    change_company(company(), as_stored(company(), usage_wait_days=9), date(2026, 2, 20))
    session.commit()
    assert run(date(2026, 3, 4)) == 0
    assert change_company(company(), as_stored(company(), usage_wait_days=0), date(2026, 3, 4)) == 3
    session.commit()
    assert nexts(session) == {date(2026, 3, 1)}
    assert run(date(2026, 3, 4)) == 3


def test_saving_the_same_wait_moves_nothing(provider, commitments):
    assert change_company(company(), as_stored(company(), name="Lumen"), date(2026, 2, 20)) == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "  "),
        ("name", "x" * 121),
        ("street", "x" * 1001),
        ("email", "nobody"),
        ("vat_id", "x" * 41),
        ("registration_number", "x" * 81),
        ("phone", "x"),
        ("time_zone", "Mars/Olympus"),
        ("default_currency", "XXX"),
        ("usage_wait_days", 31),
        ("usage_wait_days", -1),
        ("summary_footer", "x" * 1001),
        ("payment_days", -1),
        ("payment_days", 367),
        ("account_name", "x" * 71),
        ("iban", "GB82WEST12345698765423"),
        ("bic", "x"),
        ("bank_details", "x" * 501),
    ],
)
def test_what_cannot_be_names_its_field(provider, field, value):
    change = {"party": Party(**{field: value})} if hasattr(Party(), field) else {field: value}
    with pytest.raises(Invalid) as refused:
        change_company(provider, as_stored(provider, **change), BEGIN)
    assert refused.value.field == field


def test_the_time_zone_is_fixed_by_the_first_call_as_by_the_first_charge(provider, session):
    assert not is_time_zone_fixed()
    change_company(provider, as_stored(provider, time_zone="Asia/Tokyo"), BEGIN)
    customer = create_customer(CustomerFields("Acme", "USD"), Decimal(0), token="a", today=BEGIN, now=NOW)
    session.add(Call(customer_id=customer.id, call_id="1", day=BEGIN, came_in_on=BEGIN, amount=Decimal(1)))
    session.flush()
    assert is_time_zone_fixed()
    with pytest.raises(Invalid) as refused:
        change_company(provider, as_stored(provider, time_zone="UTC"), BEGIN)
    assert refused.value.field == "time_zone"
    change_company(provider, as_stored(provider, name="Other"), BEGIN)


def test_the_time_zones_are_those_of_places(session):
    zones = time_zones()
    assert zones[0] == "UTC"
    assert {"Europe/London", "Asia/Kolkata", "America/New_York"} < set(zones)
    assert not [zone for zone in zones if zone.startswith("Etc/")]
    assert session.get(Company, 1).time_zone in zones
