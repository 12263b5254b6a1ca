"""What of Flask-Security is made to measure: mail, passwords, one-time codes and passkeys."""

import secrets as random
from typing import Any

from flask_security import MailUtil, PasswordUtil, SQLAlchemyUserDatastore, Totp, WebauthnUtil
from passlib.exc import UsedTokenError
from passlib.totp import TOTP
from sqlalchemy import or_, update
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from portal.clock import now
from portal.extensions import db
from portal.models.company import company_name
from portal.models.user import Role, User, WebAuthn
from portal.services.mail import outbox as mail
from portal.services.people import passwords

people = SQLAlchemyUserDatastore(db, User, Role, WebAuthn)


class Outbox(MailUtil):
    """Flask-Security's messages go where all others go."""

    def send_mail(
        self, template: str, subject: str, recipient: Any, sender: Any, body: Any, html: Any, **_: Any
    ) -> None:
        """Queue it; one that carries a link to sign in by is secret."""
        key = f"{template}:{random.token_hex(16)}"
        secret = template.endswith("instructions")
        mail.queue(key, str(recipient), str(subject), str(body), secret=secret, now=now())


class Passwords(PasswordUtil):
    """Passwords by our rules."""

    def normalize(self, password: str) -> str:
        """The same letters as the same bytes."""
        return passwords.normalized(password)

    def validate(self, password: str, is_register: bool, **known: Any) -> tuple[list[str] | None, str]:
        """The reasons against it, and the password as it is kept."""
        password = self.normalize(password)
        user = known["user"]
        reason = passwords.why_not(password, (user.email, user.name, company_name()))
        return ([reason] if reason else None), password


class OnceTotp(Totp):
    """One-time codes that are taken once, whoever else types them at the same moment."""

    def __init__(self, secrets: Any, issuer: str) -> None:
        # The first key encrypts; all of them read.
        self._totp = TOTP.using(issuer=issuer, secrets=secrets, default_tag=next(iter(secrets)))

    def get_totp_uri(self, username: str, totp_secret: str) -> str:
        """What the picture says: the portal goes by the company's name."""
        issuer = company_name().replace(":", " ").strip() or "Portal"
        return str(self._totp.from_source(totp_secret).to_uri(username, issuer=issuer))

    def get_last_counter(self, user: Any) -> int | None:
        """The code that was taken last."""
        return user.tf_last_counter  # type: ignore[no-any-return]

    def set_last_counter(self, user: Any, tmatch: Any) -> None:
        """Take a code, if nobody has taken it or a later one meanwhile."""
        later = or_(User.tf_last_counter.is_(None), User.tf_last_counter < tmatch.counter)
        take = update(User).where(User.id == user.id, later).values(tf_last_counter=tmatch.counter)
        if db.session.connection().execute(take).rowcount != 1:
            raise UsedTokenError


class Keys(WebauthnUtil):
    """Passkeys that stand for a password and a second factor at once: the device knows who holds it."""

    def registration_options(self, user: Any, usage: str, existing_options: dict[str, Any]) -> dict[str, Any]:
        """By the company's name."""
        return super().registration_options(user, usage, {**existing_options, "rp_name": company_name()})

    def authenticator_selection(self, user: Any, usage: str) -> AuthenticatorSelectionCriteria:
        """Any device that keeps the passkey and checks its holder, built in or not."""
        return AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        )

    def user_verification(self, user: Any, usage: list[str]) -> UserVerificationRequirement:
        """The device checks its holder, always."""
        return UserVerificationRequirement.REQUIRED
