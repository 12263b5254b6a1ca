"""The demo company is believable, the same each time, and loaded once, on both databases."""

from datetime import UTC, date, datetime
from decimal import Decimal

import phonenumbers
import pytest
from sqlalchemy import func, select

from portal.domain.due import Kind
from portal.domain.errors import RuleBroken
from portal.domain.schedule import Frequency
from portal.domain.terms import PackageType
from portal.extensions import db
from portal.models import (
    Assignment,
    AssignmentPosition,
    AssignmentQuantity,
    Call,
    Charge,
    ConnexcsPackage,
    Customer,
    CustomerTaxRate,
    Did,
    Package,
    PackagePrice,
    PackageSchedule,
    Run,
)
from portal.models.company import company
from portal.services import demo
from portal.services.packages.catalogue import create_package
from portal.services.packages.definition import Definition, PriceSet
from portal.services.people import people
from tests import world
from tests.conftest import POSTGRESQL, SQLITE
from tests.depth import tries

pytestmark = pytest.mark.slow

TODAY = date(2026, 11, 22)
TODAYS_OF_EVERY_SHAPE = [date(2028, 2, 29), date(2027, 7, 31)]
CONNEXCS = [
    "Call Recording", "Call Transcription", "ConnexCS Converse", "ConnexCS Converse Direct", "General LLM",
    "IPQS", "Programmatic Call Originate", "Spam Scout", "Storage", "Text to Speech", "UK TPS Lookup",
]  # fmt: skip


def charges():
    """Every charge as its customer would read it, in the order they stand in."""
    columns = (
        Customer.name, Charge.label, Charge.did_number, Charge.kind, Charge.charge_on, Charge.period_from,
        Charge.period_until, Charge.number, Charge.quantity, Charge.amount, Charge.cost, Charge.tax, Charge.currency,
    )  # fmt: skip
    query = select(*columns).join(Customer, Customer.id == Charge.customer_id)
    return sorted(tuple(map(str, row)) for row in db.session.execute(query))


def count(model, *which):
    return db.session.scalar(select(func.count()).select_from(model).where(*which))


class Stopped(Exception):
    """Somebody pulled the plug."""


@pytest.fixture(scope="module")
def stopped(folder):
    """The demo company on SQLite, its load stopped in August and started again three days later."""
    home = world.new_folder(folder, "demo")
    database = world.Sqlite(home)

    def stop_in_august(sentence):
        if sentence.startswith("August"):
            raise Stopped

    with database.app.app_context():
        with pytest.raises(Stopped):
            demo.load(TODAY, say=stop_in_august)
        db.session.rollback()
        assert not demo.is_loaded()
        demo.load(date(2026, 11, 25))
        assert demo.is_loaded()
    yield database.app
    database.close()


@pytest.fixture(scope="module")
def undisturbed(folder, databases, postgresql_url):
    """The demo company on PostgreSQL, loaded at one go."""
    database = databases.get(POSTGRESQL) or world.Postgresql(folder, postgresql_url)
    databases[POSTGRESQL] = database
    database.clean()
    with database.app.app_context():
        demo.load(TODAY)
    yield database.app
    database.close()


@pytest.fixture(scope="module", params=[SQLITE, POSTGRESQL])
def loaded(request):
    """The application with the demo company, loaded once for all claims: whatever is claimed holds of both loads."""
    app = request.getfixturevalue("stopped" if request.param == SQLITE else "undisturbed")
    with app.app_context():
        yield app


def test_it_is_a_provider_with_packages_customers_and_numbers(loaded):
    assert (company().name, company().default_currency) == ("Lumen Voice", "GBP")
    assert 20 <= count(Package) <= 25
    assert count(Customer) == 60
    assert count(Did) == 300
    assert count(Did, Did.customer_id.is_(None)) > 40
    assert len(db.session.scalars(select(Customer.currency).distinct()).all()) == 6
    assert len(db.session.scalars(select(CustomerTaxRate.rate).distinct()).all()) > 8
    assert len(db.session.scalars(select(Did.country).distinct()).all()) == 6


def test_the_connexcs_packages_have_the_names_that_providers_know(loaded):
    assert (
        db.session.scalars(select(ConnexcsPackage.name).order_by(ConnexcsPackage.search_key)).all()
        == CONNEXCS
    )


def test_every_number_is_one_that_the_number_plan_knows(loaded):
    for number in db.session.scalars(select(Did.number)):
        assert phonenumbers.is_valid_number(phonenumbers.parse(number)), number


def test_every_address_is_in_a_domain_that_nobody_has(loaded):
    addresses = db.session.scalars(select(Customer.email)).all()
    assert len(set(addresses)) == 60
    assert all(address.endswith(".example") for address in addresses)


def test_the_catalogue_has_a_package_of_every_kind(loaded):
    assert set(db.session.scalars(select(PackageSchedule.frequency))) == set(Frequency)
    assert set(db.session.scalars(select(Package.type))) == set(PackageType)
    assert count(Package, Package.minimum_spend) == 2
    assert count(Package, Package.archived_on.is_not(None)) == 1
    assert count(PackageSchedule, PackageSchedule.frequency_match == (15, 31)) == 1
    below_cost = select(PackagePrice).where(PackagePrice.retail < PackagePrice.cost)
    assert [price.package.name for price in db.session.scalars(below_cost)] == ["Text to Speech"]


def test_a_clerk_and_a_customer_sign_in_beside_the_owner(loaded):
    ben, nora = people.find_by_email("ben@lumen.example"), people.find_by_email(people.DEMO_CUSTOMER_EMAIL)
    assert (ben.role, ben.customer_id) == ("billing", None)
    northwind = db.session.scalars(select(Customer).where(Customer.name == "Northwind Telecom")).one()
    assert (nora.role, nora.customer_id) == ("customer owner", northwind.id)


def test_assignments_of_every_kind_are_there(loaded):
    assert count(Assignment) > 350
    for kind, which in {
        "on a DID": Assignment.did_id.is_not(None),
        "locked": Assignment.locked_until > TODAY,
        "ended": Assignment.end_date < TODAY,
        "ending soon": Assignment.end_date > TODAY,
        "starting today": Assignment.start_date == TODAY,
        "starting later": Assignment.start_date > TODAY,
        "charged from a later day": Assignment.charge_from.is_not(None),
        "of free minutes": Assignment.minutes.is_not(None),
        "taken from the balance": Assignment.auto_decrement_credit,
        "with the lock overridden": Assignment.override_reason != "",
    }.items():
        assert count(Assignment, which), kind
    assert count(AssignmentQuantity) > count(Assignment) + 10


def test_half_a_year_of_charges_of_every_kind_was_posted_by_runs(loaded):
    kinds = dict(db.session.execute(select(Charge.kind, func.count()).group_by(Charge.kind)).all())
    assert set(kinds) == set(Kind) - {Kind.UNDO, Kind.OPENING_ITEM}
    by_hand = (Kind.MANUAL, Kind.REVERSAL, Kind.WRITE_OFF, Kind.WRITE_OFF_LAPSED)
    assert not count(Charge, Charge.run_id.is_(None), Charge.kind.not_in(by_hand))
    first, last = db.session.execute(select(func.min(Charge.charge_on), func.max(Charge.charge_on))).one()
    assert (first, last) == (date(2026, 5, 1), date(2026, 11, 21))


def test_minimum_spend_is_settled_against_calls(loaded):
    assert count(Call) > 5_000
    settled = select(Charge).where(Charge.kind == Kind.MINIMUM_SPEND, Charge.amount > 0, Charge.spend > 0)
    charge = db.session.scalars(settled.order_by(Charge.id).limit(1)).one()
    assert charge.amount <= charge.unit_price * charge.quantity - charge.spend + Decimal("0.01")


def test_nothing_failed_and_one_assignment_waits_for_a_choice(loaded):
    assert db.session.scalar(select(func.sum(Run.failed_count))) == 0
    assert count(AssignmentPosition, AssignmentPosition.held_lines > 40) == 1


def test_something_falls_due_today_and_was_simulated_before_it_changed(loaded):
    assert count(AssignmentPosition, AssignmentPosition.next_charge_on <= TODAY) > 10
    simulated = db.session.scalars(select(Run.through).where(Run.simulate).order_by(Run.id)).all()
    assert simulated == [TODAY, date(2026, 12, 22)]


def test_loading_again_changes_nothing(loaded):
    before = charges()
    assert demo.is_loaded()
    with pytest.raises(RuleBroken, match="already loaded"):
        demo.load(date(2027, 1, 5))
    assert charges() == before


def test_a_portal_with_other_packages_is_left_alone(tmp_path):
    other = world.Sqlite(tmp_path)
    with other.app.app_context():
        mine = Definition("Mine", (PriceSet("GBP"),))
        create_package(mine, token="mine", now=datetime(2026, 1, 1, tzinfo=UTC))
        with pytest.raises(RuleBroken, match="an empty portal only"):
            demo.load(TODAY)
    other.close()


def test_a_load_that_is_stopped_and_started_on_another_day_ends_as_an_undisturbed_one(stopped, undisturbed):
    found = []
    for app in (stopped, undisturbed):
        with app.app_context():
            found.append(charges())
    assert found[0] and found[0] == found[1]


@pytest.mark.parametrize("today", TODAYS_OF_EVERY_SHAPE[: tries(1, deep=2)], ids=str)
def test_it_can_be_told_on_any_day(tmp_path, today):
    other = world.Sqlite(tmp_path)
    with other.app.app_context():
        demo.load(today)
        assert set(db.session.scalars(select(Charge.kind))) == set(Kind) - {Kind.UNDO, Kind.OPENING_ITEM}
        assert count(AssignmentPosition, AssignmentPosition.next_charge_on <= today) > 10
    other.close()
