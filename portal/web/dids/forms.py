"""The forms of DIDs: the row, giving many, and the four ways of adding them."""

from typing import Any

from flask_wtf import FlaskForm
from wtforms import BooleanField, FileField, HiddenField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length

from portal.domain.csv_files.layout import DayOrder
from portal.domain.did_files.layout import WORDS, DidLayout
from portal.domain.errors import Invalid
from portal.domain.money import QUANTITY_MAX
from portal.domain.phone_numbers import countries
from portal.domain.schedule import FIRST_DAY, LAST_DAY
from portal.domain.wording import whole
from portal.extensions import db
from portal.models import Package
from portal.services.dids.intake import Wanted, Yes
from portal.services.dids.lines import Line, Lines, Table, block_lines, decoded, read_lines, read_table
from portal.web.shared.columns import column_choices, heading_choices
from portal.web.shared.fields import (
    ChoiceField,
    CustomerField,
    DayField,
    Required,
    VersionField,
    WholeField,
    id_or_none,
    put_error,
)
from portal.web.shared.token_field import TokenField

NO_COUNTRY = "None: numbers begin with + or 00"


class DidForm(FlaskForm):
    """A DID in its row: whose it is. Nobody's is in stock."""

    version = VersionField("Version")
    customer = CustomerField(
        "Customer", [Length(max=200, message="That is longer than any customer's name.")]
    )


class GiveForm(FlaskForm):
    """Many DIDs, and the customer who gets them."""

    customer = CustomerField("Customer", [Required("Choose the customer who gets them.")])


class IntakeForm(FlaskForm):
    """What every way of adding DIDs asks for: what to make of the numbers."""

    by = ""
    token = TokenField()
    fingerprint = HiddenField()
    country = ChoiceField("Country", choices=())
    customer = CustomerField(
        "Customer", [Length(max=200, message="That is longer than any customer's name.")]
    )
    package = ChoiceField("Package", coerce=id_or_none, choices=())
    start_date = DayField("Start Date")
    charge_from = DayField("Charge from")
    quantity = WholeField("Quantity", default=1)
    assign_there = BooleanField("Assign packages to DIDs that are already there")
    assign_twice = BooleanField("Assign a package a second time to DIDs that already have it")

    def offer(self, packages: list[Package]) -> None:
        """Fill in what can be chosen."""
        self.country.choices = [
            SelectChoice("", NO_COUNTRY),
            *(SelectChoice(code, f"{name} ({code})") for code, name in countries().items()),
        ]
        self.package.choices = [
            SelectChoice("", "None"),
            *(SelectChoice(p.id, f"{p.name} · {', '.join(p.currencies)}") for p in packages),
        ]

    def validate(self, extra_validators: Any = None) -> bool:
        """The fields, and that a package has a day and, where no line could say it, a customer."""
        if not super().validate(extra_validators):
            return False
        try:
            self._check()
        except Invalid as error:
            put_error(self, error)
            return False
        return True

    def _check(self) -> None:
        customer, day = self.customer.customer, self.start_date.data
        if customer and customer.archived_on:
            raise Invalid("customer", f"{customer.name} is archived. Choose another customer.")
        if not 1 <= (self.quantity.data or 0) <= QUANTITY_MAX:
            raise Invalid("quantity", f"Quantity must be 1 to {whole(QUANTITY_MAX)}.")
        for name, typed in (("start_date", day), ("charge_from", self.charge_from.data)):
            if typed and not FIRST_DAY <= typed <= LAST_DAY:
                raise Invalid(name, f"Choose a day between {FIRST_DAY.year} and {LAST_DAY.year}.")
        if self.package.data and not day:
            raise Invalid("start_date", "Enter the day from which the package is assigned.")
        if self.package.data and not customer and self.by != "file":
            raise Invalid(
                "customer", "A package can only be assigned to a customer's DID: choose the customer."
            )

    @property
    def wanted(self) -> Wanted:
        """What holds for every line that does not say otherwise."""
        package = db.session.get(Package, self.package.data) if self.package.data else None
        return Wanted(
            self.country.data or "",
            self.customer.customer,
            package,
            self.start_date.data,
            self.quantity.data or 1,
            self.charge_from.data,
        )

    @property
    def yes(self) -> Yes:
        """What was said yes to, of DIDs that are there already."""
        return Yes(there=bool(self.assign_there.data), twice=bool(self.assign_twice.data))

    def lines(self) -> Lines:
        """The lines that were brought. Invalid names the field."""
        raise NotImplementedError


class OneForm(IntakeForm):
    """One number."""

    by = "one"
    number = StringField(
        "Number",
        [Required("Enter the number."), Length(max=60, message="That is too long for a phone number.")],
    )

    def lines(self) -> Lines:
        """The one line."""
        text = (self.number.data or "").strip()
        return Lines([Line(1, (text,), {"number": text})])


class BlockForm(IntakeForm):
    """A block of numbers, both ends included."""

    by = "block"
    first = StringField("First number", [Required("Enter the first number.")])
    last = StringField("Last number", [Required("Enter the last number.")])

    def lines(self) -> Lines:
        """A line for each number."""
        return block_lines(self.first.data or "", self.last.data or "", self.country.data or "")


def line_or_none(text: str) -> int | None:
    """A line of a text, counted from 1; none for what is no such number."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else None


class TextForm(IntakeForm):
    """Lines of text, whose columns may have to be described."""

    text: Any
    # The line that names the columns, where somebody has said which; 0: none.
    heading = HiddenField()

    def table(self, line: int | None = None) -> Table:
        """The text cut into cells, its columns named by a `line` of it."""
        return read_table(self.content(), self.source, self.country.data or "", line)

    def lines(self) -> Lines:
        """The lines. Undescribed where somebody has to say first what they mean."""
        return read_lines(
            self.content(), self.source, self.country.data or "", line_or_none(self.heading.data or "")
        )

    @property
    def source(self) -> str:
        """The field that a refusal of the text belongs to."""
        return "text"

    def content(self) -> str:
        """The text. Invalid names the field."""
        return self.text.data or ""


class LinesForm(TextForm):
    """Pasted lines."""

    by = "lines"
    text = TextAreaField("Numbers", [Required("Paste the numbers, one on each line.")])


class FileForm(TextForm):
    """A CSV file. Once it has been read, its text travels on in the form."""

    by = "file"
    file = FileField("CSV file")
    text = HiddenField()

    @property
    def source(self) -> str:
        """The field of the file."""
        return "file"

    def content(self) -> str:
        """The text of the file."""
        upload = self.file.data
        if getattr(upload, "filename", ""):
            self.text.data, self.file.data = decoded(upload.read()), None
        if not (self.text.data or "").strip():
            raise Invalid("file", "Choose a file that is not empty.")
        return self.text.data or ""


FORMS: dict[str, type[IntakeForm]] = {form.by: form for form in (OneForm, BlockForm, LinesForm, FileForm)}


# -- what the columns mean

CODES = {
    "": "begin with + or 00, or are dialled within the country",
    "code": "begin with their country code, without +: 442079460100",
}
RANGES = {
    "": "belongs to one number: 030 123456-78",
    "range": "stands in a range of numbers: 442079460100-99",
}
ORDERS = {
    DayOrder.NONE: "the year is first (2026-11-03), or months have names",
    DayOrder.DAY: "the day is first: 31/01/2026",
    DayOrder.MONTH: "the month is first: 01/31/2026",
}


class LayoutForm(FlaskForm):
    """How a text says what a DID is. Its names have a prefix: it stands in one form with all that is asked besides."""

    heading = ChoiceField("Names of the columns", coerce=int, choices=())
    has_code = ChoiceField("Numbers", choices=[SelectChoice(*one) for one in CODES.items()])
    ranges = ChoiceField("A hyphen", choices=[SelectChoice(*one) for one in RANGES.items()])
    day_order = ChoiceField("Dates", choices=[SelectChoice(*one) for one in ORDERS.items()])

    def layout(self, at: Table) -> DidLayout:
        """What was chosen."""
        places = {name: self[name].data for name in WORDS}
        return DidLayout(
            columns={name: place for name, place in places.items() if place is not None},
            has_names=at.heading.has_names or at.is_simple,
            day_order=DayOrder(self.day_order.data),
            has_code=self.has_code.data == "code",
            ranges=self.ranges.data == "range",
        )


for _name, _label in WORDS.items():
    setattr(LayoutForm, _name, ChoiceField(_label, coerce=id_or_none, choices=()))


def layout_form(at: Table, **given: Any) -> LayoutForm:
    """The form for a text's layout, filled in as it is proposed."""
    layout = at.layout
    form = LayoutForm(
        **given, **{name: layout[name] for name in WORDS}, prefix="column-", meta={"csrf": False},
        heading=at.heading.lines if at.heading.has_names else 0, day_order=layout.day_order,
        has_code="code" if layout.has_code else "", ranges="range" if layout.ranges else "",
    )  # fmt: skip
    rows = [cells for _, cells in at.records[:3]]
    columns = column_choices(at.heading.head, rows)
    for name in WORDS:
        form[name].choices = [SelectChoice("", "No column"), *columns]
    form.heading.choices = heading_choices(at.choices)
    return form
