"""Tracing with OpenTelemetry's real SDK: what spans say, how they hang together, and what is never lost or shown."""

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from trimtab.core.errors import InvalidRequest
from trimtab.sdk import tracing
from trimtab.sdk.tracing import wire
from trimtab.sdk.tracing.capture import HIDDEN
from trimtab.sdk.tracing.process import PROCESS


class Kept:
    """What was traced, once it has left."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()

    def spans(self) -> dict[str, ReadableSpan]:
        assert tracing.flush(60)
        return {span.name: span for span in self.exporter.get_finished_spans()}

    def attributes(self, name: str) -> dict[str, Any]:
        return dict(self.spans()[name].attributes or {})


@pytest.fixture
def kept() -> Iterator[Kept]:
    made = Kept()
    tracing.configure(exporter=made.exporter)
    yield made
    before = PROCESS.put(None)
    if before is not None:
        before.close(5)


def parent_of(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent else None


def id_of(span: ReadableSpan) -> int:
    assert span.context is not None
    return span.context.span_id


# --- functions ---


@tracing.trace(kind="tool")
def add(left: int, right: int = 2, *more: int, **named: Any) -> int:
    return left + right + sum(more)


@tracing.trace(kind="agent", name="planner")
def plan(goal: str) -> int:
    return add(1, 3)


@tracing.trace
async def ask(question: str) -> str:
    await asyncio.sleep(0)
    return question.upper()


@tracing.trace(kind="llm")
def count(upto: int) -> Generator[str, str | None, int]:
    for number in range(upto):
        add(number)
        yield str(number)
    return upto


@tracing.trace
async def stream(upto: int) -> AsyncGenerator[int, None]:
    for number in range(upto):
        await ask(str(number))
        yield number


@tracing.trace
def broken() -> None:
    raise KeyError("nothing there")


class Shop:
    @tracing.trace
    def sell(self, item: str, api_key: str) -> str:
        return item


def test_a_call_becomes_a_span_with_its_arguments_and_its_result(kept: Kept) -> None:
    assert plan("sum") == 4
    spans = kept.spans()
    assert parent_of(spans["add"]) == id_of(spans["planner"])
    tool = kept.attributes("add")
    assert tool["openinference.span.kind"] == "TOOL"
    assert tool["gen_ai.operation.name"] == "execute_tool"
    assert tool["gen_ai.tool.name"] == "add"
    assert json.loads(tool["gen_ai.tool.call.arguments"]) == {"left": 1, "right": 3}
    assert tool["gen_ai.tool.call.result"] == "4"
    agent = kept.attributes("planner")
    assert (agent["gen_ai.agent.name"], json.loads(agent["input.value"])) == ("planner", {"goal": "sum"})


def test_every_way_to_pass_an_argument_is_kept_by_name(kept: Kept) -> None:
    assert add(1, 2, 3, deep=True) == 6
    assert json.loads(kept.attributes("add")["gen_ai.tool.call.arguments"]) == {
        "left": 1,
        "right": 2,
        "args": [3],
        "deep": True,
    }


def test_a_method_keeps_neither_itself_nor_a_secret(kept: Kept) -> None:
    assert Shop().sell("tea", "sk-very-secret") == "tea"
    assert json.loads(kept.attributes("sell")["input.value"]) == {"item": "tea", "api_key": HIDDEN}
    assert "very-secret" not in str(kept.attributes("sell"))


def test_an_error_is_told_and_goes_on(kept: Kept) -> None:
    with pytest.raises(KeyError, match="nothing there"):
        broken()
    span = kept.spans()["broken"]
    assert span.status.status_code.name == "ERROR"
    assert kept.attributes("broken")["error.type"] == "KeyError"
    assert span.events[0].name == "exception"


def test_a_coroutine_is_traced_and_tasks_keep_apart(kept: Kept) -> None:
    async def both() -> list[str]:
        async def one(word: str) -> str:
            with tracing.span(f"outer {word}"):
                return await ask(word)

        return list(await asyncio.gather(one("a"), one("b")))

    assert asyncio.run(both()) == ["A", "B"]
    assert tracing.flush(60)
    spans = kept.exporter.get_finished_spans()
    outer = {id_of(span): span.name for span in spans if span.name.startswith("outer")}
    inner = {
        outer[parent_of(span) or 0]: json.loads(str((span.attributes or {})["input.value"]))["question"]
        for span in spans
        if span.name == "ask"
    }
    assert inner == {"outer a": "a", "outer b": "b"}


def test_a_cancelled_task_says_so(kept: Kept) -> None:
    @tracing.trace
    async def wait() -> None:
        await asyncio.Event().wait()

    async def story() -> None:
        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(story())
    assert kept.attributes("wait")["error.type"] == "CancelledError"


def test_a_generator_is_the_parent_of_what_it_does_and_not_of_what_its_consumer_does(kept: Kept) -> None:
    with tracing.span("reader"):
        for _ in count(2):
            with tracing.span("consumer"):
                pass
    assert tracing.flush(60)
    spans = kept.exporter.get_finished_spans()
    one = {span.name: span for span in spans}
    assert {parent_of(span) for span in spans if span.name == "add"} == {id_of(one["count"])}
    assert {parent_of(span) for span in spans if span.name == "consumer"} == {id_of(one["reader"])}
    assert parent_of(one["count"]) == id_of(one["reader"])
    assert kept.attributes("count")["output.value"] == '"01"'
    assert kept.attributes("count")["trimtab.yielded"] == 2


def test_a_generator_behaves_as_if_it_were_not_traced(kept: Kept) -> None:
    @tracing.trace
    def echo() -> Generator[str, str, str]:
        got = "start"
        while True:
            try:
                got = yield got
            except ValueError:
                got = "mended"
            if got == "stop":
                return "done"

    running = echo()
    assert next(running) == "start"
    assert running.send("hello") == "hello"
    assert running.throw(ValueError()) == "mended"
    with pytest.raises(StopIteration) as end:
        running.send("stop")
    assert end.value.value == "done"
    early = echo()
    next(early)
    early.close()
    assert tracing.flush(60)
    stopped = [
        span for span in kept.exporter.get_finished_spans() if (span.attributes or {}).get("trimtab.stopped_early")
    ]
    assert len(stopped) == 1


def test_an_async_generator_is_traced_to_its_end_or_to_where_it_was_left(kept: Kept) -> None:
    async def story() -> list[int]:
        found = [number async for number in stream(3)]
        running = stream(3)
        await anext(running)
        await running.aclose()
        return found

    assert asyncio.run(story()) == [0, 1, 2]
    assert tracing.flush(60)
    spans = [span for span in kept.exporter.get_finished_spans() if span.name == "stream"]
    assert sorted(str((span.attributes or {})["trimtab.yielded"]) for span in spans) == ["1", "3"]
    assert all(span.status.status_code.name == "UNSET" for span in spans)
    parents = {id_of(span) for span in spans}
    assert all(parent_of(span) in parents for span in kept.exporter.get_finished_spans() if span.name == "ask")


def test_off_means_that_functions_run_as_they_are() -> None:
    before = PROCESS.put(None)
    try:
        assert add(1) == 3
        assert list(count(2)) == ["0", "1"]
        assert asyncio.run(ask("x")) == "X"
        with tracing.span("nothing") as open_span:
            open_span.output("x")
            open_span.usage(input=1, output=1)
        assert tracing.current_trace() is None
        assert tracing.score("helpful", 1) == ""
        assert tracing.trace_headers() == {}
        assert tracing.flush()
        assert tracing.stats() is None
    finally:
        PROCESS.put(before)


def test_a_kind_there_is_not_is_told(kept: Kept) -> None:
    with pytest.raises(InvalidRequest, match="no kind 'chian'"), tracing.span("x", kind="chian"):
        pass


# --- labels, models, context ---


def test_session_user_tags_and_metadata_reach_every_span_below(kept: Kept) -> None:
    with tracing.span("top", session="s-1", user="ada", tags=["beta"], metadata={"plan": 3}):
        with tracing.labelled(tags=["beta", "vip"]):
            add(1)
        ask_once = tracing.carry(add)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(ask_once, 5).result()
    with tracing.span("after"):
        pass
    top, tool = kept.attributes("top"), kept.attributes("add")
    assert (top["session.id"], top["gen_ai.conversation.id"], top["user.id"]) == ("s-1", "s-1", "ada")
    assert (tool["session.id"], tool["user.id"], json.loads(tool["metadata"])) == ("s-1", "ada", {"plan": "3"})
    tags = {
        str((span.attributes or {})["tag.tags"]) for span in kept.exporter.get_finished_spans() if span.name == "add"
    }
    assert tags == {"('beta', 'vip')", "('beta',)"}
    assert "session.id" not in kept.attributes("after")


def test_a_model_call_elsewhere_tells_its_tokens(kept: Kept) -> None:
    with tracing.span("chat", kind="llm", input=[{"role": "user", "content": "Hi"}]) as call:
        call.model("gpt-5-mini", used="gpt-5-mini-2025", provider="openai", response_id="r1")
        call.usage(input=10, output=4, cache_read=6)
        call.output("Hello")
    told = kept.attributes("chat")
    assert (told["gen_ai.request.model"], told["gen_ai.response.model"]) == ("gpt-5-mini", "gpt-5-mini-2025")
    assert (told["gen_ai.usage.input_tokens"], told["gen_ai.usage.cache_read.input_tokens"]) == (10, 6)


def test_work_carried_to_threads_stays_in_its_trace_even_all_at_once(kept: Kept) -> None:
    barrier = threading.Barrier(3)

    def work(number: int) -> int:
        barrier.wait(60)
        return add(number)

    with tracing.span("top") as top, ThreadPoolExecutor(3) as pool:
        assert list(pool.map(tracing.carry(work), range(3))) == [2, 3, 4]
        root = top.span_id
    assert tracing.flush(60)
    tools = [span for span in kept.exporter.get_finished_spans() if span.name == "add"]
    assert {f"{parent_of(span):016x}" for span in tools} == {root}


def test_headers_and_environment_carry_a_trace_over(kept: Kept) -> None:
    with tracing.span("here", session="sitz, 1", user="Ada Ü", tags=["a", "b"]) as here:
        headers, env = tracing.trace_headers(), tracing.trace_env()
    assert env["TRACEPARENT"] == headers["traceparent"] == f"00-{here.trace_id}-{here.span_id}-01"
    with tracing.joined(headers), tracing.span("there") as there:
        assert there.trace_id == here.trace_id
    told = kept.attributes("there")
    assert (told["session.id"], told["user.id"], told["tag.tags"]) == ("sitz, 1", "Ada Ü", ("a", "b"))
    assert parent_of(kept.spans()["there"]) == int(here.span_id, 16)
    with tracing.joined({"traceparent": "nonsense"}), tracing.span("alone") as alone:
        assert alone.trace_id != here.trace_id


@given(st.dictionaries(st.sampled_from(("session", "user", "tags")), st.text(max_size=100), max_size=3))
def test_baggage_comes_back_as_it_was(values: dict[str, str]) -> None:
    kept = {name: value for name, value in values.items() if value}
    assert wire.read_baggage({"baggage": wire.baggage(kept)}) == kept


@given(st.text(max_size=80))
def test_no_traceparent_breaks_its_reader(text: str) -> None:
    found = wire.read({"traceparent": text})
    assert found is None or len(found[0]) == 32


def test_calls_through_the_gateway_say_which_trace_they_belong_to(kept: Kept) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200)

    client = tracing.http_client("httpx", transport=httpx.MockTransport(answer))
    with tracing.span("top", session="s", user="Ü") as top:
        client.get("http://trimtab/v1/models")
        client.get("http://trimtab/v1/models", headers={"traceparent": "mine"})
    client.get("http://trimtab/v1/models")
    first, own, outside = (request.headers for request in seen)
    assert first["traceparent"] == f"00-{top.trace_id}-{top.span_id}-01"
    assert first["trimtab-session"] == "s"
    assert "trimtab-user" not in first
    assert own["traceparent"] == "mine"
    assert "traceparent" not in outside


def test_a_sampled_out_trace_is_not_kept_and_its_functions_run() -> None:
    made = Kept()
    tracing.configure(exporter=made.exporter, sample=0)
    try:
        assert plan("x") == 4
        with tracing.span("top"):
            here = tracing.current_trace()
            assert here is not None
            assert here.traceparent.endswith("-00")
        sampled = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
        with tracing.joined(sampled), tracing.span("decided above"):
            pass
        assert list(made.spans()) == ["decided above"]
    finally:
        PROCESS.put(None)
    with pytest.raises(InvalidRequest, match="not a share"):
        tracing.configure(exporter=made.exporter, sample=1.5)


# --- scores ---


def test_a_score_is_of_where_it_was_given(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[dict[str, Any]] = []
    now = PROCESS.current()
    assert now is not None
    monkeypatch.setattr(now, "score", given.append)
    with tracing.span("top", session="s-1") as top:
        made = tracing.score("helpful", 0.5, explanation="short")
        tracing.score("tone", label="warm", target="span", source="human")
        tracing.score("kept", True, target="session")
    tracing.score("late", 1, trace_id="ab" * 16)
    assert given[0] == {
        "id": made,
        "name": "helpful",
        "value": 0.5,
        "source": "code",
        "target": "trace",
        "trace_id": top.trace_id,
        "session": "s-1",
        "explanation": "short",
    }
    assert (given[1]["span_id"], given[1]["target"]) == (top.span_id, "span")
    assert (given[2]["session"], given[2]["value"]) == ("s-1", True)
    assert given[3]["trace_id"] == "ab" * 16
    for wrong in ({"name": "x", "value": 1}, {"name": "x", "value": 1, "target": "session"}):
        with pytest.raises(InvalidRequest):
            tracing.score(**wrong)  # pyright: ignore[reportArgumentType]
