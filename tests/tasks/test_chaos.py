"""A short chaos (`make chaos` is the long one): what is killed at random loses nothing and does nothing twice."""

import pytest

from tests.chaos import chaos


@pytest.mark.slow
def test_after_workers_and_the_database_were_killed_everything_is_as_if_nothing_had_been(folder):
    own = folder / "chaos"  # which the server's own user may enter
    own.mkdir()
    assert chaos(own, kills=3, seed=7, say=print) == []
