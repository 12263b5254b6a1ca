"""Without the lock on any one kind of row, the races of the suite find that something goes wrong."""

import pytest

from portal.services import locking
from tests.race_acts import ACTS
from tests.race_pairs import MEETINGS
from tests.racing import KINDS

pytestmark = pytest.mark.slow

MODELS = dict(zip(KINDS, locking.ORDER, strict=True))


def without_lock(monkeypatch, kind):
    """Let nothing of a kind be locked from here on: it is read all the same."""
    whole = locking.for_update

    def for_update(query, model, shared):
        return query if model is MODELS[kind] else whole(query, model, shared)

    monkeypatch.setattr(locking, "for_update", for_update)


@pytest.mark.parametrize("kind", KINDS)
def test_a_lock_that_is_dropped_is_missed(races, monkeypatch, kind):
    both_ways = [way for one, other in MEETINGS[kind] for way in ((one, other), (other, one))]
    without_lock(monkeypatch, kind)
    assert any(races.meeting(ACTS[first], ACTS[second]) for first, second in both_ways), (
        f"Nothing goes wrong without the lock on {kind}: tests/race_pairs.py lacks a pair that meets on it."
    )


def test_every_kind_of_row_has_its_pairs():
    assert list(MEETINGS) == list(KINDS)
