"""A project's rows as files: Parquet or JSON lines, written by the engine itself, page by page in the order of time.

A page ends at a row's place (its time and id), and the next begins behind it; what arrives meanwhile in a page that was
given is not given again, and not skipped in those to come. Texts that are no UTF-8 are repaired: a file that cannot be
read is worth less than a byte.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Final, Literal, Protocol, TypeVar

import msgspec
from msgspec import Struct

from trimtab.core.errors import InvalidRequest
from trimtab.telemetry.rows import LEDGER, SPANS
from trimtab.telemetry.search.query import compile_query
from trimtab.telemetry.stores import Value
from trimtab.telemetry.views import Window

T = TypeVar("T")
What = Literal["spans", "content", "ledger", "scores"]
Format = Literal["parquet", "jsonl"]

MOST_ROWS: Final[dict[What, int]] = {"spans": 50_000, "content": 1_000, "ledger": 50_000, "scores": 50_000}
"""Rows of one page: contents may take 128 KiB each."""
_FORMATS: Final[dict[Format, str]] = {"parquet": "Parquet", "jsonl": "JSONEachRow"}
_BOUNDS: Final = "output_format_json_validate_utf8 = 1, output_format_parquet_string_as_string = 1"


class Exporter(Protocol):
    """What answers: `reader.TelemetryReader`."""

    async def ask(self, line: type[T], sql: str, params: Mapping[str, Value], bounds: str = "") -> list[T]: ...
    async def file(self, sql: str, params: Mapping[str, Value], fmt: str, bounds: str) -> bytes: ...


class Page(Struct, frozen=True):
    """``content`` is a whole file of its format; ``cursor`` is None for the last."""

    content: bytes
    rows: int
    cursor: str | None


class _Source(Struct, frozen=True, kw_only=True):
    """Where rows are from: table, the column of their time, that of their id, and what is written of them."""

    table: str
    at: str
    id: str
    columns: str


def _money(column: str) -> str:
    """Picodollars as US dollars in a decimal string, as the API has them; null where the cost is unknown."""
    return f"toString(toDecimal128({column}, 12) / toDecimal128(1000000000000, 0)) AS {column}_usd"


_AMOUNTS: Final = ("cost", "booked_cost", "cost_told", "cost_counted")
_INSIDE: Final = frozenset(("project", "shared_io", "cost_parts", "version", *_AMOUNTS))
_SOURCES: Final[dict[What, _Source]] = {
    "spans": _Source(
        table="spans",
        at="start_ns",
        id="span_id",
        columns=", ".join([*(name for name in SPANS if name not in _INSIDE), _money("cost")]),
    ),
    "content": _Source(
        table="span_io",
        at="start_ns",
        id="span_id",
        columns="trace_id, span_id, start_ns, request_dialect, response_dialect, stream, "
        "toValidUTF8(request) AS request, toValidUTF8(response) AS response, request_blob, response_blob",
    ),
    "ledger": _Source(
        table="ledger FINAL",
        at="at_ns",
        id="span_id",
        columns=", ".join([*(name for name in LEDGER if name not in _INSIDE), *map(_money, _AMOUNTS)]),
    ),
    "scores": _Source(
        table="scores FINAL",
        at="at_ns",
        id="id",
        columns="id, target, trace_id, span_id, session, name, value, label, explanation, source, evaluator, "
        "evaluator_version, author, at_ns, valid",
    ),
}


_TEXTS: Final[dict[What, tuple[str, ...]]] = {
    "spans": ("input_preview", "output_preview", "error_message", "decision"),
    "ledger": ("prompt_preview",),
    "scores": ("explanation",),
}
"""Columns that hold what was said; all of ``content`` is that."""


def _columns(what: What, *, texts: bool) -> str:
    names = _SOURCES[what].columns.split(", ")
    hidden = () if texts else _TEXTS.get(what, ())
    return ", ".join(f"'' AS {name}" if name in hidden else _unsealed(what, name) for name in names)


def _unsealed(what: What, name: str) -> str:
    """What lies encrypted cannot be opened by the store that writes the file."""
    if (what, name) != ("scores", "explanation"):
        return name
    return f"if(startsWith({name}, '\\x02tts1:'), '[encrypted]', {name}) AS {name}"


async def export(
    asker: Exporter, project: str, what: What, fmt: Format, scope: tuple[str, Window], *,
    limit: int, cursor: str | None, texts: bool = True,
) -> Page:  # fmt: skip
    """One page. ``scope`` is a search (of spans only) and a window of time; without ``texts`` the columns of what was
    said are empty. Raises `InvalidRequest`."""
    source = _SOURCES[what]
    where, params = _scope(project, what, source, scope)
    limit = max(1, min(limit, MOST_ROWS[what]))
    if cursor is not None:
        params["after_ns"], params["after_id"] = _place(cursor)
        where += f" AND ({source.at}, {source.id}) > ({{after_ns:Int64}}, {{after_id:String}})"
    place = f"SELECT {source.at} AS at, {source.id} AS id FROM {source.table} WHERE {where} ORDER BY 1, 2"  # noqa: S608
    sql = f"SELECT count(), max((at, id)) FROM ({place} LIMIT {limit})"  # noqa: S608
    [(count, (last_ns, last_id))] = await asker.ask(tuple[int, tuple[int, str]], sql, params)
    params["last_ns"], params["last_id"] = last_ns, last_id
    rows = f"SELECT {_columns(what, texts=texts)} FROM {source.table} WHERE {where}"  # noqa: S608
    rows += f" AND ({source.at}, {source.id}) <= ({{last_ns:Int64}}, {{last_id:String}})"
    content = await asker.file(f"{rows} ORDER BY {source.at}, {source.id}", params, _FORMATS[fmt], _BOUNDS)
    return Page(content, count, _cursor(last_ns, last_id) if count == limit else None)


def _scope(project: str, what: What, source: _Source, scope: tuple[str, Window]) -> tuple[str, dict[str, Value]]:
    """Project and window are always part of it."""
    q, window = scope
    if what == "spans":
        found = compile_query(q, project, window, of="spans")
        return found.sql, dict(found.params)
    if q:
        raise InvalidRequest("Only spans can be searched.", fix="Leave 'q' out, or export spans.", param="q")
    bounds = compile_query("", project, window, of="spans")
    at = source.at
    sql = f"project = {{project:String}} AND {at} >= {{start_ns:Int64}} AND {at} < {{end_ns:Int64}}"
    return sql, dict(bounds.params)


def _cursor(at_ns: int, row_id: str) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode((at_ns, row_id))).decode().rstrip("=")


def _place(cursor: str) -> tuple[int, str]:
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        at_ns, row_id = msgspec.json.decode(text, type=tuple[int, str])
    except (ValueError, binascii.Error, msgspec.DecodeError):
        at_ns, row_id = -1, ""
    if not 0 <= at_ns < 1 << 63 or "\0" in row_id:
        raise InvalidRequest("This cursor was not made here.", fix="Take it from the page before.", param="cursor")
    return at_ns, row_id
