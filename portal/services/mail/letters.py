"""What the portal writes to people: templates of text and HTML, drawn where the message is queued."""

from typing import Any

from flask import current_app


def drawn(template: str, **about: Any) -> str:
    """A template with what it is about."""
    return current_app.jinja_env.get_template(template).render(about)
