"""The calls that a minimum or a bundle has counted add up to what it says, whatever came in, when and in what order."""

import csv
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text

from portal.extensions import db
from portal.models import Assignment, Call, Charge, Did, is_undone
from portal.services import listing
from portal.services.assignments.bundles import free_minutes
from portal.services.billing.minimums import minimums
from portal.services.calls import counted, lists
from portal.services.calls.counted import Counting
from portal.services.calls.lists import Asked
from portal.services.exports import calls as exports
from portal.services.exports.files import as_csv
from tests.calling import a_file, a_line, noon, taken_in, undone
from tests.services.calls.test_calls_properties import FIRST, LAST, SEEDS, a_world, some_lines
from tests.trade import a_customer, a_did, a_package, assigned, run

UTC = ZoneInfo("UTC")


def file_of(of: Counting) -> list[dict[str, str]]:
    """The calls of a downloaded file, by the names of its columns."""
    lines = "".join(as_csv(exports.counted(of), UTC)).removeprefix("\ufeff")
    return list(csv.DictReader(lines.splitlines()))


def listed(of: Counting) -> tuple[int, Decimal]:
    """The seconds and the amount that the pages of the list add up to; each call stands in it once."""
    sum_, seen, after = counted.sum_of(of), [], None
    while True:
        page = counted.counted_page(of, sum_.calls, after, None)
        seen += page.rows
        if (after := page.after) is None:
            break
    assert len({call.id for call in seen}) == len(seen) == sum_.calls
    parts = counted.parts_of(of, seen)
    found = sum(part.seconds for part in parts.values()), sum((p.amount for p in parts.values()), Decimal(0))
    assert found == (sum_.seconds, sum_.amount)
    rows = file_of(of)
    assert len(rows) == sum_.calls
    assert sum((Decimal(row["free" if of.is_free else "spend"]) for row in rows), Decimal(0)) == sum_.amount
    return found


def minimums_and_bundles_say_what_their_calls_come_to(day: date, customers) -> int:
    """How many figures there were: running minimums, running bundles, and the last charge of each settled period."""
    count = 0
    for customer in customers:
        for minimum in minimums(customer.id, day):
            assignment = db.session.get_one(Assignment, minimum.assignment_id)
            through = min(minimum.until - timedelta(days=1), day)
            if minimum.measured:
                assert listed(Counting(assignment, minimum.begins, through))[1] == minimum.spent
                count += 1
        for used in free_minutes(customer.id, day):
            of = Counting(used.assignment, used.begins, used.last_day or day)
            assert listed(of)[0] == used.used
            count += 1
    last: dict[tuple[int, date], Charge] = {}
    query = select(Charge).where(Charge.spend.is_not(None), ~is_undone(Charge)).order_by(Charge.id)
    for charge in db.session.scalars(query):
        last[charge.assignment_id, charge.period_from] = charge
    for charge in last.values():
        of = Counting(charge.assignment, charge.period_from, charge.period_until - timedelta(days=1))
        if charge.days:
            now, minimum = (
                listed(of)[1],
                charge.unit_price * charge.quantity * charge.days / charge.whole_days,
            )
            # Once a minimum is met, more calls charge nothing, and no line tells of them: the page says how many.
            assert now == charge.spend or now > charge.spend >= minimum, (charge.label, charge.period_from)
            assert counted.charge_of(of) == charge
            count += 1
    return count


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.slow
def test_the_calls_that_are_listed_add_up_to_what_the_charge_or_the_free_minutes_say(session, tmp_path, seed):
    """Calls come in files, in any order, while runs settle what has ended; late ones bring differences."""
    customers, random = a_world(seed), Random(seed)
    lines, count = some_lines(seed), 0
    random.shuffle(lines)
    for part, day in zip(range(0, len(lines), 40), (FIRST + timedelta(days=40), *[LAST] * 9), strict=False):
        taken_in(a_file(tmp_path, lines[part : part + 40]), LAST, size=17)
        run(day)
        db.session.commit()
        count += minimums_and_bundles_say_what_their_calls_come_to(day, customers)
    assert count > 20


def test_what_came_too_late_is_said_to_be_more_than_the_charge_counted(session, tmp_path):
    customer = a_customer()
    minimum = assigned(a_package("Minimum", "40", minimum_spend=True), customer, date(2026, 6, 1))
    session.commit()
    taken_in(a_file(tmp_path, [a_line("a", noon(date(2026, 6, 5)), 60, "3")]), date(2026, 7, 1))
    run(date(2026, 7, 2))
    session.commit()
    taken_in(a_file(tmp_path, [a_line("b", noon(date(2026, 6, 6)), 60, "2")]), LAST)
    run(LAST)
    of = Counting(minimum, date(2026, 6, 1), date(2026, 6, 30))
    charge = counted.charge_of(of)
    assert charge and charge.spend == 3 and counted.sum_of(of).amount == 5


def test_a_minimum_of_a_did_counts_what_names_it_in_either_direction_once(session, tmp_path):
    customer = a_customer()
    did, other = a_did(customer), a_did(customer, "+442079460124")
    minimum = assigned(a_package("Minimum", "40", minimum_spend=True), customer, date(2026, 11, 1), did=did)
    session.commit()
    when = noon(date(2026, 11, 3))
    taken_in(
        a_file(
            tmp_path,
            [
                a_line("a", when, 60, "1", did=did.number), a_line("b", when, 60, "2", destination=did.number[1:]),
                a_line("c", when, 60, "4", did=did.number, destination=did.number[1:]),
                a_line("d", when, 60, "8", did=other.number), a_line("e", when, 60, "16"),
            ],
        )
    )  # fmt: skip
    of = Counting(minimum, date(2026, 11, 1), date(2026, 11, 30))
    assert listed(of)[1] == 7


def test_a_key_leads_to_the_customers_own_assignments_that_count_calls_and_to_no_other(session):
    acme, globex = a_customer("Acme"), a_customer("Globex")
    mine = assigned(a_package("Minimum", "40", minimum_spend=True), acme)
    line = assigned(a_package("Line"), acme)
    assert counted.assignment_of(acme.id, counted.key_of(mine)) == mine
    assert counted.assignment_of(globex.id, counted.key_of(mine)) is None
    assert counted.assignment_of(acme.id, counted.key_of(line)) is None
    assert counted.keys_of([mine.id]) == {mine.id: counted.key_of(mine)} and not counted.keys_of([])


# -- what staff look for


@pytest.fixture
def calls(session, tmp_path):
    northwind, southwind = a_customer(), a_customer("Southwind")
    did = a_did(northwind, "+442079460100")
    session.commit()
    days = {name: noon(date(2026, 11, day)) for day, name in enumerate("abcdef", 1)}
    taken_in(
        a_file(
            tmp_path,
            [
                a_line("a", days["a"], 60, "1", did=did.number, destination="447700900123"),
                a_line("b", days["b"], 60, "1", customer="", did="12125550199", destination=did.number[1:]),
                a_line("c", days["c"], 60, "1", customer="Southwind", destination="447700900124"),
                a_line("d", days["d"], 60, "1", customer="Southwind", destination="33199009999"),
                a_line("e", days["e"], 60, "1", destination="anonymous"),
                a_line("f", days["f"], 60, "1", destination="4477009001230"),
            ],
        )
    )  # fmt: skip
    return northwind, southwind


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        ({}, "fedcba"),
        ({"number": "+44 20 7946 0100"}, "ba"),
        ({"number": "020 7946 0100", "countries": ("GB",)}, "ba"),
        ({"number": "447700900123"}, "fa"),
        ({"number": "+44 7700"}, "fca"),
        ({"number": "0033"}, "d"),
        ({"number": "anonymous"}, "e"),
        ({"number": "nobody"}, ""),
        ({"number": "%"}, ""),
        ({"number": "_"}, ""),
        ({"number": "()"}, ""),
        ({"begins": date(2026, 11, 3), "through": date(2026, 11, 4)}, "dc"),
        ({"number": "44", "begins": date(2026, 11, 3)}, "fc"),
        ({"of": "Southwind"}, "dc"),
        ({"of": "Southwind", "number": "33"}, "d"),
        ({"of": "Southwind", "number": "c"}, "c"),
        ({"number": "c"}, ""),
    ],
)
def test_calls_are_found_by_number_customer_and_day(session, calls, monkeypatch, asked, ids):
    customer_id = calls[1].id if "of" in asked else None
    asked = Asked(customer_id=customer_id, **{name: value for name, value in asked.items() if name != "of"})
    for most in (lists.COUNTED, 0):  # counted to the end, and so many that they are not
        monkeypatch.setattr(listing, "COUNTED", most)
        monkeypatch.setattr(lists, "COUNTED", most)
        assert "".join(call.call_id for call in lists.found_page(asked, None, None).rows) == ids
    lines = "".join(as_csv(exports.found_calls(asked), UTC)).removeprefix("\ufeff")
    assert "".join(row["call id"] for row in csv.DictReader(lines.splitlines())) == ids


def test_calls_are_found_by_an_index(session, calls, database):
    """Whatever is asked for, no call is read but those that an index names."""
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    explained = "EXPLAIN " if is_postgresql else "EXPLAIN QUERY PLAN "
    if is_postgresql:
        session.execute(text("SET LOCAL enable_seqscan = off"))
    november = {"begins": date(2026, 11, 1), "through": date(2026, 11, 30)}
    for asked, index in (
        (Asked(**november), "ix_call_newest"),
        (Asked("447700900123", **november), "ix_call_day_destination"),
        (Asked("+442079460100", **november), "ix_call_did_id_day"),
        (Asked(customer_id=calls[0].id, **november), "ix_call_"),
    ):
        statement = lists.find(asked).query.with_only_columns(Call.id)
        compiled = statement.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
        plan = " ".join(
            str(row) for row in session.execute(text(explained + str(compiled).replace(":", r"\:")))
        )
        named = "ix_call_" if is_postgresql else index  # of so few calls PostgreSQL takes whichever it likes
        assert named in plan and "SCAN call" not in plan and "Seq Scan on call" not in plan, plan


def test_the_newest_calls_are_read_in_the_order_of_an_index(session, calls):
    """Of the many of a day no more than a page shows."""
    asked = Asked(begins=date(2026, 11, 1), through=date(2026, 11, 30))
    found = lists.find(asked)
    statement = found.query.order_by(*(column.desc() for column in found.sort.columns)).limit(50)
    compiled = statement.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    if is_postgresql:
        for other in ("enable_seqscan", "enable_sort", "enable_incremental_sort"):
            session.execute(text(f"SET LOCAL {other} = off"))
    explained = "EXPLAIN " if is_postgresql else "EXPLAIN QUERY PLAN "
    plan = " ".join(str(row) for row in session.execute(text(explained + str(compiled).replace(":", r"\:"))))
    assert "ix_call_newest" in plan and "Sort" not in plan and "TEMP B-TREE" not in plan, plan


def test_a_file_of_calls_is_whole_however_many_there_are_and_whatever_goes_meanwhile(
    session, calls, monkeypatch
):
    monkeypatch.setattr("portal.services.exports.table.AT_ONCE", 2)
    chunks = as_csv(exports.found_calls(Asked()), UTC)
    head, first = next(chunks), next(chunks)
    assert head.startswith("\ufeffstart,customer") and [line[-1] for line in first.splitlines()] == ["f", "e"]
    for id in ("e", "d"):
        session.delete(session.scalars(select(Call).where(Call.call_id == id)).one())
    session.commit()
    assert [line[-1] for line in "".join(chunks).splitlines()] == ["c", "b", "a"]
    assert session.scalar(select(Did.id))


def test_a_call_that_is_worked_out_anew_while_it_is_listed_counts_nothing(session, tmp_path):
    """Its import is undone, say, between the statement that finds it and the one that asks for its part."""
    acme = a_customer("Acme")
    free = assigned(a_package("Minutes", "5", minutes=True), acme, FIRST, minutes=2)
    session.commit()
    import_ = taken_in(a_file(tmp_path, [a_line("a", noon(FIRST), 60, "1", customer="Acme")]), LAST)
    of = Counting(free, FIRST, FIRST)
    (call,) = counted.counted_page(of, 1, None, None).rows
    assert counted.parts_of(of, [call]) == {call.id: counted.Part(60, Decimal(1))}
    session.expunge(call)
    undone(import_, LAST)
    assert counted.parts_of(of, [call]) == {call.id: counted.Part(0, Decimal(0))}
    assert counted.sum_of(of) == counted.Counted(0, 0, Decimal(0))
