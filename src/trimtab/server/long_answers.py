"""A trace as an answer that is made while it is sent: one of 30,000 spans is 25 MB, and to write that down in one go,
or to take the texts out of it, is time in which no call is answered."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final, cast

import msgspec
from litestar import Request
from litestar.response import Stream

from trimtab.server.content_access import STATE
from trimtab.server.withholding import withheld
from trimtab.telemetry.views import TraceDetail

AT_ONCE: Final = 100
"""Spans that are written down before others have their turn: a tenth of a millisecond, three without their texts."""
_NONE: Final = b'"spans":[]'
"""Nothing but the field itself can look so: within a text a quotation mark has a backslash."""


def answer_of(trace: TraceDetail, request: Request[Any, Any, Any]) -> TraceDetail:
    """What a route answers with; the same JSON either way."""
    if len(trace.spans) <= AT_ONCE:
        return trace
    body = _portions(trace, bare=bool(request.scope["state"].get(STATE)))
    return cast("TraceDetail", Stream(body, media_type="application/json"))


async def _portions(trace: TraceDetail, *, bare: bool) -> AsyncIterator[bytes]:
    def told(value: Any) -> bytes:
        return msgspec.json.encode(withheld(value) if bare else value)

    before, _, after = told(msgspec.structs.replace(trace, spans=[])).partition(_NONE)
    yield before + _NONE[:-1]
    for first in range(0, len(trace.spans), AT_ONCE):
        portion = told(trace.spans[first : first + AT_ONCE])[1:-1]
        yield b"," + portion if first else portion
        await asyncio.sleep(0)
    yield _NONE[-1:] + after
