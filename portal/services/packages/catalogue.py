"""Packages: making them, finding them, and changing what they are. What they charge: packages.changes."""

from datetime import date, datetime

from sqlalchemy import ColumnElement, Select, exists, func, select
from sqlalchemy.orm import InstrumentedAttribute, selectinload
from sqlalchemy.orm.attributes import flag_modified

from portal.domain.errors import Invalid, WayOut
from portal.domain.names import name_key, search_words
from portal.domain.schedule import FIRST_DAY, Frequency
from portal.domain.terms import PackageType
from portal.extensions import db
from portal.models import (
    Assignment,
    AssignmentPosition,
    Charge,
    ConnexcsPackage,
    Package,
    PackagePrice,
    PackageSchedule,
    counts_as_posted,
)
from portal.models.company import company
from portal.services import locking
from portal.services.listing import Sort
from portal.services.once import Sent, once
from portal.services.packages.definition import (
    DESCRIBED,
    FIXED,
    PRICE_LABELS,
    Definition,
    PriceSet,
    check,
    tidied,
)

ON_SALE, ARCHIVED, ALL = "on_sale", "archived", "all"
STATES = (ON_SALE, ARCHIVED, ALL)
SORTS = {
    "name": Sort((Package.search_key, Package.id)),
    "-name": Sort((Package.search_key, Package.id), descending=True),
    "-added": Sort((Package.id,), descending=True),
    "added": Sort((Package.id,)),
}


def create_package(definition: Definition, *, token: str, now: datetime) -> Package:
    """A new package; the one that was made already where the same form is sent twice."""
    definition = tidied(definition)
    package, _ = once(
        Sent("package", token, definition),
        select(Package).where(Package.token == token),
        lambda: _new_package(definition, token, now),
        lambda made: (
            f"the package {made.name} was added",
            WayOut(f"See {made.name}", "packages.show", {"package_id": made.id}),
        ),
    )
    return package


def _new_package(definition: Definition, token: str, now: datetime) -> Package:
    check(definition)
    package = Package(token=token, created_at=now)
    package.schedules = [
        PackageSchedule(
            effective_from=FIRST_DAY,
            frequency=definition.frequency,
            frequency_match=definition.frequency_match,
        )
    ]
    package.prices = [price_row(prices, FIRST_DAY) for prices in definition.prices]
    copy_fixed(definition, package)
    copy_described(definition, package)
    return package


def copy_described(definition: Definition, package: Package) -> None:
    """Put on the package what may always be changed, and holds at once."""
    for name in DESCRIBED:
        setattr(package, name, getattr(definition, name))


def copy_fixed(definition: Definition, package: Package) -> None:
    """Put on the package what is fixed once it was assigned."""
    wanted = definition.connexcs_package_id
    if wanted is not None and not locking.lock(ConnexcsPackage, [wanted], shared=True):
        raise Invalid(
            "connexcs_package", "This ConnexCS package no longer exists. Choose another one, or None."
        )
    for name in FIXED:
        setattr(package, name, getattr(definition, name))


def price_row(prices: PriceSet, effective_from: date) -> PackagePrice:
    """A set of prices as it is stored."""
    four = {name: getattr(prices, name) for name in PRICE_LABELS}
    return PackagePrice(currency=prices.currency, effective_from=effective_from, **four)


def namesake(name: str, but_id: int | None) -> Package | None:
    """Another package on sale that bears this name, in whatever case."""
    key = name_key(name)
    query = select(Package).where(Package.name_key == key, Package.archived_on.is_(None))
    if but_id:
        query = query.where(Package.id != but_id)
    return db.session.scalars(query.order_by(Package.id).limit(1)).first() if key else None


def touch(package: Package) -> None:
    """Let whoever has the package open know: its prices and schedules stand in rows of their own."""
    flag_modified(package, "search_key")


def was_assigned(package: Package) -> bool:
    """Whether the package was ever assigned: from then on a part of it is fixed."""
    return bool(db.session.scalar(select(exists().where(Assignment.package_id == package.id))))


def was_posted(package: Package) -> bool:
    """Whether anything of the package was posted, or a line of it came to nothing and counts as posted.

    What was undone was not, nor is it because some of it had been written off.
    """
    charged = (Charge.package_id == package.id, Charge.writes_off_id.is_(None), counts_as_posted())
    if db.session.scalar(select(exists().where(*charged))):
        return True
    begun = (
        exists()
        .where(Assignment.package_id == package.id)
        .where(AssignmentPosition.assignment_id == Assignment.id)
        .where(AssignmentPosition.charged_until.is_not(None))
    )
    return bool(db.session.scalar(select(begun)))


# -- finding


def find_packages(
    today: date,
    text: str = "",
    state: str = ON_SALE,
    type: PackageType | None = None,
    frequency: Frequency | None = None,
    currency: str = "",
) -> Select[Package]:
    """The packages whose name holds every word of `text`, as they are today."""
    query = select(Package).options(selectinload(Package.prices), selectinload(Package.schedules))
    for word in search_words(text):
        query = query.where(Package.search_key.contains(word, autoescape=True))
    if state in (ON_SALE, ARCHIVED):
        archived = Package.archived_on.is_not(None)
        query = query.where(archived if state == ARCHIVED else ~archived)
    if type:
        query = query.where(Package.type == type)
    if currency:
        query = query.where(
            exists().where(PackagePrice.package_id == Package.id, PackagePrice.currency == currency)
        )
    return query.where(_charged(frequency, today)) if frequency else query


def _charged(frequency: Frequency, today: date) -> ColumnElement[bool]:
    """Whether a package's schedule of today has this frequency."""
    latest = (
        select(func.max(PackageSchedule.effective_from))
        .where(PackageSchedule.package_id == Package.id, PackageSchedule.effective_from <= today)
        .correlate(Package)
        .scalar_subquery()
    )
    return exists().where(
        PackageSchedule.package_id == Package.id,
        PackageSchedule.effective_from == latest,
        PackageSchedule.frequency == frequency,
    )


def counts_by_state() -> dict[str, int]:
    """How many packages there are in each state."""
    archived: InstrumentedAttribute[date | None] = Package.archived_on
    total, off_sale = db.session.execute(select(func.count(Package.id), func.count(archived))).one()
    return {ON_SALE: total - off_sale, ARCHIVED: off_sale, ALL: total}


def currencies_sold() -> list[str]:
    """The currencies that packages are sold in."""
    query = select(PackagePrice.currency).distinct().order_by(PackagePrice.currency)
    return list(db.session.scalars(query))


def default_currency() -> str:
    """The currency that the provider works in, unless told otherwise."""
    return company().default_currency
