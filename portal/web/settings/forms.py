"""The form of the company's settings."""

from decimal import Decimal
from typing import Any

from flask_wtf import FlaskForm
from werkzeug.datastructures import FileStorage
from wtforms import EmailField, FileField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length, NumberRange

from portal.domain.bank_account import check_bic, check_iban, compact
from portal.domain.currencies import CURRENCIES
from portal.models import AuditComment, Company
from portal.services.company import settings as company_settings
from portal.services.company.logo import FILE_MOST
from portal.services.company.settings import CompanyFields
from portal.web.shared.fields import (
    TOO_LONG,
    ChoiceField,
    LinesField,
    RateField,
    Required,
    VersionField,
    WholeField,
    check_email,
    check_rate,
    checked_by,
)
from portal.web.shared.party_fields import IbanField, PartyForm

AUDIT_COMMENTS = {
    AuditComment.OFF: "Not asked for",
    AuditComment.OPTIONAL: "Asked for",
}
NAMELESS = "Enter the company's name: it is shown on every page and charge summary."


class LogoForm(FlaskForm):
    """A picture for the head of every summary."""

    file = FileField("Picture")

    @property
    def picture(self) -> bytes:
        """What was uploaded; nothing where no file was chosen."""
        upload = self.file.data
        return upload.read(FILE_MOST + 1) if isinstance(upload, FileStorage) else b""


class CompanyForm(PartyForm):
    """The provider: who it is, and how it bills."""

    version = VersionField("Version")
    name = StringField(
        "Company Name", [Required(NAMELESS), Length(max=company_settings.NAME_MAX, message=TOO_LONG)]
    )
    email = EmailField("E-mail", [Length(max=254, message=TOO_LONG)])
    summary_footer = LinesField("Summary Footer", [Length(max=company_settings.FOOTER_MAX, message=TOO_LONG)])
    time_zone = ChoiceField("Time Zone")
    default_currency = ChoiceField(
        "Default Currency",
        choices=[SelectChoice(code, f"{code}, {name}") for code, name in CURRENCIES.items()],
    )
    default_tax_rate = RateField("Default Tax Rate", default=Decimal(0))
    usage_wait_days = WholeField(
        "Usage Wait Days",
        validators=[
            Required("Enter how many days a minimum spend waits for its last calls; 0 for none."),
            NumberRange(
                0,
                company_settings.WAIT_DAYS_MAX,
                f"Usage Wait Days must be 0 to {company_settings.WAIT_DAYS_MAX}.",
            ),
        ],
    )

    notification_days = WholeField(
        "Package Charge Notification Days",
        default=0,
        validators=[NumberRange(0, company_settings.NOTIFICATION_DAYS_MAX, "Must be 0 to %(max)s days.")],
    )
    late_call_days = WholeField(
        "Late Call Days",
        default=90,
        validators=[NumberRange(0, company_settings.LATE_CALL_DAYS_MAX, "Must be 0 to %(max)s days.")],
    )
    payment_days = WholeField(
        "Payment Days",
        default=14,
        validators=[NumberRange(0, company_settings.PAYMENT_DAYS_MAX, "Must be 0 to %(max)s days.")],
    )
    account_name = StringField(
        "Account Name", [Length(max=company_settings.ACCOUNT_NAME_MAX, message=TOO_LONG)]
    )
    iban = IbanField("IBAN")
    bic = StringField("BIC")
    bank_details = LinesField(
        "Bank Details", [Length(max=company_settings.BANK_DETAILS_MAX, message=TOO_LONG)]
    )
    audit_comment = ChoiceField(
        "Audit Comment",
        choices=[SelectChoice(one.value, word) for one, word in AUDIT_COMMENTS.items()],
        default=AuditComment.OFF.value,
    )

    validate_email = check_email
    validate_default_tax_rate = check_rate

    def validate_iban(self, field: Any) -> None:
        """Refuse what is mistyped."""
        checked_by(check_iban, field.data or "")

    def validate_bic(self, field: Any) -> None:
        """Refuse what is none."""
        checked_by(check_bic, field.data or "")

    def offer_time_zones(self, provider: Company, fixed: bool) -> None:
        """Offer every time zone, or where it is fixed the one that holds."""
        zones = (
            [provider.time_zone] if fixed else sorted({provider.time_zone, *company_settings.time_zones()})
        )
        self.time_zone.choices = [SelectChoice(zone, zone.replace("_", " ")) for zone in zones]

    @property
    def fields(self) -> CompanyFields:
        """What was typed, as the service takes it."""
        return CompanyFields(
            self.name.data or "",
            self.party,
            self.email.data or "",
            self.time_zone.data or "",
            self.default_currency.data or "",
            self.usage_wait_days.data,
            self.summary_footer.data or "",
            self.notification_days.data,
            self.late_call_days.data,
            self.default_tax_rate.data or Decimal(0),
            AuditComment(self.audit_comment.data),
            self.payment_days.data,
            self.account_name.data or "",
            compact(self.iban.data or ""),
            compact(self.bic.data or ""),
            self.bank_details.data or "",
        )
