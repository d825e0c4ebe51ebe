"""Export: a project's rows as Parquet or JSON lines, page by page."""

from typing import Annotated

from litestar import Response
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import Meta

from trimtab.core.errors import NotFound
from trimtab.server.api.costs import End, Query, Start, window
from trimtab.server.routes import Cursor, Deps, Operation, Tenant, route
from trimtab.telemetry.export import MOST_ROWS, Format, What, export

CURSOR_HEADER = "trimtab-cursor"
ROWS_HEADER = "trimtab-rows"
_KINDS = {"parquet": "application/vnd.apache.parquet", "jsonl": "application/x-ndjson"}
Rows = Annotated[
    int,
    Meta(ge=1, le=50_000, description="Rows of this page at most; 1000 of contents."),
    QueryParameter(ge=1, le=50_000),
]


@route(
    "GET",
    "/api/v1/projects/{project:str}/export/{what:str}",
    "trace:read",
    Operation(
        id="exportRows",
        summary="Spans, content, ledger or scores as Parquet or JSON lines",
        tag="traces",
        errors=(404,),
        media_type="application/octet-stream",
    ),
)
async def export_rows(
    deps: Deps,
    tenant: Tenant,
    what: FromPath[str],
    format: FromQuery[Format] = "jsonl",  # noqa: A002  it is called so in the API
    q: Query = "",
    start: Start = None,
    end: End = None,
    limit: Rows = 10_000,
    cursor: Cursor = None,
) -> Response[bytes]:
    """One page, oldest first: a whole file. The header ``trimtab-cursor`` leads to the next and is missing on the last;
    ``trimtab-rows`` says how many rows. ``q`` filters spans."""
    kind = _what(what)
    scope = (q, window(deps, start, end))
    page = await export(deps.files, tenant.id, kind, format, scope, limit=limit, cursor=cursor)
    headers = {
        "content-disposition": f'attachment; filename="{kind}-{tenant.slug}.{format}"',
        ROWS_HEADER: str(page.rows),
    }
    if page.cursor is not None:
        headers[CURSOR_HEADER] = page.cursor
    return Response(page.content, media_type=_KINDS[format], headers=headers)


def _what(given: str) -> What:
    for known in MOST_ROWS:
        if known == given:
            return known
    raise NotFound(f"{given[:40]!r} cannot be exported.", fix=f"Choose one of {', '.join(MOST_ROWS)}.")


ROUTES = (export_rows,)
