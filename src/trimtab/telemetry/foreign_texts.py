"""What a foreign span said, as it is stored and read again: bodies of a dialect of our own, and plain text for search.

A provider's bytes never came by, so what is kept are canonical messages as JSON (`llm/types.py`), under the name
`CANONICAL`. What is no conversation (a tool's arguments, a chain's inputs) is one message with that value as its text.
"""

from typing import Any, Final

import msgspec
from msgspec import Struct

from trimtab.llm.types import Message, Text, Tool
from trimtab.telemetry.canonical import CanonicalSpan
from trimtab.telemetry.messages import preview, text_of

CANONICAL: Final = "canonical"
"""``request_dialect`` and ``response_dialect`` of a span that came from elsewhere."""
SEARCHED: Final = 256 << 10
"""Characters of a span's text that can be searched."""


class Asked(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of a request under `CANONICAL`."""

    messages: tuple[Message, ...] = ()
    tools: tuple[Tool, ...] = ()
    params: dict[str, Any] = {}


class Answered(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of an answer under `CANONICAL`."""

    messages: tuple[Message, ...] = ()


class ForeignTexts(Struct, frozen=True, gc=False):
    """Two bodies (empty: nothing was said), two previews, and everything in lower case."""

    request: bytes
    response: bytes
    asked: str
    answered: str
    plain: str


_json: Final = msgspec.json.Encoder()
_asked: Final = msgspec.json.Decoder(Asked)
_answered: Final = msgspec.json.Decoder(Answered)
_NOTHING: Final = ForeignTexts(b"", b"", "", "", "")


def texts_of(span: CanonicalSpan) -> ForeignTexts:
    """What is kept of a span's texts."""
    asked = span.input_messages or _as_message("user", span.input)
    answered = span.output_messages or _as_message("assistant", span.output)
    if not (asked or answered or span.tools_offered or span.params):
        return _NOTHING
    said, told = [text_of(message.parts) for message in asked], [text_of(message.parts) for message in answered]
    request = b""
    if asked or span.tools_offered or span.params:
        request = _json.encode(Asked(messages=asked, tools=span.tools_offered, params=span.params))
    return ForeignTexts(
        request,
        _json.encode(Answered(messages=answered)) if answered else b"",
        preview(_last_asked(asked, said)) if said else "",
        preview(told[-1]) if told else "",
        f"{_joined(said)}\n{_joined(told)}"[:SEARCHED].lower(),
    )


def _as_message(role: Any, value: Any) -> tuple[Message, ...]:
    if value is None or value in ("", {}, []):
        return ()
    text = value if isinstance(value, str) else _json.encode(value).decode()
    return (Message(role, (Text(text),)),)


def _joined(texts: list[str]) -> str:
    return texts[0] if len(texts) == 1 else "\n".join(texts)


def _last_asked(messages: tuple[Message, ...], texts: list[str]) -> str:
    for message, text in zip(reversed(messages), reversed(texts), strict=True):
        if text and message.role in ("user", "tool"):
            return text
    return texts[-1]


def read_asked(body: bytes) -> Asked:
    """Raises `msgspec.DecodeError`."""
    return _asked.decode(body)


def read_answered(body: bytes) -> Answered:
    """Raises `msgspec.DecodeError`."""
    return _answered.decode(body)
