"""Packages: the list, and its rows, edited in place."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask import Response, flash, g, render_template, request, url_for
from flask_security import current_user
from sqlalchemy import Select
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.wrappers import Response as AnyResponse

from portal.clock import now, today
from portal.domain.errors import Invalid, RuleBroken, WayOut
from portal.domain.schedule import FIRST_DAY, Frequency, Schedule
from portal.domain.terms import PackageType
from portal.domain.wording import charged, long_day
from portal.extensions import db
from portal.models import BulkKind, Package, PackagePrice, PackageSchedule
from portal.services import bulk_acts, deletion, locking
from portal.services.exports import packages as exports
from portal.services.listing import page
from portal.services.overview import recurring
from portal.services.overview.recurring import Recurring, rate
from portal.services.overview.remembering import Reading
from portal.services.packages import catalogue as packages
from portal.services.packages import figures as package_figures
from portal.services.packages.changes import earliest_day, make_change, plan_change
from portal.services.packages.definition import definition_of
from portal.services.packages.impact import Impact, impact_of
from portal.web.http.bounds import row_id
from portal.web.http.htmx import fragment, is_htmx, see_other
from portal.web.http.locks import commit, lock_or_404
from portal.web.packages import bp
from portal.web.packages.forms import RowForm
from portal.web.shared.exports import FORM, send
from portal.web.shared.fields import put_error
from portal.web.shared.lists import ListState, list_state
from portal.web.shared.remembered import since_when
from portal.web.shared.undo import say_with_undo

MANY = 1000  # more than these are not counted
MANY_ADDED_UP = 100  # what more than these have is not added up while somebody waits


@dataclass(frozen=True, slots=True)
class Row:
    """A package as a row of the list shows it: in one of its currencies. `price` is None where all are lost."""

    package: Package
    currency: str
    price: PackagePrice | None
    schedule: PackageSchedule
    assigned: int
    brings: list[Recurring] | None

    @property
    def recurring(self) -> Recurring | None:
        """What it brings in a month: in the currency of its row, or in that in which most have it."""
        mine = self.brings or []
        return next((one for one in mine if one.currency == self.currency), mine[0] if mine else None)

    @property
    def other_currencies(self) -> int:
        """In how many more currencies it is sold."""
        return max(len(self.package.currencies) - 1, 0)

    @property
    def is_below_cost(self) -> bool:
        """Whether it is sold for less than it costs."""
        return self.price is not None and self.price.retail < self.price.cost

    @property
    def margin(self) -> Decimal | None:
        """What its retail leaves, in whole per cent of it; None where it has no retail."""
        return rate(self.price.retail - self.price.cost, self.price.retail) if self.price else None

    @property
    def planned(self) -> list[PackagePrice]:
        """The prices in its currency that apply from a later day on, the next first."""
        day = today()
        return [p for p in self.package.prices if p.currency == self.currency and p.effective_from > day]


@bp.app_template_filter("charged")
def charged_filter(schedule: PackageSchedule) -> str:
    """When a schedule charges, in few words: monthly, 15th and 31st."""
    return charged(Schedule(schedule.frequency, schedule.frequency_match))


# -- the list


@bp.get("")
def index() -> str | Response:
    return _list()


def _list(editing: "Row | None" = None, status: int = 200, **more: Any) -> Any:
    """The list; with `editing`, that row is open (without script, a row is opened by a page)."""
    g.list_path = url_for(".index")
    state, sold = _state(), packages.currencies_sold()
    found = page(_query(state), packages.SORTS[state.sort], state.after, state.before)
    reading = Reading(today())
    rows = _rows(found.rows, reading)
    if editing and editing.package.id not in {row.package.id for row in rows}:
        rows.insert(0, editing)
    context = {
        "rows": rows,
        "found": found,
        "state": state,
        "counts": packages.counts_by_state(),
        "currencies": [("", "Any currency"), *((code, code) for code in sold)],
        "editing": editing,
        "today": today(),
        "added_up": since_when(reading),
        **more,
    }
    if is_htmx() and not editing:
        return fragment("packages/_found.html", status, **context)
    return render_template("packages/index.html", **context), status


@bp.get(f"/list.{FORM}")
def download(form: str) -> Any:
    """All that the list finds, as a file."""
    state = _state()
    return send(exports.packages(_query(state), packages.SORTS[state.sort], today()), form)


@bp.post("/archive")
def archive_many() -> AnyResponse:
    ids = request.form.getlist("ids", type=row_id)
    if not ids:
        raise RuleBroken("No package was selected. Tick one or more rows first.")
    found = locking.lock(Package, ids)
    if not found:
        raise RuleBroken("No package that was selected exists any more.")
    moment = now()
    deletion.archive_packages(found, today(), by=str(current_user.email), now=moment)
    commit()
    said = f"Archived {len(found)} packages." if len(found) != 1 else f"Archived {found[0].name}."
    say_with_undo(said, bulk_acts.of_moment(BulkKind.ARCHIVED, str(current_user.email), moment))
    return see_other(url_for(".index", **_state().kept))


def _state() -> ListState:
    """What the address asks for."""
    return list_state(
        packages.SORTS,
        state=packages.STATES,
        type=("", *PackageType),
        frequency=("", *Frequency),
        currency=(),
    )


def _query(state: ListState) -> Select[Package]:
    return packages.find_packages(
        today(),
        state.text,
        state["state"],
        PackageType(state["type"]) if state["type"] else None,
        Frequency(state["frequency"]) if state["frequency"] else None,
        state["currency"],
    )


def _rows(found: Sequence[Package], reading: Reading) -> list[Row]:
    """Their rows. What very many have is not added up while somebody waits."""
    assigned = package_figures.assigned_to([package.id for package in found], today(), MANY)
    many = [id for id, count in assigned.items() if count > MANY_ADDED_UP]
    brings = recurring.of_packages(reading, [id for id in assigned if id not in many], many)
    return [_row_of(package, assigned[package.id], brings[package.id]) for package in found]


def _row(package: Package) -> Row:
    reading = Reading(today())
    (row,) = _rows([package], reading)
    since_when(reading)
    return row


def _row_of(package: Package, assigned: int = 0, brings: list[Recurring] | None = None) -> Row:
    day = today()
    wanted = (request.values.get("currency", ""), packages.default_currency(), *package.currencies)
    currency = next((code for code in wanted if code in package.currencies), "")
    price = package.price_on(currency, day)
    return Row(package, currency, price, package.schedule_on(day), assigned, brings)


# -- a row, edited in place


def _with_prices(package: Package) -> Row:
    """Its row, with prices to be changed, without what it brings. RuleBroken where they are lost."""
    row = _row_of(package)
    if row.price is None:
        raise RuleBroken(
            f"{package.name} has no prices.",
            WayOut("Give it prices", "packages.edit", {"package_id": package.id}),
        )
    return row


@bp.get("/<int:package_id>/row")
def row(package_id: int) -> Any:
    row = _row(db.get_or_404(Package, package_id))
    if not is_htmx():
        return see_other(url_for(".index", **_state().kept))
    return fragment("packages/_row.html", row=row, state=_state())


@bp.get("/<int:package_id>/row/edit")
def edit_row(package_id: int) -> Any:
    row = _with_prices(db.get_or_404(Package, package_id))
    stored = definition_of(row.package, earliest_day(row.package, today()))
    prices = stored.price_in(row.currency)
    assert prices is not None
    data = {"name": stored.name, "currency": row.currency, "cost": prices.cost, "retail": prices.retail}
    form = RowForm(formdata=None, data=data)
    form.effective_from.data = earliest_day(row.package, today())
    return _editing(row, form)


@bp.post("/<int:package_id>/row")
def update_row(package_id: int) -> Any:
    row = _with_prices(lock_or_404(Package, package_id))
    form = RowForm()
    stored = definition_of(row.package, earliest_day(row.package, today()))
    if form.is_stale(row.package.version):
        return _editing(row, form, 409, stale=True)
    definition = form.accepted(stored)
    if definition is None:
        return _editing(row, form, 422)
    try:
        change = plan_change(row.package, definition, form.effective_from.data, today())
        impact = impact_of(change)
        if impact.is_seen_first and form.confirmed.data != impact.fingerprint:
            return _editing(row, form, impact=impact)
        make_change(change)
        commit()
    except Invalid as problem:
        db.session.rollback()
        put_error(form, problem)
        return _editing(row, form, 422)
    except StaleDataError:
        db.session.rollback()
        return _editing(_row_of(db.get_or_404(Package, package_id)), form, 409, stale=True)
    flash(saved(impact))
    if not is_htmx():
        return see_other(url_for(".index", **_state().kept, _anchor=f"package-{package_id}"))
    return fragment("packages/_row.html", row=_row(row.package), state=_state())


def saved(impact: Impact) -> str:
    """What saving a change did, said once."""
    change = impact.change
    begins = change.effective_from
    if not change.of_terms or begins == FIRST_DAY:
        return f"Saved {change.definition.name}."
    return f"Saved {change.definition.name}. The new terms take effect on {long_day(begins)}."


def _editing(row: Row, form: RowForm, status: int = 200, **more: Any) -> Any:
    """The open row: by itself, or in the list, as it was asked for."""
    form.version.data = str(row.package.version)
    day = earliest_day(row.package, today())
    stored = definition_of(row.package, day)
    impact = more.get("impact")
    form.confirmed.data = impact.fingerprint if impact else ""
    context = {
        "form": form,
        "earliest": day,
        "today": today(),
        "stored": stored.price_in(row.currency),
        **more,
    }
    if not is_htmx():
        return _list(row, status, **context)
    return fragment("packages/_edit_row.html", status, row=row, state=_state(), **context)
