"""The provider: one row of what the portal needs to know about the company that runs it."""

from decimal import Decimal
from enum import StrEnum

from sqlalchemy import CheckConstraint, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal.extensions import db
from portal.models.columns import Money, word
from portal.models.party import PartyColumns


class AuditComment(StrEnum):
    """Whether saving asks for a comment for the audit log."""

    OFF = "off"
    OPTIONAL = "optional"


class Company(PartyColumns, db.Model):
    """The provider: a party, and its billing settings. There is exactly one row, number 1."""

    __table_args__ = (
        CheckConstraint("id = 1", name="only_one"),
        CheckConstraint("usage_wait_days between 0 and 30", name="usage_wait_days"),
        CheckConstraint("notification_days between 0 and 90", name="notification_days"),
        CheckConstraint("payment_days between 0 and 366", name="payment_days"),
        CheckConstraint("late_call_days between 0 and 366", name="late_call_days"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=1)
    name: Mapped[str] = mapped_column(String(120))
    email: Mapped[str] = mapped_column(String(254), default="")
    time_zone: Mapped[str] = mapped_column(String(60), default="UTC")
    default_currency: Mapped[str] = mapped_column(String(3), default="USD")
    # In per cent; what a new customer's form begins with.
    default_tax_rate: Mapped[Decimal] = mapped_column(Money, default=Decimal(0), server_default="0")
    usage_wait_days: Mapped[int] = mapped_column(default=1)
    # Days before a charge on which it is announced (0: not at all), and days for which late calls reopen a period.
    notification_days: Mapped[int] = mapped_column(default=0, server_default="0")
    late_call_days: Mapped[int] = mapped_column(default=90, server_default="90")
    # Days from a charge to its due day.
    payment_days: Mapped[int] = mapped_column(default=14, server_default="14")
    # Where customers pay to, as it stands on summaries.
    account_name: Mapped[str] = mapped_column(String(70), default="", server_default="")
    iban: Mapped[str] = mapped_column(String(34), default="", server_default="")
    bic: Mapped[str] = mapped_column(String(11), default="", server_default="")
    bank_details: Mapped[str] = mapped_column(Text, default="", server_default="")
    summary_footer: Mapped[str] = mapped_column(Text, default="")
    # PNG, made anew from what was uploaded.
    logo: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    audit_comment: Mapped[AuditComment] = mapped_column(
        word(AuditComment, "audit_comment"), default=AuditComment.OFF, server_default="off"
    )
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}


ONLY = 1


def company() -> Company:
    """The company, read once a session. NoResultFound in a database that was not set up."""
    found = db.session.get_one(Company, ONLY)
    db.session.info[Company] = (
        found  # a session lets go of what nobody holds, and would read it again and again
    )
    return found


def company_name() -> str:
    """By which name the portal goes in an authenticator app and among passkeys."""
    return company().name
