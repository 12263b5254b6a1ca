"""The first page after signing in: what recurs, what falls due, what came in, and what needs a look."""

from contextlib import suppress
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from flask import Flask, Response, abort, render_template, request
from sqlalchemy.exc import DBAPIError

from portal.clock import now, today
from portal.domain.wording import money, month_name, short_day
from portal.services import credit
from portal.services.overview import due, history, recurring, watch
from portal.services.overview.refreshing import refresh
from portal.services.overview.remembering import Reading
from portal.services.packages.catalogue import default_currency
from portal.web.http.afterwards import afterwards
from portal.web.overview import bp, charts

PACKAGES_SHOWN = 12
DUE_HEIGHT = 400
ZERO = Decimal(0)
CURRENCY_LETTERS = 3


@bp.get("/")
def show() -> str:
    day = today()
    reading = Reading(day)
    recurs = recurring.recurring(reading)
    charged = history.by_month(reading)
    currencies = _currencies(recurs, history.currencies(charged))
    currency = _currency(currencies)
    ahead, past = due.due(reading), history.history(currency, day, charged)
    days = list(ahead.days(currency))
    counts, losses = watch.counts(reading), watch.losses(reading)
    if reading.age is not None:
        afterwards(partial(refresh, day))
    return render_template(
        "overview/show.html",
        today=day,
        now=now(),
        recurs=recurs,
        currencies=currencies,
        currency=currency,
        currency_choices=[(code, code) for code in currencies],
        counts=counts,
        added_up=now() - timedelta(seconds=reading.age) if reading.age is not None else None,
        due=ahead,
        due_height=DUE_HEIGHT,
        due_days=days,
        weeks=_weeks(days),
        still_due=ahead.until(currency, _last_of_month(day)),
        history=past,
        packages=_shown(past.packages),
        chart_height=_height(_shown(past.packages)),
        held=watch.held(day),
        named=watch.NAMED,
        runs=watch.runs_to_look_at(now()),
        imports=watch.imports_to_look_at(now()),
        below_cost=watch.sold_below_cost(day),
        losses=losses,
        below=credit.below_limit(most=watch.NAMED + 1),
        leaving=watch.leaving(day),
    )


def _currencies(recurs: list[recurring.Recurring], charged: set[str]) -> list[str]:
    """The currencies that there is anything to say about: the provider's own first."""
    found = {row.currency for row in recurs} | charged
    own = default_currency()
    return sorted(found, key=lambda currency: (currency != own, currency)) or [own]


def _currency(currencies: list[str]) -> str:
    """The one that the address asks for, else the first."""
    asked = request.args.get("currency", "")[:CURRENCY_LETTERS]
    return asked if asked in currencies else currencies[0]


def _weeks(days: list[due.DayDue]) -> list[list[due.DayDue | None]]:
    """The days as a calendar has them: from Monday to Sunday, None where a week is not whole."""
    if not days:
        return []
    before, after = days[0].on.weekday(), 6 - days[-1].on.weekday()
    padded = [None] * before + list(days) + [None] * after
    return [padded[start : start + 7] for start in range(0, len(padded), 7)]


def _last_of_month(day: date) -> date:
    first_of_next = date(day.year + day.month // 12, day.month % 12 + 1, 1)
    return date.fromordinal(first_of_next.toordinal() - 1)


def add_up_ahead(app: Flask) -> None:
    """When a server process starts: add up what takes long before anybody asks for it."""
    app.extensions["portal.afterwards"].do(_add_up, "http://localhost")


def _add_up() -> None:
    with suppress(DBAPIError):  # no tables yet, or no database: whoever asks for a page is told
        refresh(today())
        refresh(today(), anew=True)  # the first time takes longer than it will ever take again


# -- the pictures


@bp.get("/overview/charts/<name>.svg")
def chart(name: str) -> Response:
    pictures = {"due": _due, "months": _months, "packages": _packages}
    if name not in pictures:
        abort(404)
    currency = request.args.get("currency", "")[:CURRENCY_LETTERS] or default_currency()
    narrow = request.args.get("narrow") == "1"
    return pictures[name](currency, charts.NARROW if narrow else charts.WIDE)


def _history(currency: str) -> history.History:
    day = today()
    return history.history(currency, day, history.by_month(Reading(day)))


def _due(currency: str, width: int) -> Response:
    days = list(due.due(Reading(today())).days(currency))
    series: list[tuple[str, list[Any]]] = [("Falls due", [day.amount - day.at_most for day in days])]
    colours = [0]
    if any(day.at_most for day in days):
        series.append(("Minimum spend, at most", [day.at_most for day in days]))
        colours.append(3)
    every = 5 if width == charts.WIDE else 10
    labels = [short_day(day.on) if place % every == 0 else "" for place, day in enumerate(days)]
    return charts.stacked_bars(
        series, labels, colours=colours, say=_axis(currency), width=width, height=DUE_HEIGHT
    )


def _months(currency: str, width: int) -> Response:
    months = _history(currency).months
    series = [
        ("Recurring", [month.recurring.amount for month in months]),
        ("Margin", [month.recurring.margin for month in months]),
    ]
    labels = [month_name(month.begins) for month in months]
    return charts.bars(series, labels, colours=[0, 1], say=_axis(currency), width=width)


def _packages(currency: str, width: int) -> Response:
    """The largest margins, and every loss: the largest stands at the top."""
    shown = _shown(_history(currency).packages)[::-1]
    margins = [row.sums.margin for row in shown]
    series, colours = [("Margin", [max(margin, ZERO) for margin in margins])], [1]
    if any(margin < 0 for margin in margins):
        series.append(("Loss", [min(margin, ZERO) for margin in margins]))
        colours.append(2)
    return charts.lying_bars(
        series,
        [row.name for row in shown],
        colours=colours,
        say=_axis(currency),
        width=width,
        height=_height(shown),
    )


def _shown(packages: list[history.OfPackage]) -> list[history.OfPackage]:
    losses = [row for row in packages if row.sums.margin < 0][-PACKAGES_SHOWN // 2 :]
    gains = [row for row in packages if row.sums.margin >= 0][: PACKAGES_SHOWN - len(losses)]
    return gains + losses


def _height(shown: list[history.OfPackage]) -> int:
    """As high as the table beside it, about."""
    return 60 + 34 * len(shown)


def _axis(currency: str) -> Any:
    """How a chart writes an amount: whole, as its axis has room for."""

    def say(value: Decimal) -> str:
        return money(value, currency).partition(".")[0]

    return say
