"""MT940: statements as SWIFT has them, and as German banks fill them."""

import io
import re
from datetime import date
from decimal import Decimal
from typing import Any

import mt940

from portal.domain.bank_files.statement import Kind, Line, Statement
from portal.domain.bank_files.words import kind_of, method_of
from portal.domain.errors import Invalid

BEGINS = re.compile(r"^(?:\{[^\n]*\})?:20:", re.MULTILINE)
HOLDS = re.compile(r"^:(?:60[FM]|61|62[FM]):", re.MULTILINE)
DAMAGED = "This looks like an MT940 file, but cannot be read: {}. Export the statement again."
NONE_OF = "a line of it is not as such files have them"


def is_mt940(begin: str) -> bool:
    """Whether a text begins as such a file does."""
    return bool(BEGINS.search(begin) and HOLDS.search(begin))


def read_mt940(text: str) -> list[Statement]:
    """The statements of a file. Invalid, with a sentence, where it cannot be read."""
    plain = re.sub(r"(?m)^\{[^\n]*\}(?=:20:)", "", text)
    try:
        # What is read from a stream is never taken for the name of a file.
        found = mt940.parse_statements(io.StringIO(plain), options=mt940.Options.all())
    except (
        RuntimeError,
        ValueError,
        ArithmeticError,
        LookupError,
        TypeError,
        AttributeError,
        AssertionError,
    ):
        raise Invalid("file", DAMAGED.format(NONE_OF)) from None
    statements = [_statement(one) for one in found]
    if sum(len(one.lines) for one in statements) != len(re.findall(r"(?m)^:61:", plain)):
        raise Invalid("file", DAMAGED.format(NONE_OF))
    return statements


def _statement(found: Any) -> Statement:
    data = found.data
    opening = data.get("final_opening_balance") or data.get("intermediate_opening_balance")
    closing = data.get("final_closing_balance") or data.get("intermediate_closing_balance")
    if opening is None and closing is None:
        raise Invalid("file", DAMAGED.format("a statement has no balance"))
    currency = str((opening or closing).amount.currency)
    number = [data.get("statement_number"), data.get("sequence_number")]
    return Statement(
        str(data.get("account_identification") or ""),
        currency,
        tuple(_line(one.data) for one in found),
        _amount(opening),
        _amount(closing),
        "/".join(str(part) for part in number if part),
    )


def _amount(balance: Any) -> Decimal | None:
    return None if balance is None else Decimal(balance.amount.amount)


def _line(data: dict[str, Any]) -> Line:
    amount = Decimal(data["amount"].amount)
    code, posting = str(data.get("transaction_code") or ""), _of(data, "posting_text")
    swift = str(data.get("id") or "")[1:]
    said = " ".join(filter(None, (posting, _of(data, "extra_details"))))
    name = _of(data, "applicant_name")
    kind = kind_of(amount, said, name, code or swift)
    if swift in ("RTI", "CHG") and amount < 0:
        kind = Kind.RETURN if swift == "RTI" else Kind.FEE
    if str(data.get("status") or "").upper() == "RC":  # a credit that is reversed
        kind = Kind.RETURN
    text = [
        _of(data, part)
        for part in ("purpose", "additional_purpose", "transaction_details", "return_debit_notes")
    ]
    day = data.get("entry_date") or data["date"]
    references = ("end_to_end_reference", "customer_reference", "additional_position_reference")
    original = data.get("original_amount")
    return Line(
        booked_on=date(day.year, day.month, day.day),
        amount=amount,
        kind=kind,
        name=name,
        account=_of(data, "applicant_iban") or _of(data, "gvc_applicant_iban"),
        text=" ".join(filter(None, text)) or said,
        bank_reference=_of(data, "bank_reference"),
        references=tuple(filter(None, (_of(data, one) for one in references))),
        method=method_of(said, code or swift),
        returned=_original(original, amount) if kind == Kind.RETURN else None,
    )


def _original(said: Any, amount: Decimal) -> Decimal | None:
    """What came back, where the bank names it beside its fee: OAMT+29,50."""
    found = re.fullmatch(r"\D*(\d{1,12})(?:[.,](\d{1,3}))?\D*", str(said or ""))
    value = Decimal(f"{found[1]}.{found[2] or 0}") if found else None
    return value if value and value < abs(amount) else None


def _of(data: dict[str, Any], name: str) -> str:
    return str(data.get(name) or "").strip()
