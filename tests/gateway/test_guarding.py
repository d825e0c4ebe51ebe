"""Guards in the path of a call, over real sockets: what is asked of the provider, what the client gets, the record."""

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

from harness import PRICE, Running, provider, running
from kept import gateway
from msgspec import Struct
from msgspec.structs import replace
from upstream import DONE, STOP, USAGE, WHOLE, Upstream, answers, delta, event, streams, upstream

from trimtab.core.clock import SystemClock
from trimtab.core.errors import NotFound
from trimtab.gateway.call_policy import CachePolicy
from trimtab.gateway.guarded import ProjectGuards
from trimtab.gateway.guarding import Escalated
from trimtab.gateway.targets import Model
from trimtab.governance.secrets import SecretBox
from trimtab.guard.refusals import Refusals
from trimtab.guard.spec import Broken, Ready, ready
from trimtab.guard.store import Refusal
from trimtab.guard.types import GuardSpec, Tools
from trimtab.llm.embedder import Embedder
from trimtab.server.inner.calls import InnerCalls
from trimtab.server.inner.guard_tools import GuardTools

FAST = Model(name="fast", provider="lab", upstream="up-1", price=PRICE)
AWS = "AKIA" + "IOSFODNN7EXAMPLQ"
SECRET = f"my key is {AWS} keep it"
ASK: dict[str, Any] = {"model": "fast", "messages": [{"role": "user", "content": SECRET}]}
HELLO: dict[str, Any] = {"model": "fast", "messages": [{"role": "user", "content": "hello"}]}


def guard(g: Running, *specs: GuardSpec, refusals: Refusals | None = None) -> None:
    always = tuple(ready(f"g{number}", 1, spec) for number, spec in enumerate(specs))
    g.force[0] = replace(g.force[0], guards={"prj_1": ProjectGuards(always, refusals or Refusals())})


def secrets(**more: Any) -> GuardSpec:
    return GuardSpec(kind="secrets", applies_to=("*",), **more)


def said(text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    return {**WHOLE, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}


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


def pii(**more: Any) -> GuardSpec:
    return GuardSpec(kind="pii", action="redact", options={"mode": "tokenise"}, applies_to=("*",), **more)


MAIL = "ada.lovelace@example.com"


def parrot(up: Upstream) -> str:
    """What the provider was asked last."""
    return up.requests[-1][1]["messages"][-1]["content"]


def stand_ins(project: str) -> Tools:
    assert project == "prj_1"
    return Tools(pseudonym=lambda kind, text: f"{kind}_{hashlib.sha256(text.encode()).hexdigest()[:8]}")


def test_a_stand_in_goes_to_the_provider_and_the_client_gets_its_own_words_back() -> None:
    token = "[EMAIL_" + hashlib.sha256(MAIL.encode()).hexdigest()[:8] + "]"

    async def main() -> None:
        pieces = [f"I wrote to {token[:5]}", token[5:9], token[9:], ", done."]
        scripts = (answers(said(f"Wrote to {token}.")), streams(delta(), *map(delta, pieces), STOP, USAGE, DONE))
        async with (
            upstream(*scripts) as up,
            running([provider("lab", up.port)], [FAST], guard_tools=stand_ins) as g,
        ):
            guard(g, pii())
            ask = {"model": "fast", "messages": [{"role": "user", "content": f"Write to {MAIL}"}]}
            whole = await g.chat(ask)
            assert parrot(up) == f"Write to {token}"
            assert whole.json()["choices"][0]["message"]["content"] == f"Wrote to {MAIL}."
            streamed = await g.chat({**ask, "stream": True})
            events = [json.loads(each[6:]) for each in streamed.text.split("\n\n") if each.startswith("data: {")]
            text = "".join(e["choices"][0]["delta"].get("content") or "" for e in events if e["choices"])
            assert text == f"I wrote to {MAIL}, done."
            for record in g.spool.records:
                assert MAIL.encode() not in record.request + record.attempts[0].response + record.attempts[0].request
                assert token.encode() in record.request

    asyncio.run(main())


class Failing:
    """A guard that cannot tell."""

    name, version, about, needs, threshold, window, options = "failing", "1", "", "cpu", 0.5, 64, Struct
    seam = None
    stages: tuple[Any, ...] = ("input", "output")
    actions: tuple[Any, ...] = ("block", "redact", "flag")

    def made(self, options: Any) -> Any:
        return options

    def look(self, subject: Any, ready: Any, tools: Any) -> Any:
        raise RuntimeError("secret detail")


def failing(**more: Any) -> Ready:
    plug: Any = Failing()
    spec = GuardSpec(kind="failing", applies_to=("*",), **more)
    return Ready(
        name="broken", version=1, spec=spec, plug=plug, made=None, threshold=0.5, stages=("input",), detector="1"
    )


def test_a_guard_that_fails_stops_the_call_unless_it_is_declared_open() -> None:
    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, running([provider("lab", up.port)], [FAST]) as g:
            for spec, stopped in (
                (failing(action="redact"), True),
                (failing(action="block", on_failure="open"), False),
            ):
                g.force[0] = replace(g.force[0], guards={"prj_1": ProjectGuards((spec,), Refusals())})
                response = await g.chat(HELLO)
                assert (response.json()["choices"][0]["finish_reason"] == "content_filter") == stopped
                line = g.spool.records[-1].guards[0]
                assert (line.action, line.failed) == ("block" if stopped else "allow", "It failed: RuntimeError.")
            gone = Broken(name="gone", version=2, spec=secrets(action="block"), why="There is no such kind.")
            g.force[0] = replace(g.force[0], guards={"prj_1": ProjectGuards((gone,), Refusals())})
            response = await g.chat(HELLO)
            assert response.json()["choices"][0]["finish_reason"] == "content_filter"

    asyncio.run(main())


def test_what_is_kept_goes_round_no_guard(tmp_path: Path) -> None:
    async def main() -> None:
        first = said(f"Key {AWS}")
        async with (
            upstream(answers(first)) as up,
            gateway(tmp_path, [provider("lab", up.port)], [FAST], cache=CachePolicy(scope="project", sampled=True)) as (
                g,
                _,
            ),
        ):
            headers = {"idempotency_key": "one"}
            assert AWS in (await g.chat(HELLO, **headers)).text
            assert AWS in (await g.chat(HELLO)).text
            assert len(up.requests) == 1
            guard(g, secrets(action="redact"))
            again = await g.chat(HELLO, **headers)
            assert again.headers["idempotent-replayed"] == "true"
            assert AWS not in again.text
            fresh = await g.chat(HELLO)
            assert fresh.headers["trimtab-cache"] == "miss"
            assert AWS not in fresh.text
            hit = await g.chat(HELLO)
            assert hit.headers["trimtab-cache"].startswith("hit")
            assert AWS not in hit.text
            assert len(up.requests) == 2

    asyncio.run(main())


def test_marked_documents_and_results_of_tools_are_looked_at_as_such() -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": f"<document id='1'>found {AWS}</document> What is it?"},
        {"role": "assistant", "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c1", "content": f"result {AWS}"},
    ]  # fmt: skip

    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, running([provider("lab", up.port)], [FAST]) as g:
            guard(g, secrets(action="redact"))
            await g.chat({"model": "fast", "messages": messages})
            sent = up.requests[0][1]["messages"]
            assert sent[1]["content"] == "<document id='1'>found [AWS]</document> What is it?"
            assert sent[3]["content"] == "result [AWS]"
            assert [sent[0], sent[2]] == [messages[0], messages[2]]
            lines = {line.stage: line.action for line in (await g.spool.one()).guards}
            assert lines == {"input": "allow", "retrieved": "redact", "tool_result": "redact", "output": "allow"}

    asyncio.run(main())


def test_arguments_of_tools_are_stopped_before_the_call_is_seen() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "send", "arguments": json.dumps({"key": AWS})}}
    pieces = [
        event({"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, **call}]}, "finish_reason": None}]}),
        event({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}),
    ]
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    whole = {**WHOLE, "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}

    async def main() -> None:
        stream = streams(delta(), delta("I send it."), *pieces, USAGE, DONE)
        async with upstream(answers(whole), stream, stream) as up, running([provider("lab", up.port)], [FAST]) as g:
            guard(g, secrets(action="block", stages=("tool_arguments",)))
            for stream in (False, True):
                got = await g.chat({**HELLO, "stream": stream})
                assert AWS not in got.text
                assert '"tool_calls":[' not in got.text
                assert "content_filter" in got.text
                assert g.spool.records[-1].guards[-1].stage == "tool_arguments"
            ask = {**HELLO, "max_tokens": 50, "stream": True}
            got = await g.client.post("/v1/messages", json=ask)
            assert AWS not in got.text
            begun = [json.loads(line[6:]) for line in got.text.splitlines() if '"content_block_start"' in line[6:]]
            assert [each["index"] for each in begun] == [0, 1]  # a gap, and Anthropic's client breaks

    asyncio.run(main())


def test_what_goes_to_people_is_told_where_it_cannot_be_sent() -> None:
    sent: list[Escalated] = []

    async def escalate(new: Escalated) -> None:
        sent.append(new)
        if new.queue == "gone":
            raise NotFound("There is no such queue.")

    async def main() -> None:
        async with (
            upstream(answers(WHOLE)) as up,
            running([provider("lab", up.port)], [FAST], escalate=escalate) as g,
        ):
            for queue, failed in (("risky", False), ("gone", True)):
                guard(g, secrets(action="escalate", queue=queue))
                response = await g.chat(ASK)
                assert response.headers["trimtab-guard"] == "escalate"
                assert bool(g.spool.records[-1].guards[0].failed) == failed
            assert [(each.queue, each.guard, each.model) for each in sent] == [
                ("risky", "g0", "fast"),
                ("gone", "g0", "fast"),
            ]
            assert sent[0].request_id == g.spool.records[0].request_id

    asyncio.run(main())


def test_users_are_told_in_their_language_and_their_app_s_words() -> None:
    words = Refusals(
        (
            Refusal(project_id="p", name="default", text="No. {reference}"),
            Refusal(project_id="p", name="default", language="de", text="Nein. {reference}"),
            Refusal(project_id="p", name="hard", app="support", text="Support says no."),
        )
    )
    assert words.words("", "", "de-ch", "r1") == "Nein. r1"
    assert words.words("", "x", "fr", "r1") == "No. r1"
    assert words.words("hard", "support", "de", "r1") == "Support says no."
    assert words.words("hard", "other", "de", "r1") == "Nein. r1"
    assert "r1" in Refusals().words("", "", "es-mx", "r1")


def test_a_model_judges_by_calls_of_its_own_which_nothing_guards_and_the_cache_answers_again(tmp_path: Path) -> None:
    made: list[GuardTools] = []

    def tools_of(project: str) -> Tools:
        return made[0](project)

    verdict = said(json.dumps({"verdict": "violates", "category": "", "reason": "A poem."}))

    async def main() -> None:
        async with (
            upstream(answers(verdict), answers(WHOLE)) as up,
            gateway(tmp_path, [provider("lab", up.port)], [FAST], guard_tools=tools_of) as (g, _),
        ):
            now = SystemClock().now_ns
            inner = InnerCalls(g.gateway, lambda: g.force[0].access.projects.values(), now)
            made.append(GuardTools(lambda: inner, Embedder(), SecretBox(b"k" * 32)))
            options = {"model": "fast", "policy": "No poems."}
            guard(g, GuardSpec(kind="judge", action="block", options=options, stages=("input",), applies_to=("*",)))
            for _ in range(2):
                response = await g.chat(HELLO)
                assert response.json()["choices"][0]["finish_reason"] == "content_filter"
            assert len(up.requests) == 1
            judged, blocked, again, _ = g.spool.records
            assert (judged.feature, judged.guards) == ("trimtab.guard.g0", ())
            assert (again.cache and again.cache.outcome) == "hit"
            (line,) = blocked.guards
            assert (line.action, line.cost) == ("block", judged.attempts[0].cost.amount)
            await inner.aclose()

    asyncio.run(main())


def test_what_is_embedded_is_redacted_and_a_block_is_an_error_since_there_is_no_room_for_words() -> None:
    vectors = {"object": "list", "model": "up-1", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
               "usage": {"prompt_tokens": 1, "total_tokens": 1}}  # fmt: skip

    async def main() -> None:
        async with upstream(answers(vectors)) as up, running([provider("lab", up.port)], [FAST]) as g:
            guard(g, secrets(action="redact"))
            ask = {"model": "fast", "input": ["hello", SECRET]}
            assert (await g.client.post("/v1/embeddings", json=ask)).status_code == 200
            assert up.requests[0][1]["input"] == ["hello", "my key is [AWS] keep it"]
            guard(g, secrets(action="block"))
            refused = await g.client.post("/v1/embeddings", json=ask)
            assert (refused.status_code, refused.json()["error"]["code"]) == (403, "guard_blocked")
            assert [line.action for line in g.spool.records[-1].guards] == ["block"]
            assert len(up.requests) == 1

    asyncio.run(main())


def test_of_a_stream_that_broke_off_only_what_guards_let_out_is_kept_and_their_verdicts_with_it() -> None:
    async def main() -> None:
        words = [f"key {AWS} end. ", *["more words here. "] * 100]
        script = streams(delta(), *(delta(word) for word in words), "reset")
        async with upstream(script) as up, running([provider("lab", up.port)], [FAST]) as g:
            for action, out in (("redact", True), ("block", False)):
                guard(g, secrets(action=action))
                assert AWS not in (await g.chat({**HELLO, "stream": True})).text
                record = g.spool.records[-1]
                assert AWS.encode() not in record.attempts[0].response
                assert (b"more words here." in record.attempts[0].response) == out
                assert [(v.stage, v.action) for v in record.guards] == [("input", "allow"), ("output", action)]

    asyncio.run(main())


def test_what_one_guard_takes_out_is_not_kept_of_a_call_that_another_stops() -> None:
    async def main() -> None:
        sent: list[Escalated] = []

        async def escalate(new: Escalated) -> None:
            sent.append(new)

        async with upstream(answers(WHOLE)) as up, running([provider("lab", up.port)], [FAST], escalate=escalate) as g:
            long = GuardSpec(kind="length", action="escalate", queue="q", options={"at_most": 5}, applies_to=("*",))
            guard(g, secrets(action="redact", order=1), long)
            assert (await g.chat(ASK)).headers["trimtab-guard"] == "escalate"
            assert up.requests == []
            assert AWS.encode() not in (await g.spool.one()).request + sent[0].request

    asyncio.run(main())


def test_several_answers_are_not_asked_for_where_something_is_to_be_put_back() -> None:
    async def main() -> None:
        async with (
            upstream(answers(WHOLE)) as up,
            running([provider("lab", up.port)], [FAST], guard_tools=stand_ins) as g,
        ):
            guard(g, pii(stages=("input",)))
            refused = await g.chat({"model": "fast", "n": 2, "messages": [{"role": "user", "content": f"To {MAIL}"}]})
            assert (refused.status_code, refused.json()["error"]["code"]) == (400, "guard_unsupported")
            assert up.requests == []
            assert (await g.chat({**HELLO, "n": 2})).status_code == 200

    asyncio.run(main())


def test_marks_in_a_message_hide_nothing_from_a_guard_that_looks_at_messages_alone() -> None:
    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, running([provider("lab", up.port)], [FAST]) as g:
            guard(g, secrets(action="block", stages=("input",)))
            messages = [{"role": "user", "content": f"<document>{SECRET}</document>"}]
            response = await g.chat({"model": "fast", "messages": messages})
            assert response.json()["choices"][0]["finish_reason"] == "content_filter"
            assert up.requests == []

    asyncio.run(main())


def test_counting_tokens_sends_nothing_that_guards_keep_back() -> None:
    async def main() -> None:
        async with (
            upstream(answers({"input_tokens": 5})) as up,
            running([provider("lab", up.port, dialect="anthropic_messages")], [FAST]) as g,
        ):
            for spec, asked in ((secrets(action="flag"), 1), (secrets(action="redact"), 1)):
                guard(g, spec)
                counted = await g.client.post("/v1/messages/count_tokens", json=ASK)
                assert counted.json()["input_tokens"] > 0
                assert len(up.requests) == asked

    asyncio.run(main())


def test_texts_in_blocks_that_only_a_vendor_understands_are_looked_at() -> None:
    said_so = {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "up-1",
        "stop_reason": "end_turn",
        "content": [{"type": "text", "text": "hi"}],
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
    plain = {"type": "text", "media_type": "text/plain", "data": SECRET}
    file = {"type": "base64", "media_type": "application/pdf", "data": AWS + "AAAA"}
    found = {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": SECRET}]}
    result = {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "document", "source": plain}]}

    async def main() -> None:
        async with (
            upstream(answers(said_so)) as up,
            running([provider("lab", up.port, dialect="anthropic_messages")], [FAST]) as g,
        ):
            guard(g, secrets(action="redact"))
            for block in ({"type": "document", "source": plain}, found, result):
                content = [block, {"type": "document", "source": file}]
                ask = {"model": "fast", "max_tokens": 9, "messages": [{"role": "user", "content": content}]}
                assert (await g.client.post("/v1/messages", json=ask)).json()["stop_reason"] == "end_turn"
                sent = up.requests[-1][1]["messages"][0]["content"]
                assert "my key is [AWS] keep it" in json.dumps(sent[0])
                assert sent[1]["source"] == file
                assert AWS not in json.dumps(sent[0])

    asyncio.run(main())


def test_what_may_leave_a_stream_leaves_before_more_comes() -> None:
    async def main() -> None:
        script = streams(delta(), *(delta("more words here. ") for _ in range(100)), "wait", STOP, USAGE, DONE)
        async with upstream(script) as up, running([provider("lab", up.port)], [FAST]) as g:
            guard(g, secrets(action="redact"))
            seen = b""
            async with g.client.stream("POST", "/v1/chat/completions", json={**HELLO, "stream": True}) as response:
                async for each in response.aiter_bytes():
                    seen += each
                    if b"more words" in seen:
                        up.go_on.set()
            assert seen.count(b"[DONE]") == 1
            assert (await g.spool.one()).outcome == "answer"

    asyncio.run(main())


def test_of_an_attempt_that_failed_nothing_is_kept_that_no_guard_has_looked_at() -> None:
    async def main() -> None:
        failed = event({"error": {"message": "overloaded", "type": "server_error"}})
        script = streams(delta(), delta(f"key {AWS} "), failed)
        async with upstream(script) as up, running([provider("lab", up.port)], [FAST]) as g:
            guard(g, secrets(action="redact"))
            await g.chat({**HELLO, "stream": True})
            record = await g.spool.one()
            assert record.outcome == "error"
            assert AWS.encode() not in b"".join(each.response for each in record.attempts)

    asyncio.run(main())


def test_what_an_object_says_twice_reaches_nobody_who_was_not_looked_at() -> None:
    """A member that comes twice is read once, here as nearly everywhere: the other would be sent, and kept, unseen."""

    async def main() -> None:
        for first, second in ((SECRET, "hi"), ("hi", SECRET)):
            said = f'{{"role":"user","content":{json.dumps(first)},"content":{json.dumps(second)}}}'
            body = f'{{"model":"fast","x_large":{10**30},"messages":[{said}]}}'
            async with upstream(answers(WHOLE)) as up, running([provider("lab", up.port)], [FAST]) as g:
                guard(g, secrets(action="block"))
                told = await g.client.post("/v1/chat/completions", content=body)
                assert told.status_code == 200, told.text
                assert len(up.bodies) == (second == "hi")
                assert AWS.encode() not in b"".join(up.bodies)
                assert AWS.encode() not in (await g.spool.one()).request or second == SECRET

    asyncio.run(main())
