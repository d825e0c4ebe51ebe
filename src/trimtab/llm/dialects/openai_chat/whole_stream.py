"""A stream that is all there already, of nothing but text: read at once instead of event by event, in an eighth of the
time. https://platform.openai.com/docs/api-reference/chat-streaming

Whoever reads calls again (telemetry) has the whole stream. Its events are then one JSON array but for what stands
between them. What is not plain (other line ends, comments, tools, reasoning, several choices, a cut) is left to
`stream.py`, and where both can read, both give the same.
"""

from typing import Any, Literal

import msgspec
from msgspec import Struct

from trimtab.llm.dialects._reading import BROKEN, count
from trimtab.llm.dialects.openai_chat.plain import as_usage
from trimtab.llm.dialects.openai_chat.stops import settled_stop
from trimtab.llm.dialects.openai_chat.usage import PlainUsage
from trimtab.llm.tiers import tier_of
from trimtab.llm.types import Response, Text

_FIRST, _NEXT, _END = b"data: ", b"\n\ndata: ", b"\n\ndata: [DONE]\n\n"


class _Delta(Struct, forbid_unknown_fields=True):
    content: str | None = None
    role: str | None = None
    refusal: None = None
    tool_calls: None = None
    function_call: None = None
    reasoning_content: None = None
    reasoning: None = None


class _Choice(Struct):
    delta: _Delta | None = None
    index: Literal[0] = 0
    finish_reason: Any = None
    usage: None = None


class _Groq(Struct):
    error: None = None


class _Event(Struct):
    choices: list[_Choice]
    id: Any = None
    model: Any = None
    created: Any = None
    usage: PlainUsage | None = None
    error: None = None
    base_resp: None = None
    x_groq: _Groq | None = None
    service_tier: Any = None


_events = msgspec.json.Decoder(list[_Event])


def parse_stream(body: bytes) -> Response | None:
    """What a whole stream amounts to; None where it has to be read with more care."""
    if not body.startswith(_FIRST) or not body.endswith(_END) or b"\r" in body:
        return None
    ends = body.count(_NEXT)
    if body.count(b"\n") != 2 * (ends + 1):  # some line is no event of its own
        return None
    try:
        events = _events.decode(b"[" + body[len(_FIRST) : -len(_END)].replace(_NEXT, b",") + b"]")
    except BROKEN:
        return None
    if len(events) != ends:  # one event held several objects
        return None
    return _folded(events)


def _folded(events: list[_Event]) -> Response | None:
    said: list[str] = []
    word: str | None = None
    usage, tier = None, ""
    for event in events:
        if event.service_tier is not None:
            tier = tier_of(event.service_tier) or tier
        if event.usage is not None and (usage := as_usage(event.usage, tier)) is None:
            return None
        for choice in event.choices:
            if choice.delta is not None and choice.delta.content:
                said.append(choice.delta.content)
            if choice.finish_reason:
                word = _text(choice.finish_reason) or word
    first = next((event for event in events if event.choices or event.id), events[0])
    return Response(
        id=_text(first.id),
        model=_text(first.model),
        created=count(first.created),
        parts=(Text("".join(said)),) if said else (),
        stop=settled_stop(word, ()),
        stop_raw=word,
        usage=usage,
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
