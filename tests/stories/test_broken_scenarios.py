"""Whatever a scenario holds, it is answered or refused with a sentence that names the place. Never anything else."""

import copy
import json
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from portal.services.scenarios.reading import ScenarioRefused, parse
from tests.depth import tries
from tests.simulating import simulator

WHOLE = {
    "currency": "USD", "timezone": "Europe/Lisbon", "tax_rate": "20", "usage_wait_days": 1,
    "from": "2026-01-01", "to": "2026-05-31",
    "packages": [
        {"key": "line", "name": "Phone line", "cost": "4", "retail": "10", "setup_cost": "1", "setup_retail": "25",
         "prices": {"EUR": {"cost": "3", "retail": "9", "setup_cost": "1", "setup_retail": "20"}},
         "frequency": "quarterly", "frequency_match": [], "minimum_spend": False, "minimum_days": 30,
         "proration": "daily", "type": "standard", "destination": "", "description": "A line"},
        {"key": "minimum", "retail": "50", "frequency": "monthly", "frequency_match": [31], "minimum_spend": True},
        {"key": "bundle", "type": "free_minutes", "destination": "^44", "retail": 5, "frequency": "yearly"}],
    "customers": [{"key": "acme", "name": "Acme", "currency": "EUR", "tax_rate": "7.7"}, {"key": "bolt"}],
    "dids": [{"number": "+442071234567", "customer": "bolt"}],
    "assignments": [
        {"package": "line", "customer": "acme", "did": None, "quantity": 2, "start_date": "2026-01-10",
         "end_date": "2026-05-20", "charge_from": "2026-02-01", "minutes": None, "minimum_days": None,
         "auto_decrement_credit": True},
        {"package": "minimum", "customer": "bolt", "did": "+442071234567", "start_date": "2026-02-10"},
        {"package": "bundle", "customer": "bolt", "start_date": "2026-03-01", "minutes": 100}],
    "usage": [
        {"customer": "bolt", "did": "+442071234567", "date": "2026-03-12", "amount": "3.20"},
        {"customer": "bolt", "started_at": "2026-03-12T09:30:00Z", "destination": "442071234567", "seconds": 90,
         "amount": "0.045", "call_id": "a-1"}],
    "changes": [
        {"on": "2026-04-10", "assignment": 1, "end_date": "2026-04-20"},
        {"on": "2026-04-10", "assignment": 0, "quantity": 3, "effective_from": "2026-04-20"},
        {"on": "2026-03-10", "package": "line", "retail": "12", "currency": "EUR"},
        {"on": "2026-03-11", "package": "line", "frequency": "weekly", "frequency_match": [1]},
        {"on": "2026-03-10", "customer": "acme", "tax_rate": "21"},
        {"on": "2026-04-23", "undo": "2026-04-22"}],
}  # fmt: skip


def places(value, path=()):
    """Every place in a scenario, from the whole of it to each value."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in inner:
        yield from places(child, (*path, key))


def nested(depth):
    """A list in a list in a list."""
    value = []
    for _ in range(depth):
        value = [value]
    return value


PLACES = [*places(WHOLE)]
GONE = object()
NONSENSE = [GONE, "\ud800", {"": ""}, None, 10**30, nested(200)]
HALF = 2  # of what is nonsense in a place, the other half in the next one
TEXTS = [
    "", " ", "\x00", "a\x00b", "\ud800", "\u202e", "é" * 5000, "١٢", "²", "1e9", "1_000", "0x1", "-0", "+", "NaN",
    "inf", "-1", "99999999999999999999", "0.0000001", "999999999.999999", "٢٠٢٦-٠١-٠١", "2026-02-30", "1999-12-31",
    "2200-01-01", "0001-01-01", "9999-12-31", "2026-W01-1", "20260101", "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59", "2026-01-01T25:00", "2026-03-29T01:30:00", "1999-12-31T23:59:59+00:00",
    "UTC", "../../etc/passwd", "/", "Nowhere/Never", "EUR", "JPY", "CLF", "eur", "daily", "none", "weekly",
    "free_minutes", "[", "(?=a)", "(" * 400, "a{1000}{1000}", "line", "minimum", "acme", "bolt", "+442071234567",
    "+1", "+" + "9" * 40, "' OR 1=1 --", "{{ 7*7 }}", "<b>",
]  # fmt: skip
NUMBERS = [
    -1, 0, 1, 2, 7, 8, 31, 32, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 10**30, 10**400, True, False,
    Decimal("0.5"), Decimal("1e-9"), Decimal("1e999999999"), Decimal("-1e-999999999"), Decimal("1" * 60),
]  # fmt: skip
junk = st.one_of(
    st.sampled_from([None, GONE, [], {}, [None], [[]], {"": ""}, {"key": "line"}, nested(200), *TEXTS, *NUMBERS]),
    st.text(max_size=20),
    st.integers(),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.lists(st.integers(-1, 40), max_size=4),
    st.recursive(st.none() | st.text(max_size=3), lambda inner: st.lists(inner, max_size=2) | st.dictionaries(
        st.sampled_from(["key", "retail", "USD", "EUR", "x"]), inner, max_size=2), max_leaves=4),
)  # fmt: skip


def put(scenario, path, value):
    """The scenario with something else in one place, where that place is still there."""
    if not path:
        return value
    holder = scenario
    for key in path[:-1]:
        try:
            holder = holder[key]
        except (KeyError, IndexError, TypeError):
            return scenario
    if not isinstance(holder, dict | list) or (
        isinstance(holder, list) and not (isinstance(path[-1], int) and path[-1] < len(holder))
    ):
        return scenario
    if value is GONE:
        holder.pop(path[-1], None) if isinstance(holder, dict) else holder.pop(path[-1])
    else:
        holder[path[-1]] = copy.deepcopy(value)
    return scenario


@pytest.fixture(scope="module")
def ask():
    with simulator() as asked:
        yield asked


def answered_or_refused(ask, scenario):
    """Ask; a refusal has to be a sentence of a bearable length, a line of it, that begins with a place."""
    refusal = None
    try:
        json.dumps(ask(scenario)).encode()
    except ScenarioRefused as refused:
        refusal = str(refused)
    if refusal is not None:
        place, _, sentence = refusal.partition(": ")
        assert place and sentence.endswith(".")
        assert len(refusal) < 1000
        refusal.encode()


def test_the_scenario_that_is_broken_here_is_whole(ask):
    assert len(ask(copy.deepcopy(WHOLE))["charges"]) > 10


@pytest.mark.slow
@settings(
    max_examples=tries(60, deep=150),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.tuples(st.sampled_from(PLACES), junk), min_size=1, max_size=2))
def test_a_scenario_with_something_else_in_a_place_is_answered_or_refused(ask, changes):
    scenario = copy.deepcopy(WHOLE)
    for path, value in changes:
        scenario = put(scenario, path, None if value is GONE and not path else value)
    answered_or_refused(ask, scenario)


@pytest.mark.parametrize("path", PLACES[1:], ids=lambda path: ".".join(map(str, path)))
@pytest.mark.slow
def test_nothing_nonsense_and_too_much_in_any_place_are_answered_or_refused(ask, path):
    for value in NONSENSE[PLACES.index(path) % HALF :: HALF]:
        answered_or_refused(ask, put(copy.deepcopy(WHOLE), path, value))


@settings(max_examples=tries(50, deep=100), deadline=None)
@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
@example("[" * 900 + "]" * 900)
@example('{"from": "\\ud800"}')
@example("1" * 5000)
def test_what_is_no_json_is_refused_and_nothing_else_is_raised(text):
    refusal = "The file is not JSON"
    try:
        parse(text)
    except ScenarioRefused as refused:
        refusal = str(refused)
    assert refusal.startswith("The file is not JSON")
