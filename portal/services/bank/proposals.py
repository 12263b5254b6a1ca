"""What is proposed for lines: whose they are and which charges they pay, what came back, what to set aside; and why.

Nothing is booked by it. What is proposed is known by its `seal`: who accepts it accepts this and nothing else.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from portal.domain.bank_account import shown
from portal.domain.bank_files.matching import Found, Match, Reason, can_be_exact, charges_for, find
from portal.domain.bank_files.statement import Kind, is_reference
from portal.domain.bank_files.words import service_of
from portal.domain.bank_reference import reference_key
from portal.domain.check_digits import in_fours
from portal.domain.money import to_micros
from portal.domain.payment_reference import payment_reference
from portal.domain.wording import long_day, money_in
from portal.extensions import db
from portal.models import (
    BankBooking,
    BankLine,
    Charge,
    Customer,
    LineState,
    Payment,
    PaymentBack,
    PaymentMethod,
    PaymentState,
)
from portal.services.bank.payers import CHOSEN, Payers, as_line, payers_of
from portal.services.chunks import in_chunks

# A payment that was recorded by hand is looked for so many days before and after a line; one that came back, before it.
NEAR, LONG_AGO = timedelta(days=31), timedelta(days=430)
# So many payments are offered for a line.
OFFERED = 10
SPLIT_IT = "Several payments came in as one line, and the bank does not say how much each is. Split it."


class Act(StrEnum):
    """What is proposed to be done with a line."""

    PAY = "pay"
    # The payment is there already: somebody has recorded it.
    RECORDED = "recorded"
    CANCEL = "cancel"
    PAY_BACK = "pay_back"
    SET_ASIDE = "set_aside"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is proposed for a line, and why. `chosen` are the charges it pays, with how much of each.

    `payments` are those it may be or cancel, the likeliest first; `candidates` all who may be meant, with the reason.
    """

    line: BankLine
    act: Act = Act.NOTHING
    why: str = ""
    note: str = ""
    customer: Customer | None = None
    is_exact: bool = False
    chosen: dict[int, Decimal] = field(default_factory=dict)
    charges: tuple[Charge, ...] = ()
    payments: tuple[Payment, ...] = ()
    backs: tuple[PaymentBack, ...] = ()
    candidates: tuple[tuple[Customer, str], ...] = ()

    @property
    def seal(self) -> str:
        """The same as long as the same is proposed for the line as it stands."""
        first = [some[0].id for some in (self.payments, self.backs) if some]
        ids = (self.customer and self.customer.id, first)
        chosen = sorted((id, to_micros(amount)) for id, amount in self.chosen.items())
        return sha256(
            repr((self.line.id, self.line.version, self.act.value, ids, chosen)).encode()
        ).hexdigest()[:32]

    @property
    def rest(self) -> Decimal:
        """What no charge takes of a payment: it stays in the balance."""
        return self.line.amount - sum(self.chosen.values(), Decimal(0))


def propose(rows: Sequence[BankLine]) -> dict[int, Proposal]:
    """What is proposed for each of these lines that is open, by its id."""
    by_currency: dict[str, list[BankLine]] = defaultdict(list)
    for row in rows:
        if row.state == LineState.OPEN:
            by_currency[row.currency].append(row)
    made: dict[int, Proposal] = {}
    for currency, some in sorted(by_currency.items()):
        back = _that_came_back([row for row in some if row.kind == Kind.RETURN])
        also = (payment.customer_id for payments in back.values() for payment in payments)
        payers = payers_of(some, currency, also)
        found = {row.id: find(as_line(row), payers.known) for row in some}
        there = _there(some, found)
        backs = _paid_back([row for row in some if row.amount < 0], found)
        for row in some:
            made[row.id] = _proposed(row, found[row.id], payers, there, back, backs)
    return made


def _proposed(
    row: BankLine,
    found: Found,
    payers: Payers,
    there: dict[int, list[Payment]],
    back: dict[int, list[Payment]],
    backs: dict[int, list[PaymentBack]],
) -> Proposal:
    candidates = tuple((payers.customers[one.customer_id], _why(one, row)) for one in found.matches)
    note = " ".join(_not_theirs(payers.customers[id], row.currency) for id in found.of_others)
    whole = Proposal(row, note=note, candidates=candidates)
    if row.kind == Kind.BATCH:
        return _with(whole, note=SPLIT_IT)
    if row.kind == Kind.RETURN:
        return _came_back(whole, back.get(row.id, []), there.get(row.id, []))
    if row.amount < 0:
        return _went_out(whole, found, backs.get(row.id, []), payers)
    if row.kind == Kind.PAYOUT and (found.best is None or found.best.reason != Reason.REFERENCE):
        why = f"A payout of {service_of(row.name) or 'a service'}: its payments are in a report of its own."
        return _with(whole, act=Act.SET_ASIDE, why=why)
    if found.best is None:
        return whole
    return _paid(whole, found.best, payers, there.get(row.id, []))


def _paid(whole: Proposal, best: Match, payers: Payers, there: list[Payment]) -> Proposal:
    row, customer = whole.line, payers.customers[best.customer_id]
    why = _why(best, row)
    if recorded := [payment for payment in there if payment.customer_id == customer.id]:
        first = recorded[0]
        state = "is waiting" if first.state == PaymentState.PENDING else "was recorded"
        told = f"A payment of {money_in(first.amount, row.currency)}, {long_day(first.paid_on)}, {state} already."
        return _with(whole, act=Act.RECORDED, why=why, note=told, customer=customer, payments=tuple(recorded))
    chosen = charges_for(row.amount, payers.known.open.get(customer.id, ()))
    return _with(
        whole,
        act=Act.PAY,
        why=why,
        customer=customer,
        is_exact=best.is_exact and can_be_exact(as_line(row)),
        chosen=chosen,
        charges=tuple(payers.charges[id] for id in chosen),
    )


def _came_back(whole: Proposal, named: list[Payment], there: list[Payment]) -> Proposal:
    """A payment that came back: the one that the bank names, or one of the same amount by who may be meant."""
    row = whole.line
    came = row.returned or -row.amount
    fitting = [one for one in named if one.amount <= -row.amount]
    fitting.sort(key=lambda one: (one.amount != came, -one.paid_on.toordinal(), -one.id))
    fitting += [one for one in there if one not in fitting]
    if not fitting:
        return whole
    first = fitting[0]
    paid = f"{money_in(first.amount, row.currency)}, {long_day(first.paid_on)}"
    why = f"{first.customer.name}'s payment of {paid}, came back."
    return _with(whole, act=Act.CANCEL, why=why, customer=first.customer, payments=tuple(fitting[:OFFERED]))


def _went_out(whole: Proposal, found: Found, backs: list[PaymentBack], payers: Payers) -> Proposal:
    if backs:
        first = backs[0]
        amount = money_in(first.amount, whole.line.currency)
        why = f"{amount} was paid back to {first.customer.name}, {long_day(first.paid_on)}."
        return _with(whole, act=Act.RECORDED, why=why, customer=first.customer, backs=tuple(backs))
    if found.best is None:
        return whole
    customer = payers.customers[found.best.customer_id]
    return _with(whole, act=Act.PAY_BACK, why=_why(found.best, whole.line), customer=customer)


def _with(whole: Proposal, **more: object) -> Proposal:
    kept = {name: getattr(whole, name) for name in Proposal.__dataclass_fields__}
    if not more.get("note"):
        more.pop("note", None)
    return Proposal(**kept | more)


def _why(match: Match, row: BankLine) -> str:
    """What speaks for a customer, as a sentence."""
    match match.reason:
        case Reason.REFERENCE:
            return f"Payment reference {in_fours(payment_reference(match.customer_id))}."
        case Reason.ACCOUNT:
            return f"Account {shown(row.payer_account)} is known."
        case Reason.EMAIL:
            return f"E-mail {row.email}."
        case Reason.NAME:
            return "The same name was booked before."
        case Reason.NAME_AND_AMOUNT:
            return "Name, and the amount of what is open."


def _not_theirs(customer: Customer, currency: str) -> str:
    if customer.archived_on:
        return f"It names the payment reference of {customer.name}, who is archived."
    return f"It names the payment reference of {customer.name}, who pays in {customer.currency}, not in {currency}."


# -- payments that are there already


def _there(rows: Sequence[BankLine], found: dict[int, Found]) -> dict[int, list[Payment]]:
    """Payments of those who may be meant, of the line's amount, that no line was booked as; the nearest day first."""
    wanted = {one.customer_id for row in rows for one in found[row.id].matches}
    if not wanted:
        return {}
    latest = max(row.booked_on for row in rows)
    # One that came back may have been paid long ago.
    earliest = min(row.booked_on - (LONG_AGO if row.kind == Kind.RETURN else NEAR) for row in rows)
    payments: dict[tuple[int, Decimal], list[Payment]] = defaultdict(list)
    for some in in_chunks(sorted(wanted)):
        query = (
            select(Payment)
            .where(
                Payment.customer_id.in_(some), Payment.state != PaymentState.CANCELLED,
                Payment.paid_on.between(earliest, latest + NEAR), Payment.split_from_id.is_(None),
            )
            .options(joinedload(Payment.customer))
            .order_by(Payment.id)
        )  # fmt: skip
        for payment in db.session.scalars(query):
            payments[payment.customer_id, payment.amount].append(payment)
    tied = _tied(payment.id for some in payments.values() for payment in some)
    made: dict[int, list[Payment]] = {}
    for row in rows:
        amounts = {row.amount} if row.amount > 0 else {-row.amount, row.returned or -row.amount}
        mine = [
            payment
            for one in found[row.id].matches
            for amount in sorted(amounts)
            for payment in payments.get((one.customer_id, amount), ())
            if row.kind == Kind.RETURN
            or (payment.id not in tied and abs(payment.paid_on - row.booked_on) <= NEAR)
        ]
        made[row.id] = sorted(mine, key=lambda one: (abs(one.paid_on - row.booked_on), one.id))
    return made


def recorded_of(line: BankLine, customer: Customer) -> list[Payment]:
    """Payments of a customer that a line may be, as somebody has recorded them before."""
    found = Found((Match(customer.id, Reason.REFERENCE),))
    return _there([line], {line.id: found}).get(line.id, [])


def _tied(ids: Iterable[int]) -> set[int]:
    """Of these payments those that a line was booked as."""
    found: set[int] = set()
    for some in in_chunks(sorted(ids)):
        query = select(BankBooking.payment_id).where(BankBooking.payment_id.in_(some))
        found |= {id for id in db.session.scalars(query) if id is not None}
    return found


def _that_came_back(rows: Sequence[BankLine]) -> dict[int, list[Payment]]:
    """Payments that these lines name: by their bank reference, or by one that the line they came in on has, too."""
    if not rows:
        return {}
    wanted = {row.id: {one for one in row.other_references.split("\n") if is_reference(one)} for row in rows}
    keys = {
        (id, key)
        for id, references in wanted.items()
        for reference in references
        for method in PaymentMethod
        if (key := reference_key(method.value, reference, ""))
    }
    found: dict[int, list[Payment]] = defaultdict(list)
    stands = (
        select(Payment).where(Payment.state != PaymentState.CANCELLED).options(joinedload(Payment.customer))
    )
    for payment in db.session.scalars(
        stands.where(Payment.reference_key.in_({key for _, key in keys})).order_by(Payment.id)
    ):
        for row in rows:
            if (row.id, payment.reference_key) in keys:
                found[row.id].append(payment)
    came_in = (
        stands.add_columns(BankLine.payer_key, BankLine.other_references)
        .join(BankBooking, BankBooking.payment_id == Payment.id)
        .join(BankLine, BankLine.id == BankBooking.line_id)
        .where(BankLine.payer_key.in_({row.payer_key for row in rows} - {""}), BankLine.payer_key != "")
        .where(BankLine.state == LineState.BOOKED, BankBooking.booked_as.in_(CHOSEN))
        .order_by(Payment.id)
    )
    for payment, payer, references in db.session.execute(came_in):
        for row in rows:
            if (
                row.payer_key == payer
                and wanted[row.id] & set(references.split("\n"))
                and payment not in found[row.id]
            ):
                found[row.id].append(payment)
    return found


def _paid_back(rows: Sequence[BankLine], found: dict[int, Found]) -> dict[int, list[PaymentBack]]:
    """Money paid back to those who may be meant, of the line's amount, that no line was booked as."""
    wanted = {one.customer_id for row in rows for one in found[row.id].matches}
    made: dict[int, list[PaymentBack]] = {}
    for some in in_chunks(sorted(wanted)):
        tied = (
            select(BankBooking.payment_back_id).where(BankBooking.payment_back_id == PaymentBack.id).exists()
        )
        query = (
            select(PaymentBack)
            .where(PaymentBack.customer_id.in_(some), PaymentBack.cancelled_on.is_(None), ~tied)
            .options(joinedload(PaymentBack.customer))
            .order_by(PaymentBack.id)
        )
        for back in db.session.scalars(query):
            for row in rows:
                ids = {one.customer_id for one in found[row.id].matches}
                if (
                    back.customer_id in ids
                    and back.amount == -row.amount
                    and abs(back.paid_on - row.booked_on) <= NEAR
                ):
                    made.setdefault(row.id, []).append(back)
    return made
