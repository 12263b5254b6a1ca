"""DIDs: found by any part of their number, given to customers, taken back, taken in by the hundred."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select

from portal.domain.errors import Invalid, RuleBroken
from portal.domain.schedule import Frequency
from portal.domain.terms import Proration
from portal.models import Assignment, Customer, Did, Package
from portal.services import deletion, listing
from portal.services.assignments import assigning
from portal.services.customers import customers
from portal.services.customers.customers import CustomerFields
from portal.services.dids import dids
from portal.services.dids import intake as did_intake
from portal.services.dids.consequences import consequences
from portal.services.dids.intake import Report, Wanted
from portal.services.dids.lines import block_lines, read_lines
from portal.services.packages.catalogue import create_package
from portal.services.packages.definition import Definition, PriceSet

pytestmark = pytest.mark.usefixtures("session")

TODAY = date(2026, 11, 22)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LONDON = "+4420794600"


def customer(name: str = "Acme", currency: str = "GBP") -> Customer:
    fields = CustomerFields(name, currency)
    return customers.create_customer(fields, Decimal(20), token=name + currency, today=TODAY, now=NOW)


def rental(name: str = "UK DID", currency: str = "GBP") -> Package:
    prices = PriceSet(currency, retail=Decimal("1.20"), setup_retail=Decimal(5))
    definition = Definition(name, (prices,), Frequency.MONTHLY, (1,), proration=Proration.DAILY)
    return create_package(definition, token=name + currency, now=NOW)


def did(session: Any, number: str, owner: Customer | None = None, country: str = "GB") -> Did:
    made = Did(number=number, country=country, customer=owner, created_at=NOW)
    session.add(made)
    session.flush()
    return made


def report(text: str, **wanted: Any) -> Report:
    return did_intake.check(read_lines(text, "file"), Wanted(**{"country": "GB", **wanted}))


def take_in(found: Report, token: str = "form") -> list[Did]:
    return did_intake.take_in(found, token=token, by="ben@lumen.example", now=NOW)


def numbers(session: Any, **wanted: Any) -> list[str]:
    return [found.number for found in session.scalars(dids.find_dids(TODAY, **wanted).order_by(Did.number))]


# -- finding


@pytest.mark.parametrize(
    "text", ["+44 20 7946 0012", "020 7946 0012", "0044 20 79", "46 00 12", "0012", "acme", "acme telecom"]
)
def test_a_number_is_found_by_any_part_however_it_is_typed(session: Any, text: str) -> None:
    did(session, LONDON + "12", customer("Acme Telecom"))
    did(session, "+33199005678", country="FR")
    assert numbers(session, text=text) == [LONDON + "12"]


def test_a_leading_plus_means_from_the_start(session: Any) -> None:
    did(session, "+33199004420")
    did(session, LONDON + "12")
    assert numbers(session, text="+44 20") == [LONDON + "12"]


def test_digits_in_a_customers_name_are_found_too(session: Any) -> None:
    did(session, LONDON + "12", customer("Studio 54"))
    assert numbers(session, text="54") == [LONDON + "12"]


def test_a_did_is_in_stock_with_a_customer_or_archived(session: Any) -> None:
    stock, given, gone = (
        did(session, LONDON + "01"),
        did(session, LONDON + "02", customer()),
        did(session, LONDON + "03"),
    )
    gone.archived_on = TODAY
    assert {state: numbers(session, state=state) for state in dids.STATES} == {
        "all": [stock.number, given.number],
        "stock": [stock.number],
        "customer": [given.number],
        "no_package": [given.number],
        "brings_nothing": [],
        "archived": [gone.number],
    }


def test_countries_in_use_are_those_of_the_dids(session: Any) -> None:
    did(session, LONDON + "01")
    did(session, LONDON + "02")
    did(session, "+33199001234", country="FR")
    did(session, "+80012345678", country="")
    assert dids.countries_in_use() == ["FR", "GB"]


# -- giving and taking back


def test_a_did_is_given_and_returned(session: Any) -> None:
    number, acme = did(session, LONDON + "01"), customer()
    deletion.give(number, acme, TODAY)
    assert number.customer is acme
    assert [one.number for one in deletion.release_many([number], TODAY).done] == [number.number]
    assert number.customer is None


def test_an_archived_customer_gets_no_did(session: Any) -> None:
    acme = customer()
    acme.archived_on = TODAY
    with pytest.raises(Invalid, match="Acme is archived"):
        deletion.give(did(session, LONDON + "01"), acme, TODAY)


def test_a_did_with_a_package_stays_where_it_is_and_says_why(session: Any) -> None:
    acme, globex = customer(), customer("Globex")
    free, held = did(session, LONDON + "01", acme), did(session, LONDON + "02", acme)
    draft = assigning.Draft(rental(), acme, held, 1, TODAY)
    assigning.assign(draft, token="t", by="ben", now=NOW)
    outcome = deletion.give_many([free, held], globex, TODAY)
    assert outcome.done == [free]
    assert [(one.thing, "UK DID" in one.reason) for one in outcome.refused] == [(held, True)]
    assert held.customer is acme
    assert deletion.release_many([held], TODAY).refused[0].thing is held


def test_an_act_on_more_than_ten_thousand_is_refused() -> None:
    with pytest.raises(Invalid, match="10,000 DIDs at most"):
        dids.load_many(range(10_001))


# -- taking in


def test_good_lines_go_in_and_every_bad_one_is_named(session: Any) -> None:
    found = report(f"{LONDON}01\nabc\n020 7946 0002\n{LONDON}01\n+44 20\n")
    assert [(row.line.place, row.number) for row in found.new] == [(1, LONDON + "01"), (3, LONDON + "02")]
    assert [(row.line.place, row.reason.split(".")[0]) for row in found.bad] == [
        (2, "abc is not a phone number"),
        (4, "Same number as in line 1"),
        (5, "+44 20 is not a phone number (United Kingdom): check its digits"),
    ]
    take_in(found)
    assert numbers(session) == [LONDON + "01", LONDON + "02"]
    assert session.scalars(select(Did)).first().country == "GB"


def test_doing_it_again_changes_nothing(session: Any) -> None:
    text, package, acme = f"{LONDON}01\n{LONDON}02", rental(), customer()
    wanted = {"customer": acme, "package": package, "start_date": TODAY}
    take_in(report(text, **wanted), token="first")
    again = report(text, **wanted)
    assert (len(again.new), len(again.there), again.bad) == (0, 2, [])
    take_in(again, token="second")
    assert session.scalar(select(func.count(Did.id))) == 2
    assert session.scalar(select(func.count(Assignment.id))) == 2


def test_what_is_there_stays_with_whom_it_is(session: Any) -> None:
    acme, globex = customer(), customer("Globex")
    did(session, LONDON + "01", acme)
    found = report(f"{LONDON}01", customer=globex)
    assert [row.there.customer for row in found.there if row.there] == [acme]
    take_in(found)
    assert numbers(session, customer_id=globex.id) == []


def test_an_archived_number_comes_back(session: Any) -> None:
    number = did(session, LONDON + "01")
    number.archived_on = TODAY
    take_in(report(number.number))
    assert number.archived_on is None
    assert session.scalar(select(func.count(Did.id))) == 1


def test_a_line_may_say_its_own_customer_package_day_and_quantity(session: Any) -> None:
    acme, globex = customer(), customer("Globex")
    package, fax = rental(), rental("Fax")
    text = (
        "number,customer,package,start date,quantity\n"
        f"{LONDON}01,,,,\n{LONDON}02,globex,FAX,2026-12-05,3\n{LONDON}03,#{globex.id},,,\n"
    )
    take_in(report(text, customer=acme, package=package, start_date=TODAY))
    made = session.scalars(select(Assignment).order_by(Assignment.id)).all()
    assert [(a.did.number[-2:], a.customer, a.package, a.start_date, a.quantity_on(TODAY)) for a in made] == [
        ("01", acme, package, TODAY, 1),
        ("02", globex, fax, date(2026, 12, 5), 3),
        ("03", globex, package, TODAY, 1),
    ]
    assert made[0].created_by == "ben@lumen.example"


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ("Nobody,UK DID,2026-12-01,1", "There is no customer called Nobody."),
        ("Acme,Nothing,2026-12-01,1", "There is no package called Nothing."),
        ("Acme,UK DID,soon,1", "soon is not a date. Enter it as in 2026-11-30."),
        ("Acme,UK DID,2026-02-30,1", "2026-02-30 is not a date."),
        ("Acme,UK DID,2200-01-01,1", "is not between 2000 and 2199"),
        ("Acme,UK DID,2026-12-01,0", "Quantity 0 is not a whole number from 1 to 100,000."),
        ("Acme,UK DID,2026-12-01,1e3", "Quantity 1e3"),
        ("Acme,UK DID,2026-12-01,100001", "Quantity 100001"),
        (",UK DID,2026-12-01,1", "name the customer"),
        ("Acme,UK DID,,1", "Enter the day from which UK DID is assigned."),
        ("Euro,UK DID,2026-12-01,1", "UK DID has no prices in EUR, the currency of Euro."),
        ("Closed,,,", "Closed is archived."),
        ("Acme,Old,2026-12-01,1", "Old is archived: it is off sale."),
        ("Acme,UK DID,2026-12-01,1,extra", "This line has more cells than expected."),
    ],
)
def test_a_bad_cell_is_named_with_its_reason(session: Any, cells: str, reason: str) -> None:
    customer(), customer("Euro", "EUR"), rental()
    customer("Closed").archived_on = TODAY
    rental("Old").archived_on = TODAY
    session.flush()
    found = report(f"number,customer,package,start date,quantity\n{LONDON}01,{cells}")
    assert found.new == []
    assert reason in found.bad[0].reason
    assert found.file_of_bad_lines()[0][:3] == ("2", found.bad[0].reason, LONDON + "01")


def test_the_file_of_bad_lines_can_be_mended_and_sent_again(session: Any) -> None:
    from portal.services.csv.export import lines

    found = report(f"number,customer\n{LONDON}01,Nobody\n{LONDON}02,\n")
    text = "".join(lines(("line", "reason", *found.head), found.file_of_bad_lines()))
    again = report(text.replace("Nobody", ""))
    assert [row.number for row in again.new] == [LONDON + "01"]
    assert again.ignored == ()


def test_what_will_be_charged_is_told_before(session: Any) -> None:
    lines = block_lines(LONDON + "01", LONDON + "10", "")
    wanted = Wanted(customer=customer(), package=rental(), start_date=TODAY)
    found = consequences(did_intake.check(lines, wanted), TODAY)
    assert [(line.charge_on, line.kind.value, line.dids, line.amount) for line in found.lines] == [
        (TODAY, "setup", 10, Decimal(50)),
        (TODAY, "recurring", 10, Decimal("3.6")),
        (date(2026, 12, 1), "recurring", 10, Decimal(12)),
    ]
    assert found.totals == {"GBP": Decimal("65.6")}
    assert session.scalar(select(func.count(Assignment.id))) == 0


def test_what_was_told_is_what_is_planned_once_stored(session: Any) -> None:
    from portal.services.billing.planning import plan

    wanted = Wanted(customer=customer(), package=rental(), start_date=date(2026, 9, 15))
    found = did_intake.check(block_lines(LONDON + "01", LONDON + "03", ""), wanted)
    told = consequences(found, TODAY)
    take_in(found)
    ids = session.scalars(select(Assignment.id)).all()
    planned = plan(ids, told.lines[-1].charge_on, TODAY)
    assert planned.totals["GBP"].amount == told.totals["GBP"]


def test_what_lies_before_a_day_can_be_left_out_of_an_old_start(session: Any) -> None:
    lines = block_lines(LONDON + "01", LONDON + "03", "")
    old = Wanted(customer=customer(), package=rental(), start_date=date(2026, 9, 15))
    told = consequences(did_intake.check(lines, old), TODAY)
    assert told.overdue == 3 * sum(line.charge_on < TODAY for line in told.lines) > 0

    found = did_intake.check(lines, replace(old, charge_from=date(2026, 12, 1)))
    told = consequences(found, TODAY)
    assert (told.overdue, {line.charge_on for line in told.lines}) == (0, {date(2026, 12, 1)})
    take_in(found)
    assert set(session.scalars(select(Assignment.charge_from))) == {date(2026, 12, 1)}


def test_lines_that_a_run_would_hold_are_counted(session: Any) -> None:
    package = create_package(
        Definition("Daily", (PriceSet("GBP", retail=Decimal(1)),), Frequency.DAILY, proration=Proration.NONE),
        token="daily",
        now=NOW,
    )
    wanted = Wanted(customer=customer(), package=package, start_date=date(2026, 1, 1))
    found = did_intake.check(block_lines(LONDON + "01", LONDON + "03", ""), wanted)
    assert consequences(found, TODAY).held == 3


def test_a_report_is_the_same_while_nothing_has_changed(session: Any) -> None:
    text = f"{LONDON}01\n{LONDON}02"
    seen = report(text).fingerprint()
    assert report(text).fingerprint() == seen
    did(session, LONDON + "02")
    assert report(text).fingerprint() != seen


def test_a_number_that_somebody_adds_in_the_meantime_is_told(session: Any) -> None:
    found = report(f"{LONDON}01\n{LONDON}02")
    did(session, LONDON + "02")
    with pytest.raises(RuleBroken, match="Somebody else has just added"):
        take_in(found)
    assert numbers(session) == [LONDON + "02"]


def test_a_list_counts_no_further_than_it_must(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(12):
        did(session, f"{LONDON}{number:02}")
    query, sort = dids.find_dids(TODAY), dids.SORTS["number"]
    for counted, total, size in ((8, 9, 5), (12, 12, 5), (8, 12, 20)):
        monkeypatch.setattr(listing, "COUNTED", counted)
        assert listing.page(query, sort, size=size).total == total
    assert [listing.counted(count, "DID") for count in (1, 8, 9)] == ["1 DID", "8 DIDs", "more than 8 DIDs"]
    assert [listing.counted(count) for count in (8, 9)] == ["8", "more than 8"]


def test_very_many_customers_of_one_name_are_searched_as_well(
    session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        did(session, f"{LONDON}{number:02}", customer(f"Acme {number}"))
    for named, counted in ((1, 10_000), (10_000, 10_000), (10_000, 1)):
        monkeypatch.setattr(dids, "NAMED", named)
        for module in (dids, listing):
            monkeypatch.setattr(module, "COUNTED", counted)
        assert len(numbers(session, text="acme")) == 3
        assert len(numbers(session, text=f"{LONDON[1:]}0")) == 3
        _, total = dids.find_and_count(TODAY, text="acme")
        assert total in (None, min(3, counted + 1))
