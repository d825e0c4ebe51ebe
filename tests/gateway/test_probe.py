"""A test call through the real gateway: it is about the model that is named, and about no other."""

import asyncio

from harness import provider, running
from upstream import answers, upstream

from trimtab.gateway.targets import Model
from trimtab.governance.access import Principal, Project
from trimtab.server.probe import Prober

PROJECT = Project(id="prj_1", slug="default", capture_content=True)
ADMIN = Principal(key_id="key_0", role="admin")
FAST = Model(name="fast", provider="down", upstream="up-1", fallback=("slow",))
SLOW = Model(name="slow", provider="lab", upstream="up-2")
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "up-2",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
}


def test_an_answer_of_the_fallback_is_no_answer_of_the_model() -> None:
    async def story() -> None:
        async with (
            upstream(answers({"error": {"message": "No such key."}}, 401)) as bad,
            upstream(answers(ANSWER)) as good,
        ):
            providers = [provider("down", bad.port), provider("lab", good.port)]
            async with running(providers, [FAST, SLOW]) as gateway:
                prober = Prober(gateway.gateway)
                failed = await prober.call(PROJECT, "fast", ADMIN)
                answered = await prober.call(PROJECT, "slow", ADMIN)
                (first, _) = gateway.spool.records
        assert (failed.ok, failed.error_code, bool(failed.text)) == (False, "fallback_answered", True)
        assert failed.error.startswith("fast did not answer; slow, which it falls back to, did. Of fast: ")
        assert "No such key." in failed.error
        assert [attempt.name for attempt in first.attempts] == ["fast", "slow"]
        assert (answered.ok, answered.error, answered.error_code) == (True, "", "")

    asyncio.run(story())
