"""Whoever breaks a rule in the code breaks a worked example: tests/break_rules.py tries it, rule by rule."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.break_rules import AT_ONCE, FORK, with_room

pytestmark = pytest.mark.slow


def test_breaking_any_one_rule_makes_an_example_fail():
    run = subprocess.run(
        [sys.executable, "-m", "tests.break_rules"],
        cwd=Path(__file__).parents[2], capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, f"{run.stdout}\n{run.stderr}"


def test_a_rule_that_is_not_there_is_said_not_to_be_tried():
    """Nothing chosen is nothing seen: the script does not take an empty list for a good answer."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.break_rules", "no such rule"],
        cwd=Path(__file__).parents[2], capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 1
    assert "No rule" in run.stdout


def test_however_many_are_at_work_no_other_is_started_before_there_is_room():
    at_work = [FORK.Process(target=time.sleep, args=(0.05 * number,)) for number in range(AT_ONCE + 2)]
    for process in at_work:
        process.start()
    left = with_room(at_work)
    assert len(left) < AT_ONCE
    for process in left:
        process.join()
