"""The form of a run: Customer, Simulate, Date."""

from flask_wtf import FlaskForm
from wtforms import RadioField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired

from portal.web.customers_forms import CustomerField
from portal.web.fields import DayField

SIMULATE = {"yes": "Yes", "no": "No"}
CHOOSE = "Choose whether to simulate or to post."


class RunForm(FlaskForm):
    """Run Package."""

    customer = CustomerField("Customer")
    simulate = RadioField(  # type: ignore[call-arg]
        "Simulate",
        [InputRequired(CHOOSE)],
        invalid_choice_message=CHOOSE,
        choices=[SelectChoice(value, words) for value, words in SIMULATE.items()],
        default="yes",
    )
    through = DayField("Date", [InputRequired("Enter the day up to which to charge.")])
