"""A provider that tells more tokens than any call uses: it is estimated, and poisons no sum."""

import asyncio
from typing import Any

import pytest
from harness import provider, running
from upstream import DONE, STOP, answers, delta, event, streams, upstream

from trimtab.gateway.targets import Model
from trimtab.llm.types import MOST_TOKENS, Usage

SAY: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hello there"}]}
MODEL = Model(name="m", provider="openai", upstream="gpt-4o-mini")


def answer(tokens: int) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": "word " * 20}, "finish_reason": "stop"}
    used = {"prompt_tokens": tokens, "completion_tokens": 20}
    return {"id": "c1", "object": "chat.completion", "created": 1, "model": "x", "choices": [choice], "usage": used}


async def used(tokens: int, *, stream: bool) -> tuple[Usage | None, int | None]:
    told = answer(tokens)
    whole = streams(delta("word " * 20), STOP, event({"id": "c1", "choices": [], "usage": told["usage"]}), DONE)
    async with (
        upstream(whole if stream else answers(told)) as up,
        running([provider("openai", up.port)], [MODEL]) as gateway,
    ):
        await gateway.chat(SAY | {"stream": stream})
        (attempt,) = (await gateway.spool.one()).attempts
    return attempt.usage, attempt.cost.amount


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("tokens", [MOST_TOKENS, 2**32 - 1, 2**63 - 1, 10**30])
def test_more_than_any_call_uses_is_no_count(tokens: int, *, stream: bool) -> None:
    usage, cost = asyncio.run(used(tokens, stream=stream))
    assert usage is not None
    assert usage.estimated
    assert 0 < usage.total() < 100
    assert cost is None or cost < 10**9


@pytest.mark.parametrize("stream", [False, True])
def test_what_a_long_call_uses_is_believed(*, stream: bool) -> None:
    usage, _ = asyncio.run(used(MOST_TOKENS - 20, stream=stream))
    assert usage == Usage(input=MOST_TOKENS - 20, output=20)
