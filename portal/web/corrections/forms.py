"""The forms of corrections back to a day. What is left empty was right."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, StringField
from wtforms.fields.choices import SelectChoice

from portal.domain.errors import Invalid
from portal.services.corrections.planning import Plan
from portal.services.corrections.tax_rates import RateWanted, TaxPlan
from portal.services.corrections.wanted import SENTENCE_LONGEST, Wanted
from portal.services.packages.definition import PRICE_LABELS
from portal.web.assignments.forms import LiftField, own_or_lifted
from portal.web.shared.fields import (
    ChoiceField,
    DayField,
    DecimalTextField,
    WholeField,
    put_error,
    tax_rate_field,
)
from portal.web.shared.party_fields import TaxForm
from portal.web.shared.token_field import TokenField

Planned = TypeVar("Planned", Plan, TaxPlan)


class CorrectionForm(FlaskForm):
    """The right terms, since when, and what customers read of it."""

    token = TokenField()
    seen = HiddenField()
    since = DayField("Wrong since", render_kw={"required": True})
    currency = ChoiceField("Currency")
    retail = DecimalTextField(PRICE_LABELS["retail"])
    cost = DecimalTextField(PRICE_LABELS["cost"])
    setup_retail = DecimalTextField(PRICE_LABELS["setup_retail"])
    setup_cost = DecimalTextField(PRICE_LABELS["setup_cost"])
    quantity = WholeField("Quantity")
    lift = LiftField()
    for_good = BooleanField("Correct later changes too")
    sentence = StringField("What customers read", render_kw={"maxlength": SENTENCE_LONGEST})

    def __init__(self, currencies: list[str], *, of_package: bool, **options: Any) -> None:
        super().__init__(**options)
        self.currency.choices = [SelectChoice(code, code) for code in currencies]
        if len(currencies) == 1:
            self.currency.data = currencies[0]
        if of_package:
            del self.quantity, self.lift
        self.since.flags.required = True

    @property
    def is_filled(self) -> bool:
        """Whether anything can be said of what it would post."""
        named = any(field.raw_data and field.raw_data[0] for field in self._terms)
        return bool(self.since.raw_data and self.since.raw_data[0] and named)

    @property
    def _terms(self) -> list[Any]:
        """The fields that say what was wrong."""
        return [self[name] for name in (*PRICE_LABELS, "quantity", "lift") if name in self]

    def _prices(self) -> dict[str, Decimal | None]:
        """Those of the four prices that were wrong, each with the right one; None is the package's."""
        if "lift" in self:
            return own_or_lifted(self)
        return {name: self[name].data for name in PRICE_LABELS if self[name].data is not None}

    @property
    def _quantity(self) -> int | None:
        return self.quantity.data if "quantity" in self else None

    def wanted(self) -> Wanted | None:
        """What is wanted, if every field can be read; else each field says why not."""
        self.validate()
        if self.since.data is None:
            put_error(self, Invalid("since", "Choose the first day on which it was wrong."))
        try:
            prices = self._prices()
        except Invalid as problem:
            put_error(self, problem)
        if self.errors or self.since.data is None:
            return None
        return Wanted(
            self.since.data,
            self.currency.data,
            prices,
            self._quantity,
            bool(self.for_good.data),
            self.sentence.data or "",
        )


class RateForm(TaxForm):
    """The right tax rate, since when, and what the customer reads of it."""

    token = TokenField()
    seen = HiddenField()
    since = DayField("Wrong since", render_kw={"required": True})
    tax_rate = tax_rate_field(render_kw={"required": True})
    for_good = BooleanField("Correct later changes too")
    sentence = StringField("What the customer reads", render_kw={"maxlength": SENTENCE_LONGEST})

    @property
    def is_filled(self) -> bool:
        """Whether anything can be said of what it would post."""
        return all(field.raw_data and field.raw_data[0] for field in (self.since, self.tax_rate))

    def wanted(self) -> RateWanted | None:
        """What is wanted, if every field can be read; else each field says why not."""
        self.validate()
        if self.since.data is None:
            put_error(self, Invalid("since", "Choose the first day on which it was wrong."))
        if self.tax_rate.data is None:
            put_error(self, Invalid("tax_rate", "Enter the right rate, in per cent."))
        if self.errors or self.since.data is None:
            return None
        return RateWanted(
            self.since.data,
            self.tax_rate.data,
            bool(self.for_good.data),
            self.sentence.data or "",
            self.tax_category.data,
            self.tax_reason.data or "",
        )


def planned(
    form: Any, work_out: Callable[[Any], Planned], already_right: Callable[[Planned], str]
) -> Planned | None:
    """What a correction would post, `work_out` for what the form wants; None where a field says why that cannot be."""
    wanted = form.wanted()
    if wanted is None:
        return None
    try:
        seen = work_out(wanted)
    except Invalid as problem:
        put_error(form, problem)
        return None
    if seen.does_nothing:
        put_error(form, Invalid("since", already_right(seen)))
        return None
    return seen
