"""What every scorer must do, whatever it is called: run over each one the registry finds."""

import asyncio
import re
import unicodedata
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.core.errors import InvalidRequest
from trimtab.llm.embedder import DIMENSION
from trimtab.scoring.catalog import entry
from trimtab.scoring.judge import configured, judge
from trimtab.scoring.scorers import REGISTRY
from trimtab.scoring.types import CannotScore, Sample, Scored, Scorer, Step, ToolCall, Tools, Verdict

OPTIONS: dict[str, dict[str, Any]] = {
    "one_of": {"labels": ["yes", "no", "not relevant"]},
    "regex": {"pattern": r"(\w+\s?)+!"},
    "within": {"measure": "words", "at_most": 10},
    "multi_criteria": {"model": "judge", "criteria": {"kind": "Is it kind?"}},
    "rubric": {"model": "judge", "criteria": "Is it kind?"},
    "panel": {"models": ["one", "two"], "criteria": "Is it kind?"},
}
"""What those are told that have required options, or do nothing without any."""
FAILED = re.compile(r"^\w+ (failed:|gave )")
"""What `judge` says of a plug that raised, or gave what is no verdict of its kind."""

PLAIN = ("", " ", "yes", "42", "-1,234.5 %", '{"a": [1, 2.5, null]}', "I cannot help with that.", "\0", "é" * 50)
WORDS = ("the", "cat", "[1]", "said", "“we", "sat", "on", "it”", "4111 1111 1111 1111", "a@b.co", "[2]", "\n")
UNITS = ("a", "((", '[1] "quoted words here" ', "é\u0301", "🌊\n", "4111 ", '{"a":')

texts = st.one_of(
    st.text(max_size=60),
    st.sampled_from(PLAIN),
    st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join),
)
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=8,
)
calls = st.builds(ToolCall, name=st.sampled_from(["look", "send", ""]), arguments=json_values)
steps = st.builds(Step, kind=st.sampled_from(["llm", "tool"]), name=st.sampled_from(["a", "b"]), input=texts)
samples = st.builds(
    Sample,
    input=texts,
    output=st.one_of(st.none(), texts),
    messages=st.lists(json_values, max_size=2).map(tuple),
    expected=json_values,
    context=st.one_of(st.none(), st.lists(texts, max_size=3).map(tuple)),
    tool_calls=st.lists(calls, max_size=3).map(tuple),
    expected_tool_calls=st.one_of(st.none(), st.lists(calls, max_size=3).map(tuple)),
    steps=st.lists(steps, max_size=5).map(tuple),
    repeats=st.lists(texts, max_size=3).map(tuple),
    paraphrases=st.lists(texts, max_size=3).map(tuple),
    other=st.one_of(st.none(), texts),
    system=texts,
    output_schema=st.sampled_from([None, {"type": "object"}, {"items": {"type": "integer"}}]),
    latency_ms=st.one_of(st.none(), st.floats(0, 1e6)),
    ttft_ms=st.one_of(st.none(), st.floats(0, 1e6)),
    cost=st.one_of(st.none(), st.integers(0, 10**15)),
    input_tokens=st.one_of(st.none(), st.integers(0, 10**7)),
    output_tokens=st.one_of(st.none(), st.integers(0, 10**7)),
    metadata=st.dictionaries(st.sampled_from(["state", "x"]), json_values, max_size=2),
)  # fmt: skip


async def embed(given: Sequence[str], /) -> Any:
    """Unit vectors as long as the local embedder's, that depend on nothing but the text."""
    made = np.zeros((len(given), DIMENSION), np.float32)
    for row, text in enumerate(given):
        marks = blake2b(text.encode("utf-8", "replace")).digest() * (DIMENSION // 64)
        made[row] = np.frombuffer(marks, np.uint8) - 127.5
        made[row] /= np.linalg.norm(made[row])
    return made


TOOLS = Tools(embed=embed)
RUNNER = asyncio.Runner()


@pytest.fixture(params=REGISTRY.names())
def scorer(request: pytest.FixtureRequest) -> Scorer:
    return REGISTRY.get(request.param)


def options_of(scorer: Scorer) -> Any:
    return configured(scorer, OPTIONS.get(scorer.name, {"model": "judge"} if scorer.source == "llm" else {}))


def judged(scorer: Scorer, sample: Sample) -> Verdict:
    return RUNNER.run(judge(scorer, sample, options_of(scorer), TOOLS))


def test_a_scorer_says_what_it_is(scorer: Scorer) -> None:
    (name,) = [name for name, plug in REGISTRY.all().items() if plug is scorer]
    assert scorer.name == name
    assert scorer.version
    assert scorer.about.endswith(".")
    assert scorer.kind in ("share", "number", "label")
    assert scorer.better in ("lower", "higher", None)
    assert scorer.source in ("code", "llm")
    assert set(scorer.needs) <= set(Sample.__struct_fields__)
    described = entry(scorer)
    assert described.options["type"] == "object"
    assert msgspec.json.decode(msgspec.json.encode(described))["name"] == name


def test_an_option_that_it_does_not_have_is_refused_by_name(scorer: Scorer) -> None:
    with pytest.raises(InvalidRequest, match="no_such_option"):
        configured(scorer, {**OPTIONS.get(scorer.name, {}), "no_such_option": 1})


@settings(max_examples=25, deadline=None)
@given(sample=samples)
def test_any_sample_gets_the_same_verdict_twice_and_a_plug_never_fails(sample: Sample) -> None:
    """One sample for all of them: to make it takes longer than to judge it."""
    for scorer in REGISTRY.all().values():
        verdict = judged(scorer, sample)
        assert judged(scorer, sample) == verdict, scorer.name
        assert isinstance(verdict, Scored | CannotScore), scorer.name
        if isinstance(verdict, CannotScore):
            assert verdict.reason, scorer.name
            assert not FAILED.search(verdict.reason), verdict.reason
            continue
        assert verdict.value is not None or verdict.label, scorer.name
        msgspec.json.encode(verdict)


def test_what_it_needs_and_is_not_there_cannot_be_scored(scorer: Scorer) -> None:
    failed = Sample(error="the provider is away", input="x", expected="x", context=("x",), expected_tool_calls=())
    verdict = judged(scorer, failed)
    if "output" in scorer.needs or scorer.source == "llm":
        assert isinstance(verdict, CannotScore)
    assert isinstance(judged(scorer, Sample()), CannotScore)


@pytest.mark.parametrize("unit", UNITS)
def test_a_huge_answer_ends(unit: str) -> None:
    """No clock: what is longer than a scorer reads is refused by its length, and what it reads takes time that grows
    with it as a line does, or with its square where the bound is low."""
    huge = unit * (6_000 // len(unit))
    other = unicodedata.normalize("NFD", huge[::-1])
    for text in (huge, huge * 200):
        sample = Sample(
            input=other, output=text, expected=other, context=(other,), system=other, other=other,
            repeats=(other,), paraphrases=(other,), latency_ms=1.0, ttft_ms=1.0, cost=1, input_tokens=1,
            output_tokens=1,
        )  # fmt: skip
        for scorer in REGISTRY.all().values():
            verdict = judged(scorer, sample)
            assert not isinstance(verdict, CannotScore) or not FAILED.search(verdict.reason), verdict.reason
