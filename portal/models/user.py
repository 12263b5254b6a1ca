"""Who may sign in: the provider's staff, and the people of its customers."""

from datetime import UTC, datetime

from flask_security.models import sqla
from sqlalchemy import BigInteger, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.extensions import db
from portal.models.columns import PK

sqla.FsModels.set_db_info(base_model=db.Model)

OWNER, BILLING, VIEWER = "owner", "billing", "viewer"
CUSTOMER_OWNER, CUSTOMER_USER = "customer owner", "customer user"

STAFF_ROLES = {
    OWNER: "Can do everything, including settings and people",
    BILLING: "Can define, assign, charge and correct",
    VIEWER: "Can view, but not change",
}
CUSTOMER_ROLES = {
    CUSTOMER_OWNER: "Can see the account's pages, and choose who else can",
    CUSTOMER_USER: "Can see the account's pages",
}
ROLES = {**STAFF_ROLES, **CUSTOMER_ROLES}


class Role(db.Model, sqla.FsRoleMixin):
    """What a person may do: one of ROLES."""

    __tablename__ = "role"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(PK, primary_key=True)


class User(db.Model, sqla.FsUserMixin):
    """A person who signs in. With a customer, they see that customer's pages only."""

    __tablename__ = "user"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"), index=True)
    # The counter of the last one-time code that was taken, so that none is taken twice.
    tf_last_counter: Mapped[int | None] = mapped_column(BigInteger)

    @property
    def is_staff(self) -> bool:
        """Whether they work for the provider."""
        return self.customer_id is None

    @property
    def role(self) -> str:
        """The name of their role; each person has one."""
        return self.roles[0].name if self.roles else ""

    @property
    def signed_in_at(self) -> datetime | None:
        """When they signed in last; it is stored in UTC without saying so."""
        return self.current_login_at and self.current_login_at.replace(tzinfo=UTC)

    @property
    def second_step(self) -> str:
        """What signing in asks for beside the password, in words."""
        ways = [word for has, word in ((self.tf_primary_method, "app"), (self.webauthn, "passkey")) if has]
        return ", ".join(ways)

    def __str__(self) -> str:
        return self.name or self.email


class WebAuthn(db.Model, sqla.FsWebAuthnMixin):
    """A passkey of a person."""

    __tablename__ = "webauthn"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(PK, primary_key=True)
