"""The forms of credit: payments, allocations, adjustments."""

from decimal import Decimal
from typing import Any

from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length

from portal.models import PaymentMethod, PaymentState
from portal.web.credit.choosing import ChoosingForm
from portal.web.shared.fields import (
    TOO_LONG,
    ChoiceField,
    CustomerField,
    DayField,
    DecimalTextField,
    Required,
    VersionField,
)
from portal.web.shared.token_field import TokenField

STATES = {PaymentState.COMPLETED: "Completed", PaymentState.PENDING: "Pending"}
METHODS = {method: method.value.replace("_", " ").capitalize() for method in PaymentMethod}
REFERENCE_MOST = 140


def method_field() -> Any:
    """How money came, or went."""
    choices = [SelectChoice(method.value, word) for method, word in METHODS.items()]
    return ChoiceField("Method", choices=choices, default=PaymentMethod.BANK_TRANSFER.value)


def reference_field() -> Any:
    """The bank's reference of the transaction."""
    return StringField("Bank reference", [Length(max=REFERENCE_MOST, message=TOO_LONG)])


class PaymentForm(ChoosingForm):
    """Money received, and what it pays. Why it is taken in again is asked where the same one is there already."""

    token = TokenField()
    amount = DecimalTextField("Amount", validators=[Required("Enter the amount paid.")])
    paid_on = DayField("Date", [Required("Enter the day it was paid.")])
    method = method_field()
    bank_reference = reference_field()
    again_reason = StringField("Reason", [Length(max=500, message=TOO_LONG)])
    state = ChoiceField("State", choices=[SelectChoice(state.value, word) for state, word in STATES.items()])
    fee = DecimalTextField("Fee", default=Decimal(0), zero_is_empty=True)
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


class ActForm(FlaskForm):
    """A button on a payment, and the version it was pressed upon."""

    version = VersionField("Version")


class CancelForm(ActForm):
    """A payment is cancelled, also where a part of it was paid back, once that was read."""

    although_paid_back = BooleanField()


class SplitForm(FlaskForm):
    """A part of a payment for another customer."""

    token = TokenField()
    customer = CustomerField("Customer", [Required("Choose the customer who gets the part.")])
    amount = DecimalTextField("Amount", validators=[Required("Enter how much of it to move.")])
    description = StringField("Description", [Length(max=500, message=TOO_LONG)])


class PayBackForm(ChoosingForm):
    """Money paid out of a balance, and which payments it returns."""

    token = TokenField()
    amount = DecimalTextField("Amount", validators=[Required("Enter the amount paid back.")])
    paid_on = DayField("Date", [Required("Enter the day it was paid back.")])
    method = method_field()
    bank_reference = reference_field()
    then_archive = BooleanField("Archive the customer then")


class AllocationForm(ChoosingForm):
    """What a payment pays. `seen` is what it paid when the page was opened."""

    seen = HiddenField()
