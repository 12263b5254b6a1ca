"""A few at a time."""

import gc

import pytest

from portal.services import chunks
from portal.services.chunks import AT_ONCE, FEW, Sizes, in_time


def test_no_circles_are_looked_for_while_a_chunk_is_worked_on_and_again_once_it_is(app):
    with app.app_context():
        many = range(3 * AT_ONCE)
        assert [gc.isenabled() for _ in in_time(many, FEW)] == [False] * -(-len(many) // FEW)
        assert gc.isenabled()


def test_circles_are_looked_for_again_where_a_chunk_failed_or_is_left(app):
    def fail(many):
        for _ in in_time(many, FEW):
            raise ArithmeticError

    with app.app_context():
        with pytest.raises(ArithmeticError):
            fail(range(AT_ONCE))
        assert gc.isenabled()
        for _ in in_time(range(AT_ONCE), FEW):
            break
        assert gc.isenabled()


def test_how_many_are_taken_settles_also_where_the_next_ones_are_taken_before_the_last_are_done(
    app, monkeypatch
):
    now, fit = [0.0], 4_000
    monkeypatch.setattr(chunks, "monotonic", lambda: now[0])
    with app.app_context():
        sizes = Sizes(AT_ONCE)
        taken, found = sizes.size, []
        for _ in range(12):
            done, taken = taken, sizes.size
            with sizes.measured(done):
                now[0] += done * sizes.wanted / fit
            found.append(sizes.size)
    assert all(abs(size - fit) <= 1 for size in found[2:])
