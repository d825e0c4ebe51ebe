"""Guards in the path of a call, over real sockets: what is asked of the provider, what the client gets, the record."""

import asyncio
import json
from typing import Any

from harness import PRICE, Running, provider, running
from msgspec.structs import replace
from upstream import DONE, STOP, USAGE, WHOLE, answers, delta, streams, upstream

from trimtab.gateway.guarding import ProjectGuards
from trimtab.gateway.targets import Model
from trimtab.guard.refusals import Refusals
from trimtab.guard.spec import ready
from trimtab.guard.types import GuardSpec

FAST = Model(name="fast", provider="lab", upstream="up-1", price=PRICE)
AWS = "AKIAIOSFODNN7EXAMPLQ"
SECRET = f"my key is {AWS} keep it"
ASK: dict[str, Any] = {"model": "fast", "messages": [{"role": "user", "content": SECRET}]}
HELLO: dict[str, Any] = {"model": "fast", "messages": [{"role": "user", "content": "hello"}]}


def guard(g: Running, *specs: GuardSpec, refusals: Refusals | None = None) -> None:
    always = tuple(ready(f"g{number}", 1, spec) for number, spec in enumerate(specs))
    g.force[0] = replace(g.force[0], guards={"prj_1": ProjectGuards(always, refusals or Refusals())})


def secrets(**more: Any) -> GuardSpec:
    return GuardSpec(kind="secrets", applies_to=("*",), **more)


def said(text: str) -> dict[str, Any]:
    message = {**WHOLE["choices"][0], "message": {"role": "assistant", "content": text}}
    return {**WHOLE, "choices": [message]}


def test_a_blocked_question_reaches_no_provider_and_is_answered_as_a_filter_does() -> None:
    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, running([provider("lab", up.port)], [FAST]) as g:
            guard(g, secrets(action="block"))
            response = await g.chat(ASK)
            told = response.json()["choices"][0]
            assert (response.status_code, told["finish_reason"]) == (200, "content_filter")
            assert response.headers["x-request-id"] in told["message"]["content"]
            assert response.headers["trimtab-guard"] == "block"
            assert up.requests == []
            record = await g.spool.one()
            assert [(v.guard, v.stage, v.action, v.mode) for v in record.guards] == [
                ("g0", "input", "block", "enforce")
            ]
            assert (record.outcome, record.attempts[0].kind, record.attempts[0].cost.amount) == ("answer", "guard", 0)

    asyncio.run(main())


def test_what_is_redacted_reaches_neither_the_provider_nor_the_record() -> None:
    async def main() -> None:
        async with upstream(answers(said(f"Your key: {AWS}."))) as up, running([provider("lab", up.port)], [FAST]) as g:
            guard(g, secrets(action="redact"))
            response = await g.chat({**ASK, "x_vendor": {"deep": [1]}})
            _, body = up.requests[0]
            assert AWS not in json.dumps(body)
            assert body["x_vendor"] == {"deep": [1]}
            assert body["messages"][0]["content"].startswith("my key is [")
            assert AWS not in response.text
            assert response.json()["usage"]["total_tokens"] == 15
            record = await g.spool.one()
            assert AWS.encode() not in record.request + record.attempts[0].response + record.attempts[0].request
            assert [(v.stage, v.action) for v in record.guards] == [("input", "redact"), ("output", "redact")]
            assert sum(record.guards[0].found.values()) == 1

    asyncio.run(main())


def test_in_shadow_mode_nothing_changes_and_the_verdict_is_written_down() -> None:
    async def main() -> None:
        async with upstream(answers(said(AWS))) as up, running([provider("lab", up.port)], [FAST]) as g:
            guard(g, secrets(action="block", mode="shadow"))
            response = await g.chat(ASK)
            assert response.json() == said(AWS)
            assert up.requests[0][1]["messages"] == ASK["messages"]
            record = await g.spool.one()
            assert [(v.stage, v.action, v.mode) for v in record.guards] == [
                ("input", "block", "shadow"),
                ("output", "block", "shadow"),
            ]

    asyncio.run(main())


def test_a_stream_is_stopped_before_a_secret_leaves_it() -> None:
    async def main() -> None:
        words = ["The ", "key ", "is ", AWS[:7], AWS[7:], " and so on. ", *["more words here. "] * 100]
        script = streams(delta(), *(delta(word) for word in words), STOP, USAGE, DONE)
        async with upstream(script) as up, running([provider("lab", up.port)], [FAST]) as g:
            guard(g, secrets(action="block"))
            response = await g.chat({**HELLO, "stream": True})
            assert AWS[:7] not in response.text
            assert "content_filter" in response.text
            assert response.text.rstrip().endswith("data: [DONE]")
            record = await g.spool.one()
            assert AWS.encode() not in record.attempts[0].response
            assert record.guards[-1].action == "block"
            assert record.attempts[0].usage is not None
            assert record.attempts[0].usage.input > 0

    asyncio.run(main())


def test_a_stream_is_redacted_and_all_else_of_it_arrives() -> None:
    async def main() -> None:
        before, after = "x y " * 300, "z w " * 300
        words = [before, f"key {AWS[:9]}", f"{AWS[9:]} end. ", after]
        script = streams(delta(), *(delta(word) for word in words), STOP, USAGE, DONE)
        async with upstream(script) as up, running([provider("lab", up.port)], [FAST]) as g:
            guard(g, secrets(action="redact"))
            response = await g.chat({**HELLO, "stream": True})
            events = [json.loads(each[6:]) for each in response.text.split("\n\n") if each.startswith("data: {")]
            text = "".join(e["choices"][0]["delta"].get("content") or "" for e in events if e["choices"])
            assert AWS[:9] not in text
            assert text.startswith(before + "key [")
            assert text.endswith("] end. " + after)
            record = await g.spool.one()
            assert AWS.encode() not in record.attempts[0].response
            assert record.held > 0

    asyncio.run(main())
