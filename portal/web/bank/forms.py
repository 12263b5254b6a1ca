"""The forms of bank statements: a file, what its columns mean, and what a line is booked as."""

from contextlib import suppress
from typing import Any

from flask_wtf import FlaskForm
from wtforms import FileField, HiddenField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length

from portal.domain.bank_files.layout import WORDS, BankLayout
from portal.domain.csv_files.layout import DayOrder
from portal.domain.currencies import CURRENCIES
from portal.services.bank.booking import PARTS_MAX
from portal.services.bank.putting import NOTE_MAX, WHY
from portal.services.bank.reading import Table
from portal.web.credit.choosing import ChoosingForm, TickedField
from portal.web.http.bounds import row_id
from portal.web.shared.columns import column_choices, heading_choices
from portal.web.shared.fields import (
    TOO_LONG,
    ChoiceField,
    CustomerField,
    DecimalTextField,
    Required,
    VersionField,
    id_or_none,
)

ORDERS = {
    DayOrder.NONE: "the year is first (2026-11-03), or months have names",
    DayOrder.DAY: "the day is first: 31/01/2026",
    DayOrder.MONTH: "the month is first: 01/31/2026",
}
DECIMALS = {
    "": "as each number says it",
    ".": "a point: 1,234.50",
    ",": "a comma: 1.234,50",
}
# Beside the first, a line is split between so many more.
SHARES = range(2, PARTS_MAX + 1)


class StatementForm(FlaskForm):
    """A file of statements."""

    file = FileField("File")
    account = StringField("Account", [Length(max=60, message=TOO_LONG)])


class BankLayoutForm(FlaskForm):
    """How a CSV of a bank says what a line is."""

    heading = ChoiceField("Names of the columns", coerce=int, choices=())
    own = StringField("Account", [Length(max=60, message=TOO_LONG)])
    currency_of_all = ChoiceField("Currency of all lines", choices=())
    day_order = ChoiceField("Days", choices=[SelectChoice(*one) for one in ORDERS.items()])
    decimal = ChoiceField("Decimal sign", choices=[SelectChoice(*one) for one in DECIMALS.items()])

    def layout(self, at: Table) -> BankLayout:
        """What was chosen."""
        places = {name: self[name].data for name in WORDS}
        return BankLayout(
            columns={name: place for name, place in places.items() if place is not None},
            has_names=at.heading.has_names,
            day_order=DayOrder(self.day_order.data),
            decimal=self.decimal.data,
            currency_of_all=self.currency_of_all.data,
        )


for _name, _label in WORDS.items():
    setattr(BankLayoutForm, _name, ChoiceField(_label, coerce=id_or_none, choices=()))


def bank_layout_form(at: Table, default_currency: str, **given: Any) -> BankLayoutForm:
    """The form for a file's layout, filled in as it is proposed."""
    layout = at.layout
    currency = layout.currency_of_all or ("" if layout["currency"] is not None else default_currency)
    form = BankLayoutForm(
        **given, **{name: layout[name] for name in WORDS},
        heading=at.heading.lines if at.heading.has_names else 0, day_order=layout.day_order,
        decimal=layout.decimal, currency_of_all=currency, own=at.account,
    )  # fmt: skip
    columns = column_choices(at.heading.head, [cells for _, cells in at.records[:3]])
    for name in WORDS:
        form[name].choices = [SelectChoice("", "No column"), *columns]
    form.heading.choices = heading_choices(at.choices)
    form.currency_of_all.choices = [
        SelectChoice("", "as its column says"),
        *(SelectChoice(code, code) for code in sorted(CURRENCIES)),
    ]
    return form


class IdField(HiddenField):
    """The id of a row; nothing for what is none."""

    data: int | None

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Read the id."""
        self.data = None
        with suppress(ValueError):
            self.data = row_id(str(valuelist[0])) if valuelist else None


class IdsField(TickedField):
    """The ids of payments that were ticked: which of them can be is for the service to say."""

    def pre_validate(self, form: Any) -> None:
        """Nothing here."""


class AcceptForm(FlaskForm):
    """A proposal is accepted: this one, and no other."""

    seal = HiddenField()
    # The list that it was accepted from.
    statement = IdField()
    state = HiddenField()


class LineForm(ChoosingForm):
    """Whose a line is: one customer and the charges it pays, or a part for each of several."""

    version = VersionField("Version")
    customer = CustomerField("Customer", [Required("Choose the customer who paid.")])
    amount = DecimalTextField("Amount", validators=[Required("Enter how much of the line is theirs.")])
    again_reason = StringField("Reason", [Length(max=500, message=TOO_LONG)])

    @property
    def shares(self) -> list[tuple[Any, Any]]:
        """The fields of the other parts: a customer and an amount each."""
        return [(self[f"customer_{number}"], self[f"share_{number}"]) for number in SHARES]

    def validate(self, extra_validators: Any = None) -> bool:
        """Refuse an amount without a customer, and a customer without an amount."""
        is_valid = bool(super().validate(extra_validators))
        for customer, share in self.shares:
            if (
                bool(customer.customer) != (share.data is not None)
                and not customer.errors
                and not share.errors
            ):
                words = "Enter their part." if customer.customer else "Choose the customer whose part it is."
                share.errors = [words]
                is_valid = False
        return is_valid


for _number in SHARES:
    setattr(LineForm, f"customer_{_number}", CustomerField(f"Customer {_number}"))
    setattr(LineForm, f"share_{_number}", DecimalTextField(f"Part {_number}"))


class AsideForm(FlaskForm):
    """A line is set aside."""

    version = VersionField("Version")
    note = StringField("Why", [Required(WHY), Length(max=NOTE_MAX, message=TOO_LONG)])


class LineActForm(FlaskForm):
    """A button on a line, and the version it was pressed upon."""

    version = VersionField("Version")


class PaymentIdsForm(LineActForm):
    """Which payments a line is, or which came back."""

    payments = IdsField("Payments", choices=[], coerce=int, validate_choice=False)


class PaidBackForm(LineActForm):
    """Whom a line paid back."""

    customer = CustomerField("Customer", [Required("Choose the customer who was paid back.")])
