"""The worked examples and the oracle agree, and the examples leave no section out.

The expected answers were worked out by hand from the rules; that the oracle finds the same ones says
that both read the rules alike. The portal is held to the same file in tests/stories.
"""

import pytest

from tests.examples import CHARGED, EXAMPLES, REFUSED, by_id
from tests.scenarios import answer


@pytest.mark.parametrize("example", CHARGED, ids=by_id)
def test_the_oracle_agrees_with_the_example(example):
    assert answer(example["scenario"]) == example["expect"]


@pytest.mark.parametrize("example", REFUSED, ids=by_id)
def test_what_is_refused_names_a_list_of_the_scenario(example):
    assert example["expect"]["refused"].split("[")[0] in example["scenario"]


def test_every_example_has_a_name_of_its_own():
    assert len({by_id(example) for example in EXAMPLES}) == len(EXAMPLES)


@pytest.mark.parametrize("section", [*range(2, 9), 14, 15, 16])
def test_every_section_that_a_scenario_can_show_has_examples(section):
    assert any(example["rule"].startswith(f"{section}. ") for example in EXAMPLES)


def test_every_kind_of_charge_has_an_example():
    kinds = {charge["kind"] for example in CHARGED for charge in example["expect"]["charges"]}
    assert kinds == {"setup", "one_off", "recurring", "minimum_spend", "credit", "difference", "undo"}
