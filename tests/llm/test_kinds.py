"""What vendors' references say of requests, held against what their kinds send."""

import json
from typing import Any

import pytest

from trimtab.llm.dialects import DIALECTS
from trimtab.llm.providers import PROVIDER_KINDS
from trimtab.llm.types import Message, Reasoning, Refusal, Request, Text, ToolCall, ToolResult

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


@pytest.mark.parametrize("kind", ["cerebras", "groq", "ollama", "sambanova", "vllm"])
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


EFFORTS = [
    ("moonshot", "kimi-k3", {"none": "low", "medium": "high", "high": "high", "xhigh": "max", "max": "max"}),
    ("moonshot", "kimi-k2.6", {"medium": "medium", "max": "high"}),
    ("xai", "grok-4.6", {"none": "low", "minimal": "low", "xhigh": "xhigh", "max": "xhigh"}),
    ("xai", "grok-4.5", {"none": "low", "medium": "medium", "max": "high"}),
    ("xai", "grok-4.3-latest", {"none": "none", "max": "high"}),
    ("xai", "grok-4", {"none": "none", "max": "high"}),
    ("xai", "grok-4.20-multi-agent-0309", {"minimal": "low", "max": "xhigh"}),
    ("xai", "grok-4.20-0309-reasoning", {"none": None, "high": None}),
    ("xai", "grok-4-1-fast-reasoning", {"high": None}),
    ("xai", "grok-4-0709", {"high": None}),
    ("xai", "grok-code-fast-1", {"low": None}),
    ("xai", "grok-build-0.1", {"low": None}),
    ("xai", "grok-3", {"low": None}),
    ("xai", "grok-3-mini", {"medium": "high", "low": "low"}),
    ("xai", "grok-5", {"max": "xhigh"}),
]


@pytest.mark.parametrize(("kind", "model", "efforts"), EFFORTS)
def test_a_model_is_asked_for_an_effort_that_it_has(kind: str, model: str, efforts: dict[str, str | None]) -> None:
    for asked, sent in efforts.items():
        request = Request(
            dialect="anthropic_messages", model="m", messages=(Message("user", (Text("hi"),)),), reasoning_effort=asked
        )
        body = json.loads(OPENAI.render_request(request, model, PROVIDER_KINDS.get(kind).quirks))
        assert body.get("reasoning_effort") == sent, asked


def test_xai_is_sent_no_penalties_and_moonshot_no_tool_by_its_name() -> None:
    body = forwarded("xai", presence_penalty=0, frequency_penalty=0.5, temperature=0.3)
    assert set(body) == {"model", "messages", "max_completion_tokens", "temperature"}
    tools = [{"type": "function", "function": {"name": name}} for name in ("f", "g")]
    body = forwarded("moonshot", tools=tools, tool_choice={"type": "function", "function": {"name": "g"}})
    assert (body["tools"], body["tool_choice"]) == (tools[1:], "required")
    body = forwarded("moonshot", tools=tools, tool_choice="auto")
    assert (body["tools"], body["tool_choice"]) == (tools, "auto")


ANSWERED: dict[str, Any] = {
    "role": "assistant", "content": None, "refusal": "I will not.", "annotations": [], "audio": None,
    "function_call": None, "tool_calls": None, "name": "helper",
}  # fmt: skip


@pytest.mark.parametrize("kind", ["cerebras", "groq", "mistral"])
def test_an_answer_that_a_client_appended_as_it_got_it_is_not_refused_for_what_else_it_holds(kind: str) -> None:
    """Groq: "property 'annotations' is unsupported"; Mistral and Cerebras forbid every field that they do not know."""
    said = ANSWERED | {"content": "Well.", "refusal": None}
    told = {"role": "tool", "tool_call_id": "c1", "name": "f", "content": "fog"}
    sent = forwarded(kind, messages=[{"role": "user", "content": "hi", "name": "ann"}, said, ANSWERED, told])[
        "messages"
    ]
    kept = {"name": "helper"} if kind not in ("mistral", "groq") else {}
    assert sent[0] == {"role": "user", "content": "hi"} | ({"name": "ann"} if kept else {})
    assert sent[1] == {"role": "assistant", "content": "Well.", "tool_calls": None} | kept
    assert sent[2] == {"role": "assistant", "content": "I will not.", "tool_calls": None} | kept
    assert (sent[3]["name"], sent[3]["content"]) == ("f", "fog")


def test_sound_and_old_calls_stay_for_the_provider_to_refuse_and_others_get_messages_as_they_are() -> None:
    heavy = ANSWERED | {"audio": {"id": "a"}, "function_call": {"name": "f", "arguments": ""}}
    sent = forwarded("groq", messages=[heavy])["messages"][0]
    assert (sent["audio"], sent["function_call"]) == (heavy["audio"], heavy["function_call"])
    assert forwarded("openai", messages=[ANSWERED])["messages"] == [ANSWERED]


def test_a_refusal_of_another_dialects_client_is_content_where_it_has_no_other_place() -> None:
    said = (Message("user", (Text("hi"),)), Message("assistant", (Refusal("No."),)))
    request = Request(dialect="openai_responses", model="m", messages=said)

    def sent(kind: str) -> Any:
        return json.loads(OPENAI.render_request(request, "up", PROVIDER_KINDS.get(kind).quirks))["messages"][1]

    assert sent("groq") == {"role": "assistant", "content": "No."}
    assert sent("openai") == {"role": "assistant", "content": None, "refusal": "No."}


def test_every_kind_names_an_address_a_title_and_where_its_clients_look_for_the_key() -> None:
    for name, kind in PROVIDER_KINDS.all().items():
        assert kind.name == name
        assert kind.title
        assert kind.base_url.startswith("http") or name in ("custom", "local"), name
        assert kind.key_variable or not kind.needs_key, name
        assert not kind.base_url.endswith("/"), name
        for dialect in (kind.dialect, *kind.also, *kind.operations.values()):
            assert dialect in DIALECTS.all(), name
