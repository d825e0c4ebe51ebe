"""Calls that OpenAI's newest models refuse in Chat Completions and do in Responses, by the whole gateway: the simulated
OpenAI refuses what the real one refuses (`simulated/gpt.py` names the sources)."""

import asyncio
import json
import threading
from typing import Any

import anthropic
import openai
import pytest
from harness import KEY, PRICE, Running
from test_google_taken import ask
from test_vendors import vendor

from patience import PATIENCE_S
from trimtab.gateway import speaking
from trimtab.llm.simulated.openai_responses import ENCRYPTED

HI: dict[str, Any] = {"role": "user", "content": "call look please"}
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"at": {"type": "string"}}}
CLAUDES: dict[str, Any] = {"max_tokens": 100, "messages": [HI], "tools": [{"name": "look", "input_schema": SCHEMA}]}
GOOGLES: dict[str, Any] = {
    "contents": [{"role": "user", "parts": [{"text": "call look please"}]}],
    "tools": [{"functionDeclarations": [{"name": "look", "parametersJsonSchema": SCHEMA}]}],
}
LOOK: dict[str, Any] = {"type": "function", "function": {"name": "look", "parameters": SCHEMA}}
CHATS: dict[str, Any] = {"messages": [HI], "tools": [LOOK]}
CUSTOM: dict[str, Any] = {"type": "custom", "custom": {"name": "go"}}
STRANGE: list[dict[str, Any]] = [{"n": 2}, {"stop": ["x"]}, {"tools": [LOOK, CUSTOM]}]
CHAT, RESPONSES = "/v1/chat/completions", "/v1/responses"
EFFORT: dict[str, Any] = {"output_config": {"effort": "max"}}
NEWEST = ["gpt-5.2", "gpt-5.6-sol", "gpt-6-luna", "gpt-6-astra", "gpt-6.1-terra", "gpt-5.1-codex-max", "gpt-5-pro"]


async def asked(kind: str, model: str, path: str, said: dict[str, Any]) -> tuple[int, dict[str, Any], Any, Any]:
    """Status and answer, and what was asked where."""
    async with vendor(kind, model, price=PRICE) as (g, app):
        answer = await ask(g, path, said)
        [record] = g.spool.records
        assert record.attempts[-1].usage is not None or answer.status_code != 200
        return answer.status_code, answer.json(), record, app.calls[-1]


@pytest.mark.parametrize("model", NEWEST)
@pytest.mark.parametrize("kind", ["openai", "azure"])
@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/v1/messages", CLAUDES | {"output_config": {"effort": "high"}}),
        ("/v1beta/models/m:generateContent", GOOGLES),
        (CHAT, CHATS | {"reasoning_effort": "high"}),
    ],
    ids=["claude", "google", "chat"],
)
def test_tools_of_the_newest_models_are_called_by_responses(
    kind: str, model: str, path: str, said: dict[str, Any]
) -> None:
    status, answer, record, call = asyncio.run(asked(kind, model, path, said))
    assert status == 200, answer
    assert call.path.endswith("/responses")
    assert record.attempts[-1].dialect == "openai_responses"
    assert '"look"' in json.dumps(answer)


@pytest.mark.parametrize(
    ("model", "more"),
    [
        ("gpt-5-mini", {"tools": [LOOK]}),
        ("gpt-5.1", {"tools": [LOOK], "reasoning_effort": "low"}),
        ("gpt-5.4", {"tools": [LOOK]}),
        ("gpt-5.6-sol", {"tools": [LOOK], "reasoning_effort": "none"}),
        ("gpt-6-astra", {}),
        ("gpt-4o", {"tools": [LOOK]}),
    ],
)
def test_what_chat_completions_take_stays_there(model: str, more: dict[str, Any]) -> None:
    """Byte for byte: a field that we do not know reaches OpenAI."""
    status, _, record, call = asyncio.run(asked("openai", model, CHAT, {"messages": [HI], "newest_field": 1} | more))
    assert (status, call.path, record.attempts[-1].dialect) == (200, CHAT, "openai_chat")
    assert call.body["newest_field"] == 1


@pytest.mark.parametrize("more", STRANGE)
def test_what_has_no_meaning_in_responses_is_left_to_its_vendor_to_refuse(more: dict[str, Any]) -> None:
    status, answer, _, call = asyncio.run(asked("openai", "gpt-6-astra", CHAT, CHATS | more))
    assert (status, call.path) == (400, CHAT)
    assert answer["error"]["code"] != "unsupported"


@pytest.mark.parametrize("beside", [False, True])
def test_what_a_large_call_asks_is_looked_at_beside_the_event_loop(
    beside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[bool] = []
    real = speaking._refused_in_chat  # pyright: ignore[reportPrivateUsage]

    def refused(*said: Any) -> bool:
        looked.append(threading.current_thread() is threading.main_thread())
        return real(*said)

    monkeypatch.setattr(speaking, "_refused_in_chat", refused)
    long = {"role": "user", "content": "call look please" + " and think" * (speaking.READ_AT_ONCE // 10 * beside)}
    status, _, record, call = asyncio.run(asked("openai", "gpt-6-astra", CHAT, CHATS | {"messages": [long]}))
    assert (status, record.attempts[-1].dialect, call.path) == (200, "openai_responses", RESPONSES)
    assert looked == [not beside]


def test_the_tier_of_a_chat_client_goes_over_as_it_is() -> None:
    """``scale`` and ``fast`` are words of both of OpenAI's dialects."""
    for tier in ("fast", "scale", "flex", "default"):
        _, _, record, call = asyncio.run(asked("azure", "gpt-6-astra", CHAT, CHATS | {"service_tier": tier}))
        assert call.body["service_tier"] == tier
        assert record.attempts[-1].tier_asked == ("" if tier == "default" else tier)


def test_where_nothing_but_chat_completions_is_spoken_tools_go_without_reasoning() -> None:
    said = CLAUDES | {"output_config": {"effort": "high"}}
    for model in ("gpt-5.4", "gpt-5.6-sol", "gpt-6-sol"):
        status, _, _, call = asyncio.run(asked("azure_deployments", model, "/v1/messages", said))
        assert (status, call.body["reasoning_effort"]) == (200, "none")
    status, _, _, call = asyncio.run(
        asked("azure_deployments", "gpt-6-astra", "/v1/messages", {"max_tokens": 9, "messages": [HI]} | EFFORT)
    )
    assert (status, call.body["reasoning_effort"]) == (200, "xhigh")

    async def main() -> None:
        async with vendor("azure_deployments", "gpt-6-astra") as (g, app):
            answer = await ask(g, "/v1/messages", said)
            assert answer.status_code == 400
            assert "speaks Responses" in answer.json()["error"]["message"]
            assert app.calls == []

    asyncio.run(main())


async def turns(g: Running, stream: bool) -> None:
    """Claude's own client, two turns of it: what was thought before the call comes back to whoever encrypted it."""
    client = anthropic.AsyncAnthropic(
        base_url=f"http://127.0.0.1:{g.port}", api_key=KEY, max_retries=0, timeout=PATIENCE_S
    )
    messages: list[Any] = [HI]
    tools: Any = CLAUDES["tools"]
    for _ in range(2):
        if stream:
            async with client.messages.stream(model="m", max_tokens=2048, tools=tools, messages=messages) as events:
                content = (await events.get_final_message()).content
        else:
            content = (await client.messages.create(model="m", max_tokens=2048, tools=tools, messages=messages)).content
        told: list[dict[str, Any]] = [block.model_dump() for block in content]
        called = [block["id"] for block in told if block["type"] == "tool_use"]
        results = [{"type": "tool_result", "tool_use_id": key, "content": "rain"} for key in called]
        messages += [{"role": "assistant", "content": told}, {"role": "user", "content": results or "And then?"}]


@pytest.mark.parametrize("stream", [True, False])
def test_an_encrypted_thought_comes_back_to_openai_through_claudes_client(stream: bool) -> None:
    async def main() -> None:
        async with vendor("openai", "gpt-6-astra?reasoning_text=Well") as (g, app):
            await turns(g, stream)
            first, second = (call.body for call in app.calls)
            assert first["include"] == ["reasoning.encrypted_content"]
            kinds = [item.get("type", "message") for item in second["input"]]
            assert kinds == ["message", "reasoning", "function_call", "function_call_output"]
            assert second["input"][1]["encrypted_content"] == ENCRYPTED

    asyncio.run(main())


def test_openais_own_client_streams_tools_of_the_newest_model() -> None:
    async def main() -> None:
        async with vendor("openai", "gpt-6.1-sol?calls=2") as (g, app):
            client = openai.AsyncOpenAI(
                base_url=f"http://127.0.0.1:{g.port}/v1", api_key=KEY, max_retries=0, timeout=PATIENCE_S
            )
            tools: Any = [LOOK]
            messages: Any = [HI]
            async with client.chat.completions.stream(model="m", messages=messages, tools=tools) as stream:
                final = await stream.get_final_completion()
            assert final.choices[0].finish_reason == "tool_calls"
            assert [call.function.name for call in final.choices[0].message.tool_calls or []] == ["look"] * 2
            assert app.calls[-1].path == RESPONSES
            assert app.calls[-1].body["store"] is False

    asyncio.run(main())
