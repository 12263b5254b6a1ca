"""DIDs by number, however it is written: whose each is, and what is on it."""

from collections import defaultdict
from collections.abc import Collection
from datetime import date

from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload

from portal.domain.phone_numbers import international, parts_to_find
from portal.domain.searching import Rank, Typed
from portal.domain.wording import day, listed_of
from portal.extensions import db
from portal.models import Assignment, Did, Package
from portal.services.dids.dids import countries_in_use
from portal.services.packages.figures import open_on
from portal.services.parts import LETTERS, threes_of, with_threes
from portal.services.search.hits import SHOWN, Hit, Hits, Kind, best
from portal.services.search.words import ids_of

# So many packages on a DID are named, and how many more there are.
NAMED = 3


def number_parts(typed: Typed) -> list[str]:
    """What to look for in phone numbers; nothing where no number was typed, or fewer than three digits."""
    parts = parts_to_find(typed.text, countries_in_use())
    return [part for part in parts if part.startswith("+") or len(part) >= LETTERS]


def find_dids(parts: Collection[str], today: date) -> Hits:
    """The DIDs whose number holds one of these parts."""
    if not parts:
        return Hits(Kind.DID)
    ids, more = ids_of([_with_part(part) for part in parts])
    if not ids:
        return Hits(Kind.DID)
    query = select(Did).where(Did.id.in_(sorted(ids))).options(joinedload(Did.customer))
    dids = sorted(db.session.scalars(query), key=lambda did: (rank_of_number(did.number, parts), did.number))
    on = _packages_on([did.id for did in dids[:SHOWN]], today)
    hits = [
        Hit(
            Kind.DID,
            did.id,
            international(did.number),
            rank_of_number(did.number, parts),
            "by number",
            (_whose(did), _told(on.get(did.id, ()))),
        )
        for did in dids[:SHOWN]
    ]
    return best(Kind.DID, hits, more or len(dids) > SHOWN)


def _with_part(part: str) -> Select[int]:
    if part.startswith("+"):
        return select(Did.id).where(Did.number.between(part, part + "9" * 16)).order_by(Did.number)
    query = with_threes(Did, threes_of(part), Did.id)
    return query.where(Did.number.contains(part, autoescape=True))


def rank_of_number(number: str, parts: Collection[str]) -> Rank:
    """How well a number fits that holds one of these parts."""
    if number in parts:
        return Rank.EXACT
    if any(number.startswith((part, f"+{part}")) for part in parts):
        return Rank.BEGINS
    return Rank.WITHIN


def _whose(did: Did) -> str:
    if did.archived_on:
        return "archived"
    return did.customer.name if did.customer else "in stock"


def _packages_on(ids: Collection[int], today: date) -> dict[int, list[str]]:
    """What is on each DID of who has it: the names of its packages, with the day of what begins later."""
    query = (
        select(Assignment.did_id, Package.name, Assignment.start_date)
        .join(Package, Package.id == Assignment.package_id)
        .join(Did, Did.id == Assignment.did_id)
        .where(Assignment.did_id.in_(ids), Assignment.customer_id == Did.customer_id, open_on(today))
        .order_by(Assignment.start_date, Assignment.id)
    )
    on: dict[int, list[str]] = defaultdict(list)
    for did_id, name, begins in db.session.execute(query):
        on[did_id or 0].append(name if begins <= today else f"{name} from {day(begins)}")
    return on


def _told(names: Collection[str]) -> str:
    if not names:
        return "no package"
    first = list(dict.fromkeys(names))
    return listed_of(first[:NAMED], len(first))
