"""Recovery: a message with a link to choose a new password.

The answer is given before anything is looked up: it says the same, after the same time, whoever asks
for whomever. The link itself, and the page it leads to, are Flask-Security's.
"""

from typing import Any

from flask import Flask, render_template, request
from flask_security.recoverable import send_reset_password_instructions
from flask_wtf import FlaskForm
from wtforms import EmailField
from wtforms.validators import Email, Length

from portal.clock import now
from portal.extensions import db
from portal.services.mail import outbox as mail
from portal.services.people import attempts
from portal.tasks import queue
from portal.web.http.afterwards import afterwards
from portal.web.shared.fields import Required
from portal.web.sign_in.device_cookie import folded, network
from portal.web.sign_in.forms import EMAIL_LONGEST
from portal.web.sign_in.parts import people

AGAIN = "Enter an e-mail address, such as ann@example.com."


class ForgottenForm(FlaskForm):
    """Whose password is forgotten."""

    email = EmailField("E-mail", [Required(AGAIN), Length(max=EMAIL_LONGEST, message=AGAIN), Email(AGAIN)])


def forgotten() -> Any:
    """Ask for a link; the same answer for every address."""
    form = ForgottenForm()
    if not form.validate_on_submit():
        status = 422 if request.method == "POST" else 200
        return render_template("security/forgot_password.html", form=form), status
    email, place = folded(form.email.data or ""), network()
    afterwards(lambda: send_link(email, place))
    return render_template("security/forgotten.html", email=form.email.data)


def send_link(email: str, place: str) -> None:
    """Send a link to whoever has an account, but not as often as somebody else may like."""
    of_one = attempts.begin(attempts.subject("mail", email, place), attempts.MAILS, now())
    of_all = attempts.begin(attempts.subject("mail", email), attempts.ALL_MAILS, now())
    user = people.find_user(case_insensitive=True, email=email)
    if user is None or not user.active or of_one or of_all:
        return
    send_reset_password_instructions(user)
    db.session.commit()
    if not queue.is_there():
        mail.send_waiting(now())


def register(app: Flask) -> None:
    """Stand in for Flask-Security's page, which would look first and answer then."""
    app.view_functions["security.forgot_password"] = forgotten
