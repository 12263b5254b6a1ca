"""ConnexCS packages: the platform services the provider keeps, and which of them are enabled for whom."""

from contextlib import suppress

from sqlalchemy import Select, func, select
from sqlalchemy.exc import IntegrityError

from portal.domain.errors import CannotDelete, Invalid, WayOut
from portal.domain.names import NAME_TOO_LONG, is_key_too_long, name_key, search_words, written
from portal.domain.wording import listed_of
from portal.extensions import db
from portal.models import ConnexcsPackage, Package
from portal.services import locking
from portal.services.listing import Sort

NAME_LONGEST = 120
KNOWN = (
    "Call Transcription",
    "Call Recording",
    "UK TPS Lookup",
    "Spam Scout",
    "ConnexCS Converse",
    "ConnexCS Converse Direct",
    "Text to Speech",
    "Programmatic Call Originate",
    "General LLM",
    "IPQS",
    "Storage",
)
BY_NAME = Sort((ConnexcsPackage.search_key, ConnexcsPackage.id))


def seed_connexcs_packages() -> None:
    """Add the platform services that providers know, those that are not there yet."""
    there = set(db.session.scalars(select(ConnexcsPackage.name_key)))
    for name in KNOWN:
        if name_key(name) not in there:
            with suppress(Invalid):  # somebody else adds them, too
                _store(ConnexcsPackage(name=name), name)


def connexcs_choices() -> list[tuple[int, str]]:
    """The id and name of every platform service, by name."""
    query = select(ConnexcsPackage.id, ConnexcsPackage.name).order_by(*BY_NAME.columns)
    return [(row.id, row.name) for row in db.session.execute(query)]


def find_connexcs_packages(text: str = "") -> Select[ConnexcsPackage]:
    """The platform services whose name holds every word of `text`."""
    query = select(ConnexcsPackage)
    for word in search_words(text):
        query = query.where(ConnexcsPackage.search_key.contains(word, autoescape=True))
    return query


def counts_of_packages(ids: list[int]) -> dict[int, int]:
    """How many packages name each platform service."""
    query = (
        select(Package.connexcs_package_id, func.count())
        .where(Package.connexcs_package_id.in_(ids))
        .group_by(Package.connexcs_package_id)
    )
    return {row[0]: row[1] for row in db.session.execute(query) if row[0]}


def add_connexcs_package(name: str) -> ConnexcsPackage:
    """A new platform service."""
    found = ConnexcsPackage()
    rename_connexcs_package(found, name)
    _store(found, name)
    return found


def rename_connexcs_package(service: ConnexcsPackage, name: str) -> None:
    """Give a platform service a name that no other has."""
    if service.id:
        locking.lock(ConnexcsPackage, [service.id])
    name = written(name)
    if not name_key(name):
        raise Invalid("name", "Enter the name that the ConnexCS package has on the platform.")
    if len(name) > NAME_LONGEST:
        raise Invalid("name", f"A name can have {NAME_LONGEST} characters at most.")
    if is_key_too_long(name):
        raise Invalid("name", NAME_TOO_LONG)
    with db.session.no_autoflush:
        same = db.session.scalar(select(ConnexcsPackage).where(ConnexcsPackage.name_key == name_key(name)))
    if same is not None and same is not service:
        raise _taken(same.name)
    service.name = name
    if service.id:
        _store(service, name)


def why_not_delete_connexcs_package(service: ConnexcsPackage) -> CannotDelete | None:
    """Why a platform service may not be deleted: a package stands on it."""
    query = select(Package.id, Package.name).where(Package.connexcs_package_id == service.id)
    found = db.session.execute(query.order_by(Package.search_key, Package.id).limit(4)).all()
    if not found:
        return None
    count = db.session.scalar(select(func.count()).select_from(query.subquery())) or 0
    names = listed_of([row.name for row in found[:3]], count)
    verb = "uses" if count == 1 else "use"
    return CannotDelete(
        f"{names} {verb} {service.name}, so it cannot be deleted. Rename it, or see the package that uses it.",
        WayOut(f"See {found[0].name}", "packages.show", {"package_id": found[0].id}),
    )


def delete_connexcs_package(service: ConnexcsPackage) -> None:
    """Remove a platform service that no package stands on."""
    locking.lock(ConnexcsPackage, [service.id])
    if refusal := why_not_delete_connexcs_package(service):
        raise refusal
    db.session.delete(service)
    db.session.flush()


def _store(service: ConnexcsPackage, name: str) -> None:
    """Write a platform service; Invalid where somebody else has just taken its name."""
    try:
        with db.session.begin_nested():
            db.session.add(service)
    except IntegrityError:
        raise _taken(name) from None


def _taken(name: str) -> Invalid:
    return Invalid("name", f"A ConnexCS package called {name} already exists.")
