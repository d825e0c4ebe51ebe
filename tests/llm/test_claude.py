"""What one or another of Anthropic's models refuses is not sent to it by a client of another dialect."""

import json
from collections.abc import Callable
from typing import Any

import openai
import pytest
from bridge import Bridge

from patience import PATIENCE_S
from trimtab.llm.dialects import DIALECTS, Quirks
from trimtab.llm.dialects._claude import version_of
from trimtab.llm.simulated import claude
from trimtab.llm.types import Message, Reasoning, Request, Text, Tool, ToolCall, ToolChoice, ToolResult

OLD = (
    "claude-3-5-sonnet-20241022",
    "claude-opus-4-20250514",
    "claude-opus-4-1-20250805",
    "claude-sonnet-4-5",
    "claude-haiku-4-5-20251001",
    "claude-opus-4-6",
    "eu.anthropic.claude-haiku-4-5-20251001-v1:0",
    "amazon.nova-lite-v1:0",
    "m",
)
NEW = (
    "claude-opus-4-7",
    "claude-opus-4-8-20260601",
    "claude-opus-5",
    "claude-sonnet-5-5",
    "claude-fable-5",
    "us.anthropic.claude-opus-4-7-v1:0",
    "claude-opus-4-10",
)
LOOK = Tool(name="look", parameters={"type": "object", "properties": {}})
ASKED: dict[str, Any] = {"temperature": 0.2, "top_p": 0.9, "top_k": 40}


def test_models_are_told_apart_by_their_names() -> None:
    assert [version_of(model) for model in OLD] == [(3, 5), (4, 0), (4, 1), (4, 5), (4, 5), (4, 6), (4, 5), None, None]
    assert [version_of(model) for model in NEW] == [(4, 7), (4, 8), (5, 0), (5, 5), (5, 0), (4, 7), (4, 10)]


def rendered(dialect: str, model: str, **fields: Any) -> Any:
    request = Request(dialect="gemini", model="m", messages=(Message("user", (Text("Hello"),)),), **fields)
    return json.loads(DIALECTS.get(dialect).render_request(request, model, Quirks()))


@pytest.mark.parametrize(
    ("wish", "thinking", "effort"),
    [
        ({}, None, None),
        ({"reasoning_effort": "high"}, {"type": "adaptive"}, "high"),
        ({"reasoning_effort": "minimal"}, {"type": "adaptive"}, "low"),
        ({"reasoning_effort": "none"}, None, "low"),
        ({"reasoning_budget": 1024}, {"type": "adaptive"}, "low"),
        ({"reasoning_budget": 4000}, {"type": "adaptive"}, "medium"),
        ({"reasoning_budget": 24_576}, {"type": "adaptive"}, "high"),
        ({"reasoning_budget": 60_000}, {"type": "adaptive"}, "xhigh"),
        ({"reasoning_budget": 1024, "reasoning_effort": "max"}, {"type": "adaptive"}, "max"),
        (
            {"reasoning_effort": "high", "tools": (LOOK,), "tool_choice": ToolChoice(mode="required")},
            None,  # refused beside a tool that must be called
            "high",
        ),
    ],
)
def test_a_newer_model_thinks_adaptively_and_is_sent_no_sampling(
    wish: dict[str, Any], thinking: Any, effort: str | None
) -> None:
    body = rendered("anthropic_messages", "claude-opus-5", **ASKED, **wish)
    assert set(ASKED) & set(body) == set()
    assert (body.get("thinking"), body.get("output_config", {}).get("effort")) == (thinking, effort)
    converse = rendered("bedrock_converse", "eu.anthropic.claude-opus-4-7-v1:0", **ASKED, **wish)
    assert set(converse.get("inferenceConfig", {})) & {"temperature", "topP"} == set()
    more = converse.get("additionalModelRequestFields", {})
    assert "top_k" not in more
    assert (more.get("thinking"), converse.get("outputConfig", {}).get("effort")) == (thinking, effort)


@pytest.mark.parametrize("model", ["claude-opus-4-5", "claude-opus-4-6", "claude-sonnet-4-6-20260201", "lab-model"])
def test_an_effort_goes_to_the_models_that_know_it(model: str) -> None:
    body = rendered("anthropic_messages", model, **ASKED, reasoning_effort="high")
    one = {"temperature": 0.2, "top_k": 40}  # the two exclude each other there
    assert (ASKED if model == "lab-model" else one).items() <= body.items()
    assert (body.get("thinking"), body["output_config"]) == (None, {"effort": "high"})


@pytest.mark.parametrize(
    ("model", "wish", "effort"),
    [
        ("claude-opus-4-5", "max", "high"),
        ("claude-opus-4-5", "xhigh", "high"),
        ("claude-sonnet-4-6", "max", "max"),
        ("claude-sonnet-4-6", "xhigh", "high"),
        ("claude-sonnet-4-6", "minimal", "low"),
    ],
)
def test_an_effort_that_a_model_lacks_is_the_next_it_has(model: str, wish: str, effort: str) -> None:
    assert rendered("anthropic_messages", model, reasoning_effort=wish)["output_config"] == {"effort": effort}


THOUGHTLESS = (
    "claude-3-7-sonnet-20250219",
    "claude-opus-4-20250514",
    "claude-opus-4-1-20250805",
    "claude-sonnet-4-5",
    "claude-haiku-4-5-20251001",
)


@pytest.mark.parametrize("model", THOUGHTLESS)
@pytest.mark.parametrize(("wish", "budget"), [("minimal", 1024), ("medium", 8192), ("high", 24_576), ("max", 24_576)])
def test_an_effort_is_a_budget_for_models_that_refuse_it(model: str, wish: str, budget: int) -> None:
    """Anthropic says "400: This model does not support the effort parameter."."""
    body = rendered("anthropic_messages", model, **ASKED, reasoning_effort=wish, max_tokens=60_000)
    assert "output_config" not in body
    most = 16_000 if "opus-4" in model else budget  # half of what Opus 4 and 4.1 write
    assert body["thinking"] == {"type": "enabled", "budget_tokens": min(budget, most)}
    assert set(ASKED) & set(body) == set(), "Anthropic refuses these beside a budget"
    assert claude.refusal(body, model) == ""
    converse = rendered("bedrock_converse", f"us.anthropic.{model}-v1:0", **ASKED, reasoning_effort=wish)
    assert "outputConfig" not in converse
    assert converse["additionalModelRequestFields"] == {"thinking": {"type": "enabled", "budget_tokens": budget}}


def test_thinking_leaves_half_of_a_bounded_answer() -> None:
    def asked(**fields: Any) -> Any:
        return rendered("anthropic_messages", "claude-sonnet-4-5", **fields).get("thinking")

    assert asked(reasoning_effort="high", max_tokens=6000) == {"type": "enabled", "budget_tokens": 3000}
    assert asked(reasoning_effort="high") == {"type": "enabled", "budget_tokens": 2048}, "of our own bound"
    assert asked(reasoning_effort="high", max_tokens=2000) is None, "no room for the least budget"
    assert asked(reasoning_budget=5000, max_tokens=5001) == {"type": "enabled", "budget_tokens": 5000}, "as it was said"
    assert asked(reasoning_budget=5000, max_tokens=5000) == {"type": "enabled", "budget_tokens": 2500}
    assert asked(reasoning_budget=200, max_tokens=5000) == {"type": "enabled", "budget_tokens": 1024}


@pytest.mark.parametrize("wish", [{"reasoning_effort": "low"}, {"reasoning_budget": 1024}])
@pytest.mark.parametrize("model", ["claude-haiku-4-5", "us.anthropic.claude-haiku-4-5-20251001-v1:0"])
def test_nobody_thinks_where_it_would_be_refused(model: str, wish: dict[str, Any]) -> None:
    def thinks(*messages: Message, **fields: Any) -> bool:
        dialect = "bedrock_converse" if "us." in model else "anthropic_messages"
        asked = Request(
            dialect="openai_chat", model="m", messages=(Message("user", (Text("Hello"),)), *messages), tools=(LOOK,),
            max_tokens=4000, **wish, **fields,
        )  # fmt: skip
        body = json.loads(DIALECTS.get(dialect).render_request(asked, model, Quirks()))
        body = body.get("additionalModelRequestFields", {}) | body
        assert set(body.get("output_config", {})) | set(body.get("outputConfig", {})) == set()
        return "thinking" in body

    call, result = ToolCall("c-1", "look", "{}"), Message("tool", (ToolResult("c-1", (Text("17"),)),))
    assert thinks()
    assert not thinks(tool_choice=ToolChoice(mode="required"))
    assert not thinks(Message("assistant", (Text("The"),))), "the beginning of an answer"
    assert not thinks(Message("assistant", (call,)), result), "the thought before the call was not kept"
    assert not thinks(Message("assistant", (Reasoning(text="Hm."), call)), result), "it was not signed"
    assert thinks(Message("assistant", (Reasoning(text="Hm.", signature="c2ln"), call)), result)
    assert thinks(
        Message("assistant", (call,)), result, Message("assistant", (Text("17"),)), Message("user", (Text("?"),))
    )


def test_models_that_cannot_think_are_not_asked_to() -> None:
    body = rendered("anthropic_messages", "claude-3-5-sonnet-20241022", **ASKED, reasoning_effort="high")
    assert ASKED.items() <= body.items()
    assert {"thinking", "output_config"} & set(body) == set()
    nova = rendered("bedrock_converse", "amazon.nova-lite-v1:0", **ASKED, reasoning_budget=2048)
    assert "additionalModelRequestFields" not in nova


@pytest.mark.parametrize("vendor", ["anthropic_messages", "bedrock_converse"])
def test_openais_client_has_older_models_think_and_use_tools(vendor: str, serve: Callable[[Any], str]) -> None:
    """An effort, a tool's call, and its result without the thought, which Chat Completions cannot keep."""
    client = openai.OpenAI(
        base_url=serve(Bridge("openai_chat", vendor)) + "/v1", api_key="k", max_retries=0, timeout=PATIENCE_S
    )
    tool: Any = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
    model = "us.anthropic.claude-haiku-4-5-20251001-v1:0" if vendor == "bedrock_converse" else "claude-haiku-4-5"
    messages: list[Any] = [{"role": "user", "content": "Hello"}]
    first = client.chat.completions.create(model=model, messages=messages, reasoning_effort="high", temperature=0.3)
    assert "reasoning_content" in (first.choices[0].message.model_extra or {})
    messages[0] = {"role": "user", "content": "Use look for 'x'."}
    asked = client.chat.completions.create(model=model, messages=messages, tools=[tool], reasoning_effort="high")
    call = (asked.choices[0].message.tool_calls or [])[0]
    messages.append({"role": "assistant", "tool_calls": [call.to_dict()]})
    messages.append({"role": "tool", "tool_call_id": call.id, "content": "17 degrees"})
    last = client.chat.completions.create(model=model, messages=messages, tools=[tool], reasoning_effort="high")
    assert "17 degrees" in (last.choices[0].message.content or "")


def test_a_client_of_anthropics_own_dialect_is_taken_at_its_word() -> None:
    said = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hello"}], "temperature": 0.2}
    dialect = DIALECTS.get("anthropic_messages")
    request = dialect.parse_request(json.dumps(said).encode())
    assert json.loads(dialect.render_request(request, "claude-opus-5", Quirks()))["temperature"] == 0.2


def test_openais_client_reaches_a_newer_model_with_a_temperature(serve: Callable[[Any], str]) -> None:
    bridge = Bridge("openai_chat", "anthropic_messages")
    client = openai.OpenAI(base_url=serve(bridge) + "/v1", api_key="k", max_retries=0, timeout=PATIENCE_S)
    answer = client.chat.completions.create(
        model="claude-opus-5",
        messages=[{"role": "user", "content": "Hello"}],
        temperature=0.2,
        top_p=0.5,
        reasoning_effort="high",
    )
    assert answer.usage is not None
    assert answer.usage.completion_tokens_details is not None
    assert answer.usage.completion_tokens_details.reasoning_tokens


OFF = {"type": "disabled"}


@pytest.mark.parametrize(
    ("upstream", "model", "path", "told"),
    [
        ("openai_chat", "gpt-5.6-sol", ("reasoning_effort",), "none"),
        ("openai_chat", "gpt-5-mini", ("reasoning_effort",), "minimal"),
        ("openai_chat", "gpt-4o", ("reasoning_effort",), None),
        ("openai_chat", "mystery", ("reasoning_effort",), None),
        ("openai_responses", "perplexity/sonar", ("reasoning",), None),
        ("openai_responses", "gpt-6-astra", ("reasoning", "effort"), "low"),
        ("gemini", "gemini-2.5-flash", ("generationConfig", "thinkingConfig", "thinkingBudget"), 0),
        ("anthropic_messages", "claude-opus-5", ("thinking", "type"), "disabled"),
        ("anthropic_messages", "claude-opus-5", ("output_config",), None),
        ("bedrock_converse", "anthropic.claude-opus-5-v1:0", ("outputConfig",), None),
        ("bedrock_converse", "anthropic.claude-opus-5-v1:0", ("additionalModelRequestFields",), None),
    ],
)
def test_a_client_of_claudes_that_wants_no_thinking_gets_none_elsewhere(
    upstream: str, model: str, path: tuple[str, ...], told: Any
) -> None:
    said = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}], "thinking": OFF}
    request = DIALECTS.get("anthropic_messages").parse_request(json.dumps(said).encode())
    found: Any = json.loads(DIALECTS.get(upstream).render_request(request, model, Quirks()))
    for name in path:
        found = None if found is None else found.get(name)
    assert found == told
