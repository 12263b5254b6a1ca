"""Notices: which charges to come were announced, to whom, and whether the message left."""

from typing import Any

from flask import Blueprint, render_template, request

from portal.extensions import db
from portal.models import Customer, Notice
from portal.services import listing, notices
from portal.services.listing import Sort
from portal.web.http.bounds import row_id
from portal.web.shared.lists import list_state

bp = Blueprint("notices", __name__, url_prefix="/charges/notices")

NEWEST = Sort((Notice.id,), descending=True)


@bp.get("")
def index() -> Any:
    """The newest notices first; of one customer, where the address names one."""
    state = list_state(("newest",), customer=())
    customer = (
        db.session.get(Customer, request.args.get("customer", 0, row_id)) if state["customer"] else None
    )
    page = listing.page(notices.find_notices(customer), NEWEST, state.after, state.before)
    days = notices.notification_days()
    return render_template("notices/index.html", page=page, customer=customer, days=days)
