"""Calls reach servers of one's own written so that these take them, by the whole gateway: the simulated LM Studio and
Ollama refuse what the real ones refuse."""

import asyncio
from typing import Any

import httpx
import pytest
from harness import KEY
from test_vendors import vendor

PATHS = {"lmstudio": "/lmstudio/v1", "ollama": "/ollama/v1", "llamacpp": "/v1"}
HI: dict[str, Any] = {"role": "user", "content": "Look, please, and answer in JSON"}
TOOLS = [{"type": "function", "function": {"name": name}} for name in ("look", "jump")]
NAMED: dict[str, Any] = {"type": "function", "function": {"name": "jump"}}
MODEL = "qwen3"


async def sent(kind: str, path: str, said: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the server was asked, which it took, and what it answered."""
    async with vendor(kind, MODEL, path=PATHS[kind]) as (g, app):
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{g.port}", timeout=60) as client:
            headers = {"authorization": f"Bearer {KEY}"}
            answer = await client.post(path, json={"model": "m"} | said, headers=headers)
        assert answer.status_code == 200, answer.text
        return app.calls[-1].body, answer.json()


def chat(kind: str, **said: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    return asyncio.run(sent(kind, "/v1/chat/completions", {"messages": [HI]} | said))


def claude(kind: str, **said: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    return asyncio.run(sent(kind, "/v1/messages", {"messages": [HI], "max_tokens": 60} | said))


@pytest.mark.parametrize("kind", PATHS)
def test_a_tool_demanded_by_its_name_is_the_only_one_offered(kind: str) -> None:
    body, answer = chat(kind, tools=TOOLS, tool_choice=NAMED)
    assert (body["tools"], body["tool_choice"]) == (TOOLS[1:], "required")
    if kind != "ollama":  # which does not read the choice, and leaves it to the model
        assert [call["function"]["name"] for call in answer["choices"][0]["message"]["tool_calls"]] == ["jump"]
    theirs = [{"name": name, "input_schema": {"type": "object"}} for name in ("look", "jump")]
    body, _ = claude(kind, tools=theirs, tool_choice={"type": "tool", "name": "jump"})
    assert [tool["function"]["name"] for tool in body["tools"]] == ["jump"]
    assert body["tool_choice"] == "required"


@pytest.mark.parametrize("choice", ["auto", "required", "none", None])
def test_any_other_choice_is_left_as_it_is(choice: str | None) -> None:
    body, _ = chat("lmstudio", tools=TOOLS, tool_choice=choice)
    assert (body["tools"], body["tool_choice"]) == (TOOLS, choice)


def test_lm_studio_is_asked_for_json_by_a_schema() -> None:
    any_object = {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}}
    body, _ = chat("lmstudio", response_format={"type": "json_object"})
    assert body["response_format"] == any_object
    google: dict[str, Any] = {"contents": [{"parts": [{"text": "JSON, please"}]}]}
    google |= {"generationConfig": {"responseMimeType": "application/json"}}
    body, _ = asyncio.run(sent("lmstudio", "/v1beta/models/m:generateContent", google))
    assert body["response_format"] == any_object
    body, _ = chat("lmstudio", response_format={"type": "text"})
    assert body["response_format"] == {"type": "text"}


@pytest.mark.parametrize("kind", ["lmstudio", "ollama"])
def test_a_bound_by_its_newer_name_binds(kind: str) -> None:
    said = {"messages": [HI], "max_completion_tokens": 7}
    body, _ = asyncio.run(sent(kind, "/v1/chat/completions", said))
    assert body["max_tokens"] == 7
    assert "max_completion_tokens" not in body


@pytest.mark.parametrize(("effort", "kept"), [("minimal", "low"), ("xhigh", "max"), ("high", "high"), ("none", "none")])
def test_ollama_is_asked_for_an_effort_that_it_knows(effort: str, kept: str) -> None:
    said = {"input": "Hello", "reasoning": {"effort": effort}}
    body, _ = asyncio.run(sent("ollama", "/v1/responses", said))
    assert body["reasoning_effort"] == kept


def test_a_call_that_was_made_with_nothing_has_an_empty_object() -> None:
    call = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": ""}
    given = [HI, call, {"type": "function_call_output", "call_id": "c1", "output": "17"}]
    body, _ = asyncio.run(sent("ollama", "/v1/responses", {"input": given}))
    assert body["messages"][1]["tool_calls"][0]["function"] == {"name": "look", "arguments": "{}"}
