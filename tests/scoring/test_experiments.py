"""The intervals and tests of reports on simulated experiments: a small part of bench/scoring/experiments.py, with fixed
draws. docs/benchmarks.md has 10,000 experiments a figure."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

_FILE = Path(__file__).parents[2] / "bench" / "scoring" / "experiments.py"


def _bench() -> Any:
    """The benchmark's module: `bench` is no part of the package."""
    spec = importlib.util.spec_from_file_location("bench_scoring_experiments", _FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where its dataclasses look for their own names
    spec.loader.exec_module(module)
    return module


bench = _bench()

RUNS = 250
LEAST = 0.912
"""Of 250 intervals that hold at 94 %, 228 or more do with 97 % probability; the draws are always the same."""


@pytest.mark.parametrize("shape", bench.ONES, ids=lambda shape: shape.about)
def test_the_interval_of_one_subject_holds_the_truth(shape: Any) -> None:
    assert bench.covered(shape, 20, RUNS, seed=1) / RUNS >= LEAST


@pytest.mark.parametrize("shape", bench.TWOS, ids=lambda shape: shape.about)
def test_the_interval_of_a_difference_holds_and_equal_subjects_are_seldom_told_apart(shape: Any) -> None:
    found = bench.count(shape, 20, RUNS, seed=2)
    assert found.covered / RUNS >= LEAST
    assert found.better / RUNS <= 0.05, "nominally 0.025"
    assert found.worse / RUNS <= 0.05


def test_five_metrics_raise_no_more_false_alarms_than_one() -> None:
    bare, corrected = bench.families(30, RUNS, seed=3)
    assert corrected / RUNS <= 0.05
    assert bare > 2 * corrected
