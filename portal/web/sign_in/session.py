"""Signing in and out, with Flask-Security.

A signed-in browser is a session of ours (portal.services.people.user_sessions): its cookie is worth
something as long as that lives. Signing in renews the CSRF token, which is why it is a page of its own
and never a fragment.
"""

import re
from datetime import datetime, timedelta
from typing import Any

from flask import Flask, Response, abort, current_app, g, redirect, request, session
from flask_limiter import Limiter
from flask_login import user_logged_out
from flask_security import (
    Security,
    password_changed,
    password_reset,
    tf_disabled,
    user_authenticated,
)

from portal.clock import now
from portal.extensions import db
from portal.models.user import User
from portal.services.people import user_sessions
from portal.web.http.access import OPEN
from portal.web.http.afterwards import afterwards
from portal.web.http.request_log import asked_by
from portal.web.sign_in import demo, device_cookie, recovery, second_factor
from portal.web.sign_in.forms import (
    AskAgainForm,
    BackupCodeForm,
    ChoosePasswordForm,
    CodeForm,
    NewPasswordForm,
    PasskeyForm,
    RescueForm,
    SecondStepForm,
    SignInForm,
)
from portal.web.sign_in.parts import Keys, OnceTotp, Outbox, Passwords, people
from portal.web.sign_in.settings import SECURITY, secrets_of

KEY = "session_key"
OURS = re.compile(r"/(?![/\\])[^\\\x00-\x1f\x7f]*")
# Their form comes back as it was sent: a refusal, whose status says so.
ASKED = {
    "security.login",
    "security.verify",
    "security.change_password",
    "security.reset_password",
    "security.two_factor_token_validation",
    "security.mf_recovery",
}
PARTS: dict[str, Any] = {
    "mail_util_cls": Outbox,
    "password_util_cls": Passwords,
    "totp_cls": OnceTotp,
    "webauthn_util_cls": Keys,
    "login_form": SignInForm,
    "verify_form": AskAgainForm,
    "change_password_form": NewPasswordForm,
    "reset_password_form": ChoosePasswordForm,
    "two_factor_setup_form": SecondStepForm,
    "two_factor_verify_code_form": CodeForm,
    "two_factor_rescue_form": RescueForm,
    "mf_recovery_form": BackupCodeForm,
    "wan_register_form": PasskeyForm,
}


def register(app: Flask) -> None:
    """Set up Flask-Security, and tie its sign-ins to our sessions."""
    for key, value in {**SECURITY, **secrets_of(app.config)}.items():
        app.config.setdefault(key, value)
    security = Security(app, people, **PARTS)
    security.unauthz_handler(lambda _function, _params: abort(404))
    security.want_json(lambda _request: False)
    find_person = app.login_manager._user_callback  # type: ignore[attr-defined]
    app.login_manager.user_loader(  # type: ignore[attr-defined]
        lambda uniquifier: _told(find_person(uniquifier)) if _is_live(uniquifier) else None
    )
    app.login_manager.request_loader(lambda _request: None)  # type: ignore[attr-defined]
    for signal, receiver in (
        (user_authenticated, _begin),
        (user_logged_out, _end),
        (password_changed, _end_others),
        (password_reset, _end_others),
        (tf_disabled, _forget_backup_codes),
    ):
        signal.connect(receiver, app)
    for part in (demo, device_cookie, recovery, second_factor):
        part.register(app)
    _limit(app)

    @app.before_request
    def _forms_only() -> None:
        """Flask-Security would read JSON, too; the portal has no use for that."""
        if request.blueprint == "security" and request.is_json:
            abort(415)

    @app.before_request
    def _lead_nowhere_else() -> Any:
        """Where to go next is a page of ours; whatever else a link asks for is dropped, and refused in a form."""
        if request.blueprint != "security" or all(map(is_page_of_ours, request.values.getlist("next"))):
            return None
        return redirect(request.path, code=303) if request.method == "GET" else abort(400)

    @app.after_request
    def _say_refused(response: Response) -> Response:
        if request.endpoint in ASKED and request.method == "POST" and response.status_code == 200:
            response.status_code = 422
        if wait := g.pop("too_many", None):
            response.status_code = 429
            response.headers["Retry-After"] = str(int(wait.total_seconds()) + 1)
        return response


def is_page_of_ours(there: str) -> bool:
    """Whether this is a path on this host, however a browser may read it."""
    return not there or OURS.fullmatch(there) is not None


def idle_since() -> datetime:
    """Whoever was not seen since then is signed out."""
    return now() - timedelta(hours=current_app.config["SESSION_HOURS"])


def _is_live(uniquifier: str) -> bool:
    """Whether the cookie's session lives; it is noted now and then that somebody is there."""
    found = user_sessions.find_live(session.get(KEY, ""), uniquifier, idle_since())
    if found is None:
        return False
    session_id, seen_at = found
    if seen_at < now() - user_sessions.NOTED:
        afterwards(lambda: user_sessions.note(session_id, now()))
    return True


def _told(person: User | None) -> User | None:
    """Lines of the log say from here on who it is, by number."""
    if person is not None:
        asked_by(person.id)
    return person


def _begin(_app: Flask, user: User, **_: Any) -> None:
    """A session of our own; whoever knew the CSRF token of before knows nothing of after."""
    asked_by(user.id)
    session.pop("csrf_token", None)
    g.pop("csrf_token", None)
    session.permanent = True
    session[KEY] = user_sessions.begin(user.id, request.user_agent.string, request.remote_addr or "", now())


def _end(_app: Flask, **_: Any) -> None:
    """The cookie is worth nothing from here on, also one that was copied."""
    user_sessions.end_by_key(session.pop(KEY, ""), now())
    db.session.commit()


def _end_others(_app: Flask, user: User, **_: Any) -> None:
    """A new password: whoever signed in with the old one is signed out."""
    user_sessions.end_all(user.id, now(), but_key=session.get(KEY, ""))


def _forget_backup_codes(_app: Flask, user: User, **_: Any) -> None:
    """Codes of a second factor that is none any more."""
    people.mf_set_recovery_codes(user, [])


def _limit(app: Flask) -> None:
    """Slow down whoever asks much of what anybody may ask. Built once per application: limits add up else."""

    def is_exempt() -> bool:
        return request.method != "POST" or request.endpoint not in OPEN

    app.extensions["portal.limiter"] = Limiter(
        device_cookie.network,
        app=app,
        application_limits=[app.config["SIGN_IN_LIMIT"]] if app.config["SIGN_IN_LIMIT"] else [],
        application_limits_exempt_when=is_exempt,
    )
