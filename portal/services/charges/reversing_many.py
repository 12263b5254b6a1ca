"""Reversing several charges with one reason: those that can be are, each other one stays with its reason."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from portal.domain.due import Kind
from portal.domain.errors import RuleBroken
from portal.domain.money import to_micros
from portal.extensions import db
from portal.models import Charge, Customer
from portal.services import locking
from portal.services.batch import Batch, Refused
from portal.services.billing.planning import Totals
from portal.services.billing.positions import lock_positions
from portal.services.charges.by_hand import reverse, what_stands, why_not_reverse
from portal.services.chunks import in_chunks
from portal.services.credit import lock_open_of, touched_by

# So many can be reversed in one act; a whole run is undone as one.
MOST = 500


@dataclass(slots=True)
class Reversing(Batch[Charge, Charge]):
    """Which charges are reversed (with their credits and differences), and which are not; `sums` by currency.

    `stands` is what each of them comes to, by its id: what its reversal takes back.
    """

    stands: dict[int, Totals] = field(default_factory=dict)

    @property
    def sums(self) -> dict[str, Totals]:
        """What is taken back in each currency."""
        found: dict[str, Totals] = {}
        for charge in self.done:
            found.setdefault(charge.currency, Totals()).add(self.stands[charge.id])
        return dict(sorted(found.items()))

    @property
    def seen(self) -> str:
        """The same where the same is taken back."""
        rows = [
            (
                charge.id,
                *(to_micros(getattr(self.stands[charge.id], name)) for name in ("amount", "cost", "tax")),
            )
            for charge in self.done
        ]
        return sha256(repr(rows).encode()).hexdigest()


def sort_out(ids: Collection[int]) -> Reversing:
    """Which of these charges can be reversed. Nothing is stored.

    A credit or difference that was chosen with its charge goes with it. Write-offs come first: their charges are then
    taken back as a whole.
    """
    charges = _load(ids)
    chosen = {charge.id for charge in charges}
    found = Reversing()
    for charge in charges:
        with_it = charge.corrects_id or (
            charge.writes_off_id if charge.kind == Kind.WRITE_OFF_LAPSED else None
        )
        if with_it in chosen:
            continue
        if refusal := why_not_reverse(charge):
            found.refused.append(Refused(charge, refusal.sentence))
            continue
        found.done.append(charge)
        found.stands[charge.id] = what_stands(charge)
    found.done.sort(key=lambda charge: (charge.kind != Kind.WRITE_OFF, charge.id))
    return found


def reverse_many(
    ids: Collection[int], reason: str, *, seen: str, today: date, by: str, now: datetime
) -> list[Charge]:
    """Reverse those that can be. RuleBroken where something else would be taken back than was seen.

    The reversals that were made.
    """
    _lock(_load(ids))
    found = sort_out(ids)
    if found.seen != seen:
        raise RuleBroken("What would be taken back has changed since it was shown, so nothing was reversed.")
    return [reverse(charge, reason, today=today, by=by, now=now) for charge in found.done]


def _load(ids: Collection[int]) -> Sequence[Charge]:
    found: list[Charge] = []
    for some in in_chunks(sorted(set(ids))):
        query = select(Charge).where(Charge.id.in_(some)).options(joinedload(Charge.customer))
        found += db.session.scalars(query.order_by(Charge.id))
    return found


def _lock(charges: Iterable[Charge]) -> None:
    """All that reversing them one after the other locks, in one order."""
    ids = [charge.id for charge in charges]
    customers = sorted({charge.customer_id for charge in charges})
    locking.lock(Customer, customers)
    lock_positions(sorted({charge.assignment_id for charge in charges if charge.assignment_id}))
    written_off = [charge.writes_off_id for charge in charges if charge.writes_off_id]
    touched, _ = touched_by([*ids, *written_off], customers)
    lock_open_of(customers, touched)
