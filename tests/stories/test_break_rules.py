"""Whoever breaks a rule in the code breaks a worked example: tests/break_rules.py tries it, rule by rule."""

import subprocess
import sys
from pathlib import Path


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
