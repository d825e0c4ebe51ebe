"""How far a prompt cache may keep a prompt, as Anthropic's clients and OpenAI's mark it, at vendors that know marks."""

import json
from typing import Any

import pytest
from bridge import Bridge
from taking import HI, Serve, asked, taken

from trimtab.llm.dialects import DIALECTS, Quirks
from trimtab.llm.simulated import anthropic_messages, bedrock_converse

HAIKU, SONNET_3_7 = "eu.anthropic.claude-haiku-4-5-20251001-v1:0", "us.anthropic.claude-3-7-sonnet-20250219-v1:0"
NOVA, LLAMA = "amazon.nova-lite-v1:0", "meta.llama3-3-70b-instruct-v1:0"
MARK: dict[str, Any] = {"type": "ephemeral"}
HOUR: dict[str, Any] = {"type": "ephemeral", "ttl": "1h"}
POINT: dict[str, Any] = {"cachePoint": {"type": "default"}}
HOURS: dict[str, Any] = {"cachePoint": {"type": "default", "ttl": "1h"}}
CALL: dict[str, Any] = {"type": "tool_use", "id": "c1", "name": "look", "input": {}}
SIGNED: dict[str, Any] = {"type": "thinking", "thinking": "Look first.", "signature": "c2ln"}


def text(said: str, mark: dict[str, Any] | None = MARK) -> dict[str, Any]:
    return {"type": "text", "text": said} | ({} if mark is None else {"cache_control": mark})


def file(name: str, kind: str) -> dict[str, Any]:
    file = {"filename": name, "file_data": f"data:{kind};base64,YTti"}
    return {"type": "file", "file": file, "cache_control": MARK}


def agents(long: dict[str, Any] = MARK, **more: Any) -> dict[str, Any]:
    """As Claude Code marks: the tools, the system prompt, and the end of the conversation, a tool's result."""
    result = {"type": "tool_result", "tool_use_id": "c1", "content": "17 degrees", "cache_control": MARK}
    turns: list[Any] = [
        HI,
        {"role": "assistant", "content": [text("I look.", None), CALL]},
        {"role": "user", "content": [result]},
    ]
    tools: list[Any] = [
        {"name": "look", "input_schema": {"type": "object"}},
        {"name": "find", "input_schema": {"type": "object"}, "cache_control": long},
    ]
    system = [text("You are an agent.", None), text("Be brief.", long)]
    return {"model": "m", "max_tokens": 500, "system": system, "messages": turns, "tools": tools} | more


def points(body: dict[str, Any]) -> list[Any]:
    """Where they stand, and what they say."""
    tools = body.get("toolConfig", {}).get("tools", [])
    places = [("tools", tools), ("system", body.get("system", []))]
    places += [(at, message["content"]) for at, message in enumerate(body["messages"])]
    return [
        (place, at, b["cachePoint"].get("ttl")) for place, bs in places for at, b in enumerate(bs) if "cachePoint" in b
    ]


def rendered(model: str, said: dict[str, Any], front: str = "anthropic_messages") -> dict[str, Any]:
    """At Bedrock, which takes it."""
    request = DIALECTS.get(front).parse_request(json.dumps(said).encode())
    body = json.loads(DIALECTS.get("bedrock_converse").render_request(request, model, Quirks()))
    bedrock_converse.check(body)
    bedrock_converse.check_model(body, model)
    return body


def test_what_an_agent_marks_is_cached_for_claude_behind_bedrock(serve: Serve) -> None:
    sent = taken(serve, "anthropic_messages", "bedrock_converse", agents() | {"model": HAIKU})
    assert points(sent) == [("tools", 2, None), ("system", 2, None), (2, 1, None)]
    assert sent["system"][2] == POINT
    assert "toolResult" in sent["messages"][2]["content"][0]


def test_an_hour_is_told_to_models_that_know_it() -> None:
    assert points(rendered(HAIKU, agents(HOUR))) == [("tools", 2, "1h"), ("system", 2, "1h"), (2, 1, None)]
    assert points(rendered(SONNET_3_7, agents(HOUR))) == [("tools", 2, None), ("system", 2, None), (2, 1, None)]
    late = agents(messages=[{"role": "user", "content": [text("Hi", HOUR)]}])
    assert points(rendered(HAIKU, late)) == [("tools", 2, None), ("system", 2, None), (0, 1, None)]


@pytest.mark.parametrize(
    ("model", "kept"),
    [
        (NOVA, [("system", 2, None)]),
        (LLAMA, []),
        ("us.anthropic.claude-3-5-sonnet-20241022-v2:0", []),
        ("us.anthropic.claude-3-5-haiku-20241022-v1:0", [("tools", 2, None), ("system", 2, None), (2, 1, None)]),
    ],
)
def test_a_model_gets_the_marks_that_it_takes(model: str, kept: list[Any]) -> None:
    assert points(rendered(model, agents())) == kept


def test_no_mark_stands_where_bedrock_refuses_one() -> None:
    """After a thought, after a document that is no PDF, alone; a PDF may be followed by one."""
    files = [file("a.pdf", "application/pdf"), file("b.csv", "text/csv"), {"type": "text", "text": "Both?"}]
    sent = rendered(HAIKU, asked("m", messages=[{"role": "user", "content": files}]), "openai_chat")
    assert points(sent) == [(0, 1, None)]
    turns: list[Any] = [
        {"role": "user", "content": [text(" "), text("Go.", None)]},
        {"role": "assistant", "content": [SIGNED, text("\n"), text("Yes.", None)]},
        {"role": "user", "content": [text("Why?"), text("\n")]},
    ]
    assert points(rendered(HAIKU, {"model": "m", "max_tokens": 500, "messages": turns})) == [(2, 1, None)]


def test_the_whole_prompt_is_kept_where_the_call_says_so() -> None:
    said = {"model": "m", "max_tokens": 500, "messages": [HI], "cache_control": HOUR}
    assert rendered(HAIKU, said)["messages"][0]["content"] == [{"text": "Hello"}, HOURS]
    assert points(rendered(LLAMA, said)) == []


def test_no_more_than_four_marks_go_on_and_those_are_the_last() -> None:
    said = asked("m", messages=[{"role": "user", "content": [text(f"{number}") for number in range(6)]}])
    sent = rendered(HAIKU, said, "openai_chat")
    assert points(sent) == [(0, 3, None), (0, 5, None), (0, 7, None), (0, 9, None)]
    request = DIALECTS.get("openai_chat").parse_request(json.dumps(said).encode())
    body = json.loads(DIALECTS.get("anthropic_messages").render_request(request, "claude-haiku-4-5", Quirks()))
    anthropic_messages.check(body)
    assert [at for at, block in enumerate(body["messages"][0]["content"]) if "cache_control" in block] == [2, 3, 4, 5]


def test_openais_clients_mark_for_anthropic(serve: Serve) -> None:
    """As those of OpenRouter and LiteLLM do."""
    turns: list[Any] = [{"role": "system", "content": [text("Long.", HOUR)]}, {"role": "user", "content": [text("Hi")]}]
    sent = taken(serve, "openai_chat", "anthropic_messages", asked("claude-haiku-4-5", messages=turns))
    assert sent["system"] == [text("Long.", HOUR)]
    assert sent["messages"][0]["content"] == [text("Hi")]


@pytest.mark.parametrize("inside", [False, True])
def test_openais_clients_mark_their_tools(serve: Serve, *, inside: bool) -> None:
    """Beside the function or in it, as LiteLLM takes both."""
    function: dict[str, Any] = {"name": "find", "parameters": {"type": "object"}}
    mark = {"cache_control": HOUR}
    marked = {"type": "function", "function": function | (mark if inside else {})} | ({} if inside else mark)
    plain = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
    said = asked("claude-haiku-4-5", tools=[marked, plain])
    sent = taken(serve, "openai_chat", "anthropic_messages", said)
    assert [tool.get("cache_control") for tool in sent["tools"]] == [None, HOUR]
    assert points(rendered(HAIKU, asked("m", tools=[marked, plain]), "openai_chat")) == [("tools", 2, "1h")]


@pytest.mark.parametrize("mark", [5, "x", [], {}, {"type": "other"}, {"type": "ephemeral", "ttl": 7}, None])
def test_a_mark_of_any_shape_stops_no_call(mark: Any) -> None:
    said = agents(messages=[{"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": mark}]}])
    marked = "ephemeral" in json.dumps(mark)
    assert len(points(rendered(HAIKU, said))) == (3 if marked else 2)


def test_other_vendors_are_told_of_no_marks(serve: Serve) -> None:
    for upstream, model in (
        ("openai_chat", "gpt-4o-mini"),
        ("cohere_chat", "command-a-03-2025"),
        ("gemini", "gemini-3-flash"),
    ):
        bridge = Bridge("anthropic_messages", upstream)
        request = bridge.front.parse_request(json.dumps(agents()).encode())
        assert b"cache" not in bridge.upstream.render_request(request, model, Quirks()).lower()
