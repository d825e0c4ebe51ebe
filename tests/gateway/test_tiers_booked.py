"""Service tiers end to end, with the official clients: what the answer says is what is booked, at whose rates."""

import asyncio
import json
from typing import Any

import anthropic
import openai
import pytest
from google import genai
from harness import KEY, Running, provider, running
from msgspec.structs import replace
from test_vendors import AWS, vendor
from upstream import streams
from upstream import upstream as serving

from trimtab.gateway.targets import Model
from trimtab.llm.simulated.scenario import Scenario
from trimtab.telemetry.records import Attempt

SAY: Any = [{"role": "user", "content": "hello there"}]


def as_openai(g: Running) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{g.port}/v1", api_key=KEY, max_retries=0)


def as_anthropic(g: Running) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(base_url=f"http://127.0.0.1:{g.port}", api_key=KEY, max_retries=0)


async def _chat(g: Running, tier: Any, *, stream: bool) -> str | None:
    client = as_openai(g)
    if not stream:
        return (await client.chat.completions.create(model="m", messages=SAY, service_tier=tier)).service_tier
    told = await client.chat.completions.create(model="m", messages=SAY, service_tier=tier, stream=True)
    return [chunk async for chunk in told][-1].service_tier


async def _response(g: Running, tier: Any, *, stream: bool) -> str | None:
    client = as_openai(g)
    if not stream:
        return (await client.responses.create(model="m", input="hello", service_tier=tier)).service_tier
    told = await client.responses.create(model="m", input="hello", service_tier=tier, stream=True)
    last: Any = [event async for event in told][-1]
    return last.response.service_tier


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("ask", [_chat, _response])
@pytest.mark.parametrize(
    ("asked", "answered", "booked", "kept"),
    [
        ("flex", "flex", "flex", "flex"),
        ("priority", "priority", "priority", "priority"),
        ("fast", "priority", "priority", "fast"),
        ("auto", "default", "", "auto"),
        ("default", "default", "", ""),
    ],
)
def test_of_openai_the_tier_of_the_answer_is_booked(
    ask: Any, asked: str, answered: str, booked: str, kept: str, *, stream: bool
) -> None:
    async def story() -> None:
        async with vendor("openai", "gpt-5-mini") as (g, _):
            assert await ask(g, asked, stream=stream) == answered
            attempt = (await g.spool.one()).attempts[0]
            assert attempt.usage is not None
            assert (attempt.usage.tier, attempt.tier_asked) == (booked, kept)
            assert attempt.cost.price.endswith(f"openai/gpt-5-mini{f'@{booked}' if booked else ''}")
            rates = {"": (250, 2000), "flex": (125, 1000), "priority": (450, 3600)}[booked]
            assert attempt.cost.amount == paid(attempt, *rates)

    asyncio.run(story())


def paid(attempt: Attempt, read: int, wrote: int) -> int:
    """Picodollars at rates in thousandths of a dollar per million tokens, which is https://openai.com/api/pricing of
    gpt-5-mini: 0.25 and 2.00, 0.125 and 1.00 (flex), 0.45 and 3.60 (priority)."""
    assert attempt.usage is not None
    return (attempt.usage.input * read + attempt.usage.output * wrote) * 1000


def test_a_call_that_was_lowered_to_the_standard_tier_is_booked_so() -> None:
    async def story() -> None:
        async with vendor("openai", "gpt-5-mini") as (g, there):
            there.scenario = Scenario(tier="default")
            assert await _chat(g, "priority", stream=False) == "default"
            attempt = (await g.spool.one()).attempts[0]
            assert attempt.usage is not None
            assert (attempt.usage.tier, attempt.tier_asked) == ("", "priority")
            assert attempt.cost.amount == paid(attempt, 250, 2000)

    asyncio.run(story())


@pytest.mark.parametrize(
    ("asked", "said", "booked"),
    [
        ("priority", "priority", "priority"),
        ("priority", "default", ""),  # lowered
        (openai.omit, "priority", "priority"),  # by a setting of its own
        ("auto", "flex", "flex"),
    ],
)
def test_what_is_cut_off_is_booked_at_the_tier_that_it_said_or_else_at_the_one_that_was_asked_for(
    asked: Any, said: str, booked: str
) -> None:
    async def story() -> None:
        async with vendor("openai", "gpt-5-mini") as (g, there):
            there.scenario = Scenario(fault="cut", after=3, text="one two three four five six seven", tier=said)
            with pytest.raises(openai.APIError):
                await _chat(g, asked, stream=True)
            attempt = (await g.spool.one()).attempts[0]
            assert attempt.usage is not None
            assert (attempt.usage.estimated, attempt.usage.tier) == (True, booked)
            assert attempt.cost.price.endswith(f"@{booked}" if booked else "gpt-5-mini")

    asyncio.run(story())


@pytest.mark.parametrize(
    ("asked", "said", "booked"),
    [
        ({"speed": "fast"}, {"speed": "standard", "service_tier": "standard"}, ""),
        ({"speed": "fast"}, {"service_tier": "standard"}, "fast"),  # of the speed it said nothing yet
        ({"speed": "fast", "inference_geo": "us"}, {"inference_geo": "us"}, "fast+us"),
        ({}, {"speed": "fast"}, "fast"),
        ({"speed": "fast"}, {}, "fast"),
    ],
)
def test_of_what_anthropic_is_cut_off_at_each_thing_counts_that_was_said(
    asked: dict[str, str], said: dict[str, str], booked: str
) -> None:
    words = '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\\"speed\\":\\"fast\\""}}'
    message: dict[str, Any] = {
        "type": "message",
        "role": "assistant",
        "content": [],
        "usage": {"input_tokens": 9, **said},
    }
    begun = json.dumps({"type": "message_start", "message": message})
    opened = '{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}'
    events = "".join(f"event: {json.loads(data)['type']}\ndata: {data}\n\n" for data in (begun, opened, words))

    async def story() -> None:
        models = [Model(name="m", provider="lab", upstream="claude-opus-4-8")]
        async with serving(streams(events, "reset")) as up:
            lab = replace(provider("lab", up.port, "anthropic_messages"), kind="anthropic")
            async with running([lab], models) as g:
                body = {"model": "m", "max_tokens": 9, "stream": True, "messages": SAY, **asked}
                assert (await g.client.post("/v1/messages", json=body)).status_code == 200
                attempt = (await g.spool.one()).attempts[0]
                assert attempt.usage is not None
                assert (attempt.usage.estimated, attempt.usage.tier) == (True, booked)

    asyncio.run(story())


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("more", "said", "booked", "price"),
    [
        ({"speed": "fast"}, None, "fast", "@fast"),
        ({"inference_geo": "us"}, None, "us", "@us*1.1"),
        ({"inference_geo": "us", "speed": "fast"}, None, "fast+us", "@fast+us*1.1"),
        ({"service_tier": "auto"}, "priority", "priority", "@priority=standard"),
        ({"service_tier": "standard_only"}, None, "", "claude-opus-4-8"),
        ({}, "batch", "batch", "@batch"),
    ],
)
def test_of_anthropic_speed_place_and_tier_of_the_usage_are_booked(
    more: dict[str, str], said: str | None, booked: str, price: str, *, stream: bool
) -> None:
    async def story() -> None:
        async with vendor("anthropic", "claude-opus-4-8") as (g, there):
            there.scenario = Scenario(tier=said)
            client: Any = as_anthropic(g)
            if stream:
                async with client.messages.stream(model="m", max_tokens=99, messages=SAY, **more) as told:
                    answer = await told.get_final_message()
            else:
                answer = await client.messages.create(model="m", max_tokens=99, messages=SAY, **more)
            assert answer.usage.service_tier == (said or "standard")
            attempt = (await g.spool.one()).attempts[0]
            assert attempt.usage is not None
            assert attempt.usage.tier == booked
            assert attempt.cost.price.endswith(price)
            assert attempt.cost.amount

    asyncio.run(story())


def test_of_gemini_the_tier_of_the_usage_is_booked() -> None:
    async def story() -> None:
        async with vendor("gemini", "gemini-2.5-flash") as (g, _):
            options = genai.types.HttpOptions(base_url=f"http://127.0.0.1:{g.port}")
            client: Any = genai.Client(api_key=KEY, http_options=options)
            await client.aio.models.generate_content(model="m", contents="hello", config={"service_tier": "flex"})
            attempt = (await g.spool.one()).attempts[0]
            assert attempt.usage is not None
            assert (attempt.usage.tier, attempt.tier_asked) == ("flex", "flex")
            assert attempt.cost.price.endswith("@flex*0.5")

    asyncio.run(story())


@pytest.mark.parametrize("stream", [False, True])
def test_across_dialects_the_tier_that_the_provider_names_is_booked_and_none_was_asked_for(*, stream: bool) -> None:
    async def story() -> None:
        for kind, upstream, options in (
            ("anthropic", "claude-opus-4-8", {}),
            (
                "bedrock",
                "amazon.nova-pro-v1:0",
                AWS,
            ),
        ):
            async with vendor(kind, upstream, **options) as (g, there):
                there.scenario = Scenario(tier="priority")
                await _chat(g, "flex", stream=stream)
                attempt = (await g.spool.one()).attempts[0]
                assert attempt.usage is not None
                assert (attempt.usage.tier, attempt.tier_asked) == ("priority", "")
                assert attempt.cost.price.endswith("@priority=standard")

    asyncio.run(story())


@pytest.mark.parametrize(
    ("kind", "upstream", "asked", "booked"),
    [
        ("gemini", "gemini-2.5-flash", "flex", "flex"),
        ("gemini", "gemini-2.5-flash", "priority", "priority"),
        ("gemini", "gemini-2.5-flash", "auto", ""),
        ("anthropic", "claude-opus-4-8", "flex", ""),
    ],
)
def test_a_tier_crosses_to_a_vendor_that_means_the_same_by_it(
    kind: str, upstream: str, asked: str, booked: str
) -> None:
    async def story() -> None:
        async with vendor(kind, upstream) as (g, _):
            await _chat(g, asked, stream=False)
            attempt = (await g.spool.one()).attempts[0]
        assert attempt.usage is not None
        assert (attempt.tier_asked, attempt.usage.tier) == (booked, booked)
        assert (f'"serviceTier":"{asked}"'.encode() in attempt.request) == bool(booked)

    asyncio.run(story())


def test_a_place_that_another_vendor_cannot_promise_is_refused_and_not_dropped() -> None:
    async def story() -> None:
        async with vendor("openai", "gpt-5-mini") as (g, _):
            client: Any = as_anthropic(g)
            with pytest.raises(anthropic.BadRequestError, match="inference_geo"):
                await client.messages.create(model="m", max_tokens=9, messages=SAY, extra_body={"inference_geo": "us"})
            told = await client.messages.create(
                model="m", max_tokens=9, messages=SAY, extra_body={"inference_geo": "global"}
            )
        assert told.content

    asyncio.run(story())
