"""The pages: the only place that knows HTTP. One blueprint a noun, its forms beside it."""

from importlib import import_module

from flask import Flask

# One module a noun, each with a blueprint called `bp`.
NOUNS = (
    "health",
    "overview",
    "account",
    "assignments",
    "audit",
    "calls",
    "charges",
    "connexcs_packages",
    "credit",
    "customers",
    "did_intake",
    "dids",
    "holds",
    "invitations",
    "my",
    "notices",
    "package_definitions",  # and with it package_page and packages: one blueprint
    "runs",
    "payments",
    "people",
    "settings",
    "summary",
    "upcoming",
)


def register(app: Flask) -> None:
    """Put the pages, and what all of them share, on the application."""
    from portal.web import (
        access,
        afterwards,
        audit,
        bounds,
        compiled,
        compression,
        csrf,
        errors,
        filters,
        headers,
        held,
        session,
        static,
    )

    bounds.register(app)  # before any route: it says what a number in a URL may be
    # What is done to answers is done from the last to the first: they are compressed when they are complete.
    for part in (
        compression,
        csrf,
        session,
        access,
        audit,
        held,
        afterwards,
        errors,
        filters,
        compiled,
        static,
        headers,
    ):
        part.register(app)
    for noun in NOUNS:
        app.register_blueprint(import_module(f"portal.web.{noun}").bp)
    app.register_blueprint(import_module("portal.web.my").seen)
