"""The forms of customers, and the field with which other forms name one."""

from decimal import Decimal
from typing import Any

from flask_wtf import FlaskForm
from wtforms import EmailField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length, NumberRange, Optional

from portal.domain.currencies import CURRENCIES
from portal.services.customers import account_codes, customers
from portal.services.customers.customers import CustomerFields
from portal.web.shared.fields import (
    TOO_LONG,
    ChoiceField,
    DayField,
    DecimalTextField,
    Required,
    VersionField,
    WholeField,
    check_email,
    check_rate,
    tax_rate_field,
)
from portal.web.shared.token_field import TokenField


def name_field() -> Any:
    """Name, required."""
    required = Required("Give the customer a name.")
    return StringField("Name", [required, Length(max=customers.NAME_MAX, message=TOO_LONG)])


def email_field() -> Any:
    """E-mail, checked by `check_email`."""
    return EmailField("E-mail", [Length(max=254, message=TOO_LONG)])


class AccountCodesField(TextAreaField):
    """Account codes, one a line or with commas between them. `codes` is None where the form had no such field."""

    def process_data(self, value: Any) -> None:
        """Codes that are stored, as they are typed."""
        self.data = "\n".join(map(str, value)) if value is not None else None

    @property
    def codes(self) -> tuple[str, ...] | None:
        """What was typed, each code once."""
        return None if self.data is None else account_codes.split(self.data)


class CustomerForm(FlaskForm):
    """A customer, new or changed."""

    token = TokenField()
    version = VersionField("Version")
    name = name_field()
    company_details = StringField(
        "Company Details", [Length(max=customers.COMPANY_DETAILS_MAX, message=TOO_LONG)]
    )
    email = email_field()
    account_codes = AccountCodesField("Account Codes")
    address = TextAreaField("Address", [Length(max=customers.ADDRESS_MAX, message=TOO_LONG)])
    currency = ChoiceField("Currency", choices=[SelectChoice(c, f"{c}, {n}") for c, n in CURRENCIES.items()])
    debit_limit = DecimalTextField("Debit Limit", default=Decimal(0))
    payment_days = WholeField(
        "Payment Days",
        validators=[Optional(), NumberRange(0, customers.PAYMENT_DAYS_MAX, "Must be 0 to %(max)s days.")],
    )
    tax_rate = tax_rate_field(default=Decimal(0))

    validate_email = check_email
    validate_tax_rate = check_rate

    @property
    def fields(self) -> CustomerFields:
        """What was typed, as the service takes it."""
        return CustomerFields(
            self.name.data or "",
            self.currency.data or "",
            self.company_details.data or "",
            self.email.data or "",
            self.address.data or "",
            self.debit_limit.data or Decimal(0),
            self.account_codes.codes,
            self.payment_days.data,
        )


class RowForm(FlaskForm):
    """A customer in its row."""

    version = VersionField("Version")
    name = name_field()
    email = email_field()
    tax_rate = tax_rate_field(default=Decimal(0))

    validate_email = check_email
    validate_tax_rate = check_rate


class TaxRateForm(FlaskForm):
    """A tax rate from a day on."""

    version = VersionField("Version")
    tax_rate = tax_rate_field(validators=[Required("Enter the rate in per cent.")])
    tax_rate_from = DayField("From")

    validate_tax_rate = check_rate
