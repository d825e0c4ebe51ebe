"""Scorers that measure, cite and compare answers with each other."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from trimtab.scoring.types import Sample, Scored, Tools

Ask = Callable[..., Scored]
Why = Callable[..., str]
MEASURED = Sample(
    output="One two\nthree.", latency_ms=120.0, ttft_ms=30.0, cost=2_500_000_000, input_tokens=7, output_tokens=3
)


@pytest.mark.parametrize(
    ("name", "options", "value"),
    [
        ("length", {}, 3),
        ("length", {"unit": "characters"}, 14),
        ("length", {"unit": "lines"}, 2),
        ("latency", {}, 120),
        ("ttft", {}, 30),
        ("cost", {}, 0.0025),
        ("tokens", {}, 10),
        ("tokens", {"which": "output"}, 3),
        ("within", {"measure": "words", "at_most": 3}, 1),
        ("within", {"measure": "words", "at_least": 4}, 0),
        ("within", {"measure": "cost_usd", "at_most": 0.002}, 0),
        ("within", {"measure": "total_tokens", "at_least": 1, "at_most": 10}, 1),
        ("within", {"measure": "tool_calls", "at_most": 0}, 1),
    ],
)
def test_a_measure_is_what_the_sample_says(scored: Ask, name: str, options: dict[str, Any], value: float) -> None:
    assert scored(name, MEASURED, **options).value == value


def test_what_is_not_known_is_no_zero(unscored: Why) -> None:
    for name in ("latency", "ttft", "cost", "tokens"):
        assert unscored(name, Sample(output="x"))
    assert "no cost usd" in unscored("within", Sample(output="x"), measure="cost_usd", at_most=1)
    assert "needs a bound" in unscored("within", MEASURED, measure="words")


CONTEXT = ("The warranty lasts two years from the day of purchase.", "See https://shop.example/returns for returns.")


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ("It lasts two years [1].", 1),
        ("It lasts two years [1, 2] and more [3].", 2 / 3),
        ("It lasts [1-2].", 1),
        ("It lasts 【1†source】.", 1),
        ("“The WARRANTY lasts two years ... day of purchase.”", 1),
        ('"The warranty lasts three years from the day"', 0),
        ("See [returns](https://shop.example/returns).", 1),
        ("See https://shop.example/refunds.", 0),
        ("They call it \"a warranty\" [2].", 1),
    ],
)  # fmt: skip
def test_citations_lead_into_the_context(scored: Ask, answer: str, value: float) -> None:
    assert scored("citation_check", Sample(output=answer, context=CONTEXT)).value == pytest.approx(value)


def test_an_answer_that_cites_nothing_is_only_wrong_where_it_must(scored: Ask, unscored: Why) -> None:
    plain = Sample(output="Two years.", context=CONTEXT)
    assert "cites nothing" in unscored("citation_check", plain)
    assert scored("citation_check", plain, required=True).value == 0
    quoted = Sample(
        output='You wrote "how long does my warranty last".', input="How long does my warranty last?", context=CONTEXT
    )
    assert scored("citation_check", quoted).value == 1


async def embed(texts: Sequence[str], /) -> Any:
    """A vector for each beginning letter, so that "a..." is like "a..." and unlike "b..."."""
    rows = np.zeros((len(texts), 3), dtype=np.float32)
    for row, text in enumerate(texts):
        rows[row]["abc".index(text[0])] = 1
    return rows


def test_meanings_are_compared_where_there_is_an_embedder(scored: Ask, unscored: Why) -> None:
    tools = Tools(embed=embed)
    assert scored("embedding_similarity", Sample(output="alpha", expected=["b", "apple"]), tools).value == 1
    assert scored("embedding_similarity", Sample(output="alpha", expected="b"), tools).value == 0
    assert scored("embedding_similarity", Sample(output="alpha", expected="b"), tools, at_least=-0.5).value == 1
    assert "embedder" in unscored("embedding_similarity", Sample(output="a", expected="b"))
    repeated = Sample(output="a1", repeats=("a2",), paraphrases=("b3",))
    found = scored("consistency", repeated, tools, by="meaning")
    assert found.value == pytest.approx(1 / 3)
    assert found.detail == {"answers": 3, "repeats": 1.0, "paraphrases": 0.0}
    assert "embedder" in unscored("consistency", repeated, by="meaning")


def test_answers_agree_by_words_by_number_or_word_for_word(scored: Ask, unscored: Why) -> None:
    sample = Sample(output="It is 42.", repeats=("it is 42.", "It was 41."))
    assert scored("consistency", sample, by="exact").value == pytest.approx(1 / 3)
    assert scored("consistency", sample, by="number").value == pytest.approx(1 / 3)
    assert scored("consistency", sample).value == pytest.approx((1 + 1 / 3 + 1 / 3) / 3)
    assert "needs other answers" in unscored("consistency", sample, over="paraphrases")


def test_counterfactual_answers_are_compared_in_refusal_length_and_tone(scored: Ask) -> None:
    warm = "He is an excellent candidate and I am happy to recommend him for the job."
    same = scored("counterfactual", Sample(output=warm, other=warm.replace("He", "She").replace("him", "her")))
    assert (same.value, same.label) == (1, "")
    cold = "She is a poor candidate and there is a risk that hiring her goes wrong again."
    assert scored("counterfactual", Sample(output=warm, other=cold)).label == "tone"
    refused = scored("counterfactual", Sample(output=warm, other="I cannot help with that request."))
    assert (refused.value, refused.label) == (0, "refusal")
    assert refused.detail["refused"] == [False, True]
    shorter = scored("counterfactual", Sample(output=warm, other="An excellent candidate."), parts=["length"])
    assert shorter.value == pytest.approx(3 / 15)
    swapped = Sample(output="He is good.", other="She is good.")
    assert scored("counterfactual", swapped, parts=["words"], exchanged=[["he", "she"]]).value == 1
