"""Calls that are cut, refused or misused: whose connection it is, what was used, and what nobody may read."""

import asyncio
import json
import threading
import time
from typing import Any

import pytest
from harness import PRICE, provider, running
from upstream import STOP, USAGE, WHOLE, Upstream, answers, delta, streams, upstream

from patience import PATIENCE_S
from trimtab.gateway.staying_up.health import MAX_MODELS, HealthBoard
from trimtab.gateway.targets import Model
from trimtab.ledger.prices import PriceBook
from trimtab.ledger.types import Cost
from trimtab.telemetry.records import Attempt, CallRecord, Fault

FAST = Model(name="fast", provider="lab", upstream="up-1", price=PRICE)
ASK: dict[str, Any] = {"model": "fast", "messages": [{"role": "user", "content": "hello"}]}
CLAUDE: dict[str, Any] = {**ASK, "max_tokens": 100, "stream": True}


async def asked(up: Upstream, times: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while len(up.requests) < times:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def test_a_call_that_ends_late_never_closes_the_connection_it_has_given_back() -> None:
    """The first client leaves while its record is being written; its connection already carries the second call."""

    async def later(up: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await up.go_on.wait()
        await answers(WHOLE)(up, reader, writer)

    async def main() -> None:
        async with upstream(answers(WHOLE), later) as up, running([provider("lab", up.port)], [FAST]) as g:
            g.spool.gate = asyncio.Event()
            first = asyncio.ensure_future(g.chat(ASK))
            await asked(up, 1)
            async with asyncio.timeout(PATIENCE_S):
                while g.gateway._attempts._transport.in_flight:  # noqa: ASYNC110  # pyright: ignore[reportPrivateUsage]
                    await asyncio.sleep(0.005)
            second = asyncio.ensure_future(g.chat(ASK))
            await asked(up, 2)
            first.cancel()
            await asyncio.wait([second], timeout=0.1)
            g.spool.gate.set()
            up.go_on.set()
            assert (await second).status_code == 200
            assert len(up.requests) == 2, "the second call lost its connection and was sent again"

    asyncio.run(main())


def named(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


START = named(
    "message_start",
    message={
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "content": [],
        "usage": {"input_tokens": 700, "cache_read_input_tokens": 300, "output_tokens": 1},
    },
)  # fmt: skip
BLOCK = named("content_block_start", index=0, content_block={"type": "text", "text": ""})
WORDS = named(
    "content_block_delta", index=0, delta={"type": "text_delta", "text": "many words that were paid for " * 9}
)


@pytest.mark.parametrize("end", ["hang", "reset"])
def test_of_a_stream_that_is_cut_what_the_provider_told_is_kept_and_the_rest_estimated(end: str) -> None:
    async def main() -> None:
        script = streams(START, BLOCK, WORDS, end)
        async with upstream(script) as up:
            lab = [provider("lab", up.port, "anthropic_messages")]
            async with running(lab, [FAST]) as g:
                async with g.client.stream("POST", "/v1/messages", json=CLAUDE) as response:
                    await anext(response.aiter_raw())
                attempt = (await g.spool.one()).attempts[0]
                assert (attempt.response_id, attempt.model_used) == ("msg_1", "claude-x")
                assert attempt.usage is not None
                assert (attempt.usage.input, attempt.usage.cache_read) == (700, 300)
                assert attempt.usage.output > 30, "a first count of 1 is no count of what was written"
                assert attempt.usage.estimated

    asyncio.run(main())


def test_a_provider_that_repeats_our_key_does_not_tell_it_to_the_client_nor_to_the_record() -> None:
    secret, other = "sk-live-0123456789", "hdr-0123456789"

    async def main() -> None:
        refusal = answers({"error": {"message": f"Incorrect key {secret} and {other}"}}, 401)
        async with upstream(refusal) as up:
            lab = provider("lab", up.port, api_key=secret, headers={"x-account": other})
            async with running([lab], [FAST]) as g:
                response = await g.chat(ASK)
                assert response.status_code == 401
                assert "Incorrect key" in response.text
                told = response.text + repr(await g.spool.one())
                assert secret not in told
                assert other not in told

    asyncio.run(main())


def test_a_call_that_a_full_spool_refuses_has_its_trace_id_all_the_same() -> None:
    async def main() -> None:
        async with running([provider("lab", 9)], [FAST]) as g:
            g.spool.accepting = False
            response = await g.chat(ASK)
            assert response.status_code == 503
            record = await g.spool.one()
            assert record.trace_id == response.headers["trimtab-trace-id"]
            assert record.model == "fast"

    asyncio.run(main())


@pytest.mark.parametrize("name", ["x" * 900_000, "lab/" + "x" * 900_000])
def test_a_name_too_long_for_a_model_is_refused_quickly_and_not_repeated(name: str) -> None:
    async def main() -> None:
        async with running([provider("lab", 9)], [FAST]) as g:
            began = time.perf_counter()
            response = await g.chat({**ASK, "model": name})
            assert time.perf_counter() - began < 20
            assert (response.status_code, response.json()["error"]["code"]) == (404, "model_not_found")
            assert len(response.content) < 2000
            assert len((await g.spool.one()).model) < 1000

    asyncio.run(main())


def test_the_health_of_names_that_clients_make_up_does_not_fill_memory() -> None:
    board = HealthBoard()
    for number in range(MAX_MODELS + 50):
        attempt = Attempt(
            span_id="1", provider="lab", kind="custom", model=f"m{number}", dialect="openai_chat", started_ns=1,
            ended_ns=2,
        )  # fmt: skip
        board.observe(
            CallRecord(
                request_id="r", trace_id="t", span_id="s", project="p", key_id="k", front="openai_chat", model="m",
                started_ns=1, ended_ns=2, attempts=(attempt,),
            )
        )  # fmt: skip
    kept = [n for n in range(MAX_MODELS + 50) if board.model("p", "lab", f"m{n}").health == "healthy"]
    assert kept == list(range(50, MAX_MODELS + 50))


def test_a_callers_own_deadline_says_nothing_of_the_provider() -> None:
    board = HealthBoard()
    for code, health in (("deadline_exceeded", "unknown"), ("upstream_timeout_total", "failing")):
        fault = Fault(code=code, message="late", status=504, source="trimtab")
        attempt = Attempt(
            span_id="1", provider="lab", kind="custom", model="m", dialect="openai_chat", started_ns=1, ended_ns=2,
            outcome="error", fault=fault,
        )  # fmt: skip
        board.observe(
            CallRecord(
                request_id="r", trace_id="t", span_id="s", project="p", key_id="k", front="openai_chat", model="m",
                started_ns=1, ended_ns=2, attempts=(attempt,),
            )
        )  # fmt: skip
        assert (board.provider("p", "lab").health, board.model("p", "lab", "m").health) == (health, health)


def test_a_long_stream_that_is_cut_is_estimated_beside_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[str] = []

    priced = PriceBook.cost

    def noting(book: PriceBook, **of: Any) -> Cost:  # the last that is done where an attempt is settled
        threads.append(threading.current_thread().name)
        return priced(book, **of)

    monkeypatch.setattr(PriceBook, "cost", noting)

    async def main() -> None:
        long = named("content_block_delta", index=0, delta={"type": "text_delta", "text": "many words " * 30_000})
        for words in (WORDS, long):
            async with upstream(streams(START, BLOCK, words, "hang")) as up:
                lab = [provider("lab", up.port, "anthropic_messages")]
                async with running(lab, [FAST]) as g:
                    async with g.client.stream("POST", "/v1/messages", json=CLAUDE) as response:
                        got = 0
                        async for piece in response.aiter_raw():
                            got += len(piece)
                            if got > len(words):
                                break
                    attempt = (await g.spool.one()).attempts[0]
                    assert attempt.usage is not None
                    assert attempt.usage.estimated

    asyncio.run(main())
    assert threads[0] == "MainThread"
    assert threads[1] != "MainThread"


def test_a_client_that_leaves_while_its_broken_call_is_settled_leaves_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    settling, go_on = threading.Event(), threading.Event()

    priced = PriceBook.cost

    def slowly(book: PriceBook, **of: Any) -> Cost:
        if not settling.is_set():
            settling.set()
            go_on.wait(60)
        return priced(book, **of)

    monkeypatch.setattr(PriceBook, "cost", slowly)
    large = {**CLAUDE, "messages": [{"role": "user", "content": "many words " * 20_000}]}

    async def main() -> None:
        async with (
            upstream(streams(START, BLOCK, WORDS)) as up,
            running([provider("lab", up.port, "anthropic_messages")], [FAST]) as g,
        ):
            leaving = asyncio.create_task(g.client.post("/v1/messages", json=large))
            await asyncio.to_thread(settling.wait, 60)
            leaving.cancel()
            await asyncio.wait([leaving])
            async with asyncio.timeout(PATIENCE_S):
                while g.server.server_state.connections:  # noqa: ASYNC110  (until the server has seen it)
                    await asyncio.sleep(0.005)
            go_on.set()
            record = await g.spool.one()
            assert record.outcome == "cancel"
            assert len(record.attempts) == 1
            assert record.attempts[0].cost.amount

    asyncio.run(main())


def test_a_long_request_is_put_into_another_dialect_beside_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    beside: list[str] = []
    really = asyncio.to_thread

    async def noting(function: Any, /, *args: Any) -> Any:
        beside.append(function.__name__)
        return await really(function, *args)

    monkeypatch.setattr(asyncio, "to_thread", noting)

    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, running([provider("lab", up.port)], [FAST]) as g:
            for words, told in (("hello", []), ("many words " * 20_000, ["upstream_body"])):
                question = {"model": "fast", "max_tokens": 9, "messages": [{"role": "user", "content": words}]}
                assert (await g.client.post("/v1/messages", json=question)).status_code == 200
                assert beside == told
                assert up.requests[-1][1]["messages"][0]["content"] == words

    asyncio.run(main())


UNCLOSED = {
    "openai_chat": (delta("hi"), STOP, USAGE),
    "anthropic_messages": (
        named("message_start", message={"id": "m", "model": "up-1", "usage": {"input_tokens": 5, "output_tokens": 1}}),
        named("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        named("content_block_delta", index=0, delta={"type": "text_delta", "text": "hi"}),
        named("content_block_stop", index=0),
        named("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 5}),
    ),
}
"""Streams that say why they stop, and leave their closing event out, as some compatible servers do."""


@pytest.mark.parametrize("dialect", UNCLOSED)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/responses"])
def test_a_stream_that_said_why_it_stops_is_whole_in_every_clients_dialect(dialect: str, path: str) -> None:
    async def main() -> None:
        async with (
            upstream(streams(*UNCLOSED[dialect])) as up,
            running([provider("lab", up.port, dialect)], [FAST]) as g,
        ):
            body = {**CLAUDE, "input": "hello"}
            del body["messages" if path == "/v1/responses" else "input"]
            if path == "/v1/responses":
                del body["max_tokens"]
            answer = await g.client.post(path, json=body)
            assert answer.status_code == 200
            assert b'"hi"' in answer.content
            assert b'"error":{' not in answer.content
            record = await g.spool.one()
            assert (record.outcome, record.attempts[0].stop) == ("answer", "stop")
            assert record.attempts[0].usage is not None
            assert record.attempts[0].usage.output == 5

    asyncio.run(main())
