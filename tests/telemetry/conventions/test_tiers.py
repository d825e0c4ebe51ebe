"""In which service tier another tool's span says that its call was worked on, and what that costs."""

from typing import Any

import pytest
from conversing import read

from trimtab.telemetry.mapping.prices import ForeignPrices

CALL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-5-mini",
    "gen_ai.usage.input_tokens": 1_000_000,
    "gen_ai.usage.output_tokens": 100_000,
}
AT_NS = 1_795_000_000_000_000_000


@pytest.mark.parametrize(
    ("more", "tier", "asked"),
    [
        ({}, "", ""),
        ({"openai.response.service_tier": "flex", "openai.request.service_tier": "auto"}, "flex", "auto"),
        ({"gen_ai.openai.response.service_tier": "priority"}, "priority", ""),
        ({"openai.response.service_tier": "default", "gen_ai.openai.request.service_tier": "flex"}, "", "flex"),
        ({"gen_ai.usage.speed": "fast", "gen_ai.usage.inference_geo": "us"}, "fast+us", ""),
        ({"openai.response.service_tier": 7}, "", ""),
        ({"trimtab.tier": "fast+us"}, "fast+us", ""),
    ],
)
def test_the_tier_that_a_span_tells_is_the_one_of_its_usage(more: dict[str, Any], tier: str, asked: str) -> None:
    span = read(CALL | more)
    assert span.usage is not None
    assert (span.usage.tier, span.tier_asked) == (tier, asked)


def test_other_conventions_have_it_too() -> None:
    span = read(
        {
            "openinference.span.kind": "LLM",
            "llm.model_name": "gpt-5-mini",
            "llm.token_count.prompt": 10,
            "llm.token_count.completion": 2,
            "openai.response.service_tier": "flex",
        }
    )
    assert span.usage is not None
    assert span.usage.tier == "flex"


def test_without_usage_there_is_no_tier_to_price() -> None:
    assert read({"gen_ai.operation.name": "chat", "openai.response.service_tier": "flex"}).usage is None


def test_a_foreign_call_costs_what_its_tier_does() -> None:
    prices = ForeignPrices()
    standard, flex = (
        prices.cost("p", read(CALL | more), AT_NS) for more in ({}, {"openai.response.service_tier": "flex"})
    )
    assert standard.amount
    assert flex.amount == standard.amount // 2
    assert flex.price == f"{standard.price}@flex"
