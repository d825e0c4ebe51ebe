"""A whole message, read and written. https://docs.claude.com/en/api/messages"""

from typing import Any

from msgspec import Raw

from trimtab.llm.dialects._reading import encode, refuse_answer, root
from trimtab.llm.dialects._tools import tool_input
from trimtab.llm.dialects.anthropic_messages.blocks import NAME, parts_of
from trimtab.llm.dialects.anthropic_messages.hot import no_content
from trimtab.llm.dialects.anthropic_messages.stops import stop_of, stop_reason
from trimtab.llm.dialects.anthropic_messages.usage import render_usage, usage_of
from trimtab.llm.types import Image, Opaque, Part, Reasoning, Refusal, Response, Text, ToolCall, ToolResult


def parse_response(body: bytes) -> Response:
    """Raises `UpstreamFailure` for what is no message."""
    fields = root(body, refuse_answer)
    content = fields.get("content")
    if content is None:
        error = fields.get("error")
        raise no_content(None if error is None else error.anything())
    word = fields.text("stop_reason")
    usage = fields.get("usage")
    return Response(
        id=fields.text("id") or "",
        model=fields.text("model") or "",
        parts=tuple(part for part in parts_of(content) if part != Text("")),
        stop=stop_of(word),
        stop_raw=word,
        usage=usage_of(usage.anything()) if usage is not None else None,
    )


def render_response(response: Response) -> bytes:
    """Parts of other vendors that a client of this dialect could not read are left out."""
    blocks = [answer_block(part) for part in response.parts]
    return encode(
        {
            "id": response.id,
            "type": "message",
            "role": "assistant",
            "model": response.model,
            "content": [block for block in blocks if block is not None],
            "stop_reason": stop_reason(response.stop, response.stop_raw),
            "stop_sequence": None,
            "usage": render_usage(response.usage),
        }
    )


def answer_block(part: Part) -> dict[str, Any] | Raw | None:
    """A block as it stands in an answer; None for what is not shown."""
    match part:
        case Text() | Refusal():
            return {"type": "text", "text": part.text} if part.text else None
        case ToolCall():
            return {"type": "tool_use", "id": part.id, "name": part.name, "input": tool_input(part.arguments)}
        case Reasoning() if part.redacted is not None:
            return {"type": "redacted_thinking", "data": part.redacted}
        case Reasoning():
            # other vendors sign nothing; clients demand the member
            return {"type": "thinking", "thinking": part.text, "signature": part.signature or ""}
        case Opaque() if part.dialect == NAME:
            return part.raw
        case Opaque() | Image() | ToolResult():
            return None
