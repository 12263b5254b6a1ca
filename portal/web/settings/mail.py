"""Mail that could not be sent, or has not been yet: to whom, what about, and why."""

from flask import Blueprint, current_app, render_template

from portal.config import DEMO
from portal.services import listing
from portal.services.mail import unsent
from portal.web.shared.lists import list_state

bp = Blueprint("mail", __name__, url_prefix="/settings/mail")


@bp.get("")
def index() -> str:
    state = list_state(("newest",))
    page = listing.page(unsent.find_unsent(), unsent.NEWEST, state.after, state.before)
    config = current_app.config
    return render_template(
        "mail/index.html", page=page, server=config["SMTP_HOST"], demo=config["MODE"] == DEMO
    )
