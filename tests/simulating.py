"""Scenarios answered in this process: the services on a database in memory, and no pages.

The portal is imported only when somebody asks, so that break_rules.py can break a module of it first.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask

Ask = Callable[[Any], dict[str, Any]]


@contextmanager
def simulator() -> Iterator[Ask]:
    """A function that answers a scenario. Nothing of one is left when the next is asked."""
    import portal.database
    import portal.models.user  # noqa: F401  (what other tables refer to)
    from portal.extensions import db
    from portal.services.scenarios.simulating import simulate

    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
    db.init_app(app)

    def ask(scenario: Any) -> dict[str, Any]:
        try:
            return simulate(scenario)
        finally:
            db.session.rollback()  # the services leave it to their callers to commit

    with app.app_context():
        db.create_all()
        try:
            yield ask
        finally:
            db.session.remove()
            db.engine.dispose()
