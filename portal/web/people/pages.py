"""People: the provider's staff, and a customer's people as the provider sees them. For owners alone."""

from typing import Any

from flask import abort, render_template

from portal.extensions import db
from portal.models import Customer, Invitation
from portal.models.user import User
from portal.web.http.access import may_own, require_role
from portal.web.http.locks import lock_or_404
from portal.web.people import bp
from portal.web.people import user_group as acts
from portal.web.people.forms import role_in_words
from portal.web.people.user_group import UserGroup

HERE = "/settings/people"

bp.add_app_template_filter(role_in_words)


@bp.context_processor
def _place() -> dict[str, str]:
    return {"place": "settings"}


def group_of(customer: Customer | None) -> UserGroup:
    """The people of a customer, or the staff, as whoever is signed in may deal with them."""
    return UserGroup(customer, mine=False, may_act=may_own() and not (customer and customer.archived_on))


def _person(user_id: int) -> tuple[UserGroup, User]:
    person = db.get_or_404(User, user_id)
    return group_of(_customer(person.customer_id)), person


def _invitation(invitation_id: int) -> tuple[UserGroup, Invitation]:
    invitation = db.get_or_404(Invitation, invitation_id)
    return group_of(invitation.customer), invitation


def _customer(customer_id: int | None) -> Customer | None:
    return db.session.get(Customer, customer_id) if customer_id else None


def _open(customer_id: int) -> UserGroup:
    group = group_of(db.get_or_404(Customer, customer_id))
    return group if group.may_act else abort(404)


@bp.get(HERE)
@require_role()
def index() -> Any:
    return render_template("people/index.html", group=group_of(None))


@bp.get(f"{HERE}/new")
@require_role()
def new() -> Any:
    return acts.ask(group_of(None))


@bp.post(f"{HERE}/invitations")
@require_role()
def invite() -> Any:
    return acts.invite(group_of(None))


@bp.get("/customers/<int:customer_id>/people/new")
@require_role()
def new_for_customer(customer_id: int) -> Any:
    return acts.ask(_open(customer_id))


@bp.post("/customers/<int:customer_id>/people")
@require_role()
def invite_for_customer(customer_id: int) -> Any:
    lock_or_404(Customer, customer_id)
    return acts.invite(_open(customer_id))


@bp.post(f"{HERE}/invitations/<int:invitation_id>/resend")
@require_role()
def resend(invitation_id: int) -> Any:
    return acts.resend(*_invitation(invitation_id))


@bp.post(f"{HERE}/invitations/<int:invitation_id>/withdraw")
@require_role()
def withdraw(invitation_id: int) -> Any:
    return acts.withdraw(*_invitation(invitation_id))


@bp.get(f"{HERE}/<int:user_id>/row")
@require_role()
def row(user_id: int) -> Any:
    return acts.row(*_person(user_id))


@bp.get(f"{HERE}/<int:user_id>/row/edit")
@require_role()
def edit_row(user_id: int) -> Any:
    return acts.edit_row(*_person(user_id))


@bp.post(f"{HERE}/<int:user_id>/row")
@require_role()
def update_row(user_id: int) -> Any:
    return acts.update_row(*_person(user_id))


@bp.post(f"{HERE}/<int:user_id>/deactivate")
@require_role()
def deactivate(user_id: int) -> Any:
    return acts.deactivate(*_person(user_id))


@bp.post(f"{HERE}/<int:user_id>/reactivate")
@require_role()
def reactivate(user_id: int) -> Any:
    return acts.reactivate(*_person(user_id))


@bp.post(f"{HERE}/<int:user_id>/second-step")
@require_role()
def take_second_step_away(user_id: int) -> Any:
    return acts.take_second_step_away(*_person(user_id))
