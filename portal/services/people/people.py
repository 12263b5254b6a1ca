"""People who may sign in: creating them, what they may do, and letting them in no more."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import NoReturn

from flask_security import hash_password
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import selectinload

from portal.domain.email_address import sign_in_address
from portal.domain.errors import Invalid, RuleBroken
from portal.domain.names import search_key, written
from portal.extensions import db
from portal.models.user import CUSTOMER_ROLES, OWNER, ROLES, STAFF_ROLES, Role, User
from portal.services import locking
from portal.services.people import user_sessions
from portal.services.people.passwords import SHORTEST, normalized

NAME_LONGEST = 100
DEMO_EMAIL = "owner@lumen.example"
DEMO_CUSTOMER_EMAIL = "nora@northwind-telecom.example"
DEMO_BILLING_EMAIL = "ben@lumen.example"
DEMO_PASSWORD = "ledger-lantern-42"
# Whom one can look round the demo as.
DEMO_PEOPLE = {DEMO_EMAIL: "Owner", DEMO_BILLING_EMAIL: "Billing", DEMO_CUSTOMER_EMAIL: "A customer"}


def role(name: str) -> Role:
    """A role by its name, made when first asked for."""
    if name not in ROLES:
        raise Invalid("role", f"There is no role {name}: choose {', '.join(ROLES)}.")
    query = select(Role).where(Role.name == name)
    found = db.session.scalar(query)
    if found is None:
        found = Role(name=name, description=ROLES[name])
        try:
            with db.session.begin_nested():
                db.session.add(found)
        except IntegrityError:  # somebody else has just made it
            return db.session.scalars(query).one()
    return found


def checked_role(name: str, customer_id: int | None) -> str:
    """A role that staff, or a customer's people, can have."""
    roles = CUSTOMER_ROLES if customer_id else STAFF_ROLES
    if name not in roles:
        raise Invalid("role", f"Choose a role: {', '.join(roles)}.")
    return name


def find_by_email(email: str) -> User | None:
    """Whoever signs in with this address."""
    found: User | None = db.session.scalar(select(User).where(User.email == email))
    return found


def known(email: str) -> User:
    """Whoever signs in with this address. Invalid where nobody does."""
    return find_by_email(sign_in_address(email)) or _nobody(email)


def _nobody(email: str) -> NoReturn:
    raise Invalid("email", f"Nobody has an account with {email}.")


def create(email: str, name: str, password: str, role_name: str, customer_id: int | None = None) -> User:
    """Add a person who may sign in from now on. The password was judged where it was chosen."""
    user = User(
        email=email,
        name=name,
        password=hash_password(normalized(password)),
        active=True,
        fs_uniquifier=secrets.token_hex(32),
        customer_id=customer_id,
        roles=[role(role_name)],
    )
    db.session.add(user)
    db.session.flush()
    return user


def create_staff(email: str, name: str, password: str, role_name: str) -> User:
    """Add a member of staff from the command line, or from the demo."""
    email = sign_in_address(email)
    check_password(password)
    if find_by_email(email):
        raise _known(email)
    try:
        with db.session.begin_nested():
            return create(email, name, password, checked_role(role_name, None))
    except IntegrityError:
        raise _known(email) from None


def _known(email: str) -> RuleBroken:
    return RuleBroken(f"{email} already has an account.")


def check_password(password: str) -> None:
    """Refuse one that is too short. (Whether it is easy to guess is judged where a person chooses their own.)"""
    if len(normalized(password)) < SHORTEST:
        raise Invalid("password", f"A password must have at least {SHORTEST} characters.")


def set_password(user: User, password: str, now: datetime) -> None:
    """Let a person in by another password, and nobody by the old one."""
    check_password(password)
    _lock(user)
    user.password = hash_password(normalized(password))
    sign_out_everywhere(user, now)


def staff() -> Sequence[User]:
    """Everybody who works for the provider, by name; those who may sign in first."""
    return _listed(User.customer_id.is_(None))


def people_of(customer_id: int) -> Sequence[User]:
    """A customer's own people, by name; those who may sign in first."""
    return _listed(User.customer_id == customer_id)


def _listed(condition: object) -> Sequence[User]:
    who = select(User).where(condition).options(selectinload(User.roles), selectinload(User.webauthn))  # type: ignore[arg-type]
    found = db.session.scalars(who.order_by(User.id))
    return sorted(found, key=lambda user: (not user.active, search_key(user.name)))


def checked_name(text: str) -> str:
    """A name as it is kept: what cannot be seen, or turns the writing round, is left out. Invalid if too long."""
    name = "".join(letter for letter in written(text) if letter.isprintable())
    if len(name) > NAME_LONGEST:
        raise Invalid("name", f"A name can have {NAME_LONGEST} characters at most.")
    return name


def rename(user: User, name: str) -> None:
    """Call a person by another name."""
    name = checked_name(name)
    if not name:
        raise Invalid("name", "Enter a name.")
    _lock(user)
    user.name = name


def change_role(user: User, role_name: str, by: User) -> None:
    """Let a person do more, or less."""
    role_name = checked_role(role_name, user.customer_id)
    _lock(user)
    if role_name == user.role:
        return
    if user.id == by.id:
        raise RuleBroken("You cannot change your own role. Ask another owner.")
    _keep_an_owner(user)
    user.roles = [role(role_name)]


def deactivate(user: User, by: User, now: datetime) -> None:
    """Let a person in no more, and sign them out everywhere."""
    if user.id == by.id:
        raise RuleBroken("You cannot deactivate your own account. Ask another owner.")
    _lock(user)
    if not user.active:
        return
    _keep_an_owner(user)
    user.active = False
    sign_out_everywhere(user, now)


def reactivate(user: User) -> None:
    """Let a person in again, with the password they have."""
    _lock(user)
    user.active = True


def take_second_step_away(user: User, by: User | None, now: datetime) -> None:
    """For whoever has lost app and backup codes: the password is enough again. By nobody: from the command line."""
    if by is not None and user.id == by.id:
        raise RuleBroken("Turn off your own second step on your account page.")
    _lock(user)
    user.tf_primary_method = user.tf_totp_secret = None
    user.mf_recovery_codes = []
    sign_out_everywhere(user, now)


def sign_out_everywhere(user: User, now: datetime) -> None:
    """End every session, and let no cookie or link of before be worth anything."""
    user_sessions.end_all(user.id, now)
    user.fs_uniquifier = secrets.token_hex(32)


def _lock(user: User) -> None:
    """Lock a person and read them anew; with all owners, where they are one: two may be the last at once."""
    owners = select(User.id).join(User.roles).where(Role.name == OWNER)
    ids = set(db.session.scalars(owners))
    locking.lock(User, {user.id} | ids if user.id in ids else {user.id})


def _keep_an_owner(user: User) -> None:
    """Refuse to lose the last owner."""
    if user.role != OWNER or not user.active:
        return
    others = (
        select(func.count(User.id))
        .join(User.roles)
        .where(Role.name == OWNER, User.active.is_(True), User.customer_id.is_(None), User.id != user.id)
    )
    if not db.session.scalar(others):
        raise RuleBroken(f"{user} is the last owner. Make somebody else an owner first.")


def ensure_demo_owner() -> None:
    """The demo's owner, whose sign-in `make run` prints; nobody where somebody is already."""
    if db.session.scalar(select(User.id).limit(1)) is None:
        for name in ROLES:
            role(name)
        create_staff(DEMO_EMAIL, "Olivia Brandt", DEMO_PASSWORD, OWNER)
