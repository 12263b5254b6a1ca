"""What a search finds: as a page, and as what hangs below the box while somebody types."""

from typing import Any

from flask import render_template, request, url_for

from portal.clock import today
from portal.domain.searching import ACTS, LONGEST
from portal.services.search import Hit, Hits, Kind, OfferedAct, search
from portal.web.http.access import may_change
from portal.web.http.htmx import fragment, is_htmx
from portal.web.search import bp

# Of each kind: its page and what that calls the id, its list, and what else the list is asked to find all of it.
PAGES: dict[Kind, tuple[str, str]] = {
    Kind.CUSTOMER: ("customers.show", "customer_id"),
    Kind.DID: ("dids.show", "did_id"),
    Kind.PACKAGE: ("packages.show", "package_id"),
    Kind.CHARGE: ("charges.show", "charge_id"),
    Kind.PAYMENT: ("payments.show", "payment_id"),
    Kind.PAYMENT_BACK: ("payments_back.show", "payment_back_id"),
    Kind.RUN: ("runs.show", "run_id"),
    Kind.NOTE: ("notes.show", "note_id"),
}
LISTS: dict[Kind, tuple[str, dict[str, Any]]] = {
    Kind.CUSTOMER: ("customers.index", {"state": "all"}),
    Kind.DID: ("dids.index", {}),
    Kind.PACKAGE: ("packages.index", {"state": "all"}),
    Kind.PAYMENT: ("payments.index", {}),
    Kind.PAYMENT_BACK: ("payments_back.index", {}),
    Kind.NOTE: ("notes.index", {"state": "all"}),
}
# How kinds are headed, and their icons.
HEADS = {
    Kind.CUSTOMER: ("Customers", "building-2"),
    Kind.DID: ("DIDs", "phone"),
    Kind.PACKAGE: ("Packages", "package"),
    Kind.CHARGE: ("Charges", "receipt-text"),
    Kind.PAYMENT: ("Payments", "wallet"),
    Kind.PAYMENT_BACK: ("Payments back", "undo-2"),
    Kind.RUN: ("Runs", "calendar-check"),
    Kind.NOTE: ("Notes", "pencil"),
}
# Where each act begins.
BEGINNINGS = {
    "add_payment": "payments.new",
    "assign_package": "assignments.new",
    "run": "runs.new",
    "summary": "summary.show",
    "add_charge": "charges.new",
    "pay_back": "payments_back.new",
    "adjust_balance": "credit.new_adjustment",
    "edit_customer": "customers.edit",
    "add_customer": "customers.new",
    "add_package": "packages.new",
    "add_dids": "did_intake.new",
    "import_calls": "calls.index",
}
# Acts that change nothing are a viewer's, too.
ONLY_READ = {"summary"}


@bp.get("/search")
def index() -> Any:
    """What was found; asked by the box, as options, with what it answers beside them."""
    text = request.args.get("q", "").strip()
    acts = [act.name for act in ACTS if act.name in ONLY_READ or may_change()]
    context: dict[str, Any] = {
        "text": text,
        "found": search(text, today(), acts),
        "is_cut": len(text) > LONGEST,
        "longest": LONGEST,
        "heads": HEADS,
        "hit_link": hit_link,
        "list_link": list_link,
        "act_link": act_link,
    }
    return (
        fragment("search/_options.html", **context)
        if is_htmx()
        else render_template("search/index.html", **context)
    )


def hit_link(hit: Hit) -> str:
    """The page of what was found."""
    view, name = PAGES[hit.kind]
    parts: dict[str, Any] = {name: hit.id}
    return url_for(view, **parts)


def list_link(hits: Hits, text: str) -> str:
    """The list that has all of a kind; empty for charges, whose list is not searched by amount."""
    if hits.kind not in LISTS:
        return ""
    view, asked = LISTS[hits.kind]
    return url_for(view, q=text, **asked)


def act_link(offered: OfferedAct) -> str:
    """Where an act begins; the search for it again, where it is not said yet for whom."""
    if offered.needs_customer:
        return url_for("search.index", q=offered.act.words)
    view = BEGINNINGS[offered.act.name]
    return url_for(view, customer_id=offered.customer.id) if offered.customer else url_for(view)
