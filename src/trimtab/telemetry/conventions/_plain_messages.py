"""Messages that hold texts and nothing else, as most of OpenTelemetry's are: read by one decoder."""

from typing import Final, Literal

import msgspec
from msgspec import Struct


class PlainPart(Struct, forbid_unknown_fields=True, gc=False):
    type: Literal["text"]
    content: str


class PlainMessage(Struct, forbid_unknown_fields=True, gc=False):
    role: Literal["system", "user", "assistant"]
    parts: tuple[PlainPart, ...]
    finish_reason: str = ""


plain_list: Final = msgspec.json.Decoder(tuple[PlainMessage, ...]).decode
"""Raises `msgspec.DecodeError` and `UnicodeError`."""
