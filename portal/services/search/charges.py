"""Charges: by number, by what is left to pay of those that are open, and opening items by their own numbers."""

from collections.abc import Collection
from decimal import Decimal

from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload

from portal.domain.names import search_key
from portal.domain.searching import Rank, Typed
from portal.domain.wording import money_in
from portal.extensions import db
from portal.models import Charge, OpenItem
from portal.services.charges.opening_items import label_of
from portal.services.parts import LETTERS, begins
from portal.services.search.hits import LOOKED_AT, SHOWN, Hit, Hits, Kind, best


def find_charges(typed: Typed) -> Hits:
    """The charge of this number, the open ones of which this amount is left, and opening items of this number."""
    opening, more = _first(_opening(typed))
    open_ones, more_open = _first(_with_left(typed)) if typed.amount is not None else ([], False)
    ids = {*opening, *open_ones, *([typed.charge_id] if typed.charge_id is not None else [])}
    if not ids:
        return Hits(Kind.CHARGE)
    query = select(Charge).where(Charge.id.in_(sorted(ids))).options(joinedload(Charge.customer))
    ranked = [(*_fit(charge, typed, opening), charge) for charge in db.session.scalars(query)]
    ranked.sort(key=lambda one: (one[0], one[2].id != typed.charge_id, one[2].id))
    left = _left([charge.id for _, _, charge in ranked[:SHOWN]])
    rows = [
        Hit(
            Kind.CHARGE,
            charge.id,
            f"Charge {charge.id}, {charge.label}",
            rank,
            why,
            (charge.customer.name, _told(charge, left.get(charge.id, Decimal(0)))),
        )
        for rank, why, charge in ranked[:SHOWN]
    ]
    return best(Kind.CHARGE, rows, more or more_open or len(ranked) > SHOWN)


def _first(query: Select[int]) -> tuple[list[int], bool]:
    """The first LOOKED_AT ids of a query, and whether there are more."""
    ids = list(db.session.scalars(query.limit(LOOKED_AT + 1)))
    return ids[:LOOKED_AT], len(ids) > LOOKED_AT


def _with_left(typed: Typed) -> Select[int]:
    query = select(OpenItem.charge_id).where(OpenItem.amount == typed.amount).order_by(OpenItem.charge_id)
    if not typed.currency:
        return query
    return query.join(Charge, Charge.id == OpenItem.charge_id).where(Charge.currency == typed.currency)


def _opening(typed: Typed) -> Select[int]:
    """Opening items whose number begins with what was typed; of fewer than three letters, those that have just that."""
    key = search_key(label_of(typed.text))
    fits = begins(Charge.search_key, key) if len(typed.phrase) >= LETTERS else Charge.search_key == key
    query = select(Charge.id).where(Charge.opening_number.is_not(None), fits)
    return query.order_by(Charge.search_key, Charge.id)


def _fit(charge: Charge, typed: Typed, opening: Collection[int]) -> tuple[Rank, str]:
    """How well it fits, and why."""
    if charge.id == typed.charge_id:
        return Rank.EXACT, "by number"
    if charge.id in opening:
        is_whole = search_key(charge.opening_number or "") == typed.phrase
        return Rank.EXACT if is_whole else Rank.BEGINS, f"by opening item {charge.opening_number}"
    return Rank.EXACT, "by what is left to pay"


def _left(ids: Collection[int]) -> dict[int, Decimal]:
    """What is left of those of which anything is."""
    query = select(OpenItem.charge_id, OpenItem.amount).where(OpenItem.charge_id.in_(ids))
    return {row[0]: row[1] for row in db.session.execute(query)}


def _told(charge: Charge, left: Decimal) -> str:
    """What a charge came to, and what is left of it."""
    total = money_in(charge.total, charge.currency)
    if left in (0, charge.total):
        return f"{total}, open" if left > 0 else total
    return f"{total}, {money_in(abs(left), charge.currency)} left {'to pay' if left > 0 else 'to use'}"
