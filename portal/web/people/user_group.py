"""Whose people a page is about, and what is done to them: the same for staff, for a customer's people as the
provider sees them, and for those people as their own owner does.

Under /my nothing is named by a number that could be counted through: people and invitations go by handles.
"""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

from flask import abort, current_app, flash, redirect, render_template, url_for
from flask_security import current_user

from portal.clock import now
from portal.domain.errors import Invalid
from portal.extensions import db
from portal.models import Customer, Invitation
from portal.models.user import User
from portal.services.mail import outbox as mail
from portal.services.people import invitations, people
from portal.web.http.htmx import fragment, is_htmx
from portal.web.http.links import link
from portal.web.people.forms import InviteForm, PersonForm
from portal.web.shared.fields import put_error


def handle(thing: User | Invitation) -> str:
    """A name for an address that tells nothing, and that nobody can guess."""
    text = f"{type(thing).__name__} {thing.id}".encode()
    return hmac.new(str(current_app.secret_key).encode(), text, sha256).hexdigest()[:24]


@dataclass
class UserGroup:
    """People who see the same, and who invites them. `mine`: by one of themselves, under /my."""

    customer: Customer | None
    mine: bool
    may_act: bool

    @cached_property
    def people(self) -> Sequence[User]:
        """Who signs in, or did."""
        return people.people_of(self.customer.id) if self.customer else people.staff()

    @cached_property
    def invitations(self) -> Sequence[Invitation]:
        """Who was invited and has not accepted yet."""
        return invitations.waiting(now(), self.customer.id if self.customer else None)

    def url(self, act: str, thing: User | Invitation | None = None) -> str:
        """Where something is done, to a person or an invitation."""
        if self.mine:
            named: dict[str, Any] = {"handle": handle(thing)} if thing else {}
            return url_for(f"my.people_{act}", **named)
        if isinstance(thing, Invitation):
            return url_for(f"people.{act}", invitation_id=thing.id)
        if thing:
            return url_for(f"people.{act}", user_id=thing.id)
        if self.customer:
            return url_for(f"people.{act}_for_customer", customer_id=self.customer.id)
        return url_for(f"people.{act}")

    @property
    def home(self) -> str:
        """The page on which the people are listed."""
        if self.mine:
            return url_for("my.people")
        return (
            url_for("customers.people", customer_id=self.customer.id)
            if self.customer
            else url_for("people.index")
        )

    def person(self, name: str) -> User:
        """One of these people, by handle."""
        return next((one for one in self.people if handle(one) == name), None) or abort(404)

    def invitation(self, name: str) -> Invitation:
        """One of these invitations, by handle."""
        return next((one for one in self.invitations if handle(one) == name), None) or abort(404)

    def is_expired(self, invitation: Invitation) -> bool:
        """Whether its link holds no more."""
        return invitation.expires_at <= now()


def me() -> User:
    """Who is signed in."""
    user: User = current_user._get_current_object()
    return user


def done(group: UserGroup, sentence: str) -> Any:
    """Commit, say so, and show the list as it is now."""
    db.session.commit()
    flash(sentence)
    fresh = UserGroup(group.customer, group.mine, group.may_act)
    if is_htmx():
        return fragment("people/_user_group.html", group=fresh)
    return redirect(fresh.home, code=303)


def ask(group: UserGroup, form: InviteForm | None = None, status: int = 200) -> Any:
    """The form that invites, in the dialog or as a page of its own."""
    form = form or InviteForm(of_customer=group.customer is not None)
    if is_htmx():
        return fragment("people/_dialog.html", status, group=group, form=form)
    return render_template("people/new.html", group=group, form=form), status


def invite(group: UserGroup) -> Any:
    """Invite whoever the form names."""
    form = InviteForm(of_customer=group.customer is not None)
    if not form.validate_on_submit():
        return ask(group, form, 422)
    try:
        invitation, token = invitations.invite(
            form.email.data or "",
            form.name.data or "",
            form.role.data,
            by=me(),
            now=now(),
            customer_id=group.customer.id if group.customer else None,
        )
    except Invalid as error:
        db.session.rollback()
        put_error(form, error)
        return ask(group, form, 422)
    send(invitation, token)
    return done(group, f"An e-mail with a link is on its way to {invitation.email}.")


def resend(group: UserGroup, invitation: Invitation) -> Any:
    """Send an invitation once more."""
    send(invitation, invitations.resend(invitation, by=me(), now=now()))
    return done(group, f"A new link is on its way to {invitation.email}; the earlier one is no longer valid.")


def withdraw(group: UserGroup, invitation: Invitation) -> Any:
    """Let an invitation hold no more."""
    invitations.withdraw(invitation, now())
    return done(group, f"Withdrew the invitation of {invitation.email}.")


def send(invitation: Invitation, token: str | None) -> None:
    """Queue the message with the link, or the one that says why there is none."""
    by = people.find_by_email(invitation.invited_by)
    text = render_template(
        "invitations/message.txt",
        invitation=invitation,
        by=by or invitation.invited_by,
        link=link("invitations.show", token=token) if token else None,
    )
    mail.queue(
        f"invitation:{secrets.token_hex(16)}", invitation.email, _subject(invitation), text,
        secret=True, now=now(),
    )  # fmt: skip


def _subject(invitation: Invitation) -> str:
    from portal.models.company import company_name

    return f"You are invited to {company_name()}'s portal"


def row(group: UserGroup, person: User) -> Any:
    """A person's row; without script the whole list."""
    if not is_htmx():
        return redirect(group.home, code=303)
    return fragment("people/_row.html", group=group, person=person)


def edit_row(group: UserGroup, person: User, form: PersonForm | None = None, status: int = 200) -> Any:
    """A person's row, open; without script a page of its own."""
    form = form or PersonForm(of_customer=group.customer is not None, obj=person)
    context = {"group": group, "person": person, "form": form}
    if is_htmx():
        return fragment("people/_edit_row.html", status, **context)
    return render_template("people/edit.html", **context), status


def update_row(group: UserGroup, person: User) -> Any:
    """What a person is called and may do."""
    form = PersonForm(of_customer=group.customer is not None)
    if not form.validate_on_submit():
        return edit_row(group, person, form, 422)
    try:
        people.rename(person, form.name.data or "")
        people.change_role(person, form.role.data, me())
    except Invalid as error:
        db.session.rollback()
        put_error(form, error)
        return edit_row(group, person, form, 422)
    db.session.commit()
    flash(f"Saved {person}.")
    return row(group, person)


def deactivate(group: UserGroup, person: User) -> Any:
    """Let a person in no more."""
    people.deactivate(person, me(), now())
    return done(group, f"{person} is signed out and can no longer sign in.")


def reactivate(group: UserGroup, person: User) -> Any:
    """Let a person in again."""
    people.reactivate(person)
    return done(group, f"{person} can sign in again.")


def take_second_step_away(group: UserGroup, person: User) -> Any:
    """Let a person in by the password alone."""
    people.take_second_step_away(person, me(), now())
    return done(group, f"{person} now signs in with the password only.")
