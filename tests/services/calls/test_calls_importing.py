"""Files of calls: each call once, every bad row named, stopped and gone on with."""

from datetime import date
from decimal import Decimal
from io import BytesIO
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, update

from portal.domain.call_files.layout import Layout
from portal.domain.errors import Invalid, RuleBroken
from portal.extensions import db
from portal.models import Call, CallImport, Company, ImportState
from portal.services.calls import effects, importing, layouts
from portal.services.calls.rows import QUOTES
from portal.services.deletion import why_not_archive_customer
from tests.calling import (
    HEAD,
    a_file,
    a_line,
    accepted,
    bad_rows,
    begun,
    call_entries,
    carried_out,
    noon,
    taken_in,
)
from tests.trade import BEN, NOW, TODAY, a_customer, a_did


def calls() -> list[Call]:
    return list(db.session.scalars(select(Call).order_by(Call.call_id)))


def count() -> int:
    return db.session.scalar(select(func.count(Call.id))) or 0


def test_a_file_is_imported_and_each_call_keeps_what_was_said_of_it(session, tmp_path):
    customer = a_customer()
    did, other = a_did(customer), a_did(customer, "+442079460124")
    path = a_file(
        tmp_path,
        [
            a_line("a", "2026-11-03 10:00:00", 90, "0.125", did="+442079460123", cost="0.05"),
            a_line(
                "b", "2026-11-04T10:00:00+02:00", 0, "1", did="0044 20 7946 0123", destination="+442079460124"
            ),
            a_line("c", "2026-11-05T23:30:00Z", 60, "2.5", customer=f"#{customer.id}"),
        ],
    )
    import_ = taken_in(path)
    assert (import_.state, import_.taken_count, import_.bad_count) == (ImportState.DONE, 3, 0)
    a, b, c = calls()
    assert (a.did_id, a.seconds, a.amount, a.cost, a.day) == (
        did.id,
        90,
        Decimal("0.125"),
        Decimal("0.05"),
        date(2026, 11, 3),
    )
    assert (b.did_id, b.other_did_id, b.destination) == (did.id, other.id, "442079460124")
    assert b.started_at.isoformat() == "2026-11-04T08:00:00+00:00"
    assert (c.customer_id, c.cost, c.came_in_on, c.import_id) == (customer.id, None, TODAY, import_.id)


@pytest.mark.parametrize(
    ("written", "zone", "instant", "day"),
    [
        ("2026-10-25 01:30:00", "Europe/London", "2026-10-25T00:30:00+00:00", "2026-10-25"),
        ("2026-07-01 00:30:00", "Europe/London", "2026-06-30T23:30:00+00:00", "2026-07-01"),
        ("2026-07-01T23:30:00Z", "Europe/London", "2026-07-01T23:30:00+00:00", "2026-07-02"),
        ("1782948600", "UTC", "2026-07-01T23:30:00+00:00", "2026-07-01"),
        ("2026-07-01T23:30:00.25-05:00", "UTC", "2026-07-02T04:30:00.250000+00:00", "2026-07-02"),
        ("2026-07-01", "Asia/Kolkata", "2026-06-30T18:30:00+00:00", "2026-07-01"),
        ("2026-07-01 10:20", "UTC", "2026-07-01T10:20:00+00:00", "2026-07-01"),
    ],
    ids=(
        "of an hour twice the first", "without zone the portal's", "the day is the portal's", "seconds since 1970",
        "parts of seconds", "a day alone begins it", "without seconds",
    ),
)  # fmt: skip
def test_a_call_belongs_to_the_day_on_which_it_started_in_the_portals_zone(
    session, tmp_path, written, zone, instant, day
):
    a_customer()
    taken_in(a_file(tmp_path, [a_line("a", written, 60, "1")]), zone=zone)
    (call,) = calls()
    assert (call.started_at.isoformat(), call.day.isoformat()) == (instant, day)


def test_every_bad_row_is_named_with_its_line_and_reason_and_the_good_ones_are_kept(session, tmp_path):
    a_customer()
    import_ = taken_in(
        a_file(
            tmp_path,
            [
                a_line("a", "2026-11-03 10:00:00", 60, "1"),
                a_line("b", "2026-11-03 10:00:00", 60, "-1"),
                a_line("c", "2026-11-03 10:00:00", -60, "1"),
                a_line("d", "yesterday", 60, "1"),
                a_line("e", "2026-11-03 10:00:00", 60, "one"),
                a_line("f", "2026-11-03 10:00:00", 60, "1", customer="Nobody"),
                a_line("", "2026-11-03 10:00:00", 60, "1"),
                a_line("=1+1", "2026-11-03 10:00:00", 60, "1"),
                "g,too,short",
                "",
                'h,"Northwind Telecom,,,2026-11-03 10:00:00,60,1,',
                a_line("i", "1999-11-03 10:00:00", 60, "1"),
                a_line("j", "2026-11-03 10:00:00", 60, "1", customer="=cmd|' /C calc'!A0"),
                a_line("z", "2026-11-03 10:00:00", 60, "1"),
            ],
        )
    )
    assert import_.taken_count == 2 and import_.bad_count == 11
    assert bad_rows(import_) == [
        (3, "Charge is below zero: -1."),
        (4, "Seconds are below zero: -60."),
        (5, "Start time is yesterday: enter it as in 2026-01-31 09:30:00, with or without a time zone."),
        (6, "Charge is one: enter a number such as 0.0125."),
        (7, "There is no customer Nobody: it is neither an account code nor a name."),
        (8, "The call id is missing."),
        (9, "The call id =1+1 is a formula."),
        (10, "The row has 3 cells; the first line names 8 columns."),
        (12, QUOTES),
        (13, "Start time 1999-11-03 10:00:00 is not between 2000 and 2199."),
        (14, "There is no customer =cmd|' /C calc'!A0: it is neither an account code nor a name."),
    ]


def test_the_same_call_counts_once_in_a_file_and_across_files(session, tmp_path):
    a_customer(), a_customer("Southwind")
    first = a_line("a", "2026-11-03 10:00:00", 60, "1")
    other = a_line("a", "2026-11-03 10:00:00", 60, "2", customer="southwind")
    once = taken_in(a_file(tmp_path, [first, first, other, first]))
    assert (once.taken_count, once.known_count) == (2, 2)
    again = taken_in(a_file(tmp_path, [first, other, a_line("b", "2026-11-03 10:00:00", 60, "1")]))
    assert (again.taken_count, again.known_count, again.bad_count) == (1, 2, 0)
    assert count() == 3


def test_a_call_said_again_with_other_values_is_bad_unless_the_import_replaces(session, tmp_path):
    a_customer()
    taken_in(a_file(tmp_path, [a_line("a", "2026-11-03 10:00:00", 60, "1")]))
    changed = [a_line("a", "2026-11-04 10:00:00", 60, "1.5"), a_line("b", "2026-11-04 10:00:00", 60, "1")]
    refused = taken_in(a_file(tmp_path, changed))
    assert (refused.taken_count, refused.bad_count) == (1, 1)
    ((line, sentence),) = bad_rows(refused)
    assert line == 2 and sentence == (
        "Call a was already imported with another start time and charge. "
        "To replace it, start an import that replaces calls."
    )
    replaced = taken_in(a_file(tmp_path, changed), replaces=True)
    assert (replaced.replaced_count, replaced.known_count, replaced.bad_count) == (1, 1, 0)
    assert [(call.day, call.amount) for call in calls()] == [
        (date(2026, 11, 4), Decimal("1.5")),
        (date(2026, 11, 4), 1),
    ]


def test_a_stopped_import_goes_on_where_it_stood(session, tmp_path):
    a_customer()
    lines = [a_line(f"c{n}", f"2026-11-{n % 20 + 1:02} 10:00:00", 60, "1") for n in range(40)]
    import_ = accepted(a_file(tmp_path, lines, name="c.csv.gz"))
    session.commit()
    assert import_.lines_total == 40

    def stop_after_two(at: CallImport) -> None:
        if at.lines_done >= 20:
            importing.stop(session.get(CallImport, at.id))
            session.commit()

    stopped = importing.carry_out(import_.id, TODAY, lambda: NOW, ZoneInfo("UTC"), 10, stop_after_two)
    assert stopped.state == ImportState.STOPPED and count() == stopped.taken_count == 20
    importing.go_on(stopped, NOW)
    session.commit()
    done = importing.carry_out(import_.id, TODAY, lambda: NOW, ZoneInfo("UTC"), 10)
    assert (done.state, done.taken_count, done.known_count, count()) == (ImportState.DONE, 40, 0, 40)


def asked_at(times: int):
    """Asked to stop from the so many-th look on."""
    looks = []

    def is_asked() -> bool:
        looks.append(True)
        return len(looks) >= times

    return is_asked


@pytest.mark.parametrize("looks", [1, 3, 4, 5, 6], ids=lambda looks: f"at look {looks}")
def test_an_import_that_is_asked_to_stop_does_so_behind_a_chunk_and_whoever_carries_it_out_next_ends_it(
    session, tmp_path, monkeypatch, looks
):
    """Three chunks, and what follows for two customers, one after the other: it looks between all of them."""
    monkeypatch.setattr(effects, "CUSTOMERS", 1)
    whose = [a_customer("Acme", tax_rate="0"), a_customer("Globex", tax_rate="0")]
    lines = [a_line(f"c{n}", noon(TODAY), 60, "1", customer=whose[n % 2].name) for n in range(30)]
    import_ = begun(a_file(tmp_path, lines))
    stopped = importing.carry_out(
        import_.id, TODAY, lambda: NOW, ZoneInfo("UTC"), 10, is_asked_to_stop=asked_at(looks)
    )
    is_ended = looks > 5
    assert stopped.state == (ImportState.DONE if is_ended else ImportState.RUNNING)
    assert stopped.lines_done == min(looks * 10, 30)
    assert sum(len(call_entries(one)) for one in whose) == max(looks - 4, 0)
    done = carried_out(import_, size=10)
    assert (done.state, done.taken_count, done.known_count) == (ImportState.DONE, 30, 0)
    assert [call_entries(one) for one in whose] == [[(TODAY.isoformat(), "-15")]] * 2


def test_while_a_file_is_read_to_its_end_others_go_on_writing(session, tmp_path):
    """Also where the request that brought it has asked the database for something."""

    class Watched(BytesIO):
        written = 0

        def read(self, size=-1):
            if not self.written:
                with db.engine.begin() as other:
                    self.written = other.execute(update(Company).values(name="Lumen Voice Ltd")).rowcount
            return super().read(size)

    session.get_one(Company, 1)
    file = Watched(a_file(tmp_path, [a_line("a", noon(TODAY), 60, "1")]).read_bytes())
    importing.accept(file, "calls.csv", replaces=False, by=BEN, now=NOW)
    assert file.written == 1


@pytest.mark.parametrize(
    ("head", "line", "expected"),
    [
        pytest.param(
            "sessionid,uniqueid,card_id,src,calledstation,starttime,sessiontime,sessionbill,buycost",
            "s1,u1,#{id},+442079460123,33199009999,2026-11-03 10:00:00,61,0.5,0.2",
            ("u1", "33199009999", 61, "0.5", "0.2"), id="A2Billing",
        ),
        pytest.param(
            "CGRID,Account,Subject,Destination,SetupTime,AnswerTime,Usage,Charge",
            "g1,northwind telecom,1001,+33199009999,2026-11-03T09:59:50Z,2026-11-03T10:00:00Z,1m1s,0.5",
            ("g1", "33199009999", 61, "0.5", None), id="CGRateS",
        ),
        pytest.param(
            "accountcode;src;dst;start;answer;end;duration;billsec;uniqueid;charge",
            "Northwind Telecom;442079460123;0033199009999;2026-11-03 09:59:50;2026-11-03 10:00:00;x;70;61;a1;0,5",
            ("a1", "33199009999", 61, "0.5", None), id="Asterisk",
        ),
        pytest.param(
            "Call-ID,Customer,CLI,Dest Number,DT,Duration,Customer Charge,Provider Charge",
            "x1,Northwind Telecom,442079460123,33199009999,2026-11-03 10:00:00,61,0.5,0.2",
            ("x1", "33199009999", 61, "0.5", "0.2"), id="ConnexCS",
        ),
        pytest.param(
            "call id\tdid\tdestination\tstart\tseconds\tcharge",
            "t1\t+44 20 7946 0123\t33199009999\t2026-11-03 10:00:00\t00:01:01\t0.5",
            ("t1", "33199009999", 61, "0.5", None), id="the DID says whose",
        ),
    ],
)  # fmt: skip
def test_columns_are_recognised_by_their_usual_names(session, tmp_path, head, line, expected):
    customer = a_customer()
    a_did(customer)
    import_ = taken_in(a_file(tmp_path, [line.replace("{id}", str(customer.id))], head))
    assert not bad_rows(import_)
    (call,) = calls()
    call_id, destination, seconds, amount, cost = expected
    assert (call.call_id, call.destination, call.seconds) == (call_id, destination, seconds)
    assert (call.amount, call.cost) == (Decimal(amount), cost and Decimal(cost))


def test_columns_that_nobody_knows_are_mapped_once_and_remembered(session, tmp_path):
    a_customer()
    head, line = "ref,who,day and hour,pounds", "r1,Northwind Telecom,2026-11-03 10:00:00,2"
    import_ = accepted(a_file(tmp_path, [line], head))
    assert importing.needs_layout(import_)
    with pytest.raises(RuleBroken, match="Describe the layout first"):
        importing.go_on(import_, NOW)
    with pytest.raises(Invalid, match="Choose the column for: charge"):
        importing.describe(import_, Layout({"call_id": 0, "customer": 1, "started_at": 2}), NOW)
    with pytest.raises(Invalid, match="ref is chosen twice"):
        importing.describe(import_, Layout({"call_id": 0, "customer": 0, "started_at": 2, "amount": 3}), NOW)
    importing.describe(import_, Layout({"call_id": 0, "customer": 1, "started_at": 2, "amount": 3}), NOW)
    assert layouts.remembered(head.upper().split(",")) is not None
    again = taken_in(a_file(tmp_path, [line], head, "again.csv"))
    assert again.taken_count == 1


BAD_FILES = {
    "empty": b"",
    "not CSV": b"%PDF-1.7 something",
    "a spreadsheet": b"PK\x03\x04something",
    "binary": b"call id,customer\nabc\x00\x01,d\n",
    "UTF-16": (HEAD + "\n").encode("utf-16"),
    "a part of UTF-16": (HEAD + "\na").encode("utf-16")[:-1],
    "JSON": b'{"uuid": "a", "billsec": 55}',
    "XML": b'<?xml version="1.0"?><cdr><uuid>a</uuid></cdr>',
    "a web page": b"<!DOCTYPE html><html><body>Not signed in</body></html>",
    "one column": b"words\nwords\n",
    "only a header": HEAD.encode() + b"\n",
    "a line of ten megabytes": HEAD.encode() + b"\n" + b"a," * 5_000_000 + b"\n",
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_bad_file_gets_a_sentence_and_changes_nothing(session, tmp_path, kind):
    path = tmp_path / "bad.csv"
    path.write_bytes(BAD_FILES[kind])
    with pytest.raises(Invalid) as refused:
        accepted(path)
    assert refused.value.field == "file" and len(refused.value.sentence) > 15
    assert count() == 0 and not session.scalar(select(func.count(CallImport.id)))


def test_a_half_written_gzip_and_a_bomb_are_refused_before_anything_is_taken(session, tmp_path):
    import gzip

    good = a_file(tmp_path, [a_line(f"c{n}", "2026-11-03", 1, "1") for n in range(5000)], name="c.csv.gz")
    half = tmp_path / "half.csv.gz"
    half.write_bytes(good.read_bytes()[:-500])
    with pytest.raises(Invalid, match="incomplete or damaged"):
        accepted(half)
    bomb = tmp_path / "bomb.csv.gz"
    with gzip.open(bomb, "wb") as file:
        file.write(HEAD.encode() + b"\n")
        for _ in range(40):
            file.write((b"," * 1023 + b"\n") * 1024)
    with pytest.raises(Invalid, match="unpacks to more than 100 times"):
        accepted(bomb)


# -- what changed meanwhile


def test_a_customer_archived_since_the_file_was_begun_gets_none_of_its_calls(session, tmp_path):
    """The file's reader knew them as active: each chunk asks again, with the customer locked."""
    customer, begun = a_customer(), []

    def archive(_import):
        if not begun:
            begun.append(customer.archived_on)
            customer.archived_on = TODAY
            session.commit()

    lines = [a_line(str(n), noon(TODAY), 60, "1") for n in range(4)]
    import_ = accepted(a_file(tmp_path, lines))
    session.commit()
    done = importing.carry_out(import_.id, TODAY, lambda: NOW, size=2, say=archive)
    assert (done.taken_count, done.bad_count) == (2, 2)
    assert bad_rows(done)[0] == (
        4,
        f"Northwind Telecom (#{customer.id}) is archived. Restore the customer first.",
    )


def test_without_a_zone_the_days_of_calls_are_those_of_the_setting_when_they_are_stored(session, tmp_path):
    a_customer()
    path = a_file(tmp_path, [a_line("late", "2026-11-03 23:30:00Z", 60, "1")])
    import_ = accepted(path)
    session.get_one(Company, 1).time_zone = "Pacific/Auckland"
    session.commit()
    importing.carry_out(import_.id, TODAY, lambda: NOW)
    assert session.scalars(select(Call.day)).one().isoformat() == "2026-11-04"


def test_a_customer_whose_calls_are_still_being_imported_is_not_archived(session, tmp_path):
    """What they cost is not in the balance yet, which so is zero."""
    customer = a_customer()
    import_ = taken_in(a_file(tmp_path, [a_line("a", noon(TODAY), 60, "0")]))
    assert why_not_archive_customer(customer, TODAY) is None
    import_.state = ImportState.STOPPED
    session.commit()
    refusal = why_not_archive_customer(customer, TODAY)
    assert "still being imported: calls.csv" in refusal.sentence
    assert refusal.way_out.values == {"import_id": import_.id}
