"""What stands in files of calls: amounts, lengths, numbers, times; what a whole file proves; where its names stand."""

from zoneinfo import ZoneInfo

import pytest

from portal.domain.call_files import names
from portal.domain.call_files.cells import Amounts, number_reader, seconds_reader
from portal.domain.call_files.layout import Codes, Layout, Length
from portal.domain.call_files.proposing import names_calls, propose
from portal.domain.call_files.times import Times
from portal.domain.csv_files.cells import Bad
from portal.domain.csv_files.heading import find_heading
from portal.domain.csv_files.layout import DayOrder
from portal.domain.csv_files.proof import Proof
from portal.domain.csv_files.text import cells_of, delimiter_of, lines_of_record, no_table

UTC = ZoneInfo("UTC")
LONDON = ZoneInfo("Europe/London")


def amount(text: str, *, delimiter: str = ",", **layout) -> int | None:
    return Amounts("Charge", Layout(**layout), delimiter)[text]


# -- amounts


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("0.0213", 21_300), ("£0.0213", 21_300), ("0.0142 GBP", 14_200), ("1,234.50", 1_234_500_000),
        ("1.234,50", 1_234_500_000), ("€ 12.5", 12_500_000), ("USD 3", 3_000_000), ("1e-3", 1_000), ("'+5", 5_000_000),
        ("12 345.50", 12_345_500_000), ("", None), ("NULL", None), ("-", None), ("\\N", None), ("0", 0),
        (".5", 500_000), ("1,23,456.5", 123_456_500_000), ("1.234.567", 1_234_567_000_000),
    ],
)  # fmt: skip
def test_an_amount_is_read_as_people_write_it(text, micros):
    assert amount(text) == micros


@pytest.mark.parametrize(
    "text", ["one", "1,5", "1,234", "12,34.0", "0.5 pounds", "£1 GBP", "--1", "1.2.3", "12-"]
)
def test_what_is_no_amount_or_may_be_two_is_bad(text):
    with pytest.raises(Bad):
        amount(text)


def test_what_the_decimal_sign_is_the_layout_says():
    assert amount("1,234", decimal=".") == 1_234_000_000
    assert amount("1,234", decimal=",") == amount("1.234", decimal=".") == 1_234_000
    assert amount("1.234", decimal=",") == 1_234_000_000
    assert amount("0,5", delimiter=";") == 500_000
    with pytest.raises(Bad):
        amount("1.5", decimal=",")


def test_charges_below_zero_are_charges_where_the_layout_says_so():
    assert amount("-0.0085", below_zero=True) == 8_500
    assert amount("-$0.0085", below_zero=True) == 8_500
    with pytest.raises(Bad, match="Charge is above zero: 2"):
        amount("2", below_zero=True)
    with pytest.raises(Bad, match="Charge is below zero: -2"):
        amount("-2")


# -- lengths


@pytest.mark.parametrize(
    ("counts", "text", "seconds"),
    [
        (Length.SECONDS, "90", 90), (Length.SECONDS, "89.2", 90), (Length.SECONDS, "0:01:30", 90),
        (Length.SECONDS, "90 sec", 90), (Length.SECONDS, "1 min 30 s", 90), (Length.SECONDS, "1m30s", 90),
        (Length.SECONDS, "1500ms", 2), (Length.MILLISECONDS, "1500", 2), (Length.MINUTES, "1.5", 90),
        (Length.CLOCK, "1:30", 90), (Length.CLOCK, "75:00", 4500), (Length.CLOCK, "00:01:30.500", 91),
        (Length.SECONDS, "", None), (Length.CLOCK, "-", None),
    ],
)  # fmt: skip
def test_a_length_counts_what_the_layout_says(counts, text, seconds):
    assert seconds_reader(Layout(length=counts), ",")(text) == seconds


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        (Length.SECONDS, "1:30"),
        (Length.CLOCK, "1.5"),
        (Length.CLOCK, "90"),
        (Length.MINUTES, "1:30"),
        (Length.SECONDS, "-5"),
    ],
)
def test_a_length_that_the_layout_does_not_say_is_bad(counts, text):
    with pytest.raises(Bad):
        seconds_reader(Layout(length=counts), ",")(text)


# -- numbers


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [
        ("+44 20 7946 0100", "", "442079460100"), ("0044 (0)20 7946-0100", "", "442079460100"),
        ('"Nora" <442079460100>', "", "442079460100"), 
        ("Nora <sip:+442079460100@pbx.example;user=phone>", "", "442079460100"),
        ("sip:100@pbx.example", "", "100"), ("tel:+44-20-7946-0100", "", "442079460100"), ("Ext.102", "", "Ext102"),
        ("02079460100", "", "02079460100"), ("02079460100", "GB", "442079460100"),
        ("447700900123", "GB", "447700900123"),
        ("34600000000", "GB", "34600000000"), ("+34600000000", "GB", "34600000000"), ("999", "GB", "999"),
        ("2125550109", "US", "12125550109"), ("12125550109", "US", "12125550109"),
        ("442079460100", "US", "442079460100"),
        ("+4420794601", "US", "4420794601"), ("030 123456", "DE", "4930123456"),
    ],
)  # fmt: skip
def test_a_number_is_found_within_what_is_around_it_and_in_its_country(text, country, number):
    assert number_reader(country)(text, "source") == number


# -- times


@pytest.mark.parametrize(
    ("text", "order", "instant"),
    [
        ("03/11/2026 10:00:05", DayOrder.DAY, "2026-11-03 10:00:05"),
        ("11/03/2026 11:59 PM", DayOrder.MONTH, "2026-11-03 23:59:00"),
        ("11/3/26 12:05:09 a.m.", DayOrder.MONTH, "2026-11-03 00:05:09"),
        ("20.11.2026 9:05", DayOrder.DAY, "2026-11-20 09:05:00"),
        ("2026/11/20 9:12:46 PM", DayOrder.NONE, "2026-11-20 21:12:46"),
        ("Fri, 20 Nov 2026 18:00:05 +0000", DayOrder.NONE, "2026-11-20 18:00:05"),
        ("20-Nov-2026 18:00:05", DayOrder.MONTH, "2026-11-20 18:00:05"),
        ("Nov 20, 2026 6:00:05 PM", DayOrder.DAY, "2026-11-20 18:00:05"),
        ("2026-11-20T10:00:05-08:00", DayOrder.DAY, "2026-11-20 18:00:05"),
        ("1795168805", DayOrder.DAY, "2026-11-20 10:00:05"),
    ],
)
def test_a_time_is_read_in_the_order_that_the_layout_says(text, order, instant):
    assert Times(UTC, "", order).read(text)[0].removesuffix(".000000") == instant


@pytest.mark.parametrize(
    "text", ["03/11/2026", "03/11/2026 10:00:05", "2026-13-01", "13:00 PM", "", "yesterday", "20.11."]
)
def test_what_is_no_time_or_may_be_two_is_bad(text):
    with pytest.raises(Bad):
        Times(UTC).read(text)


def test_a_time_is_named_as_it_is_written():
    with pytest.raises(Bad, match="Start time is 03/11/2026 10:00:05: the day or the month may be first"):
        Times(UTC).read("03/11/2026 10:00:05")


def test_the_zone_of_a_layout_is_of_times_without_one_and_the_day_is_the_portals():
    times = Times(LONDON, "Europe/Berlin")
    assert times.read("2026-07-01 00:30:00") == ("2026-06-30 22:30:00.000000", "2026-06-30")
    assert times.read("2026-07-01 00:30:00Z") == ("2026-07-01 00:30:00.000000", "2026-07-01")
    assert Times(LONDON, "UTC").read("2026-08-31 23:30:00")[1] == "2026-09-01"


def test_a_time_is_the_same_however_many_of_its_hour_were_read_before():
    """Where clocks go back by half an hour, where a day begins within an hour of UTC, and everywhere else."""
    for zone, days in (
        ("Australia/Lord_Howe", ("2026-04-04", "2026-04-05", "2026-10-04")),
        ("Asia/Kolkata", ("2026-11-05",)),
        ("Europe/London", ("2026-03-29", "2026-10-25", "2026-11-05")),
    ):
        for times in (Times(ZoneInfo(zone)), Times(LONDON, zone), Times(ZoneInfo(zone), "UTC")):
            for text in (f"{day} {n // 60:02}:{n % 60:02}:07" for day in days for n in range(24 * 60)):
                # With a part of a second each is read by itself.
                assert times.read(text) == times.read(f"{text}.0"), (zone, text)


@pytest.mark.parametrize(
    "text", ["1" + " " * 60_000 + "x", "1 h" + " " * 60_000 + "x", "1/1/2026" + " " * 60_000 + "x"]
)
def test_a_cell_of_thousands_of_spaces_is_bad_at_once(text):
    """Looked through by a pattern it would take minutes."""
    for read in (amount, seconds_reader(Layout(), ","), Times(UTC).read):
        with pytest.raises(Bad):
            read(text)
    assert proof_of(text).filled == 1


# -- what a whole file proves


def proof_of(*cells: str):
    proof = Proof(1)
    proof.add([cell] for cell in cells)
    return Proof.from_dict(proof.to_dict()).columns[0]


def test_one_date_proves_which_number_is_the_day_and_another_must_not_contradict():
    assert proof_of("03/11/2026", "20/11/2026").day_order == DayOrder.DAY
    assert proof_of("11/03/2026", "11/20/2026").day_order == DayOrder.MONTH
    assert proof_of("03/11/2026", "04/11/2026").day_order == DayOrder.NONE
    both = proof_of("20/11/2026", "11/20/2026")
    assert both.has_two_orders and both.needs_day_order and both.day_order == DayOrder.NONE
    assert not proof_of("2026-11-03 10:00", "1795168805").needs_day_order
    assert proof_of("03.11.2026").day_order == DayOrder.DAY


def test_the_decimal_sign_is_proved_by_what_can_be_no_thousand():
    assert proof_of("1,234.50").decimal == proof_of("0.021", "1,234").decimal == "."
    assert proof_of("1.234,5").decimal == proof_of("0,021").decimal == ","
    assert proof_of("1,234").decimal == proof_of("0.5", "0,5").decimal == ""


def test_charges_are_below_zero_where_all_are():
    assert proof_of("-0.5", "0", "").is_below_zero
    assert not proof_of("-0.5", "0.5").is_below_zero and not proof_of("0").is_below_zero


# -- text


def test_what_stands_between_cells_is_what_cuts_most_lines_alike():
    assert delimiter_of(["Rufnummer;Betrag", "1;0,5", "2;0,7"]) == ";"
    assert delimiter_of(["Report of Lumen", "a|b|c", "1|2,5|3", "4|5|6"]) == "|"


def test_a_record_goes_on_where_a_quoted_cell_does_and_a_stray_mark_spoils_its_line_alone():
    lines = ['a,"asked for', 'call back",1', 'b,"torn,2', "c,x,3", 'd,"y"", z",4']
    assert [lines_of_record(lines, at, ",", 3) for at in range(5)] == [2, 1, 1, 1, 1]
    assert cells_of(["\n".join(lines[:2])], ",") == [["a", "asked for\ncall back", "1"]]


@pytest.mark.parametrize(
    ("begin", "what"),
    [
        ('{"a": 1}', "JSON"),
        ("[\n{", "JSON"),
        ("<?xml?>", "XML"),
        ("<cdr id='1'>", "XML"),
        ("<html>", "HTML"),
        ("[a],b", ""),
    ],
)
def test_what_is_no_table_is_known_by_its_beginning(begin, what):
    assert what in no_table(begin) and bool(no_table(begin)) == bool(what)


# -- names


def headings(*lines: str):
    return find_heading(lines, ",", lambda row: row == ["odd", "names"], names_calls)


def test_the_names_of_the_columns_stand_behind_a_title_or_nowhere():
    title = ("Report,,", "of 2026-11-20,,", ",,")
    assert headings(*title, "call id,start,charge", "a,2026-11-20,1").lines == 4
    assert headings("x,y", "odd,names", "a,1").lines == 2
    assert headings("one,two", "a,b").lines == 1
    assert headings("a,2026-11-20,1", "b,2026-11-20,1") == (["Column 1", "Column 2", "Column 3"], False, 0)


def proposed(head: str, *rows: str):
    proof = Proof(len(head.split(",")))
    cells = [row.split(",") for row in rows]
    proof.add(cells)
    return propose(find_heading([head, *rows], ",", lambda row: False, names_calls), proof, cells[0])


def test_a_destination_of_numbers_is_preferred_to_one_of_names():
    head = "call id,destination,number,start,seconds,charge,did"
    layout, asks = proposed(head, "a,UK Mobile,447700900123,2026-11-20,60,1,442079460100")
    assert layout["destination"] == 2 and not asks


def test_units_behind_names_say_what_is_meant():
    layout, asks = proposed(
        "call id,did,Start Time (UTC),Duration (min),Price (GBP)", "a,44,2026-11-20,1.5,1"
    )
    assert (layout.zone, layout.length, asks) == ("UTC", Length.MINUTES, {})


def test_date_and_time_apart_are_found_by_what_they_hold():
    layout, _ = proposed("call id,did,date,time,seconds,charge", "a,44,2026-11-20,10:00:05,60,1")
    assert (layout["started_at"], layout["clock"]) == (2, 3)
    layout, _ = proposed("call id,did,date,seconds,charge", "a,44,2026-11-20 10:00,60,1")
    assert (layout["started_at"], layout["clock"]) == (2, None)


def test_the_order_of_day_and_month_is_asked_for_with_what_the_file_shows():
    head = "call id,did,start,seconds,charge"
    layout, asks = proposed(head, "a,44,11/03/2026,60,1", "b,44,11/20/2026,60,1")
    assert layout.day_order == DayOrder.MONTH and asks["day_order"].endswith("shows that the month is.")
    layout, asks = proposed(head, "a,44,11/03/2026,60,1")
    assert layout.day_order == DayOrder.NONE and asks["day_order"].endswith("Is the day first, or the month?")
    _, asks = proposed(head, "a,44,11/20/2026,60,1", "b,44,20/11/2026,60,1")
    assert "others the month" in asks["day_order"]


def test_cgrates_is_asked_which_run():
    _, asks = proposed(
        "CGRID,RunID,Account,Destination,SetupTime,Usage,Cost", "a,*default,x,44,2026-11-20T10:00:00Z,1m,1"
    )
    assert set(asks) == {"run", "amount"}


def test_every_known_export_says_columns_that_it_is_known_to_have():
    for export in names.EXPORTS:
        assert set(export.asks) <= {"run", *names.NAMES} and "started_at" in {*export.columns, "started_at"}
        assert all(column in {*names.NAMES, "clock"} for column in export.columns)
    assert {export.name for export in (*names.EXPORTS, *names.NAMELESS)} >= {
        "Twilio", "Telnyx", "Bandwidth", "DIDWW", "ConnexCS", "Asterisk", "FreeSWITCH", "3CX", "A2Billing", "ASTPP",
        "FusionPBX", "IvozProvider", "OpenSIPS", "CUCM", "CGRateS",
    }  # fmt: skip


def test_a_layout_is_kept_as_it_is():
    layout = Layout(
        {"amount": 3}, day_order=DayOrder.MONTH, length=Length.CLOCK, codes=Codes.CARRIER, zone="UTC"
    )
    assert Layout.from_json(layout.to_json()) == layout and Layout.from_json("") is None
