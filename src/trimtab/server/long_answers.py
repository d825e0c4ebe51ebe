"""An answer that is made while it is sent: a trace of 30,000 spans is 25 MB, two such side by side 4 MB, and to write
that down in one go, or to take the texts out of it, is time in which no call is answered."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final, TypeVar, cast

import msgspec
from litestar import Request
from litestar.response import Stream

from trimtab.server.content_access import STATE
from trimtab.server.withholding import withheld

T = TypeVar("T", bound=msgspec.Struct)
AT_ONCE: Final = 100
"""Rows that are written down before others have their turn: a tenth of a millisecond, three without their texts."""


def answer_of(found: T, request: Request[Any, Any, Any], rows: str = "spans") -> T:
    """What a route answers with; the same JSON either way. ``rows`` names the field that is a long list."""
    if len(getattr(found, rows)) <= AT_ONCE:
        return found
    body = _portions(found, rows, bare=bool(request.scope["state"].get(STATE)))
    return cast("T", Stream(body, media_type="application/json"))


async def _portions(found: msgspec.Struct, rows: str, *, bare: bool) -> AsyncIterator[bytes]:
    def told(value: Any) -> bytes:
        return msgspec.json.encode(withheld(value) if bare else value)

    each: list[Any] = getattr(found, rows)
    # Nothing but the field itself can look so: within a text a quotation mark has a backslash.
    none = b'"%s":[]' % rows.encode()
    before, _, after = told(msgspec.structs.replace(found, **{rows: []})).partition(none)
    yield before + none[:-1]
    for first in range(0, len(each), AT_ONCE):
        portion = told(each[first : first + AT_ONCE])[1:-1]
        yield b"," + portion if first else portion
        await asyncio.sleep(0)
    yield none[-1:] + after
