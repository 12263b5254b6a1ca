"""The portal: a VoIP provider's packages, what they charge, and why. Start in portal/domain.

"billing-rules 7" in a docstring or comment is section 7 of docs/billing-rules.md, the law that this code
follows; its words are those of docs/words.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flask import Flask


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """The application, from the environment; `config` has the last word (tests)."""
    from flask import Flask

    from portal import clock, database, web
    from portal.config import ROOT, finish, load
    from portal.extensions import csrf, db
    from portal.services import audit

    settings = {**load(), **(config or {})}
    finish(settings)
    app = Flask(
        __name__,
        template_folder=str(ROOT / "templates"),
        static_folder=str(ROOT / "static"),
        instance_path=str(settings["INSTANCE"].resolve()),
    )
    app.config.from_mapping(settings)
    for extension in (db, csrf):
        extension.init_app(app)
    database.register(app)
    audit.register(clock.now)
    web.register(app)
    return app
