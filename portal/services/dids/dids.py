"""DIDs: finding them, giving them to customers and taking them back to stock."""

from collections.abc import Iterable, Sequence
from datetime import date

from sqlalchemy import ColumnElement, Select, func, or_, select

from portal.domain.errors import Invalid
from portal.domain.names import search_words
from portal.domain.phone_numbers import parts_to_find
from portal.domain.wording import whole
from portal.extensions import db
from portal.models import Customer, Did
from portal.models.company import company
from portal.services import locking
from portal.services.among import among, is_found_among
from portal.services.chunks import in_chunks
from portal.services.customers.customers import find_customers
from portal.services.dids.earning import brings_nothing, has_no_package
from portal.services.listing import COUNTED, Sort, count, ids_in_any, told_ids, values_of
from portal.services.parts import LETTERS, holds_number

# As many as one act may touch: a block, a file, a selection.
MANY = 10_000
# A search that means more customers than this looks them up as it goes; one of words that no index finds
# (parts.LETTERS) does so sooner.
NAMED, NAMED_BRIEFLY = 10_000, 500

STOCK, WITH_CUSTOMER, ARCHIVED, ALL = "stock", "customer", "archived", "all"
NO_PACKAGE, BRINGS_NOTHING = "no_package", "brings_nothing"
STATES = (ALL, STOCK, WITH_CUSTOMER, NO_PACKAGE, BRINGS_NOTHING, ARCHIVED)
SORTS = {
    "number": Sort((Did.number,)),
    "-number": Sort((Did.number,), descending=True),
    "added": Sort((Did.id,)),
    "-added": Sort((Did.id,), descending=True),
}


def find_dids(
    today: date, text: str = "", state: str = ALL, country: str = "", customer_id: int | None = None
) -> Select[Did]:
    """The DIDs whose number holds `text`, however it is written, or whose customer's name does.

    All means all that are not archived. With a customer and no package, or bringing nothing, they are by what is on
    them today.
    """
    return find_and_count(today, text, state, country, customer_id)[0]


def find_and_count(
    today: date, text: str = "", state: str = ALL, country: str = "", customer_id: int | None = None
) -> tuple[Select[Did], int | None]:
    """The same, and how many there are, as `listing.count` says it: where that is known once they are found."""
    archived = Did.archived_on.is_not(None)
    query = select(Did).where(archived if state == ARCHIVED else ~archived)
    if state == STOCK:
        query = query.where(Did.customer_id.is_(None))
    if state == WITH_CUSTOMER:
        query = query.where(Did.customer_id.is_not(None))
    if state == NO_PACKAGE:
        query = query.where(has_no_package(today))
    if state == BRINGS_NOTHING:
        query = query.where(brings_nothing(today))
    if country:
        query = query.where(Did.country == country)
    if customer_id is not None:
        query = query.where(Did.customer_id == customer_id)
    return _matching(query, text) if text.strip() else (query, None)


def _matching(query: Select[Did], text: str) -> tuple[Select[Did], int | None]:
    """Those of a query whose number holds what was typed, or whose customer's name does, and how many.

    Few are found first, each by its own index; where they are many, DIDs are read in order until a page is full.
    """
    parts = number_holds(text)
    if text.lstrip().startswith("+") and parts:
        return query.where(or_(*parts)), None
    named = find_customers(text, ALL).with_only_columns(Customer.id)
    most = NAMED if all(len(word) >= LETTERS for word in search_words(text)) else NAMED_BRIEFLY
    few = told_ids(named.limit(most + 1))
    if len(few) > most:
        return query.where(or_(*parts, Did.customer_id.in_(named))), None
    ways = [*parts, among(Did.customer_id, few)]
    if parts:
        found = ids_in_any(query, ways)
        if len(found) <= COUNTED:
            return query.where(among(Did.id, found)), len(found)
        return query.where(or_(*ways)), len(found)
    total = count(query.where(among(Did.customer_id, few, is_found_among)))
    # The sum keeps SQLite from putting very many in order that it can read so.
    return query.where(among(Did.customer_id + 0, few) if total > COUNTED else ways[0]), total


def countries_in_use() -> list[str]:
    """The countries that DIDs belong to."""
    return [code for code in values_of(Did.country) if code]


def count_by_customer(customer_ids: Sequence[int]) -> dict[int, int]:
    """How many DIDs each of these customers has: counted off an index alone, for what is archived is nobody's."""
    query = select(Did.customer_id, func.count()).where(Did.customer_id.in_(customer_ids))
    return {row[0]: row[1] for row in db.session.execute(query.group_by(Did.customer_id)) if row[0]}


def last_country() -> str:
    """The country of the DID added last: the next one is likely to be of the same. The first is of our own."""
    last = db.session.scalar(select(Did.country).order_by(Did.id.desc()).limit(1))
    return company().country if last is None else last


def restore(did: Did) -> None:
    """Take a DID out of the archive, into stock."""
    locking.lock(Did, [did.id])
    did.archived_on = None


def lock_dids(dids: Iterable[Did]) -> list[Did]:
    """Those that are there still, locked and read anew, in the order of their numbers."""
    return sorted(locking.lock(Did, [did.id for did in dids]), key=lambda did: did.number)


def load_many(ids: Sequence[int]) -> list[Did]:
    """DIDs by their ids, in the order of their numbers. Invalid where that is more than one act may touch."""
    if len(ids) > MANY:
        raise Invalid("ids", f"Choose {whole(MANY)} DIDs at most; these are {whole(len(ids))}.")
    found: list[Did] = []
    for some in in_chunks(ids):
        found.extend(db.session.scalars(select(Did).where(Did.id.in_(some))))
    return sorted(found, key=lambda did: did.number)


def ids_of(query: Select[Did]) -> list[int]:
    """The ids of all that a list found. Invalid where that is more than one act may touch."""
    ids = list(db.session.scalars(query.with_only_columns(Did.id).order_by(Did.number).limit(MANY + 1)))
    if len(ids) > MANY:
        raise Invalid("ids", f"More than {whole(MANY)} DIDs match. Filter the list so that fewer match.")
    return ids


def number_holds(text: str) -> list[ColumnElement[bool]]:
    """Whether a DID's number holds `text`, in every way that it may be meant; none where it is no number."""
    return [holds_number(part) for part in parts_to_find(text, countries_in_use())]
