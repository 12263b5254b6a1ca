"""Who may see and do what. Nothing is open but signing in, what leads there and static files.

Staff see the provider's pages; a viewer may not change anything there. People of a customer see
their customer's own pages (blueprint `my`) and nothing else. Everybody has an account of their own.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, Response, abort, request, url_for
from flask_security import current_user
from werkzeug.wrappers import Response as AnyResponse

from portal.models.company import company
from portal.models.user import BILLING, OWNER
from portal.web.http.htmx import is_htmx, see_other

# Whoever asks. What of it is sent is limited (portal/web/sign_in/session.py).
OPEN = {
    "invitations.accept",
    "invitations.show",
    "security.forgot_password",
    "security.login",
    "security.mf_recovery",
    "security.reset_password",
    "security.two_factor_token_validation",
    "security.wan_signin",
    "security.wan_signin_response",
    "static",
}
# Whoever is signed in, staff or not, about themselves: the account's pages, and Flask-Security's part of them.
PERSONAL = {"account", "security"}
# Flask-Security has these, the portal has not: one second factor, and recovery by backup codes.
CLOSED = {"security.tf_select", "security.two_factor_rescue"}
# Pages that are a form for a change, or a row that is open for one: who may not make it is told so first.
FORMS = {
    "assignments.ask_end",
    "assignments.bulk",
    "assignments.draft",
    "assignments.edit",
    "assignments.edit_row",
    "assignments.new",
    "bank_statements.map_columns",
    "calls.ask_undo",
    "charges.ask_due_day",
    "charges.ask_reversals",
    "charges.ask_use_credit",
    "charges.ask_write_off",
    "charges.new",
    "charges.reversal",
    "connexcs_packages.edit_row",
    "corrections.new",
    "corrections.new_rate",
    "corrections.of_customers",
    "corrections.preview",
    "corrections.preview_rate",
    "credit.new_adjustment",
    "customers.edit",
    "customers.edit_row",
    "customers.new",
    "did_intake.new",
    "moving_in.ask_undo",
    "moving_in.columns",
    "notes.edit",
    "notes.new",
    "dids.edit_row",
    "packages.copy",
    "packages.delete",
    "packages.edit",
    "packages.edit_row",
    "packages.new",
    "payments.ask_split",
    "payments.new",
    "payments_back.new",
    "runs.ask_undo",
    "runs.new",
    "sent_summaries.ask",
}
SECOND_STEP = "security.two_factor_token_validation"
READING = ("GET", "HEAD", "OPTIONS")

View = TypeVar("View", bound=Callable[..., Any])


def has_role(*names: str) -> bool:
    """Whether who is signed in has one of these roles; owners have them all."""
    return any(current_user.has_role(name) for name in (OWNER, *names))


def may_change() -> bool:
    """Whether who is signed in may change anything: owners and billing staff."""
    return bool(current_user.is_authenticated and current_user.is_staff and has_role(BILLING))


def may_own() -> bool:
    """Whether who is signed in is an owner."""
    return bool(current_user.is_authenticated and current_user.is_staff and has_role())


def require_role(*names: str) -> Callable[[View], View]:
    """Let only these roles (and owners) into a view: `@require_role()` is for owners alone."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if not has_role(*names):
                abort(403)
            return view(*args, **kwargs)

        return guarded  # type: ignore[return-value]

    return decorate


def changes_nothing(view: View) -> View:
    """Mark a POST that only works something out (a preview), so that a viewer may ask for it."""
    view.changes_nothing = True  # type: ignore[attr-defined]
    return view


def _here() -> str | None:
    """Where to come back to after signing in: the page in the browser's address bar, if there is one."""
    if request.routing_exception is not None:
        return None
    if is_htmx():
        url = urlsplit(request.headers.get("HX-Current-URL", ""))
        here = url.path + (f"?{url.query}" if url.query else "")
    else:
        here = request.full_path.rstrip("?") if request.method in READING else ""
    return here if here not in ("", "/") else None


def _guard() -> AnyResponse | Response | None:
    endpoint = request.endpoint or ""
    if endpoint in CLOSED:
        abort(404)
    if endpoint == SECOND_STEP and current_user.is_authenticated:
        return see_other("/")  # Flask-Security would sign them out, also where a page only links there
    if endpoint in OPEN:
        return None
    if not current_user.is_authenticated:
        return see_other(url_for("security.login", next=_here()))
    if request.blueprint in PERSONAL:
        return None
    if not current_user.is_staff:
        if endpoint == "overview.show":
            return see_other(url_for("my.home"))
        return None if request.blueprint == "my" else abort(404)
    if may_change():
        return None
    reads = request.method in READING or getattr(_app_view(endpoint), "changes_nothing", False)
    return None if reads and endpoint not in FORMS else abort(403)


def _app_view(endpoint: str) -> Any:
    from flask import current_app

    return current_app.view_functions.get(endpoint)


def register(app: Flask) -> None:
    """Close every door, then open the few that are open; tell templates what may be done."""
    app.before_request(_guard)

    @app.context_processor
    def _everywhere() -> dict[str, Any]:
        return {"may_change": may_change, "may_own": may_own, "company": company()}
