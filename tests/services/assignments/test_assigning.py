"""Assigning: what may be, once for a form, and what asks first."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from portal.domain.errors import Invalid, NotAssignable
from portal.domain.schedule import Frequency
from portal.models import Assignment
from portal.services.assignments.assigning import AsksFirst, Draft, assign
from portal.services.assignments.preview import outlook
from tests.trade import BEN, NOW, TODAY, a_customer, a_did, a_package, assigned

pytestmark = pytest.mark.usefixtures("session")


def draft(package=None, customer=None, did=None, quantity=1, start_date=TODAY, **more):
    return Draft(package or a_package(), customer or a_customer(), did, quantity, start_date, **more)


def once(wanted, token="form-1", **more):
    return assign(wanted, token=token, by=BEN, now=NOW, **more)


def test_one_form_assigns_once_however_often_it_is_sent(session):
    wanted = draft()
    assert once(wanted) is once(wanted)
    assert session.scalar(select(func.count(Assignment.id))) == 1


def test_what_was_promised_is_kept():
    made = once(draft(a_package(minimum_days=60), quantity=3))
    assert (made.quantity_on(TODAY), made.minimum_days, made.locked_until) == (3, 60, date(2027, 1, 21))
    assert (made.created_by, made.position.next_charge_on) == (BEN, TODAY)


def test_the_same_package_over_the_same_days_asks_first():
    wanted = draft()
    once(wanted)
    with pytest.raises(
        AsksFirst, match="SIP Trunk 10 is already assigned to Northwind Telecom, since 22 November"
    ):
        once(wanted, token="form-2")
    assert once(wanted, token="form-2", twice=True).token == "form-2"


def test_on_another_did_or_after_the_last_day_nothing_is_asked():
    customer, package = a_customer(), a_package()
    once(draft(package, customer, end_date=TODAY))
    once(draft(package, customer, a_did(customer)), token="on a DID")
    once(draft(package, customer, start_date=TODAY + timedelta(1)), token="later")


@pytest.mark.parametrize(
    ("more", "field", "sentence"),
    [
        ({"quantity": 0}, "quantity", "Quantity must be 1 to 100,000."),
        ({"quantity": 100_001}, "quantity", "Quantity must be 1 to 100,000."),
        ({"start_date": date(1999, 12, 31)}, "start_date", "Dates must be between 2000 and 2199."),
        (
            {"end_date": date(2026, 11, 21)},
            "end_date",
            "The end date is before the start date, 22 November 2026.",
        ),
        ({"end_date": date(2200, 1, 1)}, "end_date", "Dates must be between 2000 and 2199."),
        ({"charge_from": date(2026, 11, 21)}, "charge_from", "Charging cannot begin before the start date."),
        (
            {"charge_from": date(2026, 12, 1), "end_date": date(2026, 11, 30)},
            "charge_from",
            "Charging would begin after the end date.",
        ),
        ({"minutes": 100}, "minutes", "Only a free minutes package has minutes."),
        ({"minimum_days": 3651}, "minimum_days", "Minimum Days must be 0 to 3,650."),
        (
            {"minimum_days": 30, "end_date": date(2026, 12, 20)},
            "end_date",
            "Not before 21 December 2026: it is locked until 22 December 2026.",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and "_" in value else None,
)
def test_what_cannot_be_is_said_at_its_field(more, field, sentence):
    with pytest.raises(Invalid) as refusal:
        once(draft(**more))
    assert (refusal.value.field, refusal.value.sentence) == (field, sentence)


def test_the_last_locked_day_may_be_the_end_date():
    assert once(draft(minimum_days=30, end_date=date(2026, 12, 21))).locked_until == date(2026, 12, 22)


def test_a_package_with_minimum_days_of_its_own_takes_no_others():
    with pytest.raises(Invalid, match="SIP Trunk 10 has its own minimum days: 60"):
        once(draft(a_package(minimum_days=60), minimum_days=30))


def test_free_minutes_need_their_minutes():
    package = a_package("Minutes 500", minutes=True)
    with pytest.raises(Invalid, match="Enter how many minutes are free"):
        once(draft(package))
    assert once(draft(package, minutes=500)).minutes == 500


def test_a_package_without_prices_in_the_customers_currency_leads_to_its_price_list():
    with pytest.raises(NotAssignable, match="no prices in GBP, the currency of Northwind Telecom") as refusal:
        once(draft(a_package(currencies=("USD",))))
    assert refusal.value.way_out.label == "Add prices in GBP"


def test_what_is_archived_is_not_assigned():
    package, customer = a_package(), a_customer()
    package.archived_on = TODAY
    with pytest.raises(NotAssignable, match="no longer on sale"):
        once(draft(package))
    customer.archived_on = TODAY
    with pytest.raises(NotAssignable, match="Restore the customer first"):
        once(draft(customer=customer))


def test_somebody_elses_did_is_not_assigned_to():
    did = a_did(a_customer("Globex"))
    with pytest.raises(NotAssignable, match="is not a DID of Northwind Telecom"):
        once(draft(did=did))


# -- what it would bring


def test_the_outlook_says_what_is_charged_first_next_and_in_a_year():
    seen = outlook(draft(a_package(setup_retail="25", minimum_days=60), quantity=2), TODAY)
    assert [(told.charge.charge_on, told.charge.amount) for told in seen.coming] == [
        (TODAY, Decimal(50)),
        (date(2026, 12, 1), Decimal(49)),
        (date(2027, 1, 1), Decimal(49)),
    ]
    assert "Setup, once" in seen.coming[0].why
    assert (seen.year.count, seen.year.amount, seen.year.tax) == (13, Decimal(638), Decimal("127.6"))
    assert (seen.locked_until, seen.last_day) == (date(2027, 1, 21), date(2027, 1, 20))
    assert (seen.overdue.count, seen.held, seen.next_charge_on) == (0, None, date(2026, 12, 1))


def test_an_old_start_date_says_how_much_is_due_and_where_charging_may_begin_instead():
    seen = outlook(draft(start_date=date(2026, 1, 1)), TODAY)
    assert (seen.overdue.count, seen.overdue.amount, seen.held) == (11, Decimal("269.5"), None)
    later = outlook(draft(start_date=date(2026, 1, 1), charge_from=seen.next_charge_on), TODAY)
    assert (later.overdue.count, later.first.charge.charge_on) == (0, date(2026, 12, 1))


def test_more_than_forty_old_lines_would_be_held():
    daily = a_package(frequency=Frequency.DAILY, match=())
    assert outlook(draft(daily, start_date=TODAY - timedelta(40)), TODAY).held is None
    held = outlook(draft(daily, start_date=TODAY - timedelta(41)), TODAY).held
    assert held.lines == 42  # those 41, and today's, which waits with them


def test_what_the_outlook_shows_is_what_is_posted():
    from tests.trade import run

    package, customer = a_package(setup_retail="25"), a_customer()
    seen = outlook(draft(package, customer, start_date=date(2026, 9, 10)), TODAY)
    assigned(package, customer, date(2026, 9, 10))
    assert run(TODAY).charges == seen.overdue.count
