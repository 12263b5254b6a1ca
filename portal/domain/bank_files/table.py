"""The lines of a statement in CSV, by its layout. A row that cannot be read spoils the file: a statement is whole."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import pairwise

from portal.domain.bank_files.amounts import read_amount
from portal.domain.bank_files.layout import NOT_BOOKED, BankLayout
from portal.domain.bank_files.statement import ZERO, Kind, Line, Statement, compact
from portal.domain.bank_files.words import kind_of, method_of
from portal.domain.csv_files.cells import Bad, is_nothing, short
from portal.domain.csv_files.dates import EitherOrder, read_day
from portal.domain.currencies import CURRENCIES
from portal.domain.errors import Invalid
from portal.domain.wording import plural

# So many bad lines are named; the others are counted.
NAMED = 5
INWARDS = frozenset({"c", "cr", "credit", "h", "haben", "in", "bij", "+", "paid in"})
OUTWARDS = frozenset({"d", "dr", "debit", "s", "soll", "out", "af", "-", "paid out"})
SIGNS = {"£": "GBP", "€": "EUR", "$": "USD"}


@dataclass(frozen=True, slots=True)
class Read:
    """A row that was read: its line, whose account and which currency it names, and the balance after it."""

    line: Line
    account: str
    currency: str
    balance: Decimal | None


def read_rows(rows: Iterable[tuple[int, Sequence[str]]], layout: BankLayout, account: str) -> list[Statement]:
    """The statements of a file, one for each account and currency. `account` is that of a file that names none.

    A row without a day and without an amount is a total and is passed over, as what is not booked is. Invalid, naming
    the first bad lines with their reasons, where one cannot be read.
    """
    found: list[Read] = []
    bad: list[str] = []
    passed_over = 0
    for place, cells in rows:
        says = {name: cells[at].strip() for name, at in layout.columns.items() if at < len(cells)}
        if _is_none(says):
            passed_over += 1
            continue
        try:
            found.append(_read(says, layout, account))
        except Bad as error:
            bad.append(f"Line {place}: {error}")
    if bad:
        more = f" And {plural(len(bad) - NAMED, 'more line')}." if len(bad) > NAMED else ""
        raise Invalid("file", "Nothing was imported. " + " ".join(bad[:NAMED]) + more)
    grouped: dict[tuple[str, str], list[Read]] = {}
    for one in found:
        grouped.setdefault((one.account, one.currency), []).append(one)
    statements = [_statement(of_whom, read) for of_whom, read in grouped.items()]
    return [replace(statements[0], passed_over=passed_over), *statements[1:]] if statements else []


def _is_none(says: dict[str, str]) -> bool:
    """Whether a row is no line: a total, or not booked."""
    if says.get("state", "").casefold() in NOT_BOOKED:
        return True
    has_amount = any(not is_nothing(says.get(name, "")) for name in ("amount", "paid_in", "paid_out"))
    return is_nothing(says.get("booked_on", "")) or not has_amount


def _read(says: dict[str, str], layout: BankLayout, account: str) -> Read:
    amount = _amount(says, layout)
    said, name = says.get("type", ""), says.get("name", "")
    text = says.get("text", "")
    balance = says.get("balance", "")
    own = compact(says.get("own_account", "")) or account
    # A bank without a column for the kind says it in the text.
    kind = kind_of(amount, said if layout["type"] is not None else text, name or text)
    line = Line(
        booked_on=_day(says.get("booked_on", ""), layout),
        amount=amount,
        kind=kind,
        name=name or (text if layout["name"] is None else ""),
        account="" if compact(says.get("account", "")) == own else says.get("account", ""),
        text=text or said,
        email=says.get("email", ""),
        bank_reference=says.get("bank_reference", ""),
        references=tuple(filter(None, (says.get("reference", ""),))),
        method=method_of(said),
        returned=_returned(says, layout, amount) if kind == Kind.RETURN else None,
    )
    return Read(
        line,
        own,
        _currency(says, layout),
        None if is_nothing(balance) else read_amount(balance, layout.decimal),
    )


def _returned(says: dict[str, str], layout: BankLayout, amount: Decimal) -> Decimal | None:
    """What came back, where the amount holds the bank's fee as well."""
    text = says.get("original", "")
    original = ZERO if is_nothing(text) else abs(read_amount(text, layout.decimal))
    return original if ZERO < original < abs(amount) else None


def _day(text: str, layout: BankLayout) -> date:
    try:
        return read_day(text, layout.day_order)
    except EitherOrder:
        raise Bad(f"{short(text)} is not clear: the day or the month may be first.") from None
    except ValueError:
        raise Bad(f"{short(text)} is not a date.") from None


def _amount(says: dict[str, str], layout: BankLayout) -> Decimal:
    if not is_nothing(says.get("amount", "")):
        amount = read_amount(says["amount"], layout.decimal)
        direction = says.get("direction", "").casefold()
        if direction and layout["direction"] is not None:
            if direction not in INWARDS | OUTWARDS:
                raise Bad(f"{short(says['direction'])} says neither in nor out.")
            return abs(amount) if direction in INWARDS else -abs(amount)
        return amount
    paid_in, paid_out = (
        ZERO if is_nothing(says.get(name, "")) else read_amount(says[name], layout.decimal)
        for name in ("paid_in", "paid_out")
    )
    # Many banks write what was paid out below zero; what was paid in is below zero only where it was taken back.
    return paid_in - abs(paid_out)


def _currency(says: dict[str, str], layout: BankLayout) -> str:
    said = says.get("currency", "")
    code = SIGNS.get(said, said.upper()) or layout.currency_of_all
    if code not in CURRENCIES:
        raise Bad(f"Currency is {short(said) or 'missing'}: it must be three letters, such as EUR.")
    return code


def _statement(of_whom: tuple[str, str], read: list[Read]) -> Statement:
    """The first day first, with the balances before the first line and after the last, where each line has one."""
    if _is_backwards(read):
        read = read[::-1]
    opening = closing = None
    if all(one.balance is not None for one in read):
        first, last = read[0], read[-1]
        assert first.balance is not None and last.balance is not None
        opening, closing = first.balance - first.line.amount, last.balance
    return Statement(*of_whom, tuple(one.line for one in read), opening, closing)


def _is_backwards(read: list[Read]) -> bool:
    """Whether the latest line is first: as most of the balances say, or else the days."""
    forwards = backwards = 0
    for one, other in pairwise(read):
        if one.balance is not None and other.balance is not None:
            forwards += one.balance + other.line.amount == other.balance
            backwards += other.balance + one.line.amount == one.balance
    if forwards != backwards:
        return backwards > forwards
    return read[0].line.booked_on > read[-1].line.booked_on
