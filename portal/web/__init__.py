"""The pages: the only place that knows HTTP. A folder a noun: its blueprint, its pages, its forms."""

from importlib import import_module
from pkgutil import iter_modules

from flask import Blueprint, Flask

# What there is a folder of pages for.
NOUNS = (
    "overview", "margins", "won_and_lost", "packages", "customers", "assignments", "dids", "charges", "corrections",
    "runs", "calls", "credit", "bank", "people", "notes", "my", "moving_in", "settings", "sign_in", "summary", "search",
    "styleguide", "http",
)  # fmt: skip


def blueprints(noun: str) -> list[Blueprint]:
    """The blueprints of a noun: those made in its folder, each once every page on it is known."""
    folder = import_module(f"{__name__}.{noun}")
    modules = [folder] + [
        import_module(f"{folder.__name__}.{module.name}") for module in iter_modules(folder.__path__)
    ]
    return list(
        {
            id(found): found
            for module in modules
            for found in vars(module).values()
            if isinstance(found, Blueprint) and found.import_name.startswith(folder.__name__)
        }.values()
    )


def register(app: Flask) -> None:
    """Put the pages, and what all of them share, on the application."""
    from portal.web.http import (
        access,
        afterwards,
        away,
        bounds,
        compiled,
        compression,
        csrf,
        errors,
        headers,
        health,
        locks,
        metrics,
        request_log,
        static,
    )
    from portal.web.settings import audit
    from portal.web.shared import filters
    from portal.web.sign_in import session

    bounds.register(app)  # before any route: it says what a number in a URL may be
    away.register(app)  # before whatever asks the database
    # What is done to answers is done from the last to the first: they are compressed when they are complete.
    for part in (
        compression,
        csrf,
        session,
        access,
        audit,
        locks,
        afterwards,
        errors,
        filters,
        compiled,
        static,
        headers,
        health,
        metrics,
        request_log,
    ):
        part.register(app)
    for noun in NOUNS:
        for blueprint in blueprints(noun):
            app.register_blueprint(blueprint)
