"""Signing in and out, with Flask-Security.

Signing out ends every session of the person, on every device; signing in renews the CSRF token,
which is why it is a page of its own and never a fragment.
"""

from typing import Any

from flask import Flask, Response, abort, g, request, session
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import user_logged_out
from flask_security import Security, SQLAlchemyUserDatastore, user_authenticated

from portal.extensions import db
from portal.models.user import Role, User, WebAuthn

SECURITY = {
    "SECURITY_PASSWORD_HASH": "argon2",
    "SECURITY_PASSWORD_SINGLE_HASH": {"argon2", "plaintext"},
    "SECURITY_EMAIL_VALIDATOR_ARGS": {"check_deliverability": False},
    "SECURITY_FLASH_MESSAGES": False,
    "SECURITY_POST_LOGIN_VIEW": "/",
    "SECURITY_POST_LOGOUT_VIEW": "/login",
    "SECURITY_RETURN_GENERIC_RESPONSES": True,
    "SECURITY_TRACKABLE": True,
    "SECURITY_WAN_ALLOW_USER_HINTS": False,
    "SECURITY_MSG_GENERIC_AUTHN_FAILED": (
        "E-mail or password is wrong. Check both and try again.",
        "error",
    ),
}

people = SQLAlchemyUserDatastore(db, User, Role, WebAuthn)


def register(app: Flask) -> None:
    """Set up Flask-Security: sign-in only; recovery, second factors and passkeys have their place."""
    for key, value in SECURITY.items():
        app.config.setdefault(key, value)
    security = Security(app, people)
    security.unauthz_handler(lambda _function, _params: abort(404))
    user_logged_out.connect(_end_every_session, app)
    user_authenticated.connect(_renew_token, app)
    _limit_sign_in(app)

    @app.after_request
    def _refused(response: Response) -> Response:
        """A sign-in form that comes back is a refusal, and its status says so."""
        if request.endpoint == "security.login" and request.method == "POST":
            response.status_code = 422 if response.status_code == 200 else response.status_code
        return response


def _end_every_session(_app: Flask, user: User, **_: Any) -> None:
    """Make every cookie of this person worthless, also one that was copied."""
    if user.is_authenticated:
        people.set_uniquifier(user)
        people.commit()


def _renew_token(_app: Flask, **_: Any) -> None:
    """Whoever knew the token of before knows nothing of after."""
    session.pop("csrf_token", None)
    g.pop("csrf_token", None)
    session.permanent = True


def _limit_sign_in(app: Flask) -> None:
    """Slow down whoever guesses. Built here, once per application: limits add up else."""
    limiter = app.extensions["portal.limiter"] = Limiter(get_remote_address, app=app)
    if limit := app.config["SIGN_IN_LIMIT"]:
        view = app.view_functions["security.login"]
        limited: Any = limiter.limit(limit, methods=["POST"])(view)
        app.view_functions["security.login"] = limited
