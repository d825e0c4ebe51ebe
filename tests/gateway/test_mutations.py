"""Mutated bodies over both fronts, the whole path: no 5xx of ours, no hang, no secret in any answer or record."""

import asyncio
import json
import random
from typing import Any, cast

import pytest
from harness import PRICE, provider, running
from upstream import WHOLE, answers, upstream

from patience import PATIENCE_S
from trimtab.gateway.targets import Model

SECRET = "sk-planted-upstream-secret-0123456789"
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
SOURCE = {"type": "base64", "media_type": "image/png", "data": "AA=="}
CALL = {"name": "f", "arguments": "{}"}
OPENAI: dict[str, Any] = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "grüße"}, PICTURE]},
        {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": CALL}]},
        {"role": "tool", "tool_call_id": "c", "content": "ok"},
    ],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}],
    "tool_choice": "auto",
    "max_tokens": 50,
    "temperature": 0.5,
    "stop": ["x"],
    "user": "u",
    "metadata": {"session_id": "s"},
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
}  # fmt: skip
ANTHROPIC: dict[str, Any] = {
    "model": "m",
    "max_tokens": 50,
    "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "grüße"}, {"type": "image", "source": SOURCE}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "ok"}]},
    ],
    "tools": [{"name": "f", "input_schema": {"type": "object"}}],
    "tool_choice": {"type": "auto"},
    "metadata": {"user_id": "u"},
    "stop_sequences": ["x"],
}  # fmt: skip
RESPONSES: dict[str, Any] = {
    "model": "m",
    "instructions": "Be brief.",
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "grüße"}]},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "gAAA"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "so"}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "ok"},
    ],
    "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": None}],
    "tool_choice": "auto",
    "text": {"format": {"type": "text"}, "verbosity": "low"},
    "reasoning": {"effort": "low"},
    "max_output_tokens": 50,
    "store": False,
    "metadata": {"session_id": "s"},
}  # fmt: skip
GEMINI: dict[str, Any] = {
    "systemInstruction": {"parts": [{"text": "Be brief."}]},
    "contents": [
        {"role": "user", "parts": [{"text": "grüße"}, {"inlineData": {"mimeType": "image/png", "data": "AA=="}}]},
        {"role": "model", "parts": [{"text": "hm", "thought": True}, {"functionCall": {"name": "f", "args": {}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": "ok"}}}]},
    ],
    "tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT"}}]}],
    "toolConfig": {"functionCallingConfig": {"mode": "AUTO"}},
    "generationConfig": {"maxOutputTokens": 50, "temperature": 0.5, "thinkingConfig": {"thinkingBudget": -1}},
}  # fmt: skip
FRONTS = {
    "/v1/chat/completions": OPENAI,
    "/v1/messages": ANTHROPIC,
    "/v1/responses": RESPONSES,
    "/v1beta/models/m:generateContent": GEMINI,
}
ODD: list[Any] = [
    None,
    True,
    -1,
    0,
    1e308,
    10**30,
    "",
    "\x00",
    "\ud800",
    "x" * 10_000,
    [],
    {},
    [[]],
    {"": None},
    ["", None],
]
CALLS = 250


def mutate(value: Any, chance: random.Random) -> Any:
    """One thing changed somewhere: replaced, removed, doubled, or given an odd neighbour."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        told = dict(cast("dict[str, Any]", value))
        key = chance.choice(list(told))
        step = chance.random()
        if step < 0.15:
            del told[key]
        elif step < 0.3:
            told[chance.choice(["type", "role", "content", "stream", "n", "x" * 300])] = chance.choice(ODD)
        else:
            told[key] = mutate(told[key], chance)
        return told
    if isinstance(value, list) and value and chance.random() < 0.85:
        items = list(cast("list[Any]", value))
        at = chance.randrange(len(items))
        if chance.random() < 0.2:
            items.insert(at, chance.choice(ODD))
        else:
            items[at] = mutate(items[at], chance)
        return items
    return chance.choice(ODD)


def body_of(base: dict[str, Any], chance: random.Random) -> bytes:
    told = base
    for _ in range(chance.randint(1, 3)):
        told = mutate(told, chance) if isinstance(told, dict) else base
    data = json.dumps(told).encode()
    if chance.random() < 0.3:  # and bytes that are no JSON at all
        at = chance.randrange(len(data))
        data = data[:at] + bytes(chance.randrange(256) for _ in range(chance.randint(0, 4))) + data[at + 1 :]
    return data


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("upstream_dialect", ["openai_chat", "anthropic_messages"])
def test_whatever_a_client_sends_it_gets_its_own_error_or_the_providers_answer(
    front: str, upstream_dialect: str
) -> None:
    chance = random.Random(f"{front}{upstream_dialect}")
    message = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "hi"}], "model": "up-1"}
    told = {**message, "id": "m1", "stop_reason": "end_turn", "usage": {"input_tokens": 3, "output_tokens": 2}}
    script = answers(WHOLE if upstream_dialect == "openai_chat" else told)

    async def main() -> None:
        async with upstream(script) as up:
            there = provider("lab", up.port, upstream_dialect, api_key=SECRET, headers={"x-secret": SECRET})
            async with running([there], [Model(name="m", provider="lab", upstream="up-1", price=PRICE)]) as g:
                seen: set[int] = set()
                for _ in range(CALLS):
                    body = body_of(FRONTS[front], chance)
                    async with asyncio.timeout(PATIENCE_S):
                        response = await g.client.post(front, content=body)
                    seen.add(response.status_code)
                    assert response.status_code < 500 or provider_did_not_stream(response.text), (body, response.text)
                    assert SECRET not in response.text + repr(response.headers)
                    if response.status_code != 200:
                        assert json.loads(response.text)["error"]["message"], body
                assert {200, 400} <= seen, "the mutations are too tame or too wild to prove anything"
                assert SECRET not in repr(g.spool.records)
                assert len(g.spool.records) == CALLS

    asyncio.run(main())


def provider_did_not_stream(text: str) -> bool:
    """A mutation may ask for a stream; this provider never streams, which is its fault and told as such."""
    return "did not stream" in text or "upstream_stream_cut" in text
