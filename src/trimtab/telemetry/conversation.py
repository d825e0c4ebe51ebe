"""The long texts of one span as people see them: rebuilt from raw bodies when somebody looks."""

from typing import Any

import msgspec
from msgspec import Struct

from trimtab.llm.dialects._tool_names import names_told, told_back
from trimtab.llm.types import Request
from trimtab.telemetry.foreign.bodies import CANONICAL, read_answered, read_asked
from trimtab.telemetry.messages import (
    Unread,
    answer_view,
    builtins_of,
    message_views,
    params_view,
    read_request,
    read_response,
    tools_view,
    views_of,
)
from trimtab.telemetry.views import MessageView, SpanIO

RAW_BYTES = 1 << 20
"""A raw body above this is not sent to a console; its messages are, up to `READ_BYTES`."""
READ_BYTES = 32 << 20


class Bodies(Struct, frozen=True, kw_only=True):
    """What was asked and answered, in which dialect; ``stream``: the answer is events. None: kept once, now gone."""

    request_dialect: str
    request: bytes | None
    response_dialect: str
    response: bytes | None
    stream: bool


def conversation(trace_id: str, span_id: str, bodies: Bodies) -> SpanIO:
    """Parses; may take some milliseconds for large bodies."""
    notes: list[str] = []
    messages, tools, params, request = _asked(bodies, notes)
    return SpanIO(
        trace_id=trace_id,
        span_id=span_id,
        captured=True,
        input=messages,
        output=_answered(bodies, request, notes),
        tools=tools,
        params=params,
        raw_request=_raw(bodies.request),
        raw_response=_raw(bodies.response),
        truncated=any(body is None or len(body) > RAW_BYTES for body in (bodies.request, bodies.response)),
        note=" ".join(notes),
        dialect=bodies.request_dialect,
    )


_Asked = tuple[list[MessageView], list[dict[str, Any]], dict[str, Any], Request | None]


def _asked(bodies: Bodies, notes: list[str]) -> _Asked:
    if not _readable(bodies.request, "request", notes):
        return [], [], {}, None
    if bodies.request_dialect == CANONICAL:
        return (*_canonical_asked(bodies.request or b"", notes), None)
    request = read_request(bodies.request_dialect, bodies.request or b"")
    if isinstance(request, Unread):
        notes.append(f"The request could not be read: {request.why}")
        return [], [], {}, None
    return message_views(request), tools_view(request), params_view(request), request


def _canonical_asked(body: bytes, notes: list[str]) -> tuple[list[MessageView], list[dict[str, Any]], dict[str, Any]]:
    """Of a span that came from elsewhere: messages as its mapper made them."""
    try:
        asked = read_asked(body)
    except msgspec.DecodeError as error:
        notes.append(f"The request could not be read: {error}")
        return [], [], {}
    return views_of(asked.messages), builtins_of(asked.tools), asked.params


def _answered(bodies: Bodies, request: Request | None, notes: list[str]) -> list[MessageView]:
    """Tools by the names that ``request`` has for them."""
    if not _readable(bodies.response, "answer", notes):
        return []
    if bodies.response_dialect == CANONICAL:
        try:
            return views_of(read_answered(bodies.response or b"").messages)
        except msgspec.DecodeError as error:
            notes.append(f"The answer could not be read: {error}")
            return []
    response = read_response(bodies.response_dialect, bodies.response or b"", stream=bodies.stream)
    if isinstance(response, Unread):
        notes.append(f"The answer could not be read: {response.why}")
        return []
    if request is not None and bodies.request_dialect != bodies.response_dialect:
        response = told_back(response, names_told(request, bodies.response_dialect))
    return answer_view(response)


def _readable(body: bytes | None, name: str, notes: list[str]) -> bool:
    if body is None:
        notes.append(f"The {name} is gone: it was deleted, or the key it was encrypted with was destroyed.")
    elif len(body) > READ_BYTES:
        notes.append(f"The {name} has {len(body)} bytes: too many to show.")
    return bool(body) and len(body or b"") <= READ_BYTES


def _raw(body: bytes | None) -> str | None:
    if not body or len(body) > RAW_BYTES:
        return None
    return body.decode("utf-8", "replace")
