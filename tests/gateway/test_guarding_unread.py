"""What is kept of a call that guards could not look at to its end: nothing of what they had not looked at."""

import asyncio
from collections.abc import Callable
from typing import Any

from harness import provider, running
from test_guarding import ASK, AWS, FAST, guard, secrets
from upstream import WHOLE, answers, upstream
from vendors import vendors

from trimtab.guard.types import GuardSpec, Tools


def having(tools: Tools) -> Callable[[str], Tools]:
    def of(project: str) -> Tools:
        assert project == "prj_1"
        return tools

    return of


def nested(depth: int, leaf: Any) -> Any:
    for _ in range(depth):
        leaf = [leaf]
    return leaf


def test_what_is_nested_too_deeply_to_be_looked_at_is_refused_and_not_kept() -> None:
    async def main() -> None:
        async with vendors("anthropic_messages", "text=hello") as g:
            guard(g, secrets(action="redact"))
            for depth, status in ((100, 200), (850, 400)):
                source = {"type": "content", "content": nested(depth, {"type": "text", "text": AWS})}
                said = [{"role": "user", "content": [{"type": "document", "source": source}]}]
                response = await g.client.post("/v1/messages", json={"model": "m", "max_tokens": 9, "messages": said})
                assert response.status_code == status, response.text
                record = g.spool.records[-1]
                assert AWS.encode() not in record.request + b"".join(each.request for each in record.attempts)
            assert "nested more deeply" in response.json()["error"]["message"]

    asyncio.run(main())


def test_of_a_client_that_leaves_while_guards_look_nothing_is_kept_that_they_had_not_looked_at() -> None:
    async def main() -> None:
        asked = asyncio.Event()

        async def never(service: str, body: bytes) -> bytes:
            asked.set()
            await asyncio.Event().wait()
            return body

        tools = Tools(reach=never)
        async with (
            upstream(answers(WHOLE)) as up,
            running(
                [provider("lab", up.port)],
                [FAST],
                guard_tools=having(tools),
            ) as g,
        ):
            guard(g, GuardSpec(kind="http", options={"service": "slow"}, action="block", applies_to=("*",), order=1),
                  secrets(action="redact"))  # fmt: skip
            call = asyncio.create_task(g.chat(ASK))
            await asked.wait()
            call.cancel()
            record = await g.spool.one()
            assert (record.outcome, up.requests) == ("cancel", [])
            assert AWS.encode() not in record.request

    asyncio.run(main())
