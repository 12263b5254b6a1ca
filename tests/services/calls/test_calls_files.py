"""Files as switches and spreadsheets write them, and what becomes of their bad rows."""

from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from portal.domain.call_files.layout import Layout
from portal.domain.errors import Invalid
from portal.extensions import db
from portal.models import BalanceEntry, Call, CallImport
from portal.services.calls import effects, importing, rejects
from portal.services.calls.rows import ENDS
from tests import calling
from tests.calling import HEAD, a_file, a_line, bad_rows, taken_in
from tests.trade import NOW, TODAY, a_customer, a_did, a_package, assigned

ODD_HEAD = "ref;who;day and hour;how long;pounds"


def accepted(path, **said) -> CallImport:
    """An import of a file, of which nothing is taken yet."""
    import_ = calling.accepted(path, **said)
    db.session.commit()
    return import_


def calls() -> dict[str, Call]:
    """What has come in, by call id."""
    return {call.call_id: call for call in db.session.scalars(select(Call))}


def mended(import_, folder, **changes):
    """The file of an import's bad rows, with some texts changed."""
    text = "".join(rejects.as_csv(import_))
    for old, new in changes.values():
        assert old in text
        text = text.replace(old, new)
    path = folder / "mended.csv"
    path.write_text(text, newline="")
    return path


# -- lines and cells


def test_a_file_whose_lines_end_as_on_old_macintoshes_is_refused(session, tmp_path):
    path = tmp_path / "mac.csv"
    path.write_bytes("\r".join([HEAD, a_line("a", "2026-11-03 10:00:00", 60, "1")]).encode())
    with pytest.raises(Invalid, match="line endings are not those of a CSV file"):
        accepted(path)


@pytest.mark.parametrize("said", ["sep=;", "\ufeffsep=;", '"sep=;"', "SEP=;;;;"])
def test_the_line_in_which_excel_says_what_stands_between_the_cells_is_none_of_calls(session, tmp_path, said):
    """It counts all the same where a bad row is named, also when the import goes on in the middle."""
    a_customer()
    lines = [HEAD, a_line("a", "2026-11-03 10:00:00", 60, "1"), a_line("b", "2026-11-03", 60, "much")]
    path = tmp_path / "excel.csv"
    path.write_bytes("\r\n".join([said, *(line.replace(",", ";") for line in lines)]).encode())
    import_ = taken_in(path, size=1)
    assert (import_.lines_total, import_.lines_done) == (2, 2)
    assert [line for line, _ in bad_rows(import_)] == [4]
    assert list(calls()) == ["a"]


def test_a_line_that_ends_in_its_middle_is_a_bad_row_and_stops_nobody(session, tmp_path):
    a_customer()
    torn = a_line("a", "2026-11-03 10:00:00", 60, "1", destination="44\r20")
    import_ = taken_in(a_file(tmp_path, [torn, a_line("b", "2026-11-03 10:00:00", 60, "1")]))
    assert bad_rows(import_) == [(2, ENDS)]
    assert list(calls()) == ["b"]


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("61", 61), ("60.001", 61), ("00:01:30", 90), ("1m1s", 61), ("1m30.25s", 91), ("1h", 3600), ("250ms", 1),
        ("61000ms", 61), ("500µs", 1), ("0s", 0),
    ],
)  # fmt: skip
def test_a_length_is_read_as_systems_write_it_and_a_part_of_a_second_counts_as_one(
    session, tmp_path, written, seconds
):
    a_customer()
    assert not bad_rows(taken_in(a_file(tmp_path, [a_line("a", "2026-11-03 10:00:00", written, "1")])))
    assert calls()["a"].seconds == seconds


@pytest.mark.parametrize(
    "written",
    [
        "2026-11-03 10:00:00 +0000 UTC", "2026-11-03 10:00:00 UTC", "2026-11-03 11:00:00+0100", "2026/11/03 10:00:00",
        "2026-11-03T10:00:00.000Z", "1793700000", "1793700000000", "1793700000000000",
    ],
)  # fmt: skip
def test_a_start_time_is_read_as_systems_write_it(session, tmp_path, written):
    a_customer()
    assert not bad_rows(taken_in(a_file(tmp_path, [a_line("a", written, 60, "1")])))
    assert calls()["a"].started_at.isoformat() == "2026-11-03T10:00:00+00:00"


def test_a_column_of_milliseconds_is_read_as_such(session, tmp_path):
    a_customer()
    head = "uuid,accountcode,destination_number,start_stamp,answer_stamp,billmsec,charge"
    taken_in(a_file(tmp_path, ["a,Northwind Telecom,44,2026-11-03 10:00:00,,60500,1"], head))
    assert calls()["a"].seconds == 61


def test_a_call_that_nobody_answered_has_the_start_that_its_day_is_of(session, tmp_path):
    a_customer()
    head = "CGRID,Account,Destination,SetupTime,AnswerTime,Usage,Charge"
    lines = [
        "missed,Northwind Telecom,44,2026-11-03T23:59:50Z,,0s,0",
        "taken,Northwind Telecom,44,2026-11-03T23:59:50Z,2026-11-04T00:00:05Z,1m,1",
    ]
    assert not bad_rows(taken_in(a_file(tmp_path, lines, head)))
    assert {call.day for call in calls().values()} == {date(2026, 11, 3)}


# -- bad rows, mended


def test_bad_rows_with_decimal_commas_are_mended_and_sent_again_as_they_are(session, tmp_path):
    a_customer(), a_customer("=Odd & Co")
    import_ = taken_in(
        a_file(
            tmp_path,
            ["a;Northwind Telecom;then;60;1,25", "-b;=Odd & Co;then;60;0,5", "c;Northwind Telecom;then;60;1"],
            "call id;customer;start time;seconds;charge",
        )
    )
    again = taken_in(mended(import_, tmp_path, when=(";then;", ";2026-11-03;"), c=("c;", "c;;;")))
    assert [line for line, _ in bad_rows(again)] == [4]
    assert {id: call.amount for id, call in calls().items()} == {
        "a": Decimal("1.25"),
        "-b": Decimal("0.5"),
    }
    rows = "".join(rejects.as_csv(again)).splitlines()
    assert rows[0] == "\ufeffline;reason;call id;customer;start time;seconds;charge"
    assert rows[1].startswith("4;") and ";c;;;Northwind Telecom" in rows[1]


def test_how_columns_were_mapped_is_remembered_for_the_file_of_bad_rows_too(session, tmp_path):
    a_customer()
    path = a_file(tmp_path, ["r1;Northwind Telecom;then;60;2"], ODD_HEAD)
    import_ = accepted(path)
    chosen = Layout({"call_id": 0, "customer": 1, "started_at": 2, "seconds": 3, "amount": 4})
    importing.describe(import_, chosen, NOW)
    session.commit()
    first = taken_in(path)
    assert first.bad_count == 1
    assert taken_in(mended(first, tmp_path, when=("then", "2026-11-03"))).taken_count == 1


# -- columns


def test_a_file_without_a_column_that_is_known_as_seconds_waits_for_somebody(session, tmp_path):
    a_customer()
    path = a_file(tmp_path, ["a,Northwind Telecom,2026-11-03,60,1"], "call id,customer,start,talked,charge")
    import_ = accepted(path)
    assert importing.needs_layout(import_) and "Seconds" in import_.sentence
    without = Layout({"call_id": 0, "customer": 1, "started_at": 2, "amount": 4})
    importing.describe(import_, without, NOW)
    session.commit()
    assert taken_in(path).taken_count == 1 and calls()["a"].seconds == 0


def test_columns_that_were_chosen_wrongly_are_chosen_again(session, tmp_path):
    a_customer()
    line = "r1;Northwind Telecom;2026-11-03;60;2"
    path = a_file(tmp_path, [line], ODD_HEAD)
    wrong = Layout({"call_id": 0, "customer": 1, "started_at": 2, "amount": 3})
    importing.describe(accepted(path), wrong, NOW)
    right = Layout({"call_id": 0, "customer": 1, "started_at": 2, "seconds": 3, "amount": 4})
    asked = accepted(path, by_hand=True)
    assert importing.needs_layout(asked)
    importing.describe(asked, right, NOW)
    session.commit()
    assert taken_in(path).taken_count == 1
    assert (calls()["r1"].seconds, calls()["r1"].amount) == (60, 2)


# -- whose


def test_a_call_of_a_did_is_of_the_customer_who_had_it_on_that_day(session, tmp_path):
    acme, globex = a_customer("Acme"), a_customer("Globex")
    did = a_did(acme)
    assigned(a_package("DID"), acme, date(2026, 9, 1), did=did, end_date=date(2026, 10, 20))
    did.customer = globex
    session.flush()
    lines = [
        a_line("before", "2026-10-20 23:59:59", 60, "1", customer="", did=did.number),
        a_line("named", "2026-10-19 10:00:00", 60, "1", customer="Acme", destination=did.number),
        a_line("after", "2026-11-03 10:00:00", 60, "1", customer="", did=did.number),
    ]
    assert not bad_rows(taken_in(a_file(tmp_path, lines)))
    found = {id: (call.customer_id, call.did_id, call.other_did_id) for id, call in calls().items()}
    assert found == {
        "before": (acme.id, did.id, None),
        "named": (acme.id, None, did.id),
        "after": (globex.id, did.id, None),
    }


def test_a_name_is_that_of_the_customer_who_is_there_not_of_one_who_was_archived(session, tmp_path):
    old, new = a_customer("Acme"), a_customer("Acme")
    gone = a_customer("Globex")
    old.archived_on = gone.archived_on = TODAY
    session.flush()
    lines = [
        a_line("a", "2026-11-03 10:00:00", 60, "1", customer="ACME"),
        a_line("b", "2026-11-03 10:00:00", 60, "1", customer="Globex"),
    ]
    assert bad_rows(taken_in(a_file(tmp_path, lines))) == [
        (3, f"Globex (#{gone.id}) is archived. Restore the customer first.")
    ]
    assert {id: call.customer_id for id, call in calls().items()} == {"a": new.id}


# -- interrupted


def test_a_replacing_import_killed_before_its_effects_lets_nothing_stand_on_the_old_day(
    session, tmp_path, monkeypatch
):
    customer = a_customer(tax_rate="0")
    taken_in(a_file(tmp_path, [a_line("a", "2026-11-01 10:00:00", 60, "7")]))
    path = a_file(tmp_path, [a_line("a", "2026-11-09 10:00:00", 60, "5")])
    import_ = accepted(path, replaces=True)

    def killed(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(effects, "follow", killed)
        with pytest.raises(KeyboardInterrupt):
            importing.carry_out(import_.id, TODAY, lambda: NOW, ZoneInfo("UTC"))
    session.rollback()
    importing.carry_out(import_.id, TODAY, lambda: NOW, ZoneInfo("UTC"))
    by_day = select(BalanceEntry.for_day, func.sum(BalanceEntry.amount)).group_by(BalanceEntry.for_day)
    mine = session.execute(by_day.where(BalanceEntry.customer_id == customer.id))
    stands = {row[0]: row[1] for row in mine}
    assert stands == {date(2026, 11, 1): 0, date(2026, 11, 9): -5}


def test_the_time_left_is_told_by_the_time_that_was_worked(session, tmp_path):
    a_customer()
    import_ = accepted(a_file(tmp_path, [a_line(f"c{n}", "2026-11-03", 60, "1") for n in range(4)]))
    import_.bytes_done, import_.heartbeat_at = import_.bytes_total // 2, NOW + timedelta(seconds=10)
    importing.stop(import_)
    importing.go_on(import_, NOW + timedelta(hours=9))
    import_.lines_done = 2
    assert rejects.lines_a_second(import_, NOW + timedelta(hours=9)) == 0
    import_.lines_done = 45
    assert rejects.lines_a_second(import_, NOW + timedelta(hours=9)) == 4
    left = rejects.left(import_, NOW + timedelta(hours=9))
    assert left and timedelta(seconds=9) < left < timedelta(seconds=12)
