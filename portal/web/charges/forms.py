"""The forms of charges: a manual one, and why one is reversed."""

from decimal import Decimal
from typing import Any

from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length

from portal.clock import today
from portal.domain.phone_numbers import international
from portal.domain.wording import day, money
from portal.models import Customer
from portal.services.assignments import lists as assignments
from portal.services.charges.by_hand import (
    DESCRIPTION_LONGEST,
    REASON_LONGEST,
    ManualCharge,
    assignments_to_charge,
)
from portal.services.credit import Item
from portal.web.shared.fields import (
    TOO_LONG,
    ChoiceField,
    CustomerField,
    DayField,
    DecimalTextField,
    LinesField,
    Required,
    id_or_none,
)
from portal.web.shared.token_field import TokenField


class WhoForm(FlaskForm):
    """Whose charge it is to be: asked first, because everything else depends on it."""

    class Meta:
        """It only leads on to a page."""

        csrf = False

    customer = CustomerField("Customer")


class ManualChargeForm(FlaskForm):
    """A charge that no schedule brings."""

    token = TokenField()
    customer_id = HiddenField()
    assignment = ChoiceField("Assignment", coerce=id_or_none)
    charge_on = DayField("Date", [Required("Enter the day it is for.")])
    amount = DecimalTextField("Amount", validators=[Required("Enter the amount; below zero for a discount.")])
    cost = DecimalTextField("Cost", default=Decimal(0), zero_is_empty=True)
    auto_decrement_credit = BooleanField("Auto Decrement Credit")
    description = StringField(
        "Description",
        [
            Required("Enter what it is for: the customer sees it."),
            Length(max=DESCRIPTION_LONGEST, message=TOO_LONG),
        ],
        render_kw={"maxlength": DESCRIPTION_LONGEST},
    )

    def __init__(self, customer: Customer, **options: Any) -> None:
        super().__init__(**options)
        self.customer_id.data = str(customer.id)
        asked = self.assignment.data if isinstance(self.assignment.data, int) else None
        self._of = {assignment.id: assignment for assignment in assignments_to_charge(customer, asked)}
        self.assignments_in_all = assignments.counts(assignments.of_customer(customer), today()).total
        self.assignment.choices = [SelectChoice("", "None")] + [
            SelectChoice(str(id), _called(assignment)) for id, assignment in self._of.items()
        ]

    def asked(self, customer: Customer) -> ManualCharge:
        """What was typed, as the service takes it."""
        assert self.charge_on.data is not None
        return ManualCharge(
            customer=customer,
            charge_on=self.charge_on.data,
            amount=self.amount.data,
            cost=self.cost.data or Decimal(0),
            description=" ".join((self.description.data or "").split()),
            auto_decrement_credit=bool(self.auto_decrement_credit.data),
            assignment=self._of.get(self.assignment.data) if self.assignment.data else None,
        )


def _called(assignment: Any) -> str:
    """How a list of choices names an assignment."""
    where = f" on {international(assignment.did.number)}" if assignment.did else ""
    ended = f", ends {day(assignment.end_date)}" if assignment.end_date else ""
    return f"{assignment.package.name}{where}, since {day(assignment.start_date)}{ended}"


def _reason(without: str) -> LinesField:
    """Why something is done; `without` is said where nothing is typed."""
    return LinesField(
        "Reason",
        [Required(without), Length(max=REASON_LONGEST, message=TOO_LONG)],
        render_kw={"rows": 3, "maxlength": REASON_LONGEST},
    )


class ReverseForm(FlaskForm):
    """Why a charge is taken back."""

    reason = _reason("Enter why it is reversed: the reason is kept.")


class ReverseManyForm(ReverseForm):
    """Why several charges are taken back. `seen` is what was shown of them."""

    seen = HiddenField()


class WriteOffForm(FlaskForm):
    """Why what is left of a charge is written off."""

    reason = _reason("Enter why it is written off: the reason is kept, and the customer sees it.")


class DueDayForm(FlaskForm):
    """Until when a charge may be paid, and why."""

    due_on = DayField("Due day", [Required("Enter the new due day.")])
    reason = _reason("Enter why it is moved: the reason is kept.")


class UseCreditForm(FlaskForm):
    """For which charge a discount is used, and how much of it. `seen` is what was left when it was asked."""

    seen = HiddenField()
    charge = ChoiceField("Charge", coerce=id_or_none)
    amount = DecimalTextField("Amount", validators=[Required("Enter how much of it to use.")])

    def __init__(self, to_pay: list[Item], **options: Any) -> None:
        super().__init__(**options)
        self.charge.choices = [
            SelectChoice(
                str(item.charge.id),
                f"{item.charge.label}, due {day(item.due_on)}: {money(item.left, item.charge.currency)} left",
            )
            for item in to_pay
        ]
