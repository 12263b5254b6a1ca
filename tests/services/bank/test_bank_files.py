"""Statements as banks write them: taken in once, described once, refused with a sentence (billing-rules 13)."""

import gzip
import io
import zipfile
from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from portal.domain.bank_files.amounts import read_amount
from portal.domain.bank_files.statement import Kind
from portal.domain.csv_files.cells import Bad
from portal.domain.errors import Invalid, RuleBroken
from portal.extensions import db
from portal.models import BankFile, BankLine, BankStatement, LineState, Payment
from portal.services.bank import keeping, lists
from tests.banking import DATA, IBAN, lines_of, made_up, take_in

pytestmark = pytest.mark.usefixtures("session")

# File: account, currency, opening, closing, lines, of them set aside.
KNOWN = {
    "camt.053.xml": [(IBAN, "EUR", "5000", "6232.10", 5, 1)],
    "mt940-german.sta": [
        ("51210800/1245126199", "EUR", "15170.95", "15155.05", 3, 1),
        ("51210800/1245126199", "EUR", "15155.05", "16355.05", 1, 0),
    ],
    "mt940-swift.txt": [("GB33BUKB20201555555555", "GBP", "1000", "1019.50", 2, 1)],
    "ofx-1.ofx": [("202015/55555555", "GBP", None, "982", 3, 1)],
    "ofx-2.ofx": [("021000021/000123456789", "USD", None, "1095", 2, 0)],
    "sparkasse-camt.csv": [(IBAN, "EUR", None, None, 5, 1)],
    "ing-umsatzanzeige.csv": [("DE12500105170648489890", "EUR", "1000", "2391.60", 4, 1)],
    "stripe-payouts-itemised.csv": [
        ("STRIPE", "EUR", None, None, 6, 2),
        ("STRIPE", "EUR", "0", "0", 3, 2),
    ],
}


def money(text):
    return None if text is None else Decimal(text)


@pytest.mark.parametrize("name", KNOWN)
def test_a_statement_is_read_whole_whatever_its_format(name):
    kept = take_in(name)
    found = [(one.account, one.currency, one.opening, one.closing, one.line_count) for one in kept.statements]
    assert found == [(a, c, money(o), money(e), n) for a, c, o, e, n, _ in KNOWN[name]]
    for statement, (*_, aside) in zip(kept.statements, KNOWN[name], strict=True):
        assert not statement.difference, "opening balance and lines come to the closing balance"
        assert sum(line.state == LineState.SET_ASIDE for line in lines_of(statement)) == aside
        assert not any(line.state == LineState.BOOKED for line in lines_of(statement))
    assert db.session.scalar(select(func.count(Payment.id))) == 0, "nothing books itself"


@pytest.mark.parametrize("name", KNOWN)
def test_the_same_statement_twice_is_once(name):
    first = take_in(name)
    lines = db.session.scalar(select(func.count(BankLine.id)))
    again = take_in(name)
    assert again.was_there
    assert [one.id for one in again.statements] == [one.id for one in first.statements]
    assert db.session.scalar(select(func.count(BankLine.id))) == lines
    assert db.session.scalar(select(func.count(BankFile.id))) == 1


def test_the_same_statement_in_another_file_is_the_one_that_is_there():
    first = take_in("camt.053.xml")
    content = (DATA / "camt.053.xml").read_bytes().replace(b"053D2026-11-05T22", b"053D2026-11-06T07")
    again = take_in("again.xml", content)
    assert again.was_there and again.new == 0 and again.file is None
    assert again.statements[0].id == first.statements[0].id
    assert db.session.scalar(select(func.count(BankFile.id))) == 1


def test_of_statements_that_overlap_each_line_is_there_once_and_in_both():
    one = made_up(("a", "1.00"), ("b", "2.00"), ("same", "3.00"), ("same", "3.00"), name="one")
    two = made_up(("same", "3.00"), ("same", "3.00"), ("same", "3.00"), ("c", "4.00"), name="two")
    first, second = lines_of(one), lines_of(two)
    assert two.new == 2, "a third line that is like two others is another one"
    assert two.statements[0].known_count == 2
    assert {line.id for line in first} & {line.id for line in second} == {line.id for line in first[2:]}
    assert two.statements[0].total == Decimal("13.00")


def test_a_reference_that_a_bank_gives_twice_loses_no_line():
    kept = made_up(
        ("a", "5.00", "Acme", "", "REF-1", 3),
        ("a", "5.00", "Acme", "", "REF-1", 3),
        ("a", "5.00", "Acme", "", "REF-1", 2),
    )
    assert len({line.id for line in lines_of(kept)}) == 3


def test_what_is_not_booked_yet_is_passed_over_and_counted():
    assert take_in("camt.053.xml").statements[0].passed_over_count == 1
    assert take_in("sparkasse-camt.csv").statements[0].passed_over_count == 1


def test_a_batch_is_a_line_for_each_of_its_payments():
    lines = lines_of(take_in("camt.053.xml"))
    assert [line.amount for line in lines[1:3]] == [Decimal("24.50"), Decimal("29.50")]
    assert {line.method.value for line in lines[1:3]} == {"direct_debit"}


def test_a_batch_that_does_not_add_up_is_one_line_with_all_of_its_words():
    content = (
        (DATA / "camt.053.xml")
        .read_bytes()
        .replace(b'<Amt Ccy="EUR">29.50</Amt><CdtDbtInd>CRDT', b'<Amt Ccy="EUR">29.00</Amt><CdtDbtInd>CRDT')
    )
    line = lines_of(take_in("x.xml", content))[1]
    assert line.amount == Decimal("54.00")
    assert "Invoice 17" in line.text and "Invoice 18" in line.text


@pytest.mark.parametrize("name", ["camt.053.xml", "mt940-german.sta", "sparkasse-camt.csv"])
def test_a_return_says_what_came_back_without_the_fee_of_the_bank(name):
    (line,) = [line for line in lines_of(take_in(name)) if line.kind == Kind.RETURN]
    assert (line.amount, line.returned, line.method.value) == (
        Decimal("-32.50"),
        Decimal("29.50"),
        "direct_debit",
    )


def test_a_missing_line_shows_in_the_check_of_the_balances():
    content = (DATA / "camt.053.xml").read_bytes().replace(b"6232.10", b"6242.10")
    assert take_in("x.xml", content).statements[0].difference == Decimal("10.00")


BALANCED = "Booking date;Name;Text;Paid in;Paid out;Balance;Currency;Own account\n"


def with_balances(opening, *rows, own=IBAN):
    """A statement of days of November and amounts, each with the balance after it."""
    balance, lines = Decimal(opening), [BALANCED]
    for day, amount in rows:
        balance += Decimal(amount)
        lines.append(f"2026-11-{day:02};Acme;on {day};{amount};;{balance};EUR;{own}\n")
    (statement,) = take_in(f"{own} {opening} {rows}.csv", "".join(lines).encode()).statements
    return statement


def test_a_statement_that_is_missing_between_two_is_noticed_until_it_is_taken_in():
    first = with_balances("100.00", (2, "5.00"), (3, "7.00"))
    third = with_balances("120.00", (9, "1.00"))
    with_balances("300.00", (8, "1.00"), own="another account")
    assert (lists.gap_before(first), lists.gap_before(third)) == (None, first)
    second = with_balances("112.00", (5, "8.00"))
    assert [lists.gap_before(one) for one in (first, second, third)] == [None, None, None]


def test_statements_that_overlap_or_are_of_one_day_have_no_gap_where_they_meet():
    with_balances("100.00", (2, "5.00"), (3, "7.00"))
    overlapping = with_balances("105.00", (3, "7.00"), (4, "1.00"))
    morning = with_balances("113.00", (6, "1.00"))
    evening = with_balances("114.00", (6, "2.00"))
    for one in (overlapping, morning, evening):
        assert lists.gap_before(one) is None
    assert lists.gap_before(with_balances("117.00", (6, "4.00"))) is not None


def test_nothing_is_said_of_a_gap_where_a_balance_is_not_known():
    with_balances("100.00", (2, "5.00"))
    (without,) = made_up(("x", "1.00", "", "", "", 12)).statements
    last = with_balances("900.00", (20, "1.00"))
    assert without.opening is None
    assert (lists.gap_before(without), lists.gap_before(last)) == (None, None)


def test_what_stripe_took_is_one_line_set_aside_and_the_payout_adds_up():
    first, second = take_in("stripe-payouts-itemised.csv").statements
    fees = [line for line in lines_of(first) if line.kind == Kind.FEE]
    assert [(line.amount, line.state) for line in fees] == [
        (Decimal("-2.00"), LineState.SET_ASIDE),
        (Decimal("-8.47"), LineState.SET_ASIDE),
    ]
    assert first.total == Decimal("4.03")
    assert second.difference == 0
    (charge,) = [line for line in lines_of(second) if line.kind == Kind.IN]
    assert (charge.amount, charge.fee, charge.method.value) == (Decimal(100), Decimal("1.75"), "card")


# -- files whose columns are not known


def test_a_file_without_a_currency_waits_and_its_description_is_remembered():
    kept = take_in("lloyds.csv")
    assert kept.waits and kept.file.content
    table = keeping.table_of(kept.file)
    assert set(table.asks) == {"currency_of_all"}
    done = keeping.describe(kept.file, table, replace(table.layout, currency_of_all="GBP"), "")
    assert [line.amount for line in lines_of(done)] == [Decimal("30.00"), Decimal("-5.50"), Decimal("60.00")]
    assert done.statements[0].difference == 0
    assert kept.file.content is None
    with pytest.raises(RuleBroken, match="described already"):
        keeping.table_of(kept.file)
    content = (DATA / "lloyds.csv").read_bytes().replace(b"60.00", b"61.00").replace(b"1084.50", b"1085.50")
    assert take_in("december.csv", content).new == 1


def test_a_file_that_does_not_say_whose_account_it_is_of_is_asked_for_it():
    kept = take_in("starling.csv")
    assert set(keeping.table_of(kept.file).asks) == {"account"}
    other = take_in("of-two.csv", (DATA / "starling.csv").read_bytes() + b"\n", account="Starling main")
    assert other.statements[0].account == "STARLINGMAIN"
    assert other.statements[0].difference == 0


def test_days_that_can_be_read_in_two_ways_are_asked_for():
    rows = "Date,Amount,Currency,Account,Memo\n03/11/2026,5.00,EUR,X1,a\n04/11/2026,-5.00,EUR,X1,b\n"
    assert "day_order" in keeping.table_of(take_in("x.csv", rows.encode()).file).asks


def test_a_file_that_waits_can_be_discarded():
    kept = take_in("lloyds.csv")
    keeping.discard(kept.file)
    assert db.session.scalar(select(func.count(BankFile.id))) == 0


# -- bad files


def a_zip():
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("statement.xml", "0" * 10_000_000)
    return made.getvalue()


LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;">]>
<Document><BkToCstmrStmt><Stmt><Acct/><Id>&lol2;</Id></Stmt></BkToCstmrStmt></Document>"""
CAMT = (DATA / "camt.053.xml").read_bytes()
STA = (DATA / "mt940-german.sta").read_bytes()
OFX = (DATA / "ofx-1.ofx").read_bytes()
STRIPE = (DATA / "stripe-payouts-itemised.csv").read_bytes()
BAD = {
    "empty": (b"", "empty"),
    "blank": (b"\n\n\n", "lines|columns"),
    "not csv": (b"Dear customer, your statement is attached.", "no lines below"),
    "pdf": (b"%PDF-1.7 statement", "PDF"),
    "workbook": (b"\xd0\xcf\x11\xe0rest", "Excel"),
    "zip": (a_zip(), "ZIP"),
    "bomb": (gzip.compress(b"0" * 64 * 1024**2, 1), "32 MB"),
    "half a gzip": (gzip.compress(CAMT)[:-200], "damaged"),
    "10 MB line": (b"Date,Amount\n" + b"x" * 10_000_000, "longer than"),
    "10 MB line of MT940": (STA + b":86:" + b"x" * 10_000_000 + b"\n", "longer than"),
    "document type": (LAUGHS, "document type"),
    "document type in UTF-16": (LAUGHS.decode().encode("utf-16"), "document type|XML"),
    "outside entity": (
        b'<!DOCTYPE d SYSTEM "http://localhost:1/x"><Document><BkToCstmrStmt/></Document>',
        "document type",
    ),
    "half a CAMT": (CAMT[: len(CAMT) // 2], "damaged"),
    "no statement": (b"<Document><BkToCstmrStmt></BkToCstmrStmt></Document>", "no bank statement"),
    "CAMT of a bad amount": (
        CAMT.replace(b">24.50<", b">NaN<").replace(b">1224.50<", b">1e999999<"),
        "amount",
    ),
    "CAMT of a bad day": (CAMT.replace(b"<BookgDt><Dt>2026-11-05", b"<BookgDt><Dt>2026-13-05"), "day|booked"),
    "CAMT of too many decimals": (CAMT.replace(b">13.90<", b">13.901<"), "decimals"),
    "CAMT too large": (CAMT.replace(b">13.90<", b">13900000000.00<"), "or more"),
    "half a CAMT in the middle of a word": (CAMT[:3000], "damaged"),
    "MT940 without balance": (
        b":20:X\n:25:1/2\n:61:2611031103C24,50NTRFNONREF\n:86:x\n",
        "balance|as such files",
    ),
    "MT940 with a bad line": (
        STA.replace(b":61:2611041104DR32,50", b":61:26XX041104DR32,50"),
        "as such files",
    ),
    "half an OFX": (OFX[: len(OFX) // 2], "to its end"),
    "OFX without statement": (
        OFX.replace(b"STMTRS", b"XXXX").replace(b"STMTTRN", b"YYY"),
        "to its end|no statement",
    ),
    "Stripe's that does not add up": (STRIPE.replace(b"0.62,23.88", b"0.62,23.87"), "Line 2"),
    "formulas": (
        b'Date,Amount,Currency,Account\n2026-11-03,"=1+1",EUR,X1\n2026-11-04,-1.00,EUR,X1\n',
        "Line 2",
    ),
    "bad dates": (
        b"Date,Amount,Currency,Account\n2026-11-03,-1.00,EUR,X1\n2026-11-99,1.00,EUR,X1\n",
        "2026-11-99",
    ),
    "unknown currency": (b"Date,Amount,Currency,Account\n2026-11-03,-1.00,EURO,X1\n", "EURO"),
    "wrong encoding": (b"\x00\x01\x02\xff" * 200, "control|no text|CSV"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_file_gets_a_sentence_and_changes_nothing(what):
    content, words = BAD[what]
    with pytest.raises(Invalid, match=words):
        take_in("bad", content)
    db.session.rollback()
    for model in (BankFile, BankStatement, BankLine):
        assert db.session.scalar(select(func.count(model.id))) == 0


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8", "utf-8-sig", "utf-16"])
def test_a_csv_is_read_in_whatever_letters_it_is_written(encoding):
    text = (DATA / "ing-umsatzanzeige.csv").read_bytes().decode("cp1252")
    lines = lines_of(take_in("x.csv", text.encode(encoding)))
    assert lines[0].name == "Müller & Söhne OHG"


def test_a_packed_statement_is_unpacked():
    assert take_in("camt.053.xml.gz", gzip.compress(CAMT)).new == 5


@pytest.mark.parametrize(
    ("text", "decimal"), [("1,200.00", ","), ("1.50", ","), ("1,50", "."), ("1.200,00", "."), ("1.2345", ",")]
)
def test_an_amount_with_the_other_decimal_sign_is_refused_and_never_read_as_another(text, decimal):
    with pytest.raises(Bad):
        read_amount(text, decimal)


@pytest.mark.parametrize(
    ("text", "decimal", "amount"),
    [("1.200,00", ",", "1200"), ("12,34,567.00", ".", "1234567"), ("1.200", ",", "1200"), (",5", ",", "0.5")],
)
def test_signs_that_set_thousands_apart_are_left_out(text, decimal, amount):
    assert read_amount(text, decimal) == Decimal(amount)


def test_what_is_below_zero_among_what_was_paid_in_was_taken_back():
    head = "Date,Name,Transaction ID,Paid in,Paid out,Currency,Own account\n"
    rows = f"2026-11-19,A,T-1,-5.00,,EUR,{IBAN}\n2026-11-19,B,T-2,,-7.00,EUR,{IBAN}\n"
    kept = take_in("below.csv", (head + rows).encode())
    assert [line.amount for line in lines_of(kept)] == [-5, -7]


@pytest.mark.parametrize(
    ("amount", "currency", "said"),
    [
        ("99999999999999", "EUR", "A balance is of 1,000,000,000,000 EUR or more. That cannot be kept."),
        ("1.123456", "EUR", "A balance is of 1.123456 EUR: EUR has 2 decimals at most."),
        ("1.00", "ZZZ", "The currency of a statement is ZZZ: that is none that is known."),
    ],
)
def test_a_balance_or_a_currency_that_cannot_be_kept_gets_a_sentence(amount, currency, said):
    content = (
        f"<Document><BkToCstmrStmt><Stmt><Acct><Id><IBAN>{IBAN}</IBAN></Id><Ccy>{currency}</Ccy></Acct>"
        f'<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="{currency}">{amount}</Amt>'
        f'<CdtDbtInd>CRDT</CdtDbtInd></Bal><Ntry><Amt Ccy="{currency}">1.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>'
        "<BookgDt><Dt>2026-11-01</Dt></BookgDt></Ntry></Stmt></BkToCstmrStmt></Document>"
    )
    with pytest.raises(Invalid) as refusal:
        take_in("x.xml", content.encode())
    assert refusal.value.sentence == said
