"""Opening items: to be paid as any charge, outside revenue and margin, known by their customer and their number."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from portal.domain.due import Kind
from portal.domain.errors import Invalid
from portal.models import BalanceEntry, Charge, EntrySource
from portal.services import credit, deletion
from portal.services.charges import by_hand, lists, opening_items, sums
from portal.services.charges.explaining import explain_all
from portal.services.charges.opening_items import OpeningItem
from portal.services.charges.write_off import write_off
from portal.services.corrections.tax_rates import RateWanted, plan_rate
from portal.services.credit import Act
from portal.services.credit.ledger import charge_ledger
from portal.services.credit.owed import owed
from portal.services.credit.states import standings
from portal.services.customers.customers import change_customer, fields_of
from portal.services.customers.posted import has_postings
from portal.services.overview import watch
from portal.services.summary import summary
from tests.services.credit.test_credit import charged, paid
from tests.trade import BEN, NOW, TODAY, a_customer, a_package, assigned, run

pytestmark = pytest.mark.usefixtures("session")

ACT = Act(TODAY, BEN, NOW)
MAY, JUNE = date(2026, 5, 3), date(2026, 6, 2)


def an_item(customer, number="INV-77", gross="120", day=MAY, due_on=JUNE) -> OpeningItem:
    """What is open of a paper of another system."""
    return OpeningItem(customer, number, day, due_on, Decimal(gross))


def brought(*items: OpeningItem):
    opening_items.lock({item.customer.id for item in items})
    return opening_items.bring_in(items, ACT)


def reversed_(charge):
    return by_hand.reverse(charge, "Not theirs", today=TODAY, by=BEN, now=NOW)


def test_it_is_to_be_paid_from_its_own_due_day_and_says_where_it_comes_from(session):
    acme = a_customer("Acme")
    (item,) = brought(an_item(acme))
    assert (item.amount, item.tax, item.cost, item.due_on) == (120, 0, 0, JUNE)
    stands = standings([item], TODAY)[item.id]
    assert (stands.state, stands.left, stands.overdue_days) == ("open", 120, (TODAY - JUNE).days)
    (row,) = owed("GBP", TODAY, now_is=TODAY).rows
    assert (row.total, row.ages[-1], row.oldest) == (120, 120, JUNE)
    assert explain_all([item])[item.id] == (
        "An opening item: what was still to be paid of INV-77, of 3 May 2026, when this account was moved here from "
        "another system. Its tax was charged there."
    )


def test_of_a_day_before_it_was_brought_in_it_is_named_as_posted_since(session):
    acme = a_customer("Acme")
    brought(an_item(acme))
    then = owed("GBP", JUNE, now_is=TODAY)
    assert ([row.total for row in then.rows], then.posted_since) == ([120], 120)
    assert [line.words for line in charge_ledger(acme.id, MAY, TODAY).lines] == ["Opening item INV-77"]
    assert charge_ledger(acme.id, JUNE, TODAY).opening == 120


def test_a_payment_pays_it_as_what_is_due_first(session):
    acme = a_customer("Acme", tax_rate="0")
    visit, (item,) = charged(acme, "30"), brought(an_item(acme))
    paid(acme, "130")
    stands = standings([item, visit], TODAY)
    assert [(stands[c.id].state, stands[c.id].left) for c in (item, visit)] == [
        ("paid", 0),
        ("part_paid", 20),
    ]


def test_credit_to_use_meets_it(session):
    acme = a_customer("Acme", tax_rate="0")
    charged(acme, "-50")
    brought(an_item(acme))
    says = credit.to_pay(acme.id)
    assert (says.charges, says.credit_to_use) == (70, 0)


def test_credit_is_an_adjustment_and_comes_once(session):
    acme = a_customer("Acme")
    (entry,) = brought(an_item(acme, "CN-5", "-40", due_on=None))
    assert (entry.source, entry.amount, entry.for_day) == (EntrySource.ADJUSTMENT, 40, MAY)
    assert entry.reason == "Credit CN-5 of 3 May 2026, brought from another system"
    with pytest.raises(Invalid, match=r"Acme already has credit cn-5: 40\.00 GBP of 3 May 2026\."):
        brought(an_item(acme, "cn-5", "-40", due_on=None))
    opening_items.take_credit_back(entry, "A mistake", ACT)
    session.flush()
    assert credit.balance_of(acme.id) == 0
    brought(an_item(acme, "CN-5", "-41", due_on=None))
    assert credit.balance_of(acme.id) == 41


def test_the_same_number_of_the_same_customer_is_refused_until_it_is_reversed(session):
    acme, globex = a_customer("Acme"), a_customer("Globex")
    (item,) = brought(an_item(acme))
    brought(an_item(globex))
    for number in ("INV-77", " inv\N{NON-BREAKING HYPHEN}77 "):
        with pytest.raises(
            Invalid, match=r"Acme already has an opening item .*: 120\.00 GBP of 3 May 2026"
        ) as no:
            brought(an_item(acme, number))
        assert no.value.field == "number"
    reversed_(item)
    (again,) = brought(an_item(acme, gross="100"))
    assert credit.to_pay(acme.id).total == 100
    assert again.token != item.token


def test_twice_in_one_go_nothing_of_it_is_brought_in(session):
    acme = a_customer("Acme")
    with pytest.raises(Invalid, match="already has"):
        brought(an_item(acme), an_item(acme, "inv-77", "5"))
    session.rollback()
    assert not session.scalar(select(func.count(Charge.id)))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"number": "  "}, "number"),
        ({"number": "9" * 61}, "number"),
        ({"day": TODAY + timedelta(days=1)}, "day"),
        ({"day": date(1999, 12, 31)}, "day"),
        ({"due_on": None}, "due_on"),
        ({"due_on": MAY - timedelta(days=1)}, "due_on"),
        ({"due_on": date(2200, 1, 1)}, "due_on"),
        ({"gross": Decimal(0)}, "gross"),
        ({"gross": Decimal("1.005")}, "gross"),
        ({"gross": Decimal(1_000_000_000)}, "gross"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(changes, field):
    with pytest.raises(Invalid) as refused:
        brought(replace(an_item(a_customer("Acme")), **changes))
    assert refused.value.field == field


def test_it_is_outside_revenue_and_margin_and_so_is_what_reverses_it_or_writes_it_off(session):
    acme = a_customer("Acme")
    line = assigned(a_package(retail="10", cost="4"), acme, date(2026, 11, 1))
    run()
    only_revenue = sums.charged_since(date(2026, 1, 1)).sums
    first, second, third = brought(*(an_item(acme, number) for number in "abc"))
    reversed_(first)
    given_up = write_off(second, "Gone bankrupt", today=TODAY, by=BEN, now=NOW)
    reversed_(write_off(third, "Gone bankrupt", today=TODAY, by=BEN, now=NOW))
    assert sums.charged_since(date(2026, 1, 1)).sums == only_revenue
    counted = lists.charge_page(lists.Asked()).counted.totals["GBP"]
    assert (counted.margin, counted.cost) == (6, 4)
    assert [one.margin for one in (first, given_up)] == [0, 0]
    assert (first.kind, given_up.kind, line.id) == (Kind.OPENING_ITEM, Kind.WRITE_OFF, line.id)


def test_it_does_not_hide_a_loss(session):
    acme = a_customer("Acme")
    assigned(a_package(retail="10", cost="40"), acme, date(2026, 11, 1))
    run()
    brought(an_item(acme, day=date(2026, 11, 2), due_on=date(2026, 11, 2)))
    assert [(loss.name, loss.margin) for loss in watch._losses(TODAY)] == [("Acme", -30)]


def test_what_lapses_of_its_write_off_is_outside_revenue_too(session):
    acme = a_customer("Acme")
    (item,) = brought(an_item(acme))
    write_off(item, "Gone bankrupt", today=TODAY, by=BEN, now=NOW)
    reversed_(item)
    assert {charge.opening_number for charge in session.scalars(select(Charge))} == {"INV-77"}
    assert sums.charged_since(date(2026, 1, 1)).sums == {}
    assert credit.to_pay(acme.id).total == 0


def test_it_fixes_the_currency_but_no_tax_rate(session):
    acme = a_customer("Acme")
    brought(an_item(acme))
    assert not has_postings(acme.id)
    with pytest.raises(Invalid) as refused:
        change_customer(acme, fields_of(acme, currency="EUR"))
    assert refused.value.field == "currency"


def test_a_tax_rate_that_is_corrected_back_leaves_it_alone(session):
    acme = a_customer("Acme")
    brought(an_item(acme))
    charged(acme, "10")
    planned = plan_rate(acme, RateWanted(date(2026, 1, 1), Decimal(10)), TODAY)
    assert [line.root.kind for line in planned.lines] == [Kind.MANUAL]


def test_a_summary_lists_it_and_puts_it_at_no_tax_rate(session):
    acme = a_customer("Acme")
    brought(an_item(acme))
    made = summary(acme, MAY, MAY, TODAY)
    assert [line.charge.label for line in made.lines] == ["Opening item INV-77"]
    assert (made.totals["GBP"].total, made.taxes["GBP"]) == (120, [])
    later = summary(acme, date(2026, 11, 1), TODAY, TODAY)
    assert (later.account.brought_forward, later.account.then.to_pay.total, later.lines) == (120, 120, [])


def test_it_is_found_by_its_number_and_its_kind(session):
    acme = a_customer("Acme")
    (item,) = brought(an_item(acme))
    charged(acme, "10")
    assert lists.charge_page(lists.Asked(text="inv-77")).rows == [item]
    assert lists.charge_page(lists.Asked(kind=Kind.OPENING_ITEM)).rows == [item]


def test_a_customer_who_has_one_open_is_not_archived(session):
    acme = a_customer("Acme")
    brought(an_item(acme))
    assert deletion.why_not_archive_customer(acme, TODAY)


def test_for_an_archived_customer_none_is_brought_in(session):
    acme = a_customer("Acme")
    acme.archived_on = TODAY
    session.flush()
    with pytest.raises(Invalid, match="Restore the customer first"):
        brought(an_item(acme))
    assert not session.scalar(select(func.count(BalanceEntry.id)))
