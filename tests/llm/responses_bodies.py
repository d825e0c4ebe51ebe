"""OpenAI Responses: a request, an answer and a stream as its documentation shows them, written by hand."""

import json
from typing import Any, cast

REQUEST: dict[str, Any] = {
    "model": "gpt-5-mini",
    "instructions": "Answer in one sentence.",
    "input": [
        {"role": "user", "content": "What is the weather in Bergen?"},
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "I should look."}],
            "encrypted_content": "gAAAAABn",
        },
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "Let me look.", "annotations": []}],
        },
        {
            "type": "function_call",
            "id": "fc_1",
            "call_id": "call_abc123",
            "name": "get_weather",
            "arguments": '{"city": "Bergen"}',
            "status": "completed",
        },
        {"type": "function_call_output", "call_id": "call_abc123", "output": "Rain, 8 °C"},
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "And what is this?"},
                {"type": "input_image", "image_url": "data:image/png;base64,aGk=", "detail": "low"},
            ],
        },
    ],
    "tools": [
        {
            "type": "function",
            "name": "get_weather",
            "description": "Weather now",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
                "additionalProperties": False,
            },
            "strict": True,
        }
    ],
    "tool_choice": {"type": "function", "name": "get_weather"},
    "parallel_tool_calls": False,
    "text": {
        "format": {
            "type": "json_schema",
            "name": "seen",
            "schema": {"type": "object", "properties": {}, "additionalProperties": False},
            "strict": True,
        },
        "verbosity": "low",
    },
    "reasoning": {"effort": "low", "summary": "auto"},
    "max_output_tokens": 300,
    "temperature": 0.2,
    "top_p": 0.9,
    "stream": True,
    "store": False,
    "include": ["reasoning.encrypted_content"],
    "truncation": "auto",
    "user": "u-1",
    "metadata": {"feature": "weather"},
    "service_tier": "auto",
}

USAGE: dict[str, Any] = {
    "input_tokens": 1117,
    "input_tokens_details": {"cached_tokens": 1024, "cache_write_tokens": 0},
    "output_tokens": 46,
    "output_tokens_details": {"reasoning_tokens": 40},
    "total_tokens": 1163,
}

MESSAGE: dict[str, Any] = {
    "type": "message",
    "id": "msg_67ccd2bf17f0819081ff3bb2cf6508e6",
    "status": "completed",
    "role": "assistant",
    "content": [{"type": "output_text", "text": "Rain.", "annotations": [], "logprobs": []}],
}

ANSWER: dict[str, Any] = {
    "id": "resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b",
    "object": "response",
    "created_at": 1741476542,
    "status": "completed",
    "error": None,
    "incomplete_details": None,
    "instructions": None,
    "max_output_tokens": None,
    "model": "gpt-5-mini-2025-08-07",
    "output": [
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAAABn"},
        MESSAGE,
    ],
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": {"effort": None, "summary": None},
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1.0,
    "truncation": "disabled",
    "usage": USAGE,
    "user": None,
    "metadata": {},
}


def _stream() -> bytes:
    skeleton: dict[str, Any] = ANSWER | {"id": "resp_1", "status": "in_progress", "output": [], "usage": None}
    where = {"item_id": "msg_1", "output_index": 0}
    item = MESSAGE | {"id": "msg_1"}
    part = cast("list[dict[str, Any]]", item["content"])[0]
    final = ANSWER | {"id": "resp_1", "output": [item]}
    final["usage"] = {
        "input_tokens": 20,
        "input_tokens_details": {"cached_tokens": 8},
        "output_tokens": 9,
        "output_tokens_details": {"reasoning_tokens": 5},
        "total_tokens": 29,
    }
    events: list[tuple[str, dict[str, Any]]] = [
        ("response.created", {"response": skeleton}),
        ("response.in_progress", {"response": skeleton}),
        (
            "response.output_item.added",
            {"output_index": 0, "item": item | {"status": "in_progress", "content": []}},
        ),
        ("response.content_part.added", where | {"content_index": 0, "part": part | {"text": ""}}),
        ("response.output_text.delta", where | {"content_index": 0, "delta": "Rain", "logprobs": []}),
        ("response.output_text.delta", where | {"content_index": 0, "delta": ".", "logprobs": []}),
        ("response.output_text.done", where | {"content_index": 0, "text": "Rain.", "logprobs": []}),
        ("response.content_part.done", where | {"content_index": 0, "part": part}),
        ("response.output_item.done", {"output_index": 0, "item": item}),
        ("response.completed", {"response": final}),
    ]
    return b"".join(
        b"event: %b\ndata: %b\n\n"
        % (name.encode(), json.dumps({"type": name, "sequence_number": n} | told, separators=(",", ":")).encode())
        for n, (name, told) in enumerate(events)
    )


STREAM = _stream()
