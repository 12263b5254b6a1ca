"""The forms of signing in, as Flask-Security has them, with tries that are counted.

Tries are counted before a password is looked at. While one is being hashed no transaction is open
that anybody else would wait for.
"""

import logging
from typing import Any

from flask import g, request
from flask_security import (
    ChangePasswordForm,
    LoginForm,
    MfRecoveryForm,
    ResetPasswordForm,
    TwoFactorRescueForm,
    TwoFactorSetupForm,
    TwoFactorVerifyCodeForm,
    VerifyForm,
    WebAuthnRegisterForm,
    current_user,
)
from flask_security.forms import EmailValidation
from wtforms import EmailField, Field, PasswordField, RadioField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import InputRequired, Length

from portal import database
from portal.clock import now
from portal.domain.wording import how_long
from portal.extensions import db
from portal.services.people import attempts
from portal.services.people.passwords import LONGEST
from portal.web.shared.fields import Required
from portal.web.sign_in.device_cookie import folded, place

EMAIL_LONGEST = 254
TOO_MANY = "too many tries"
AGAIN = "Repeat password"
# No password is longer, and hashing anything longer would be work for nothing.
not_too_long = Length(max=LONGEST, message="The password is wrong.")


log = logging.getLogger("portal.sign_in")


def close(text: str | None) -> str | None:
    """A code without the spaces that are there for the eye."""
    return "".join(text.split()).lower()[:40] if text else text


def tell_refused(what: str, why: str, *, person: int | None = None, typed: str = "") -> None:
    """A line for whoever watches who tries to get in, and from where.

    An e-mail that was typed may be anything, a password too: it stands there as a digest, always the same.
    """
    account = {"account": attempts.subject("told", folded(typed))[:12]} if typed else {}
    who = {"person": person} if person else {}
    log.warning("%s refused: %s", what, why, extra={**account, **who, "address": request.remote_addr})


def may_try(of_whom: str, limits: tuple[attempts.Limit, ...]) -> str | None:
    """Count a try; a sentence where there were too many. The answer's status says so, too."""
    wait = attempts.begin(of_whom, limits, now())
    if wait is None:
        return None
    g.too_many = wait
    return f"Too many tries. Wait {how_long(wait)}, then try again."


def forget_tries(of_whom: str) -> None:
    """It went well; kept at once, as a second step may follow."""
    attempts.succeeded(of_whom)
    db.session.commit()


class SignInForm(LoginForm):
    """E-mail and password. Nothing is remembered beyond the session."""

    email = EmailField("E-mail", [Required(), EmailValidation(verify=False)])
    password = PasswordField("Password", [InputRequired(), not_too_long])
    remember = None  # type: ignore[assignment]

    def validate(self, **options: Any) -> bool:
        """Count the try, then look at what was typed."""
        typed = (self.email.data or "")[:EMAIL_LONGEST]
        of_whom = attempts.subject("password", folded(typed), place(typed))
        if sentence := may_try(of_whom, attempts.PASSWORDS):
            self.form_errors.append(sentence)
            tell_refused("Sign-in", TOO_MANY, typed=typed)
            return False
        with database.reading():
            fine = super().validate(**options)
            fresh = self.user.password if self.user else None
        db.session.rollback()
        if fine and self.user:
            self.user.password = fresh  # hashed anew, where the way of hashing has changed
            forget_tries(of_whom)
        if not fine:
            tell_refused("Sign-in", "wrong e-mail or password", typed=typed)
        return fine


class AskAgainForm(VerifyForm):
    """Who is signed in says so once more."""

    password = PasswordField("Password", [InputRequired("Enter your password."), not_too_long])

    def validate(self, **options: Any) -> bool:
        """Count the try, then look at what was typed."""
        return _of_whoever_is_signed_in(self, self.password, self.user, super().validate, options)


class NewPasswordForm(ChangePasswordForm):
    """A new password, by whoever knows the old one."""

    password = PasswordField(
        "Current password", [InputRequired("Enter your current password."), not_too_long]
    )
    new_password = PasswordField("New password", [InputRequired("Enter a password.")])

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.new_password_confirm.label.text = AGAIN

    def validate(self, **options: Any) -> bool:
        """Count the try, then look at what was typed."""
        return _of_whoever_is_signed_in(self, self.password, current_user, super().validate, options)


class ChoosePasswordForm(ResetPasswordForm):
    """A new password, by whoever has the link."""

    password = PasswordField("New password", [InputRequired("Enter a password.")])

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.password_confirm.label.text = AGAIN


class CodeForm(TwoFactorVerifyCodeForm):
    """A code of an authenticator app; spaces in it are for the eye."""

    code = StringField("Code", [Required("Enter the code that the app shows.")], filters=[close])

    def validate(self, **options: Any) -> bool:
        """Count the try, except while the app is being set up."""
        if self.is_setup:
            g.code_is_wrong = not super().validate(**options)
            return not g.code_is_wrong
        return _counted(self, self.code, super().validate, options)


class BackupCodeForm(MfRecoveryForm):
    """One of the backup codes."""

    code = StringField("Backup code", [Required("Enter one of your backup codes.")], filters=[close])

    def validate(self, **options: Any) -> bool:
        """Count the try."""
        return _counted(self, self.code, super().validate, options)


class SecondStepForm(TwoFactorSetupForm):
    """Which second step: buttons say it, so no list is needed."""

    setup = StringField("Second step")  # type: ignore[assignment]


class RescueForm(TwoFactorRescueForm):
    """Flask-Security makes one beside the code's form; no page shows it."""

    help_setup = RadioField("Help", choices=[SelectChoice("help", "Help")])


class PasskeyForm(WebAuthnRegisterForm):
    """A passkey always stands for both steps."""

    name = StringField("Name", [Required("Enter a name for the passkey.")])
    usage = StringField("Usage")  # type: ignore[assignment]

    def validate(self, **options: Any) -> bool:
        """Whatever was sent, it is for signing in."""
        self.usage.data = "first"
        return super().validate(**options)


def _counted(form: Any, field: Field, validate: Any, options: dict[str, Any]) -> bool:
    of_whom = attempts.subject("code", form.user.id)
    if sentence := may_try(of_whom, attempts.CODES):
        field.errors = [sentence]
        tell_refused("Second step", TOO_MANY, person=form.user.id)
        return False
    if fine := bool(validate(**options)):
        attempts.succeeded(of_whom)
    else:
        tell_refused("Second step", "wrong code", person=form.user.id)
    return fine


def _of_whoever_is_signed_in(
    form: Any, field: Field, user: Any, validate: Any, options: dict[str, Any]
) -> bool:
    of_whom = attempts.subject("password of", user.id)
    if sentence := may_try(of_whom, attempts.PASSWORDS):
        field.errors = [sentence]
        tell_refused("Password asked again", TOO_MANY, person=user.id)
        return False
    if fine := bool(validate(**options)):
        attempts.succeeded(of_whom)
    else:
        tell_refused("Password asked again", "not accepted", person=user.id)
    return fine
