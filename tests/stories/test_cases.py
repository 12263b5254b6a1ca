"""The portal agrees with what other billing systems' own test suites expect.

tests/data/cases.json holds 105 cases; each names its source. One compared "by date" expects exactly its
charges, on their dates. One compared "by period" comes from a system that bills in arrears: what counts is
what is charged for each period that ends within its window, whenever that is.
"""

import json
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from tests.simulating import simulator

pytestmark = pytest.mark.slow

CASES = json.loads((Path(__file__).parent.parent / "data" / "cases.json").read_text())
BY_NAME = {"setup", "one_off", "minimum_spend"}
OF_A_PERIOD = {"recurring", "minimum_spend"}


@pytest.fixture(scope="module")
def ask():
    with simulator() as asked:
        yield asked


def of_one_kind(line):
    """Recurring and prorated recurring charges and their credits are one kind in these cases."""
    return line["kind"] if line["kind"] in BY_NAME else "recurring"


def grouped(lines, *, by_period):
    """Lines that have to agree with each other: of one package, kind and period, and of one date."""
    groups = defaultdict(list)
    for line in lines:
        kind = of_one_kind(line)
        period = (line["period_from"], line["period_until"]) if kind in OF_A_PERIOD else (None, None)
        groups["" if by_period else line["date"], line["package"], kind, *map(str, period)].append(line)
    return groups


def total(lines):
    return sum((Decimal(line["amount"]) for line in lines), Decimal(0))


def in_the_window(lines, window):
    first, last = window
    return [line for line in lines if line["period_until"] and first <= line["period_until"] <= last]


def may_be_missing(line):
    return line.get("optional") or Decimal(line["amount"] or 1) == 0


def disagreements(case, charges):
    """A sentence for every group of lines in which answer and expectation differ."""
    by_period = case["compare"] == "by period"
    if by_period:
        charges = in_the_window(charges, case["window"])
    told = grouped(charges, by_period=by_period)
    wanted = grouped(case["expect"], by_period=by_period)
    for group in sorted(told.keys() | wanted.keys()):
        found, expected = told[group], wanted[group]
        if not expected:
            if any(Decimal(line["amount"]) for line in found):
                yield f"{group}: {total(found)}, where nothing is expected"
        elif not found:
            if not all(map(may_be_missing, expected)):
                yield f"{group}: nothing, where a charge is expected"
        elif all(line["amount"] is not None for line in expected):
            if len(found) != len(expected) and not case.get("net"):
                yield f"{group}: {len(found)} lines, where {len(expected)} are expected"
            if abs(total(found) - total(expected)) > Decimal(case["tolerance"]):
                yield f"{group}: {total(found)}, where {total(expected)} is expected"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_the_portal_agrees_with_other_systems(ask, case):
    answer = ask(case["scenario"])
    assert not [*disagreements(case, answer["charges"])], f"{case['about']} ({case['source']})"


def test_a_wrong_answer_disagrees():
    """The comparison is one: it sees a charge too many, one too few, a wrong amount and a wrong date."""
    case = CASES[0]
    (line,) = case["expect"]
    assert not [*disagreements(case, [line])]
    for wrong in (
        [],
        [line, line],
        [{**line, "amount": "561.25"}],
        [{**line, "date": "2012-03-03"}],
        [{**line, "period_until": "2012-04-01"}],
    ):
        assert [*disagreements(case, wrong)]


def test_every_case_names_its_source():
    assert len(CASES) == 105
    assert all(case["source"] and case["about"] for case in CASES)
