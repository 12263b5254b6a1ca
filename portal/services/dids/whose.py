"""Whose a DID is, by days (billing-rules 17): written whenever one is taken in, given, moved or released.

What is written holds for the day on which it is done, as a whole, and from then on. For the days before the first
row nothing was kept: there the assignments on the DID say whose it was, and where they say nothing, it is taken to
have been with whom it was first.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import delete, insert, select

from portal.domain.schedule import ONE_DAY
from portal.extensions import db
from portal.models import Customer, Did, DidOwner
from portal.services.chunks import in_chunks

# As many as one statement names.


@dataclass(frozen=True, slots=True)
class Owned:
    """With whom a DID was over a span of days [begins, until); `until` is None for the present owner."""

    begins: date
    until: date | None
    customer_id: int | None
    name: str | None

    @property
    def last_day(self) -> date | None:
        """The last day of the span."""
        return self.until and self.until - ONE_DAY


def keep_new(dids: Iterable[Did], day: date) -> None:
    """Keep whose DIDs are that were taken in on a day, or came back from the archive."""
    db.session.flush()
    _keep({did.id: did.customer_id for did in dids}, {}, day)


def keep_moves(before: Mapping[Did, int | None], day: date) -> None:
    """Keep whose DIDs are from a day on; `before` says whose each was until then (None: in stock)."""
    db.session.flush()  # first: whoever moves one at the same time waits for the other, or is told that it was
    _keep({did.id: did.customer_id for did in before}, {did.id: id for did, id in before.items()}, day)


def _keep(now: Mapping[int, int | None], before: Mapping[int, int | None], day: date) -> None:
    ids = sorted(now)
    rows = []
    for some in in_chunks(ids):
        # Moved again on the same day: the last counts.
        db.session.execute(delete(DidOwner).where(DidOwner.did_id.in_(some), DidOwner.effective_from >= day))
        kept = select(DidOwner.did_id, DidOwner.customer_id).where(DidOwner.did_id.in_(some))
        stands = {row[0]: row[1] for row in db.session.execute(kept.order_by(DidOwner.effective_from))}
        for id in some:
            if id not in stands and before.get(id, now[id]) != now[id]:
                # Nothing was kept of it yet. It is known at least that until today it was another's.
                rows.append({"did_id": id, "effective_from": day - ONE_DAY, "customer_id": before[id]})
            if id not in stands or stands[id] != now[id]:
                rows.append({"did_id": id, "effective_from": day, "customer_id": now[id]})
    if rows:
        db.session.execute(insert(DidOwner), rows)


def history(did: Did) -> list[Owned]:
    """With whom a DID was, the latest first."""
    query = (
        select(DidOwner.effective_from, DidOwner.customer_id, Customer.name)
        .outerjoin(Customer, Customer.id == DidOwner.customer_id)
        .where(DidOwner.did_id == did.id)
        .order_by(DidOwner.effective_from.desc())
    )
    found: list[Owned] = []
    until: date | None = None
    for begins, customer_id, name in db.session.execute(query):
        found.append(Owned(begins, until, customer_id, name))
        until = begins
    return found
