"""The forms of calls: a file, how it says what a call is, and what an account code means."""

from typing import Any

from flask_wtf import FlaskForm
from wtforms import BooleanField, FileField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length as LengthOf

from portal.domain.call_files.layout import WORDS, Codes, Layout, Length
from portal.domain.csv_files.layout import DayOrder
from portal.domain.currencies import CURRENCIES
from portal.domain.errors import Invalid
from portal.domain.phone_numbers import countries
from portal.services.calls.looking import Waiting
from portal.services.charges.by_hand import REASON_LONGEST
from portal.services.company import settings as company_settings
from portal.web.shared.columns import SHOWN, column_choices, heading_choices
from portal.web.shared.fields import TOO_LONG, ChoiceField, CustomerField, LinesField, Required, id_or_none

# Chosen where a file has no call ids.
NO_IDS = "none"
ORDERS = {
    DayOrder.NONE: "the year is first (2026-11-03), or months have names",
    DayOrder.DAY: "the day is first: 31/01/2026",
    DayOrder.MONTH: "the month is first: 01/31/2026",
}
DECIMALS = {
    "": "a point; a comma too, where cells are not separated by commas",
    ".": "a point: 1,234.50",
    ",": "a comma: 1.234,50",
}
SIGNS = {"": "above zero", "below": "below zero: -0.0085 is a charge of 0.0085"}
LENGTHS = {
    Length.SECONDS: "seconds: 90",
    Length.MINUTES: "minutes: 1.5",
    Length.MILLISECONDS: "milliseconds: 90000",
    Length.CLOCK: "minutes and seconds: 1:30",
}
CODES = {
    Codes.CUSTOMERS: "of our customers: an unknown one is a bad row",
    Codes.CARRIER: "of the carrier: where one is unknown, the DIDs say whose the call is",
}


class FileForm(FlaskForm):
    """A file of call records."""

    file = FileField("File")
    replaces = BooleanField("Replace calls already imported with other values")
    by_hand = BooleanField("Let me describe the layout")


def _choices(words: dict[Any, str]) -> list[SelectChoice]:
    return [SelectChoice(value, text) for value, text in words.items()]


class LayoutForm(FlaskForm):
    """How a file says what a call is."""

    heading = ChoiceField("Names of the columns", coerce=int, choices=())
    zone = ChoiceField("Time zone", choices=())
    day_order = ChoiceField("Dates", choices=_choices(ORDERS))
    length = ChoiceField("Lengths", choices=_choices(LENGTHS))
    decimal = ChoiceField("Decimal sign", choices=_choices(DECIMALS))
    sign = ChoiceField("Charges", choices=_choices(SIGNS))
    currency_of_all = ChoiceField("Currency of all charges", choices=())
    country = ChoiceField("National numbers", choices=())
    codes = ChoiceField("Account codes", choices=_choices(CODES))
    run_value = StringField("Rows of RunID", [LengthOf(max=SHOWN, message=TOO_LONG)])

    def layout(self, at: Waiting, *, is_trial: bool = False) -> Layout:
        """What was chosen. Invalid where it was not said whether there is a call id; a trial does without."""
        places = {name: self[name].data for name in WORDS}
        if places["call_id"] is None and not is_trial:
            raise Invalid("call_id", "Choose the column for: call id. Or choose that there is none.")
        found = {name: place for name, place in places.items() if place is not None and place != NO_IDS}
        return Layout(
            columns=found,
            has_names=at.heading.has_names,
            zone=self.zone.data,
            day_order=DayOrder(self.day_order.data),
            decimal=self.decimal.data,
            below_zero=self.sign.data == "below",
            currency=self.currency_of_all.data,
            length=Length(self.length.data),
            country=self.country.data,
            codes=Codes(self.codes.data),
            run=(self.run_value.data or "").strip(),
        )


def _column(value: Any) -> Any:
    """Read the place of a column, or that there is none of call ids."""
    return value if value == NO_IDS else id_or_none(value)


for _name, _label in WORDS.items():
    setattr(LayoutForm, _name, ChoiceField(_label, coerce=_column, choices=()))


def layout_form(at: Waiting, zone: str, **given: Any) -> LayoutForm:
    """The form for a file's layout, filled in as it is proposed; `zone` is the portal's."""
    layout = at.proposal.layout
    places: dict[str, Any] = {name: layout[name] for name in WORDS}
    if layout["call_id"] is None and "call_id" not in at.proposal.asks:
        places["call_id"] = NO_IDS
    form = LayoutForm(
        **given, **places, heading=at.heading.lines if at.heading.has_names else 0, zone=layout.zone,
        day_order=layout.day_order, length=layout.length, decimal=layout.decimal,
        sign="below" if layout.below_zero else "", currency_of_all=layout.currency, country=layout.country,
        codes=layout.codes, run_value=layout.run,
    )  # fmt: skip
    columns = column_choices(at.heading.head, at.rows(3))
    for name in WORDS:
        nothing = [SelectChoice("", "Choose" if name == "call_id" else "No column")]
        if name == "call_id":
            nothing.append(SelectChoice(NO_IDS, "There is none"))
        form[name].choices = nothing + columns
    form.heading.choices = heading_choices(at.choices)
    form.zone.choices = [
        SelectChoice("", f"the portal's: {zone}"),
        *(SelectChoice(one, one.replace("_", " ")) for one in sorted(company_settings.time_zones())),
    ]
    form.currency_of_all.choices = [
        SelectChoice("", "the customer's"),
        *(SelectChoice(code, f"{code}, {name}") for code, name in CURRENCIES.items()),
    ]
    named = [SelectChoice(code, name) for code, name in countries().items()]
    form.country.choices = [SelectChoice("", "none: every number has its country code"), *named]
    return form


class FindForm(FlaskForm):
    """Which calls are looked for. Their days stand beside it (portal.web.shared.spans)."""

    number = StringField("Number", [LengthOf(max=60, message=TOO_LONG)])
    customer = CustomerField("Customer", [LengthOf(max=200, message=TOO_LONG)])


class CodeForm(FlaskForm):
    """What a file calls a customer, and who that is."""

    code = StringField("Account code", [Required("Say what the file calls the customer.")])
    customer = CustomerField("Customer", [Required("Choose the customer.")])


class UndoForm(FlaskForm):
    """Why an import is undone."""

    reason = LinesField(
        "Reason",
        [
            Required("Enter why it is undone: the reason is kept."),
            LengthOf(max=REASON_LONGEST, message=TOO_LONG),
        ],
        render_kw={"rows": 3, "maxlength": REASON_LONGEST},
    )
