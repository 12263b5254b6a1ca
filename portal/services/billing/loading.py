"""Terms of stored assignments: read many at once, as the plain values that the engine takes.

A run reads a chunk of assignments with a handful of statements, whatever their number; nothing here makes
an object of a model.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Row, Select, bindparam, func, select, type_coerce
from sqlalchemy.orm import aliased

from portal.database import asked_once, is_reading
from portal.domain.charges import charges_due, corrected_from
from portal.domain.due import Due, Kind, Late, Position, Posted, Spend, no_spend
from portal.domain.money import minor_unit
from portal.domain.schedule import ONE_DAY, Schedule
from portal.domain.terms import History, OwnPrices, Prices, Terms, in_force, with_own
from portal.extensions import db
from portal.models import (
    Assignment,
    AssignmentEnd,
    AssignmentPosition,
    AssignmentPrice,
    AssignmentQuantity,
    Call,
    Charge,
    Company,
    Correction,
    Customer,
    CustomerTaxRate,
    Did,
    Package,
    PackagePrice,
    PackageSchedule,
    is_undone,
)
from portal.services.among import IDS, among, is_among, is_among_too

# No period is longer than a year, so a correction never reaches further back than this before the last day.
LONGEST_PERIOD = timedelta(days=366)
# As many assignments are remembered as a page works out.
KNOWN_MOST = 5_000
OF_PERIODS = (Kind.RECURRING, Kind.MINIMUM_SPEND, Kind.CREDIT, Kind.DIFFERENCE)


class Facts(NamedTuple):
    """What a charge copies from its assignment."""

    assignment_id: int
    package_id: int
    customer_id: int
    did_id: int | None
    label: str
    did_number: str
    currency: str
    auto_decrement_credit: bool


class Root(NamedTuple):
    """The charge that corrections of a period name, and whether it was taken from the balance."""

    id: int
    auto_decrement_credit: bool


@dataclass(slots=True)
class Loaded:
    """One assignment, ready for the engine: `roots` are the charges that corrections name, by period."""

    facts: Facts
    terms: Terms
    position: Position
    version: int
    post_all_through: date | None
    posted: dict[date, Posted]
    roots: dict[date, Root]
    spend: Spend
    late: Late | None = None
    was_undone: bool = False
    # Whether the customer's tax rate was corrected back: then every charge bears the rate of its date.
    rates_corrected: bool = False

    def due(self, through: date) -> Due:
        """What falls due up to `through`."""
        return charges_due(self.terms, self.position, through, self.posted, self.spend, self.late)


# What is asked for each chunk, written once: to write it anew takes a small chunk longer than the answer.


def _micros(column: Any) -> Any:
    """Money as the engine counts it."""
    return type_coerce(column, BigInteger).label(column.key)


def _each(prices: Any) -> list[Any]:
    return [_micros(price) for price in (prices.cost, prices.retail, prices.setup_cost, prices.setup_retail)]


def _since(of: Any, *values: Any, day: Any) -> Select[Any]:
    """Rows of (whose, since when, value ...) of many, each one's in the order of the days, as an index has them."""
    return select(of, day, *values).where(is_among(of, IDS)).order_by(of, day)


_ASSIGNMENTS: Any = (
    select(
        Assignment.id,
        Assignment.package_id,
        Assignment.customer_id,
        Assignment.did_id,
        Assignment.start_date,
        Assignment.charge_from,
        Assignment.anchor,
        Assignment.auto_decrement_credit,
        Did.number,
        AssignmentPosition.charged_until,
        AssignmentPosition.worked_through,
        AssignmentPosition.version,
        AssignmentPosition.post_all_through,
        AssignmentPosition.late_from,
        AssignmentPosition.late_on,
        AssignmentPosition.was_undone,
    )
    .join(AssignmentPosition, AssignmentPosition.assignment_id == Assignment.id)
    .outerjoin(Did, Did.id == Assignment.did_id)
    .where(is_among(Assignment.id, IDS), is_among_too(AssignmentPosition.assignment_id, IDS))
    .order_by(Assignment.id)
)
_PACKAGES = select(Package.id, Package.name, Package.proration, Package.minimum_spend).where(
    is_among(Package.id, IDS)
)
_CUSTOMERS = select(
    Customer.id,
    Customer.currency,
    select(Correction.id).where(Correction.customer_id == Customer.id).exists().label("rates_corrected"),
).where(is_among(Customer.id, IDS))
_SCHEDULES = _since(
    PackageSchedule.package_id,
    PackageSchedule.frequency,
    PackageSchedule.frequency_match,
    day=PackageSchedule.effective_from,
)
_PRICES = (
    select(PackagePrice.package_id, PackagePrice.currency, PackagePrice.effective_from, *_each(PackagePrice))
    .where(is_among(PackagePrice.package_id, IDS))
    .order_by(PackagePrice.effective_from)
)
_OWN_PRICES = _since(
    AssignmentPrice.assignment_id, *_each(AssignmentPrice), day=AssignmentPrice.effective_from
)
_TAX_RATES = _since(
    CustomerTaxRate.customer_id, _micros(CustomerTaxRate.rate), day=CustomerTaxRate.effective_from
)
_QUANTITIES = _since(
    AssignmentQuantity.assignment_id, AssignmentQuantity.quantity, day=AssignmentQuantity.effective_from
)
_ENDS = _since(AssignmentEnd.assignment_id, AssignmentEnd.end_date, day=AssignmentEnd.known_on)
_CALL_DAYS = select(Company.usage_wait_days, Company.late_call_days).limit(1)
_reversal = aliased(Charge)
_POSTED = (
    select(
        Charge.assignment_id,
        Charge.id,
        Charge.period_from,
        Charge.period_until,
        Charge.kind,
        Charge.charge_on,
        Charge.number,
        Charge.corrects_id,
        Charge.auto_decrement_credit,
        *(_micros(column) for column in (Charge.amount, Charge.cost, Charge.tax, Charge.spend)),
        type_coerce(Charge.tax_rate, BigInteger).label("rate"),
        select(_reversal.id).where(_reversal.reverses_id == Charge.id).exists().label("is_reversed"),
    )
    .where(is_among(Charge.assignment_id, IDS), Charge.kind.in_(OF_PERIODS))
    .where(Charge.period_from >= bindparam("earliest"), ~is_undone())
    .order_by(Charge.number, Charge.id)
)


def load(assignment_ids: Sequence[int], spend_before: date) -> list[Loaded]:
    """The assignments, in the order of their ids. Calls before `spend_before` count as spend.

    KeyError where a row that one of them needs is missing.
    """
    loaded, late_days = [], call_days()[1]
    for row, terms, common in _with_terms(assignment_ids):
        (
            id, package_id, customer_id, did_id, _, _, _, from_balance, number, charged_until, worked_through, version,
            post_all_through, late_from, late_on, was_undone,
        ) = tuple(row)  # fmt: skip
        currency, rates_corrected = common.customers[customer_id]
        label = common.packages[package_id][0]
        loaded.append(
            Loaded(
                Facts(id, package_id, customer_id, did_id, label, number or "", currency, from_balance),
                terms,
                Position(charged_until, worked_through),
                version,
                post_all_through,
                {},
                {},
                no_spend,
                Late(late_from, late_on, late_days) if late_from else None,
                was_undone,
                rates_corrected,
            )
        )
    for item in loaded:
        _check_position(item)
    _add_posted(loaded)
    _add_spend(loaded, spend_before)
    return loaded


def _check_position(item: Loaded) -> None:
    """ValueError for a position that nothing leads to: with it, nothing would ever be charged again."""
    charged_until, worked_through = item.position
    if charged_until and charged_until - (worked_through or charged_until) > 2 * LONGEST_PERIOD:
        raise ValueError(f"charged until {charged_until}, but worked through {worked_through} only")


def suppose_end(item: Loaded, end_date: date | None, today: date) -> None:
    """Work with an end date that is not stored: as if it had been set today."""
    if item.position.charged_until is None:
        ends: History[date | None] = ((item.terms.ends[0][0], end_date),)
    else:
        ends = (*(known for known in item.terms.ends if known[0] < today), (today, end_date))
        worked = item.position.worked_through
        item.position = item.position._replace(worked_through=worked and min(worked, today - ONE_DAY))
    item.terms, item.posted, item.roots = item.terms._replace(ends=ends), {}, {}
    _add_posted([item])


def terms_of(assignment_ids: Sequence[int]) -> dict[int, Terms]:
    """The terms alone of many assignments: what their charges are explained by.

    Those of which a row is missing are left out.
    """
    try:
        return {row.id: terms for row, terms, _ in _with_terms(assignment_ids)}
    except KeyError:
        if len(assignment_ids) == 1:
            return {}
        return {id: terms for one in assignment_ids for id, terms in terms_of([one]).items()}


def _with_terms(ids: Sequence[int]) -> list[tuple[Row[Any], Terms, "_Common"]]:
    """Assignments with their terms, in the order of their ids, each of them read once for a page."""
    known = asked_once("assignments with terms")
    found: list[tuple[Row[Any], Terms, _Common]] = []
    if new := [id for id in ids if id not in known]:
        common = _Common(_read(_ASSIGNMENTS, new))
        found = [(row, terms, common) for row, terms in zip(common.rows, common.terms(), strict=True)]
    if len(new) < len(ids):
        found = sorted((*found, *(known[id] for id in ids if id in known)), key=lambda one: one[0].id)
    if is_reading() and len(known) + len(new) <= KNOWN_MOST:
        known.update((one[0].id, one) for one in found)
    return found


def _read(statement: Any, ids: Iterable[int], **asked: Any) -> Sequence[Row[*tuple[Any, ...]]]:
    """Rows as they are stored, all at once: one by one they take twice as long. The session would look at each for
    objects, and there are none among them.
    """
    db.session.flush()
    return db.session.connection().execute(statement, {"ids": ids, **asked}).all()


@dataclass(slots=True)
class _Shared:
    """What assignments of the same packages, or customers, are charged by: of those that were asked for."""

    packages: dict[int, Any] = field(default_factory=dict)
    schedules: dict[int, History[Schedule]] = field(default_factory=dict)
    prices: dict[tuple[int, str], History[Prices]] = field(default_factory=dict)
    customers: dict[int, Any] = field(default_factory=dict)
    tax_rates: dict[int, History[int]] = field(default_factory=dict)
    asked: tuple[set[int], set[int]] = field(default_factory=lambda: (set(), set()))


def shared(packages: set[int], customers: set[int]) -> _Shared:
    """The same for these, each asked for once for a page."""
    found: _Shared = asked_once("shared by assignments").setdefault("", _Shared())
    if new := packages - found.asked[0]:
        found.packages |= _by_id(_PACKAGES, new)
        found.schedules |= _schedules(new)
        found.prices |= prices_of(new)
    if new_customers := customers - found.asked[1]:
        found.customers |= _by_id(_CUSTOMERS, new_customers)
        found.tax_rates |= tax_rates_of(new_customers)
    found.asked[0].update(new)
    found.asked[1].update(new_customers)
    return found


class _Common:
    """What assignments are charged by that is their package's or their customer's, and histories of their own."""

    def __init__(self, rows: Sequence[Row[Any]]) -> None:
        self.rows = rows
        packages, customers = {row.package_id for row in rows}, {row.customer_id for row in rows}
        ids = [row.id for row in rows]
        of = shared(packages, customers)
        self.packages, self.schedules, self.prices = of.packages, of.schedules, of.prices
        self.customers, self.tax_rates = of.customers, of.tax_rates
        self.quantities, self.ends, self.own = quantities_of(ids), _ends(ids), own_prices_of(ids)
        measures = any(self.packages[id][2] for id in packages if id in self.packages)
        self.wait_days = usage_wait_days() if measures else 0

    def terms(self) -> Iterator[Terms]:
        """The terms of each, in their order. KeyError where a row is missing."""
        for row in self.rows:
            id, package_id, customer_id, _, start_date, charge_from, anchor, *_ = tuple(row)
            _, proration, minimum_spend = self.packages[package_id]
            currency = self.customers[customer_id][0]
            own = self.own.get(id, ())
            prices = self.prices[package_id, currency]
            yield Terms(
                start_date,
                self.schedules[package_id],
                with_own(prices, own) if own else prices,
                self.quantities[id],
                self.ends[id],
                self.tax_rates[customer_id],
                minor_unit(currency),
                proration,
                minimum_spend,
                charge_from,
                self.wait_days if minimum_spend else 0,
                own,
                anchor,
            )


def _by_id(statement: Any, ids: Iterable[int]) -> dict[int, Any]:
    return {id: rest for id, *rest in _read(statement, ids)}


def call_days() -> tuple[int, int]:
    """Two settings: the days a minimum spend waits for its last calls, and those for which late calls reopen it."""
    known = asked_once("call days")
    if "" not in known:
        row = db.session.execute(_CALL_DAYS).first()
        known[""] = (row[0], row[1]) if row else (1, 90)
    found: tuple[int, int] = known[""]
    return found


def usage_wait_days() -> int:
    """The setting Usage Wait Days: how long a minimum spend waits for its last calls."""
    return call_days()[0]


def _histories(rows: Iterable[Any]) -> dict[Any, History[Any]]:
    """Rows of (whose, holds from, value), in order of the day, as histories."""
    found: dict[Any, History[Any]] = {}
    for whose, effective_from, value in rows:
        since = (effective_from, value)
        found[whose] = (*found[whose], since) if whose in found else (since,)
    return found


def _schedules(package_ids: Iterable[int]) -> dict[int, History[Schedule]]:
    rows = _read(_SCHEDULES, package_ids)
    return _histories((id, day, Schedule(frequency, match)) for id, day, frequency, match in rows)


def prices_of(package_ids: Iterable[int]) -> dict[tuple[int, str], History[Prices]]:
    """The prices of packages, by package and currency."""
    rows = _read(_PRICES, package_ids)
    return _histories(((id, currency), day, Prices(*four)) for id, currency, day, *four in rows)


def own_prices_of(assignment_ids: Sequence[int]) -> dict[int, History[OwnPrices]]:
    """The prices that are assignments' own, of those that have any."""
    rows = _read(_OWN_PRICES, assignment_ids)
    return _histories((id, day, OwnPrices(*four)) for id, day, *four in rows)


def tax_rates_of(customer_ids: Iterable[int]) -> dict[int, History[int]]:
    """The tax rates of customers, in millionths of a per cent."""
    return _histories(_read(_TAX_RATES, customer_ids))


def quantities_of(assignment_ids: Sequence[int]) -> dict[int, History[int]]:
    """The quantities of assignments."""
    return _histories(_read(_QUANTITIES, assignment_ids))


def _ends(assignment_ids: Sequence[int]) -> dict[int, History[date | None]]:
    return _histories(_read(_ENDS, assignment_ids))


def _add_posted(loaded: list[Loaded]) -> None:
    """Read what is posted of the periods that a changed end date may reach."""
    earliest = {
        item.facts.assignment_id: first - LONGEST_PERIOD
        for item in loaded
        if item.terms.recurs and (first := corrected_from(item.terms, item.late))
    }
    if earliest:
        _read_posted(loaded, earliest)


def add_posted_since(loaded: list[Loaded], day: date, spend_before: date) -> None:
    """Read what is posted of the periods that begin on a day or after it, in place of what was read before.

    With them the calls that a minimum spend of theirs is measured with.
    """
    for item in loaded:
        item.posted, item.roots = {}, {}
    if loaded:
        _read_posted(loaded, {item.facts.assignment_id: day for item in loaded})
        _add_spend(loaded, spend_before, day)


def _read_posted(loaded: list[Loaded], earliest: dict[int, date]) -> None:
    by_id: dict[int | None, Loaded] = {item.facts.assignment_id: item for item in loaded}
    taxed_on: dict[int, date] = {}
    for row in _read(_POSTED, earliest, earliest=min(earliest.values())):
        item = by_id[row.assignment_id]
        stands = item.posted.get(row.period_from, Posted())
        if row.period_until is None:  # of the setup of that day: it only counts on
            corrections = max(stands.corrections, row.number)
            item.posted[row.period_from] = stands._replace(corrections=corrections)
            continue
        if row.corrects_id is None:
            item.roots[row.period_from] = Root(row.id, row.auto_decrement_credit)
            taxed_on[row.id] = taxed_day(row)
            stands = stands._replace(reversed=row.is_reversed)
        item.posted[row.period_from] = stands._replace(
            amount=stands.amount + row.amount,
            cost=stands.cost + row.cost,
            tax=stands.tax + row.tax,
            corrections=max(stands.corrections, row.number),
            tax_rate=row.rate,
            until=row.period_until,
            spend=row.spend,
        )

    for item in loaded:
        for begins, root in item.roots.items() if item.rates_corrected else ():
            rate = in_force(item.terms.tax_rates, taxed_on[root.id])
            item.posted[begins] = item.posted[begins]._replace(tax_rate=rate)


def taxed_day(charge: Any) -> date:
    """The day whose tax rate a charge bears that corrects no other: its date; the date that a charge for what came to
    nothing would have had, where it was posted later."""
    if charge.kind in (Kind.SETUP, Kind.ONE_OFF):
        return charge.period_from  # type: ignore[no-any-return]
    if charge.kind in (Kind.CREDIT, Kind.DIFFERENCE):
        return charge.period_from if charge.spend is None else charge.period_until  # type: ignore[no-any-return]
    return charge.charge_on  # type: ignore[no-any-return]


def _add_spend(loaded: list[Loaded], before: date, since: date | None = None) -> None:
    """Give each minimum spend the calls that count for it, those since a day too."""
    measured = [item for item in loaded if item.terms.minimum_spend]
    if not measured:
        return
    first = min([_measured_from(item) for item in measured] + ([since] if since else []))
    spent: dict[tuple[int, int | None], dict[date, int]] = defaultdict(lambda: defaultdict(int))
    if whole := {item.facts.customer_id for item in measured if item.facts.did_id is None}:
        for customer_id, by_day in _spent_by(whole, first, before):
            spent[customer_id, None] = by_day
    if dids := {item.facts.did_id for item in measured if item.facts.did_id is not None}:
        customers = {item.facts.customer_id for item in measured}
        # A call counts for each DID that its record names, in either direction.
        for column in (Call.did_id, Call.other_did_id):
            # By these DIDs alone: by the customer, the calls of all of a large one's would be read for each chunk.
            query = _spend_by(first, before, column).where(column.is_not(None), among(column, dids))
            query = query.where(among(Call.customer_id + 0, customers))
            if column is Call.other_did_id:
                query = query.where(Call.did_id.is_distinct_from(Call.other_did_id))
            for customer_id, day, spend, did_id in db.session.execute(query):
                spent[customer_id, did_id][day] += int(spend)
    for item in measured:
        item.spend = spend_by_day(spent[item.facts.customer_id, item.facts.did_id])


def _spent_by(customer_ids: set[int], first: date, before: date) -> Iterator[tuple[int, dict[date, int]]]:
    """What each of these customers spent on calls each day; what was asked for more days before is not asked again."""
    known = asked_once("spent by customers")
    if new := {id for id in customer_ids if id not in known or first < known[id][0] or before > known[id][1]}:
        known.update((id, (first, before, {})) for id in new)
        query = _spend_by(first, before).where(among(Call.customer_id, new))
        for customer_id, day, spend in db.session.execute(query):
            known[customer_id][2][day] = int(spend)
    for id in customer_ids:
        yield id, {day: spend for day, spend in known[id][2].items() if first <= day < before}


def _spend_by(first: date, before: date, *more: Any) -> Select[*tuple[Any, ...]]:
    """What calls cost each customer each day, after free minutes and before tax, in micros."""
    spend = type_coerce(Call.amount, BigInteger) - type_coerce(Call.covered_amount, BigInteger)
    return (
        select(Call.customer_id, Call.day, func.sum(spend), *more)
        .where(Call.day >= first, Call.day < before)
        .group_by(Call.customer_id, Call.day, *more)
    )


def _measured_from(item: Loaded) -> date:
    """The first day whose calls can matter to a minimum spend."""
    running = item.position.charged_until or item.terms.begins
    corrected = corrected_from(item.terms, item.late)
    return min(running, corrected - LONGEST_PERIOD) if corrected else running


def spend_by_day(by_day: dict[date, int]) -> Spend:
    """Spend in a span, from what was spent each day, in micros."""

    def spend(begins: date, until: date) -> int:
        if (until - begins).days > len(by_day):
            return sum(amount for day, amount in by_day.items() if begins <= day < until)
        return sum(by_day.get(begins + ONE_DAY * n, 0) for n in range((until - begins).days))

    return spend
