"""How many tokens a call would have, asked of servers of one's own, each in its way; or estimated, which is said."""

import asyncio
from typing import Any

import httpx
import pytest
from harness import KEY
from test_vendors import vendor

WORDS = "How many words are in this sentence of mine"
LOOK: dict[str, Any] = {
    "name": "look",
    "description": "Look around",
    "input_schema": {"type": "object", "properties": {}},
}
SAID: list[tuple[str, dict[str, Any]]] = [
    ("/v1/messages/count_tokens", {"messages": [{"role": "user", "content": WORDS}], "tools": [LOOK]}),
    ("/v1/responses/input_tokens", {"input": WORDS, "instructions": "Be brief."}),
    ("/v1beta/models/m:countTokens", {"contents": [{"parts": [{"text": WORDS}]}]}),
]
COUNTING = ("llamacpp", "vllm", "sglang")


async def counted(kind: str, path: str, said: dict[str, Any], place: str = "") -> tuple[str, int]:
    """By whose count, and how many."""
    async with vendor(kind, "gpt-4o-mini", path=place) as (g, _):
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{g.port}", timeout=60) as client:
            headers = {"authorization": f"Bearer {KEY}"}
            answer = await client.post(path, json={"model": "m"} | said, headers=headers)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert not g.spool.records
        return answer.headers["trimtab-token-count"], told.get("input_tokens") or told["totalTokens"]


@pytest.mark.parametrize(("path", "said"), SAID)
@pytest.mark.parametrize("kind", COUNTING)
def test_a_server_of_ones_own_counts_as_it_would_call(kind: str, path: str, said: dict[str, Any]) -> None:
    whose, count = asyncio.run(counted(kind, path, said))
    assert whose == "provider"
    assert 9 <= count <= 30


@pytest.mark.parametrize("kind", COUNTING)
def test_one_whose_version_has_no_counter_leaves_it_to_the_estimate(kind: str) -> None:
    assert asyncio.run(counted(kind, *SAID[1], place="/older")) == ("estimate", 14)


def test_a_kind_without_a_counter_is_not_asked() -> None:
    assert asyncio.run(counted("lmstudio", *SAID[1])) == ("estimate", 14)


def test_what_only_the_counters_dialect_has_no_place_for_is_estimated() -> None:
    """SGLang counts in Anthropic's dialect, where sound has no place; its calls are Chat Completions."""
    said = {"contents": [{"parts": [{"text": WORDS}, {"inlineData": {"mimeType": "audio/wav", "data": "UklGRg=="}}]}]}
    whose, count = asyncio.run(counted("sglang", "/v1beta/models/m:countTokens", said))
    assert (whose, count) == ("estimate", 12)
