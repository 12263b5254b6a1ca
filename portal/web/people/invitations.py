"""Accepting an invitation: whoever has the link chooses a password, and may sign in from then on."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_security import current_user, logout_user

from portal.clock import now
from portal.domain.errors import Invalid, RuleBroken
from portal.extensions import db
from portal.models import Invitation
from portal.models.company import company_name
from portal.services.people import invitations, passwords
from portal.web.people.forms import AcceptForm
from portal.web.shared.fields import put_error

bp = Blueprint("invitations", __name__, url_prefix="/invitations")


@bp.get("/<token>")
def show(token: str) -> Any:
    try:
        invitation = invitations.find(token, now())
    except RuleBroken as error:
        return _no_longer_valid(error)
    return _page(invitation, token, AcceptForm(name=invitation.name))


@bp.post("/<token>")
def accept(token: str) -> Any:
    try:
        invitation = invitations.find(token, now())
        form = AcceptForm()
        if not form.validate_on_submit() or not _is_good(form, invitation):
            return _page(invitation, token, form, 422)
        invitations.accept(invitation, form.name.data or "", form.password.data or "", now())
    except Invalid as error:
        put_error(form, error)
        return _page(invitation, token, form, 422)
    except RuleBroken as error:
        db.session.rollback()
        return _no_longer_valid(error)
    db.session.commit()
    if current_user.is_authenticated:  # somebody else, in this browser
        logout_user()
    flash("Welcome. Sign in with your new password.")
    return redirect(url_for("security.login"), code=303)


def _is_good(form: AcceptForm, invitation: Invitation) -> bool:
    about = (invitation.email, form.name.data or "", company_name())
    reason = passwords.why_not(passwords.normalized(form.password.data or ""), about)
    if reason:
        put_error(form, Invalid("password", reason))
    return reason is None


def _page(invitation: Invitation, token: str, form: AcceptForm, status: int = 200) -> Any:
    return render_template("invitations/show.html", invitation=invitation, token=token, form=form), status


def _no_longer_valid(error: RuleBroken) -> Any:
    """The same words whatever is wrong with the link: nobody learns from it who was invited."""
    return render_template("invitations/none.html", sentence=error.sentence), 404
