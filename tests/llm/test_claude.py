"""What Anthropic's newer models refuse is not sent to them by a client of another dialect."""

import json
from collections.abc import Callable
from typing import Any

import openai
import pytest
from bridge import Bridge

from patience import PATIENCE_S
from trimtab.llm.dialects import DIALECTS, Quirks
from trimtab.llm.dialects._claude import is_adaptive
from trimtab.llm.types import Message, Request, Text, Tool, ToolChoice

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
    assert [is_adaptive(model) for model in OLD] == [False] * len(OLD)
    assert [is_adaptive(model) for model in NEW] == [True] * len(NEW)


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


def test_an_older_model_is_asked_as_before() -> None:
    body = rendered("anthropic_messages", "claude-sonnet-4-5", **ASKED, reasoning_budget=2048)
    assert ASKED.items() <= body.items()
    assert body["thinking"] == {"type": "enabled", "budget_tokens": 2048}
    converse = rendered("bedrock_converse", OLD[6], **ASKED, reasoning_budget=2048)
    assert converse["inferenceConfig"] == {"temperature": 0.2, "topP": 0.9}
    thinking = {"type": "enabled", "budget_tokens": 2048}
    assert converse["additionalModelRequestFields"] == {"top_k": 40, "thinking": thinking}
    nova = rendered("bedrock_converse", "amazon.nova-lite-v1:0", **ASKED, reasoning_budget=2048)
    assert "additionalModelRequestFields" not in nova


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
