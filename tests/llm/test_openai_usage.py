"""The quick reading of a usage object must be the careful one's twin, whatever a provider writes."""

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from trimtab.llm.dialects import DIALECTS
from trimtab.llm.dialects.openai_chat.usage import usage_of

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
