"""A form with a field of every kind."""

from flask_wtf import FlaskForm
from wtforms import BooleanField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice

from portal.domain.wording import WEEKDAYS
from portal.web.shared.fields import ChoiceField, DayField, DaysField, DecimalTextField, Required


class Fields(FlaskForm):
    """A field of every kind."""

    name = StringField("Name", [Required("Give it a name.")])
    retail = DecimalTextField("Retail")
    starts = DayField("Start Date")
    frequency = ChoiceField("Frequency", choices=[SelectChoice(word, word) for word in ("monthly", "yearly")])
    simulate = ChoiceField("Simulate", choices=[SelectChoice(word, word) for word in ("yes", "no")])
    match = DaysField(
        "Frequency Match",
        coerce=int,
        choices=[SelectChoice(number, name) for number, name in enumerate(WEEKDAYS, 1)],
    )
    minimum = BooleanField("Minimum Spend")
    description = TextAreaField("Description")
