"""The list of posted charges: searched, filtered, paged, and counted as far as a page counts."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import insert, select, update

from portal.domain.due import Kind
from portal.domain.names import search_key
from portal.models import Charge, OpenItem, Payment, PaymentState
from portal.models.raw_tables import CHARGE
from portal.services import credit, listing
from portal.services.charges import lists
from portal.services.charges.lists import Asked, Counted, charge_page
from portal.services.credit import owed
from tests.trade import BEN, NOW, TODAY, a_customer, a_did, a_package, assigned, run

pytestmark = pytest.mark.usefixtures("session")

OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)


@pytest.fixture
def trade(session):
    """Acme has a trunk and a seat on a DID, Globex a trunk, all charged for two months."""
    acme, globex = a_customer("Acme"), a_customer("Globex", "USD")
    trunk = a_package("SIP Trunk", "20", currencies=("GBP", "USD"), match=(1,))
    seat = a_package("Seat", "5", match=(1,))
    assigned(trunk, acme, OCTOBER)
    assigned(seat, acme, OCTOBER, did=a_did(acme, "+442079460999"))
    assigned(trunk, globex, OCTOBER)
    run()
    return acme, globex


def labels(page) -> list[str]:
    return [f"{charge.customer.name}, {charge.label}" for charge in page.rows]


def test_the_newest_come_first_with_their_sums_in_each_currency(trade):
    page = charge_page(Asked())
    assert [charge.charge_on for charge in page.rows] == [NOVEMBER] * 3 + [OCTOBER] * 3
    sums = {currency: (sum.count, sum.amount) for currency, sum in page.counted.totals.items()}
    assert sums == {"GBP": (4, Decimal(50)), "USD": (2, Decimal(40))}
    assert (page.counted.count, page.counted.more) == (6, False)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("acme", ["Acme, Seat", "Acme, SIP Trunk"]),
        ("TRUNK sip", ["Globex, SIP Trunk", "Acme, SIP Trunk"]),
        ("acme trunk", ["Acme, SIP Trunk"]),
        ("trunk globex", ["Globex, SIP Trunk"]),
        ("020 7946 0999", ["Acme, Seat"]),
        ("+44 (0)20 7946 0999", ["Acme, Seat"]),
        ("7946 0999", ["Acme, Seat"]),
        ("nobody", []),
        ("%", []),
    ],
)
def test_search_means_customers_packages_dids_and_a_customers_package(trade, text, found):
    page = charge_page(Asked(text=text, begins=NOVEMBER))
    assert labels(page) == found
    assert page.counted.count == len(found)


def test_search_finds_what_was_charged_by_hand(session, trade):
    session.add(by_hand(trade[0], "Visit to the premises"))
    session.flush()
    assert labels(charge_page(Asked(text="PREMISES"))) == ["Acme, Visit to the premises"]


def by_hand(customer, label: str) -> Charge:
    nothing = dict.fromkeys(("unit_cost", "cost", "tax_rate", "tax"), Decimal(0))
    return Charge(
        customer_id=customer.id, kind=Kind.MANUAL, charge_on=TODAY, period_from=TODAY, currency=customer.currency,
        label=label, search_key=search_key(label), unit_price=Decimal(1), amount=Decimal(1), auto_decrement_credit=True,
        posted_at=NOW, **nothing,
    )  # fmt: skip


def test_filters_narrow_it(session, trade):
    session.add(by_hand(trade[0], "Visit"))
    session.flush()
    assert len(charge_page(Asked(kind=Kind.MANUAL)).rows) == 1
    assert len(charge_page(Asked(kind=Kind.RECURRING)).rows) == 6
    assert len(charge_page(Asked(currency="USD")).rows) == 2
    assert len(charge_page(Asked(customer_id=trade[1].id)).rows) == 2
    assert len(charge_page(Asked(paid="from_balance")).rows) == 1
    assert len(charge_page(Asked(through=OCTOBER)).rows) == 3


@pytest.mark.parametrize("sort", ["-date", "date", "-posted", "posted", "-amount", "amount"])
@pytest.mark.parametrize(
    "asked", [Asked(), Asked(text="trunk"), Asked(currency="GBP")], ids=["all", "found", "one"]
)
def test_pages_there_and_back_contain_each_charge_once(trade, sort, asked):
    whole = [charge.id for charge in charge_page(asked, sort).rows]
    there, after = [], None
    while True:
        page = charge_page(asked, sort, after=after, size=2)
        there += [charge.id for charge in page.rows]
        after = page.after
        if after is None:
            break
    assert there == whole
    back, before = [charge.id for charge in page.rows], page.before
    while before is not None:
        page = charge_page(asked, sort, before=before, size=2)
        back = [charge.id for charge in page.rows] + back
        before = page.before
    assert back == whole


@pytest.mark.parametrize(
    "asked", [Asked(text="m"), Asked(paid="paid"), Asked(text="m", paid="paid", currency="GBP")]
)
@pytest.mark.parametrize("sort", ["-date", "-posted", "-amount"])
def test_however_few_are_looked_at_first_a_list_begins_as_all_charges_in_order_do(
    session, trade, monkeypatch, asked, sort
):
    """Also where what was posted last is of an earlier day, or the highest amount."""
    acme, _ = trade
    for day, package, amount in (
        (OCTOBER, "Early", "3"),
        (date(2026, 10, 20), "Dear", "90"),
        (OCTOBER, "Cheap", "1"),
    ):
        assigned(a_package(f"{package} m", amount, match=(day.day,)), acme, day)
        run()
    payment = Payment(
        token="p", customer=acme, state=PaymentState.COMPLETED, paid_on=TODAY, amount=Decimal(500), fee=Decimal(0),
        created_by=BEN, created_at=NOW,
    )  # fmt: skip
    credit.record_payment(payment, TODAY, now=NOW)
    monkeypatch.setattr(lists, "FEW", 0)
    whole = [charge.id for charge in charge_page(asked, sort).rows]
    assert len(whole) > 5
    for looked_at in range(1, len(whole) + 1):
        monkeypatch.setattr(lists, "NEWEST", looked_at)
        for size in (1, 2, 4):
            assert [charge.id for charge in charge_page(asked, sort, size=size).rows] == whole[:size], (
                looked_at,
                size,
            )


def test_what_is_left_of_charges_to_pay_is_what_owed_says(session, trade, monkeypatch):
    acme, _ = trade
    payment = Payment(
        token="p", customer=acme, state=PaymentState.COMPLETED, paid_on=TODAY, amount=Decimal(7), fee=Decimal(0),
        created_by=BEN, created_at=NOW,
    )  # fmt: skip
    credit.record_payment(payment, TODAY, now=NOW)
    left = charge_page(Asked(paid="to_pay")).counted.left
    assert len(left) == 2
    for currency, amount in left.items():
        assert amount == owed.owed(currency, TODAY, now_is=TODAY).sum("charges")
    part = charge_page(Asked(paid="part_paid", text="acme")).counted
    assert part.left == {
        acme.currency: part.totals[acme.currency].amount + part.totals[acme.currency].tax - 7
    }
    assert charge_page(Asked(paid="paid")).counted.left == charge_page(Asked()).counted.left == {}
    few = charge_page(Asked(paid="part_paid"))
    assert (len(few.rows), few.counted.count) == (1, 1)
    # Where many are part paid, charges are read in order.
    monkeypatch.setattr(lists, "COUNTED", 0)
    assert charge_page(Asked(paid="part_paid")).rows == few.rows


def test_a_charge_that_is_not_there_leads_to_the_first_page(trade):
    assert charge_page(Asked(), after=999_999_999).rows == charge_page(Asked()).rows


def test_of_very_many_the_count_says_that_there_are_more(session, trade, monkeypatch):
    monkeypatch.setattr(lists, "COUNTED", 4)
    monkeypatch.setattr(listing, "COUNTED", 4)
    page = charge_page(Asked(), size=3)
    assert (page.counted.count, page.counted.more) == (4, True)
    page = charge_page(Asked(currency="GBP"), size=3)
    assert page.counted.more
    assert charge_page(Asked(), "-amount", size=3).sort == "-date"
    assert charge_page(Asked(currency="USD")).counted.count == 2


def test_a_search_that_means_many_is_read_in_order(session, trade, monkeypatch):
    monkeypatch.setattr(lists, "FEW", 1)
    assert len(charge_page(Asked(text="e")).rows) == 6
    assert labels(charge_page(Asked(text="s", begins=NOVEMBER))) == [
        "Globex, SIP Trunk",
        "Acme, Seat",
        "Acme, SIP Trunk",
    ]


@pytest.mark.parametrize("bound", [2, 3, 10_000])
def test_a_search_that_means_many_finds_the_same_however_many_charges_there_are(trade, monkeypatch, bound):
    few = charge_page(Asked(text="s", begins=NOVEMBER), size=2)
    monkeypatch.setattr(lists, "FEW", 1)
    monkeypatch.setattr(lists, "COUNTED", bound)
    many = charge_page(Asked(text="s", begins=NOVEMBER), size=2)
    assert (many.rows, many.after) == (few.rows, few.after)
    assert many.counted == (few.counted if bound > 2 else Counted(2, more=True))
    following = Asked(text="s", begins=NOVEMBER, kind=Kind.RECURRING)
    assert charge_page(following, after=many.after).rows == charge_page(following).rows[2:]


@pytest.mark.slow
def test_a_page_of_a_day_with_very_many_charges_reads_no_more_than_it_shows(session, trade):
    """SQLite would walk through the whole day with `(day, id) < (?, ?)`; each branch is read off an index."""
    if session.get_bind().dialect.name != "sqlite":
        pytest.skip("a fact about SQLite")
    rows = session.execute(select(CHARGE).limit(1)).mappings().one()
    many = [
        {**rows, "id": None, "assignment_id": None, "kind": "manual", "charge_on": TODAY}
        for _ in range(20_000)
    ]
    session.execute(insert(CHARGE), many)
    steps = count_steps(session)
    page = charge_page(
        Asked(), after=session.scalar(select(Charge.id).order_by(Charge.id.desc()).limit(1)) - 9_000
    )
    assert len(page.rows) == 50
    assert steps() < 400_000


@pytest.mark.slow
def test_the_newest_charges_that_are_overdue_are_found_behind_very_many_that_are_not(
    session, trade, monkeypatch
):
    if session.get_bind().dialect.name != "sqlite":
        pytest.skip("steps are counted by SQLite")
    monkeypatch.setattr(lists, "COUNTED", 0)
    session.execute(update(OpenItem).values(due_on=TODAY))
    late = Asked(paid="overdue", today=TODAY + timedelta(days=1))
    found = [charge_page(late, sort, size=3).rows for sort in ("-date", "-posted")]
    row = dict(session.execute(select(CHARGE).limit(1)).mappings().one())
    row |= {"id": None, "assignment_id": None, "kind": "manual"}
    session.execute(insert(CHARGE), [row | {"charge_on": TODAY}] * 20_000)
    steps = count_steps(session)
    assert [charge_page(late, sort, size=3).rows for sort in ("-date", "-posted")] == found
    assert steps() < 100_000


def count_steps(session):
    """How many thousand steps SQLite's machine takes from now on."""
    taken = [0]

    def count():
        taken[0] += 1_000

    session.connection().connection.driver_connection.set_progress_handler(count, 1_000)
    return lambda: taken[0]
