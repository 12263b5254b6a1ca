"""What rules 13 and 16 say of a customer's charges, worked out from what happened, by itself: no portal code.

A `Ledger` is told each event as it happens, in order, with plain values; whatever it says can be asked of any day.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal

NONE, CENT = Decimal(0), Decimal("0.01")
MONEY = ("payment", "balance")


@dataclass
class Part:
    """Something that came off an item, from a day until the day before another."""

    source: str
    whose: int  # the payment, the discount, the credit or the write-off; 0 for the balance
    amount: Decimal
    begins: object
    order: int
    until: object = None
    by_hand: bool = False
    by: int | None = None  # the credit that took it off
    undone: bool = False  # its charge was undone while it stood

    def counts_on(self, day):
        return (
            self.until is None
            if day is None
            else self.begins <= day and not (self.until and self.until <= day)
        )


@dataclass
class Item:
    id: int
    total: Decimal
    on: object
    due: object
    family: int
    taken_back: bool = False  # its discount uses it up: it is a reversal
    line: tuple = ()
    undone: bool = False  # as if it had never been posted, on every day
    parts: list = field(default_factory=list)

    def of(self, source, whose):
        return [part for part in self.parts if part.source == source and part.whose == whose]

    def left(self, day=None):
        if self.undone:
            return NONE
        return self.total - sum((part.amount for part in self.parts if part.counts_on(day)), NONE)


class Ledger:
    def __init__(self):
        self.items, self.discounts, self.enlarges, self.write_offs = {}, {}, {}, {}
        self.payments, self.lapsed, self.reversed, self.released = {}, [], set(), NONE
        self.events, self.waiting = 0, set()
        self.paid_on, self.split_off, self.backs = {}, {}, {}
        self.balance = NONE  # while a run or its undoing is told

    # -- what happens

    def posted(self, rows, today, payment_days, own_due=None):
        """Charges without auto decrement were posted: (id, kind, total, on, corrects, reverses, line).

        A line is assignment, kind and period from: what has the same is the same line posted again. `own_due` are the
        due days of those that have one of their own, by id.
        """
        credits, too_much = [], []
        for id, kind, total, on, corrects, reverses, line in rows:
            if kind in ("write_off", "write_off_lapsed", "undo") or (
                reverses and reverses in self.write_offs
            ):
                continue  # told by themselves
            if reverses:
                self.reversed |= {i for i, item in self.items.items() if item.family == reverses} | {reverses}
            if total > 0 and not (reverses and reverses not in self.discounts):
                due = (own_due or {}).get(id) or max(on, today) + timedelta(days=payment_days)
                self.items[id] = Item(id, total, on, due, corrects or id, bool(reverses), line)
                if corrects in self.discounts:
                    too_much.append(id)
            if total < 0 and not reverses and (not corrects or corrects in self.discounts):
                self.discounts[id] = (on, -total)
                self.enlarges[id] = corrects or id
            elif total < 0:
                credits.append((id, -total, on, corrects or reverses))
            elif reverses in self.discounts:
                theirs = self._enlarged(reverses)
                self.reversed |= set(theirs)
                for item in self.items.values():
                    self._lift([p for p in item.parts if p.source == "discount" and p.whose in theirs], on)
                came_off = [item for item in self.items.values() if item.family == reverses]
                for item in [*sorted(came_off, key=lambda item: item.id), self.items[id]]:
                    self._use_up(theirs, item, on)
        for credit in credits:
            self._credit(*credit)
        for id, *_, line in rows:
            if line and line[0] and id in self.items:
                self._pay_as_before(self.items[id])
        for id in too_much:
            self._use_up(self._enlarged(self.items[id].family), self.items[id], today)
        self.set_off(today)

    def undone(self, ids, balance, today):
        """Charges of a run were undone; `balance` is what it then holds, with what returns of them.

        What was on them returns. A credit undone alone gives back what it had taken off, as far as it is still held.
        """
        self.balance = balance
        for item in (self.items[id] for id in sorted(ids) if id in self.items):
            for part in item.parts:
                if not part.until:
                    self._lift([part], item.on)
                    part.undone = True
                    if part.source == "write_off":
                        self.lapsed.append((part.whose, part.amount))
            item.undone = True
        credits = {id for id in ids if id not in self.items}
        standing = [item for item in self.items.values() if not item.undone]
        for item in standing:
            self._lift([p for p in item.parts if p.source == "credit" and p.whose in credits], item.on)
        taken = [(part, item) for item in standing for part in item.parts if part.by in credits]
        for part, item in sorted(
            taken, key=lambda one: (one[0].source == "write_off", one[0].begins, one[0].order)
        ):
            self._put_again(part, item)
        self.set_off(today)

    def written_off(self, id, charge_id, amount, today):
        self.write_offs[id] = charge_id
        self._put(self.items[charge_id], "write_off", id, amount, today)

    def write_off_reversed(self, id, today):
        self.reversed.add(id)
        self._lift(
            [p for i in self.items.values() for p in i.parts if p.source == "write_off" and p.whose == id],
            today,
        )
        self.set_off(today)

    def arrived(self, payment_id, amount, balance, paid_on, today):
        """A payment completed; `balance` is with it."""
        self.payments[payment_id], self.paid_on[payment_id] = amount, paid_on
        rest = min(amount, balance)
        for item in self.due_first():
            self._put(item, "payment", payment_id, min(rest, item.left()), today)
            rest = max(rest - self.last, NONE)

    def paid_from_balance(self, balance, today):
        for item in self.due_first():
            for payment_id in [*self.oldest(), 0]:
                left = self.left_of(payment_id) if payment_id else balance
                self._put(
                    item,
                    "payment" if payment_id else "balance",
                    payment_id,
                    min(left, item.left(), balance),
                    today,
                )
                balance -= self.last

    def allocated(self, payment_id, charge_id, amount, today):
        self._put(self.items[charge_id], "payment", payment_id, amount, today)

    def allocated_anew(self, payment_id, wanted, today):
        """A payment pays just so much of some charges: what is more is released, the latest part first."""
        less = {}
        for id, amount in wanted.items():
            item = self.items[id]
            mine = [part for part in item.of("payment", payment_id) if part.until is None]
            paid = sum((part.amount for part in mine), NONE)
            less[id] = paid - amount
            for part in sorted(mine, key=lambda p: (p.begins, p.order), reverse=True):
                off = min(less[id], part.amount)
                if off > 0:
                    self._lift([part], today, off, by_hand=True)
                    less[id] -= off
        for item in sorted((self.items[id] for id in wanted), key=lambda i: (i.due, i.on, i.id)):
            self._put(item, "payment", payment_id, -less[item.id], today)
        self.set_off(today)

    def split(self, payment_id, amount):
        self.split_off[payment_id] = self.split_off.get(payment_id, NONE) + amount

    def paid_back(self, id, amount, chosen):
        """Money went out: of what was chosen first, then of the latest payments, then of what came otherwise."""
        returns = dict(chosen)
        rest = amount - sum(chosen.values(), NONE)
        for payment_id in reversed(self.oldest()):
            more = min(rest, self.left_of(payment_id) - returns.get(payment_id, NONE))
            if more > 0:
                returns[payment_id] = returns.get(payment_id, NONE) + more
                rest -= more
        self.backs[id] = (amount, returns)

    def lifted(self, part, today):
        self._lift([part], today, by_hand=True)
        if part.source == "discount":
            self.waiting.add(part.whose)
        self.set_off(today)

    def released_all(self, payment_id, today):
        for item in self.items.values():
            self._lift(item.of("payment", payment_id), today, by_hand=True)
        self.set_off(today)

    def moved(self, charge_id, due):
        self.items[charge_id].due = due

    def set_off(self, today):
        for id, (_, total) in sorted(self.discounts.items(), key=lambda one: (one[1][0], one[0])):
            if id in self.waiting:
                continue
            for item in self.due_first():
                self._put(item, "discount", id, min(total - self.used(id), item.left()), today)

    # -- what is so

    def due_first(self):
        return sorted((i for i in self.items.values() if i.left() > 0), key=lambda i: (i.due, i.on, i.id))

    def used(self, discount_id, day=None):
        parts = (part for item in self.items.values() for part in item.parts if part.source == "discount")
        return sum((part.amount for part in parts if part.whose == discount_id and part.counts_on(day)), NONE)

    def left_of(self, payment_id):
        parts = (part for item in self.items.values() for part in item.parts if part.source == "payment")
        used = sum((part.amount for part in parts if part.whose == payment_id and part.counts_on(None)), NONE)
        back = sum((returns.get(payment_id, NONE) for _, returns in self.backs.values()), NONE)
        return self.payments[payment_id] - used - self.split_off.get(payment_id, NONE) - back

    def oldest(self):
        return sorted(self.payments, key=lambda id: (self.paid_on[id], id))

    def came_in(self):
        """What payments brought, less what went to others and what was paid back."""
        brought = sum((amount - self.split_off.get(id, NONE) for id, amount in self.payments.items()), NONE)
        return brought - sum((amount for amount, _ in self.backs.values()), NONE)

    def left_of_charges(self, day=None):
        return sum((i.left(day) for i in self.items.values() if day is None or i.on <= day), NONE)

    def credit_to_use(self, day=None):
        return sum(
            (t - self.used(id, day) for id, (on, t) in self.discounts.items() if day is None or on <= day),
            NONE,
        )

    def net(self, day):
        """What is left of charges, less the credit there is to use."""
        return self.left_of_charges(day) - self.credit_to_use(day)

    def charged(self, begins, through):
        items = (
            i for i in self.items.values() if not (i.taken_back or i.undone) and begins <= i.on <= through
        )
        return sum((item.total for item in items), NONE)

    def came_off(self, sources, begins, through):
        """What came off items in a span of days, less what was released in it."""
        parts = [part for item in self.items.values() for part in item.parts if part.source in sources]
        before = begins - timedelta(days=1)
        return sum((p.amount * (p.counts_on(through) - p.counts_on(before)) for p in parts), NONE)

    def credited(self, begins, through):
        given = sum((total for on, total in self.discounts.values() if begins <= on <= through), NONE)
        taken_back = (i for i in self.items.values() if i.taken_back and begins <= i.on <= through)
        gone = sum((item.total for item in taken_back), NONE)
        return given - gone + self.came_off(("credit",), begins, through)

    def money(self):
        parts = (part for item in self.items.values() for part in item.parts if part.source in MONEY)
        return sum((part.amount for part in parts if part.counts_on(None)), NONE)

    def written_off_now(self):
        parts = (part for item in self.items.values() for part in item.parts if part.source == "write_off")
        return sum((part.amount for part in parts if part.counts_on(None)), NONE)

    def state(self, id):
        if id in self.reversed:
            return "reversed"
        if id in self.discounts:
            return "used" if self.used(id) == self.discounts[id][1] else "to_use"
        item = self.items[id]
        if item.undone:
            return "undone"
        sources = {part.source for part in item.parts if part.counts_on(None)}
        if item.left() > 0:
            return "part_paid" if sources & {*MONEY, "discount"} else "open"
        for source, state in (
            ("write_off", "written_off"),
            ("payment", "paid"),
            ("balance", "paid"),
            ("discount", "set_off"),
        ):
            if source in sources:
                return state
        return "credited"

    # -- how

    last = NONE

    def _put(self, item, source, whose, amount, day):
        self.last = max(amount, NONE)
        if amount > 0:
            self.events += 1
            item.parts.append(Part(source, whose, amount, day, self.events))
            self.balance -= amount * (source in MONEY)

    def _lift(self, parts, day, amount=None, by_hand=False):
        for part in parts:
            if part.until:
                continue
            off = part.amount if amount is None else amount
            if off < part.amount:
                whole = next(item for item in self.items.values() if part in item.parts)
                rest = Part(part.source, part.whose, part.amount - off, part.begins, part.order)
                whole.parts.append(rest)
                part.amount = off
            part.until, part.by_hand = max(day, part.begins), by_hand
            self.balance += part.amount * (part.source in MONEY)

    def _enlarged(self, discount_id):
        """A discount, and the credits that have enlarged it."""
        return sorted(id for id, whose in self.enlarges.items() if whose == discount_id)

    def _use_up(self, discount_ids, item, day):
        for id in discount_ids:
            left = self.discounts[id][1] - self.used(id)
            self._put(item, "discount", id, min(left, item.left()), day)

    def _pay_as_before(self, item):
        """The same line is posted again: it keeps its due day, and what was on it, as far as that is still held."""
        before = [i for i in self.items.values() if i.undone and i.line == item.line]
        if before:
            item.due = before[-1].due
        parts = [part for one in before for part in one.parts if part.undone]
        for part in sorted(parts, key=lambda p: (p.source == "write_off", p.begins, p.order)):
            part.undone = False
            self._put_again(part, item)

    def _put_again(self, part, item):
        """What once was taken off an item, put on it again from the day it no longer counted, as far as it is held."""
        held = {
            "payment": lambda: (
                min(self.balance, self.left_of(part.whose)) if part.whose in self.payments else NONE
            ),
            "balance": lambda: self.balance,
            "discount": lambda: self.discounts[part.whose][1] - self.used(part.whose),
            "write_off": lambda: NONE if part.whose in self.reversed else part.amount,
        }[part.source]()
        self._put(
            item, part.source, part.whose, min(part.amount, item.left(), held), max(part.until, item.on)
        )

    def _credit(self, id, amount, on, family):
        rest = amount
        theirs = sorted((i for i in self.items.values() if i.family == family), key=lambda i: i.id)
        for item in theirs:
            self._put(item, "credit", id, min(rest, item.left()), max(on, item.on))
            rest -= self.last
        kinds = (("write_off",), (*MONEY, "discount"))
        for sources in kinds:
            found = [(p, i) for i in theirs for p in i.parts if p.source in sources and not p.until]
            for part, item in sorted(found, key=lambda one: (one[0].begins, one[0].order), reverse=True):
                off = min(rest, part.amount)
                if off <= 0:
                    continue
                self._lift([part], on, off)
                part.by = id
                if part.source == "write_off":
                    self.lapsed.append((part.whose, off))
                self._put(item, "credit", id, off, max(on, item.on))
                rest -= off
        assert rest == 0, "more was credited than was charged"


def in_proportion(part, tax, total):
    """The tax in a part of a total, rounded once."""
    return (part * tax / total).quantize(CENT, ROUND_HALF_UP)
