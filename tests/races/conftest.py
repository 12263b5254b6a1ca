"""The races' own fixture: PostgreSQL with the scenes, made once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import world
from tests.racing import Races


@pytest.fixture(scope="session")
def races(folder: Path, postgresql_url: str, databases: dict[str, world.Database]) -> Iterator[Races]:
    """The scenes on PostgreSQL."""
    home = folder / "races"
    home.mkdir()
    if "postgresql" not in databases:
        databases["postgresql"] = world.Postgresql(folder, postgresql_url)
    made = Races(databases["postgresql"], home)
    yield made
    made.close()
