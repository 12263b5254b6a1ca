"""A customer's wrong tax rate, corrected back to a day: amounts stay, and the tax on every charge since is put right.

Manual charges and call entries are reached as well, credits and differences with the charge that they name; write-offs
are left alone.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, func, insert, select, type_coerce

from portal.domain.correcting import changes, corrected, next_change
from portal.domain.days import check_day
from portal.domain.due import Kind
from portal.domain.errors import Invalid, RuleBroken
from portal.domain.money import from_micros, minor_unit, tax_on, to_micros
from portal.domain.tax import Tax, TaxCategory, check_tax
from portal.domain.terms import History, in_force
from portal.domain.wording import long_day
from portal.extensions import db
from portal.models import (
    Assignment,
    BalanceEntry,
    Charge,
    Company,
    Correction,
    Customer,
    EntrySource,
    counts_as_posted,
    is_undone,
)
from portal.models.company import ONLY
from portal.models.raw_tables import CHARGE, ENTRY
from portal.services import locking
from portal.services.billing.loading import taxed_day
from portal.services.billing.positions import find_next_of, lock_positions
from portal.services.billing.posting import enter_charges
from portal.services.chunks import in_chunks
from portal.services.corrections.right_terms import dated
from portal.services.corrections.wanted import SENTENCE_LONGEST, receipt
from portal.services.credit import (
    Act,
    available_to,
    check_not_archived,
    first_due_day,
    lock_open,
    open_new,
    payment_days,
    set_off,
    take_off,
    take_off_discounts,
    touched_by,
)
from portal.services.customers.customers import store_taxes
from portal.services.once import Sent, once

CHANGED = "What this correction does has changed since it was shown. Look at it again."


@dataclass(frozen=True, slots=True)
class RateWanted:
    """The right tax rate, in per cent, since a day, and its category; to the next change, or `for_good`.

    Without a category, the one that the rate alone says.
    """

    since: date
    rate: Decimal
    for_good: bool = False
    sentence: str = ""
    category: TaxCategory | None = None
    reason: str = ""

    @property
    def tax(self) -> Tax:
        """The right tax. Invalid, at its field, where it cannot be."""
        return check_tax(self.rate, self.category, self.reason)

    @property
    def said(self) -> str:
        """What the customer reads."""
        typed = " ".join(self.sentence.split())
        return typed or f"The tax rate was wrong since {long_day(self.since)}."

    @property
    def right(self) -> str:
        """The right tax, in words."""
        return f"Tax Rate {self.tax.words}"


class TaxLine(NamedTuple):
    """A charge of which the tax is put right: it, the latest line of it, and what stands and should be of all of it."""

    root: Charge
    latest: Charge
    number: int
    rate: int
    amount: int
    tax: int
    should: int

    @property
    def difference(self) -> int:
        """The tax that is posted, in micros."""
        return self.should - self.tax


class CallTax(NamedTuple):
    """A day's calls in the balance: their tax as it stands, and as it should be, in micros."""

    day: date
    tax: int
    should: int


@dataclass(slots=True)
class TaxPlan:
    """All that the correction of a tax rate does."""

    customer: Customer
    wanted: RateWanted
    before: History[Tax]
    after: History[Tax]
    lines: list[TaxLine] = field(default_factory=list)
    calls: list[CallTax] = field(default_factory=list)
    reversed: int = 0
    available: Decimal = Decimal(0)
    falls_below: bool = False

    @property
    def does_nothing(self) -> bool:
        """Whether all is right already."""
        return not self.lines and not self.calls and self.before == self.after

    @property
    def later(self) -> date | None:
        """The day from which another rate holds again."""
        return next_change(self.after, self.wanted.since)

    def _sum(self, name: str) -> Decimal:
        return from_micros(sum(getattr(one, name) for some in (self.lines, self.calls) for one in some))

    @property
    def charged(self) -> Decimal:
        """The tax that stands of what is put right."""
        return self._sum("tax")

    @property
    def should(self) -> Decimal:
        """The tax that it should be."""
        return self._sum("should")

    @property
    def difference(self) -> Decimal:
        """The tax that is posted."""
        return self.should - self.charged

    @property
    def call_tax(self) -> Decimal:
        """The part of it that is on calls."""
        return from_micros(sum(one.should - one.tax for one in self.calls))

    @property
    def fingerprint(self) -> str:
        """What somebody agreed to."""
        lines = [(line.root.id, line.latest.id, *line[2:]) for line in self.lines]
        wanted = (self.wanted.since, self.wanted.tax, self.wanted.for_good, self.wanted.sentence)
        seen = (self.customer.id, wanted, self.after, lines, self.calls, self.reversed)
        return sha256(repr(seen).encode()).hexdigest()[:20]


class RateChanged(RuleBroken):
    """What the correction does has changed since it was shown: it is shown again."""

    def __init__(self, plan: TaxPlan) -> None:
        super().__init__(CHANGED)
        self.plan = plan


def plan_rate(customer: Customer, wanted: RateWanted, today: date) -> TaxPlan:
    """Work out the correction of a tax rate. Invalid names the field that cannot be; nothing is written."""
    _check(wanted, today)
    check_not_archived(customer)
    before = customer.taxes
    after = corrected(before, wanted.since, wanted.tax, kept=_kept(customer), for_good=wanted.for_good)
    made = TaxPlan(customer, wanted, before, after)
    _add_charges(made)
    _add_calls(made)
    taken = sum(line.difference for line in made.lines if line.root.auto_decrement_credit)
    now = available_to(customer)
    made.available = now - from_micros(taken) - made.call_tax
    made.falls_below = made.available < 0 <= now
    return made


def taxes_before(before: str) -> History[Tax]:
    """The taxes that a correction has kept as they were."""
    return dated(json.loads(before), lambda rate, *why: Tax(from_micros(rate), TaxCategory(why[0]), why[1]))


def _plain(tax: Tax) -> tuple[int, str, str]:
    return to_micros(tax.rate), tax.category.value, tax.reason


def already_right(made: TaxPlan) -> str:
    """That there is nothing to correct, in a sentence."""
    return (
        f"This tax rate already holds since {long_day(made.wanted.since)}, and no tax was charged otherwise."
    )


def _check(wanted: RateWanted, today: date) -> None:
    check_day("since", wanted.since)
    if wanted.since > today:
        raise Invalid("since", f"Choose today, {long_day(today)}, or an earlier day.")
    if len(wanted.said) > SENTENCE_LONGEST:
        raise Invalid("sentence", f"Too long: {SENTENCE_LONGEST} characters at most.")


def _kept(customer: Customer) -> set[date]:
    """The days on which the tax changed before corrections levelled it."""
    query = select(Correction.before).where(Correction.customer_id == customer.id)
    return {day for before in db.session.scalars(query) for day in changes(taxes_before(before))}


def _differs(made: TaxPlan, day: date) -> bool:
    """Whether another rate holds on a day since."""
    return day >= made.wanted.since and _rate(made.before, day) != _rate(made.after, day)


def _rate(taxes: History[Tax], day: date) -> int:
    """The rate of a day, in millionths of a per cent."""
    return to_micros(in_force(taxes, day).rate)


def _add_charges(made: TaxPlan) -> None:
    query = (
        select(Charge)
        .where(Charge.customer_id == made.customer.id, Charge.charge_on >= made.wanted.since)
        .where(Charge.corrects_id.is_(None), Charge.reverses_id.is_(None), Charge.writes_off_id.is_(None))
        .where(~is_undone(), Charge.opening_number.is_(None))
        .order_by(Charge.id)
    )
    roots = [root for root in db.session.scalars(query) if _differs(made, taxed_day(root))]
    unit = minor_unit(made.customer.currency)
    for some in in_chunks(roots):
        ids = [root.id for root in some]
        reversed_ = set(db.session.scalars(select(Charge.reverses_id).where(Charge.reverses_id.in_(ids))))
        lines: dict[int | None, list[Charge]] = defaultdict(list)
        named = select(Charge).where(Charge.corrects_id.in_(ids), counts_as_posted())
        named = named.order_by(Charge.number, Charge.id)
        for one in db.session.scalars(named):
            lines[one.corrects_id].append(one)
        numbers = _numbers([root for root in some if root.assignment_id])
        for root in some:
            if root.id in reversed_:
                made.reversed += 1
                continue
            whole = [root, *lines[root.id]]
            amount = sum(to_micros(one.amount) for one in whole)
            tax = sum(to_micros(one.tax) for one in whole)
            rate = _rate(made.after, taxed_day(root))
            key = root.assignment_id, root.period_from
            number = numbers.get(key, 0) if root.assignment_id else len(lines[root.id])
            line = TaxLine(root, whole[-1], number + 1, rate, amount, tax, tax_on(amount, rate, unit))
            if line.difference:
                made.lines.append(line)
                numbers[key] = number + 1


def _numbers(roots: Sequence[Charge]) -> dict[tuple[int | None, date], int]:
    """The last number of the credits and differences of each assignment and first day."""
    if not roots:
        return {}
    query = (
        select(Charge.assignment_id, Charge.period_from, func.max(Charge.number))
        .where(Charge.assignment_id.in_({root.assignment_id for root in roots}))
        .where(Charge.kind.in_((Kind.CREDIT, Kind.DIFFERENCE)))
        .group_by(Charge.assignment_id, Charge.period_from)
    )
    return {(id, begins): number for id, begins, number in db.session.execute(query)}


def _add_calls(made: TaxPlan) -> None:
    unit = minor_unit(made.customer.currency)
    query = (
        select(
            BalanceEntry.for_day,
            func.sum(type_coerce(BalanceEntry.amount, BigInteger)),
            func.sum(type_coerce(BalanceEntry.tax, BigInteger)),
        )
        .where(BalanceEntry.customer_id == made.customer.id, BalanceEntry.source == EntrySource.CALLS)
        .where(BalanceEntry.for_day >= made.wanted.since)
        .group_by(BalanceEntry.for_day)
        .order_by(BalanceEntry.for_day)
    )
    for day, total, tax in db.session.execute(query):
        if _differs(made, day):
            should = tax_on(int(tax) - int(total), _rate(made.after, day), unit)
            if should != -int(tax):
                made.calls.append(CallTax(day, -int(tax), should))


# -- making it


def post_rate(
    customer: Customer, wanted: RateWanted, *, seen: str, token: str, today: date, by: str, now: datetime
) -> Correction:
    """Store the right rate and post the tax that differs, once for a token. `seen` is the plan's fingerprint."""
    plans: list[TaxPlan] = []

    def make() -> Correction:
        locking.lock(Company, [ONLY], shared=True)
        locking.lock(Customer, [customer.id])
        lock_positions(db.session.scalars(_theirs(customer)).all())
        made = plan_rate(customer, wanted, today)
        if made.does_nothing:
            raise Invalid("since", already_right(made))
        if made.fingerprint != seen:
            raise RateChanged(made)
        plans.append(made)
        return Correction(
            token=token,
            customer_id=customer.id,
            currency=customer.currency,
            since=wanted.since,
            right=wanted.right,
            sentence=wanted.said,
            before=json.dumps([[day.isoformat(), *_plain(tax)] for day, tax in made.before]),
            call_tax=made.call_tax,
            made_on=today,
            made_by=by,
            made_at=now,
        )

    query = select(Correction).where(Correction.token == token)
    correction, is_new = once(Sent("correction", token, (customer, wanted)), query, make, receipt)
    if is_new:
        (made,) = plans
        store_taxes(customer, dict(made.after))
        db.session.flush()
        _post_lines(made, correction, today, by, now)
        _enter_calls(made, today, by, now)
        ids = db.session.scalars(_theirs(customer)).all()
        find_next_of(locking.read_anew(Assignment, ids), today)
    return correction


def _theirs(customer: Customer) -> Any:
    return select(Assignment.id).where(Assignment.customer_id == customer.id)


def _post_lines(made: TaxPlan, correction: Correction, today: date, by: str, now: datetime) -> None:
    if not made.lines:
        return
    customer = made.customer
    roots = [line.root.id for line in made.lines]
    lock_open(customer.id, touched_by(roots, [customer.id])[0])
    days = payment_days([customer.id])[customer.id]
    rows = [_row(line, correction, days, today, by, now) for line in made.lines]
    for some in in_chunks(rows):
        db.session.execute(insert(CHARGE), list(some))
    posted = Charge.correction_id == correction.id
    enter_charges(posted, today, now)
    open_new(posted)
    take_off(roots, today, by=by, now=now)
    take_off_discounts(_of_discounts(made, correction), today, by=by, now=now)
    set_off(customer.id, Act(today, by, now))


def _of_discounts(made: TaxPlan, correction: Correction) -> list[int]:
    """The differences above zero that name discounts to be used."""
    discounts = {
        line.root.id for line in made.lines if line.root.total < 0 and not line.root.auto_decrement_credit
    }
    query = select(Charge.id, Charge.corrects_id).where(
        Charge.correction_id == correction.id, Charge.amount + Charge.tax > 0
    )
    return [id for id, root_id in db.session.execute(query) if root_id in discounts]


def _row(
    line: TaxLine, correction: Correction, days: int, today: date, by: str, now: datetime
) -> dict[str, Any]:
    root, latest = line.root, line.latest
    to_pay = not root.auto_decrement_credit and line.difference > 0
    same = (
        "customer_id", "assignment_id", "package_id", "auto_decrement_credit", "period_from", "currency", "label",
        "did_number", "search_key",
    )  # fmt: skip
    shown = ("period_until", "quantity", "days", "whole_days")
    return {
        **{name: getattr(root, name) for name in same},
        **{name: getattr(latest, name) for name in shown},
        "unit_price": to_micros(latest.unit_price),
        "unit_cost": to_micros(latest.unit_cost),
        "spend": None if latest.spend is None else to_micros(latest.spend),
        "kind": (Kind.DIFFERENCE if line.difference > 0 else Kind.CREDIT).value,
        "charge_on": today,
        "number": line.number,
        "amount": 0,
        "cost": 0,
        "tax_rate": line.rate,
        "tax": line.difference,
        "corrects_id": root.id,
        "correction_id": correction.id,
        "due_on": first_due_day(today, today, days) if to_pay else None,
        "reason": "",
        "posted_by": by,
        "posted_at": now,
    }


def _enter_calls(made: TaxPlan, today: date, by: str, now: datetime) -> None:
    """The tax on calls is put right in the balance, an entry a day."""
    rows = [
        {
            "token": None,
            "customer_id": made.customer.id,
            "source": EntrySource.CALLS.value,
            "charge_id": None,
            "payment_id": None,
            "made_on": today,
            "for_day": one.day,
            "amount": one.tax - one.should,
            "tax": one.tax - one.should,
            "reason": made.wanted.said,
            "made_by": by,
            "made_at": now,
        }
        for one in made.calls
    ]
    for some in in_chunks(rows):
        db.session.execute(insert(ENTRY), list(some))
