"""Errors in OpenAI's shape; in a stream, its ``error`` event.

https://platform.openai.com/docs/guides/error-codes and ``openai.types.responses.ResponseErrorEvent``.
"""

import msgspec

from trimtab.core.errors import TrimtabError
from trimtab.llm.dialects.openai_chat.errors import parse_error, render_error

__all__ = ["parse_error", "render_error", "render_stream_error"]


def render_stream_error(error: TrimtabError, request_id: str) -> bytes:
    """The reference has the members side by side; OpenAI's servers also nest them in ``error``, and its clients raise
    on that only. Both are sent. What number the event has is not known here; none follows it."""
    nested = msgspec.json.decode(render_error(error, request_id))["error"]
    flat = {name: nested[name] for name in ("code", "message", "param")}
    return (
        b"event: error\ndata: "
        + msgspec.json.encode({"type": "error", **flat, "sequence_number": 0, "error": nested})
        + b"\n\n"
    )
