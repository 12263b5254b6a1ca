"""Links that leave the portal, in messages: they begin with what the settings say, not with what somebody asked for."""

from typing import Any

from flask import current_app, request, url_for


def root() -> str:
    """Where people find the portal, without a slash at its end; without a setting (the demo) where it was asked for."""
    return str(current_app.config["URL"] or request.url_root.rstrip("/"))


def link(endpoint: str, **parts: Any) -> str:
    """A page, for whoever is not on one yet."""
    return root() + url_for(endpoint, **parts)
