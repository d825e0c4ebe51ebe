"""Foreign spans read again with the mappers of today (`telemetry/remap.py`)."""

from litestar.params import JSONBody
from msgspec import Struct

from trimtab.core.errors import InvalidRequest, Unavailable
from trimtab.server.auditing import Deed, noted
from trimtab.server.routes import CallerNow, Deps, Operation, Tenant, read_cursor, route, write_cursor
from trimtab.telemetry.kinds import encode_any
from trimtab.telemetry.remap import PAGE, RemapBatch
from trimtab.telemetry.views import Window

TAG = "traces"
_LAST_MS = (1 << 53) - 1


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


ROUTES = (remap_traces,)
