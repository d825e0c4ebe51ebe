"""One conversation in the shapes in which conventions write it, and spans of it."""

import json
from typing import Any

from trimtab.llm.types import Message, Text
from trimtab.telemetry.canonical import CanonicalSpan
from trimtab.telemetry.conventions import canonical
from trimtab.telemetry.foreign.spans import ForeignEvent, ForeignSpan

START = 1_700_000_000_000_000_000


def span(attributes: dict[str, Any] | None = None, **more: Any) -> ForeignSpan:
    base: dict[str, Any] = {"trace_id": "a" * 32, "span_id": "b" * 16, "start_ns": START, "end_ns": START + 1_000_000}
    return ForeignSpan(attributes=attributes or {}, **{**base, **more})


def read(attributes: dict[str, Any] | None = None, **more: Any) -> CanonicalSpan:
    return canonical(span(attributes, **more))


ASKED = (Message("system", (Text("Be brief."),)), Message("user", (Text("Hello?"),)))
ANSWER = (Message("assistant", (Text("Hi."),)),)
OPENAI = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello?"}]
PARTS = [
    {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
    {"role": "user", "parts": [{"type": "text", "content": "Hello?"}]},
]
SAID: dict[str, tuple[dict[str, Any], tuple[ForeignEvent, ...]]] = {
    "gen_ai as JSON": (
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.input.messages": json.dumps(PARTS),
            "gen_ai.output.messages": json.dumps(
                [{"role": "assistant", "parts": [{"type": "text", "content": "Hi."}], "finish_reason": "stop"}]
            ),
        },
        (),
    ),
    "gen_ai as JSON in JSON": (
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.input.messages": json.dumps(json.dumps(PARTS)),
            "gen_ai.output.messages": json.dumps(json.dumps([{"role": "assistant", "content": "Hi."}])),
        },
        (),
    ),
    "gen_ai as values, with instructions apart": (
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.system_instructions": [{"type": "text", "content": "Be brief."}],
            "gen_ai.input.messages": PARTS[1:],
            "gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "text", "content": "Hi."}]}],
        },
        (),
    ),
    "gen_ai on the event of 1.37": (
        {"gen_ai.operation.name": "chat"},
        (
            ForeignEvent(
                "gen_ai.client.inference.operation.details",
                START,
                {
                    "gen_ai.input.messages": PARTS,
                    "gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "text", "content": "Hi."}]}],
                },
            ),
        ),
    ),
    "events per message": (
        {"gen_ai.operation.name": "chat"},
        (
            ForeignEvent("gen_ai.system.message", START, {"content": "Be brief."}),
            ForeignEvent("gen_ai.user.message", START, {"gen_ai.event.content": '{"content": "Hello?"}'}),
            ForeignEvent("gen_ai.choice", START, {"index": 0, "message": '{"role": "assistant", "content": "Hi."}'}),
        ),
    ),
    "indexed gen_ai.prompt": (
        {
            "llm.request.type": "chat",
            "gen_ai.prompt.0.role": "system",
            "gen_ai.prompt.0.content": "Be brief.",
            "gen_ai.prompt.1.role": "user",
            "gen_ai.prompt.1.content": "Hello?",
            "gen_ai.completion.0.role": "assistant",
            "gen_ai.completion.0.content": "Hi.",
        },
        (),
    ),
    "openinference": (
        {
            "openinference.span.kind": "LLM",
            "llm.input_messages.0.message.role": "system",
            "llm.input_messages.0.message.content": "Be brief.",
            "llm.input_messages.1.message.role": "user",
            "llm.input_messages.1.message.contents.0.message_content.type": "text",
            "llm.input_messages.1.message.contents.0.message_content.text": "Hello?",
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.content": "Hi.",
            "input.value": "something else",
            "output.value": "something else",
        },
        (),
    ),
    "langfuse": (
        {
            "langfuse.observation.type": "generation",
            "langfuse.observation.input": json.dumps(OPENAI),
            "langfuse.observation.output": "Hi.",
        },
        (),
    ),
    "vercel's call": (
        {
            "ai.operationId": "ai.generateText.doGenerate",
            "ai.prompt.messages": json.dumps(
                [OPENAI[0], {"role": "user", "content": [{"type": "text", "text": "Hello?"}]}]
            ),
            "ai.response.text": "Hi.",
        },
        (),
    ),
    "vercel's parent": (
        {
            "ai.operationId": "ai.generateText",
            "ai.prompt": json.dumps({"system": "Be brief.", "prompt": "Hello?"}),
            "ai.response.text": "Hi.",
        },
        (),
    ),
    "pydantic-ai 1": (
        {
            "gen_ai.operation.name": "chat",
            "logfire.msg": "chat",
            "events": json.dumps(
                [
                    {"event.name": "gen_ai.system.message", "content": "Be brief.", "role": "system"},
                    {"event.name": "gen_ai.user.message", "content": "Hello?", "role": "user"},
                    {"event.name": "gen_ai.choice", "index": 0, "message": {"role": "assistant", "content": "Hi."}},
                ]
            ),
        },
        (),
    ),
    "logfire's openai": (
        {
            "logfire.msg": "Chat Completion",
            "gen_ai.request.model": "gpt-4o",
            "request_data": json.dumps({"model": "gpt-4o", "messages": OPENAI}),
            "response_data": json.dumps({"message": {"role": "assistant", "content": "Hi."}}),
        },
        (),
    ),
    "mlflow": (
        {
            "mlflow.spanType": '"CHAT_MODEL"',
            "mlflow.spanInputs": json.dumps({"model": "gpt-4o", "messages": OPENAI}),
            "mlflow.spanOutputs": json.dumps({"choices": [{"message": {"role": "assistant", "content": "Hi."}}]}),
        },
        (),
    ),
    "langsmith": (
        {
            "langsmith.span.kind": "llm",
            "gen_ai.prompt": json.dumps({"messages": [[
                {"lc": 1, "id": ["langchain", "SystemMessage"], "kwargs": {"content": "Be brief."}},
                {"lc": 1, "id": ["langchain", "HumanMessage"], "kwargs": {"content": "Hello?"}},
            ]]}),
            "gen_ai.completion": json.dumps({"generations": [[{"text": "Hi.", "message": {
                "lc": 1, "type": "constructor", "id": ["langchain", "AIMessage"], "kwargs": {"content": "Hi."}}}]]}),
        },
        (),
    ),
}  # fmt: skip
