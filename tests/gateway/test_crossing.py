"""Any front to any upstream: the vendors' own clients, through the gateway, to a provider of either dialect."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
import uvicorn
from harness import KEY, PRICE, Running, provider, running
from msgspec.structs import replace

from trimtab.gateway.targets import Model
from trimtab.llm.simulated.app import SimulatedProviders
from trimtab.llm.simulated.scenario import Scenario
from trimtab.server.hot import HotServer
from trimtab.server.up import listen
from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.calls.mapper import CallMapper
from trimtab.telemetry.conversation import Bodies, conversation
from trimtab.telemetry.detectors import Detectors
from trimtab.telemetry.records import CallRecord
from trimtab.telemetry.rows import Rows
from trimtab.telemetry.silent import Silent

UPSTREAMS = ("openai_chat", "anthropic_messages")
UPSTREAM_MODEL = {
    "openai_chat": "gpt-4o-mini",
    "anthropic_messages": "claude-sonnet-4-5",
    "openai_responses": "gpt-5",
    "gemini": "gemini-3-flash",
    "cohere_chat": "command-a-03-2025",
    "bedrock_converse": "amazon.nova-lite-v1:0",
}
EVERY = ("openai_chat", "anthropic_messages", "openai_responses", "gemini")
TOOL = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


@asynccontextmanager
async def crossing(upstream: str, wishes: str = "") -> AsyncGenerator[Running]:
    listener = listen("127.0.0.1", 0)
    ready = asyncio.Event()
    app = SimulatedProviders(Scenario())
    simulated = HotServer(uvicorn.Config(app, lifespan="off", log_config=None), ready.set)
    serving = asyncio.ensure_future(simulated.serve(sockets=[listener]))
    await ready.wait()
    model = UPSTREAM_MODEL[upstream] + (f"?{wishes}" if wishes else "")
    there = provider("sim", listener.getsockname()[1], upstream, api_key="k")
    ending = {"cohere_chat": "/v2", "bedrock_converse": ""}.get(upstream, "/v1")
    there = replace(there, base_url=there.base_url.removesuffix("/v1") + ending)
    async with running([there], [Model(name="m", provider="sim", upstream=model, price=PRICE)]) as g:
        yield g
    simulated.should_exit = True
    await serving


def openai_client(g: Running) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{g.port}/v1", api_key=KEY, max_retries=0)


def anthropic_client(g: Running) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(base_url=f"http://127.0.0.1:{g.port}", api_key=KEY, max_retries=0)


@pytest.mark.parametrize("upstream", EVERY)
def test_openais_client_talks_to_either_provider(upstream: str) -> None:
    async def main() -> None:
        async with crossing(upstream, "text=grüße aus trimtab") as g:
            client = openai_client(g)
            messages: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
            whole = await client.chat.completions.create(model="m", messages=messages, max_tokens=50)
            assert whole.choices[0].message.content == "grüße aus trimtab"
            assert whole.choices[0].finish_reason == "stop"
            assert whole.usage is not None
            assert whole.created > 1_500_000_000
            text, usage = "", None
            stream = await client.chat.completions.create(
                model="m", messages=messages, stream=True, stream_options={"include_usage": True}
            )
            async for chunk in stream:
                assert chunk.created > 1_500_000_000
                text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
                usage = chunk.usage or usage
            assert text == "grüße aus trimtab"
            assert usage is not None
            books = [r.attempts[0].usage for r in g.spool.records]
            assert [b.input + b.cache_read for b in books if b] == [whole.usage.prompt_tokens, usage.prompt_tokens]
            assert [b.output + b.reasoning for b in books if b] == [
                whole.usage.completion_tokens,
                usage.completion_tokens,
            ]

    asyncio.run(main())


@pytest.mark.parametrize("upstream", EVERY)
def test_anthropics_client_talks_to_either_provider(upstream: str) -> None:
    async def main() -> None:
        async with crossing(upstream, "text=grüße aus trimtab&cached=3") as g:
            client = anthropic_client(g)
            messages: Any = [{"role": "user", "content": "Hello"}]
            whole = await client.messages.create(model="m", max_tokens=50, system="Be brief.", messages=messages)
            assert [b.text for b in whole.content if b.type == "text"] == ["grüße aus trimtab"]
            assert whole.stop_reason == "end_turn"
            async with client.messages.stream(model="m", max_tokens=50, messages=messages) as stream:
                final = await stream.get_final_message()
            assert [b.text for b in final.content if b.type == "text"] == ["grüße aus trimtab"]
            for answer, record in zip((whole, final), g.spool.records, strict=True):
                usage = record.attempts[0].usage
                assert usage is not None
                assert (answer.usage.input_tokens, answer.usage.cache_read_input_tokens) == (usage.input, 3)
                assert answer.usage.output_tokens == usage.output

    asyncio.run(main())


@pytest.mark.parametrize("upstream", EVERY)
def test_tool_calls_cross_with_their_ids_names_and_arguments(upstream: str) -> None:
    async def main() -> None:
        async with crossing(upstream, "calls=2") as g:
            ours = openai_client(g)
            tools: Any = [{"type": "function", "function": {"name": "weather", "parameters": TOOL}}]
            asked: Any = [{"role": "user", "content": "Weather?"}]
            first = await ours.chat.completions.create(model="m", messages=asked, tools=tools, tool_choice="required")
            calls = first.choices[0].message.tool_calls
            assert calls is not None
            assert [c.function.name for c in calls if c.type == "function"] == ["weather", "weather"]
            assert len({c.id for c in calls}) == 2
            assert first.choices[0].finish_reason == "tool_calls"
            results: Any = [{"role": "tool", "tool_call_id": c.id, "content": "sunny"} for c in calls]
            answer: Any = first.choices[0].message.model_dump(exclude_none=True)
            history: Any = [*asked, answer, *results]
            second = await ours.chat.completions.create(model="m", messages=history, tools=tools)
            assert second.choices[0].message.content or second.choices[0].message.tool_calls

            theirs = anthropic_client(g)
            offered: Any = [{"name": "weather", "input_schema": TOOL}]
            async with theirs.messages.stream(
                model="m", max_tokens=100, messages=asked, tools=offered, tool_choice={"type": "any"}
            ) as stream:
                final = await stream.get_final_message()
            uses = [b for b in final.content if b.type == "tool_use"]
            assert [u.name for u in uses] == ["weather", "weather"]
            assert all(isinstance(u.input, dict) for u in uses)
            assert final.stop_reason == "tool_use"

    asyncio.run(main())


LONG = "mcp__plugin_chrome-devtools-mcp_chrome-devtools__performance.analyze_insight"


@pytest.mark.parametrize("upstream", [name for name in UPSTREAM_MODEL if name != "anthropic_messages"])
def test_a_tool_whose_name_the_provider_would_refuse_is_called_by_it_all_the_same(
    upstream: str, tmp_path: Path
) -> None:
    """MCP's names may be 128 letters long and hold dots; the simulated vendors refuse what the real ones do."""

    async def main() -> None:
        async with crossing(upstream, "calls=2") as g:
            theirs: Any = anthropic_client(g)
            asked: Any = [{"role": "user", "content": "Is it slow?"}]
            offered: Any = [{"name": name, "input_schema": TOOL} for name in (LONG, "look")]
            choice: Any = {"type": "tool", "name": LONG}
            said: Any = {"model": "m", "max_tokens": 2000, "tools": offered, "tool_choice": choice}
            whole = await theirs.messages.create(messages=asked, **said)
            uses = [block for block in whole.content if block.type == "tool_use"]
            assert {use.name for use in uses} == {LONG}
            results = [{"type": "tool_result", "tool_use_id": use.id, "content": "No"} for use in uses]
            answer = whole.model_dump(mode="json", exclude_none=True)["content"]
            history: Any = [*asked, {"role": "assistant", "content": answer}, {"role": "user", "content": results}]
            async with theirs.messages.stream(messages=[*history, *asked], **said) as stream:
                final = await stream.get_final_message()
            assert {block.name for block in final.content if block.type == "tool_use"} == {LONG}
            assert [record.outcome for record in g.spool.records] == ["answer", "answer"]
            for record in g.spool.records:
                check_traced(record, tmp_path)

    asyncio.run(main())


def check_traced(record: CallRecord, folder: Path) -> None:
    """What people see of the call names tools as its client does; what its provider was sent stays as it was."""
    blobs, rows = FolderBlobs(folder), Rows()
    CallMapper(blobs, Silent(Detectors())).add(rows, 0, record)
    (seen,) = [row for row in rows.spans.rows() if row["entry"]]
    assert f"{LONG}(" in seen["output_preview"]
    calls = rows.tool_calls.rows()
    assert {(row["tool"], row["problem"]) for row in calls} == {(LONG, "")}
    last = record.attempts[-1]
    told: dict[str, Any] = {"response_dialect": last.dialect, "response": last.response, "stream": last.stream}
    whole = conversation("t", "s", Bodies(request_dialect=record.front, request=record.request, **told))
    assert {part["name"] for part in whole.output[0].parts if part["type"] == "tool_call"} == {LONG}
    sent = conversation("t", "a", Bodies(request_dialect=last.dialect, request=last.request, **told))
    (name,) = {part["name"] for part in sent.output[0].parts if part["type"] == "tool_call"}
    assert name != LONG
    if last.dialect not in (
        "cohere_chat",
        "bedrock_converse",
    ):  # requests of which nobody reads: clients do not speak it
        assert name in {tool["name"] for tool in sent.tools}


@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize(
    ("fault", "ours", "theirs"),
    [
        ("400", openai.BadRequestError, anthropic.BadRequestError),
        ("401", openai.AuthenticationError, anthropic.AuthenticationError),
        ("429", openai.RateLimitError, anthropic.RateLimitError),
        ("500", openai.InternalServerError, anthropic.InternalServerError),
        ("html", openai.InternalServerError, anthropic.InternalServerError),
    ],
)
def test_a_providers_error_arrives_as_the_clients_own_kind_of_error(
    upstream: str, fault: str, ours: type[Exception], theirs: type[Exception]
) -> None:
    async def main() -> None:
        async with crossing(upstream, f"fault={fault}") as g:
            messages: Any = [{"role": "user", "content": "Hello"}]
            with pytest.raises(ours):
                await openai_client(g).chat.completions.create(model="m", messages=messages)
            with pytest.raises(theirs):
                await anthropic_client(g).messages.create(model="m", max_tokens=5, messages=messages)
            assert [r.outcome for r in g.spool.records] == ["error", "error"]

    asyncio.run(main())


@pytest.mark.parametrize("upstream", EVERY)
@pytest.mark.parametrize("fault", ["reset", "cut", "half_line", "stream_error"])
def test_a_stream_that_breaks_in_the_middle_raises_in_the_client_and_never_looks_whole(
    upstream: str, fault: str
) -> None:
    async def main() -> None:
        async with crossing(upstream, f"fault={fault}&after=7&tokens=20") as g:
            messages: Any = [{"role": "user", "content": "Hello"}]
            ours = openai_client(g).chat.completions.create(model="m", messages=messages, stream=True)
            with pytest.raises(openai.APIError):
                [chunk async for chunk in await ours]
            async with anthropic_client(g).messages.stream(model="m", max_tokens=50, messages=messages) as theirs:
                with pytest.raises(anthropic.APIError):
                    await theirs.get_final_message()
            records = await g.spool.all(2)
            assert [r.outcome for r in records] == ["error", "error"]
            assert all(r.attempts[-1].fault for r in records)

    asyncio.run(main())


MANY: Any = [{"name": f"tool{number}", "input_schema": TOOL} for number in range(129)]


@pytest.mark.parametrize("upstream", ["openai_chat", "openai_responses", "cohere_chat", "bedrock_converse"])
def test_what_agents_ask_of_claude_goes_to_others_within_their_bounds(upstream: str) -> None:
    """More tokens than they write, thinking, many tools with a choice, a greeting of the assistant's; the simulated
    vendors refuse what the real ones do."""

    async def main() -> None:
        async with crossing(upstream) as g:
            turns: Any = [{"role": "assistant", "content": "What may I do?"}, {"role": "user", "content": "Go."}]
            said: Any = {"model": "m", "max_tokens": 200_000, "messages": turns, "tools": MANY[:128]}
            thinking: Any = {"type": "enabled", "budget_tokens": 100_000}
            choices: Any = ({"type": "auto"}, {"type": "none"})
            for choice in choices:
                async with anthropic_client(g).messages.stream(
                    **said, thinking=thinking, tool_choice=choice, extra_body={"top_k": 1000}
                ) as stream:
                    assert (await stream.get_final_message()).stop_reason == "end_turn"
            assert [record.outcome for record in g.spool.records] == ["answer", "answer"]

    asyncio.run(main())


def test_more_tools_than_openai_takes_are_refused_in_the_clients_words_and_go_on_to_the_next_target() -> None:
    async def main() -> None:
        listener = listen("127.0.0.1", 0)
        ready = asyncio.Event()
        app = SimulatedProviders(Scenario())
        simulated = HotServer(uvicorn.Config(app, lifespan="off", log_config=None), ready.set)
        serving = asyncio.ensure_future(simulated.serve(sockets=[listener]))
        await ready.wait()
        port = listener.getsockname()[1]
        names = {"o": "openai_chat", "a": "anthropic_messages"}
        providers = [provider(name, port, dialect, api_key="k") for name, dialect in names.items()]
        models = [
            Model(name="gpt", provider="o", upstream="gpt-4o-mini", price=PRICE),
            Model(name="claude", provider="a", upstream="claude-sonnet-4-5", price=PRICE),
        ]
        routes = {"agents": {"tree": {"node": "fallback", "of": ["gpt", "claude"]}}}
        async with running(providers, models, routes=routes) as g:
            said: Any = {"max_tokens": 50, "messages": [{"role": "user", "content": "Go."}], "tools": MANY}
            theirs: Any = anthropic_client(g)
            with pytest.raises(anthropic.BadRequestError, match="129 tools cannot be translated"):
                await theirs.messages.create(model="gpt", **said)
            answer = await theirs.messages.create(model="agents", **said)
            assert answer.model == "claude-sonnet-4-5"
            assert [call.model for call in app.calls] == ["claude-sonnet-4-5"]
        simulated.should_exit = True
        await serving

    asyncio.run(main())
