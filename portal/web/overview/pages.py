"""The first page after signing in: what recurs, what falls due, what came in, and what needs a look."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from flask import Flask, current_app, render_template, request
from flask_security import current_user
from sqlalchemy.exc import DBAPIError

from portal.clock import now, today, zone
from portal.services.charges.sums import LEFT
from portal.services.notes import lists as notes
from portal.services.overview import (
    due,
    history,
    idle_dids,
    owing,
    recurring,
    this_month,
    watch,
    won_and_lost,
)
from portal.services.overview.refreshing import refresh
from portal.services.overview.remembering import Reading
from portal.services.packages.catalogue import default_currency
from portal.services.summary import sending
from portal.services.summary.month_end import last_month
from portal.tasks import watch as tasks
from portal.web.http.afterwards import afterwards
from portal.web.overview import bp, charts

PACKAGES_SHOWN = 8
CURRENCY_LETTERS = 3


@bp.get("/")
def show() -> str:
    day = today()
    reading = Reading(day)
    recurs = recurring.recurring(reading)
    charged = history.charged(day)
    ever = history.currencies(charged)
    currencies = _currencies(recurs, ever)
    currency = _currency(currencies)
    ahead, past = due.due(reading), history.history(currency, day, charged)
    days, packages = list(ahead.days(currency)), _shown(past.packages)
    counts, losses, below = watch.counts(reading), watch.losses(reading), watch.below(reading)
    owes, own_below_cost = owing.owing(reading, currency), watch.own_below_cost(reading)
    since = won_and_lost.month_before(day)
    moved, idle = won_and_lost.of_month(reading, since), idle_dids.idle_dids(reading)
    month = this_month.this_month(reading, currency, charged, ahead)
    if reading.late or charged.left > LEFT:
        afterwards(partial(refresh, day, reading.late))
    return render_template(
        "overview/show.html",
        today=day,
        now=now(),
        recurs=_moved(recurs, moved, currencies),
        currencies=currencies,
        currency=currency,
        currency_choices=[(code, code) for code in currencies],
        since=since,
        idle=idle,
        month=month,
        counts=counts,
        is_new=not counts.assignments and not ever,
        added_up=now() - timedelta(seconds=reading.age) if reading.age is not None else None,
        due=ahead,
        due_days=days,
        weeks=_weeks(days),
        history=past,
        owing=owes,
        packages=packages,
        months_chart=charts.beside(
            [(month.recurring.amount, month.recurring.margin) for month in past.months]
        ),
        package_bars=charts.lying([row.sums.margin for row in packages]),
        held=watch.held(day),
        named=watch.NAMED,
        not_posted=watch.not_posted(day, now()),
        unsent=watch.unsent(now()),
        summaries_refused=sending.count_refused(last_month(day)),
        jobs=tasks.look(),
        runs=watch.runs_to_look_at(now()),
        undoings=watch.undoings_to_look_at(now()),
        imports=watch.imports_to_look_at(now()),
        bad_files=watch.with_bad_rows(),
        no_calls=watch.no_calls(day, zone(), current_app.config["CALLS_EXPECTED_DAYS"]),
        below_cost=watch.sold_below_cost(day),
        own_below_cost=own_below_cost,
        losses=losses,
        below=below,
        leaving=watch.leaving(day),
        notes_due=notes.due(day, str(current_user.email)),
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


def _weeks(days: list[due.DayDue]) -> list[list[due.DayDue | None]]:
    """The days as a calendar has them: from Monday to Sunday, None where a week is not whole."""
    if not days:
        return []
    before, after = days[0].on.weekday(), 6 - days[-1].on.weekday()
    padded = [None] * before + list(days) + [None] * after
    return [padded[start : start + 7] for start in range(0, len(padded), 7)]


def add_up_ahead(app: Flask) -> None:
    """When a server process starts: add up what takes long before anybody asks for it."""
    app.extensions["portal.afterwards"].do(_add_up, "http://localhost")


def _add_up() -> None:
    with suppress(DBAPIError):  # no tables yet, or no database: whoever asks for a page is told
        refresh(today())
        refresh(today())  # the first time takes longer than it will ever take again


def _shown(packages: list[history.OfPackage]) -> list[history.OfPackage]:
    """The largest margins, and every loss: the largest stands at the top."""
    losses = [row for row in packages if row.sums.margin < 0][-PACKAGES_SHOWN // 2 :]
    gains = [row for row in packages if row.sums.margin >= 0][: PACKAGES_SHOWN - len(losses)]
    return gains + losses
