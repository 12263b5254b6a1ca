"""Customers on two servers, each of which is killed in every part once (`python -m tests.two_servers` kills longer)."""

import pytest

from tests.conftest import NOT_TESTED
from tests.two_servers import EXTENSION, programs, two_servers


@pytest.mark.slow
def test_two_servers_with_half_the_customers_each_charge_what_one_with_all_charges(folder):
    if (at := programs()) is None:
        needs = f"PostgreSQL with {EXTENSION} (Debian: apt install postgresql)"
        pytest.skip(f"{NOT_TESTED}customers on two servers: there is no {needs}")
    own = folder / "servers"
    own.mkdir()
    assert two_servers(own, at, kills=6, seed=7, say=print) == []
