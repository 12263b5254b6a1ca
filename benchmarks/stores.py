"""A fresh, migrated database of each kind, and the portal on it as it is in production."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

from flask import Flask

from portal.database import upgrade
from tests import postgresql
from tests.world import make_app

KINDS = ("sqlite", "postgresql")


@contextmanager
def store(kind: str, today: str) -> Iterator[Flask]:
    """The portal on an empty database that is gone at the end. Nothing is tuned but what the portal tunes."""
    with TemporaryDirectory(prefix="portal-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "pg").mkdir()
        server = (
            postgresql.server(folder / "pg")
            if kind == "postgresql"
            else nullcontext(f"sqlite:///{folder}/b.db")
        )
        with server as url:
            app = make_app(folder, url, TODAY=today, TESTING=False)
            upgrade(app)
            with app.app_context():
                from portal.extensions import db

                yield app
                db.session.remove()
                db.engine.dispose()
