"""The layout that a statement's names and all its rows lead to, and what somebody has to say before it is used."""

import re
from collections.abc import Sequence
from dataclasses import replace

from portal.domain.bank_files.layout import WORDS, BankLayout, recognise
from portal.domain.csv_files.heading import Heading
from portal.domain.csv_files.proof import PROVED, Facts, Proof, Proposal
from portal.domain.currencies import CURRENCIES

NO_DAY = "No column is known as the day of booking. Choose it."
NO_AMOUNT = "No column is known as the amount. Choose it, or the columns of what was paid in and paid out."
NO_CURRENCY = "The file does not say its currency. Choose it."
NO_SIGN = "No amount is below zero. Is everything paid in, or is there a column that says in or out?"
WHICH_DAY = "Days are written as in 03/11/2026. Is the day first, or the month?"
TWO_ORDERS = "Some days have the day first, others the month: such a file cannot be read."
WHICH_SIGN = "Amounts are written as in 1,234. Which sign stands before decimals?"
MONEY = ("amount", "paid_in", "paid_out", "balance")
# A currency in the name of a column: Amount (GBP), Betrag (€).
IN_NAME = re.compile(r"\(([A-Z]{3}|[£€])\)")
SIGNS = {"£": "GBP", "€": "EUR"}


def propose(heading: Heading, rows: Sequence[Sequence[str]]) -> Proposal[BankLayout]:
    """A layout for a statement with such a heading."""
    width = len(heading.head)
    proof = Proof(width)
    proof.add([*row, *[""] * (width - len(row))] for row in rows)
    layout = BankLayout(has_names=heading.has_names)
    layout = layout.with_columns(**_columns(heading, proof.columns))
    asks: dict[str, str] = {}
    if layout["booked_on"] is None:
        asks["booked_on"] = NO_DAY
    if layout["amount"] is None and layout["paid_in"] is None:
        asks["amount"] = NO_AMOUNT
    layout = _by_day(layout, _facts(proof.columns, layout["booked_on"]), asks)
    layout = _by_amounts(layout, proof.columns, asks)
    return Proposal(_by_currency(layout, heading.head, asks), asks)


def check_layout(layout: BankLayout) -> tuple[str, str] | None:
    """Which field a layout lacks that every statement needs, with the sentence; None where it has all."""
    if layout["booked_on"] is None:
        return "booked_on", NO_DAY
    if layout["amount"] is None and layout["paid_in"] is None and layout["paid_out"] is None:
        return "amount", NO_AMOUNT
    if layout["currency"] is None and not layout.currency_of_all:
        return "currency_of_all", NO_CURRENCY
    return None


def _columns(heading: Heading, facts: list[Facts]) -> dict[str, int]:
    """Which column says what: by names, each column once; days and amounts only where such stand in it."""
    found = recognise(heading.head) if heading.has_names else {}
    columns: dict[str, int] = {}
    for name in WORDS:
        places = [place for place in found.get(name, ()) if place not in columns.values()]
        if name == "booked_on":
            places = [p for p in places if facts[p].is_days_alone or facts[p].needs_day_order] or places
        if name in MONEY:
            places = [p for p in places if facts[p].above or facts[p].below or not facts[p].filled]
        # Of two columns of currencies the last is that of the amount, as the first is that of the balance.
        if places and name not in columns:
            columns[name] = places[-1] if name == "currency" and len(places) > 1 else places[0]
    return columns


def _by_day(layout: BankLayout, days: Facts, asks: dict[str, str]) -> BankLayout:
    if days.has_two_orders:
        asks["day_order"] = TWO_ORDERS
    elif days.needs_day_order and not days.day_order:
        asks["day_order"] = WHICH_DAY + PROVED[days.day_order]
    return replace(layout, day_order=days.day_order)


def _by_amounts(layout: BankLayout, facts: list[Facts], asks: dict[str, str]) -> BankLayout:
    money = [_facts(facts, layout[name]) for name in MONEY if layout[name] is not None]
    points, commas = any(one.points for one in money), any(one.commas for one in money)
    if points != commas:
        layout = replace(layout, decimal="." if points else ",")
    elif any(one.either for one in money) or points:
        asks["decimal"] = WHICH_SIGN
    amount = _facts(facts, layout["amount"])
    if layout["amount"] is not None and layout["direction"] is None and amount.above and not amount.below:
        asks["direction"] = NO_SIGN
    return layout


def _by_currency(layout: BankLayout, head: Sequence[str], asks: dict[str, str]) -> BankLayout:
    if layout["currency"] is not None:
        return layout
    for name in MONEY:
        place = layout[name]
        if place is not None and (found := IN_NAME.search(head[place])):
            code = SIGNS.get(found[1], found[1])
            if code in CURRENCIES:
                return replace(layout, currency_of_all=code)
    asks["currency_of_all"] = NO_CURRENCY
    return layout


def _facts(columns: list[Facts], place: int | None) -> Facts:
    return columns[place] if place is not None else Facts()
