"""People, as a customer's own owner deals with them: the routes under /my/people.

`add_to(bp)` puts them on the blueprint `my`, whose page lists them (templates/people/_user_group.html).
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Blueprint, abort, render_template

from portal.extensions import db
from portal.models import Customer
from portal.models.user import CUSTOMER_OWNER
from portal.web.people import user_group as acts
from portal.web.people.user_group import UserGroup, me


def may_invite() -> bool:
    """Whether who is signed in says who else sees their customer's pages."""
    return me().role == CUSTOMER_OWNER


def my_group() -> UserGroup:
    """The people of the customer that who is signed in belongs to."""
    customer_id = me().customer_id or abort(404)
    customer = db.session.get(Customer, customer_id) or abort(404)
    return UserGroup(customer, mine=True, may_act=may_invite() and not customer.archived_on)


def _owners(act: Callable[..., Any]) -> Callable[..., Any]:
    """For the customer's owners: hand their group, and whom it is about, to what is done."""

    @wraps(act)
    def view(**values: Any) -> Any:
        group = my_group()
        return act(group, **values) if group.may_act else abort(403)

    return view


def _to(find: str, act: Callable[..., Any]) -> Callable[..., Any]:
    return _owners(lambda group, handle: act(group, getattr(group, find)(handle)))


def add_to(bp: Blueprint) -> None:
    """Put the routes on the blueprint `my`."""
    here = "/people"
    bp.add_url_rule(here, "people", lambda: render_template("my/people.html", group=my_group()))
    bp.add_url_rule(f"{here}/new", "people_new", _owners(lambda group: acts.ask(group)))
    bp.add_url_rule(here, "people_invite", _owners(acts.invite), methods=["POST"])
    acts_on: tuple[tuple[str, str, str, Callable[..., Any]], ...] = (
        ("GET", "person", "row", acts.row),
        ("GET", "person", "edit_row", acts.edit_row),
        ("POST", "person", "update_row", acts.update_row),
        ("POST", "person", "deactivate", acts.deactivate),
        ("POST", "person", "reactivate", acts.reactivate),
        ("POST", "person", "take_second_step_away", acts.take_second_step_away),
        ("POST", "invitation", "resend", acts.resend),
        ("POST", "invitation", "withdraw", acts.withdraw),
    )
    for method, thing, name, act in acts_on:
        rule = f"{here}/{'invitations/' if thing == 'invitation' else ''}<handle>/{name.replace('_', '-')}"
        bp.add_url_rule(rule, f"people_{name}", _to(thing, act), methods=[method])
