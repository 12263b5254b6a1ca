"""What counts as posted for a tax rate and a currency, and an archived customer's account, which stands still."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select

from portal.domain.errors import Invalid, RuleBroken
from portal.extensions import db
from portal.models import BalanceEntry, EntrySource, PaymentState
from portal.services import credit, deletion
from portal.services.calls import effects
from portal.services.customers.customers import change_customer, change_tax_rate, fields_of
from portal.services.customers.posted import has_postings
from tests.calling import a_file, a_line, bad_rows, gone_on_with, half_in, taken_in
from tests.services.credit.test_credit import allocate, charged, paid
from tests.trade import BEN, NOW, TODAY, a_customer

CAME_IN, LATER = date(2026, 11, 10), date(2026, 11, 11)


def call_entries(customer):
    """The entries of a customer's calls, as amount and tax, the first first."""
    query = (
        select(BalanceEntry)
        .where(BalanceEntry.customer_id == customer.id, BalanceEntry.source == EntrySource.CALLS)
        .order_by(BalanceEntry.id)
    )
    return [(str(entry.amount), str(entry.tax)) for entry in db.session.scalars(query)]


@pytest.mark.parametrize(
    ("before", "after", "first", "late"),
    [
        pytest.param("20", "0", ("-120", "-20"), ("-1.2", "-0.2"), id="20 % becomes 0 %"),
        pytest.param("0", "20", ("-100", "0"), ("-1", "0"), id="0 % becomes 20 %"),
    ],
)
def test_a_late_call_of_a_day_is_entered_at_the_tax_rate_of_that_day(
    session, tmp_path, before, after, first, late
):
    acme = a_customer(tax_rate=before)
    taken_in(a_file(tmp_path, [a_line("a1", "2026-11-09 10:00:00", 60, "100.00")]), CAME_IN)
    assert call_entries(acme) == [first]
    with pytest.raises(Invalid, match="Choose tomorrow or a later day"):
        change_tax_rate(acme, Decimal(after), CAME_IN, CAME_IN)
    change_tax_rate(acme, Decimal(after), None, CAME_IN)
    db.session.commit()
    taken_in(a_file(tmp_path, [a_line("a2", "2026-11-09 11:00:00", 60, "1.00")], name="late.csv"), LATER)
    assert call_entries(acme) == [first, late]


def test_calls_that_are_in_fix_currency_and_tax_rate_while_the_rest_of_their_file_is_not(session, tmp_path):
    acme = a_customer(tax_rate="20")
    import_ = half_in(a_file(tmp_path, [a_line(id, "2026-11-09 10:00:00", 60, "10.25") for id in "ab"]))
    with pytest.raises(Invalid, match="calls") as refused:
        change_customer(acme, fields_of(acme, currency="JPY"))
    assert refused.value.field == "currency"
    with pytest.raises(Invalid, match="Choose tomorrow or a later day"):
        change_tax_rate(acme, Decimal(0), TODAY, TODAY)
    gone_on_with(import_)
    assert call_entries(acme) == [("-24.6", "-4.1")]


@pytest.mark.parametrize("state", [PaymentState.PENDING, PaymentState.COMPLETED])
def test_a_payment_that_is_recorded_fixes_the_currency_until_it_is_cancelled(session, state):
    acme = a_customer()
    payment = paid(acme, "100.50", state)
    with pytest.raises(Invalid, match="payments") as refused:
        change_customer(acme, fields_of(acme, currency="JPY"))
    assert refused.value.field == "currency"
    credit.cancel_payment(payment, TODAY, by=BEN, now=NOW)
    if state == PaymentState.PENDING:  # nothing of it was ever in the balance
        change_customer(acme, fields_of(acme, currency="JPY"))
        assert acme.currency == "JPY"
    else:
        with pytest.raises(Invalid):
            change_customer(acme, fields_of(acme, currency="JPY"))


def test_a_pending_payment_lets_no_tax_rate_hold_from_the_beginning(session):
    acme = a_customer()
    assert not has_postings(acme.id)
    paid(acme, "10", PaymentState.PENDING)
    with pytest.raises(Invalid, match="Choose tomorrow or a later day"):
        change_tax_rate(acme, Decimal(5), TODAY, TODAY)


def test_a_customer_with_a_pending_payment_is_not_archived(session):
    acme = a_customer()
    payment = paid(acme, "10", PaymentState.PENDING)
    refusal = deletion.why_not_archive_customer(acme, TODAY)
    assert refusal and "pending" in refusal.sentence
    assert refusal.way_out and refusal.way_out.values == {"payment_id": payment.id}
    credit.cancel_payment(payment, TODAY, by=BEN, now=NOW)
    deletion.archive_customer(acme, TODAY)


def test_nothing_enters_the_balance_of_an_archived_customer(session):
    acme = a_customer()
    done, charge = paid(acme, "24", token="done"), charged(acme, "20")
    allocated = allocate(done, charge, "24")
    pending = paid(acme, "10", PaymentState.PENDING, token="pending")
    acme.archived_on = TODAY  # as no rule lets it come about
    db.session.flush()
    acts = {
        "complete": lambda: credit.complete_payment(pending, TODAY, by=BEN, now=NOW),
        "record": lambda: paid(acme, "5", token="another"),
        "release": lambda: credit.release_allocation(allocated, TODAY, by=BEN, now=NOW),
        "adjust": lambda: credit.adjust(
            acme, Decimal(1), TODAY, "Goodwill", token="adjusted", today=TODAY, by=BEN, now=NOW
        ),
    }
    for name, act in acts.items():
        with pytest.raises(RuleBroken, match="is archived") as refused:
            act()
        assert refused.value.way_out and refused.value.way_out.endpoint == "customers.restore", name
    assert credit.balance_of(acme.id) == 0
    credit.cancel_payment(pending, TODAY, by=BEN, now=NOW)  # it never was in the balance


def test_calls_are_not_taken_from_the_balance_of_an_archived_customer(session, tmp_path):
    acme = a_customer(tax_rate="0")
    taken_in(a_file(tmp_path, [a_line("a", "2026-11-09 10:00:00", 60, "1.00")]), CAME_IN)
    entered = call_entries(acme)
    acme.archived_on = CAME_IN
    db.session.commit()
    late = taken_in(a_file(tmp_path, [a_line("b", "2026-11-09 11:00:00", 60, "1.00")], name="b.csv"), LATER)
    assert [line for line, _ in bad_rows(late)] == [2]
    effects.settle({acme.id: CAME_IN}, LATER, NOW)
    assert call_entries(acme) == entered
