"""The mails that tell customers of a correction: what was wrong, what it comes to, and where they see it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from portal.extensions import db
from portal.models import Charge, Correction, Customer, Mail
from portal.models.company import company
from portal.services import locking
from portal.services.chunks import in_chunks
from portal.services.corrections.made import Posted, by_customer
from portal.services.mail import outbox
from portal.services.mail.letters import drawn


@dataclass(frozen=True, slots=True)
class Letters:
    """Whom a correction can still be told by mail, whom it was told, and who has no address."""

    to_tell: Sequence[Posted]
    told: Sequence[Posted]
    without_address: Sequence[Posted]


def letters(correction: Correction) -> Letters:
    """Who was told of a correction and who can be, of those for whom something stands of it that they see."""
    seen = [one for one in by_customer(correction, that_stands=True) if one.amount or one.tax]
    told = _told(correction, seen)
    with_address = [one for one in seen if one.customer.email]
    return Letters(
        [one for one in with_address if one.customer.id not in told],
        [one for one in seen if one.customer.id in told],
        [one for one in seen if not one.customer.email and one.customer.id not in told],
    )


def send(correction: Correction, link: str, now: datetime) -> int:
    """Put a mail to each customer who was not told yet into the outbox; how many. `link` leads to their charges."""
    provider = company()
    # Two who send at once: the second finds what the first has queued.
    locking.lock_ids(Customer, [one.customer.id for one in by_customer(correction)])
    to_tell = letters(correction).to_tell
    packages = _packages(correction)
    for one in to_tell:
        outbox.queue(
            _key(correction, one.customer.id),
            one.customer.email,
            "We have corrected what you were charged",
            drawn(
                "corrections/message.txt",
                correction=correction,
                posted=one,
                packages=packages.get(one.customer.id, ()),
                provider=provider,
                link=link,
            ),
            now=now,
        )
    return len(to_tell)


def _packages(correction: Correction) -> dict[int, list[str]]:
    """The names of what was charged wrongly, by customer. Where a tax rate was wrong it is everything, and not said."""
    found: dict[int, list[str]] = {}
    if correction.customer_id is None:
        query = select(Charge.customer_id, Charge.label).where(Charge.correction_id == correction.id)
        for customer_id, label in db.session.execute(query.distinct().order_by(Charge.label)):
            found.setdefault(customer_id, []).append(label)
    return found


def _key(correction: Correction, customer_id: int) -> str:
    return f"correction {correction.id} {customer_id}"


def _told(correction: Correction, seen: Sequence[Posted]) -> set[int]:
    by_key = {_key(correction, one.customer.id): one.customer.id for one in seen}
    found: set[int] = set()
    for some in in_chunks(list(by_key)):
        found |= {by_key[key] for key in db.session.scalars(select(Mail.key).where(Mail.key.in_(some)))}
    return found
