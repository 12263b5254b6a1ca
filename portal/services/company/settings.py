"""The provider's settings: what cannot be, and what follows from a change."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from zoneinfo import available_timezones

from sqlalchemy import exists, select
from sqlalchemy.orm import joinedload

from portal.domain import party as parties
from portal.domain.bank_account import check_bic, check_iban
from portal.domain.currencies import CURRENCIES
from portal.domain.email_address import check_email
from portal.domain.errors import Invalid
from portal.domain.names import name_key, written
from portal.domain.party import Party
from portal.domain.tax import check_rate
from portal.extensions import db
from portal.models import Assignment, AssignmentPosition, AuditComment, Call, Charge, Package
from portal.models.company import Company
from portal.services import locking
from portal.services.billing.positions import find_next_of, lock_positions
from portal.services.chunks import in_chunks
from portal.services.company.logo import checked_logo

NAME_MAX, FOOTER_MAX = 120, 1_000
# An account's name of more letters fits in no transfer.
ACCOUNT_NAME_MAX, BANK_DETAILS_MAX = 70, 500
WAIT_DAYS_MAX, NOTIFICATION_DAYS_MAX, LATE_CALL_DAYS_MAX, PAYMENT_DAYS_MAX = 30, 90, 366, 366


@dataclass(frozen=True, slots=True)
class CompanyFields:
    """What is known of the provider, and how it bills."""

    name: str
    party: Party
    email: str
    time_zone: str
    default_currency: str
    usage_wait_days: int
    summary_footer: str
    notification_days: int = 0
    late_call_days: int = 90
    default_tax_rate: Decimal = Decimal(0)
    audit_comment: AuditComment = AuditComment.OFF
    payment_days: int = 14
    account_name: str = ""
    iban: str = ""
    bic: str = ""
    bank_details: str = ""


@cache
def time_zones() -> list[str]:
    """The time zones of places, and UTC first."""
    return [
        "UTC",
        *sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/")),
    ]


def is_time_zone_fixed() -> bool:
    """Whether days have been worked out in it: a charge is posted or a call taken in."""
    return bool(db.session.scalar(select(exists(select(Charge.id)) | exists(select(Call.id)))))


def change_company(provider: Company, fields: CompanyFields, today: date) -> int:
    """Change what is known of the provider. How many minimum spends are settled on another day because of it."""
    locking.lock(Company, [provider.id])
    _check(provider, fields)
    waited = provider.usage_wait_days
    provider.name = written(fields.name)
    provider.party = parties.checked(fields.party)
    provider.email = check_email(fields.email)
    provider.time_zone = fields.time_zone
    provider.default_currency = fields.default_currency
    provider.default_tax_rate = check_rate(fields.default_tax_rate, "default_tax_rate")
    provider.usage_wait_days = fields.usage_wait_days
    provider.summary_footer = fields.summary_footer.strip()
    provider.notification_days = fields.notification_days
    provider.late_call_days = fields.late_call_days
    provider.audit_comment = fields.audit_comment
    provider.payment_days = fields.payment_days
    provider.account_name = " ".join(fields.account_name.split())
    provider.iban, provider.bic = check_iban(fields.iban), check_bic(fields.bic)
    provider.bank_details = fields.bank_details.strip()
    db.session.flush()
    return _wait_anew(today) if provider.usage_wait_days != waited else 0


def change_logo(provider: Company, picture: bytes | None) -> None:
    """Keep another logo, drawn anew from a picture that was uploaded, or none. Invalid where it is no picture."""
    locking.lock(Company, [provider.id])
    provider.logo = checked_logo(picture) if picture is not None else None
    db.session.flush()


def _check(provider: Company, fields: CompanyFields) -> None:
    if not name_key(fields.name):
        raise Invalid("name", "Enter the company's name: it is shown on every page and charge summary.")
    for field, text, most in (
        ("name", written(fields.name), NAME_MAX),
        ("summary_footer", fields.summary_footer, FOOTER_MAX),
        ("account_name", fields.account_name, ACCOUNT_NAME_MAX),
        ("bank_details", fields.bank_details, BANK_DETAILS_MAX),
    ):
        if len(text) > most:
            raise Invalid(field, f"Too long: {most} characters at most.")
    if fields.default_currency not in CURRENCIES:
        raise Invalid("default_currency", "Choose a Default Currency from the list.")
    if not 0 <= fields.usage_wait_days <= WAIT_DAYS_MAX:
        raise Invalid("usage_wait_days", f"Usage Wait Days must be 0 to {WAIT_DAYS_MAX}.")
    if not 0 <= fields.payment_days <= PAYMENT_DAYS_MAX:
        raise Invalid("payment_days", f"Payment Days must be 0 to {PAYMENT_DAYS_MAX}.")
    if check_iban(fields.iban) and not fields.account_name.strip():
        raise Invalid(
            "account_name", "Enter the account's name: whoever pays has to enter it beside the IBAN."
        )
    if fields.time_zone != provider.time_zone:
        if fields.time_zone not in time_zones():
            raise Invalid("time_zone", "Choose a Time Zone from the list.")
        if is_time_zone_fixed():
            raise Invalid(
                "time_zone",
                f"Charges or calls are already dated in {provider.time_zone}, so the time zone cannot change.",
            )


def _wait_anew(today: date) -> int:
    """Work out anew when minimum spends are settled; how many there are.

    Their positions are held, so that a run comes wholly before or wholly after the change.
    """
    query = (
        select(Assignment.id)
        .join(Package, Package.id == Assignment.package_id)
        .join(AssignmentPosition)
        .where(Package.minimum_spend, AssignmentPosition.next_charge_on.is_not(None))
        .order_by(Assignment.id)
    )
    ids = list(db.session.scalars(query))
    for chunk in in_chunks(ids):
        lock_positions(chunk)
        assignments = (
            select(Assignment).options(joinedload(Assignment.position)).where(Assignment.id.in_(chunk))
        )
        find_next_of(list(db.session.scalars(assignments)), today)
        db.session.flush()
        db.session.expire_all()
    return len(ids)
