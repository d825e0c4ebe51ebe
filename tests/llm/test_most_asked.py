"""The most that a body asks for is what limits reserve, however it is written: of two names for one bound each provider
reads another one, and some take numbers that are no integers."""

import json
from typing import Any

import pytest

from trimtab.llm.dialects import DIALECTS, Head
from trimtab.llm.dialects._reading import MOST_CHOICES, choices_of


def peeked(dialect: str, **body: Any) -> Head:
    return DIALECTS.get(dialect).peek(json.dumps({"model": "m", "messages": [], "contents": [], **body}).encode())


@pytest.mark.parametrize(
    ("asked", "most"),
    [
        ({"max_completion_tokens": 1, "max_tokens": 100_000}, 100_000),
        ({"max_completion_tokens": 9, "max_tokens": 5}, 9),
        ({"max_completion_tokens": 9}, 9),
        ({"max_tokens": 5}, 5),
        ({}, None),
    ],
)
def test_of_two_bounds_of_an_answer_the_larger_one_counts(asked: dict[str, int], most: int | None) -> None:
    assert peeked("openai_chat", **asked).max_tokens == most


@pytest.mark.parametrize(
    ("asked", "most", "choices"),
    [
        ({"generationConfig": {"maxOutputTokens": 1, "max_output_tokens": 900}}, 900, 1),
        ({"generationConfig": {"maxOutputTokens": 1}, "generation_config": {"max_output_tokens": 900}}, 900, 1),
        ({"generationConfig": {"candidateCount": 1}, "generation_config": {"candidate_count": "8"}}, None, 8),
        ({"generationConfig": {"candidateCount": 2, "candidate_count": 3}}, None, 3),
    ],
)
def test_the_same_of_geminis_two_ways_to_write_a_name(asked: dict[str, Any], most: int | None, choices: int) -> None:
    head = peeked("gemini", **asked)
    assert (head.max_tokens, head.choices) == (most, choices)


@pytest.mark.parametrize(
    ("value", "choices"),
    [
        (3, 3), ("3", 3), (" 4 ", 4), (2.0, 2), (2.3, 3), (1000, 1000), (10**30, MOST_CHOICES), (1e300, MOST_CHOICES),
        ("inf", MOST_CHOICES), (None, 1), (1, 1), (0, 1), (-3, 1), (True, 1), ("nan", 1), ("many", 1), ([], 1), ({}, 1),
    ],
)  # fmt: skip
def test_as_many_answers_count_as_the_most_lenient_provider_gives(value: Any, choices: int) -> None:
    assert choices_of(value) == choices
