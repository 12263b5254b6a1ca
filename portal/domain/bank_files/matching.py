"""Whose a line is: what speaks for it, from the certain to the likely, and which charges it pays (billing-rules 13).

Nothing is booked by this. What can mean two customers means neither of them for certain.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from portal.domain.bank_files.naming import numbers_in, payer_key, payer_name
from portal.domain.bank_files.statement import Kind, Line

ZERO = Decimal(0)
# What can be one payment of one customer.
EXACT = (Kind.IN, Kind.PAYOUT)


class Reason(StrEnum):
    """What speaks for a customer, the most certain first."""

    REFERENCE = "reference"
    ACCOUNT = "account"
    EMAIL = "email"
    NAME = "name"
    NAME_AND_AMOUNT = "name_and_amount"


@dataclass(frozen=True, slots=True)
class Open:
    """A charge of which something is left to pay."""

    charge_id: int
    left: Decimal


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of those whom some lines can speak of.

    `numbers` are the customers whose payment references stand in the lines, whether or not they can be proposed;
    `proposable` are customers of the statement's currency who are not archived. `payers` says who was chosen before
    for an account, an e-mail, a name (`payer_key`); `accounts`, `emails` and `names` are those of the customers
    themselves. `open` has what each has to pay, what is due first before.
    """

    numbers: Collection[int] = frozenset()
    proposable: Collection[int] = frozenset()
    payers: Mapping[str, Collection[int]] = field(default_factory=dict)
    accounts: Mapping[str, Collection[int]] = field(default_factory=dict)
    emails: Mapping[str, Collection[int]] = field(default_factory=dict)
    names: Mapping[str, Collection[int]] = field(default_factory=dict)
    open: Mapping[int, Sequence[Open]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Match:
    """A customer, and what speaks for them. `is_exact`: by a payment reference, and there is no other in the line."""

    customer_id: int
    reason: Reason
    is_exact: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """All who may be meant, the most certain first; `best` is who is proposed, None where nobody is more likely.

    `of_others` are those whose reference stands in the line and who cannot be proposed.
    """

    matches: tuple[Match, ...] = ()
    best: Match | None = None
    of_others: tuple[int, ...] = ()


def texts_of(line: Line) -> tuple[str, ...]:
    """Where a payment reference can stand."""
    return (line.text, *line.references, line.bank_reference)


def find(line: Line, known: Known) -> Found:
    """Who may be meant by a line."""
    named = numbers_in(texts_of(line)) & set(known.numbers)
    others = tuple(sorted(named - set(known.proposable)))
    levels = [
        (Reason.REFERENCE, named),
        (Reason.ACCOUNT, _by_account(line, known)),
        (Reason.EMAIL, _by_email(line, known)),
        (Reason.NAME, _by_name_before(line, known)),
        (Reason.NAME_AND_AMOUNT, _by_name_and_amount(line, known)),
    ]
    matches: dict[int, Match] = {}
    best: Match | None = None
    is_open = True
    for reason, found in levels:
        can_be = sorted(set(found) & set(known.proposable))
        is_exact = reason == Reason.REFERENCE and len(found) == 1
        for customer_id in can_be:
            matches.setdefault(customer_id, Match(customer_id, reason, is_exact))
        if is_open and len(can_be) == 1:
            best = matches[can_be[0]]
        # References of two customers: nothing less certain decides between them.
        is_open = is_open and best is None and not (reason == Reason.REFERENCE and len(found) > 1)
    return Found(tuple(matches.values()), best, others)


def _by_account(line: Line, known: Known) -> set[int]:
    if not line.account:
        return set()
    seen = known.payers.get(payer_key(line.account, "", ""), ())
    return set(seen or known.accounts.get(line.account, ()))


def _by_email(line: Line, known: Known) -> set[int]:
    if not line.email:
        return set()
    seen = known.payers.get(payer_key("", line.email, ""), ())
    return set(seen or known.emails.get(line.email, ()))


def _by_name_before(line: Line, known: Known) -> set[int]:
    """Who was chosen before for a name; not where an account or an e-mail tells payers of one name apart."""
    if line.account or line.email or not line.name:
        return set()
    return set(known.payers.get(payer_key("", "", line.name), ()))


def _by_name_and_amount(line: Line, known: Known) -> set[int]:
    if line.amount <= 0:
        return set()
    same = known.names.get(payer_name(line.name), ()) if line.name else ()
    return {one for one in same if pays_exactly(line.amount, known.open.get(one, ())) is not None}


def pays_exactly(amount: Decimal, items: Sequence[Open]) -> dict[int, Decimal] | None:
    """The charges that an amount pays to the last penny; None where there are none.

    What is due first, as many as come to it; else the one charge that is just as much, the first due of several.
    """
    total, chosen = ZERO, dict[int, Decimal]()
    for item in items:
        total += item.left
        chosen[item.charge_id] = item.left
        if total == amount:
            return chosen
        if total > amount:
            break
    one = next((item for item in items if item.left == amount), None)
    return {one.charge_id: one.left} if one else None


def charges_for(amount: Decimal, items: Sequence[Open]) -> dict[int, Decimal]:
    """The charges proposed for a line, with how much of each: exactly, or else what is due first as far as it goes."""
    exact = pays_exactly(amount, items)
    if exact is not None:
        return exact
    rest, chosen = amount, dict[int, Decimal]()
    for item in items:
        if rest <= 0:
            break
        chosen[item.charge_id] = min(rest, item.left)
        rest -= chosen[item.charge_id]
    return chosen


def known_names(names: Iterable[tuple[int, str]]) -> dict[str, set[int]]:
    """Customers by the names of theirs, as payers are told apart."""
    found: dict[str, set[int]] = {}
    for customer_id, name in names:
        if plain := payer_name(name):
            found.setdefault(plain, set()).add(customer_id)
    return found


def can_be_exact(line: Line) -> bool:
    """Whether a line can be booked with all that are exact: money that came in."""
    return line.kind in EXACT and line.amount > 0
