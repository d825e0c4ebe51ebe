"""What the doors for people who move do alike: a body is read within its bounds, what is in it is kept before it is
answered, what is refused is a dead letter, and an answer is JSON.
"""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any, Final, TypeVar

import msgspec

from trimtab.core.errors import InvalidRequest, TrimtabError
from trimtab.governance.access import Principal, Project
from trimtab.server.dependencies import Dependencies
from trimtab.server.doors.events import Unread
from trimtab.server.doors.otlp import IN_PLACE, OtlpDoor
from trimtab.server.unpack import unpack
from trimtab.telemetry.foreign.spans import ForeignBatch, ForeignSpan, RefusedSpan
from trimtab.telemetry.kinds import encode_any
from trimtab.telemetry.otlp import loose_json
from trimtab.telemetry.otlp.content_off import without_content
from trimtab.telemetry.otlp.sink import MAX_LETTERS, Origin, Sink, encoded
from trimtab.telemetry.spool.intake import Intake

T = TypeVar("T")
MAX_BODY: Final = 32 << 20
SPANS_AT_ONCE: Final = 500
LARGE: Final = 1 << 20
LARGE_AT_ONCE: Final = 2
"""So many bodies above `LARGE`, counted as they are after decompression, are read or written at once by a door: what is
made of one may take many times its size, and a few kilobytes may be one."""


class NotOffered(TrimtabError):
    status = 501
    code = "not_offered"


class Taking:
    """For the door of one vendor; ``why`` says, where a body is too large, what raises the limit."""

    def __init__(self, deps: Dependencies, otlp: OtlpDoor, intake: Intake, why: str) -> None:
        self._deps = deps
        self._otlp = otlp
        self._intake = intake
        self._why = why
        self._large = asyncio.Semaphore(LARGE_AT_ONCE)

    async def body(
        self, receive: Any, headers: dict[bytes, bytes], answered: AsyncExitStack, read: Callable[[bytes], T]
    ) -> T:
        """What ``read`` makes of a body, once there is room for what may be in it. A large one has a turn of its own
        until it is ``answered``. Raises what `OtlpDoor.body` and `OtlpDoor.hold` do."""
        self._intake.require_room()
        encoding = headers.get(b"content-encoding", b"").decode("latin-1")
        packed = await self._otlp.body(receive, headers, MAX_BODY, self._why)

        held = len(packed)
        try:
            if held <= IN_PLACE and not encoding:
                return read(packed)
            body = packed if not encoding else await asyncio.to_thread(unpack, packed, encoding, MAX_BODY, self._why)
            del packed
            self._otlp.hold(len(body) - held)
            held = len(body)
            if held > LARGE:
                await answered.enter_async_context(self._large)
            return await asyncio.to_thread(read, body)  # calls go on meanwhile
        finally:
            self._otlp.release(held)

    async def keep(
        self, principal: Principal, project: Project, now_ns: int, spans: list[ForeignSpan], unread: list[Unread]
    ) -> None:
        """Durable when this returns."""
        if not project.capture_content:
            spans = await asyncio.to_thread(_silenced, spans)
        letters = await asyncio.to_thread(_letters, project, principal, now_ns, unread) if unread else []
        if not spans and not letters:
            return
        batches = (tuple(spans[first : first + SPANS_AT_ONCE]) for first in range(0, len(spans), SPANS_AT_ONCE))
        records = (
            ForeignBatch(project=project.id, key_id=principal.key_id, arrived_ns=now_ns, spans=batch)
            for batch in batches
        )
        await self._intake.keep_bodies(await asyncio.to_thread(_written, [*records, *letters]))
        self._intake.accepted += len(spans)
        self._intake.refused += len(unread)


def _written(records: list[ForeignBatch | RefusedSpan]) -> list[bytes]:
    return [encode_any(record) for record in records]


def _silenced(spans: list[ForeignSpan]) -> list[ForeignSpan]:
    return [without_content(span) for span in spans]


def _letters(project: Project, principal: Principal, now_ns: int, unread: list[Unread]) -> list[RefusedSpan]:
    """Refused events as dead letters, the first of them."""
    sink = Sink(Origin(project.id, principal.key_id, now_ns, project.capture_content), 0, "events")
    for event, why, span in unread[:MAX_LETTERS]:
        sink.refuse(why, span=span, wire=encoded(event))
    return sink.letters


def as_json(body: bytes) -> Any:
    """Raises `InvalidRequest`."""
    try:
        return loose_json.decode(body)
    except loose_json.TooMuch as error:
        raise loose_json.too_much(error) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidRequest(f"The body is not JSON: {error}.", fix="Send JSON.", code="not_json") from None


async def answer(send: Any, status: int, body: Any, more: dict[str, str]) -> None:
    """``body`` as JSON, with ``more`` headers."""
    content = msgspec.json.encode(body)
    pairs = {**more, "content-type": "application/json", "content-length": str(len(content))}
    headers = [(name.encode(), value.encode("latin-1", "replace")) for name, value in pairs.items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
