"""The forms of credit: payments, allocations, adjustments."""

from decimal import Decimal
from typing import Any

from flask_wtf import FlaskForm
from wtforms import BooleanField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length

from portal.domain.wording import day, money
from portal.models import PaymentState
from portal.services.credit import Item
from portal.web.shared.fields import (
    TOO_LONG,
    ChoiceField,
    DayField,
    DecimalTextField,
    Required,
    VersionField,
    id_or_none,
)
from portal.web.shared.token_field import TokenField

STATES = {PaymentState.COMPLETED: "Completed", PaymentState.PENDING: "Pending"}


class PaymentForm(FlaskForm):
    """Money received."""

    token = TokenField()
    amount = DecimalTextField("Amount", validators=[Required("Enter the amount paid.")])
    paid_on = DayField("Date", [Required("Enter the day it was paid.")])
    state = ChoiceField("State", choices=[SelectChoice(state.value, word) for state, word in STATES.items()])
    fee = DecimalTextField("Fee", default=Decimal(0))
    description = StringField("Description", [Length(max=500, message=TOO_LONG)])
    confirm_by_email = BooleanField("Confirm by e-mail")


class AdjustmentForm(FlaskForm):
    """A balance moved by hand."""

    token = TokenField()
    amount = DecimalTextField(
        "Amount", validators=[Required("Enter the amount; below zero it is taken from the balance.")]
    )
    for_day = DayField("Date", [Required("Enter the day it is for.")])
    reason = StringField(
        "Reason",
        [Required("Enter the reason: the customer sees it."), Length(max=500, message=TOO_LONG)],
    )


class AllocationForm(FlaskForm):
    """What a payment pays."""

    token = TokenField()
    charge = ChoiceField("Charge", coerce=id_or_none)
    amount = DecimalTextField("Amount", validators=[Required("Enter how much of it to pay.")])

    def __init__(self, to_pay: list[Item], **options: Any) -> None:
        super().__init__(**options)
        self.charge.choices = [SelectChoice(str(item.charge.id), _called(item)) for item in to_pay]


def _called(item: Item) -> str:
    charge = item.charge
    return f"{charge.label}, {day(charge.charge_on)}: {money(item.left, charge.currency)} left"


class ActForm(FlaskForm):
    """A button on a payment, and the version it was pressed upon."""

    version = VersionField("Version")
