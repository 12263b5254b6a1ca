"""The form of a run: Customer, Simulate, Date."""

from flask_wtf import FlaskForm
from wtforms import RadioField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length

from portal.domain.errors import Invalid
from portal.services.charges.by_hand import REASON_LONGEST
from portal.web.shared.fields import (
    TOO_LONG,
    CustomerField,
    DayField,
    LinesField,
    Required,
    VersionedForm,
    day_or_none,
    put_error,
)

SIMULATE = {"yes": "Yes", "no": "No"}
CHOOSE = "Choose whether to simulate or to post."


class RunForm(FlaskForm):
    """Run Package."""

    customer = CustomerField("Customer")
    simulate = RadioField(  # type: ignore[call-arg]
        "Simulate",
        [Required(CHOOSE)],
        invalid_choice_message=CHOOSE,
        choices=[SelectChoice(value, words) for value, words in SIMULATE.items()],
        default="yes",
    )
    through = DayField("Date", [Required("Enter the day up to which to charge.")])


class UndoForm(FlaskForm):
    """Why a run is undone."""

    reason = LinesField(
        "Reason",
        [
            Required("Enter why it is undone: the reason is kept."),
            Length(max=REASON_LONGEST, message=TOO_LONG),
        ],
        render_kw={"rows": 3, "maxlength": REASON_LONGEST},
    )


class HoldForm(VersionedForm):
    """What becomes of what is held."""

    choice = RadioField(
        "Choice",
        choices=[SelectChoice("post_all", "Post all"), SelectChoice("charge_from", "Charge from a day on")],
        validate_choice=False,
    )
    charge_from = DayField("Charge from")

    def accepts(self) -> bool:
        """Whether a choice was made, and a day given where it needs one. A day that was offered is a choice itself."""
        self.validate()
        if offered := day_or_none(self.choice.data or ""):
            self.choice.data, self.charge_from.data = "charge_from", offered
        if self.choice.data not in ("post_all", "charge_from"):
            put_error(self, Invalid("choice", "Choose Post all, or Charge from a day on."))
        elif self.choice.data == "charge_from" and not self.charge_from.data:
            put_error(self, Invalid("charge_from", "Choose the day from which to charge."))
        return not self.errors

    @property
    def chosen(self) -> str:
        """Which choice holds: the day itself where it is one of those that are offered."""
        picked = (self.choice.raw_data or [self.choice.data])[0] or ""
        return str(picked)
