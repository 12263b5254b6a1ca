"""Looking round the demo: who can be signed in as with one button, as long as the demo's own password lets them in."""

from functools import lru_cache
from typing import Any, NamedTuple

from flask import Flask
from flask_security import verify_password
from sqlalchemy import select

from portal.config import DEMO
from portal.extensions import db
from portal.models.user import User
from portal.services.people.people import DEMO_PASSWORD, DEMO_PEOPLE


class Guest(NamedTuple):
    """Whom somebody can look round as."""

    email: str
    words: str


def register(app: Flask) -> None:
    """Offer them where one signs in, in demo mode."""
    if app.config["MODE"] == DEMO:
        app.extensions["security"].login_context_processor(_offered)


def _offered() -> dict[str, Any]:
    """The owner, billing and a customer, as far as each is there and the password is still the demo's."""
    who = select(User.email, User.password).where(User.email.in_(DEMO_PEOPLE), User.active)
    passwords = {email: hashed for email, hashed in db.session.execute(who) if _opens(hashed)}
    guests = [Guest(email, words) for email, words in DEMO_PEOPLE.items() if email in passwords]
    return {"demo_guests": guests, "demo_password": DEMO_PASSWORD}


@lru_cache(maxsize=16)
def _opens(hashed: str) -> bool:
    """Whether the demo's password is the one. Finding out takes long on purpose, so it is kept."""
    return bool(verify_password(DEMO_PASSWORD, hashed))
