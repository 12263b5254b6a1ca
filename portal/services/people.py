"""People who may sign in: creating them, with their role."""

import secrets

from email_validator import EmailNotValidError, validate_email
from flask_security import hash_password
from sqlalchemy import select

from portal.domain.errors import Invalid, RuleBroken
from portal.extensions import db
from portal.models.user import OWNER, ROLES, Role, User

PASSWORD_LENGTH = 12
DEMO_EMAIL = "owner@lumen.example"
DEMO_PASSWORD = "ledger-lantern-42"


def role(name: str) -> Role:
    """A role by its name, made when first asked for."""
    if name not in ROLES:
        raise Invalid("role", f"There is no role {name}: choose {', '.join(ROLES)}.")
    found = db.session.scalar(select(Role).where(Role.name == name))
    if found is None:
        found = Role(name=name, description=ROLES[name])
        db.session.add(found)
    return found


def create_staff(email: str, name: str, password: str, role_name: str) -> User:
    """Add a member of staff who may sign in from now on."""
    try:
        email = validate_email(email, check_deliverability=False).normalized.lower()
    except EmailNotValidError as error:
        raise Invalid("email", f"{email} is no e-mail address: {error}") from error
    if len(password) < PASSWORD_LENGTH:
        raise Invalid("password", f"A password has {PASSWORD_LENGTH} characters or more.")
    if db.session.scalar(select(User).where(User.email == email)):
        raise RuleBroken(f"{email} may sign in already.")
    user = User(
        email=email,
        name=name,
        password=hash_password(password),
        active=True,
        fs_uniquifier=secrets.token_hex(32),
        roles=[role(role_name)],
    )
    db.session.add(user)
    db.session.flush()
    return user


def ensure_demo_owner() -> None:
    """The demo's owner, whose sign-in `make run` prints; nobody where somebody is already."""
    if db.session.scalar(select(User.id).limit(1)) is None:
        for name in ROLES:
            role(name)
        create_staff(DEMO_EMAIL, "Olivia Brandt", DEMO_PASSWORD, OWNER)
