"""Packages by name, with what each is sold for."""

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from portal.domain.schedule import Schedule
from portal.domain.searching import Typed
from portal.domain.wording import charged, price_in
from portal.extensions import db
from portal.models import Package
from portal.services.packages.catalogue import default_currency
from portal.services.search.hits import SHOWN, Hit, Hits, Kind, best
from portal.services.search.words import ids_with_words


def find_packages(typed: Typed, today: date) -> Hits:
    """The packages whose names hold what was typed; those on sale first."""
    ids, more = ids_with_words(Package, typed)
    if not ids:
        return Hits(Kind.PACKAGE)
    query = select(Package).where(Package.id.in_(sorted(ids)))
    ranked = (
        (rank, bool(package.archived_on), package.search_key, package.id)
        for package in db.session.scalars(query)
        if (rank := typed.rank(package.search_key)) is not None
    )
    fits = sorted(ranked)
    shown = {id: rank for rank, _, _, id in fits[:SHOWN]}
    whole = select(Package).where(Package.id.in_(sorted(shown)))
    whole = whole.options(selectinload(Package.prices), selectinload(Package.schedules))
    packages = {package.id: package for package in db.session.scalars(whole)} if shown else {}
    rows = [
        Hit(Kind.PACKAGE, id, packages[id].name, rank, "by name", _known(packages[id], today))
        for id, rank in shown.items()
    ]
    return best(Kind.PACKAGE, rows, more or len(fits) > SHOWN)


def _known(package: Package, today: date) -> tuple[str, ...]:
    currencies = package.currencies
    currency = next((code for code in currencies if code == default_currency()), *currencies[:1])
    prices = package.price_on(currency, today) if currency else None
    schedule = package.schedule_on(today)
    return (
        *(["archived"] if package.archived_on else []),
        price_in(prices.retail, currency) if prices else "no prices",
        charged(Schedule(schedule.frequency, schedule.frequency_match)),
    )
