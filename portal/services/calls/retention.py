"""How long files of calls are kept: until they are taken in or discarded, and never longer than somebody needs them.

A file of which some lines were taken in is kept until the rest is: its calls count nowhere before. One of which
nothing was taken in waits for somebody to describe its layout, or to go on with it, for some days; then its import
says that it was discarded.
"""

from datetime import datetime, timedelta

from sqlalchemy import select

from portal.domain.errors import RuleBroken, WayOut
from portal.domain.wording import plural
from portal.extensions import db
from portal.models import CallImport, ImportState
from portal.services.calls import importing, keeping


def sweep(now: datetime, days: int) -> list[CallImport]:
    """Discard files that have waited for more than so many days, and what is left of others; the imports discarded.

    Safe to do at any time, and twice at once. It commits.
    """
    keeping.sweep(now)
    before = now - timedelta(days=days)
    waits = select(CallImport.id).where(
        CallImport.state == ImportState.STOPPED,
        CallImport.lines_done == 0,
        CallImport.heartbeat_at < before,
    )
    ids = list(db.session.scalars(waits.order_by(CallImport.id)))

    def say(import_: CallImport) -> str:
        missing = (
            "its layout was not described" if importing.needs_layout(import_) else "it was not continued"
        )
        return f"Discarded: {missing} within {plural(days, 'day')}. Nothing of the file was imported."

    discarded = [id for id in ids if importing.discard(id, say, untouched_since=before)]
    return [db.session.get_one(CallImport, id) for id in discarded]


def discard_by_hand(import_id: int, by: str) -> CallImport:
    """Discard a file that waits, and say by whom. RuleBroken where it does not wait any more. It commits."""

    def say(_import: CallImport) -> str:
        return f"Discarded by {by}. Nothing of the file was imported."

    is_discarded = importing.discard(import_id, say, by=by)
    import_ = db.session.get_one(CallImport, import_id)
    if is_discarded:
        return import_
    why = {
        ImportState.DISCARDED: "has already been discarded.",
        ImportState.RUNNING: "is being imported.",
        ImportState.STOPPED: "is half imported. Continue the import.",
    }.get(import_.state, "has already been imported.")
    raise RuleBroken(
        f"{import_.file_name} {why} Only a file of which nothing is imported can be discarded.",
        WayOut("See the import", "calls.show", {"import_id": import_id}),
    )
