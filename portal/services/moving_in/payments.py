"""Payments from files (billing-rules 19): known by method and bank reference.

Without a reference a payment is known by customer, bank account, date, amount, text, and which it is among alike.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from hashlib import sha256
from typing import Any, NamedTuple

from sqlalchemy import select

from portal.domain.bank_reference import reference_key
from portal.domain.errors import Invalid, RuleBroken
from portal.domain.move_files.lines import Line
from portal.domain.move_files.payments import COLUMNS
from portal.domain.names import name_key
from portal.domain.payment_reference import payment_reference
from portal.domain.schedule import FIRST_DAY
from portal.domain.wording import day, digits, long_day, money_in
from portal.extensions import db
from portal.models import Customer, FileKind, MoveMade, Payment, PaymentMethod, PaymentState
from portal.services import credit, locking
from portal.services.chunks import in_chunks
from portal.services.moving_in.kind import At, Difference, Item, Kind, Made, Outcome, Planned
from portal.services.moving_in.whose import Whose, named

LABELS = {column.name: column.label for column in COLUMNS}
REFERENCE_LONGEST = 140
# Of a payment that was taken back, the next one of the same line has another number at the end.
TOKEN = "moved:"
Known = dict[str, Payment]


class Wanted(NamedTuple):
    """What a line makes: whose, and the fields of a payment. `token` is what it is known by without a reference."""

    customer: Customer
    fields: Mapping[str, Any]
    reference_key: str
    token: str


class Payments(Kind):
    """A file of payments, a line each."""

    kind = FileKind.PAYMENTS
    columns = COLUMNS
    noun = "payment"

    @classmethod
    def samples(cls) -> Sequence[Mapping[str, str]]:
        """A transfer, and cash without a reference."""
        (first,) = super().samples()
        cash = {"bank_reference": "", "method": "Cash", "amount": "48.50", "description": "Till 2"}
        return (first, {**first, **cash})

    def __init__(self) -> None:
        # Which each line is among those that say the same of the same customer.
        self._among: dict[int, int] = {}
        # Where each without a reference stands that was planned: one that names its customer otherwise is no other.
        self._places: dict[str, int] = {}

    def amount_of(self, planned: Planned) -> tuple[str, Decimal]:
        """What was paid."""
        return planned.value.customer.currency, planned.value.fields["amount"]

    def items(self, lines: Sequence[Line]) -> list[Item]:
        """Each line; one that says again what another one says, with the reason."""
        places: dict[str, int] = {}
        alike: Counter[tuple[object, ...]] = Counter()
        found = []
        for line in lines:
            reason = line.reason or _again(line, places)
            key = (named(line.says), *_says(line.wants))
            self._among[line.place] = alike[key]
            alike[key] += not reason
            found.append(Item((line,), reason))
        return found

    def plan(self, items: Sequence[Item], today: date) -> list[Planned]:
        """What would become of each line."""
        whose = Whose(items)
        wanted: dict[int, Wanted] = {}
        refused: dict[int, str] = {}
        for item in items:
            try:
                wanted[item.place] = _wanted(item, whose.of(item.says), self._among[item.place])
            except RuleBroken as error:
                refused[item.place] = error.sentence
        by_reference = _by_reference([one.reference_key for one in wanted.values()])
        by_token = _by_token({one.customer.id for one in wanted.values()})
        planned = []
        for item in items:
            try:
                if reason := refused.get(item.place):
                    raise RuleBroken(reason)
                one = wanted[item.place]
                self._check_is_first(item, one)
                known = by_reference.get(one.reference_key) if one.reference_key else by_token.get(one.token)
                planned.append(_compared(item, one, known, today))
            except RuleBroken as error:
                planned.append(Planned(item, Outcome.BAD, reason=_said(error)))
        return planned

    def _check_is_first(self, item: Item, wanted: Wanted) -> None:
        """RuleBroken where another line says the same of the same customer, and names them otherwise."""
        if (
            not wanted.reference_key
            and (place := self._places.setdefault(wanted.token, item.place)) != item.place
        ):
            raise RuleBroken(
                f"It is as the payment in line {place}: name the customer in both in the same way."
            )

    def lock(self, items: Sequence[Item], today: date) -> None:
        """Whose they are, and what is open of theirs."""
        planned = self.plan(items, today)
        ids = {one.value.customer.id for one in planned if one.value}
        locking.lock(Customer, ids)
        credit.lock_open_of(sorted(ids))

    def make(self, planned: Sequence[Planned], at: At) -> list[Made]:
        """Record the new ones together; one that was pending, and has arrived, is completed."""
        act = credit.Act(at.today, at.by, at.now)
        new = [one for one in planned if one.outcome == Outcome.NEW]
        times = _times({one.value.customer.id for one in new})
        rows = [_payment(one.value, times[one.value.token], at) for one in new]
        credit.record_many(rows, act)
        made = [
            Made(one.item.place, self.noun, row.id, one.label) for one, row in zip(new, rows, strict=True)
        ]
        for one in planned:
            if one.outcome == Outcome.CHANGED and one.thing_id:
                row = db.session.get_one(Payment, one.thing_id)
                credit.complete_payment(row, at.today, by=at.by, now=at.now)
                states = {"state": PaymentState.PENDING.value}, {"state": PaymentState.COMPLETED.value}
                made.append(Made(one.item.place, self.noun, row.id, one.label, True, *states))
        return made

    def take_back(self, made: Sequence[MoveMade], at: At) -> dict[int, str]:
        """Release and cancel them; one that was completed stays so."""
        rows = _by_id([one.thing_id for one in made])
        ids = {row.customer_id for row in rows.values()}
        locking.lock(Customer, ids)
        credit.lock_open_of(sorted(ids), {id for row in rows.values() for id in credit.paid_by(row)})
        left: dict[int, str] = {}
        for one in made:
            row = rows[one.thing_id]
            locking.read_anew(Payment, [row.id])
            if row.state == PaymentState.CANCELLED:
                continue
            if one.is_change:
                left[one.id] = "It has arrived: cancel it on its page, if that was wrong."
                continue
            if credit.split_off(row):
                left[one.id] = (
                    "A part of it was split off for another customer: cancel it and the part by hand."
                )
                continue
            try:
                if credit.allocated_of(row):
                    credit.check_not_archived(row.customer)
                    credit.release(row, at.today, by=at.by, now=at.now)
                credit.cancel_payment(row, at.today, by=at.by, now=at.now)
            except RuleBroken as error:
                left[one.id] = error.sentence
        return left


def _again(line: Line, places: dict[str, int]) -> str:
    """Why a line cannot be a payment, whatever is stored. Keeps which one it is."""
    says = line.says
    for name in ("amount", "paid_on"):
        if name not in says:
            return f"{LABELS[name]} is empty."
    if says.get("part_of"):
        return f"It is a part of payment {says['part_of']}: bring in the whole, and split it here."
    key = reference_key(_method(line.wants), says.get("bank_reference", ""), "")
    place = places.setdefault(key, line.place) if key else line.place
    return "" if place == line.place else f"The same method and reference are in line {place} too."


def _method(wants: Mapping[str, Any]) -> PaymentMethod:
    method: PaymentMethod = wants.get("method", PaymentMethod.BANK_TRANSFER)
    return method


def _says(says: Mapping[str, Any]) -> tuple[object, ...]:
    """What a payment without a reference is known by, besides its customer."""
    return (
        name_key(says.get("account", "")),
        says.get("paid_on"),
        says.get("amount"),
        name_key(says.get("description", "")),
    )


def _wanted(item: Item, customer: Customer, among: int) -> Wanted:
    wants = item.wants
    reference, method = wants.get("bank_reference", ""), _method(wants)
    fields = {
        "state": wants.get("state", PaymentState.COMPLETED),
        "paid_on": wants["paid_on"],
        "amount": wants["amount"],
        "fee": wants.get("fee", Decimal(0)),
        "method": method,
        "bank_reference": reference,
        "description": wants.get("description", ""),
    }
    account, paid_on, amount, text = _says(wants)
    known_by = (customer.id, account, paid_on, digits(Decimal(str(amount))), text, among)
    token = TOKEN + sha256(repr(known_by).encode()).hexdigest()[:40]
    return Wanted(customer, fields, reference_key(method, reference, payment_reference(customer.id)), token)


def _said(error: RuleBroken) -> str:
    label = LABELS.get(error.field, "") if isinstance(error, Invalid) else ""
    return f"{label}: {error.sentence}" if label else error.sentence


# -- what is there


def _by_reference(keys: Sequence[str]) -> Known:
    found: Known = {}
    for some in in_chunks(sorted(filter(None, set(keys)))):
        query = select(Payment).where(
            Payment.reference_key.in_(some),
            Payment.state != PaymentState.CANCELLED,
            Payment.split_from_id.is_(None),
        )
        for row in db.session.scalars(query.order_by(Payment.id.desc())):
            found[row.reference_key] = row
    return found


def _by_token(customer_ids: Collection[int]) -> Known:
    """The payments of these customers that files have brought in, by what each is known by; none that was cancelled."""
    return {_key(row.token): row for row in _brought(customer_ids) if row.state != PaymentState.CANCELLED}


def _times(customer_ids: Collection[int]) -> Counter[str]:
    """How often each was brought in before."""
    return Counter(_key(row.token) for row in _brought(customer_ids))


def _key(token: str) -> str:
    return token.rpartition(":")[0]


def _brought(customer_ids: Collection[int]) -> Iterator[Payment]:
    for some in in_chunks(sorted(customer_ids)):
        query = select(Payment).where(Payment.customer_id.in_(some), Payment.token.startswith(TOKEN))
        yield from db.session.scalars(query.order_by(Payment.id))


def _by_id(ids: Sequence[int]) -> dict[int, Payment]:
    found: dict[int, Payment] = {}
    for some in in_chunks(sorted(set(ids))):
        found |= {row.id: row for row in db.session.scalars(select(Payment).where(Payment.id.in_(some)))}
    return found


# -- what becomes of it


def _compared(item: Item, wanted: Wanted, known: Payment | None, today: date) -> Planned:
    """What becomes of a payment that is there already, or is not."""
    fields, customer = wanted.fields, wanted.customer
    amount = money_in(fields["amount"], customer.currency)
    label = f"{customer.name}: {amount}, {day(fields['paid_on'])}"
    if known is None:
        if customer.archived_on:
            raise RuleBroken(f"{customer.name} is archived. Restore the customer first.")
        _check(wanted, today)
        return Planned(item, Outcome.NEW, label, value=wanted)
    if known.customer_id != customer.id or known.amount != fields["amount"]:
        raise RuleBroken(
            f"A payment with this reference is there already: {money_in(known.amount, known.customer.currency)} from "
            f"{known.customer.name}, {day(known.paid_on)}."
        )
    if (known.state, fields["state"]) == (PaymentState.PENDING, PaymentState.COMPLETED):
        if customer.archived_on:
            raise RuleBroken(f"{customer.name} is archived. Restore the customer first.")
        differs = (Difference(LABELS["state"], "pending", "completed"),)
        return Planned(item, Outcome.CHANGED, label, "", differs, known.id, wanted)
    return Planned(item, Outcome.SAME, label, thing_id=known.id)


def _check(wanted: Wanted, today: date) -> None:
    """Whether a payment can be. Invalid names the column."""
    fields, currency = wanted.fields, wanted.customer.currency
    credit.check_amount("amount", fields["amount"], currency, positive=True)
    if fields["fee"] < 0:
        raise Invalid("fee", "The fee cannot be below zero.")
    credit.check_amount("fee", fields["fee"], currency, positive=False)
    if not FIRST_DAY <= fields["paid_on"] <= today:
        raise Invalid("paid_on", f"A payment must be dated today, {long_day(today)}, or before.")
    if len(fields["bank_reference"]) > REFERENCE_LONGEST:
        raise Invalid("bank_reference", f"Too long: {REFERENCE_LONGEST} characters at most.")


def _payment(wanted: Wanted, time: int, at: At) -> Payment:
    return Payment(
        customer=wanted.customer,
        token=f"{wanted.token}:{time}",
        created_by=at.by,
        created_at=at.now,
        again_reason="",
        **wanted.fields,
    )
