"""A report as texts: well-formed whatever people wrote, and the same verdict in each."""

from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.evaluation.render import junit, markdown, terminal
from trimtab.evaluation.types import (
    CaseDelta,
    CaseTexts,
    Estimate,
    Experiment,
    Flaky,
    MetricReport,
    Report,
    Settings,
    Subject,
    SuiteScorer,
    SuiteSpec,
)

A = Subject(name="support@r2", model="support@r2", hash="sha256:a", app="support", number=2)
B = Subject(name="support@r1", model="support@r1", hash="sha256:b", app="support", number=1)
EXPERIMENT = Experiment(
    id="exp_1", project_id="p", suite="quality", suite_hash="h", dataset="qs", version=3, subjects=(A, B),
    spec=SuiteSpec(dataset="qs", scorers=(SuiteScorer(scorer="exact"),)), settings=Settings(), state="done",
    origin="ci", cells=80, done=80, answered=80, failed=2, cost=1_500_000_000_000, reason="", author="k",
    author_name="ada", created=1, started=1_000, ended=3_500, revision=2,
)  # fmt: skip


def metric(**more: Any) -> MetricReport:
    told: dict[str, Any] = {
        "name": "exact", "scorer": "exact", "unit": "share", "better": "higher", "required": True,
        "a": Estimate(value=0.5, low=0.35, high=0.65, n=40, clusters=40, unscored=2, errors=1),
        "b": Estimate(value=0.8, low=0.65, high=0.9, n=40, clusters=40),
        "difference": -0.3, "low": -0.45, "high": -0.15, "outcome": "worse", "says": "exact is worse",
    }  # fmt: skip
    return MetricReport(**(told | more))


def report(*metrics: MetricReport, **more: Any) -> Report:
    told: dict[str, Any] = {
        "experiment": "exp_1", "suite": "quality", "dataset": "qs", "version": 3, "subjects": (A.model, B.model),
        "cases": 40, "repeats": 1, "outcome": "worse", "passed": False, "says": "r2 is worse.",
        "metrics": metrics or (metric(),), "correction": "none", "alpha": 0.05,
    }  # fmt: skip
    return Report(**(told | more))


def test_a_terminal_shows_values_with_their_intervals_and_what_is_missing() -> None:
    text = terminal.render(EXPERIMENT, report())
    assert text.startswith("NOT PASSED: worse (quality)\nsupport@r2 against support@r1: 40 cases of qs@3\n")
    assert "50.0 % (35.0 % to 65.0 %) [2 unscored, 1 error]" in text
    assert "-30.0 % (-45.0 % to -15.0 %)" in text
    assert "Paid: at least $1.5; 2 of 80 answers are errors" in text, "a price is unknown"


@pytest.mark.parametrize(
    ("unit", "value", "shown"),
    [("share", 0.832, "83.2 %"), ("ms", 312.4, "312 ms"), ("ms", 1240.0, "1.24 s"), ("number", 0.41234, "0.4123"),
     ("picodollars", 312_000_000.0, "$0.000312")],
)  # fmt: skip
def test_values_are_told_in_their_unit(unit: Any, value: float, shown: str) -> None:
    text = terminal.render(EXPERIMENT, report(metric(unit=unit, a=Estimate(value=value, low=None, high=None, n=1,
                                                                           clusters=1))))  # fmt: skip
    assert f"{shown}  " in text


@given(st.text(max_size=40), st.text(max_size=40))
def test_junit_is_xml_whatever_a_case_or_a_metric_is_called(name: str, says: str) -> None:
    told = report(metric(name=name, says=says), says=says, suite=name or "x")
    root = ElementTree.fromstring(junit.render(EXPERIMENT, told))
    assert (root.get("tests"), root.get("failures"), root.get("time")) == ("2", "2", "2.500")


def test_junit_fails_what_is_worse_and_skips_what_nothing_rests_on_or_is_not_known() -> None:
    told = report(
        metric(name="worse"),
        metric(name="missed", outcome=None, bound="missed"),
        metric(name="informative", required=False),
        metric(name="unknown", outcome="not_enough_data"),
        metric(name="fine", outcome="not_worse"),
    )
    cases = {each.get("name"): [child.tag for child in each] for each in
             ElementTree.fromstring(junit.render(EXPERIMENT, told)).iter("testcase")}  # fmt: skip
    assert cases == {
        "worse": ["failure"], "missed": ["failure"], "informative": ["skipped"], "unknown": ["skipped"], "fine": [],
        "outcome": ["failure"],
    }  # fmt: skip


def test_what_people_wrote_neither_breaks_a_table_of_markdown_nor_becomes_markup() -> None:
    bad = "a|b\n<script>`*x*"
    told = report(
        metric(name=bad), suite=bad, says=bad, warnings=(bad,),
        deltas=(CaseDelta(case_id=bad, metric=bad, a=0.0, b=1.0, delta=-1.0),),
        flaky=(Flaky(case_id=bad, subject=0, metric=bad, passes=1, repeats=3),),
    )  # fmt: skip
    text = markdown.render(EXPERIMENT, told)
    assert "<script>" not in text
    rows = [line for line in text.splitlines() if line.startswith("| a")]
    assert rows
    assert all(line.replace("\\|", "").count("|") in (5, 6) for line in rows)


def test_only_what_got_worse_is_told_as_worse() -> None:
    told = report(
        deltas=(
            CaseDelta(case_id="worse", metric="exact", a=0.0, b=1.0, delta=-1.0),
            CaseDelta(case_id="better", metric="exact", a=1.0, b=0.0, delta=1.0),
            CaseDelta(case_id="unknown", metric="exact", a=None, b=0.0, delta=None),
        )
    )
    for text in (terminal.render(EXPERIMENT, told), markdown.render(EXPERIMENT, told)):
        assert "worse" in text
        assert "better" not in text
        assert "unknown" not in text.partition("Paid")[0]


def test_every_form_says_that_only_a_part_of_the_cases_was_asked() -> None:
    told = report(drawn_of=200, passed=True, outcome="not_worse")
    for render in (terminal.render, markdown.render, junit.render):
        assert "only 40 of 200 cases" in render(EXPERIMENT, told), render.__module__
        assert "of 200" not in render(EXPERIMENT, report()), render.__module__
    root = ElementTree.fromstring(junit.render(EXPERIMENT, told))
    said = {each.get("name"): each.get("value") for each in root.iter("property")}
    assert said["drawn"] == "only 40 of 200 cases: it says nothing to a gate"


def test_columns_carry_what_was_compared_and_changed_cases_their_texts() -> None:
    told = report(deltas=(CaseDelta(case_id="c1", metric="exact", a=0.0, b=1.0, delta=-1.0),))
    texts = [CaseTexts(case_id="c1", input="Where | is it?", expected="Here", answers=("There", None))]
    text = markdown.render(EXPERIMENT, told, texts)
    assert "| metric | support@r2 | support@r1 | difference | outcome |" in text
    assert "| c1 | Where \\| is it? | Here | There | *no answer* |" in text
    plain = terminal.render(EXPERIMENT, told, texts)
    assert "support@r2: There" in plain
    assert "METRIC  support@r2" in plain
    assert "Where | is it?" in ElementTree.fromstring(junit.render(EXPERIMENT, told, texts)).findtext(
        ".//system-out", ""
    )
    same = markdown.render(EXPERIMENT, report(subjects=("m", "m")))
    assert "| metric | m (A) | m (B) |" in same
