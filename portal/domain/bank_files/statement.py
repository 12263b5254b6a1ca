"""A statement of an account: its lines, its balances, and what a line is known by (billing-rules 13)."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256

from portal.domain.currencies import CURRENCIES
from portal.domain.errors import Invalid
from portal.domain.money import AMOUNT_BELOW, fits
from portal.domain.schedule import FIRST_DAY, LAST_DAY
from portal.domain.wording import day, decimals, digits, plural, whole

ZERO = Decimal(0)
# What can be kept of a balance.
BALANCE_BELOW = 1_000_000_000_000
LINES_MAX = 100_000
# Of a name, an address, an account; a text may be longer.
SHORT, LONG = 250, 4_000
NOT_SEEN = re.compile(r"[\x00-\x1f\x7f\ufeff\ud800-\udfff]+")
# As CSV files are refused, other files are, too.
NOTHING_IN_IT = "There is no line in this statement."


class Kind(StrEnum):
    """What a line is, as the bank says it."""

    IN = "in"
    OUT = "out"
    # A payment that came back: a direct debit that was not honoured, a payment that was disputed.
    RETURN = "return"
    FEE = "fee"
    # Several payments that came in as one, of which the bank does not say how much each is.
    BATCH = "batch"
    # What a collecting service (Stripe) has paid out: its payments are in a report of its own.
    PAYOUT = "payout"


@dataclass(frozen=True, slots=True)
class Line:
    """One line: `amount` above zero came in. `account`, `name` and `email` are those of the other side.

    `bank_reference` is the bank's own of the transaction, `references` are what else was given to it. `method` is how
    the money came, as payments say it. `fee` is what a collecting service has kept of it. `returned` is what came
    back, where the amount of a return holds the bank's fee as well.
    """

    booked_on: date
    amount: Decimal
    kind: Kind = Kind.IN
    name: str = ""
    account: str = ""
    text: str = ""
    email: str = ""
    bank_reference: str = ""
    references: tuple[str, ...] = ()
    method: str = "bank_transfer"
    fee: Decimal = ZERO
    returned: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of one account in one currency. A balance is None where the file does not say it.

    `passed_over` counts lines of the file that are not booked yet, and totals.
    """

    account: str
    currency: str
    lines: tuple[Line, ...]
    opening: Decimal | None = None
    closing: Decimal | None = None
    number: str = ""
    passed_over: int = 0

    @property
    def total(self) -> Decimal:
        """What the lines come to."""
        return sum((line.amount for line in self.lines), ZERO)

    @property
    def difference(self) -> Decimal | None:
        """By how much the closing balance is more than opening balance and lines; None where one is not known."""
        if self.opening is None or self.closing is None:
            return None
        return self.closing - self.opening - self.total


def tidy(text: str | None, most: int = LONG) -> str:
    """What a file says, in one line, without letters that are not seen."""
    plain = " ".join(NOT_SEEN.sub(" ", text or "").split())
    return plain if len(plain) <= most else plain[: most - 1] + "…"


def compact(account: str | None) -> str:
    """An account as accounts are told apart: in capitals, without spaces."""
    return tidy("".join((account or "").split()), SHORT).upper()


def is_reference(text: str) -> bool:
    """Whether a bank's reference tells one transaction from another: words such as NONREF have no figure."""
    return any(letter.isdigit() for letter in text)


def checked(statements: Sequence[Statement]) -> list[Statement]:
    """Statements whose every line can be kept, its texts in one line. Invalid where one cannot."""
    if not any(statement.lines for statement in statements):
        raise Invalid("file", NOTHING_IN_IT)
    if sum(len(statement.lines) for statement in statements) > LINES_MAX:
        raise Invalid("file", f"There are more than {plural(LINES_MAX, 'line')} in this file. Split it.")
    for statement in statements:
        if statement.currency not in CURRENCIES:
            said = tidy(statement.currency, 20) or "missing"
            raise Invalid("file", f"The currency of a statement is {said}: that is none that is known.")
        for balance in (statement.opening, statement.closing):
            _check_amount("A balance", balance, statement.currency, BALANCE_BELOW)
    return [
        replace(
            statement,
            account=compact(statement.account),
            number=tidy(statement.number, SHORT),
            lines=tuple(_checked(line, statement.currency) for line in statement.lines),
        )
        for statement in statements
    ]


def _checked(line: Line, currency: str) -> Line:
    if not FIRST_DAY <= line.booked_on <= LAST_DAY:
        raise Invalid("file", f"A line is dated {day(line.booked_on)}. That cannot be.")
    for amount in (line.amount, line.fee, line.returned):
        _check_amount("A line", amount, currency)
    reference = tidy(line.bank_reference, 140)
    return replace(
        line,
        name=tidy(line.name, SHORT),
        account=compact(line.account),
        text=tidy(line.text),
        email=tidy(line.email, 254).lower(),
        bank_reference=reference if is_reference(reference) else "",
        references=tuple(dict.fromkeys(filter(None, (tidy(one, 140) for one in line.references)))),
    )


def _check_amount(
    what: str, amount: Decimal | None, currency: str, below: Decimal | int = AMOUNT_BELOW
) -> None:
    """Invalid where an amount, or a balance, is too large or too fine to be kept."""
    if amount is None:
        return
    if abs(amount) >= below:
        raise Invalid("file", f"{what} is of {whole(int(below))} {currency} or more. That cannot be kept.")
    if not fits(amount, currency):
        raise Invalid(
            "file", f"{what} is of {digits(amount)} {currency}: {currency} has {decimals(currency)} at most."
        )


def keys(statements: Sequence[Statement]) -> list[list[str]]:
    """What each line is known by, for each statement of a file: the same in statements that overlap.

    By the bank's reference, else by text and other side; always with account, day and amount, since some banks give
    the same reference again, and by which it is among those that are alike.
    """
    alike: Counter[tuple[str, ...]] = Counter()
    found = []
    for statement in statements:
        of_statement = []
        for line in statement.lines:
            tells = (
                ("ref", line.bank_reference)
                if line.bank_reference
                else ("", line.text, line.name, line.account)
            )
            said = (
                statement.account,
                statement.currency,
                line.booked_on.isoformat(),
                digits(line.amount),
                *tells,
            )
            of_statement.append(sha256(repr((*said, alike[said])).encode()).hexdigest())
            alike[said] += 1
        found.append(of_statement)
    return found
