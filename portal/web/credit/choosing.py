"""Choosing several things with an amount each: charges that a payment pays, payments that money is returned of.

Every row has a tick and an amount that is filled in already. Only what is ticked counts; the script says what is left
as one ticks. `amount_7` is the amount of the row whose id is 7.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from flask import request
from flask_wtf import FlaskForm
from sqlalchemy import select
from wtforms import SelectMultipleField
from wtforms.validators import ValidationError

from portal.domain.wording import day, plain
from portal.extensions import db
from portal.models import Charge, Customer, Payment
from portal.services import credit
from portal.web.http.bounds import row_id
from portal.web.shared.fields import DecimalTextField

# A page shows so many rows to choose from; their fields must fit into one form.
SHOWN = 100
AMOUNT = re.compile(r"amount_([1-9]\d{0,17})", re.ASCII)
NOT_THERE = "Something was chosen that is not in the list. Choose from what is shown."

AnyForm = TypeVar("AnyForm", bound="ChoosingForm")


class AmountField(DecimalTextField):
    """An amount of a row, filled in with as many decimals as its currency has."""

    def __init__(self, label: str, *, currency: str = "", **options: Any) -> None:
        super().__init__(label, **options)
        self.currency = currency

    def shown(self, value: Any) -> str:
        """An amount as a person would type it."""
        return plain(Decimal(value), self.currency)


class TickedField(SelectMultipleField):
    """The ids of the rows that were ticked."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Read the ids."""
        try:
            self.data = [row_id(str(value)) for value in valuelist]
        except ValueError:
            self.data = []
            raise ValueError(NOT_THERE) from None

    def pre_validate(self, form: Any) -> None:
        """Each must be a row of this form."""
        if any(f"amount_{id}" not in form for id in self.data or ()):
            raise ValidationError(NOT_THERE)


class ChoosingForm(FlaskForm):
    """A form with rows to tick; `offering` gives it their amounts."""

    chosen = TickedField("Chosen", choices=[], coerce=int, validate_choice=False)

    @property
    def wanted(self) -> dict[int, Decimal]:
        """What was ticked, with its amount."""
        return {id: self[f"amount_{id}"].data for id in self.chosen.data or ()}

    @property
    def sent(self) -> list[int]:
        """The ids of the rows that it was sent with, ticked or not."""
        return [id for id in sorted(typed_ids()) if f"amount_{id}" in self]


@dataclass(frozen=True, slots=True)
class Choice:
    """A row: a charge or a payment. `most` is the most that can be chosen of it, `amount` what is filled in."""

    id: int
    what: Charge | Payment
    label: str
    most: Decimal
    amount: Decimal
    due_on: date | None = None
    ticked: bool = False


@dataclass(frozen=True, slots=True)
class Choices:
    """The rows that a page offers, of `total` in all."""

    rows: Sequence[Choice]
    total: int
    currency: str

    @property
    def more(self) -> int:
        """How many there are that it does not show."""
        return self.total - len(self.rows)

    @property
    def ticked(self) -> list[int]:
        """Those that are ticked before anybody has chosen."""
        return [row.id for row in self.rows if row.ticked]


def offering(form: type[AnyForm], choices: Choices) -> type[AnyForm]:
    """The form with an amount for each row."""
    made = type(form.__name__, (form,), {})
    for row in choices.rows:
        setattr(
            made,
            f"amount_{row.id}",
            AmountField(f"Amount for {row.label}", default=row.amount, currency=choices.currency),
        )
    return made


def typed_ids() -> set[int]:
    """The ids of the rows that a form was sent with. What is ticked without an amount gets what is filled in."""
    named = [*request.form, *(f"amount_{id}" for id in request.form.getlist("chosen"))]
    return {int(found[1]) for name in named if (found := AMOUNT.fullmatch(name))}


def charges_to_pay(
    customer: Customer, rest: Decimal | None = None, paid: Mapping[int, Decimal] | None = None
) -> Choices:
    """What a payment can pay, what is due first before; with what it pays already (`paid`), which is ticked.

    `rest` is what is left of it: amounts are filled in as far as it goes. What a form was sent with is there too.
    """
    paid = paid or {}
    items = {item.charge.id: item for item in credit.to_pay_items(customer.id)}
    others = (paid.keys() | typed_ids()) - items.keys()
    items |= credit.items_of(
        db.session.scalars(select(Charge).where(Charge.customer_id == customer.id, Charge.id.in_(others)))
    )
    wanted = sorted((item for item in items.values() if item.charge.total > 0), key=credit.due_first)
    sent = typed_ids()
    shown = [item for item in wanted if item.charge.id in sent] or wanted[:SHOWN]
    rows = []
    for item in shown:
        already = paid.get(item.charge.id, Decimal(0))
        amount = already or (item.left if rest is None or rest <= 0 else min(rest, item.left))
        if rest is not None and not already:
            rest -= amount
        label = f"{item.charge.label}, {day(item.charge.charge_on)}"
        rows.append(
            Choice(
                item.charge.id, item.charge, label, item.left + already, amount, item.due_on, bool(already)
            )
        )
    return Choices(rows, len(wanted), customer.currency)


def payments_to_return(customer: Customer) -> Choices:
    """The payments of which something is left, the latest before; what a form was sent with is there too."""
    latest, sent = credit.with_something_left(customer.id)[::-1], typed_ids()
    shown = [(payment, left) for payment, left in latest if payment.id in sent] or latest[:SHOWN]
    rows = [
        Choice(payment.id, payment, f"the payment of {day(payment.paid_on)}", left, left)
        for payment, left in shown
    ]
    return Choices(rows, len(latest), customer.currency)
