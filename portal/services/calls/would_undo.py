"""What undoing an import of calls takes from whom, and what calls become then (billing-rules 16)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Subquery,
    case,
    cast,
    false,
    func,
    null,
    or_,
    select,
    type_coerce,
    union_all,
)
from sqlalchemy.orm import aliased

from portal.domain.money import from_micros
from portal.domain.schedule import FIRST_DAY, LAST_DAY
from portal.extensions import db
from portal.models import Call, CallChange, CallImport, CallSaid, Customer, ImportUndo, ImportUndoCustomer
from portal.models.call import TAKEN_BACK
from portal.models.raw_tables import raw_table
from portal.services.calls import said_again
from portal.services.calls.effects import too_late
from portal.services.chunks import in_chunks
from portal.services.listing import COUNTED, count_rows

OF_CUSTOMER = raw_table(ImportUndoCustomer)


@dataclass(slots=True)
class OfCustomer:
    """What leaves a customer: calls, what they were rated at, their days; those of calls too old to reopen anything."""

    id: int
    name: str
    currency: str
    is_archived: bool
    calls: int
    amount: Decimal
    first_day: date
    last_day: date
    late_from: date | None = None
    late_through: date | None = None


@dataclass(slots=True)
class Undoing:
    """What undoing an import would do now: calls that leave, those that are other files' then, each customer's."""

    leave: int = 0
    given: int = 0
    customers: list[OfCustomer] = field(default_factory=list)
    left: list[OfCustomer] = field(default_factory=list)

    @property
    def first_day(self) -> date | None:
        """The first day of the calls that leave or change."""
        return min((of.first_day for of in self.customers), default=None)

    @property
    def last_day(self) -> date | None:
        """The last one."""
        return max((of.last_day for of in self.customers), default=None)


def is_large(import_: CallImport) -> bool:
    """Whether it has more calls than are gone through while somebody waits for a page."""
    return count_rows(select(Call.id).where(Call.import_id == import_.id)) > COUNTED


def would_undo(import_: CallImport, today: date) -> Undoing:
    """What undoing an import would do now. Nothing is stored; it takes a while, where there are very many calls."""
    mine, late = Call.import_id == import_.id, too_late(today)
    tallies: dict[int, Tally] = defaultdict(Tally)
    for id, calls, micros, *days in db.session.execute(
        select(Call.customer_id, func.count(), *_sums(Call, late)).where(mine).group_by(Call.customer_id)
    ):
        tallies[id].calls, tallies[id].micros = int(calls), int(micros)
        tallies[id].reach(*days)
    heirs = heirs_of(mine)
    become = select(Call.customer_id, heirs.c.customer_id, func.count(), *_sums(heirs.c, late))
    become = become.join(Call, Call.id == heirs.c.call_id).group_by(Call.customer_id, heirs.c.customer_id)
    for id, to, given, micros, *days in db.session.execute(become):
        tallies[id].given += int(given)
        tallies[to].micros -= int(micros)
        tallies[to].reach(*days)
    changed = Call.id.in_(_changed_by_others()) & Call.id.not_in(select(heirs.c.call_id))
    others = select(Call.customer_id, func.count()).where(mine, changed).group_by(Call.customer_id)
    for id, given in db.session.execute(others):
        tallies[id].given += int(given)
    found = Undoing()
    for of in _named(tallies):
        if of.is_archived:
            found.left.append(of)
            continue
        found.customers.append(of)
        found.given += tallies[of.id].given
        found.leave += of.calls - tallies[of.id].given
    return found


def _sums(of: Any, late: date) -> tuple[ColumnElement[Any], ...]:
    """Of calls, or what is said of them: the amounts in micros; the days, and those before `late`, from and to."""
    old = case((of.day < late, of.day))
    amount = func.sum(type_coerce(of.amount, BigInteger))
    return amount, func.min(of.day), func.max(of.day), func.min(old), func.max(old)


@dataclass(slots=True)
class Tally:
    """What leaves a customer, and the days that it reaches; those of calls too old to reopen a period of their own."""

    calls: int = 0
    given: int = 0
    micros: int = 0
    first_day: date = LAST_DAY
    last_day: date = FIRST_DAY
    late_from: date | None = None
    late_through: date | None = None

    def reach(self, first: date, last: date, late_from: date | None, late_through: date | None) -> None:
        """Reach these days, too."""
        self.first_day, self.last_day = min(self.first_day, first), max(self.last_day, last)
        self.late_from = min(filter(None, (self.late_from, late_from)), default=None)
        self.late_through = max(filter(None, (self.late_through, late_through)), default=None)


def _named(tallies: Mapping[int, Tally]) -> list[OfCustomer]:
    """What leaves each customer, by their names."""
    found = []
    what = select(Customer.id, Customer.name, Customer.currency, Customer.archived_on, Customer.search_key)
    for some in in_chunks(sorted(tallies)):
        for id, name, currency, archived_on, key in db.session.execute(what.where(Customer.id.in_(some))):
            of = tallies[id]
            days = (of.first_day, of.last_day, of.late_from, of.late_through)
            row = OfCustomer(id, name, currency, bool(archived_on), of.calls, from_micros(of.micros), *days)
            found.append((key, id, row))
    return [row for *_, row in sorted(found, key=lambda item: item[:2])]


def taken_from(undo: ImportUndo) -> list[OfCustomer]:
    """What an undoing has taken from each customer."""
    query = select(OF_CUSTOMER).where(OF_CUSTOMER.c.undo_id == undo.id)
    tallies = {
        row.customer_id: Tally(
            row.call_count, 0, row.amount, row.first_day, row.last_day, row.late_from, row.late_through
        )
        for row in db.session.execute(query)
    }
    return _named(tallies)


def too_old(customers: Iterable[OfCustomer]) -> dict[int, tuple[date, date]]:
    """For each customer from whom calls leave that are too old to reopen a period: their first and their last day."""
    return {of.id: (of.late_from, of.late_through) for of in customers if of.late_from and of.late_through}


def left_alone(import_: CallImport) -> list[OfCustomer]:
    """The calls of archived customers that undoing an import has left, by customer."""
    amount = func.sum(type_coerce(Call.amount, BigInteger))
    days = (func.min(Call.day), func.max(Call.day))
    query = select(Call.customer_id, func.count(), amount, *days).where(Call.import_id == import_.id)
    rows = db.session.execute(query.group_by(Call.customer_id))
    return _named({row[0]: Tally(int(row[1]), 0, int(row[2]), row[3], row[4]) for row in rows})


# -- what calls become


def heirs_of(which: ColumnElement[bool]) -> Subquery:
    """For calls (Call) that are as `which` says what they become: what some file says of them, one row a call at most.

    The last that a file said which replaces; else what was replaced last, or was said first, of those that do not. A
    file that is all in comes before one of which lines are to come. A call does not go back to a customer for whom its
    id stands once more. Without `said_id` the call stays as it is, and is another file's.
    """
    said = _said(which)
    to_come = func.coalesce(CallImport.has_lines_to_come(), false())
    replaces = func.coalesce(CallImport.replaces, false())
    order = (
        case((to_come, 1), else_=0),
        case((replaces, 0), (said.c.was_its_own, 1), else_=2),
        case((or_(replaces, said.c.was_its_own), -said.c.said_id), else_=said.c.place),
    )
    again = aliased(Call)
    stands = select(again.id).where(
        again.call_id == Call.call_id, again.customer_id == said.c.customer_id, again.id != Call.id
    )
    ranked = (
        select(said, func.row_number().over(partition_by=said.c.call_id, order_by=order).label("rank"))
        .join(Call, Call.id == said.c.call_id)
        .outerjoin(CallImport, CallImport.id == said.c.import_id)
        .where(said.c.import_id.is_distinct_from(Call.import_id))
        .where(or_(CallImport.id.is_(None), CallImport.state.not_in(TAKEN_BACK)))
        .where(or_(said.c.customer_id == Call.customer_id, ~stands.exists()))
        .subquery()
    )
    return select(ranked).where(ranked.c.rank == 1).subquery()


def _said(which: ColumnElement[bool]) -> Subquery:
    """All that files say of calls that are as `which` says, and that are other files'."""
    whose = ("customer_id", "day", "amount")
    names = ("call_id", "import_id", "place", "came_in_on")
    said = select(
        CallSaid.id.label("said_id"), CallSaid.was_its_own, *(getattr(CallSaid, n) for n in names + whose)
    )
    said = said.join(Call, Call.id == CallSaid.call_id).where(which)
    again = said_again.said_again(which)
    as_it_stands = select(
        cast(null(), BigInteger), false(), *(again.c[n] for n in names), *(getattr(Call, n) for n in whose)
    )
    return union_all(said, as_it_stands.join(Call, Call.id == again.c.call_id).where(which)).subquery()


def _changed_by_others() -> Select[Any]:
    """The calls of which imports at work are going to say something."""
    return select(CallChange.call_id).join(
        CallImport, (CallImport.id == CallChange.import_id) & CallImport.is_at_work()
    )
