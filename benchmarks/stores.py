"""Fresh, migrated databases of each kind, copies of them, and the portal on them as it is in production."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

from flask import Flask
from sqlalchemy import create_engine, make_url, text

from portal.database import upgrade
from portal.extensions import db
from tests import postgresql
from tests.world import make_app

SQLITE, POSTGRESQL = KINDS = ("sqlite", "postgresql")


class Place:
    """Where databases of one kind are made, copied and taken away. Nothing is tuned but what the portal tunes."""

    def __init__(self, kind: str, folder: Path, url: str, today: str) -> None:
        self.kind, self.folder, self.today, self._url = kind, folder, today, url

    def url(self, name: str) -> str:
        """A database of the place."""
        if self.kind == SQLITE:
            return f"sqlite:///{self.folder}/{name}.db"
        return make_url(self._url).set(database=f"bench_{name}").render_as_string(hide_password=False)

    @contextmanager
    def portal(self, name: str, *, fresh: bool = False) -> Iterator[Flask]:
        """The portal on one of the databases; on a new, empty one where it is to be fresh."""
        if fresh and self.kind == POSTGRESQL:
            self._say(f"CREATE DATABASE bench_{name}")
        app = make_app(self.folder, self.url(name), TODAY=self.today, TESTING=False)
        if fresh:
            upgrade(app)
        with app.app_context():
            try:
                yield app
            finally:
                db.session.remove()
                db.engine.dispose()

    def copy(self, name: str, *to: str) -> None:
        """Copy a database that nobody is at."""
        for copy in to:
            if self.kind == SQLITE:
                shutil.copyfile(self.folder / f"{name}.db", self.folder / f"{copy}.db")
            else:
                self._say(f"CREATE DATABASE bench_{copy} TEMPLATE bench_{name} STRATEGY FILE_COPY")

    def drop(self, *names: str) -> None:
        """Take databases away that nobody is at."""
        for name in names:
            if self.kind == POSTGRESQL:
                self._say(f"DROP DATABASE bench_{name} WITH (FORCE)")
            else:
                for path in self.folder.glob(f"{name}.db*"):
                    path.unlink()

    def _say(self, statement: str) -> None:
        engine = create_engine(make_url(self._url), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()


@contextmanager
def place(kind: str, today: str) -> Iterator[Place]:
    """Where databases of a kind can be made; all are gone at the end."""
    with TemporaryDirectory(prefix="portal-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "pg").mkdir()
        server = postgresql.server(folder / "pg") if kind == POSTGRESQL else nullcontext("")
        with server as url:
            yield Place(kind, folder, url, today)


@contextmanager
def store(kind: str, today: str) -> Iterator[Flask]:
    """The portal on an empty database that is gone at the end."""
    with place(kind, today) as there:
        with there.portal("b", fresh=True) as app:
            yield app
        there.drop("b")
