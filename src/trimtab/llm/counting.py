"""Asking a provider how many tokens a call would have: paths, bodies and answers of those that can say. Pure.

Anthropic: https://docs.claude.com/en/api/messages-count-tokens. OpenAI:
https://platform.openai.com/docs/api-reference/responses/input-tokens. Gemini: https://ai.google.dev/api/tokens.
"""

from typing import Any, cast

import msgspec
from msgspec import Raw

from trimtab.core.errors import UpstreamFailure
from trimtab.llm.dialects import Dialect, Quirks
from trimtab.llm.dialects._reading import BROKEN, count

_COUNTERS = {
    "anthropic_messages": ("/count_tokens", "input_tokens"),
    "openai_responses": ("/input_tokens", "input_tokens"),
    "gemini": ("", "totalTokens"),
}
_TAKEN = {
    "gemini": {"contents", "systemInstruction", "tools", "generationConfig"},
    "anthropic_messages": {"model", "messages", "system", "tools", "tool_choice", "thinking", "mcp_servers"},
    "openai_responses": {
        "model",
        "input",
        "instructions",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "reasoning",
        "text",
        "truncation",
        "conversation",
        "previous_response_id",
        "personality",
    },
}
"""What the counters take of a call: they refuse all else."""
_encode = msgspec.json.Encoder().encode


def can_count(dialect: Dialect) -> bool:
    return dialect.name in _COUNTERS


def count_path(dialect: Dialect, model: str) -> str:
    """Joined to a provider's base URL."""
    path = dialect.path(model, stream=False)
    if dialect.name == "gemini":
        return path.removesuffix(":generateContent") + ":countTokens"
    return path + _COUNTERS[dialect.name][0]


def count_body(dialect: Dialect, call: bytes, model: str, quirks: Quirks) -> bytes:
    """The question, out of the body of a call to that provider."""
    fields = msgspec.json.decode(call, type=dict[str, Raw])
    if dialect.name == "gemini" and not quirks.bare_counts:
        name = model if "/" in model else f"models/{model}"
        return _encode({"generateContentRequest": {"model": name} | fields})
    return _encode({name: value for name, value in fields.items() if name in _TAKEN[dialect.name]})


def read_count(dialect: Dialect, body: bytes) -> int:
    """Raises `UpstreamFailure` for what tells no count."""
    try:
        told: Any = msgspec.json.decode(body)
    except BROKEN:
        told = None
    found = cast("dict[str, Any]", told).get(_COUNTERS[dialect.name][1]) if isinstance(told, dict) else None
    if not isinstance(found, int):
        raise UpstreamFailure("The provider's count cannot be read.", code="upstream_garbage")
    return count(found)
