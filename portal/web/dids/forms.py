"""The forms of DIDs: the row, giving many, and the four ways of adding them."""

from typing import Any

from flask_wtf import FlaskForm
from wtforms import FileField, HiddenField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length

from portal.domain.errors import Invalid
from portal.domain.money import QUANTITY_MAX
from portal.domain.phone_numbers import countries
from portal.domain.schedule import FIRST_DAY, LAST_DAY
from portal.domain.wording import whole
from portal.extensions import db
from portal.models import Package
from portal.services.dids.intake import Wanted
from portal.services.dids.lines import Line, Lines, block_lines, decoded, read_lines
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


class LinesForm(IntakeForm):
    """Pasted lines."""

    by = "lines"
    text = TextAreaField("Numbers", [Required("Paste the numbers, one on each line.")])

    def lines(self) -> Lines:
        """The lines as pasted."""
        return read_lines(self.text.data or "", "text")


class FileForm(IntakeForm):
    """A CSV file. Once it has been read, its text travels on in the form."""

    by = "file"
    file = FileField("CSV file")
    text = HiddenField()

    def lines(self) -> Lines:
        """The lines of the file."""
        upload = self.file.data
        if getattr(upload, "filename", ""):
            self.text.data = decoded(upload.read())
        if not (self.text.data or "").strip():
            raise Invalid("file", "Choose a file that is not empty.")
        return read_lines(self.text.data or "", "file")


FORMS: dict[str, type[IntakeForm]] = {form.by: form for form in (OneForm, BlockForm, LinesForm, FileForm)}
