"""Stripe's itemised payout report: a statement for each payout, of what was collected, less refunds and fees."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from portal.domain.bank_files.amounts import read_amount
from portal.domain.bank_files.statement import ZERO, Kind, Line, Statement
from portal.domain.csv_files.cells import Bad
from portal.domain.csv_files.dates import read_day
from portal.domain.csv_files.heading import plain_name
from portal.domain.currencies import CURRENCIES
from portal.domain.errors import Invalid

ACCOUNT = "STRIPE"
NEEDED = ("balance_transaction_id", "gross", "fee", "net", "reporting_category", "currency")
DAYS = ("created", "created_utc", "available_on", "available_on_utc")
PAYOUTS = ("automatic_payout_id", "payout_id")
# What a row is, by Stripe's reporting category; what is not named here is money in or out, by its sign.
KINDS = {
    "charge": Kind.IN,
    "refund": Kind.OUT,
    "partial_capture_reversal": Kind.OUT,
    "dispute": Kind.RETURN,
    "charge_failure": Kind.RETURN,
    "fee": Kind.FEE,
    "network_cost": Kind.FEE,
    "tax": Kind.FEE,
    "payout": Kind.PAYOUT,
    "payout_reversal": Kind.PAYOUT,
    "payout_minimum_balance_hold": Kind.PAYOUT,
    "payout_minimum_balance_release": Kind.PAYOUT,
    "transfer": Kind.PAYOUT,
    "topup": Kind.PAYOUT,
}
METHODS = {
    "sepa_debit": "direct_debit",
    "bacs_debit": "direct_debit",
    "au_becs_debit": "direct_debit",
    "acss_debit": "direct_debit",
    "us_bank_account": "direct_debit",
    "customer_balance": "bank_transfer",
    "sepa_credit_transfer": "bank_transfer",
}
BAD = "Nothing was imported. Line {}: {}"


def names_stripe(row: Sequence[str]) -> bool:
    """Whether a line names the columns of such a report."""
    plain = {plain_name(cell) for cell in row}
    return all(plain_name(name) in plain for name in NEEDED)


def read_stripe(head: Sequence[str], rows: Iterable[tuple[int, Sequence[str]]]) -> list[Statement]:
    """The statements of a report, one for each payout and currency. Invalid names the line that cannot be read.

    A charge is its gross amount; what Stripe has kept of all of a payout is one line of fees. They come to what was
    paid out, which is known where the payout is a row itself.
    """
    places = {plain_name(cell): place for place, cell in reversed(list(enumerate(head)))}
    grouped: dict[tuple[str, str], list[tuple[Line, Decimal]]] = {}
    for place, cells in rows:
        says = {name: cells[at].strip() for name, at in places.items() if at < len(cells)}
        try:
            payout, currency, line, net = _read(says)
        except Bad as error:
            raise Invalid("file", BAD.format(place, error)) from None
        grouped.setdefault((payout, currency), []).append((line, net))
    return [_statement(payout, currency, found) for (payout, currency), found in grouped.items()]


def _read(says: dict[str, str]) -> tuple[str, str, Line, Decimal]:
    gross, fee, net = (read_amount(says.get(name, ""), ".") for name in ("gross", "fee", "net"))
    if gross - fee != net:
        raise Bad(f"the gross amount {says['gross']} less the fee {says['fee']} is not {says['net']}.")
    currency = says.get("currency", "").upper()
    if currency not in CURRENCIES:
        raise Bad(f"the currency {currency or '(none)'} is not known.")
    category = says.get("reportingcategory", "").casefold()
    kind = KINDS.get(category, Kind.IN if gross > 0 else Kind.OUT)
    payout = next(filter(None, (says.get(plain_name(name), "") for name in PAYOUTS)), "")
    name = next(filter(None, (says.get(one, "") for one in ("customername", "cardname", "shippingname"))), "")
    ids = (says.get(one, "") for one in ("invoicenumber", "chargeid", "paymentintentid", "sourceid"))
    line = Line(
        booked_on=_day(says),
        amount=gross,
        kind=kind,
        name=name,
        account=says.get("customerid", ""),
        text=says.get("description", "") or category.replace("_", " "),
        email=next(filter(None, (says.get(one, "") for one in ("customeremail", "receiptemail"))), ""),
        bank_reference=says.get("balancetransactionid", ""),
        references=tuple(filter(None, ids)),
        method=METHODS.get(says.get("paymentmethodtype", "").casefold(), "card"),
        fee=fee if gross > 0 and fee > 0 else ZERO,
    )
    return payout, currency, line, net


def _statement(payout: str, currency: str, found: list[tuple[Line, Decimal]]) -> Statement:
    lines = [line for line, _ in found if line.amount or line.kind != Kind.FEE]
    fees = sum((line.amount - net for line, net in found), ZERO)
    if fees:
        last = max(line.booked_on for line, _ in found)
        text = f"Fees of {payout or 'these transactions'}"
        reference = f"{payout or found[-1][0].bank_reference}-fees"
        lines.append(
            Line(last, -fees, Kind.FEE, "Stripe", text=text, bank_reference=reference, method="other")
        )
    paid_out = any(line.kind == Kind.PAYOUT and line.bank_reference for line in lines)
    return Statement(
        ACCOUNT, currency, tuple(lines), ZERO if paid_out else None, ZERO if paid_out else None, payout
    )


def _day(says: dict[str, str]) -> date:
    for name in DAYS:
        if text := says.get(plain_name(name), ""):
            try:
                return read_day(text)
            except ValueError:
                raise Bad(f"{text[:40]} is not a date.") from None
    raise Bad("it has no day. Export the report with the column created.")
