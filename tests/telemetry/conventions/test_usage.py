"""However an emitter counts, the buckets are exclusive and their sum is what was used."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.llm.types import MOST_TOKENS, Usage
from trimtab.telemetry.conventions import canonical
from trimtab.telemetry.conventions._usage import Counts, buckets
from trimtab.telemetry.foreign.spans import ForeignSpan

amount = st.integers(0, 10_000)
usages = st.builds(Usage, input=amount, cache_read=amount, cache_write=amount, output=amount, reasoning=amount)


def told(usage: Usage, *, with_cache: bool, with_reasoning: bool, total: bool) -> Counts:
    """What an emitter says of a usage whose input has the cache in it or not, its output the reasoning or not."""
    return Counts(
        input=usage.input + (usage.cache_read + usage.cache_write if with_cache else 0),
        output=usage.output + (usage.reasoning if with_reasoning else 0),
        cache_read=usage.cache_read,
        cache_write=usage.cache_write,
        reasoning=usage.reasoning,
        total=usage.total() if total else None,
    )


@given(usages, st.booleans())
def test_counts_that_include_everything_come_apart_into_what_they_were_made_of(usage: Usage, total: bool) -> None:
    assert buckets(told(usage, with_cache=True, with_reasoning=True, total=total)) == usage


@given(usages, st.booleans(), st.booleans())
def test_where_the_emitter_tells_a_total_the_sum_of_the_buckets_is_that_total(
    usage: Usage, with_cache: bool, with_reasoning: bool
) -> None:
    found = buckets(told(usage, with_cache=with_cache, with_reasoning=with_reasoning, total=True))
    assert found is not None
    assert found.total() == usage.total()


@given(usages)
def test_an_emitter_that_is_known_to_leave_the_cache_out_is_taken_at_its_word(usage: Usage) -> None:
    counts = told(usage, with_cache=False, with_reasoning=True, total=False)
    counts.input_excludes_cache = True
    assert buckets(counts) == usage


@given(usages)
def test_no_bucket_is_ever_below_nothing_and_no_token_is_made_up(usage: Usage) -> None:
    counts = told(usage, with_cache=False, with_reasoning=False, total=False)
    found = buckets(counts)
    assert found is not None
    assert min(found.input, found.output) >= 0
    assert found.total() <= usage.total()


def test_nothing_told_is_no_usage_and_a_cache_write_may_be_told_by_its_parts_alone() -> None:
    assert buckets(Counts()) is None
    found = buckets(Counts(input=10, output=1, cache_write_5m=4, cache_write_1h=2, total=11))
    assert found == Usage(input=4, cache_write=6, output=1, cache_write_1h=2)


def read(attributes: dict[str, Any]) -> Any:
    return canonical(ForeignSpan(trace_id="a" * 32, span_id="b" * 16, start_ns=1, end_ns=2, attributes=attributes))


def chat(tokens: Any, **more: Any) -> dict[str, Any]:
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.usage.input_tokens": tokens,
        "gen_ai.usage.output_tokens": 20,
        **more,
    }


@pytest.mark.parametrize(
    "tokens",
    [MOST_TOKENS, 1_790_000_000, 2**32 - 1, 2**63 - 1, 1e300, float("inf"), "18446744073709551615", "4294967295"],
)
def test_what_no_call_can_have_used_is_unknown_and_told(tokens: Any) -> None:
    found = read(chat(tokens))
    assert (found.usage, found.total_tokens) == (None, None)
    said = min(int(tokens) if tokens != float("inf") else 2**53, 2**53 - 1)
    assert found.usage_refused == f"input {said}, output 20"


def test_one_bucket_beyond_belief_makes_all_unknown_in_whatever_convention() -> None:
    details = json.dumps({"input": 5, "output": 5, "input_cached_tokens": 2**40, "total": 2**40 + 10})
    found = read({"langfuse.observation.type": "generation", "langfuse.observation.usage_details": details})
    assert (found.usage, found.total_tokens) == (None, None)
    assert found.usage_refused == f"input 5, cache_read {2**40}, output 5"
    found = read({"openinference.span.kind": "LLM", "llm.token_count.prompt": 10**12})
    assert (found.usage, found.usage_refused) == (None, f"input {10**12}")


def test_a_long_call_is_believed_and_so_is_an_agents_sum_of_many() -> None:
    found = read(chat(MOST_TOKENS - 20))
    assert (found.usage, found.usage_refused) == (Usage(input=MOST_TOKENS - 20, output=20), "")
    agent = read(chat(MOST_TOKENS * 3) | {"gen_ai.operation.name": "invoke_agent"})
    assert (agent.kind, agent.aggregated, agent.usage_refused) == ("agent", True, "")


@pytest.mark.parametrize(("said", "meant"), [("0" * 40, 0), ("-5", None), (float("nan"), None), (-float("inf"), 0)])
def test_what_is_no_count_is_not_taken_for_a_large_one(said: Any, meant: int | None) -> None:
    found = read(chat(said))
    assert (found.usage, found.usage_refused) == (Usage(input=meant or 0, output=20), "")
