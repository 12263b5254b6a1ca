"""Which platform services are enabled for whom: what the switch asks, and a customer's page says.

Assigning a package enables its ConnexCS package on the customer account, from the start date to the end
date. A service that one assignment hands over to another without a day between stays enabled.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from sqlalchemy import Select, func, or_, select

from portal.domain.schedule import ONE_DAY
from portal.extensions import db
from portal.models import Assignment, ConnexcsPackage, Customer, Did, Package
from portal.services.packages.figures import in_force
from portal.services.packages.holdings import remembered

# Of more assignments a page says how many there are of each package, in place of each.
NAMED = 200
By = TypeVar("By")


class _Days(NamedTuple):
    """Days on which something is assigned; without an end, from a day on."""

    start_date: date
    end_date: date | None


@dataclass(frozen=True, slots=True)
class Enabler:
    """An assignment that enables a service on the day: its package, where it is, and its days."""

    assignment_id: int
    package_id: int
    package: str
    did: str
    start_date: date
    end_date: date | None
    count: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class Enablers:
    """Very many of them: so many of one package, wherever they are."""

    package_id: int
    package: str
    count: int
    did: ClassVar[str] = ""


@dataclass(frozen=True, slots=True)
class EnabledService(Generic[By]):
    """A service enabled on the day. `until` is the last day of it, as far as is known; None: open."""

    name: str
    since: date
    until: date | None
    by: tuple[By, ...]


@dataclass(frozen=True, slots=True)
class Account:
    """A customer, and the services enabled on the day."""

    customer_id: int
    customer: str
    services: tuple[EnabledService[Enabler], ...]


def services_enabled(customer_ids: Collection[int] | None, on: date) -> list[Account]:
    """For each customer (None: for everyone who has any) the services enabled on the day, by name."""
    days: dict[tuple[int, str], list[Any]] = defaultdict(list)
    names: dict[int, str] = {}
    for row in db.session.execute(_assignments(customer_ids)):
        names[row.customer_id] = row.customer
        days[row.customer_id, row.service].append(row)
    enabled: dict[int, list[EnabledService[Enabler]]] = {id: [] for id in customer_ids or ()}
    for (customer_id, service), rows in days.items():
        if found := _enabled(service, rows, on):
            enabled.setdefault(customer_id, []).append(found)
    names |= _names([id for id in enabled if id not in names])
    return [Account(id, names[id], tuple(services)) for id, services in enabled.items() if id in names]


def of_customer(customer_id: int, on: date) -> Sequence[EnabledService[Any]]:
    """The services enabled for one customer on the day, as a page says them."""
    some = _standing(customer_id, Assignment.id).limit(NAMED + 1).subquery()
    if (db.session.scalar(select(func.count()).select_from(some)) or 0) <= NAMED:
        return services_enabled([customer_id], on)[0].services
    counts = remembered(customer_id, on, "in force", lambda: _in_force(customer_id, on))
    spans = remembered(customer_id, on, "spans", lambda: _spans(customer_id))
    by: dict[int, list[Enablers]] = defaultdict(list)
    days: dict[int, list[_Days]] = defaultdict(list)
    stand = select(Package.id, Package.name, Package.connexcs_package_id).where(Package.id.in_(spans))
    for id, name, service_id in db.session.execute(stand.order_by(Package.search_key, Package.id)):
        if service_id is None:
            continue
        days[service_id] += spans[id]
        if id in counts:
            by[service_id].append(Enablers(id, name, counts[id]))
    named = select(ConnexcsPackage).where(ConnexcsPackage.id.in_(by)).order_by(ConnexcsPackage.search_key)
    return [
        EnabledService(
            service.name,
            *next(span for span in _unbroken(sorted(days[service.id], key=_begins)) if _holds(span, on)),
            tuple(sorted(by[service.id], key=lambda one: -one.count)),
        )
        for service in db.session.scalars(named)
    ]


def _in_force(customer_id: int, on: date) -> dict[int, int]:
    """How many of each package a customer has that day."""
    query = _assigned(customer_id, Assignment.package_id, func.count()).where(in_force(on))
    return {row[0]: row[1] for row in db.session.execute(query.group_by(Assignment.package_id))}


def _spans(customer_id: int) -> dict[int, list[_Days]]:
    """The unbroken spans of days in which a customer has each package; no assignment is read by itself."""
    end, package = func.coalesce(Assignment.end_date, date.max).label("end"), Assignment.package_id
    days = _assigned(customer_id, package, Assignment.start_date, func.max(end).label("end"))
    of, start, last_of_day = days.group_by(package, Assignment.start_date).subquery().c
    # Up to when those reach that began before it: where that is no day after it, none begins here.
    before = func.max(last_of_day).over(partition_by=of, order_by=start, rows=(None, -1)).label("before")
    each = select(of, start, before).subquery()
    _, begins_on, reached = each.c
    edges = select(*each.c).where(or_(reached.is_(None), begins_on > reached)).order_by(*list(each.c)[:2])
    last = _assigned(customer_id, package, func.max(end)).group_by(package)
    ends = {id: None if end == date.max else end for id, end in db.session.execute(last)}
    found: dict[int, list[_Days]] = defaultdict(list)
    for id, begins, until in db.session.execute(edges):
        if found[id]:
            found[id][-1] = found[id][-1]._replace(end_date=until)
        found[id].append(_Days(begins, ends[id]))
    return dict(found)


def _assigned(customer_id: int, *columns: Any) -> Select[Any]:
    return select(*columns).where(Assignment.customer_id == customer_id, Assignment.withdrawn_on.is_(None))


def _standing(customer_id: int, *columns: Any) -> Select[Any]:
    """Assignments of a customer of packages that stand on a service."""
    stands = select(Package.id).where(Package.connexcs_package_id.is_not(None))
    return _assigned(customer_id, *columns).where(Assignment.package_id.in_(stands))


def _begins(days: _Days) -> date:
    return days.start_date


def _holds(span: tuple[date, date | None], on: date) -> bool:
    return span[0] <= on and (span[1] is None or on <= span[1])


def _enabled(name: str, rows: Sequence[Any], on: date) -> EnabledService[Enabler] | None:
    """The unbroken span of days round `on` in which a service is enabled; None if it is not."""
    by = [row for row in rows if row.start_date <= on and (row.end_date is None or on <= row.end_date)]
    if not by:
        return None
    since, until = by[0].start_date, by[0].end_date
    for begins, end in _unbroken(rows):
        if _holds((begins, end), on):
            since, until = begins, end
    fields = ("assignment_id", "package_id", "package", "number", "start_date", "end_date")
    enablers = (Enabler(*(getattr(row, field) for field in fields)) for row in by)
    return EnabledService(name, since, until, tuple(enablers))


def _unbroken(rows: Iterable[Any]) -> Iterator[tuple[date, date | None]]:
    """The spans of days without a gap that assignments make, both days included. Rows by start date."""
    since, until = None, None
    for row in rows:
        if since is not None and (until is None or row.start_date <= until + ONE_DAY):
            until = max(until, row.end_date) if until and row.end_date else None
            continue
        if since is not None:
            yield since, until
        since, until = row.start_date, row.end_date
    if since is not None:
        yield since, until


def _assignments(customer_ids: Collection[int] | None) -> Any:
    """The assignments of packages that stand on a service, by customer, service and start date."""
    query = (
        select(
            Assignment.customer_id,
            Customer.name.label("customer"),
            ConnexcsPackage.name.label("service"),
            Assignment.id.label("assignment_id"),
            Package.id.label("package_id"),
            Package.name.label("package"),
            func.coalesce(Did.number, "").label("number"),
            Assignment.start_date,
            Assignment.end_date,
        )
        .join(Package, Package.id == Assignment.package_id)
        .join(ConnexcsPackage, ConnexcsPackage.id == Package.connexcs_package_id)
        .join(Customer, Customer.id == Assignment.customer_id)
        .outerjoin(Did, Did.id == Assignment.did_id)
        .where(Assignment.withdrawn_on.is_(None))
        .order_by(
            Customer.search_key,
            Assignment.customer_id,
            ConnexcsPackage.search_key,
            ConnexcsPackage.id,
            Assignment.start_date,
            Assignment.id,
        )
    )
    return query if customer_ids is None else query.where(Assignment.customer_id.in_(customer_ids))


def _names(ids: list[int]) -> dict[int, str]:
    query = select(Customer.id, Customer.name).where(Customer.id.in_(ids))
    return {row.id: row.name for row in db.session.execute(query)} if ids else {}


def as_json(accounts: Iterable[Account], on: date) -> dict[str, Any]:
    """The same for the switch: what `portal services` prints."""
    return {
        "on": on.isoformat(),
        "customers": [
            {
                "id": account.customer_id,
                "name": account.customer,
                "services": [_service(service) for service in account.services],
            }
            for account in accounts
        ],
    }


def _service(service: EnabledService[Enabler]) -> dict[str, Any]:
    return {
        "service": service.name,
        "since": service.since.isoformat(),
        "until": service.until.isoformat() if service.until else None,
        "assignments": [
            {
                "id": by.assignment_id,
                "package": by.package,
                "did": by.did or None,
                "start_date": by.start_date.isoformat(),
                "end_date": by.end_date.isoformat() if by.end_date else None,
            }
            for by in service.by
        ],
    }
