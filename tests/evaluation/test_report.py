"""What a report says of an experiment's cells: outcomes, honesty about what is missing, and sentences."""

import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.evaluation.report import Facts, build
from trimtab.evaluation.report_metrics import ScorerFacts
from trimtab.evaluation.types import Cell, CellScore, MetricReport, Report, SuiteScorer, SuiteSpec

Score = float | None
EXACT = SuiteScorer(scorer="exact", margin=0.1)
SCORERS = {
    "exact": ScorerFacts(scorer="exact", kind="share", better="higher"),
    "length": ScorerFacts(scorer="length", kind="number"),
}


def cell(subject: int, case: int, value: Score, **fields: Any) -> Cell:
    """``value`` NaN: the call failed; None: it could not be scored."""
    own: dict[str, Any] = {"repeat": 0, "latency_ms": 100.0 + case, "cost": 1_000_000, **fields}
    if value is not None and math.isnan(value):
        return Cell(subject=subject, case_id=f"c{case:03}", state="failed", error="away", **own)
    score = CellScore(name="exact", value=value, unscored="" if value is not None else "no reference")
    return Cell(subject=subject, case_id=f"c{case:03}", state="done", output="x", scores=(score,), **own)


def cells(first: Sequence[Score], second: Sequence[Score] = ()) -> list[Cell]:
    return [cell(subject, case, value) for subject, values in enumerate((first, second))
            for case, value in enumerate(values)]  # fmt: skip


def reported(made: Sequence[Cell], *scorers: SuiteScorer, **more: Any) -> Report:
    alone = all(each.subject == 0 for each in made)
    names = ("support@r2",) if alone else ("support@r2", "support@r1")
    facts = Facts(experiment="e", suite="s", dataset="d", version=1, subjects=names, scorers=SCORERS)
    return build(facts, SuiteSpec(dataset="d", scorers=scorers or (EXACT,), **more), made)


def metric(report: Report, name: str = "exact") -> MetricReport:
    return next(each for each in report.metrics if each.name == name)


def passes(good: int, bad: int) -> list[Score]:
    return [*[1.0] * good, *[0.0] * bad]


@pytest.mark.parametrize(
    ("first", "second", "outcome", "passed"),
    [
        (passes(60, 0), passes(45, 15), "better", True),
        (passes(45, 15), passes(60, 0), "worse", False),
        (passes(55, 5), passes(55, 5), "not_worse", True),
        (passes(9, 1), passes(9, 1), "not_enough_data", False),
    ],
)
def test_four_outcomes(first: list[Score], second: list[Score], outcome: str, passed: bool) -> None:
    found = reported(cells(first, second))
    assert (found.outcome, found.passed) == (outcome, passed), found.says
    assert metric(found).outcome == outcome
    assert found.says


def test_a_suite_that_asks_for_better_is_not_content_with_not_worse() -> None:
    same = cells(passes(55, 5), passes(55, 5))
    assert reported(same).passed
    assert not reported(same, rule="better").passed


def test_failed_and_unscored_answers_are_counted_and_never_zeros() -> None:
    first: list[Score] = [*passes(56, 0), None, None, math.nan, math.nan]
    found = metric(reported(cells(first, passes(60, 0))))
    assert (found.a.value, found.a.n, found.a.unscored, found.a.errors) == (1.0, 56, 2, 2)
    assert (found.a.worst, found.a.best) == (pytest.approx(56 / 60), 1.0)
    assert found.pairs == 56
    assert "2 answers could not be scored and 2 calls got no answer" in found.says
    errors = metric(reported(cells(first, passes(60, 0))), "errors")
    assert (errors.a.value, errors.required) == (pytest.approx(2 / 60), False)


@pytest.mark.parametrize(
    ("first", "words"),
    [
        ([*passes(50, 0), *[None] * 10], "could not score 10 of 60 answers of support@r2"),
        ([*passes(54, 0), *[math.nan] * 6], "6 of 60 calls to support@r2 got no answer"),
    ],
)
def test_too_much_missing_passes_nothing(first: list[Score], words: str) -> None:
    found = reported(cells(first, passes(40, 20)))
    assert not found.passed
    assert words in found.says


def test_a_word_is_no_number_and_no_failure_to_score() -> None:
    said = CellScore(name="exact", label="formal")
    made = [Cell(subject=0, case_id=f"c{n}", repeat=0, state="done", output="x", scores=(said,)) for n in range(3)]
    found = metric(reported(made, SuiteScorer(scorer="exact", required=False)))
    assert (found.a.value, found.a.n, found.a.unscored) == (None, 0, 0)


def test_missing_answers_pass_nothing() -> None:
    made = [*cells(passes(60, 0), passes(45, 15)), Cell(subject=0, case_id="c100", repeat=0, state="pending")]
    found = reported(made)
    assert (found.passed, found.outcome) == (False, "not_enough_data")
    assert "1 answers are still missing" in found.says or "1 answer is still missing" in found.says


def test_clearly_more_errors_are_worse_whatever_the_scores_say() -> None:
    found = reported(cells([*passes(48, 0), *[math.nan] * 12], passes(60, 0)), most_errors=0.5)
    assert found.outcome == "worse"
    assert "errors" in found.says


@pytest.mark.parametrize(
    ("bound", "first", "met", "outcome"),
    [
        ({"at_least": 0.8}, passes(58, 2), "met", "not_worse"),
        ({"at_least": 0.8}, passes(40, 20), "missed", "worse"),
        ({"at_least": 0.8}, passes(50, 10), "not_enough_data", "not_enough_data"),
        ({"at_most": 0.2}, passes(2, 58), "met", "not_worse"),
    ],
)
def test_a_bound_is_met_by_the_near_end_of_the_interval(
    bound: dict[str, float], first: list[Score], met: str, outcome: str
) -> None:
    found = reported(cells(first), SuiteScorer(scorer="exact", **bound))  # pyright: ignore[reportArgumentType]
    assert (metric(found).bound, found.outcome) == (met, outcome)
    assert "Required is at" in metric(found).says


def test_without_comparison_or_bound_nothing_passes() -> None:
    found = reported(cells(passes(60, 0)))
    assert (found.outcome, found.passed, metric(found).b) == ("not_enough_data", False, None)
    assert "'at_least'" in found.says


def test_several_required_metrics_are_corrected_and_others_decide_nothing() -> None:
    def scored(subject: int, case: int) -> Cell:
        better = 1.0 if subject == 0 or case % 7 else 0.0
        names = ("exact", "b", "c", "d", "e")
        scores = tuple(CellScore(name=name, value=better if name == "exact" else 1.0) for name in names)
        return Cell(subject=subject, case_id=f"c{case}", repeat=0, state="done", output="", scores=scores, cost=1)

    made = [scored(subject, case) for subject in (0, 1) for case in range(40)]
    scorers = [SuiteScorer(scorer=name, margin=0.2) for name in ("exact", "b", "c", "d", "e")]
    found = reported(made, *scorers)
    one = metric(found)
    assert one.p is not None
    assert one.adjusted == pytest.approx(5 * one.p)
    assert found.correction == "Holm over 5 required metrics"
    assert (metric(reported(made, scorers[0])).outcome, one.outcome) == ("better", "not_worse")
    assert metric(found, "cost").adjusted is None


def test_repeats_show_flaky_cases_and_pass_k() -> None:
    made = [
        cell(subject, case, float(not (case < 5 and repeat == 2)), repeat=repeat)
        for subject in (0, 1) for case in range(20) for repeat in range(3)
    ]  # fmt: skip
    found = reported(made, repeats=3)
    assert {(each.case_id, each.passes, each.repeats) for each in found.flaky} == {(f"c{n:03}", 2, 3) for n in range(5)}
    of_three = next(each for each in found.pass_k if each.k == 3 and each.subject == 0)
    assert (of_three.all_of.value, of_three.any_of.value) == (0.75, 1.0)
    assert [each.k for each in found.pass_k if each.subject == 0] == [2, 3]
    assert found.deltas == ()


def test_cases_that_got_worse_come_first() -> None:
    found = reported(cells([0.0, 1.0, 0.5, 1.0], [1.0, 0.0, 0.75, 1.0]))
    assert [(each.case_id, each.delta) for each in found.deltas] == [("c000", -1.0), ("c002", -0.25), ("c001", 1.0)]


def test_costs_and_latency_are_compared_as_ratios() -> None:
    rng = random.Random(2)
    made = [
        cell(subject, case, 1.0, latency_ms=size * (1.5 if subject == 0 else 1.0) * rng.lognormvariate(0, 0.05))
        for case, size in enumerate(rng.lognormvariate(6, 1) for _ in range(40)) for subject in (0, 1)
    ]  # fmt: skip
    found = reported(made, latency_margin=0.2)
    latency, cost = metric(found, "latency"), metric(found, "cost")
    assert latency.difference == pytest.approx(0.5, abs=0.05)
    assert (latency.relative, latency.outcome, found.outcome) == (True, "worse", "worse")
    assert (cost.difference, cost.outcome, cost.required) == (0.0, "not_worse", False)
    assert "rise" in cost.says


def test_cached_answers_cost_nothing_again_and_have_no_latency() -> None:
    made = [cell(0, case, 1.0, cached=case < 5, latency_ms=1.0 if case < 5 else 100.0) for case in range(10)]
    found = reported(made)
    assert found.cost == 5_000_000
    assert metric(found, "latency").a.value == pytest.approx(100)
    both = reported(made + [cell(1, case, 1.0, cached=True) for case in range(10)])
    fewer = "latency: fewer cases of support@r1 than of support@r2 have one (answers of an earlier run have none)"
    assert any(each.startswith(fewer) for each in both.warnings), both.warnings
    assert reported([cell(0, 1, 1.0, cost=None)]).cost is None


VALUES = st.lists(st.one_of(st.none(), st.just(math.nan), st.floats(0, 1), st.sampled_from([0.0, 1.0])), max_size=12)


@settings(max_examples=40)
@given(VALUES, VALUES, st.booleans(), st.integers(0, 3))
def test_any_cells_make_a_report_without_nan(first: list[Score], second: list[Score], alone: bool, groups: int) -> None:
    made = [
        msgspec.structs.replace(each, group=f"g{n % groups}" if groups else "", stratum=f"s{n % 2}", weight=1.0 + n % 3)
        for n, each in enumerate(cells(first, () if alone else second))
    ]
    found = reported(made, EXACT, SuiteScorer(scorer="length", required=False))
    walk(msgspec.to_builtins(found), lambda value: isinstance(value, float) and not math.isfinite(value))
    assert all(each.says for each in found.metrics)
    assert found == reported(made[::-1], EXACT, SuiteScorer(scorer="length", required=False)), "in whatever order"


def walk(value: Any, wrong: Callable[[Any], bool]) -> None:
    assert not wrong(value)
    if isinstance(value, dict | list | tuple):
        for each in value.values() if isinstance(value, dict) else value:  # pyright: ignore[reportUnknownVariableType]
            walk(each, wrong)
