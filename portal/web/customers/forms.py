"""The forms of customers, and the field with which other forms name one."""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from flask import request
from flask_wtf import FlaskForm
from wtforms import EmailField, Field, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.form import Form
from wtforms.validators import Length, NumberRange, Optional

from portal.domain.bank_account import check_iban
from portal.domain.currencies import CURRENCIES
from portal.domain.party import check_phone
from portal.services.customers import account_codes, contacts, customers
from portal.services.customers.contacts import ContactFields
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
    checked_by,
    tax_rate_field,
)
from portal.web.shared.party_fields import IbanField, PartyForm, PhoneField, TaxForm
from portal.web.shared.token_field import TokenField

CONTACT_FIELD = re.compile(r"contacts-(\d{1,3})-(?:name|role|email|phone)", re.ASCII)


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


class ContactForm(Form):
    """Somebody at a customer. One of whom nothing is filled in is nobody."""

    name = StringField("Name", [Required(contacts.NO_NAME), Length(max=contacts.NAME_MAX, message=TOO_LONG)])
    role = StringField("Role", [Length(max=contacts.ROLE_MAX, message=TOO_LONG)])
    email = email_field()
    phone = PhoneField("Phone")

    validate_email = check_email
    country = ""

    @property
    def contact(self) -> ContactFields:
        """What was typed, as the service takes it."""
        return ContactFields(*((field.data or "").strip() for field in self))

    @property
    def is_empty(self) -> bool:
        """Whether nobody is named here."""
        return self.contact == ContactFields("")

    def accepts(self, country: str) -> bool:
        """Whether nothing is wrong with it, its phone number read as within a country; else its fields say what is."""
        self.country = country
        return self.is_empty or self.validate()

    def validate_phone(self, field: Any) -> None:
        """Refuse what is no phone number."""
        checked_by(check_phone, (field.data or "").strip(), self.country)


class CustomerForm(PartyForm, TaxForm):
    """A customer, new or changed. Their contacts are forms of their own within it."""

    token = TokenField()
    version = VersionField("Version")
    name = name_field()
    company_details = StringField(
        "Company Details", [Length(max=customers.COMPANY_DETAILS_MAX, message=TOO_LONG)]
    )
    email = email_field()
    account_codes = AccountCodesField("Account Codes")
    currency = ChoiceField("Currency", choices=[SelectChoice(c, f"{c}, {n}") for c, n in CURRENCIES.items()])
    debit_limit = DecimalTextField("Debit Limit", default=Decimal(0))
    payment_days = WholeField(
        "Payment Days",
        validators=[Optional(), NumberRange(0, customers.PAYMENT_DAYS_MAX, "Must be 0 to %(max)s days.")],
    )
    iban = IbanField("IBAN")
    tax_rate = tax_rate_field(default=Decimal(0))

    validate_email = check_email

    def __init__(self, *args: Any, contacts: Sequence[ContactFields] = (), **options: Any) -> None:
        super().__init__(*args, **options)
        self.contacts = self._typed_contacts() if self.is_submitted() else _stored_contacts(contacts)
        self.adds_contact = "add_contact" in request.form
        if self.adds_contact:
            self.contacts.append(_contact_form(len(self.contacts)))

    def _typed_contacts(self) -> list[ContactForm]:
        """A form for each number that came with the request, one more than there may be at most."""
        found = {int(match[1]) for name in request.form if (match := CONTACT_FIELD.fullmatch(name))}
        return [_contact_form(number, request.form) for number in sorted(found)]

    def validate_iban(self, field: Any) -> None:
        """Refuse what is mistyped."""
        checked_by(check_iban, field.data or "")

    def validate(self, *args: Any, **options: Any) -> bool:
        """Refuse what is wrong with the customer, or with a contact."""
        # Each of them says what is wrong with it, not the first alone.
        accepted = [contact.accepts(self.chosen_country) for contact in self.contacts]
        return super().validate(*args, **options) and all(accepted)

    def __iter__(self) -> Iterator[Field]:
        """The fields, those of the contacts with them."""
        yield from self._fields.values()
        for contact in self.contacts:
            yield from contact

    def __contains__(self, name: str) -> bool:
        return name == contacts.FIELD or super().__contains__(name)

    def __getitem__(self, name: str) -> Field:
        """The field of a name; what is said of the contacts as a whole stands at the first of them."""
        if name == contacts.FIELD:
            return self.contacts[0].name
        return super().__getitem__(name)

    @property
    def errors(self) -> dict[str, Any]:
        """What is wrong, by the ids of the fields."""
        return {field.id: field.errors for field in self if field.errors}

    @property
    def fields(self) -> CustomerFields:
        """What was typed, as the service takes it."""
        return CustomerFields(
            self.name.data or "",
            self.currency.data or "",
            self.company_details.data or "",
            self.email.data or "",
            self.party,
            self.debit_limit.data or Decimal(0),
            self.account_codes.codes,
            self.payment_days.data,
            self.iban.data or "",
            self._contacts,
        )

    @property
    def _contacts(self) -> tuple[ContactFields, ...] | None:
        """Who was typed; None where the form had no such fields: then they stay as they are."""
        if not self.contacts:
            return None
        return tuple(form.contact for form in self.contacts if not form.is_empty)


def _contact_form(number: int, *given: Any, **data: Any) -> ContactForm:
    return ContactForm(*given, prefix=f"contacts-{number}-", **data)


def _stored_contacts(stored: Sequence[ContactFields]) -> list[ContactForm]:
    return [_contact_form(number, obj=contact) for number, contact in enumerate(stored)]


class RowForm(FlaskForm):
    """A customer in its row."""

    version = VersionField("Version")
    name = name_field()
    email = email_field()
    tax_rate = tax_rate_field(default=Decimal(0))

    validate_email = check_email
    validate_tax_rate = check_rate


class TaxRateForm(TaxForm):
    """A tax rate from a day on."""

    version = VersionField("Version")
    tax_rate = tax_rate_field(validators=[Required("Enter the rate in per cent.")])
    tax_rate_from = DayField("From")
