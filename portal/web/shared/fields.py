"""Fields that read what people type into the values that services take, and say in a sentence why not.

A number is plain digits with a point; what cannot be read stays in the field as it was typed.
"""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from flask_wtf import FlaskForm
from markupsafe import Markup, escape
from wtforms import (
    DateField,
    HiddenField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, ValidationError
from wtforms.widgets import CheckboxInput, ListWidget, Select

from portal.domain import email_address, tax
from portal.domain.currencies import CURRENCIES
from portal.domain.errors import Invalid
from portal.domain.money import minor_digits, parse_decimal
from portal.domain.names import written
from portal.domain.wording import digits
from portal.models import Customer
from portal.services.customers import customers

WHOLE = re.compile(r"[+-]?\d{1,12}", re.ASCII)


class Required(InputRequired):
    """Something has to be filled in. White space of any kind is nothing."""

    def __call__(self, form: Any, field: Any) -> None:
        """Refuse an empty field, and one that only looks filled in: what it reads is nothing too."""
        typed = field.raw_data
        if typed and isinstance(typed[0], str) and not typed[0].strip():
            field.raw_data = []
        super().__call__(form, field)


class LinesField(TextAreaField):
    """A text of several lines. The end of a line is one character, as people and browsers count; browsers send two."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Read the text, with the ends of its lines as they are counted and kept."""
        super().process_formdata([value.replace("\r\n", "\n") for value in valuelist])


class NumberField(StringField):
    """A number that is typed. Nothing typed is its default."""

    data: Any
    default: Any
    example = ""

    def __init__(self, label: str, *, default: Any = None, **options: Any) -> None:
        super().__init__(label, default=default, **options)

    def read(self, text: str) -> Any:
        """The number, or ValueError."""
        raise NotImplementedError

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Read what was typed."""
        if not valuelist:
            return
        text = str(valuelist[0]).strip()
        self.data = self.default() if callable(self.default) else self.default
        if text:
            try:
                self.data = self.read(text)
            except ValueError:
                self.data = None
                raise ValueError(f"Enter {self.label.text} as {self.example}.") from None

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else self.shown(self.data)

    def shown(self, value: Any) -> str:
        """A stored number as the field shows it."""
        return str(value)


class DecimalTextField(NumberField):
    """An exact decimal. Thousands are not set apart, so that no comma can be mistaken for a point."""

    example = "digits with a point, such as 1234.50"

    def __init__(self, label: str, *, zero_is_empty: bool = False, **options: Any) -> None:
        """`zero_is_empty`: an empty field says the same as 0, and is shown instead of it."""
        super().__init__(label, **options)
        self.zero_is_empty = zero_is_empty

    def read(self, text: str) -> Decimal:
        """The decimal, or ValueError."""
        return parse_decimal(text)

    def shown(self, value: Any) -> str:
        """A stored decimal as the field shows it."""
        return "" if self.zero_is_empty and not value else shown(Decimal(value))


class RateField(DecimalTextField):
    """A rate in per cent."""

    example = "a percentage, such as 20 or 7.5"


class WholeField(NumberField):
    """A whole number."""

    example = "a whole number, such as 30"

    def read(self, text: str) -> int:
        """The number, or ValueError."""
        if not WHOLE.fullmatch(text):
            raise ValueError(text)
        return int(text)


class Options(Select):
    """Options that have nothing but a value and a label, which is all of ours: a list of countries has 249 of them."""

    @classmethod
    def render_option(cls, choice: Any, **kwargs: Any) -> Markup:  # type: ignore[override]
        """One of them, as the class above writes it."""
        if choice.render_kw or kwargs:
            return super().render_option(choice, **kwargs)
        chosen = "selected " if choice.selected else ""
        return Markup(
            f'<option {chosen}value="{escape(choice.value)}">{escape(choice.label or choice.value)}</option>'
        )


class ChoiceField(SelectField):
    """One of a list; whatever else arrives is refused in a sentence."""

    widget = Options()

    def __init__(self, label: str, **options: Any) -> None:
        refusal = f"Choose a {label} from the list."
        super().__init__(  # type: ignore[call-arg]
            label, invalid_value_message=refusal, invalid_choice_message=refusal, **options
        )


class DayField(DateField):
    """A day of the calendar."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Read the day; an empty field is no day."""
        self.data = None
        if valuelist and str(valuelist[0]).strip():
            try:
                super().process_formdata([str(valuelist[0]).strip()])
            except ValueError:
                raise ValueError("Enter a date, such as 2026-11-30.") from None


class DaysField(SelectMultipleField):
    """Days as buttons that are checkboxes. Which days there can be is for the schedule to say."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Read the days that were ticked."""
        self.data = []
        if len(valuelist) > 31 or not all(WHOLE.fullmatch(str(value)) for value in valuelist):
            raise ValueError("Choose days from those offered.")
        self.data = [int(value) for value in valuelist]

    def pre_validate(self, form: Any) -> None:
        """Nothing here: the schedule refuses a day that cannot be, with its own words."""


def shown(value: Decimal) -> str:
    """A decimal as somebody would type it: 24.50, 0.0085, 0."""
    plain = digits(value)
    return plain + "0" if len(plain.partition(".")[2]) == 1 else plain


def shown_in(field: Any, unit: str) -> str:
    """What a field of money shows: a stored amount with all decimals of its currency; what was typed as it was."""
    text = str(field._value())
    if field.raw_data or unit not in CURRENCIES or not isinstance(field, DecimalTextField) or not text:
        return text
    whole, _point, decimals = text.partition(".")
    decimals = decimals.ljust(minor_digits(unit), "0")
    return f"{whole}.{decimals}" if decimals else whole


def one_of(enum: type[StrEnum]) -> Callable[[Any], StrEnum]:
    """Read a value as one of an enum's members; ValueError else."""

    def coerce(value: Any) -> StrEnum:
        return value if isinstance(value, enum) else enum(str(value))

    return coerce


def id_or_none(value: Any) -> int | None:
    """Read an id of a list that begins with None."""
    if value in (None, "", "None"):
        return None
    if not WHOLE.fullmatch(str(value)):
        raise ValueError(value)
    return int(value)


TOO_LONG = "Too long: %(max)d characters at most."


class VersionField(WholeField):
    """The version that a person has before them; nobody sees it."""

    widget = HiddenField.widget

    def read(self, text: str) -> int:
        """The version; what is none was never stored, and so is stale."""
        try:
            return super().read(text)
        except ValueError:
            return -1


class CustomerField(StringField):
    """A customer, typed by account code, by name or as #12. `customer` is who is meant, None where nobody was named."""

    customer: Customer | None = None

    def post_validate(self, form: Any, validation_stopped: bool) -> None:
        """Find out who is meant."""
        text = (self.data or "").strip()
        if text and not self.errors:
            if len(written(text)) > customers.NAME_MAX:  # longer than what a database can look for
                raise ValidationError("That is longer than any customer's name.")
            try:
                self.customer = customers.named(text)
            except Invalid as error:
                raise ValidationError(error.sentence) from None


def name_for_field(customer: Customer | None) -> str:
    """How a field that names a customer is filled in: in a way that means this one and nobody else."""
    if customer is None:
        return ""
    try:
        return customer.name if customers.named(customer.name) is customer else f"#{customer.id}"
    except Invalid:
        return f"#{customer.id}"


def put_error(form: FlaskForm, error: Invalid) -> None:
    """Show what was refused at its field, or at the first that can be seen; what the field says already comes first."""
    field = (
        form[error.field]
        if error.field in form
        else next(f for f in form if not isinstance(f, HiddenField | VersionField))
    )
    field.errors = field.errors or [error.sentence]


def day_or_none(text: str) -> date | None:
    """A day of a URL or a hidden field, None where it is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


class VersionedForm(FlaskForm):
    """What every change of a stored assignment carries."""

    version = HiddenField()

    def is_stale(self, version: int) -> bool:
        """Whether somebody saved since this form was opened."""
        return self.version.data != str(version)

    def stand_on(self, version: int) -> None:
        """Let the next try begin from what is stored now."""
        self.version.raw_data, self.version.data = None, str(version)


def checked_by(check: Callable[..., object], *values: Any) -> None:
    """Refuse at a field what the services would refuse, in their words."""
    try:
        check(*values)
    except Invalid as error:
        raise ValidationError(error.sentence) from None


def check_email(form: FlaskForm, field: Any) -> None:
    """Refuse what is no address."""
    checked_by(email_address.check_email, field.data or "")


def tax_rate_field(**options: Any) -> Any:
    """Tax Rate, in per cent, checked by `check_rate`."""
    return RateField("Tax Rate", **options)


def check_rate(form: FlaskForm, field: Any) -> None:
    """Refuse what is a number, but no tax rate."""
    if field.data is not None:
        checked_by(tax.check_rate, field.data)
