"""The quick reading of a usage object must be the careful one's twin, whatever a provider writes."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trimtab.llm.dialects import DIALECTS
from trimtab.llm.dialects.openai_chat.usage import usage_of
from trimtab.llm.dialects.openai_responses.usage import usage_of as responses_usage

counts: st.SearchStrategy[Any] = st.one_of(
    st.integers(0, 50), st.integers(-5, 10**13), st.floats(allow_nan=False, allow_infinity=False), st.none(),
    st.booleans(), st.just("7"),
)  # fmt: skip


def some(*names: str) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({}, optional=dict.fromkeys(names, counts))


usages = st.fixed_dictionaries(
    {},
    optional={
        "prompt_tokens": counts,
        "completion_tokens": counts,
        "total_tokens": counts,
        "prompt_cache_hit_tokens": counts,
        "prompt_tokens_details": st.one_of(
            st.none(), st.just([]), some("cached_tokens", "cache_write_tokens", "audio_tokens")
        ),
        "completion_tokens_details": st.one_of(st.none(), st.just(3), some("reasoning_tokens", "audio_tokens")),
    },
)


@given(usages)
@example({})
@example({"prompt_tokens": 3.0, "completion_tokens": 1e3})
@example({"prompt_tokens": 10, "completion_tokens": 2, "prompt_cache_hit_tokens": 4})
@example({"prompt_tokens": 10, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 0}})
def test_a_glance_counts_what_the_careful_reader_counts(usage: Any) -> None:
    body = json.dumps({"id": "1", "model": "m", "choices": [{"finish_reason": "stop"}], "usage": usage}).encode()
    assert DIALECTS.get("openai_chat").glance(body).usage == usage_of(usage)


@pytest.mark.parametrize(
    ("prompt", "completion", "reasoning", "total", "expected"),
    [
        (100, 400, 300, 500, (100, 300)),  # OpenAI: within
        (32, 9, 94, 135, (9, 94)),  # xAI's own example: beside
        (10120, 1499, 2809, 14428, (1499, 2809)),  # beside, though it could be within but for the total
        (10, 500, 200, 710, (500, 200)),
        (10, 20, 7, None, (13, 7)),  # no total: within, as OpenAI says
        (10, 5, 50, 15, (0, 5)),  # the total has no room for it
        (10, 5, 0, 15, (5, 0)),
    ],
)
def test_reasoning_is_counted_once_whether_completion_tokens_hold_it_or_not(
    prompt: int, completion: int, reasoning: int, total: int | None, expected: tuple[int, int]
) -> None:
    chat: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }
    responses: dict[str, Any] = {
        "input_tokens": prompt,
        "output_tokens": completion,
        "output_tokens_details": {"reasoning_tokens": reasoning},
    }
    if total is not None:
        chat["total_tokens"] = responses["total_tokens"] = total
    body = json.dumps({"id": "1", "model": "m", "choices": [{"finish_reason": "stop"}], "usage": chat}).encode()
    for found in (usage_of(chat), DIALECTS.get("openai_chat").glance(body).usage, responses_usage(responses)):
        assert found is not None
        assert (found.input, found.output, found.reasoning) == (prompt, *expected)
