"""Deleting a package that was never assigned, or taking it off sale."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import select

from portal.domain.errors import WayOut
from portal.domain.wording import plural, whole
from portal.extensions import db
from portal.models import (
    Assignment,
    BulkKind,
    Package,
)
from portal.services import bulk_acts, locking
from portal.services.deletion.refusals import Refusal, in_the_way, refuse


def why_not_delete_package(package: Package) -> Refusal | None:
    """Why a package may not be deleted: it was ever assigned."""
    query = select(Assignment).where(Assignment.package_id == package.id)
    blocking, count = in_the_way(query)
    if not count:
        return None
    times = "once" if count == 1 else f"{whole(count)} times"
    way_out = WayOut(
        "Archive it instead", "packages.archive", {"package_id": package.id}, {"version": package.version}
    )
    return Refusal(
        f"{package.name} was assigned {times}, so it is needed to explain its charges. Archived, it is "
        "no longer on sale; existing assignments continue.",
        blocking,
        count,
        way_out=None if package.archived_on else way_out,
    )


def delete_package(package: Package) -> None:
    """Remove a package that was never assigned."""
    locking.lock(Package, [package.id])
    refuse(why_not_delete_package(package))
    db.session.delete(package)
    db.session.flush()


def archive_package(package: Package, today: date) -> None:
    """Take a package off sale; who has it keeps it and is charged."""
    locking.lock(Package, [package.id])
    package.archived_on = package.archived_on or today


def archive_packages(packages: Sequence[Package], today: date, *, by: str, now: datetime) -> None:
    """Take many off sale, so that it can be undone in one act."""
    locking.lock(Package, [package.id for package in packages])
    on_sale = [package for package in packages if not package.archived_on]
    for package in on_sale:
        package.archived_on = today
    bulk_acts.record(
        BulkKind.ARCHIVED, plural(len(on_sale), "package"), dict.fromkeys(package.id for package in on_sale),
        today=today, by=by, now=now,
    )  # fmt: skip


def restore_package(package: Package) -> None:
    """Put an archived package back on sale."""
    locking.lock(Package, [package.id])
    package.archived_on = None
