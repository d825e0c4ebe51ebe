"""What vendors' references say of requests, held against what their kinds send."""

import json
from typing import Any

import pytest

from trimtab.llm.dialects import DIALECTS
from trimtab.llm.providers import PROVIDER_KINDS
from trimtab.llm.types import Message, Reasoning, Request, Text, ToolCall, ToolResult

OPENAI = DIALECTS.get("openai_chat")
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
ASKED: dict[str, Any] = {
    "model": "m",
    "messages": [
        {"role": "user", "content": "look"},
        {"role": "assistant", "content": None, "tool_calls": [CALL], "reasoning_content": "hm"},
        {"role": "tool", "tool_call_id": "c1", "content": "fog"},
    ],
    "max_completion_tokens": 9,
}


def forwarded(kind: str, **more: Any) -> dict[str, Any]:
    """What an OpenAI client's body is when it leaves."""
    raw = json.dumps(ASKED | more).encode()
    return json.loads(OPENAI.forward(raw, OPENAI.peek(raw), "up", PROVIDER_KINDS.get(kind).quirks))


def rendered(kind: str) -> dict[str, Any]:
    """What a call of another dialect's client becomes."""
    said = (
        Message("developer", (Text("Be brief."),)),
        Message("user", (Text("look"),)),
        Message("assistant", (Reasoning(text="hm"), ToolCall("c1", "f", "{}"))),
        Message("tool", (ToolResult("c1", (Text("fog"),)),)),
    )
    request = Request(dialect="anthropic_messages", model="m", messages=said, max_tokens=9)
    return json.loads(OPENAI.render_request(request, "up", PROVIDER_KINDS.get(kind).quirks))


@pytest.mark.parametrize("kind", ["dashscope", "deepinfra", "deepseek", "mistral", "ollama", "together", "zai"])
def test_a_bound_goes_by_the_only_name_that_the_vendor_knows(kind: str) -> None:
    for body in (forwarded(kind), rendered(kind)):
        assert body["max_tokens"] == 9
        assert "max_completion_tokens" not in body


@pytest.mark.parametrize("kind", ["azure", "cerebras", "groq", "minimax", "moonshot", "openai", "sambanova", "xai"])
def test_a_bound_goes_by_the_newer_name_where_the_older_one_is_on_its_way_out(kind: str) -> None:
    for body in (forwarded(kind), rendered(kind)):
        assert body["max_completion_tokens"] == 9
        assert "max_tokens" not in body


@pytest.mark.parametrize("kind", ["cerebras", "sambanova", "vllm"])
def test_thoughts_go_back_by_the_name_that_the_vendors_types_have(kind: str) -> None:
    spoken = forwarded(kind)["messages"][1]
    assert spoken["reasoning"] == "hm"
    assert "reasoning_content" not in spoken


def test_cerebras_is_sent_nothing_that_its_schema_does_not_have() -> None:
    body = forwarded("cerebras", store=False, metadata={"a": "b"}, safety_identifier="u", verbosity="low", seed=4)
    assert set(body) == {"model", "messages", "max_completion_tokens", "seed"}
    assert rendered("cerebras")["messages"][0]["role"] == "developer"


def test_moonshot_gets_thoughts_where_tools_were_called_if_empty_ones() -> None:
    without = [
        {name: value for name, value in each.items() if name != "reasoning_content"} for each in ASKED["messages"]
    ]
    assert forwarded("moonshot")["messages"][1]["reasoning_content"] == "hm"
    assert forwarded("moonshot", messages=without)["messages"][1]["reasoning_content"] == ""
    assert rendered("moonshot")["messages"][2]["reasoning_content"] == "hm"


def test_every_kind_names_an_address_a_title_and_where_its_clients_look_for_the_key() -> None:
    for name, kind in PROVIDER_KINDS.all().items():
        assert kind.name == name
        assert kind.title
        assert kind.base_url.startswith("http") or name in ("custom", "local"), name
        assert kind.key_variable or not kind.needs_key, name
        assert not kind.base_url.endswith("/"), name
        for dialect in (kind.dialect, *kind.also, *kind.operations.values()):
            assert dialect in DIALECTS.all(), name
