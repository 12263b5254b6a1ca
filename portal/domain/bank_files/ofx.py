"""OFX, version 1 (SGML) and 2 (XML), and Quicken's QFX. It is cut into tags, so nothing in it is ever followed."""

import re
from contextlib import suppress
from datetime import date
from html import unescape
from io import BytesIO
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from portal.domain.bank_files.amounts import read_amount
from portal.domain.bank_files.statement import Kind, Line, Statement
from portal.domain.bank_files.words import kind_of, method_of
from portal.domain.csv_files.cells import Bad
from portal.domain.errors import Invalid

DAMAGED = "This looks like an OFX file, but cannot be read to its end. Export the statement again."
NO_STATEMENT = "This OFX file holds no statement of a bank account."
DAY = re.compile(r"(\d{4})(\d\d)(\d\d)", re.ASCII)


def is_ofx(begin: str) -> bool:
    """Whether a text begins as such a file does."""
    return "OFXHEADER" in begin[:2_000].upper() or "<OFX>" in begin[:4_000].upper()


def read_ofx(content: bytes) -> list[Statement]:
    """The statements of a file. Invalid, with a sentence, where it cannot be read."""
    # Here: every process of the portal would take a sixth longer to start, for a file that few of them ever read.
    from ofxtools.header import OFXHeaderError
    from ofxtools.Parser import OFXTree

    try:
        root: Any = OFXTree().parse(BytesIO(content))
    except (ParseError, OFXHeaderError, ValueError, AssertionError, LookupError, TypeError, AttributeError):
        raise Invalid("file", DAMAGED) from None
    if root is None or not _is_whole(content, sum(1 for _ in root.iter("STMTTRN"))):
        raise Invalid("file", DAMAGED)
    found = [*root.iter("STMTRS"), *root.iter("CCSTMTRS")]
    if not found:
        raise Invalid("file", NO_STATEMENT)
    return [_statement(one) for one in found]


def _is_whole(content: bytes, count: int) -> bool:
    """Whether a file has its end, and every transaction of it was read."""
    plain = content.replace(b"\0", b"")
    return b"</OFX>" in plain and plain.count(b"<STMTTRN>") == count


def _statement(node: Element) -> Statement:
    account = _of(node, "BANKACCTFROM/ACCTID") or _of(node, "CCACCTFROM/ACCTID")
    bank = _of(node, "BANKACCTFROM/BANKID")
    closing = None
    with suppress(Bad):
        closing = read_amount(_of(node, "LEDGERBAL/BALAMT"))
    return Statement(
        f"{bank}/{account}" if bank else account,
        _of(node, "CURDEF").upper(),
        tuple(_line(one) for one in node.iter("STMTTRN")),
        closing=closing,
    )


def _line(node: Element) -> Line:
    try:
        amount = read_amount(_of(node, "TRNAMT"))
    except Bad as error:
        raise Invalid("file", f"A transaction has no amount that can be read. {error}") from None
    type_, name = _of(node, "TRNTYPE").upper(), _of(node, "NAME") or _of(node, "PAYEE/NAME")
    memo = _of(node, "MEMO")
    kind = kind_of(amount, f"{name} {memo}" if amount < 0 else "", name)
    if amount < 0 and type_ in ("FEE", "SRVCHG") and kind != Kind.RETURN:
        kind = Kind.FEE
    method = {"CHECK": "cheque", "DIRECTDEBIT": "direct_debit", "CASH": "cash"}.get(type_)
    return Line(
        booked_on=_day(_of(node, "DTPOSTED")),
        amount=amount,
        kind=kind,
        name=name,
        account=_of(node, "BANKACCTTO/ACCTID"),
        text=memo or name,
        bank_reference=_of(node, "FITID"),
        references=tuple(filter(None, (_of(node, "REFNUM"), _of(node, "CHECKNUM")))),
        method=method or method_of(f"{name} {memo}" if kind == Kind.RETURN else ""),
    )


def _day(text: str) -> date:
    """The day as the bank writes it, in its own zone."""
    found = DAY.match(text)
    try:
        if found:
            return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        pass
    raise Invalid("file", "A transaction has no day on which it was posted.")


def _of(node: Element, path: str) -> str:
    return unescape(node.findtext(path) or "").strip()
