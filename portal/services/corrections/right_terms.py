"""The right terms in place of the wrong ones: worked out as the engine takes them, and stored.

An earlier correction may have levelled a change: that is one still, so that correcting back to what was brings it back.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import select

from portal.domain.correcting import changes, corrected, corrected_prices, own_or_none, price_by_price
from portal.domain.money import from_micros, to_micros
from portal.domain.terms import History, OwnPrices, Prices, Terms, in_force, with_own
from portal.extensions import db
from portal.models import (
    Assignment,
    AssignmentPrice,
    AssignmentQuantity,
    CorrectedAssignment,
    Correction,
    Package,
    PackagePrice,
)
from portal.services.billing.loading import Loaded, own_prices_of, prices_of
from portal.services.chunks import in_chunks
from portal.services.corrections.wanted import Wanted, Whose

# The days on which a term changed before corrections levelled it, by the term's name.
Kept = dict[str, set[date]]


class OfAssignment(NamedTuple):
    """What is an assignment's own: prices and quantities."""

    prices: History[OwnPrices]
    quantities: History[int]


@dataclass(slots=True)
class Right:
    """The right terms of many assignments, and what was theirs before.

    Of a package its prices; of chosen assignments what is their own.
    """

    terms: dict[int, Terms] = field(default_factory=dict)
    package: tuple[History[Prices], History[Prices]] | None = None
    own: dict[int, tuple[OfAssignment, OfAssignment]] = field(default_factory=dict)
    # Which of the prices that a package's correction names are own ones of whom: those it leaves alone.
    left_own: dict[int, list[str]] = field(default_factory=dict)

    @property
    def changes_anything(self) -> bool:
        """Whether the terms are others than before."""
        pairs = [*self.own.values(), *([self.package] if self.package else [])]
        return any(before != after for before, after in pairs)


def right_terms(wanted: Wanted, whose: Whose, loaded: Sequence[Loaded]) -> Right:
    """The right terms of these assignments. Nothing is stored."""
    prices = {name: None if price is None else to_micros(price) for name, price in wanted.prices.items()}
    packages = prices_of({item.facts.package_id for item in loaded})
    if whose.package:
        packages |= prices_of([whose.package.id])
    ids = [item.facts.assignment_id for item in loaded]
    own = {id: history for some in in_chunks(ids) for id, history in own_prices_of(some).items()}
    found = Right()
    if whose.package:
        before = packages[whose.package.id, wanted.currency]
        kept = _kept_of_package(whose.package.id, wanted.currency)
        after = corrected_prices(before, wanted.since, prices, kept=kept, for_good=wanted.for_good)
        found.package = before, after
        for item in loaded:
            id = item.facts.assignment_id
            mine = own.get(id, ())
            found.terms[id] = item.terms._replace(prices=with_own(after, mine))
            if names := [name for name in prices if _is_own_since(mine, name, wanted.since)]:
                found.left_own[id] = names
        return found
    levelled = _kept_of_assignments(ids)
    for item in loaded:
        id = item.facts.assignment_id
        was = OfAssignment(own_or_none(own.get(id, ())), item.terms.quantities)
        right = _own_corrected(was, wanted, prices, levelled[id])
        found.own[id] = was, right
        theirs = packages[item.facts.package_id, item.facts.currency]
        found.terms[id] = item.terms._replace(
            prices=with_own(theirs, right.prices),
            own_prices=right.prices,
            quantities=right.quantities,
        )
    return found


def _is_own_since(own: History[OwnPrices], name: str, since: date) -> bool:
    """Whether a price was an assignment's own on a day or after it."""
    history = price_by_price(own_or_none(own), name)
    return any(
        price is not None for price in (in_force(history, since), *(p for day, p in history if day > since))
    )


def _own_corrected(
    was: OfAssignment, wanted: Wanted, prices: Mapping[str, int | None], kept: Kept
) -> OfAssignment:
    since, for_good = wanted.since, wanted.for_good
    right = was
    if prices:
        right = right._replace(
            prices=corrected_prices(was.prices, since, prices, kept=kept, for_good=for_good)
        )
    if wanted.quantity is not None:
        levelled = kept.get("quantity", ())
        right = right._replace(
            quantities=corrected(was.quantities, since, wanted.quantity, kept=levelled, for_good=for_good)
        )
    return right


# -- the terms as they stood before


def as_json(history: History[Any]) -> list[list[Any]]:
    """A history as it is kept with a correction: days with values in micros."""
    return [[day.isoformat(), *(value if isinstance(value, tuple) else [value])] for day, value in history]


def _kept_of_package(package_id: int, currency: str) -> Kept:
    found: Kept = defaultdict(set)
    query = select(Correction.before).where(
        Correction.package_id == package_id, Correction.currency == currency
    )
    for before in db.session.scalars(query):
        _add_changes(found, json.loads(before), Prices)
    return found


def _kept_of_assignments(ids: Sequence[int]) -> dict[int, Kept]:
    found: dict[int, Kept] = defaultdict(lambda: defaultdict(set))
    for some in in_chunks(ids):
        query = select(CorrectedAssignment.assignment_id, CorrectedAssignment.before)
        for id, before in db.session.execute(query.where(CorrectedAssignment.assignment_id.in_(some))):
            told = json.loads(before)
            _add_changes(found[id], told["prices"], OwnPrices)
            found[id]["quantity"].update(changes(dated(told["quantities"], int)))
    return found


def _add_changes(found: Kept, rows: Sequence[Sequence[Any]], kind: Any) -> None:
    history = dated(rows, kind)
    for name in kind._fields:
        found[name].update(changes(price_by_price(history, name)))


def dated(rows: Iterable[Sequence[Any]], kind: Any) -> History[Any]:
    """What `as_json` has written, as a history."""
    return tuple((date.fromisoformat(day), kind(*values)) for day, *values in rows)


# -- storing the right ones


def store_package(package: Package, currency: str, right: History[Prices]) -> None:
    """Let a package have these prices in a currency."""
    rows = {row.effective_from: row for row in package.prices if row.currency == currency}
    for day, row in rows.items():
        if day not in dict(right):
            package.prices.remove(row)
    for day, prices in right:
        four = _decimals(prices)
        if day in rows:
            _put(rows[day], four)
        else:
            package.prices.append(PackagePrice(currency=currency, effective_from=day, **four))
    package.prices.sort(key=lambda row: (row.currency, row.effective_from))


def store_own(assignment: Assignment, right: OfAssignment) -> None:
    """Let an assignment have these own prices and quantities."""
    prices = right.prices if any(any(price is not None for price in own) for _, own in right.prices) else ()
    rows = {row.effective_from: row for row in assignment.own_prices}
    for day, row in rows.items():
        if day not in dict(prices):
            assignment.own_prices.remove(row)
    for day, own in prices:
        four = _decimals(own)
        if day in rows:
            _put(rows[day], four)
        elif day > prices[0][0] or any(price is not None for price in own):
            assignment.own_prices.append(AssignmentPrice(effective_from=day, **four))
    assignment.own_prices.sort(key=lambda row: row.effective_from)
    counted = {row.effective_from: row for row in assignment.quantities}
    for day, one in counted.items():
        if day not in dict(right.quantities):
            assignment.quantities.remove(one)
    for day, quantity in right.quantities:
        if day in counted:
            counted[day].quantity = quantity
        else:
            assignment.quantities.append(AssignmentQuantity(effective_from=day, quantity=quantity))
    assignment.quantities.sort(key=lambda row: row.effective_from)


def _decimals(prices: Prices | OwnPrices) -> dict[str, Decimal | None]:
    return {
        name: None if price is None else from_micros(price)
        for name, price in zip(prices._fields, prices, strict=True)
    }


def _put(row: Any, four: Mapping[str, Decimal | None]) -> None:
    for name, price in four.items():
        setattr(row, name, price)
