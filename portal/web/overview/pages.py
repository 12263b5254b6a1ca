"""The first page after signing in: what recurs, what falls due, what came in, and what needs a look."""

from contextlib import suppress
from datetime import date, timedelta
from functools import partial

from flask import Flask, render_template, request
from sqlalchemy.exc import DBAPIError

from portal.clock import now, today
from portal.domain.wording import short_day
from portal.services.overview import due, history, owing, recurring, watch
from portal.services.overview.refreshing import refresh
from portal.services.overview.remembering import Reading
from portal.services.packages.catalogue import default_currency
from portal.tasks import watch as tasks
from portal.web.http.afterwards import afterwards
from portal.web.overview import bp, charts

PACKAGES_SHOWN = 12
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
    days, packages = list(ahead.days(currency)), _shown(past.packages)
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
        due_days=days,
        weeks=_weeks(days),
        still_due=ahead.until(currency, _last_of_month(day)),
        history=past,
        owing=owing.owing(reading, currency),
        packages=packages,
        due_labels=_mondays(days),
        due_chart=charts.stacked([(day.amount - day.at_most, day.at_most) for day in days]),
        months_chart=charts.beside(
            [(month.recurring.amount, month.recurring.margin) for month in past.months]
        ),
        package_bars=charts.lying([row.sums.margin for row in packages]),
        held=watch.held(day),
        named=watch.NAMED,
        not_posted=watch.not_posted(day, now()),
        unsent=watch.unsent(now()),
        jobs=tasks.look(),
        runs=watch.runs_to_look_at(now()),
        undoings=watch.undoings_to_look_at(now()),
        imports=watch.imports_to_look_at(now()),
        below_cost=watch.sold_below_cost(day),
        own_below_cost=watch.own_below_cost(day),
        losses=losses,
        below=watch.below(reading),
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


def _mondays(days: list[due.DayDue]) -> list[str]:
    """What stands below the days of a chart: each Monday, where there is room for it."""
    return [
        short_day(day.on) if day.on.weekday() == 0 and place < len(days) - 3 else ""
        for place, day in enumerate(days)
    ]


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


def _shown(packages: list[history.OfPackage]) -> list[history.OfPackage]:
    """The largest margins, and every loss: the largest stands at the top."""
    losses = [row for row in packages if row.sums.margin < 0][-PACKAGES_SHOWN // 2 :]
    gains = [row for row in packages if row.sums.margin >= 0][: PACKAGES_SHOWN - len(losses)]
    return gains + losses
