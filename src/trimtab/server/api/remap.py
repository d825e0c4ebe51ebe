"""Foreign spans read again with the mappers of today (`telemetry/remap.py`)."""

import asyncio
import logging
import sqlite3
from typing import Annotated

from litestar.params import JSONBody, QueryParameter
from msgspec import Meta, Struct

from trimtab.core.errors import InvalidRequest, Unavailable
from trimtab.server.auditing import Deed, noted
from trimtab.server.dependencies import Dependencies
from trimtab.server.housing import SPOOL
from trimtab.server.routes import CallerNow, Deps, Operation, Tenant, read_cursor, route, write_cursor
from trimtab.telemetry.kinds import encode_any
from trimtab.telemetry.remap import PAGE, RemapBatch, Remapper
from trimtab.telemetry.spool import barrier
from trimtab.telemetry.units import dollars
from trimtab.telemetry.views import Window

logger = logging.getLogger("trimtab.server")

TAG = "traces"
_LAST_MS = (1 << 53) - 1
_DAYS_30 = 30 * 86_400_000
Time = Annotated[
    Annotated[int, Meta(ge=0, le=_LAST_MS, description="Unix milliseconds.")] | None, QueryParameter(ge=0, le=_LAST_MS)
]


class Remap(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Traces with a span that began in [start, end), Unix milliseconds; without ``end``, until now. ``everything``:
    also those that the mappers of today have read. ``cursor`` is the answer's before."""

    start: int
    end: int | None = None
    everything: bool = False
    cursor: str | None = None


class Remapped(Struct, frozen=True, kw_only=True):
    """``traces`` are durably noted, and made anew within seconds to minutes; ``cursor`` asks for the next page, null at
    the end."""

    traces: int
    cursor: str | None


class ReaderView(Struct, frozen=True, kw_only=True):
    """Spans that one version of a convention's mapper has read. ``current`` is the version of today, null where there
    is no such convention any more; ``stale``: they would be read otherwise today."""

    convention: str
    version: int
    current: int | None
    stale: bool
    spans: int
    traces: int


class LeftView(Struct, frozen=True, kw_only=True):
    """A trace that stays as it was read: more came of it than is read at once."""

    trace_id: str
    spans: int
    bytes: int


class ComesToView(Struct, frozen=True, kw_only=True):
    """What the spans of other tools come to now: ``calls`` are of models, of ``unknown`` no convention knows the kind;
    ``tokens``, ``cost`` (US dollars) and ``unpriced`` are of what is counted."""

    spans: int
    calls: int
    unknown: int
    errors: int
    tokens: int
    cost: str
    unpriced: int


class MappingView(Struct, frozen=True, kw_only=True):
    """``stale`` traces were read by an older mapper; of these ``left`` stay so (the largest are shown). ``waiting``
    traces of the project are noted to be made anew on this server, for whatever reason; null where that cannot be
    read."""

    start: int
    end: int
    readers: list[ReaderView]
    stale: int
    waiting: int | None
    left: list[LeftView]
    comes_to: ComesToView


@route(
    "GET",
    "/api/v1/projects/{project:str}/remap",
    "trace:read",
    Operation(id="getMapping", summary="Which mappers have read foreign traces", tag=TAG, errors=(404, 503)),
)
async def get_mapping(deps: Deps, tenant: Tenant, start: Time = None, end: Time = None) -> MappingView:
    """Of spans that other tools sent and that began in [start, end): without ``end``, until now; without ``start``, the
    30 days before."""
    if deps.remapper is None:
        raise Unavailable("This server takes no records.", fix="Ask the one that does.")
    until = deps.now() if end is None else end
    since = max(0, until - _DAYS_30) if start is None else start
    if since > until:
        raise InvalidRequest("The range is none.", fix="Give start before end.", param="start")
    return await _mapping(deps, deps.remapper, tenant.id, Window(start=since, end=until))


async def _mapping(deps: Dependencies, remapper: Remapper, project: str, window: Window) -> MappingView:
    from trimtab.telemetry.conventions import versions  # its plugs are no business of a server's start

    # Before the rows: what is done in between is then told as waiting, and asked for once more.
    waiting = await _waiting(deps, project)
    current = await asyncio.to_thread(versions)
    read_by, stale, left, sums = await asyncio.gather(
        remapper.read_by(project, window),
        remapper.stale(project, window),
        remapper.too_much(project, window),
        remapper.comes_to(project, window),
    )
    readers = [
        ReaderView(
            convention=each.convention,
            version=each.version,
            current=current.get(each.convention),
            stale=current.get(each.convention) != each.version,
            spans=each.spans,
            traces=each.traces,
        )
        for each in read_by
    ]
    return MappingView(
        start=window.start,
        end=window.end,
        readers=readers,
        stale=stale,
        waiting=waiting,
        left=[LeftView(trace_id=each.trace_id, spans=each.spans, bytes=each.bytes) for each in left],
        comes_to=ComesToView(
            spans=sums.spans,
            calls=sums.calls,
            unknown=sums.unknown,
            errors=sums.errors,
            tokens=sums.tokens,
            cost=dollars(sums.cost) or "0",
            unpriced=sums.unpriced,
        ),
    )


async def _waiting(deps: Dependencies, project: str) -> int | None:
    """Traces that are due by now; those that only wait for a root to come are not."""
    if deps.remakes is not None:
        return await deps.remakes.waiting(project, deps.now())
    spool = deps.settings.data_dir.absolute() / SPOOL
    try:
        notes = await asyncio.to_thread(barrier.noted, spool)
    except sqlite3.Error as error:
        logger.warning("which traces are to be made anew cannot be read: %s", error)
        return None
    now_ms = deps.now()
    return sum(1 for note in notes if note.project == project and note.due_ms <= now_ms)


@route(
    "POST",
    "/api/v1/projects/{project:str}/remap",
    "project:write",
    Operation(id="remapTraces", summary="Read foreign traces again", tag=TAG, errors=(404, 429)),
)
async def remap_traces(deps: Deps, caller: CallerNow, tenant: Tenant, data: JSONBody[Remap]) -> Remapped:
    """One page of the traces that an older mapper read, oldest first, are made anew from their raw spans. The same page
    again does no harm."""
    if deps.intake is None or deps.remapper is None:
        raise Unavailable("This server takes no records.", fix="Ask the one that does.")
    now_ns = deps.clock.now_ns()
    end = now_ns // 1_000_000 if data.end is None else data.end
    if not 0 <= data.start <= end <= _LAST_MS:
        raise InvalidRequest("The range is none.", fix="Give start and end in Unix milliseconds.", param="start")
    window = Window(start=data.start, end=end)
    if not data.cursor:
        told = {"start": data.start, "end": end, "everything": data.everything}
        await noted(deps, caller, Deed(project=tenant, action="traces.remapped", subject="traces", detail=told))
    found = await deps.remapper.page(tenant.id, window, _after(data.cursor), PAGE, everything=data.everything)
    if found:
        batch = RemapBatch(project=tenant.id, asked_ns=now_ns, traces=tuple(found))
        await deps.intake.keep_bodies([encode_any(batch)])
    more = len(found) == PAGE
    last = found[-1] if found else None
    return Remapped(
        traces=len(found), cursor=write_cursor(f"{last.low_ns}.{last.trace_id}") if more and last is not None else None
    )


def _after(cursor: str | None) -> tuple[int, str]:
    text = read_cursor(cursor)
    if not text:
        return 0, ""
    at, dot, trace_id = text.partition(".")
    if not dot or not at.isascii() or not at.isdecimal() or len(at) > 19:
        raise InvalidRequest("This cursor was not made here.", fix="Take it from the page before.", param="cursor")
    return min(int(at), (1 << 63) - 1), trace_id


ROUTES = (get_mapping, remap_traces)
