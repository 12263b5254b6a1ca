"""Invitations: a link by e-mail lets a person choose a password, and holds for a week.

The table keeps a digest of the link's token. Whether the address signs in already is told to the
provider's owner, who sees everybody, and to nobody else.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from portal.domain.email_address import sign_in_address
from portal.domain.errors import Invalid, RuleBroken
from portal.domain.wording import how_long
from portal.extensions import db
from portal.models.company import ONLY, Company
from portal.models.customer import Customer
from portal.models.invitation import Invitation
from portal.models.user import User
from portal.services import locking
from portal.services.people import attempts, people

HOLDS = timedelta(days=7)
MOST = 50  # invitations that wait, for staff or for one customer
HOLDS_NO_MORE = "This invitation is no longer valid."


def invite(
    email: str, name: str, role: str, *, by: User, now: datetime, customer_id: int | None = None
) -> tuple[Invitation, str | None]:
    """Invite a person; the token for the link, or None where the address signs in elsewhere already.

    An earlier invitation of the same person holds no more.
    """
    email = sign_in_address(email)
    role = people.checked_role(role, customer_id)
    if (customer := _lock(customer_id)) and customer.archived_on:
        raise RuleBroken(f"{customer.name} is archived. Restore the customer first.")
    known = people.find_by_email(email)
    if known and (by.is_staff or known.customer_id == customer_id):
        whose = "" if known.customer_id == customer_id else " for somebody else"
        raise Invalid("email", f"{email} already has an account{whose}.")
    for earlier in waiting(now, customer_id):
        if earlier.email == email:
            withdraw(earlier, now)
    if len(waiting(now, customer_id)) >= MOST:
        raise RuleBroken(
            f"{MOST} invitations are waiting to be accepted. Withdraw some before inviting more."
        )
    _check_not_too_often(email, by, now)
    token = secrets.token_urlsafe(32)
    invitation = Invitation(
        token_digest=_digest(token),
        email=email,
        name=people.checked_name(name),
        role=role,
        customer_id=customer_id,
        invited_by=by.email,
        invited_at=now,
        expires_at=now + HOLDS,
    )
    db.session.add(invitation)
    db.session.flush()
    return invitation, None if known else token


def resend(invitation: Invitation, *, by: User, now: datetime) -> str | None:
    """A new link for another week; the earlier one holds no more. None as `invite` answers it."""
    _lock(invitation.customer_id, invitation)
    if invitation.accepted_at or invitation.withdrawn_at:
        raise RuleBroken(
            "This invitation has been accepted or withdrawn in the meantime. Invite the person again."
        )
    _check_not_too_often(invitation.email, by, now)
    token = secrets.token_urlsafe(32)
    invitation.token_digest = _digest(token)
    invitation.expires_at = now + HOLDS
    return None if people.find_by_email(invitation.email) else token


def _check_not_too_often(email: str, by: User, now: datetime) -> None:
    """Count a message to an address. RuleBroken where a person has sent it, or it was sent, many just now."""
    for of_whom, limits, what in (
        (attempts.subject("invitation", by.id, email), attempts.MAILS, f"Too many invitations to {email}"),
        (attempts.subject("invitation", email), attempts.ALL_MAILS, f"Too many invitations to {email}"),
        (
            attempts.subject("invitations of", by.id),
            attempts.INVITATIONS,
            "You have sent too many invitations",
        ),
    ):
        if wait := attempts.count(of_whom, limits, now):
            raise RuleBroken(f"{what} in a short time. Wait {how_long(wait)}, then send it again.")


def withdraw(invitation: Invitation, now: datetime) -> None:
    """Let the link hold no more."""
    _lock(invitation.customer_id, invitation)
    if invitation.accepted_at:
        raise RuleBroken("This invitation has been accepted in the meantime: deactivate the person instead.")
    invitation.withdrawn_at = invitation.withdrawn_at or now


def waiting(now: datetime, customer_id: int | None) -> Sequence[Invitation]:
    """Those that were neither accepted nor withdrawn, of staff or of one customer; the latest first.

    One that has expired is listed for another week, to be sent again.
    """
    mine = select(Invitation).where(
        Invitation.customer_id == customer_id if customer_id else Invitation.customer_id.is_(None),
        Invitation.accepted_at.is_(None),
        Invitation.withdrawn_at.is_(None),
        Invitation.expires_at > now - HOLDS,
    )
    return db.session.scalars(mine.order_by(Invitation.id.desc())).all()


def find(token: str, now: datetime) -> Invitation:
    """The invitation whose link this is. RuleBroken, in the same words whatever is wrong with it."""
    invitation: Invitation | None = db.session.scalar(
        select(Invitation).where(Invitation.token_digest == _digest(token))
    )
    if (
        invitation is None
        or invitation.accepted_at
        or invitation.withdrawn_at
        or invitation.expires_at <= now
        or (invitation.customer and invitation.customer.archived_on)
    ):
        raise RuleBroken(HOLDS_NO_MORE)
    return invitation


def accept(invitation: Invitation, name: str, password: str, now: datetime) -> User:
    """Let the person in from now on. Of two who accept at the same moment one is told that it holds no more."""
    name = people.checked_name(name)
    if not name:
        raise Invalid("name", "Enter your name.")
    token_digest = invitation.token_digest
    customer = _lock(invitation.customer_id, invitation)
    if customer and customer.archived_on:
        raise RuleBroken(HOLDS_NO_MORE)
    changed = invitation.accepted_at or invitation.withdrawn_at or invitation.token_digest != token_digest
    if changed or people.find_by_email(invitation.email):
        raise RuleBroken(HOLDS_NO_MORE)
    invitation.accepted_at = now
    try:
        with db.session.begin_nested():
            return people.create(invitation.email, name, password, invitation.role, invitation.customer_id)
    except IntegrityError as error:
        raise RuleBroken(HOLDS_NO_MORE) from error


def _lock(customer_id: int | None, *these: Invitation) -> Customer | None:
    """Lock whose people are invited, a customer or the provider, and read invitations anew; the customer."""
    customer = locking.lock_one(Customer, customer_id) if customer_id else None
    if customer is None:
        locking.lock(Company, [ONLY])
    locking.read_anew(Invitation, [invitation.id for invitation in these])
    return customer


def _digest(token: str) -> str:
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
