"""The bodies that foreign spans are stored with: canonical messages as JSON, and what is shown and searched of them."""

from typing import Any, Final

import msgspec
from msgspec import Struct

from trimtab.llm.types import Message, Tool

CANONICAL: Final = "canonical"
"""``request_dialect`` and ``response_dialect`` of a span that came from elsewhere."""


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


_asked: Final = msgspec.json.Decoder(Asked)
_answered: Final = msgspec.json.Decoder(Answered)


def read_asked(body: bytes) -> Asked:
    """Raises `msgspec.DecodeError`."""
    return _asked.decode(body)


def read_answered(body: bytes) -> Answered:
    """Raises `msgspec.DecodeError`."""
    return _answered.decode(body)
