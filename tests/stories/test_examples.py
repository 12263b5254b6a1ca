"""The portal answers every worked example of docs/examples.json, field by field."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from portal.cli import main
from portal.services.scenarios.reading import ScenarioRefused
from tests.examples import CHARGED, REFUSED, by_id, without_sentences
from tests.simulating import simulator


@pytest.fixture(scope="module")
def ask():
    with simulator() as asked:
        yield asked


@pytest.fixture
def portal_simulate(tmp_path):
    """Run `portal simulate` in this process on what a file holds: exit status, answer, complaint."""

    def run(written):
        path = tmp_path / "scenario.json"
        path.write_bytes(written if isinstance(written, bytes) else json.dumps(written).encode())
        result = CliRunner().invoke(main, ["simulate", str(path)])
        return result.exit_code, result.stdout, result.stderr

    return run


def refusal(example):
    """The one with this refusal in it."""
    return example["scenario"], example["expect"]["refused"]


@pytest.mark.parametrize("example", CHARGED, ids=by_id)
def test_the_portal_charges_what_the_example_says(ask, example):
    assert without_sentences(ask(example["scenario"])) == example["expect"]


@pytest.mark.parametrize("example", REFUSED, ids=by_id)
def test_the_portal_refuses_and_names_the_place(ask, example):
    scenario, place = refusal(example)
    with pytest.raises(ScenarioRefused) as caught:
        ask(scenario)
    named, _, sentence = str(caught.value).partition(": ")
    assert named == place
    assert sentence.endswith(".")


@pytest.mark.slow
def test_the_command_answers_an_object_with_an_object_and_an_array_in_its_order(tmp_path):
    one, two = CHARGED[0], CHARGED[-1]
    for asked, expected in (
        (one["scenario"], one["expect"]),
        ([two["scenario"], one["scenario"]], [two["expect"], one["expect"]]),
    ):
        path = tmp_path / "scenario.json"
        path.write_text(json.dumps(asked))
        run = subprocess.run(
            [sys.executable, "-m", "portal.cli", "simulate", str(path)],
            capture_output=True, text=True, check=True, cwd=tmp_path,
        )  # fmt: skip
        answer = json.loads(run.stdout)
        told = (
            [without_sentences(a) for a in answer] if isinstance(answer, list) else without_sentences(answer)
        )
        assert told == expected
        assert run.stderr == ""


def test_nothing_to_answer_is_answered_with_nothing(portal_simulate):
    assert portal_simulate([])[:2] == (0, "[]\n")


@pytest.mark.parametrize("example", REFUSED[::7], ids=by_id)
@pytest.mark.slow
def test_the_command_refuses_on_standard_error_with_status_2(portal_simulate, example):
    scenario, place = refusal(example)
    status, answer, complaint = portal_simulate(scenario)
    assert (status, answer) == (2, "")
    assert complaint.startswith(f"scenario.json: {place}: ")


def test_of_an_array_the_refusal_names_which_one(portal_simulate):
    scenario, place = refusal(REFUSED[0])
    status, answer, complaint = portal_simulate([CHARGED[0]["scenario"], scenario])
    assert (status, answer) == (2, "")
    assert complaint.startswith(f"scenario.json: [1].{place}: ")


@pytest.mark.parametrize(
    ("written", "says"),
    [
        pytest.param(b"", "not JSON", id="empty"),
        pytest.param(b"{", "not JSON", id="half an object"),
        pytest.param(b'{"from": NaN}', "NaN is not a number", id="not a number"),
        pytest.param(b"\xff\xfe{}", "scenario.json: ", id="not UTF-8"),
        pytest.param(b"[" * 100_000, "not JSON", id="nested too deep"),
        pytest.param(b"7", "expected an object", id="a number"),
        pytest.param(b"null", "expected an object", id="null"),
        pytest.param(b'["a"]', "[0]: expected an object", id="an array of texts"),
    ],
)
def test_what_is_no_scenario_is_refused_with_status_2(portal_simulate, written, says):
    status, answer, complaint = portal_simulate(written)
    assert (status, answer) == (2, "")
    assert says in complaint
