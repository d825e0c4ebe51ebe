"""Export: a project's rows as Parquet or JSON lines, page by page."""

from typing import Annotated, Final

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, SkipValidation
from msgspec import Meta, Struct

from trimtab.core.errors import Conflict, NotFound
from trimtab.server.api.costs import End, Query, Start, window
from trimtab.server.content_access import may_read, refuse_content
from trimtab.server.policing import Asked, permit
from trimtab.server.reading import content_read
from trimtab.server.routes import CallerNow, Cursor, Deps, Operation, Tenant, route
from trimtab.telemetry.export import MOST_ROWS, Format, What, export

CURSOR_HEADER = "trimtab-cursor"
ROWS_HEADER = "trimtab-rows"
_KINDS: Final[dict[Format, str]] = {"parquet": "application/vnd.apache.parquet", "jsonl": "application/x-ndjson"}
Rows = Annotated[
    int,
    Meta(ge=1, le=50_000, description="Rows of this page at most; 1000 of contents."),
    QueryParameter(ge=1, le=50_000),
]


class Scope(Struct, frozen=True):
    """Which spans."""

    q: str
    start: int | None
    end: int | None


def scope_of(q: Query = "", start: Start = None, end: End = None) -> Scope:
    return Scope(q, start, end)


@route(
    "GET",
    "/api/v1/projects/{project:str}/export/{file:str}",
    "trace:read",
    Operation(
        id="exportRows",
        summary="Spans, content, ledger or scores as Parquet or JSON lines",
        tag="traces",
        errors=(404, 409),
        media_type="application/octet-stream",
    ),
    {"spans": scope_of},
)
async def export_rows(
    deps: Deps,
    caller: CallerNow,
    tenant: Tenant,
    file: FromPath[str],
    spans: NamedDependency[SkipValidation[Scope]],
    limit: Rows = 10_000,
    cursor: Cursor = None,
) -> Response[bytes]:
    """``file`` is what and how: ``spans.parquet``, ``ledger.jsonl``. One page, oldest first: a whole file. The header
    ``trimtab-cursor`` leads to the next page and is missing on the last; ``trimtab-rows`` says how many rows. ``q``
    filters spans. Columns of texts are empty for who may not read content."""
    kind, fmt = _named(file)
    texts = may_read(caller.principal, tenant)
    if kind == "content" and not texts:
        refuse_content("this export is nothing else: take spans, ledger or scores")
    await permit(deps, caller, tenant, Asked(action="export", kind=kind))
    if kind == "content" and deps.keys().has(tenant.id):
        raise Conflict(
            "Content of this project is encrypted at rest, and the store that writes the files cannot open it.",
            fix="Read it span by span (GET .../traces/{trace}/spans/{span}/io), or export spans.",
            code="content_encrypted",
        )
    asked = (spans.q, window(deps, spans.start, spans.end))
    page = await export(deps.files, tenant.id, kind, fmt, asked, limit=limit, cursor=cursor, texts=texts)
    await content_read(deps, caller, tenant, f"export:{kind}", always=kind == "content")
    headers = {
        "content-disposition": f'attachment; filename="{kind}-{tenant.slug}.{fmt}"',
        ROWS_HEADER: str(page.rows),
    }
    if page.cursor is not None:
        headers[CURSOR_HEADER] = page.cursor
    return Response(page.content, media_type=_KINDS[fmt], headers=headers)


def _named(file: str) -> tuple[What, Format]:
    for what in MOST_ROWS:
        for fmt in _KINDS:
            if file == f"{what}.{fmt}":
                return what, fmt
    raise NotFound(
        f"There is no export {file[:40]!r}.",
        fix=f"Name one of {', '.join(MOST_ROWS)} and .parquet or .jsonl, as in spans.parquet.",
    )


ROUTES = (export_rows,)
