"""Requests and answers as the vendors' documentation shows them, written by hand; and ways to spoil them."""

import copy
import json
from typing import Any, cast

import gemini_bodies
import responses_bodies
from hypothesis import strategies as st

from trimtab.llm.dialects import Dialect
from trimtab.llm.dialects.gemini.framing import framed

OPENAI_REQUEST: dict[str, Any] = {
    "model": "gpt-5-mini",
    "messages": [
        {"role": "developer", "content": "Answer in one sentence."},
        {"role": "user", "name": "ada", "content": "What is the weather in Bergen?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "call_abc123",
                    "type": "function",
                    "function": {"name": "get_weather", "arguments": '{"city": "Bergen"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_abc123", "content": "Rain, 8 °C"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "And what is this?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk=", "detail": "low"}},
            ],
        },
    ],
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "get_weather",
                "description": "Weather now",
                "parameters": {
                    "type": "object",
                    "properties": {"city": {"type": "string"}},
                    "required": ["city"],
                    "additionalProperties": False,
                },
                "strict": True,
            },
        }
    ],
    "tool_choice": {"type": "function", "function": {"name": "get_weather"}},
    "parallel_tool_calls": False,
    "response_format": {
        "type": "json_schema",
        "json_schema": {
            "name": "seen",
            "schema": {"type": "object", "properties": {}, "additionalProperties": False},
            "strict": True,
        },
    },
    "max_completion_tokens": 300,
    "temperature": 0.2,
    "top_p": 0.9,
    "stop": ["END"],
    "seed": 7,
    "reasoning_effort": "low",
    "stream": True,
    "stream_options": {"include_usage": True},
    "user": "u-1",
    "metadata": {"feature": "weather"},
    "logit_bias": {"50256": -100},
    "service_tier": "auto",
}

ANTHROPIC_REQUEST: dict[str, Any] = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 1024,
    "system": [{"type": "text", "text": "Answer in one sentence.", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {"role": "user", "content": "What is the weather in Bergen?"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "I should look.", "signature": "EqQBCg=="},
                {"type": "redacted_thinking", "data": "EmwKAhgB"},
                {"type": "text", "text": "Let me look."},
                {"type": "tool_use", "id": "toolu_01A", "name": "get_weather", "input": {"city": "Bergen"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_01A", "content": "no station", "is_error": True},
                {"type": "text", "text": "And what is this?"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}},
                {"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}},
            ],
        },
    ],
    "tools": [
        {
            "name": "get_weather",
            "description": "Weather now",
            "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        }
    ],
    "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
    "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {"type": "object"}}},
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "stop_sequences": ["END"],
    "temperature": 1.0,
    "top_k": 40,
    "metadata": {"user_id": "u-1"},
    "stream": True,
    "service_tier": "auto",
}

OPENAI_ANSWER: dict[str, Any] = {
    "id": "chatcmpl-123",
    "object": "chat.completion",
    "created": 1741569952,
    "model": "gpt-5-mini-2025-08-07",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Rain.", "refusal": None, "annotations": []},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {
        "prompt_tokens": 1117,
        "completion_tokens": 46,
        "total_tokens": 1163,
        "prompt_tokens_details": {"cached_tokens": 1024, "audio_tokens": 3},
        "completion_tokens_details": {
            "reasoning_tokens": 40,
            "audio_tokens": 2,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    },
    "service_tier": "default",
}

ANTHROPIC_ANSWER: dict[str, Any] = {
    "id": "msg_01XFDUDYJgAACzvnptvVoYEL",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5-20250929",
    "content": [
        {"type": "thinking", "thinking": "Rain it is.", "signature": "EqQBCg=="},
        {"type": "text", "text": "Rain."},
    ],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 93,
        "cache_creation_input_tokens": 300,
        "cache_read_input_tokens": 1024,
        "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
        "output_tokens": 46,
        "output_tokens_details": {"thinking_tokens": 40},
        "service_tier": "standard",
    },
}

OPENAI_STREAM = (
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1694268190,"model":"gpt-5-mini",'
    b'"choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"finish_reason":null}],'
    b'"usage":null}\n\n'
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1694268190,"model":"gpt-5-mini",'
    b'"choices":[{"index":0,"delta":{"content":"Rain"},"finish_reason":null}],"usage":null}\n\n'
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1694268190,"model":"gpt-5-mini",'
    b'"choices":[{"index":0,"delta":{"content":"."},"finish_reason":null}],"usage":null}\n\n'
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1694268190,"model":"gpt-5-mini",'
    b'"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}\n\n'
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1694268190,"model":"gpt-5-mini",'
    b'"choices":[],"usage":{"prompt_tokens":20,"completion_tokens":9,"total_tokens":29,'
    b'"prompt_tokens_details":{"cached_tokens":8},"completion_tokens_details":{"reasoning_tokens":5}}}\n\n'
    b"data: [DONE]\n\n"
)

ANTHROPIC_STREAM = (
    b"event: message_start\n"
    b'data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant",'
    b'"model":"claude-sonnet-4-5","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":12,'
    b'"cache_creation_input_tokens":30,"cache_read_input_tokens":8,'
    b'"cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20},"output_tokens":1}}}\n\n'
    b"event: content_block_start\n"
    b'data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n'
    b'event: ping\ndata: {"type": "ping"}\n\n'
    b"event: content_block_delta\n"
    b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Rain"}}\n\n'
    b"event: content_block_delta\n"
    b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"."}}\n\n'
    b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n'
    b"event: message_delta\n"
    b'data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},'
    b'"usage":{"output_tokens":9}}\n\n'
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
)

REQUEST = {
    "openai_chat": OPENAI_REQUEST,
    "anthropic_messages": ANTHROPIC_REQUEST,
    "openai_responses": responses_bodies.REQUEST,
    "gemini": gemini_bodies.REQUEST,
}
ANSWER = {
    "openai_chat": OPENAI_ANSWER,
    "anthropic_messages": ANTHROPIC_ANSWER,
    "openai_responses": responses_bodies.ANSWER,
    "gemini": gemini_bodies.ANSWER,
}
STREAM = {
    "openai_chat": OPENAI_STREAM,
    "anthropic_messages": ANTHROPIC_STREAM,
    "openai_responses": responses_bodies.STREAM,
    "gemini": gemini_bodies.STREAM,
}


def as_client(dialect: Dialect, body: bytes, model: str, *, stream: bool) -> bytes:
    """A rendered body as a client's: where the URL says model and stream, they are put into it."""
    return framed(body, model, stream=stream) if dialect.name == "gemini" else body


def dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def events(stream: bytes) -> list[bytes]:
    """The single events of one of the streams above."""
    return [event + b"\n\n" for event in stream.split(b"\n\n") if event]


def with_usage(stream: bytes, usage: bytes) -> bytes:
    """The stream with its last usage object replaced."""
    name = b'"usageMetadata":' if b'"usageMetadata":' in stream else b'"usage":'
    start = stream.rindex(name + b"{") + len(name)
    depth, end = 0, start
    for end in range(start, len(stream)):
        depth += {ord("{"): 1, ord("}"): -1}.get(stream[end], 0)
        if depth == 0:
            break
    return stream[:start] + usage + stream[end + 1 :]


NASTY: list[bytes] = [
    b"",
    b" ",
    b"null",
    b"[]",
    b'"x"',
    b"{",
    b"{}",
    b"\xff\xfe{}",
    b"\xef\xbb\xbf{}",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'{"messages":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    b'{"model":"\\ud800","max_tokens":1,"messages":[]}',
    b'{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"\\udfff"}]}',
    b'{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"\xc3\x28"}]}',
    b'{"model":"m","max_tokens":NaN,"messages":[]}',
    b'{"model":"m","max_tokens":1e999,"messages":[]}',
    b'{"model":"m","max_tokens":' + b"9" * 5_000 + b',"messages":[]}',
    b'{"model":"m","max_tokens":1,"temperature":-1e400,"messages":[]}',
    b'{"model":"m","max_tokens":1,"messages":[{"role":"user","content":[{"type":"text","text":1}]}]}',
]

leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=5)
    | st.sampled_from(["user", "assistant", "tool", "text", "tool_use", "image", "function", "", "\ud800"])
)
anything: st.SearchStrategy[Any] = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


@st.composite
def spoiled(draw: st.DrawFn, whole: dict[str, Any]) -> bytes:
    """A good body with one place of it, however deep, replaced by anything or removed."""
    body = copy.deepcopy(whole)
    node: Any = body
    while True:
        keys: list[Any] = list(cast("dict[str, Any]", node)) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            break
        key = draw(st.sampled_from(keys))
        inner: Any = cast("Any", node)[key]
        if isinstance(inner, dict | list) and inner and draw(st.booleans()):
            node = cast("Any", inner)
            continue
        if draw(st.booleans()):
            node[key] = draw(anything)
        else:
            del node[key]
        break
    return dump(body)


@st.composite
def garbled(draw: st.DrawFn, whole: bytes) -> bytes:
    """Good bytes with a slice of them replaced by any bytes."""
    start = draw(st.integers(0, len(whole)))
    end = draw(st.integers(start, min(len(whole), start + 40)))
    return whole[:start] + draw(st.binary(max_size=8)) + whole[end:]


def bodies(dialect: Dialect, good: dict[str, Any]) -> st.SearchStrategy[bytes]:
    del dialect
    return st.binary(max_size=60) | anything.map(dump) | spoiled(good) | garbled(dump(good)) | st.sampled_from(NASTY)
