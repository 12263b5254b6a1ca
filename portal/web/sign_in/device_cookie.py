"""Where a try to sign in comes from: a browser in which this account was signed in before, or an address.

Tries from a known browser are counted for themselves. So nobody who shares an address with a person
(an office, a mobile network) can keep that person out by guessing.
"""

import secrets
import unicodedata
from ipaddress import IPv6Address, ip_address
from typing import Any

from flask import Flask, Response, current_app, g, request
from flask_security import user_authenticated
from itsdangerous import BadData, URLSafeTimedSerializer

from portal.services.people.attempts import subject

COOKIE = "portal-known"
HALF_A_YEAR = 180 * 24 * 3600


def folded(email: str) -> str:
    """An address as accounts are told apart."""
    return unicodedata.normalize("NFKC", email).strip().casefold()


def network() -> str:
    """The address that asks; of an IPv6 one the part that a household or a machine has to itself."""
    text = request.remote_addr or ""
    try:
        address = ip_address(text)
    except ValueError:
        return text
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or ip_address(int(address) >> 64 << 64)
    return str(address)


def place(email: str) -> str:
    """What tries of this account are counted by."""
    try:
        account, name = _signer().loads(request.cookies.get(COOKIE, ""), max_age=HALF_A_YEAR)
    except (BadData, TypeError, ValueError):
        return f"address {network()}"
    return f"browser {name}" if account == _account(email) else f"address {network()}"


def register(app: Flask) -> None:
    """Remember the browser in which a person has signed in."""

    def remember(_app: Flask, user: Any, **_: Any) -> None:
        g.known_email = user.email

    user_authenticated.connect(remember, app, weak=False)

    @app.after_request
    def _keep(response: Response) -> Response:
        if email := g.pop("known_email", None):
            response.set_cookie(
                COOKIE,
                str(_signer().dumps([_account(email), secrets.token_hex(16)])),
                max_age=HALF_A_YEAR,
                secure=app.config["SESSION_COOKIE_SECURE"],
                httponly=True,
                samesite="Lax",
                path=request.script_root + "/login",
            )
        return response


def _account(email: str) -> str:
    return subject("account", folded(email))


def _signer() -> URLSafeTimedSerializer:
    config = current_app.config
    # itsdangerous signs with the last key, and reads with any.
    return URLSafeTimedSerializer(
        [*reversed(config["SECRET_KEY_FALLBACKS"]), config["SECRET_KEY"]], salt="known browser"
    )
