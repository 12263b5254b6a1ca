"""The forms of packages. Fields are named as in docs/words.md; each currency repeats the four prices."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

from flask import request
from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, Field, Form, HiddenField, RadioField, StringField
from wtforms.fields.choices import SelectChoice

from portal.domain.currencies import CURRENCIES
from portal.domain.errors import Invalid
from portal.domain.schedule import MATCH_MAX, Frequency
from portal.domain.terms import PackageType, Proration
from portal.domain.wording import WEEKDAYS
from portal.services.packages.connexcs import connexcs_choices
from portal.services.packages.definition import (
    CURRENCIES_MOST,
    DEFAULTS,
    FIELDS,
    FIXED,
    FREQUENCIES,
    PRICE_LABELS,
    PRORATIONS,
    TYPES,
    Definition,
    PriceSet,
    problems,
    tidied,
)
from portal.web.shared.fields import (
    ChoiceField,
    DayField,
    DaysField,
    DecimalTextField,
    LinesField,
    Required,
    VersionedForm,
    WholeField,
    id_or_none,
    one_of,
    put_error,
)
from portal.web.shared.token_field import TokenField

DAYS_OF = {
    Frequency.WEEKLY: [SelectChoice(str(day), name) for day, name in enumerate(WEEKDAYS, 1)],
    Frequency.MONTHLY: [SelectChoice(str(day), str(day)) for day in range(1, 32)],
}
CURRENCY_CHOICES = [SelectChoice("", "Choose")] + [
    SelectChoice(code, f"{code}, {name}") for code, name in CURRENCIES.items()
]
ZERO = Decimal(0)


def choices(words: dict[Any, str]) -> list[SelectChoice]:
    """The options of an enum, in its order."""
    return [SelectChoice(member.value, label) for member, label in words.items()]


class PriceSetForm(Form):
    """The four prices in one currency."""

    currency = ChoiceField("Currency", choices=CURRENCY_CHOICES)
    cost = DecimalTextField(PRICE_LABELS["cost"], default=ZERO)
    retail = DecimalTextField(PRICE_LABELS["retail"], default=ZERO)
    setup_cost = DecimalTextField(PRICE_LABELS["setup_cost"], default=ZERO, zero_is_empty=True)
    setup_retail = DecimalTextField(PRICE_LABELS["setup_retail"], default=ZERO, zero_is_empty=True)

    def numbered(self, index: int, alone: bool) -> "PriceSetForm":
        """With ids of its own: the names are the same in every set."""
        if alone or self.currency.data not in CURRENCIES:
            self.currency.choices = CURRENCY_CHOICES
        else:  # a line among others is removed, not turned into another currency
            self.currency.choices = [c for c in CURRENCY_CHOICES if c.value == self.currency.data]
        for field in self:
            field.id = field.label.field_id = f"{field.short_name}-{index}"
        return self

    def price_set(self) -> PriceSet:
        """What was typed; nothing where it could not be read."""
        return PriceSet(self.currency.data or "", *(self[name].data or ZERO for name in PRICE_LABELS))


class DefinitionForm(VersionedForm):
    """What every change of a stored package carries."""

    confirmed = HiddenField()
    name = StringField(FIELDS["name"].label, [Required("Give the package a name.")])
    effective_from = DayField("Effective from")


class PackageForm(DefinitionForm):
    """Everything that a package is. A plain text of FIELDS that is not named here has a line to type it in."""

    token = TokenField()
    frequency = ChoiceField(
        FIELDS["frequency"].label,
        choices=choices(FREQUENCIES),
        coerce=one_of(Frequency),
        default=Frequency.NONE,
    )
    # The frequency that the shown days belong to: when it changes, they are cleared.
    match_of = HiddenField()
    frequency_match = DaysField(FIELDS["frequency_match"].label, coerce=int, default=())
    proration = RadioField(  # type: ignore[call-arg]
        FIELDS["proration"].label,
        choices=choices(PRORATIONS),
        coerce=one_of(Proration),
        validate_choice=False,
        invalid_value_message="Choose By days or Not charged.",
    )
    connexcs_package = ChoiceField(FIELDS["connexcs_package_id"].label, coerce=id_or_none)
    description = LinesField(
        FIELDS["description"].label, render_kw={"maxlength": FIELDS["description"].longest, "rows": 2}
    )
    minimum_days = WholeField(FIELDS["minimum_days"].label, default=0)
    type = ChoiceField(
        FIELDS["type"].label,
        choices=choices(TYPES),
        coerce=one_of(PackageType),
        default=PackageType.STANDARD,
    )
    destination = StringField(
        FIELDS["destination"].label, render_kw={"spellcheck": "false", "autocapitalize": "off"}
    )
    try_number = StringField("Try a number", render_kw={"inputmode": "tel", "maxlength": 40})
    minimum_spend = BooleanField(FIELDS["minimum_spend"].label)

    def __init__(self, price_sets: tuple[PriceSet, ...] = (), **options: Any) -> None:
        super().__init__(**options)
        self.connexcs_package.choices = [SelectChoice("", "None")] + [
            SelectChoice(str(id), name) for id, name in connexcs_choices()
        ]
        self.price_sets = [PriceSetForm(obj=prices) for prices in price_sets] or self._typed_sets()
        self._number()
        frequency = self.frequency.data or Frequency.NONE
        self.frequency_match.choices = DAYS_OF.get(frequency, [])
        self.was_cleared = bool(self.match_of.data) and self.match_of.data != frequency.value
        if self.was_cleared:
            self.frequency_match.data = []
        self.match_of.data = frequency.value

    @classmethod
    def of(cls, definition: Definition, **data: Any) -> "PackageForm":
        """The form of a package as it is defined."""
        fields = {field.input: getattr(definition, name) for name, field in FIELDS.items()}
        return cls(price_sets=definition.prices, formdata=None, data={**fields, **data})

    @property
    def shows_match(self) -> bool:
        """Whether Frequency Match applies."""
        return self.frequency.data in MATCH_MAX

    def keep_frequency(self, recurs: bool) -> None:
        """Offer only what an assigned package can have: whether there is a frequency at all is fixed."""
        self.frequency.choices = choices(
            {
                frequency: label
                for frequency, label in FREQUENCIES.items()
                if (frequency != Frequency.NONE) == recurs or frequency == self.frequency.data
            }
        )

    def rearrange(self) -> bool:
        """Do what a button asks that changes the form and saves nothing; whether one did."""
        if "add_currency" in request.form and len(self.price_sets) < CURRENCIES_MOST:
            self.price_sets.append(PriceSetForm(MultiDict({"currency": ""})))
        elif (index := request.form.get("remove_currency", "")).isdecimal():
            left = [prices for i, prices in enumerate(self.price_sets) if i != int(index[:3])]
            self.price_sets = left or self.price_sets
        elif not {"add_currency", "show"} & set(request.form):
            return False
        self._number()
        return True

    def definition(self) -> Definition:
        """What was typed, as far as it can be read."""
        typed = {name: self[field.input].data or DEFAULTS[name] for name, field in FIELDS.items()}
        typed["frequency_match"] = tuple(typed["frequency_match"])
        return Definition(prices=tuple(prices.price_set() for prices in self.price_sets), **typed)

    def fixed(self) -> list[tuple[str, str]]:
        """Name and value of each fixed field, to be sent along as it is."""
        values = {FIELDS[name].input: self[FIELDS[name].input].data for name in FIXED}
        return [(name, "y" if value is True else str(value)) for name, value in values.items() if value]

    def accepted(self) -> Definition | None:
        """The definition, if nothing is wrong with it; else each field says what is."""
        self.validate()
        for prices in self.price_sets:  # first: it forgets what was said at its fields before
            prices.validate()
        definition = tidied(self.definition())
        for problem in problems(definition):
            put_error(self, problem)
        if self.was_cleared and self.shows_match:
            cleared = "The Frequency changed, so its days were cleared. Choose them again, or none."
            put_error(self, Invalid("frequency_match", cleared))
        return None if self.wrong else definition

    def __contains__(self, name: str) -> bool:
        return name.startswith("prices") or super().__contains__(name)

    def __getitem__(self, name: str) -> Field:
        """The field of a name; a price's is called `prices-0-retail`, the prices as a whole `prices`."""
        if not name.startswith("prices"):
            return super().__getitem__(name)
        index, _, price = name.removeprefix("prices").removeprefix("-").partition("-")
        return self.price_sets[int(index or 0)][price or "currency"]

    @property
    def wrong(self) -> list[Field]:
        """Every field with something to say, in the order they stand in."""
        return [field for field in self.all_fields() if field.errors]

    @property
    def errors(self) -> dict[str, Any]:
        """What is wrong, by the ids of the fields."""
        return {field.id: field.errors for field in self.wrong}

    def __iter__(self) -> Iterator[Field]:
        return self.all_fields()

    def all_fields(self) -> Iterator[Field]:
        """The fields, those of the prices with them."""
        yield self.name
        for prices in self.price_sets:
            yield from prices
        yield from (field for field in self._fields.values() if field is not self.name)

    def _typed_sets(self) -> list[PriceSetForm]:
        names = ("currency", *PRICE_LABELS)
        typed = {name: request.form.getlist(name) for name in names} if self.is_submitted() else {}
        count = min(max(1, *map(len, typed.values())), CURRENCIES_MOST + 1) if typed else 1
        return [
            PriceSetForm(MultiDict({name: typed[name][i] for name in names if i < len(typed.get(name, ()))}))
            for i in range(count)
        ]

    def _number(self) -> None:
        self.price_sets = [
            prices.numbered(index, len(self.price_sets) == 1) for index, prices in enumerate(self.price_sets)
        ]


for _name, _field in FIELDS.items():
    if _field.longest and not hasattr(PackageForm, _field.input):
        setattr(PackageForm, _field.input, StringField(_field.label, render_kw={"maxlength": _field.longest}))


class RowForm(DefinitionForm):
    """What a row of the list lets one change: the name, and the two recurring prices it shows."""

    currency = HiddenField()
    cost = DecimalTextField(PRICE_LABELS["cost"], default=ZERO)
    retail = DecimalTextField(PRICE_LABELS["retail"], default=ZERO)

    def definition(self, stored: Definition) -> Definition:
        """What is stored, with what the row says instead."""
        prices = tuple(
            replace(prices, cost=self.cost.data or ZERO, retail=self.retail.data or ZERO)
            if prices.currency == self.currency.data
            else prices
            for prices in stored.prices
        )
        return replace(stored, name=self.name.data or "", prices=prices)

    def accepted(self, stored: Definition) -> Definition | None:
        """The definition, if nothing is wrong with it; else each field says what is."""
        self.validate()
        definition = self.definition(stored)
        for problem in problems(definition):
            put_error(self, problem)
        return None if self.errors else definition

    def __contains__(self, name: str) -> bool:
        return super().__contains__(name.rpartition("-")[2])

    def __getitem__(self, name: str) -> Field:
        """The field of a name; there is one set of prices, so `prices-1-retail` is Retail."""
        return super().__getitem__(name.rpartition("-")[2])
