"""A customer's own history: what the audit log tells of them and of all that is theirs."""

from typing import Any

from flask import render_template
from sqlalchemy import Select

from portal.extensions import db
from portal.models import AuditEntry, Customer
from portal.services import listing
from portal.services.audit import lists
from portal.services.exports import audit as exports
from portal.web.customers import bp
from portal.web.customers.desk import framed
from portal.web.customers.page import SHOWN
from portal.web.http.htmx import fragment, is_htmx
from portal.web.shared.exports import FORM, send
from portal.web.shared.lists import ListState, list_state


@bp.get("/<int:customer_id>/history")
def history(customer_id: int) -> Any:
    """Who did what to them, the newest first."""
    customer = db.get_or_404(Customer, customer_id)
    state, query = _asked(customer)
    page = listing.page(query, lists.NEWEST, state.after, state.before, SHOWN)
    context: dict[str, Any] = {
        "page": page,
        "state": state,
        "told": [lists.audit_line(entry) for entry in page.rows],
        "nouns": lists.noun_choices(lists.NOUNS_OF_CUSTOMERS),
        "undoable": (),
        "file_view": "customers.download_history",
        "file_of": {"customer_id": customer.id},
    }
    if is_htmx():
        return fragment("audit/_found.html", **context)
    return render_template("customers/history.html", **framed(customer, "history"), **context)


@bp.get(f"/<int:customer_id>/history/list.{FORM}")
def download_history(customer_id: int, form: str) -> Any:
    """All that the history finds, as a file."""
    return send(exports.acts(_asked(db.get_or_404(Customer, customer_id))[1], "history"), form)


def _asked(customer: Customer) -> tuple[ListState, Select[AuditEntry]]:
    state = list_state(("newest",), noun=("", *lists.NOUNS_OF_CUSTOMERS), overrides=("", "yes"))
    return state, lists.find_entries(
        state.text, state["noun"], overrides=state["overrides"] == "yes", customer_id=customer.id
    )
