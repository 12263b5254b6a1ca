"""Shards carry equal work, whoever has how many assignments, and no customer is in two of them."""

import heapq
from random import Random

import pytest

from portal.services.runs.shards import MOST, SHARD, divided
from tests.depth import tries


def a_portfolio(seed):
    """Customers, each with how many assignments of theirs are due: most with a few, some with very many."""
    random = Random(seed)
    counts = [max(1, int(random.paretovariate(1.1) * 3)) for _ in range(random.randint(1, 20_000))]
    for _ in range(seed % 4):
        counts.insert(random.randrange(len(counts) + 1), random.choice((SHARD, 20_000, 50_000)))
    first = random.randint(1, 1_000)
    return [(first + 3 * n, min(count, 50_000)) for n, count in enumerate(counts)]


def size_of(counts):
    return max(SHARD, sum(count for _, count in counts) / MOST)


def longest(shards, workers):
    """What the worker does who does most, where each takes the largest shard that is left."""
    loads = [0] * workers
    for _, due in sorted(shards, key=lambda shard: -shard[1]):
        heapq.heapreplace(loads, loads[0] + due)
    return max(loads)


@pytest.mark.parametrize("seed", range(tries(10, deep=40)))
def test_every_customer_is_in_one_shard_and_all_their_assignments_with_them(seed):
    counts = a_portfolio(seed)
    shards = divided(counts)
    begins = [customer_id for customer_id, _ in shards]
    assert begins == sorted(set(begins)) and begins[0] == counts[0][0]
    for (customer_id, due), until in zip(shards, [*begins[1:], counts[-1][0] + 1], strict=True):
        assert due == sum(count for id, count in counts if customer_id <= id < until)


@pytest.mark.parametrize("seed", range(tries(10, deep=40)))
def test_no_shard_is_much_larger_than_another_unless_one_customer_is(seed):
    counts = a_portfolio(seed)
    alone = set(counts)
    assert all(shard in alone or shard[1] <= 1.5 * size_of(counts) + 1 for shard in divided(counts))


@pytest.mark.parametrize("workers", [2, 4, 8])
@pytest.mark.parametrize("seed", range(tries(10, deep=40)))
def test_workers_do_the_same_amount_of_work_unless_one_customer_is_more_than_their_share(seed, workers):
    counts = a_portfolio(seed)
    total, most = sum(count for _, count in counts), max(count for _, count in counts)
    assert longest(divided(counts), workers) <= max(most, total / workers + 1.5 * size_of(counts) + 1)


def test_a_customer_with_fifty_thousand_dids_is_alone_and_the_rest_comes_out_even():
    counts = [(n, 10) for n in range(1, 5_001)]
    counts[2_000] = (2_001, 50_000)
    shards = divided(counts)
    assert (2_001, 50_000) in shards
    rest = [due for customer_id, due in shards if customer_id != 2_001]
    assert max(rest) <= 1.25 * min(rest)
    assert longest(shards, 2) == 50_000


def test_nobody_is_due_and_nothing_is_divided():
    assert divided([]) == []
