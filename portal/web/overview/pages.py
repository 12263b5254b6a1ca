"""The first page after signing in: what is to be done, whether the month is ahead, and what comes."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import partial

from flask import Flask, Response, current_app, make_response, render_template, request
from sqlalchemy.exc import DBAPIError

from portal.clock import now, today
from portal.domain.wording import money, whole
from portal.services.charges.sums import LEFT
from portal.services.overview import (
    by_day,
    due,
    history,
    idle_dids,
    margins,
    owing,
    recurring,
    this_month,
    watch,
    won_and_lost,
)
from portal.services.overview.refreshing import refresh
from portal.services.overview.remembering import Reading
from portal.services.packages.catalogue import default_currency
from portal.web.http.afterwards import afterwards
from portal.web.overview import bp, charts
from portal.web.overview.to_do import to_do

# Rows of a ledger beside its sum.
ROWS = margins.SHOWN
CURRENCY_LETTERS = 3
# Which currency a browser looked at last; nobody's secret.
COOKIE, A_YEAR = "currency", timedelta(days=365)
# An amount of more letters is written in whole units where the cell of a day is to hold it.
LETTERS_MOST = 8


@bp.get("/")
def show() -> Response:
    day = today()
    reading = Reading(day)
    recurs = recurring.recurring(reading)
    charged = history.charged(day)
    ever = history.currencies(charged)
    currencies = _currencies(recurs, ever)
    currency = _currency(currencies)
    ahead, past = due.due(reading), history.history(currency, day, charged)
    counts, owes, idle = watch.counts(reading), owing.owing(reading, currency), idle_dids.idle_dids(reading)
    since = won_and_lost.month_before(day)
    moved = _moved(recurs, won_and_lost.of_month(reading, since), currencies)
    month = this_month.this_month(reading, currency, charged, ahead)
    charged_by_day = by_day.charged_by_day(reading).get(currency, {})
    context = {
        "to_do": to_do(reading, ahead, currency, owes, idle),
        "customers": _customers(reading, currency, past.compared_since),
    }
    if reading.late or charged.left > LEFT:
        afterwards(partial(refresh, day, reading.late))
    shown = render_template(
        "overview/show.html",
        today=day,
        recurs=moved,
        mine=next((row for row in moved if row.recurs.currency == currency), None),
        currencies=currencies,
        currency=currency,
        currency_choices=[(code, code) for code in currencies],
        since=since,
        month=month,
        counts=counts,
        is_new=not counts.assignments and not ever,
        added_up=now() - timedelta(seconds=reading.age) if reading.age is not None else None,
        due=ahead,
        days=days_of(list(ahead.days(currency)), currency),
        history=past,
        owing=owes,
        packages=_packages(past),
        lines=charts.months(
            charged_by_day,
            None if month.to_come is None else month.to_come_by_day,
            day,
            due.month_end(day),
        ),
        named=watch.NAMED,
        **context,
    )
    return _remembering(make_response(shown), currency)


def _currencies(recurs: list[recurring.Recurring], charged: set[str]) -> list[str]:
    """The currencies that there is anything to say about: the provider's own first."""
    found = {row.currency for row in recurs} | charged
    own = default_currency()
    return sorted(found, key=lambda currency: (currency != own, currency)) or [own]


def _currency(currencies: list[str]) -> str:
    """The one that the address asks for, else that which was looked at last, else the first."""
    for asked in (request.args.get("currency", ""), request.cookies.get(COOKIE, "")):
        if asked[:CURRENCY_LETTERS] in currencies:
            return asked[:CURRENCY_LETTERS]
    return currencies[0]


def _remembering(response: Response, currency: str) -> Response:
    if request.args.get("currency", "")[:CURRENCY_LETTERS] == currency:
        response.set_cookie(
            COOKIE,
            currency,
            max_age=A_YEAR,
            secure=current_app.config["SESSION_COOKIE_SECURE"],
            httponly=True,
            samesite="Lax",
            path=request.script_root + "/",
        )
    return response


@dataclass(frozen=True, slots=True)
class Moved:
    """What recurs in one currency, and what became of it since the end of last month."""

    recurs: recurring.Recurring
    moved: won_and_lost.WonAndLost


def _moved(
    recurs: list[recurring.Recurring], moved: list[won_and_lost.WonAndLost], order: list[str]
) -> list[Moved]:
    """A row for each currency of which anything recurs, or did: in the order of the currencies to choose from."""
    now, since = {row.currency: row for row in recurs}, {row.currency: row for row in moved}
    found = sorted(now.keys() | since.keys(), key=lambda one: (one not in order, one != order[0], one))
    return [
        Moved(now.get(one, recurring.Recurring(one)), since.get(one, won_and_lost.WonAndLost(one, counts={})))
        for one in found
    ]


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """A day of the calendar: what falls due, in few letters, and how long its bar is."""

    due: due.DayDue
    few: str
    bar: Decimal


def days_of(days: list[due.DayDue], currency: str) -> list[CalendarDay]:
    """What the calendar shows of these days."""
    few = [money(day.amount, currency) for day in days]
    if any(len(letters) > LETTERS_MOST for letters in few):
        few = [whole(day.amount.quantize(Decimal(1))) for day in days]
    return list(map(CalendarDay, days, few, charts.roots([day.amount for day in days])))


@dataclass(frozen=True, slots=True)
class Earning:
    """A row of a ledger by margin: whose charges, what they left, and the bar that says so."""

    name: str
    id: int | None
    margin: Decimal
    rate: Decimal | None
    bar: charts.Bar


@dataclass(frozen=True, slots=True)
class Ledger:
    """The largest margins and the worst losses, those last; how many more there are, and what all come to."""

    rows: Sequence[Earning]
    more: int
    margin: Decimal
    rate: Decimal | None


def _packages(past: history.History) -> Ledger:
    found = [(row.name, row.package_id or None, row.sums) for row in past.packages]
    return _ledger([*_ends(found)], len(found), past.total)


def _customers(reading: Reading, currency: str, since: date) -> Ledger:
    """By customer what is compared by package."""
    found = margins.of_customers(reading, currency, since)
    rows = found.rows(margins.CUSTOMER, 0, len(found.ids))
    named = [(row.of.name, row.of.id, row.left) for row in rows if row.of]
    return _ledger(_ends(named), found.count, found.total)


Of = tuple[str, int | None, "history.MonthSums | margins.Left"]


def _ends(found: Sequence[Of]) -> list[Of]:
    """The largest margins, and the worst of the losses: the largest stands at the top."""
    losses = [row for row in found if row[2].margin < 0][-(ROWS // 2) :]
    gains = [row for row in found if row[2].margin >= 0][: ROWS - len(losses)]
    return gains + losses


def _ledger(rows: Sequence[Of], count: int, total: "history.MonthSums | margins.Left") -> Ledger:
    bars = charts.lying([sums.margin for _, _, sums in rows])
    shown = [
        Earning(name, id, sums.margin, sums.margin_rate, bar)
        for (name, id, sums), bar in zip(rows, bars, strict=True)
    ]
    return Ledger(shown, count - len(rows), total.margin, total.margin_rate)


def add_up_ahead(app: Flask) -> None:
    """When a server process starts: add up what takes long before anybody asks for it."""
    app.extensions["portal.afterwards"].do(_add_up, "http://localhost")


def _add_up() -> None:
    with suppress(DBAPIError):  # no tables yet, or no database: whoever asks for a page is told
        refresh(today())
        refresh(today())  # the first time takes longer than it will ever take again
