"""Every case of the token-accounting suite comes to its buckets, and the suite itself is sound."""

from typing import Any

import pytest

from trimtab.telemetry.accounting import BUCKETS, PARTS, Case, cases, judge, otlp_json
from trimtab.telemetry.conventions import CONVENTIONS, canonical

ALL = [(convention, case) for convention, found in cases().items() for case in found]


@pytest.mark.parametrize(("convention", "case"), ALL, ids=[f"{name}-{case.id}" for name, case in ALL])
def test_a_trace_comes_to_its_buckets_and_counts_the_right_spans(convention: str, case: Case) -> None:
    found = judge(case, canonical)
    assert found.wrong == {}
    assert found.counted == tuple(sorted(case.counted)), convention


def test_every_convention_has_cases_and_every_case_an_id_of_its_own() -> None:
    assert set(cases()) == set(CONVENTIONS.names())
    names = [f"{convention}/{case.id}" for convention, case in ALL]
    assert len(names) == len(set(names))


def test_expectations_name_only_buckets_that_there_are() -> None:
    assert all(case.expected.keys() <= {*BUCKETS, *PARTS} for _, case in ALL)


def test_a_case_travels_as_otlp_json_without_losing_a_value() -> None:
    case = next(case for name, case in ALL if name == "otel_genai" and case.id == "agent-repeats")
    sent: dict[str, Any] = otlp_json(case, "ab" * 16, 1_000)
    spans = [span for scope in sent["resourceSpans"][0]["scopeSpans"] for span in scope["spans"]]
    assert [span["name"] for span in spans] == ["agent", "one", "tool", "two"]
    assert spans[1]["parentSpanId"] == spans[0]["spanId"]
    values = {each["key"]: each["value"] for each in spans[1]["attributes"]}
    assert values["gen_ai.usage.input_tokens"] == {"intValue": "100"}
