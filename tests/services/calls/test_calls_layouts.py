"""Layouts in files of one's own: other separators, orders of columns, letters and names; and calls without ids."""

import csv
from io import StringIO
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import select

from portal.domain.call_files.layout import Codes, Layout, Length
from portal.extensions import db
from portal.models import Call, CallImport
from portal.services.calls import importing, layouts, rejects
from portal.services.customers import customers
from tests.calling import a_file, accepted, bad_rows, taken_in
from tests.trade import NOW, a_customer, a_did

FOLDER = Path(__file__).parents[2] / "data" / "calls"
WAYS = {
    "with semicolons, from behind": (";", True, "utf-8", "\r\n"),
    "with tabs in UTF-16": ("\t", False, "utf-16", "\n"),
    "with bars in Windows-1252": ("|", True, "cp1252", "\n"),
    "as it is, with a byte order mark": (",", False, "utf-8-sig", "\r\n"),
}


@pytest.fixture
def northwind(session):
    customer = a_customer("Northwind Telecom")
    a_did(customer, "+442079460100")
    a_did(customer, "+12125550109")
    customers.change_customer(customer, customers.fields_of(customer, account_codes=("Ext.102", "7", "12")))
    session.commit()
    return customer


def all_calls() -> list[tuple[object, ...]]:
    """Every call but for what it came in with."""
    query = select(Call).order_by(Call.customer_id, Call.call_id)
    return [
        (
            call.customer_id,
            call.call_id,
            call.started_at,
            call.destination,
            call.seconds,
            call.amount,
            call.did_id,
        )
        for call in db.session.scalars(query)
    ]


def lines_taken(import_: CallImport) -> tuple[int, int, int, int]:
    return import_.taken_count, import_.unanswered_count, import_.passed_count, import_.bad_count


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "name", ["07", "09", "11", "12a", "14", "15", "24", "26", "27", "29b", "30", "33", "40"]
)
@pytest.mark.slow
def test_a_file_comes_to_the_same_in_another_separator_order_and_encoding(
    session, northwind, tmp_path, name, way
):
    delimiter, is_reversed, encoding, end = WAYS[way]
    plain = next(FOLDER.glob(f"{name}-*")).read_text().replace("USD", "GBP")
    first = ";" if name == "07" else ","
    rows = list(csv.reader(StringIO(plain), delimiter=first))
    if is_reversed:  # but for what ends a report
        width = max(map(len, rows))
        rows = [
            row[::-1] if len(row) == width and not row[0].endswith("Total") and row[0] != "Total" else row
            for row in rows
        ]
        if name in ("09", "27"):
            rows = [row for row in rows if "Total" not in row[0]]
    out = StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=end).writerows(rows)
    path = tmp_path / "other.csv"
    path.write_bytes(out.getvalue().encode(encoding))
    changed = taken_in(path)
    found, counts = all_calls(), lines_taken(changed)
    db.session.execute(Call.__table__.delete())
    db.session.commit()
    (tmp_path / "plain.csv").write_text(plain)
    as_it_is = taken_in(tmp_path / "plain.csv")
    assert found == all_calls() and found
    assert counts[:2] == lines_taken(as_it_is)[:2] and counts[3] == lines_taken(as_it_is)[3]


# -- calls without ids

HEAD = "customer,did,destination,start time,seconds,charge"


def without_ids(count: int, seed: int) -> list[str]:
    """Calls without ids, some of them unanswered; no two are alike and charged otherwise."""
    random, found = Random(seed), {}
    for _ in range(count):
        minute, seconds = random.randrange(600), random.choice((0, 30, 60))
        when = f"2026-11-20 {minute // 60:02}:{minute % 60:02}:00"
        key = f"Northwind Telecom,442079460100,4477009001{random.randrange(3):02},{when},{seconds}"
        found.setdefault(key, f"{key},{seconds * random.randrange(1, 4) / 100:.2f}")
    return list(found.values())


def described(folder: Path) -> None:
    """The layout of HEAD, in which there is no call id."""
    import_ = accepted(a_file(folder, ["Northwind Telecom,44,44,2026-11-20,1,1"], HEAD, "first.csv"))
    assert importing.needs_layout(import_) and "No column is Call id" in import_.sentence
    places = {"customer": 0, "did": 1, "destination": 2, "started_at": 3, "seconds": 4, "amount": 5}
    importing.describe(import_, Layout(places), NOW)
    db.session.commit()
    importing.discard(import_.id, lambda import_: "Seen.")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.slow
def test_any_cut_order_and_repetition_of_files_without_ids_gives_the_same(session, northwind, tmp_path, seed):
    described(tmp_path)
    random, lines = Random(seed), without_ids(40, seed)
    once = taken_in(a_file(tmp_path, lines, HEAD))
    whole = all_calls()
    assert len(whole) == once.taken_count == len(lines) - once.unanswered_count
    db.session.execute(Call.__table__.delete())
    db.session.commit()
    again = [*lines, *random.sample(lines, 15)]
    random.shuffle(again)
    while again:
        some, again = again[:13], again[13:]
        assert not taken_in(a_file(tmp_path, some, HEAD), size=random.choice((1, 5, 100))).bad_count
    assert all_calls() == whole


def test_rows_that_are_alike_count_once_and_are_listed(session, northwind, tmp_path):
    described(tmp_path)
    line = "Northwind Telecom,442079460100,447700900123,2026-11-20 10:00:05,60,0.50"
    import_ = taken_in(a_file(tmp_path, [line, line.replace(",60,", ",61,"), line], HEAD), size=1)
    assert (import_.taken_count, import_.alike_count, import_.bad_count) == (2, 1, 0)
    assert [row.line for row in rejects.alike_rows(import_, 9)] == [4] and not bad_rows(import_)
    assert len("".join(rejects.as_csv(import_)).splitlines()) == 1
    ((line_of, sentence),) = bad_rows(taken_in(a_file(tmp_path, [line.replace("0.50", "0.60")], HEAD)))
    assert line_of == 2 and "was already imported with another charge" in sentence


# -- what else a layout says


def test_a_layout_is_remembered_for_files_with_the_same_names_whatever_stands_above_them(
    session, northwind, tmp_path
):
    head = "ref,who,when,how long,pounds"
    path = a_file(tmp_path, ["a,Northwind Telecom,03/11/2026,1:30,-2"], head)
    import_ = accepted(path)
    layout = Layout(
        {"call_id": 0, "customer": 1, "started_at": 2, "seconds": 3, "amount": 4}, day_order="day",
        length=Length.CLOCK, below_zero=True,
    )  # fmt: skip
    importing.describe(import_, layout, NOW)
    session.commit()
    assert layouts.remembered(head.upper().split(",")) == layout
    titled = a_file(
        tmp_path, [head, "b,Northwind Telecom,04/11/2026,0:30,-1"], "Report of a night", "titled.csv"
    )
    assert lines_taken(taken_in(titled)) == (1, 0, 0, 0)
    (call,) = session.scalars(select(Call))
    assert (call.day.isoformat(), call.seconds, call.amount) == ("2026-11-04", 30, 1)


def test_only_rows_of_the_run_that_is_chosen_are_calls(session, northwind, tmp_path):
    head = "CGRID,RunID,Account,Destination,SetupTime,Usage,Cost"
    lines = [
        f"a,{run},Northwind Telecom,44,2026-11-20T10:00:00Z,1m,{cost}"
        for run, cost in (("*default", 2), ("*raw", 1))
    ]
    import_ = accepted(path := a_file(tmp_path, lines, head))
    places = {
        "call_id": 0,
        "run": 1,
        "customer": 2,
        "destination": 3,
        "started_at": 4,
        "seconds": 5,
        "amount": 6,
    }
    importing.describe(import_, Layout(places, run="*default"), NOW)
    session.commit()
    assert lines_taken(taken_in(path)) == (1, 0, 1, 0)
    assert session.scalars(select(Call.amount)).one() == 2


def test_a_code_of_the_carrier_that_nobody_has_leaves_it_to_the_did(session, northwind, tmp_path):
    head = "call id,account,did,destination,start time,seconds,charge"
    path = a_file(tmp_path, ["a,9001,442079460100,44,2026-11-20,60,1", "b,9001,44,44,2026-11-20,60,1"], head)
    assert [line for line, _ in bad_rows(taken_in(path))] == [2, 3]
    places = dict(
        zip(
            ("call_id", "customer", "did", "destination", "started_at", "seconds", "amount"),
            range(7),
            strict=True,
        )
    )
    layouts.remember(head.split(","), Layout(places, codes=Codes.CARRIER))
    session.commit()
    assert [line for line, _ in bad_rows(taken_in(path))] == [3]


def test_a_layout_in_another_currency_charges_nobody(session, northwind, tmp_path):
    head = "call id,did,destination,start time,seconds,charge"
    path = a_file(tmp_path, ["a,442079460100,44,2026-11-20,60,$1", "b,442079460100,44,2026-11-20,60,1"], head)
    places = dict(
        zip(("call_id", "did", "destination", "started_at", "seconds", "amount"), range(6), strict=True)
    )
    layouts.remember(head.split(","), Layout(places, currency="USD"))
    session.commit()
    in_usd = f"The call is in USD; Northwind Telecom (#{northwind.id}) is charged in GBP."
    assert bad_rows(taken_in(path)) == [(2, in_usd), (3, in_usd)]


def test_a_row_of_too_many_cells_with_a_time_in_it_is_no_end_of_a_report(session, northwind, tmp_path):
    head = "call id,customer,start time,seconds,charge"
    lines = [
        "a,Northwind Telecom,2026-11-20,60,1",
        "b,x,Northwind Telecom,2026-11-20,60,1",
        "Generated by night job",
    ]
    import_ = taken_in(a_file(tmp_path, lines, head))
    assert [line for line, _ in bad_rows(import_)] == [3] and import_.passed_count == 1


def test_a_customer_called_total_is_no_total(session, tmp_path):
    a_customer("Total Telecom")
    import_ = taken_in(
        a_file(tmp_path, ["Total Telecom,a,then,60,1"], "customer,call id,start time,seconds,charge")
    )
    assert import_.bad_count == 1 and not import_.passed_count


def test_bad_rows_of_a_file_without_names_are_mended_and_sent_again_as_they_are(session, northwind, tmp_path):
    path = tmp_path / "master.csv"
    path.write_text("a,Northwind Telecom,2026-11-20 10:00:05,60,1\nb,Northwind Telecom,then,60,2\n")
    import_ = accepted(path)
    places = {"call_id": 0, "customer": 1, "started_at": 2, "seconds": 3, "amount": 4}
    importing.describe(import_, Layout(places, has_names=False), NOW)
    session.commit()
    first = taken_in(path)
    assert lines_taken(first) == (1, 0, 0, 1) and [line for line, _ in bad_rows(first)] == [2]
    mended = tmp_path / "mended.csv"
    mended.write_text("".join(rejects.as_csv(first)).replace("then", "2026-11-21 10:00:05"), newline="")
    assert mended.read_text().startswith("\ufeffline,reason,Column 1,")
    assert lines_taken(taken_in(mended)) == (1, 0, 0, 0)
