"""Opening items from files (billing-rules 13 and 19): known by customer and number, credit as an adjustment."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from portal.domain.errors import Invalid, RuleBroken
from portal.domain.move_files.lines import Line
from portal.domain.move_files.opening import COLUMNS
from portal.domain.names import name_key
from portal.domain.schedule import LAST_DAY
from portal.domain.wording import day, digits, money_in
from portal.extensions import db
from portal.models import BalanceEntry, Charge, Customer, FileKind, MoveMade
from portal.services.charges import by_hand, opening_items
from portal.services.charges.opening_items import Key, OpeningItem, digest
from portal.services.chunks import in_chunks
from portal.services.credit import Act, check_not_archived, payment_days
from portal.services.moving_in.kind import At, Difference, Item, Kind, Made, Outcome, Planned
from portal.services.moving_in.whose import Whose, named

LABELS = {column.name: column.label for column in COLUMNS}
ITEM, CREDIT = "opening item", "credit"
CHANGED, TAKEN_BACK = "A file brought it in with other figures.", "Its import was undone."


class OpeningItems(Kind):
    """A file of opening items, a line each."""

    kind = FileKind.OPENING
    columns = COLUMNS
    noun = ITEM

    @classmethod
    def samples(cls) -> Sequence[Mapping[str, str]]:
        """Two invoices, and credit."""
        (first,) = super().samples()
        other = {"number": "2026-0502", "day": "2026-11-15", "due_on": "2026-11-29", "gross": "48.50"}
        credit = {"number": "CN-17", "due_on": "", "gross": "-12.00"}
        return (first, {**first, **other}, {**first, **credit})

    def amount_of(self, planned: Planned) -> tuple[str, Decimal]:
        """What is open there, tax included; below zero it is credit."""
        return planned.value.customer.currency, planned.value.gross

    def items(self, lines: Sequence[Line]) -> list[Item]:
        """Each line; one that says again what another one says, with the reason."""
        places: dict[tuple[str, str], int] = {}
        return [Item((line,), line.reason or _again(line, places)) for line in lines]

    def plan(self, items: Sequence[Item], today: date) -> list[Planned]:
        """What would become of each line."""
        whose = Whose(items)
        days = payment_days(whose.ids)
        wanted: dict[int, OpeningItem] = {}
        refused: dict[int, str] = {}
        for item in items:
            try:
                customer = whose.of(item.says)
                one = _wanted(item.says, customer, days[customer.id])
                opening_items.check(one, today)
                wanted[item.place] = one
            except RuleBroken as error:
                refused[item.place] = _said(error)
        first: dict[Key, int] = {}
        for place, one in wanted.items():
            if first.setdefault(one.key, place) != place:
                refused[place] = f"The same number of this customer is in line {first[one.key]} too."
        ids = {one.customer.id for one in wanted.values()}
        there, credits = opening_items.known(ids), opening_items.known_credits(ids)
        planned = []
        for item in items:
            if reason := refused.get(item.place):
                planned.append(Planned(item, Outcome.BAD, reason=reason))
                continue
            one = wanted[item.place]
            planned.append(_compared(item, one, there.get(one.key) or credits.get(digest(one.key))))
        return planned

    def lock(self, items: Sequence[Item], today: date) -> None:
        """Whose they are, what is open of theirs, and what is changed."""
        planned = self.plan(items, today)
        opening_items.lock(
            {one.value.customer.id for one in planned if one.value},
            [one.thing_id for one in planned if one.outcome == Outcome.CHANGED and one.thing_id],
        )

    def make(self, planned: Sequence[Planned], at: At) -> list[Made]:
        """Post the new ones together; what is changed is reversed, and posted as the file has it."""
        act = Act(at.today, at.by, at.now)
        before: dict[int, Mapping[str, Any]] = {}
        for one in planned:
            if one.outcome == Outcome.CHANGED:
                first = _stored(one)
                before[one.item.place] = _as_json(first) | {"number": one.value.number}
                _take_away(first, CHANGED, act)
        db.session.flush()
        made = opening_items.bring_in([one.value for one in planned], act)
        return [
            Made(
                one.item.place,
                _noun(row),
                row.id,
                one.label,
                one.item.place in before,
                before.get(one.item.place, {}),
                _as_json(row) if one.item.place in before else {},
            )
            for one, row in zip(planned, made, strict=True)
        ]

    def take_back(self, made: Sequence[MoveMade], at: At) -> dict[int, str]:
        """Reverse what was brought in; what was changed is brought in once more as it was before."""
        act = Act(at.today, at.by, at.now)
        rows = _rows(made)
        opening_items.lock(
            {row.customer_id for row in rows.values()},
            [row.id for row in rows.values() if isinstance(row, Charge)],
        )
        left: dict[int, str] = {}
        for one in made:
            row = rows[one.noun, one.thing_id]
            if _is_gone(row):
                continue
            try:
                _take_away(row, TAKEN_BACK, act)
            except RuleBroken as error:
                left[one.id] = error.sentence
                continue
            if one.is_change:
                db.session.flush()
                opening_items.bring_in([_as_before(one, row)], act)
        return left


def _again(line: Line, places: dict[tuple[str, str], int]) -> str:
    """Why a line cannot be an item, whatever is stored. Keeps which one it is."""
    number = line.says.get("number", "")
    if not number:
        return "Number is empty: the item is known by it."
    if "gross" not in line.says:
        return "Gross is empty: enter what is still to be paid."
    if "day" not in line.says:
        return "Date is empty: enter the day of the paper."
    place = places.setdefault((named(line.says), name_key(number)), line.place)
    return "" if place == line.place else f"The same number of this customer is in line {place} too."


def _wanted(says: Mapping[str, Any], customer: Customer, days: int) -> OpeningItem:
    """The item of a line: without a due day it is due so many days after its own. Credit has none."""
    due_on = says.get("due_on") or min(says["day"] + timedelta(days=days), LAST_DAY)
    gross: Decimal = says["gross"]
    return OpeningItem(customer, says["number"], says["day"], None if gross < 0 else due_on, gross)


def _said(error: RuleBroken) -> str:
    label = LABELS.get(error.field, "") if isinstance(error, Invalid) else ""
    return f"{label}: {error.sentence}" if label else error.sentence


def _compared(item: Item, wanted: OpeningItem, first: Charge | BalanceEntry | None) -> Planned:
    """What becomes of an item that is there already, or is not."""
    currency = wanted.customer.currency
    label = f"{wanted.customer.name}: {item.says['number']}, {money_in(wanted.gross, currency)}"
    if first is None:
        return Planned(item, Outcome.NEW, label, value=wanted)
    stored = _figures(first)
    said = (wanted.day, wanted.due_on, wanted.gross)
    differs = tuple(
        Difference(LABELS[name], _words(was, currency), _words(now, currency))
        for name, was, now in zip(("day", "due_on", "gross"), stored, said, strict=True)
        if was != now
    )
    if not differs:
        return Planned(item, Outcome.SAME, label, thing_id=first.id)
    return Planned(item, Outcome.CHANGED, label, "", differs, first.id, wanted)


def _figures(row: Charge | BalanceEntry) -> tuple[date, date | None, Decimal]:
    """Day, due day and amount of what was brought in."""
    if isinstance(row, Charge):
        return row.charge_on, row.due_on, row.amount
    return row.for_day, None, -row.amount


def _words(value: Any, currency: str) -> str:
    if isinstance(value, Decimal):
        return money_in(value, currency)
    return day(value) if value else "none"


def _noun(row: Charge | BalanceEntry) -> str:
    return ITEM if isinstance(row, Charge) else CREDIT


def _stored(planned: Planned) -> Charge | BalanceEntry:
    """What a change is made to: the item, or the credit, that is there."""
    wanted: OpeningItem = planned.value
    ids = [wanted.customer.id]
    return opening_items.known(ids).get(wanted.key) or opening_items.known_credits(ids)[digest(wanted.key)]


def _take_away(row: Charge | BalanceEntry, reason: str, act: Act) -> None:
    """Reverse an item; take credit back. RuleBroken where that cannot be."""
    if isinstance(row, Charge):
        by_hand.reverse(row, reason, today=act.today, by=act.by, now=act.now)
    else:
        check_not_archived(db.session.get_one(Customer, row.customer_id))
        opening_items.take_credit_back(row, reason, act)


def _is_gone(row: Charge | BalanceEntry) -> bool:
    """Whether somebody has taken it back already."""
    if isinstance(row, Charge):
        return by_hand.reversal_of(row) is not None
    return opening_items.was_taken_back(row)


def _as_before(made: MoveMade, row: Charge | BalanceEntry) -> OpeningItem:
    """What a change took away."""
    was = json.loads(made.before)
    due_on = date.fromisoformat(was["due_on"]) if was["due_on"] else None
    customer = db.session.get_one(Customer, row.customer_id)
    return OpeningItem(customer, was["number"], date.fromisoformat(was["day"]), due_on, Decimal(was["gross"]))


def _as_json(row: Charge | BalanceEntry) -> dict[str, Any]:
    on, due_on, gross = _figures(row)
    return {"day": on.isoformat(), "due_on": due_on and due_on.isoformat(), "gross": digits(gross)}


def _rows(made: Sequence[MoveMade]) -> dict[tuple[str, int], Charge | BalanceEntry]:
    """What was made, by what it is and its id."""
    found: dict[tuple[str, int], Charge | BalanceEntry] = {}
    for some in in_chunks([one.thing_id for one in made if one.noun == ITEM]):
        found |= {
            (ITEM, row.id): row for row in db.session.scalars(select(Charge).where(Charge.id.in_(some)))
        }
    for some in in_chunks([one.thing_id for one in made if one.noun == CREDIT]):
        entries = db.session.scalars(select(BalanceEntry).where(BalanceEntry.id.in_(some)))
        found |= {(CREDIT, row.id): row for row in entries}
    return found
