"""What a foreign span said, as it is stored and read again: bodies of a dialect of our own, and plain text for search.

A provider's bytes never came by, so what is kept are canonical messages as JSON (`llm/types.py`), under the name
`CANONICAL`. What is no conversation (a tool's arguments, a chain's inputs) is one message with that value as its text.
"""

from typing import Any, Final

import msgspec
from msgspec import Struct

from trimtab.llm.types import Message, Role, Text
from trimtab.telemetry.canonical import CanonicalSpan
from trimtab.telemetry.foreign.bodies import Answered, Asked, ForeignTexts
from trimtab.telemetry.plain_text import preview, text_of

SEARCHED: Final = 256 << 10
"""Characters of a span's text that can be searched."""

_json: Final = msgspec.json.Encoder()
_ASKING: Final[tuple[tuple[Role, ...], tuple[Role, ...]]] = (("user", "tool"), ("user",))
"""Who asks a call, and who an agent: its run tells all that its own tools said meanwhile."""
_NOTHING: Final = ForeignTexts(b"", b"", "", "", "")


def texts_of(span: CanonicalSpan) -> ForeignTexts:
    """What is kept of a span's texts."""
    if not (span.input_messages or span.output_messages or span.tools_offered or span.params):
        return _of_values(_text(span.input), _text(span.output))
    asked = span.input_messages or _as_message("user", span.input)
    answered = span.output_messages or _as_message("assistant", span.output)
    said, told = _texts(asked), _texts(answered)
    request = b""
    if asked or span.tools_offered or span.params:
        request = _json.encode(Asked(messages=asked, tools=span.tools_offered, params=span.params))
    return ForeignTexts(
        request,
        _json.encode(Answered(messages=answered)) if answered else b"",
        preview(_last_asked(asked, said, _ASKING[span.kind == "agent"])) if said else "",
        preview(told[-1]) if told else "",
        f"{_joined(said)}\n{_joined(told)}"[:SEARCHED].lower(),
    )


def _of_values(asked: str, answered: str) -> ForeignTexts:
    """The same of what is no conversation, without the messages: most spans."""
    if not (asked or answered):
        return _NOTHING
    return ForeignTexts(
        _ASKED[0] + _json.encode(asked) + _ASKED[1] if asked else b"",
        _ANSWERED[0] + _json.encode(answered) + _ANSWERED[1] if answered else b"",
        preview(asked) if asked else "",
        preview(answered) if answered else "",
        f"{asked}\n{answered}"[:SEARCHED].lower(),
    )


def _text(value: Any) -> str:
    """An untyped value as a text, empty where it says nothing."""
    if type(value) is str:
        return value
    if value is None or value in ("", {}, []):
        return ""
    return _json.encode(value).decode()


def _as_message(role: Role, value: Any) -> tuple[Message, ...]:
    text = _text(value)
    return (Message(role, (Text(text),)),) if text else ()


def _around(body: Struct) -> tuple[bytes, bytes]:
    """What stands before and behind the one text of a body, which is a zero."""
    head, _, tail = _json.encode(body).partition(_json.encode("0"))
    return head, tail


_ASKED: Final = _around(Asked(messages=_as_message("user", "0")))
_ANSWERED: Final = _around(Answered(messages=_as_message("assistant", "0")))


def _texts(messages: tuple[Message, ...]) -> list[str]:
    """What each says. Nearly all are one text, and `text_of` need not be asked."""
    return [
        parts[0].text if len(parts := message.parts) == 1 and isinstance(parts[0], Text) else text_of(parts)
        for message in messages
    ]


def _joined(texts: list[str]) -> str:
    return texts[0] if len(texts) == 1 else "\n".join(texts)


def _last_asked(messages: tuple[Message, ...], texts: list[str], asking: tuple[Role, ...]) -> str:
    if texts[-1] and messages[-1].role in asking:  # nearly always
        return texts[-1]
    for message, text in zip(reversed(messages), reversed(texts), strict=True):
        if text and message.role in asking:
            return text
    return texts[-1]
