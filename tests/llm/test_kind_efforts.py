"""Efforts and thinking of vendors that speak OpenAI's dialect, as their rows say."""

import json
from typing import Any

import pytest

from trimtab.llm.dialects import DIALECTS
from trimtab.llm.providers import PROVIDER_KINDS

TOOL = {"name": "look", "input_schema": {"type": "object"}}


def sent(kind: str, model: str, effort: str | None = None, **said: Any) -> dict[str, Any]:
    """What Claude's client's call becomes there."""
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]} | said
    if effort is not None:
        body["output_config"] = {"effort": effort}
    request = DIALECTS.get("anthropic_messages").parse_request(json.dumps(body).encode())
    return json.loads(DIALECTS.get("openai_chat").render_request(request, model, PROVIDER_KINDS.get(kind).quirks))


@pytest.mark.parametrize(
    ("kind", "model", "asked", "told"),
    [
        ("groq", "llama-3.3-70b-versatile", "high", None),
        ("groq", "openai/gpt-oss-120b", "max", "high"),
        ("groq", "qwen/qwen3-32b", "high", "default"),
        ("groq", "qwen/qwen3-32b", "none", "none"),
        ("groq", "qwen/qwen3.8-27b", "xhigh", "high"),
        ("cerebras", "gpt-oss-120b", "max", "high"),
        ("cerebras", "llama3.1-8b", "low", None),
        ("fireworks", "accounts/fireworks/models/deepseek-v4-pro", "low", "high"),
        ("fireworks", "accounts/fireworks/models/glm-5p3", "xhigh", "high"),
        ("fireworks", "accounts/fireworks/models/llama-v3p3-70b-instruct", "low", None),
        ("deepseek", "deepseek-v4-pro", "low", "high"),
        ("deepseek", "deepseek-v4-pro", "max", "max"),
        ("deepseek", "deepseek-v4-pro", None, None),
    ],
)
def test_an_effort_is_one_that_the_vendors_model_has(kind: str, model: str, asked: str, told: str | None) -> None:
    body = sent(kind, model, asked)
    assert (body.get("reasoning_effort"), "thinking" in body) == (told, False)


@pytest.mark.parametrize(
    "said",
    [
        {"effort": "none"},
        {"tools": [TOOL], "tool_choice": {"type": "any"}},
        {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "look"}, "effort": "high"},
    ],
)
def test_deepseeks_models_do_not_think_where_they_would_refuse_to(said: dict[str, Any]) -> None:
    body = sent("deepseek", "deepseek-v4-flash", **said)
    assert (body["thinking"], "reasoning_effort" in body) == ({"type": "disabled"}, False)
    asked = sent("deepseek", "deepseek-v4-flash", "high", tools=[TOOL], tool_choice={"type": "auto"})
    assert (asked["reasoning_effort"], "thinking" in asked) == ("high", False)


def test_who_speaks_is_not_named_to_groq() -> None:
    chat, quirks = DIALECTS.get("openai_chat"), PROVIDER_KINDS.get("groq").quirks
    call = {"role": "tool", "tool_call_id": "a", "name": "look", "content": "rain"}
    said = {"model": "m", "messages": [{"role": "user", "name": "ann", "content": "Hi"}, call]}
    body = json.dumps(said).encode()
    told = json.loads(chat.forward(body, chat.peek(body), "llama", quirks))["messages"]
    assert [sorted(message) for message in told] == [["content", "role"], ["content", "name", "role", "tool_call_id"]]
