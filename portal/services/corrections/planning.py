"""What a correction of prices or quantities posts today: seen before it is made, and made as it was seen."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from hashlib import sha256

from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload

from portal.domain.correcting import Corrected, correct_back, next_change, price_by_price
from portal.domain.due import DueCharge
from portal.domain.errors import Invalid
from portal.domain.money import AMOUNT_BELOW, MICROS, from_micros
from portal.domain.schedule import ONE_DAY
from portal.domain.terms import History, Terms, in_force
from portal.domain.wording import listed, long_day, plural, whole
from portal.extensions import db
from portal.models import Assignment, Customer
from portal.services.billing.failures import Failed, load_each
from portal.services.billing.loading import Loaded, Root
from portal.services.chunks import in_chunks
from portal.services.corrections.right_terms import Right, right_terms
from portal.services.corrections.standing import standing_since
from portal.services.corrections.wanted import Wanted, Whose, check
from portal.services.credit import balances
from portal.services.packages.definition import PRICE_LABELS

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is posted, what stands and should be of the charge that it corrects, and that charge."""

    loaded: Loaded
    corrected: Corrected
    due: DueCharge
    root: Root | None

    @property
    def takes_from_balance(self) -> bool:
        """Whether it goes into the balance, as its charge did."""
        return self.root.auto_decrement_credit if self.root else self.loaded.facts.auto_decrement_credit


@dataclass(frozen=True, slots=True)
class Left:
    """An assignment of which something is left as it is, and why."""

    assignment: Assignment
    why: str


@dataclass(slots=True)
class Sums:
    """What the corrected charges of a customer, or of all in a currency, come to."""

    currency: str
    charged: Decimal = ZERO
    should: Decimal = ZERO
    tax: Decimal = ZERO
    cost: Decimal = ZERO
    lines: int = 0

    @property
    def difference(self) -> Decimal:
        """What is posted, before tax."""
        return self.should - self.charged

    @property
    def total(self) -> Decimal:
        """What is posted, with tax."""
        return self.difference + self.tax

    def take(self, line: Line) -> None:
        """Add a line."""
        self.charged += from_micros(line.corrected.stands.amount)
        self.should += from_micros(line.corrected.should.amount)
        self.tax += from_micros(line.due.tax)
        self.cost += from_micros(line.due.cost)
        self.lines += 1


@dataclass(slots=True)
class OfCustomer:
    """What a correction comes to for one customer. `available` is balance and debit limit once it is posted."""

    customer: Customer
    sums: Sums
    available: Decimal = ZERO
    falls_below: bool = False


@dataclass(slots=True)
class Plan:
    """All that a correction does."""

    wanted: Wanted
    whose: Whose
    today: date
    right: Right
    lines: list[Line] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    customers: list[OfCustomer] = field(default_factory=list)
    assignments: dict[int, Assignment] = field(default_factory=dict)
    later: list[tuple[str, date]] = field(default_factory=list)

    @property
    def does_nothing(self) -> bool:
        """Whether all is right already."""
        return not self.lines and not self.right.changes_anything

    @property
    def totals(self) -> list[Sums]:
        """In all, for each currency."""
        found: dict[str, Sums] = {}
        for line in self.lines:
            currency = line.loaded.facts.currency
            found.setdefault(currency, Sums(currency)).take(line)
        return [found[currency] for currency in sorted(found)]

    @property
    def fingerprint(self) -> str:
        """What somebody agreed to: where it differs when they post, it is shown again."""
        seen = (
            self.wanted, self.whose.package and self.whose.package.id, self.whose.assignment_ids, self.right.package,
            sorted(self.right.own.items()),
            [(line.loaded.facts.assignment_id, line.due, line.root) for line in self.lines],
            [(left.assignment.id, left.why) for left in self.left],
        )  # fmt: skip
        return sha256(repr(seen).encode()).hexdigest()[:20]


def plan(wanted: Wanted, whose: Whose, today: date) -> Plan:
    """Work out a correction. Invalid names the field that cannot be; nothing is written."""
    check(wanted, today)
    assignments = {one.id: one for one in assignments_of(wanted, whose)}
    _check_currency(wanted, assignments.values())
    active = [id for id, one in assignments.items() if one.customer.archived_on is None]
    loaded, failed = _load(active, today)
    made = Plan(wanted, whose, today, right_terms(wanted, whose, loaded), assignments=assignments)
    made.later = list(_later(wanted, made.right))
    for item in loaded:
        _check_bound(wanted, made.right.terms[item.facts.assignment_id])
    made.left += _archived(assignments.values())
    made.left += [Left(assignments[one.assignment_id], one.sentence) for one in failed]
    for some in in_chunks(loaded):
        for id, standing in standing_since(some, wanted.since, today).items():
            item = standing.loaded
            found = correct_back(
                made.right.terms[id], item.position, wanted.since, today, standing.stands, item.spend
            )
            for one in found:
                if one.line:
                    root = standing.root(one.kind, one.line.period_from)
                    made.lines.append(Line(item, one, one.line, root))
            made.left += _left_of(made, assignments[id], found)
    made.customers = _by_customer(made)
    return made


def assignments_of(wanted: Wanted, whose: Whose) -> Sequence[Assignment]:
    """The assignments that a correction is for: those chosen, or all of the package in the currency since the day."""
    query = (
        select(Assignment)
        .join(Customer, Customer.id == Assignment.customer_id)
        .options(joinedload(Assignment.customer), joinedload(Assignment.package), joinedload(Assignment.did))
        .where(Assignment.withdrawn_on.is_(None))
        .order_by(Assignment.id)
    )
    if whose.package:
        query = query.where(
            Assignment.package_id == whose.package.id,
            Customer.currency == wanted.currency,
            or_(Assignment.end_date.is_(None), Assignment.end_date >= wanted.since),
        )
        return db.session.scalars(query).all()
    found: list[Assignment] = []
    for some in in_chunks(whose.assignment_ids):
        found += db.session.scalars(query.where(Assignment.id.in_(some)))
    return found


def _load(ids: Sequence[int], today: date) -> tuple[list[Loaded], list[Failed]]:
    loaded: list[Loaded] = []
    failed: list[Failed] = []
    for some in in_chunks(ids):
        for one in load_each(some, spend_before=today + ONE_DAY):
            (failed if isinstance(one, Failed) else loaded).append(one)  # type: ignore[arg-type]
    return loaded, failed


def _check_currency(wanted: Wanted, assignments: Iterable[Assignment]) -> None:
    """Whether all are charged in the currency of the right price; a lifted one may be in several (billing-rules 14)."""
    currencies = sorted({one.customer.currency for one in assignments})
    named = any(price is not None for price in wanted.prices.values())
    if named and currencies and currencies != [wanted.currency]:
        raise Invalid(
            "retail",
            f"These are charged in {listed(currencies)}. Correct the prices of one currency at a time.",
        )


def _check_bound(wanted: Wanted, terms: Terms) -> None:
    """Whether every line stays below the bound (billing-rules 2)."""
    since = wanted.since
    quantities = [in_force(terms.quantities, since), *(n for day, n in terms.quantities if day > since)]
    prices = [in_force(terms.prices, since), *(four for day, four in terms.prices if day > since)]
    if max(price for four in prices for price in four) * max(quantities) >= AMOUNT_BELOW * MICROS:
        name = "quantity" if wanted.quantity is not None else next(iter(wanted.prices))
        raise Invalid(name, f"One charge would come to {whole(AMOUNT_BELOW)} or more.")


def _later(wanted: Wanted, right: Right) -> Iterator[tuple[str, date]]:
    """The changes of the same terms from which others hold again: the earliest of each."""
    histories: dict[str, list[History[object]]] = {}
    if right.package:
        histories = {name: [price_by_price(right.package[1], name)] for name in wanted.prices}
    else:
        for _, after in right.own.values():
            for name in wanted.prices:
                histories.setdefault(name, []).append(price_by_price(after.prices, name))
            if wanted.quantity is not None:
                histories.setdefault("quantity", []).append(after.quantities)
    for name, some in histories.items():
        days = [day for history in some if (day := next_change(history, wanted.since))]
        if days:
            yield PRICE_LABELS.get(name, "Quantity"), min(days)


def _archived(assignments: Iterable[Assignment]) -> Iterator[Left]:
    for one in assignments:
        if one.customer.archived_on:
            yield Left(one, f"{one.customer.name} is archived.")


def _left_of(made: Plan, assignment: Assignment, found: Sequence[Corrected]) -> Iterator[Left]:
    reversed_ = [one for one in found if one.stands.reversed]
    if reversed_:
        days = listed([long_day(one.should.period_from) for one in reversed_[:3]])
        more = f" and {whole(len(reversed_) - 3)} more" if len(reversed_) > 3 else ""
        charges = plural(len(reversed_), "charge was", "charges were")
        yield Left(assignment, f"{charges} reversed: of {days}{more}.")
    if made.whose.package:
        own = made.right.left_own.get(assignment.id)
        if own:
            labels = [PRICE_LABELS[name].lower() for name in own]
            yield Left(assignment, f"It has its own {listed(labels)}.")


def _by_customer(made: Plan) -> list[OfCustomer]:
    found: dict[int, OfCustomer] = {}
    taken: dict[int, Decimal] = {}
    for line in made.lines:
        customer = made.assignments[line.loaded.facts.assignment_id].customer
        of = found.setdefault(customer.id, OfCustomer(customer, Sums(customer.currency)))
        of.sums.take(line)
        if line.takes_from_balance:
            taken[customer.id] = taken.get(customer.id, ZERO) + from_micros(line.due.amount + line.due.tax)
    stand = balances(list(found))
    for id, of in found.items():
        now = stand.get(id, ZERO) + of.customer.debit_limit
        of.available = now - taken.get(id, ZERO)
        of.falls_below = of.available < 0 <= now
    return sorted(found.values(), key=lambda of: (of.customer.search_key, of.customer.id))
