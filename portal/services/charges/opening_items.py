"""Opening items: what a customer still had to pay in another system when they were moved in (billing-rules 13).

An opening item is known by its customer and its number there, however its letters are typed: the same a second time is
refused, until it is reversed. What the customer had to use there, credit, becomes an adjustment of the balance.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.orm import aliased

from portal.domain.due import Kind
from portal.domain.errors import Invalid
from portal.domain.money import AMOUNT_BELOW, fits
from portal.domain.names import name_key, search_key, written
from portal.domain.schedule import FIRST_DAY, LAST_DAY
from portal.domain.wording import day, decimals, long_day, money_in, whole
from portal.extensions import db
from portal.models import BalanceEntry, Charge, Company, Customer, EntrySource
from portal.models.company import ONLY
from portal.services import locking
from portal.services.chunks import in_chunks
from portal.services.credit import Act, lock_open_of, refresh, set_off, touched_by, who_can_set_off

NUMBER_LONGEST = 60
# Of a customer and a number, however typed.
Key = tuple[int, str]


def label_of(number: str) -> str:
    """How a charge is labelled that is an opening item of this number."""
    return f"Opening item {number}"


@dataclass(frozen=True, slots=True)
class OpeningItem:
    """What was open elsewhere: `day` is that of the paper there. `gross` contains the tax; below zero it is credit."""

    customer: Customer
    number: str
    day: date
    due_on: date | None
    gross: Decimal

    @property
    def key(self) -> Key:
        """What it is known by."""
        return self.customer.id, name_key(self.number)

    @property
    def is_credit(self) -> bool:
        """Whether the customer had it to use."""
        return self.gross < 0


def check(item: OpeningItem, today: date) -> None:
    """Whether an opening item can be. Invalid names the field."""
    customer, currency = item.customer, item.customer.currency
    if customer.archived_on:
        raise Invalid("customer", f"{customer.name} is archived. Restore the customer first.")
    if not written(item.number):
        raise Invalid("number", "Enter its number in the other system: it is known by it.")
    if len(written(item.number)) > NUMBER_LONGEST:
        raise Invalid("number", f"Too long: {NUMBER_LONGEST} characters at most.")
    if not FIRST_DAY <= item.day <= today:
        raise Invalid("day", f"Choose a day from {FIRST_DAY.year} to today, {long_day(today)}.")
    if item.due_on is None and not item.is_credit:
        raise Invalid("due_on", "Enter until when it is to be paid.")
    if item.due_on and not item.day <= item.due_on <= LAST_DAY:
        raise Invalid("due_on", f"It cannot be due before its own day, {long_day(item.day)}.")
    if not item.gross:
        raise Invalid("gross", "Nothing is open of an amount of zero.")
    if abs(item.gross) >= AMOUNT_BELOW:
        raise Invalid("gross", f"The amount must be below {whole(AMOUNT_BELOW)}.")
    if not fits(item.gross, currency):
        raise Invalid("gross", f"An amount in {currency} can have {decimals(currency)} at most.")


def known(customer_ids: Collection[int]) -> dict[Key, Charge]:
    """The opening items of these customers that stand: not those that were reversed."""
    reversal = aliased(Charge)
    reversed_ = select(reversal.id).where(reversal.reverses_id == Charge.id).correlate(Charge).exists()
    found: dict[Key, Charge] = {}
    for some in in_chunks(sorted(customer_ids)):
        query = select(Charge).where(
            Charge.customer_id.in_(some),
            Charge.opening_number.is_not(None),
            Charge.kind == Kind.OPENING_ITEM,
            ~reversed_,
        )
        for charge in db.session.scalars(query):
            found[charge.customer_id, name_key(charge.opening_number or "")] = charge
    return found


def lock(customer_ids: Iterable[int], item_ids: Collection[int] = ()) -> None:
    """Lock what bringing in opening items of these customers, and taking back some, reads and changes."""
    locking.lock(Company, [ONLY], shared=True)  # its day is one in the provider's time zone
    ids = [customer.id for customer in locking.lock(Customer, customer_ids)]
    lock_open_of(ids, touched_by(item_ids, [])[0])


def bring_in(items: Sequence[OpeningItem], act: Act) -> list[Charge | BalanceEntry]:
    """Post opening items, and credit as adjustments, in the order given: all, or Invalid and nothing.

    Whoever calls has locked (`lock`) whose they are. Invalid where one cannot be, or is there already.
    """
    ids = {item.customer.id for item in items}
    there, credits, times = known(ids), known_credits(ids), _times(ids)
    made: list[Charge | BalanceEntry] = []
    for item in items:
        check(item, act.today)
        key = digest(item.key)
        if first := there.get(item.key) or credits.get(key):
            raise Invalid("number", already(item, first))
        one: Charge | BalanceEntry
        token = f"{TOKEN}{key}:{times[key]}"
        if item.is_credit:
            one = credits[key] = _credit(item, token, act)
        else:
            one = there[item.key] = _charge(item, token, act)
        made.append(one)
    db.session.add_all(made)
    db.session.flush()
    refresh([one.id for one in made if isinstance(one, Charge)])
    for id in who_can_set_off(ids):
        set_off(id, act)
    return made


def already(item: OpeningItem, first: Charge | BalanceEntry) -> str:
    """That it is there already, in a sentence."""
    is_item = isinstance(first, Charge)
    what, on = ("an opening item", first.charge_on) if is_item else ("credit", first.for_day)
    amount = money_in(first.amount, item.customer.currency)
    return f"{item.customer.name} already has {what} {written(item.number)}: {amount} of {day(on)}."


def _charge(item: OpeningItem, token: str, act: Act) -> Charge:
    number = written(item.number)
    label = label_of(number)
    return Charge(
        token=token,
        customer_id=item.customer.id,
        kind=Kind.OPENING_ITEM,
        opening_number=number,
        charge_on=item.day,
        period_from=item.day,
        due_on=item.due_on,
        quantity=1,
        unit_price=item.gross,
        unit_cost=Decimal(0),
        currency=item.customer.currency,
        amount=item.gross,
        cost=Decimal(0),
        tax_rate=Decimal(0),
        tax=Decimal(0),
        label=label,
        search_key=search_key(label),
        posted_by=act.by,
        posted_at=act.now,
    )


# -- credit


def _credit(item: OpeningItem, token: str, act: Act) -> BalanceEntry:
    return BalanceEntry(
        token=token,
        customer_id=item.customer.id,
        source=EntrySource.ADJUSTMENT,
        made_on=act.today,
        for_day=item.day,
        amount=-item.gross,
        reason=f"Credit {written(item.number)} of {day(item.day)}, brought from another system",
        made_by=act.by,
        made_at=act.now,
    )


def known_credits(customer_ids: Collection[int]) -> dict[str, BalanceEntry]:
    """The adjustments made of these customers' credit that were not taken back, by what each is known by (`digest`)."""
    entries = _entries(customer_ids)
    return {
        token.split(":")[1]: entry
        for token, entry in entries.items()
        if not token.endswith(BACK) and f"{token}{BACK}" not in entries
    }


def take_credit_back(entry: BalanceEntry, reason: str, act: Act) -> BalanceEntry:
    """Take back an adjustment that was made of credit, by one of the other sign; its customer is locked."""
    back = BalanceEntry(
        token=f"{entry.token}{BACK}",
        customer_id=entry.customer_id,
        source=EntrySource.ADJUSTMENT,
        made_on=act.today,
        for_day=entry.for_day,
        amount=-entry.amount,
        reason=reason,
        made_by=act.by,
        made_at=act.now,
    )
    db.session.add(back)
    return back


def was_taken_back(entry: BalanceEntry) -> bool:
    """Whether an adjustment that was made of credit was taken back."""
    query = select(BalanceEntry.id).where(BalanceEntry.token == f"{entry.token}{BACK}")
    return db.session.scalar(query) is not None


# Each bears a token of its own: of its customer and number, and how often the same had been brought in before.
TOKEN, BACK = "opening:", ":back"


def digest(key: Key) -> str:
    """What a customer and a number are known by in tokens."""
    return sha256(f"{key[0]} {key[1]}".encode()).hexdigest()[:40]


def _times(customer_ids: Collection[int]) -> Counter[str]:
    """How often what is known by a digest was brought in."""
    tokens = [token for token in _entries(customer_ids) if not token.endswith(BACK)]
    for some in in_chunks(sorted(customer_ids)):
        items = (Charge.customer_id.in_(some), Charge.opening_number.is_not(None), Charge.token.is_not(None))
        tokens += [token for token in db.session.scalars(select(Charge.token).where(*items)) if token]
    return Counter(token.split(":")[1] for token in tokens)


def _entries(customer_ids: Collection[int]) -> dict[str, BalanceEntry]:
    """The adjustments made of credit, and those that took them back, by their tokens."""
    found: dict[str, BalanceEntry] = {}
    for some in in_chunks(sorted(customer_ids)):
        query = select(BalanceEntry).where(
            BalanceEntry.customer_id.in_(some), BalanceEntry.source == EntrySource.ADJUSTMENT
        )
        for entry in db.session.scalars(query.where(BalanceEntry.token.startswith(TOKEN))):
            found[entry.token or ""] = entry
    return found
