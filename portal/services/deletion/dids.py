"""DIDs, given to customers, taken back to stock, and deleted."""

from collections.abc import Iterable
from datetime import date

from sqlalchemy import select

from portal.domain.errors import Invalid, RuleBroken, WayOut
from portal.domain.phone_numbers import international
from portal.extensions import db
from portal.models import (
    Assignment,
    Call,
    Customer,
    Did,
)
from portal.services import locking
from portal.services.batch import Batch, Refused
from portal.services.deletion.refusals import Refusal, refuse, why_not_close
from portal.services.dids import whose
from portal.services.dids.dids import lock_dids


def why_not_release_did(did: Did, today: date) -> Refusal | None:
    """Why a DID may not go back to stock: an assignment on it has not ended, or has something still due."""
    return why_not_close(
        select(Assignment).where(Assignment.did_id == did.id), international(did.number), today
    )


def release_did(did: Did, today: date) -> None:
    """Put a DID back to stock."""
    locking.lock(Did, [did.id])
    refuse(why_not_release_did(did, today))
    before = did.customer_id
    did.customer = None
    whose.keep_moves({did: before}, today)


def why_not_delete_did(did: Did, today: date) -> Refusal | None:
    """Why a DID may not be deleted: it is with a customer."""
    if did.customer_id is None:
        return None
    release = why_not_release_did(did, today)
    if release:
        return release
    whose = did.customer.name if did.customer else "a customer"
    return Refusal(
        f"{international(did.number)} is with {whose}. Only a DID in stock can be deleted.",
        way_out=WayOut("Return it to stock", "dids.release", {"did_id": did.id}, {"version": did.version}),
    )


def delete_did(did: Did, today: date) -> bool:
    """Remove a DID in stock; archive it if it was ever assigned to, or calls name it. True if it was removed."""
    locking.lock(Did, [did.id])
    refuse(why_not_delete_did(did, today))
    assigned = db.session.scalar(select(Assignment.id).where(Assignment.did_id == did.id).limit(1))
    called = db.session.scalar(select(Call.id).where(Call.did_id == did.id).limit(1))
    called = called or db.session.scalar(select(Call.id).where(Call.other_did_id == did.id).limit(1))
    if assigned or called:
        did.archived_on = did.archived_on or today
        return False
    db.session.delete(did)
    db.session.flush()
    return True


def give(did: Did, customer: Customer, today: date) -> None:
    """Let a customer have a DID; from another customer it is taken back first, by the rules for that."""
    if _give(did, customer, today):
        whose.keep_moves({did: None}, today)


def _give(did: Did, customer: Customer, today: date) -> bool:
    """The same, whose it is from now on not kept yet; whether it moved."""
    locking.lock(Did, [did.id])
    locking.lock(Customer, [customer.id], shared=True)
    if customer.archived_on:
        raise Invalid("customer", f"{customer.name} is archived. Restore the customer first.")
    if did.archived_on:
        raise RuleBroken(f"{international(did.number)} is archived. Restore it to stock first.")
    if did.customer_id == customer.id:
        return False
    if did.customer_id is not None:
        release_did(did, today)
    did.customer, did.customer_id = customer, customer.id
    return True


def give_many(dids: Iterable[Did], customer: Customer, today: date) -> Batch[Did, Did]:
    """Let a customer have many DIDs; those that cannot move stay where they are, each with its reason."""
    outcome: Batch[Did, Did] = Batch()
    moved = []
    for did in lock_dids(dids):
        try:
            if _give(did, customer, today):
                moved.append(did)
        except RuleBroken as refusal:
            outcome.refused.append(Refused(did, refusal.sentence))
        else:
            outcome.done.append(did)
    whose.keep_moves(dict.fromkeys(moved), today)
    return outcome


def release_many(dids: Iterable[Did], today: date) -> Batch[Did, Did]:
    """Take many DIDs back to stock; those that cannot go stay where they are, each with its reason."""
    outcome: Batch[Did, Did] = Batch()
    for did in lock_dids(dids):
        if did.customer_id is None:
            continue
        if refusal := why_not_release_did(did, today):
            outcome.refused.append(Refused(did, refusal.sentence))
        else:
            release_did(did, today)
            outcome.done.append(did)
    return outcome
