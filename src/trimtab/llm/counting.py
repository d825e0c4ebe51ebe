"""Asking a provider how many tokens a call would have: paths, bodies and answers of those that can say. Pure.

Anthropic: https://docs.claude.com/en/api/messages-count-tokens. OpenAI:
https://platform.openai.com/docs/api-reference/responses/input-tokens. Gemini: https://ai.google.dev/api/tokens.

Servers of one's own that speak Chat Completions have counters of their own (`Quirks.counter`): llama.cpp beside its
calls, asked: what it says is the ``prompt_tokens`` of the call itself; vLLM at its root, not under ``/v1``
(https://docs.vllm.ai/en/stable/api/vllm/entrypoints/serve/tokenize/protocol/); SGLang has Anthropic's
(https://docs.sglang.io/docs/basic_usage/anthropic_api). Older ones have none: then the estimate stands.
"""

from typing import Any, cast

import msgspec
from msgspec import Raw

from trimtab.core.errors import UpstreamFailure
from trimtab.llm.dialects import DIALECTS, Dialect, Quirks
from trimtab.llm.dialects._reading import BROKEN, count

_COUNTERS = {
    "anthropic_messages": ("/count_tokens", "input_tokens"),
    "openai_responses": ("/input_tokens", "input_tokens"),
    "gemini": ("", "totalTokens"),
}
_OWN_COUNTERS = {"llamacpp": ("/input_tokens", "input_tokens"), "vllm": ("/tokenize", "count")}
_CHAT = {"model", "messages", "tools", "chat_template_kwargs"}
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
_NONE = Raw(b"null")


def counting_dialect(dialect: Dialect, quirks: Quirks) -> Dialect | None:
    """In which dialect a provider is asked that is called in ``dialect``; None where it cannot say."""
    if quirks.counter == "anthropic":
        return DIALECTS.get("anthropic_messages")
    known = dialect.name in _COUNTERS or (quirks.counter in _OWN_COUNTERS and dialect.name == "openai_chat")
    return dialect if known else None


def count_place(base_url: str, dialect: Dialect, model: str, quirks: Quirks) -> tuple[str, str]:
    """The base URL and the path that is joined to it."""
    path = dialect.path(model, stream=False)
    if dialect.name == "gemini":
        return base_url, path.removesuffix(":generateContent") + ":countTokens"
    if dialect.name == "openai_chat" and quirks.counter == "vllm":
        return base_url.rstrip("/").removesuffix("/v1"), _OWN_COUNTERS["vllm"][0]
    return base_url, path + _counter(dialect, quirks)[0]


def _counter(dialect: Dialect, quirks: Quirks) -> tuple[str, str]:
    return _OWN_COUNTERS[quirks.counter] if dialect.name == "openai_chat" else _COUNTERS[dialect.name]


def count_body(dialect: Dialect, call: bytes, model: str, quirks: Quirks) -> bytes:
    """The question, out of the body of a call to that provider."""
    fields = msgspec.json.decode(call, type=dict[str, Raw])
    if dialect.name == "gemini" and not quirks.bare_counts:
        name = model if "/" in model else f"models/{model}"
        return _encode({"generateContentRequest": {"model": name} | fields})
    taken = _TAKEN.get(dialect.name, _CHAT)
    if dialect.name == "openai_chat" and bytes(fields.get("tool_choice", _NONE)).strip() == b'"none"':
        taken = taken - {"tools"}  # the model is not told of them
    return _encode({name: value for name, value in fields.items() if name in taken})


def read_count(dialect: Dialect, body: bytes, quirks: Quirks) -> int:
    """Raises `UpstreamFailure` for what tells no count."""
    try:
        told: Any = msgspec.json.decode(body)
    except BROKEN:
        told = None
    found = cast("dict[str, Any]", told).get(_counter(dialect, quirks)[1]) if isinstance(told, dict) else None
    if not isinstance(found, int):
        raise UpstreamFailure("The provider's count cannot be read.", code="upstream_garbage")
    return count(found)
