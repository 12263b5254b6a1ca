"""The forms of assignments. Fields are named as in docs/words.md."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, SelectMultipleField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]
from wtforms.widgets import CheckboxInput, ListWidget

from portal.domain.errors import Invalid
from portal.domain.terms import PackageType
from portal.domain.wording import day as in_words
from portal.models import Assignment, Customer, Did, Package
from portal.services.assignments import assigning
from portal.services.assignments.assigning import Draft
from portal.services.assignments.assigning_many import Wish
from portal.services.assignments.changing import Change
from portal.services.assignments.own_prices import earliest_day, own_on
from portal.services.deletion import Refusal
from portal.services.packages.definition import PRICE_LABELS, OwnPriceSet
from portal.web.shared.fields import (
    ChoiceField,
    DayField,
    DecimalTextField,
    LinesField,
    VersionedForm,
    WholeField,
    id_or_none,
    put_error,
)
from portal.web.shared.token_field import TokenField

REASON_LONGEST = 500
OTHER_DAY = "other"


def own_price_fields() -> list[Any]:
    """The four prices, empty where they are the package's."""
    return [DecimalTextField(label) for label in PRICE_LABELS.values()]


NO_QUANTITY = "Enter a quantity of 1 or more."
NO_START = "Choose the first day of service."


class AssignmentForm(VersionedForm):
    """Assigning a package: to a customer, to a DID, or to many of them."""

    token = TokenField()
    twice = HiddenField()
    package = ChoiceField("Package", coerce=id_or_none, render_kw={"required": True})
    quantity = WholeField("Quantity", default=1)
    start_date = DayField("Start Date", render_kw={"required": True})
    end_date = DayField("End Date")
    charge_from = DayField("Charge from")
    minutes = WholeField("Minutes")
    minimum_days = WholeField("Minimum Days")
    auto_decrement_credit = BooleanField("Auto Decrement Credit")
    cost, retail, setup_cost, setup_retail = own_price_fields()

    def __init__(self, currency: str = "", **options: Any) -> None:
        super().__init__(**options)
        self.packages = {package.id: package for package in assigning.on_sale()}
        self.package.choices = _choices(self.packages.values(), currency)
        for field in (self.package, self.start_date, self.quantity):
            field.flags.required = True

    @property
    def chosen(self) -> Package | None:
        """The package, once one is chosen."""
        return self.packages.get(self.package.data or 0)

    @property
    def is_filled(self) -> bool:
        """Whether anything can be said of what it would bring."""
        return self.chosen is not None

    def accepts(self) -> bool:
        """Whether every field can be read, and those that must be are filled."""
        self.validate()
        for name, sentence in (
            ("package", "Choose the package to assign."),
            ("quantity", NO_QUANTITY),
            ("start_date", NO_START),
        ):
            if self[name].data is None:
                put_error(self, Invalid(name, sentence))
        return not self.errors

    def wish(self) -> Wish:
        """What is wanted, with nothing that does not apply to the chosen package."""
        package = self.chosen
        assert package and self.start_date.data and self.quantity.data is not None
        return Wish(
            package,
            self.quantity.data,
            self.start_date.data,
            self.end_date.data,
            self.charge_from.data,
            self.minutes.data if package.type == PackageType.FREE_MINUTES else None,
            None if package.minimum_days else self.minimum_days.data,
            bool(self.auto_decrement_credit.data),
            self.own,
        )

    @property
    def own(self) -> OwnPriceSet:
        """The prices that are to be its own."""
        return OwnPriceSet(**{name: self[name].data for name in PRICE_LABELS})

    @property
    def has_own(self) -> bool:
        """Whether anything was typed there."""
        return any(self[name].data is not None or self[name].errors for name in PRICE_LABELS)

    def draft(self, customer: Customer, did: Did | None) -> Draft | None:
        """The assignment as it is wanted, if nothing is wrong with it; else each field says what is.

        NotAssignable where the package cannot be theirs at all.
        """
        if not self.accepts():
            return None
        draft = self.wish().for_one(did or customer)
        try:
            assigning.check(draft)
        except Invalid as problem:
            put_error(self, problem)
            return None
        return draft


class EditForm(VersionedForm):
    """What may be changed of an assignment."""

    seen = HiddenField()
    confirmed = HiddenField()
    quantity = WholeField("Quantity")
    effective_from = DayField("Effective from")
    start_date = DayField("Start Date")
    charge_from = DayField("Charge from")
    end_date = DayField("End Date")
    cost, retail, setup_cost, setup_retail = own_price_fields()
    auto_decrement_credit = BooleanField("Auto Decrement Credit")
    reason = LinesField("Reason for overriding the lock", render_kw={"maxlength": REASON_LONGEST, "rows": 2})

    @classmethod
    def of(cls, assignment: Assignment, today: date) -> "EditForm":
        """The form of an assignment as it is stored."""
        begun = has_begun(assignment)
        from_day = today + timedelta(days=1) if begun else today
        form = cls(
            formdata=None,
            quantity=assignment.quantity_on(from_day),
            effective_from=from_day,
            start_date=assignment.start_date,
            charge_from=assignment.charge_from,
            end_date=assignment.end_date,
            auto_decrement_credit=assignment.auto_decrement_credit,
            **own_on(assignment, from_day).given,
        )
        form.stand_on(assignment.version)
        return form

    def change(self, assignment: Assignment, today: date, *, owner: bool) -> Change | None:
        """The assignment as it is wanted, if every field can be read. What is fixed stays as it is stored."""
        self.validate()
        if self.quantity.data is None:
            put_error(self, Invalid("quantity", NO_QUANTITY))
        begun = has_begun(assignment)
        if not begun and self.start_date.data is None:
            put_error(self, Invalid("start_date", NO_START))
        if self.errors:
            return None
        tomorrow = today + timedelta(days=1)
        return Change(
            quantity=self.quantity.data,
            effective_from=(self.effective_from.data or tomorrow) if begun else today,
            start_date=assignment.start_date if begun else self.start_date.data or today,
            charge_from=assignment.charge_from if begun else self.charge_from.data,
            end_date=self.end_date.data,
            auto_decrement_credit=bool(self.auto_decrement_credit.data),
            override_reason=_reason(self) if owner else "",
            own=self._own(assignment, today),
        )

    def _own(self, assignment: Assignment, today: date) -> tuple[tuple[str, Decimal | None], ...]:
        """The own prices that are to change. One that stands as it was shown was not meant to; nor one not asked."""
        shown = own_on(assignment, earliest_day(assignment, today))
        return tuple(
            (name, self[name].data)
            for name in PRICE_LABELS
            if self[name].raw_data and self[name].data != getattr(shown, name)
        )


class OfferedDay(NamedTuple):
    """A last day that a form offers."""

    value: str
    words: str


class OfferedDayField(DayField):
    """A day that is offered; none where it is to be another one, which stands in a field of its own."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Read the day, or that it is another one."""
        try:
            super().process_formdata([value for value in valuelist if value != OTHER_DAY])
        except ValueError:
            raise ValueError("Choose a last day from those offered, or another day.") from None


class EndForm(VersionedForm):
    """The last day of an assignment, and the owner's reason for overriding its lock."""

    last_day = OfferedDayField("Last day")
    end_date = DayField("End Date")
    reason = LinesField("Reason for overriding the lock", render_kw={"maxlength": REASON_LONGEST, "rows": 2})

    @property
    def override(self) -> str:
        """The owner's reason, as it is kept."""
        return _reason(self)

    @property
    def day(self) -> date | None:
        """The day that was chosen: one that was offered, or the one that was typed."""
        return self.last_day.data or self.end_date.data

    @property
    def is_answered(self) -> bool:
        """Whether anything was chosen or typed yet."""
        return bool(self.last_day.raw_data or self.end_date.raw_data)

    @property
    def chosen(self) -> str:
        """Which choice holds."""
        return self.last_day.data.isoformat() if self.last_day.data else OTHER_DAY

    @staticmethod
    def offered(today: date, refusal: Refusal | None, owner: bool) -> list[OfferedDay]:
        """What can be chosen: today, if that is allowed or an owner overrides the lock, and the first possible."""
        days = []
        if not refusal or owner:
            days.append(
                OfferedDay(
                    today.isoformat(), f"Today, {in_words(today)}{', within the lock' if refusal else ''}"
                )
            )
        if refusal and refusal.way_out and refusal.possible_on:
            first = refusal.possible_on
            days.append(OfferedDay(first.isoformat(), f"{in_words(first)}, the first possible day"))
        return days


class LiftField(SelectMultipleField):
    """Which of the four prices are to be the package's again."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            "The package's price again",
            choices=[SelectChoice(name, label) for name, label in PRICE_LABELS.items()],
            widget=ListWidget(prefix_label=False),
            option_widget=CheckboxInput(),
            invalid_choice_message="Choose from Cost, Retail, Setup Cost and Setup Retail.",  # type: ignore[call-arg]
            **options,
        )


def own_or_lifted(form: Any) -> dict[str, Decimal | None]:
    """The prices that a form with a `lift` names: None for one that is ticked. Invalid for one that is typed too.

    What else is ticked is none of them; the field says so where it is validated.
    """
    lifted = [name for name in PRICE_LABELS if name in (form.lift.data or ())]
    for name in lifted:
        if form[name].data is not None:
            raise Invalid(name, "Enter a price, or tick it to have the package's: not both.")
    return {name: form[name].data for name in PRICE_LABELS if name in lifted or form[name].data is not None}


class OwnPricesForm(FlaskForm):
    """Own prices of many assignments: an empty field stays as it is, a ticked one is the package's again."""

    confirmed = HiddenField()
    cost, retail, setup_cost, setup_retail = own_price_fields()
    lift = LiftField()
    effective_from = DayField("Effective from")

    def prices(self) -> dict[str, Decimal | None] | None:
        """What is wanted, by names; None where a field cannot be read. Invalid for nothing, or for two things."""
        if not self.validate():
            return None
        wanted = own_or_lifted(self)
        if not wanted:
            raise Invalid("retail", "Enter a price, or tick one to have the package's again.")
        return wanted


class EndManyForm(FlaskForm):
    """One last day for many assignments."""

    end_date = DayField("End Date", render_kw={"required": True})


def has_begun(assignment: Assignment) -> bool:
    """Whether a run has dealt with it, as far as a page knows; the service asks again."""
    return bool(assignment.position and assignment.position.charged_until)


def _reason(form: Any) -> str:
    return " ".join((form.reason.data or "").split())[:REASON_LONGEST]


def _choices(packages: Any, currency: str) -> list[SelectChoice]:
    """The packages on sale; those without prices in the currency stand apart, at the end."""
    sold: list[SelectChoice] = []
    others: list[SelectChoice] = []
    for package in packages:
        marks = {"data-minutes": ""} if package.type == PackageType.FREE_MINUTES else {}
        marks |= {} if package.minimum_days else {"data-own-days": ""}
        fits = not currency or currency in package.currencies
        group = f"Sold in {currency}" if fits else f"No prices in {currency} yet"
        choice = SelectChoice(str(package.id), package.name, marks, group if currency else None)
        (sold if fits else others).append(choice)
    if not others:
        sold = [SelectChoice(choice.value, choice.label, choice.render_kw) for choice in sold]
    return [SelectChoice("", "Choose a package"), *sold, *others]
