"""What a client says about its call beside the question is read: session, user, feature, tags, and the trace it belongs
to. Every call is, so that this is compiled (docs/decisions/0019).

Our headers win over what the dialect carries (OpenAI's ``user``, ``safety_identifier`` and ``metadata``; Anthropic's
``metadata.user_id``). W3C Trace Context is https://www.w3.org/TR/trace-context/.
"""

import re
from typing import Any

import msgspec

from trimtab.gateway.caller import Caller
from trimtab.gateway.exchange import Exchange
from trimtab.llm.dialects import Head
from trimtab.llm.dialects._reading import BROKEN

MAX_VALUE = 256
MAX_TAGS = 32
MAX_METADATA = 64
_TRACEPARENT = re.compile(rb"^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?$")
_ZERO_TRACE = b"0" * 32
_ZERO_SPAN = b"0" * 16


def read_caller(exchange: Exchange, head: Head, fresh: str) -> Caller:
    """Take the context from headers and, failing that, from the body's own fields. ``fresh`` is the trace's id where
    the call begins one."""
    header = exchange.header
    metadata = head.metadata
    given, agent = header(b"traceparent"), header(b"user-agent")
    trace_id, parent, state = (fresh, "", b"") if given is None else _joined(given, exchange, fresh)
    if exchange.quiet and not metadata and not head.user:  # says nothing of itself, as most calls do
        return Caller(trace_id=trace_id, parent_span_id=parent, tracestate=state, user_agent=_text(agent))
    session, user, feature = header(b"trimtab-session"), header(b"trimtab-user"), header(b"trimtab-feature")
    tags, told, data = header(b"trimtab-tags"), header(b"trimtab-metadata"), header(b"trimtab-data-class")
    if told is not None:
        metadata = {**metadata, **_object(told)}
    return Caller(
        trace_id=trace_id,
        parent_span_id=parent,
        tracestate=state,
        session=_text(session) or _meta(metadata, "session_id", "session"),
        user=_text(user) or (head.user or "")[:MAX_VALUE] or _meta(metadata, "user_id", "user"),
        feature=_text(feature) or _meta(metadata, "feature"),
        tags=_split(tags) if tags else (),
        metadata=metadata,
        user_agent=_text(agent),
        data_class=_text(data).strip().lower(),
    )


def _joined(given: bytes, exchange: Exchange, fresh: str) -> tuple[str, str, bytes]:
    """The trace that a client's ``traceparent`` says the call belongs to; its own where that says nothing valid."""
    match = _TRACEPARENT.match(given)
    if match and not given.startswith(b"ff") and match[1] != _ZERO_TRACE and match[2] != _ZERO_SPAN:
        state = exchange.header(b"tracestate") or b""
        return match[1].decode(), match[2].decode(), state if len(state) <= 512 else b""
    return fresh, "", b""


def _meta(metadata: dict[str, str], *names: str) -> str:
    if metadata:
        for name in names:
            if value := metadata.get(name):
                return value[:MAX_VALUE]
    return ""


def _text(value: bytes | None) -> str:
    return value.decode("utf-8", "replace")[:MAX_VALUE] if value else ""


def _object(value: bytes) -> dict[str, str]:
    """A header's JSON object; values that are no text as JSON. What is no object says nothing."""
    try:
        found = msgspec.json.decode(value, type=dict[str, Any])
    except BROKEN:
        return {}
    kept = list(found.items())[:MAX_METADATA]
    return {
        name[:MAX_VALUE]: (one if isinstance(one, str) else msgspec.json.encode(one).decode())[:MAX_VALUE]
        for name, one in kept
        if one is not None
    }


def _split(value: bytes) -> tuple[str, ...]:
    found = (part.strip()[:MAX_VALUE] for part in value.decode("utf-8", "replace").split(","))
    return tuple(dict.fromkeys(part for part in found if part))[:MAX_TAGS]
