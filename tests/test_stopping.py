"""Being asked to stop: looked at between chunks the first time, obeyed at once the second."""

import os
import signal

import pytest

from portal.stopping import SIGNALS, asked_to_stop


@pytest.fixture(autouse=True)
def ends_at_once():
    """What a signal does to a process that never heard of stopping between chunks; here it can be caught."""

    def end(number, _frame):
        raise SystemExit(number)

    before = {one: signal.signal(one, end) for one in SIGNALS}
    yield end
    for one, handler in before.items():
        signal.signal(one, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_who_is_asked_to_stop_hears_of_it_when_it_looks_and_asked_again_ends(number, ends_at_once):
    with asked_to_stop() as is_asked:
        assert not is_asked()
        os.kill(os.getpid(), number)
        assert is_asked()
        with pytest.raises(SystemExit):
            os.kill(os.getpid(), number)
    assert all(signal.getsignal(one) is ends_at_once for one in SIGNALS)


def test_afterwards_signals_are_what_they_were(ends_at_once):
    with asked_to_stop():
        pass
    assert all(signal.getsignal(one) is ends_at_once for one in SIGNALS)
