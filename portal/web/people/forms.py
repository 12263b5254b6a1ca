"""The forms of people: inviting one, and changing what they may do."""

from typing import Any

from flask_security import current_user
from flask_wtf import FlaskForm
from wtforms import EmailField, PasswordField, RadioField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import EqualTo, Length

from portal.models.user import CUSTOMER_ROLES, CUSTOMER_USER, STAFF_ROLES, VIEWER
from portal.services.people.people import NAME_LONGEST
from portal.web.shared.fields import ChoiceField, Required

TOO_LONG = Length(max=NAME_LONGEST, message=f"A name can have {NAME_LONGEST} characters at most.")
CHOOSE = "Choose a role."


def role_in_words(name: str) -> str:
    """A role as whoever reads it calls it: to a customer's people an owner of theirs is no "customer owner"."""
    return name.removeprefix("customer ") if getattr(current_user, "customer_id", None) else name


class InviteForm(FlaskForm):
    """Whom to invite, and what they may do."""

    name = StringField("Name", [TOO_LONG])
    email = EmailField("E-mail", [Required("Enter the address to send the link to."), Length(max=254)])
    role = RadioField("Role", [Required(CHOOSE)], invalid_choice_message=CHOOSE)  # type: ignore[call-arg]

    def __init__(self, of_customer: bool, **options: Any) -> None:
        super().__init__(**options)
        roles = CUSTOMER_ROLES if of_customer else STAFF_ROLES
        self.role.choices = [
            SelectChoice(name, f"{role_in_words(name).capitalize()}: {may[0].lower()}{may[1:]}")
            for name, may in roles.items()
        ]
        if not self.is_submitted():
            self.role.data = CUSTOMER_USER if of_customer else VIEWER


class PersonForm(FlaskForm):
    """What a person is called and may do, in their row."""

    name = StringField("Name", [Required("Enter a name."), TOO_LONG])
    role = ChoiceField("Role")

    def __init__(self, of_customer: bool, **options: Any) -> None:
        super().__init__(**options)
        roles = CUSTOMER_ROLES if of_customer else STAFF_ROLES
        self.role.choices = [SelectChoice(name, role_in_words(name).capitalize()) for name in roles]


class AcceptForm(FlaskForm):
    """What whoever was invited chooses."""

    name = StringField("Name", [Required("Enter your name."), TOO_LONG])
    password = PasswordField("Password", [Required("Choose a password.")])
    password_confirm = PasswordField(
        "Repeat password", [EqualTo("password", "The passwords do not match. Type it again.")]
    )
