"""The fields of a request and of an answer that every call of the same dialect is read for (`hot.py`)."""

from typing import Any

import msgspec
from msgspec import Raw, Struct

from trimtab.llm.dialects.openai_chat.usage import PlainUsage


class _StreamOptions(Struct):
    include_usage: bool | None = None


class _Request(Struct):
    """The fields `hot.peek` reads; the decoder skips all others without building anything."""

    model: str
    stream: bool | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    user: str | None = None
    safety_identifier: str | None = None
    metadata: dict[str, Any] | None = None
    stream_options: _StreamOptions | None = None
    n: Any = None
    service_tier: Any = None


class _Choice(Struct):
    finish_reason: str | None = None
    error: Raw | None = None


class _Answer(Struct):
    id: str | None = None
    model: str | None = None
    choices: list[_Choice] | None = None
    usage: PlainUsage | None = None
    error: Raw | None = None
    service_tier: Any = None


decode_request = msgspec.json.Decoder(_Request).decode
decode_answer = msgspec.json.Decoder(_Answer).decode
