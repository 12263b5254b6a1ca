"""docs/scenarios.md is true: its example is answered as it says, and it names every field there is."""

import json
import re
from pathlib import Path

import pytest

from portal.services.scenarios import simulating
from tests.simulating import simulator

TEXT = (Path(__file__).parents[2] / "docs" / "scenarios.md").read_text()
SCENARIO, ANSWER, CHANGES = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)]


def section(title):
    """What stands under a heading, up to the next."""
    return re.split(r"^#+ ", TEXT.split(f" {title}\n", 1)[1], flags=re.MULTILINE)[0]


def fields(table):
    """The names in the first column of a table."""
    rows = re.findall(r"^\| (`.*?`) \|", table, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def test_the_example_is_answered_as_it_says():
    with simulator() as ask:
        assert ask(SCENARIO) == ANSWER


@pytest.mark.parametrize(
    ("title", "known"),
    [
        ("The scenario", simulating.SCENARIO),
        ("A package", simulating.PACKAGE),
        ("An assignment", simulating.ASSIGNMENT),
        ("A call", simulating.CALL),
    ],
)
def test_every_field_has_a_row(title, known):
    assert fields(section(title)) == set(known)


def test_every_change_has_its_place():
    told = section("A change")
    for of, names in simulating.CHANGES.items():
        rows = "".join(re.findall(rf"^\| `{of}` \|.*$", told, re.MULTILINE))
        assert set(re.findall(r"`(\w+)`", rows)) - {of, "null", "effective_from"} == set(names)
    for change in CHANGES:
        (of,) = set(change) & set(simulating.CHANGES)
        known = {"effective_from", *simulating.CHANGES[of]}
        if "since" in change:
            known = {"since", "for_good", *simulating.CORRECTIONS[of]}
        assert set(change) <= {"on", of, *known}
