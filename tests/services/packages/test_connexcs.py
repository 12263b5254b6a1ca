"""Platform services: the list the provider keeps, and which are enabled for whom on a day."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from portal.domain.errors import CannotDelete, Invalid
from portal.extensions import db
from portal.models import ConnexcsPackage, Package
from portal.services.packages import services_enabled as module
from portal.services.packages.changes import make_change, plan_change
from portal.services.packages.connexcs import (
    KNOWN,
    add_connexcs_package,
    connexcs_choices,
    delete_connexcs_package,
    rename_connexcs_package,
    seed_connexcs_packages,
)
from portal.services.packages.definition import definition_of
from portal.services.packages.services_enabled import as_json, of_customer, services_enabled
from tests.trade import TODAY, a_customer, a_did, a_package, assigned

pytestmark = pytest.mark.usefixtures("session")


def package_on(service: ConnexcsPackage, name: str = "Recording") -> Package:
    """A package that stands on a platform service."""
    package = a_package(name)
    stored = definition_of(package, TODAY)
    make_change(plan_change(package, replace(stored, connexcs_package_id=service.id), None, TODAY))
    return package


def spans(customer, on: date) -> list[tuple[str, date, date | None, int]]:
    """What is enabled for one customer: service, since, until, by how many."""
    [account] = services_enabled([customer.id], on)
    return [(s.name, s.since, s.until, len(s.by)) for s in account.services]


# -- the list


def test_the_names_that_providers_know_are_seeded_once(session):
    seed_connexcs_packages()
    seed_connexcs_packages()
    assert sorted(name for _, name in connexcs_choices()) == sorted(KNOWN)


@pytest.mark.parametrize("name", ["", "  ", "x" * 121, "ipqs", " IPQS "])
def test_a_name_is_given_once_and_fits(name):
    add_connexcs_package("IPQS")
    with pytest.raises(Invalid) as refused:
        add_connexcs_package(name)
    assert refused.value.field == "name"


def test_a_service_is_renamed_also_to_other_letters_of_its_own_name():
    service = add_connexcs_package("ipqs")
    rename_connexcs_package(service, "IPQS")
    assert service.name == "IPQS"


def test_a_service_stays_while_a_package_uses_it(session):
    service = add_connexcs_package("Call Recording")
    package = package_on(service)
    with pytest.raises(CannotDelete, match="Recording uses Call Recording") as refused:
        delete_connexcs_package(service)
    assert refused.value.way_out.values == {"package_id": package.id}
    unused = add_connexcs_package("Storage")
    delete_connexcs_package(unused)
    assert session.scalar(select(func.count(ConnexcsPackage.id))) == 1


# -- what is enabled


def test_a_service_is_enabled_from_the_start_date_to_the_end_date():
    acme, package = a_customer(), package_on(add_connexcs_package("Call Recording"))
    begins, ends = date(2026, 12, 1), date(2026, 12, 31)
    assigned(package, acme, begins, end_date=ends)
    assert spans(acme, date(2026, 11, 30)) == []
    assert spans(acme, begins) == [("Call Recording", begins, ends, 1)]
    assert spans(acme, ends) == [("Call Recording", begins, ends, 1)]
    assert spans(acme, date(2027, 1, 1)) == []


def test_one_assignment_hands_over_to_the_next_without_a_day_between():
    acme, service = a_customer(), add_connexcs_package("Call Recording")
    first, second = package_on(service, "Basic"), package_on(service, "Better")
    assigned(first, acme, date(2026, 1, 1), end_date=date(2026, 6, 30))
    assigned(second, acme, date(2026, 7, 1))
    assert spans(acme, date(2026, 3, 1)) == [("Call Recording", date(2026, 1, 1), None, 1)]
    assert spans(acme, TODAY) == [("Call Recording", date(2026, 1, 1), None, 1)]


def test_after_a_gap_it_is_enabled_again():
    acme, package = a_customer(), package_on(add_connexcs_package("Call Recording"))
    assigned(package, acme, date(2026, 1, 1), end_date=date(2026, 1, 31))
    assigned(package, acme, date(2026, 3, 1), end_date=date(2026, 3, 31))
    assert spans(acme, date(2026, 1, 15)) == [("Call Recording", date(2026, 1, 1), date(2026, 1, 31), 1)]
    assert spans(acme, date(2026, 2, 15)) == []
    assert spans(acme, date(2026, 3, 15)) == [("Call Recording", date(2026, 3, 1), date(2026, 3, 31), 1)]


def test_a_short_assignment_within_a_long_one_ends_nothing():
    acme, package = a_customer(), package_on(add_connexcs_package("Call Recording"))
    assigned(package, acme, date(2026, 1, 1))
    assigned(package, acme, date(2026, 2, 1), did=a_did(acme), end_date=date(2026, 2, 28))
    assert spans(acme, date(2026, 2, 10)) == [("Call Recording", date(2026, 1, 1), None, 2)]


def test_a_package_on_a_did_enables_it_on_the_account_and_says_where():
    acme, package = a_customer(), package_on(add_connexcs_package("Call Recording"))
    assigned(package, acme, did=a_did(acme))
    [account] = services_enabled([acme.id], TODAY)
    assert account.services[0].by[0].did == "+442079460123"


def test_an_archived_package_still_enables_for_who_has_it():
    acme, package = a_customer(), package_on(add_connexcs_package("Call Recording"))
    assigned(package, acme)
    package.archived_on = TODAY
    assert len(spans(acme, TODAY)) == 1


def test_everyone_means_everyone_with_a_service_and_one_may_have_none():
    acme, globex = a_customer("Acme"), a_customer("Globex")
    assigned(package_on(add_connexcs_package("Call Recording")), acme)
    assigned(a_package("Plain"), globex)
    assert [account.customer for account in services_enabled(None, TODAY)] == ["Acme"]
    assert [account.services for account in services_enabled([globex.id], TODAY)] == [()]


DAYS = st.integers(0, 12)


@given(lines=st.lists(st.tuples(DAYS, st.one_of(st.none(), DAYS), st.booleans()), max_size=9), on=DAYS)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.slow
def test_of_very_many_a_page_says_the_same_days_and_how_many_there_are_of_each_package(
    database, app, lines, on
):
    database.clean()
    first = date(2026, 11, 1)
    with app.app_context():
        acme = a_customer()
        packages = [package_on(add_connexcs_package(name), name) for name in ("Recording", "Storage")]
        for begins, days, is_second in lines:
            end = None if days is None else first + timedelta(days=begins + days)
            assigned(packages[is_second], acme, first + timedelta(days=begins), end_date=end)
        db.session.flush()
        day = first + timedelta(days=on)
        each = of_customer(acme.id, day)
        assert each == services_enabled([acme.id], day)[0].services
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "NAMED", -1)
            told = of_customer(acme.id, day)
        assert [(s.name, s.since, s.until) for s in told] == [(s.name, s.since, s.until) for s in each]
        counted = [Counter(by.package for by in service.by) for service in each]
        assert [Counter({by.package: by.count for by in service.by}) for service in told] == counted


def test_the_switch_reads_json():
    acme = a_customer("Acme")
    assignment = assigned(
        package_on(add_connexcs_package("Call Recording")), acme, end_date=date(2026, 12, 31)
    )
    assert as_json(services_enabled(None, TODAY), TODAY) == {
        "on": "2026-11-22",
        "customers": [
            {
                "id": acme.id,
                "name": "Acme",
                "services": [
                    {
                        "service": "Call Recording",
                        "since": "2026-11-22",
                        "until": "2026-12-31",
                        "assignments": [
                            {
                                "id": assignment.id,
                                "package": "Recording",
                                "did": None,
                                "start_date": "2026-11-22",
                                "end_date": "2026-12-31",
                            }
                        ],
                    }
                ],
            }
        ],
    }
