"""The fields of a party, of a bank account and of a tax: a customer has them, and the provider's own company."""

from typing import Any

from flask import request
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField, TelField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length

from portal.domain import addresses, party
from portal.domain.check_digits import in_fours
from portal.domain.errors import Invalid
from portal.domain.party import LONGEST, Party
from portal.domain.phone_numbers import international
from portal.domain.tax import REASON_MAX, WITHOUT_REASON, TaxCategory, check_tax
from portal.web.shared.fields import (
    TOO_LONG,
    ChoiceField,
    check_rate,
    checked_by,
    put_error,
    tax_rate_field,
)

# What only some countries' parties have.
BY_COUNTRY = ("city", "postcode", "state")


class PhoneField(TelField):
    """A phone number, as people read it."""

    def process_data(self, value: Any) -> None:
        """What is stored, in groups."""
        self.data = international(value) if value else ""


class IbanField(StringField):
    """An IBAN, in groups of four."""

    def process_data(self, value: Any) -> None:
        """What is stored, as banks write it."""
        self.data = in_fours(value or "")


def _text(name: str, label: str) -> Any:
    return StringField(label, [Length(max=LONGEST[name], message=TOO_LONG)])


class PartyForm(FlaskForm):
    """Who somebody is by law, and where. What is not asked of a country is shown where it is filled in."""

    legal_name = _text("legal_name", "Legal Name")
    country = ChoiceField("Country", default="")
    street = _text("street", "Street")
    street_2 = _text("street_2", "Street, second line")
    city = _text("city", "City")
    postcode = _text("postcode", "Postcode")
    state = _text("state", "State")
    vat_id = _text("vat_id", "VAT ID")
    registration_number = _text("registration_number", "Registration Number")
    phone = PhoneField("Phone")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        names = addresses.countries()
        self.country.choices = [
            SelectChoice("", "Not given"),
            *(SelectChoice(code, name) for code, name in names.items()),
        ]
        self.state.label.text = addresses.state_label(self.chosen_country)

    @property
    def chosen_country(self) -> str:
        """The code of the country that is chosen; empty where none is."""
        return self.country.data if self.country.data in addresses.countries() else ""

    @property
    def asks(self) -> set[str]:
        """Which of the fields that only some countries have are shown."""
        country = self.chosen_country
        asked = addresses.parts_of(country) | ({"vat_id"} if party.has_vat_id(country) else set())
        return asked | {name for name in (*BY_COUNTRY, "vat_id") if self[name].data or self[name].errors}

    @property
    def names_of_numbers(self) -> dict[str, str]:
        """What the country calls a VAT ID and a registration number, where it has a name of its own for them."""
        country = self.chosen_country
        return {"vat_id": party.vat_id_name(country), "registration_number": party.registration_name(country)}

    @property
    def only_shown_anew(self) -> bool:
        """Whether another part of the form is asked for: nothing is to be saved."""
        return any(name in request.form for name in ("show", "add_contact"))

    @property
    def party(self) -> Party:
        """What was typed, as the services take it."""
        return Party(**{name: self[name].data or "" for name in Party.__dataclass_fields__})

    def validate_vat_id(self, field: Any) -> None:
        """Refuse what is mistyped."""
        checked_by(party.check_vat_id, field.data or "", self.chosen_country)

    def validate_registration_number(self, field: Any) -> None:
        """Refuse what is mistyped."""
        checked_by(party.check_registration_number, field.data or "", self.chosen_country)

    def validate_phone(self, field: Any) -> None:
        """Refuse what is no phone number."""
        checked_by(party.check_phone, (field.data or "").strip(), self.chosen_country)


def _category(value: Any) -> TaxCategory | None:
    """A category; None where the rate alone says which."""
    return TaxCategory(str(value)) if value and value != "None" else None


class TaxCategoryField(SelectField):
    """Why there is no tax. `data` is None where the rate alone says the category: standard, or zero."""

    def __init__(self, label: str = "Tax Category", **options: Any) -> None:
        refusal = f"Choose a {label} from the list."
        without_tax = [one for one in TaxCategory if one not in WITHOUT_REASON]
        super().__init__(  # type: ignore[call-arg]
            label,
            choices=[
                SelectChoice("", "Standard, or zero rate at 0%"),
                *(SelectChoice(one.value, one.words) for one in without_tax),
            ],
            coerce=_category,
            invalid_value_message=refusal,
            invalid_choice_message=refusal,
            **options,
        )

    def process_data(self, value: Any) -> None:
        """What is stored, where the rate does not say it."""
        self.data = None if value in WITHOUT_REASON else value

    def pre_validate(self, form: Any) -> None:
        """Every category can be sent, those too that are not offered because the rate says them."""


class TaxForm(FlaskForm):
    """A tax rate with its category, and without tax the reason."""

    tax_rate = tax_rate_field()
    tax_category = TaxCategoryField()
    tax_reason = StringField("Reason", [Length(max=REASON_MAX, message=TOO_LONG)])

    validate_tax_rate = check_rate

    def validate(self, *args: Any, **options: Any) -> bool:
        """Refuse what does not go together."""
        if not super().validate(*args, **options):
            return False
        if "tax_rate" not in self or self.tax_rate.data is None:
            return True
        try:
            check_tax(self.tax_rate.data, self.tax_category.data, self.tax_reason.data or "")
        except Invalid as error:
            put_error(self, error)
            return False
        return True
