"""A whole Cohere answer -> `Response`. It does not name the model.

Citations stand beside the text, not in it: each becomes a part that only this dialect understands.
"""

from typing import Any

from msgspec import Raw

from trimtab.core.errors import UpstreamFailure
from trimtab.llm.dialects._errors import words_of
from trimtab.llm.dialects._reading import count, encode, loose, refuse_answer
from trimtab.llm.dialects._tolerant import a_list, a_text, an_object, objects
from trimtab.llm.dialects.cohere_chat.render import NAME
from trimtab.llm.types import Opaque, Part, Reasoning, Response, StopReason, Text, ToolCall, Usage

_STOPS: dict[str, StopReason] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop_sequence",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR": "error",
    "TIMEOUT": "error",
    "ERROR_LIMIT": "length",
    "ERROR_TOXIC": "content_filter",
}
"""https://docs.cohere.com/v2/reference/chat (finish_reason); the last two are of older models."""


def stop_of(word: str | None) -> StopReason:
    return _STOPS.get(word or "", "unknown")


def usage_of(told: Any) -> Usage | None:
    """What is billed, where that is told: https://docs.cohere.com/v2/docs/how-does-cohere-pricing-work."""
    usage = an_object(told)
    billed, tokens = an_object(usage.get("billed_units")), an_object(usage.get("tokens"))
    told_by = billed if "input_tokens" in billed or "output_tokens" in billed else tokens
    if not told_by:
        return None
    whole = count(told_by.get("input_tokens"))
    read = count(usage.get("cached_tokens"))
    if told_by is billed and whole + read <= count(tokens.get("input_tokens")):
        read = 0  # there is room for both in what the model read: what came from the cache is not in what is billed
    read = min(read, whole)
    return Usage(input=whole - read, cache_read=read, output=count(told_by.get("output_tokens")))


def parse_response(body: bytes) -> Response:
    seen = loose(body, refuse_answer)
    message = an_object(seen.get("message"))
    if not message:
        if a_text(seen.get("message")):
            raise UpstreamFailure(words_of(seen)[0], code="upstream_error_in_answer")
        raise UpstreamFailure("The provider's answer holds no message.", code="upstream_garbage")
    word = a_text(seen.get("finish_reason"))
    return Response(
        id=a_text(seen.get("id")),
        model="",
        parts=tuple(_parts(message)),
        stop=stop_of(word),
        stop_raw=word or None,
        usage=usage_of(seen.get("usage")),
    )


def _parts(message: dict[str, Any]) -> list[Part]:
    found: list[Part] = []
    if plan := a_text(message.get("tool_plan")):
        found.append(Reasoning(text=plan))
    content = message.get("content")
    if isinstance(content, str) and content:
        found.append(Text(content))
    for block in objects(content):
        match block.get("type"):
            case "text":
                found.append(Text(a_text(block.get("text"))))
            case "thinking":
                found.append(Reasoning(text=a_text(block.get("thinking"))))
            case _:
                found.append(Opaque(NAME, Raw(encode(block))))
    for index, call in enumerate(objects(message.get("tool_calls"))):
        function = an_object(call.get("function"))
        found.append(
            ToolCall(a_text(call.get("id")) or f"call_{index}", a_text(function.get("name")), _arguments(function))
        )
    return found + [citation_part(each) for each in a_list(message.get("citations"))]


def _arguments(function: dict[str, Any]) -> str:
    told = function.get("arguments")
    return told if isinstance(told, str) else encode({} if told is None else told).decode("utf-8")


def citation_part(citation: Any) -> Opaque:
    return Opaque(NAME, Raw(encode({"type": "citation", "citation": citation})))
