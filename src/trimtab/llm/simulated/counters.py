"""The endpoints by which vendors count tokens before a call; nothing of them is kept or bent by a scenario."""

import json
from collections.abc import Callable
from typing import Any

from trimtab.llm.simulated import anthropic_messages, gemini, openai_chat, openai_responses
from trimtab.llm.simulated.answers import an_object

Counter = Callable[[dict[str, Any]], bytes]
_ANTHROPIC_PATH = "/v1/messages/count_tokens"
_ANTHROPIC_FIELDS = {"model", "messages", "system", "tools", "tool_choice", "thinking", "mcp_servers"}


def of(path: str) -> Counter | None:
    """The counter at a path."""
    if path == _ANTHROPIC_PATH:
        return _anthropic
    if path == openai_responses.COUNT_PATH:
        return openai_responses.counted
    if path == "/v1/chat/completions/input_tokens":
        return _llamacpp
    if path == "/tokenize":
        return _vllm
    return gemini.counted if gemini.COUNT_PATH.fullmatch(path) else None


def answer(counter: Counter, raw: bytes) -> tuple[int, bytes]:
    """Status and body."""
    try:
        return 200, counter(an_object(json.loads(raw)))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return 400, json.dumps({"error": {"type": "invalid_request_error", "message": str(error)}}).encode()


def _anthropic(body: dict[str, Any]) -> bytes:
    """https://docs.claude.com/en/api/messages-count-tokens: it takes less than a call does."""
    unknown = sorted(set(body) - _ANTHROPIC_FIELDS)
    if unknown:
        raise ValueError(f"{unknown[0]}: Extra inputs are not permitted")
    ask = anthropic_messages.ask_of(body | {"max_tokens": 1})
    return json.dumps({"input_tokens": ask.prompt_tokens}).encode()


def _llamacpp(body: dict[str, Any]) -> bytes:
    """llama.cpp's server, asked: the body of a call, of which it needs the messages."""
    return json.dumps({"input_tokens": _chat_tokens(body), "object": "response.input_tokens"}).encode()


def _vllm(body: dict[str, Any]) -> bytes:
    """https://docs.vllm.ai/en/stable/api/vllm/entrypoints/serve/tokenize/protocol/: tokens and their number."""
    count = _chat_tokens(body)
    return json.dumps(
        {"count": count, "max_model_len": 4096, "tokens": list(range(count)), "token_strs": None}
    ).encode()


def _chat_tokens(body: dict[str, Any]) -> int:
    if not body.get("messages"):
        raise ValueError("'messages' is required")
    return openai_chat.ask_of(body).prompt_tokens
