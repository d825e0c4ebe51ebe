"""Saved views and dashboards: what people keep of their questions, for themselves or for their project.

A saved view is a search with the columns and the order it is looked at with. A dashboard is a list of tiles, each an
aggregation (`search/aggregate.py`) and how it is drawn, on a grid of twelve columns. Both are plain values, so a
dashboard can be written to a file, kept in git and read again: `DashboardFile`.
"""

import re
from typing import Final, Literal

from msgspec import Struct, field

from trimtab.core.errors import InvalidRequest
from trimtab.telemetry.search import aggregate
from trimtab.telemetry.search.aggregate import MAX_GROUPS, Aggregation
from trimtab.telemetry.search.aggregate_views import Of
from trimtab.telemetry.search.query import compile_query
from trimtab.telemetry.views import Window

MAX_TILES: Final = 50
MAX_COLUMNS: Final = 50
MAX_NAME: Final = 100
MAX_ABOUT: Final = 1_000
GRID: Final = 12
MAX_ROWS: Final = 1_000
FORMAT: Final = "trimtab.dashboard/1"

Chart = Literal["number", "line", "area", "bar", "table"]
Page = Literal["traces", "spans", "sessions", "users", "tools", "errors", "costs"]
"""Where in the console a view is looked at."""

_LAST = re.compile(r"[1-9]\d{0,5}[smhdw]")
_WORD = re.compile(r"[^\s:\"(),]{1,200}")
_SORT = re.compile(r"-?[^\s:\"(),-][^\s:\"(),]{0,199}")


class ViewBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``q`` is a search; ``last`` a length of time back from now, such as ``24h``, empty for whatever is chosen;
    ``columns`` and ``sort`` are names of columns, ``-cost`` from the largest; ``shared`` shows it to the project."""

    name: str
    page: Page = "traces"
    q: str = ""
    last: str = ""
    columns: list[str] = []
    sort: str = ""
    shared: bool = False


class Tile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One aggregation, as of `aggregate.Aggregation`, and how it is drawn. ``x``, ``y``, ``w``, ``h`` are its place on
    a grid of twelve columns."""

    title: str
    q: str = ""
    of: Of = "traces"
    metrics: list[str] = field(default_factory=lambda: ["count"])
    group_by: list[str] = []
    interval: str = "none"
    order: str = ""
    limit: int = 10
    chart: Chart = "line"
    x: int = 0
    y: int = 0
    w: int = 6
    h: int = 4

    def aggregation(self) -> Aggregation:
        return Aggregation(
            metrics=self.metrics,
            group_by=self.group_by,
            interval=self.interval,
            of=self.of,
            order=self.order,
            limit=self.limit,
        )


class DashboardBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``q`` is added to the search of every tile; ``last`` is the time shown at first."""

    name: str
    about: str = ""
    q: str = ""
    last: str = "24h"
    tiles: list[Tile] = []
    shared: bool = False


class DashboardFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A dashboard as a file; ``format`` says how to read it."""

    format: Literal["trimtab.dashboard/1"] = FORMAT
    name: str
    about: str = ""
    q: str = ""
    last: str = "24h"
    tiles: list[Tile] = []


def file_of(body: DashboardBody) -> DashboardFile:
    return DashboardFile(name=body.name, about=body.about, q=body.q, last=body.last, tiles=body.tiles)


def body_of(file: DashboardFile, *, shared: bool) -> DashboardBody:
    return DashboardBody(
        name=file.name, about=file.about, q=file.q, last=file.last, tiles=file.tiles, shared=shared
    )  # fmt: skip


# --- what they must be ---------------------------------------------------------------------------------------------


def check_view(body: ViewBody) -> ViewBody:
    """Raises `InvalidRequest` with the field that is wrong."""
    _check_name(body.name)
    _check_last(body.last, "last", empty=True)
    compile_query(body.q, "", Window(start=0, end=1))
    if len(body.columns) > MAX_COLUMNS or not all(_WORD.fullmatch(each) for each in body.columns):
        fix = f"Give at most {MAX_COLUMNS} names without spaces, e.g. ['started', 'model', 'cost', 'meta.team']."
        raise _wrong("columns", "These cannot be the columns of a view.", fix)
    if body.sort and not _SORT.fullmatch(body.sort):
        raise _wrong("sort", f"{body.sort[:80]!r} is not an order.", "Name a column, with '-' before it: -cost.")
    return body


def check_dashboard(body: DashboardBody, before: DashboardBody | None = None) -> DashboardBody:
    """Raises `InvalidRequest`: of a tile, with its place, e.g. ``tiles[2].metrics``. What was asked ``before`` is let
    be: a search that came to be refused since keeps nobody from changing the rest, and its own tile says so."""
    _check_name(body.name)
    if len(body.about) > MAX_ABOUT:
        raise _wrong("about", f"The description has more than {MAX_ABOUT} characters.", "Shorten it.")
    _check_last(body.last, "last", empty=False)
    if before is None or body.q != before.q:
        compile_query(body.q, "", Window(start=0, end=1))
    asked = [] if before is None else [(tile.q, tile.aggregation()) for tile in before.tiles]
    if len(body.tiles) > MAX_TILES:
        raise _wrong("tiles", f"A dashboard has at most {MAX_TILES} tiles.", "Make a second dashboard.")
    for number, tile in enumerate(body.tiles):
        try:
            _check_tile(tile)
            if (tile.q, tile.aggregation()) not in asked:
                aggregate.check(tile.aggregation(), tile.q)
        except InvalidRequest as error:
            where = f"tiles[{number}].{error.param}"
            raise _wrong(where, f"Tile {number + 1} ({tile.title[:40]!r}): {error.message}", error.fix) from error
    return body


def _check_tile(tile: Tile) -> None:
    if not tile.title.strip() or len(tile.title) > MAX_NAME:
        raise _wrong("title", f"A title is 1 to {MAX_NAME} characters.", "Say what the tile shows.")
    if not 1 <= tile.limit <= MAX_GROUPS:
        raise _wrong("limit", f"A tile shows 1 to {MAX_GROUPS} groups.", "Show 10.")
    if not (tile.x >= 0 and tile.w >= 1 and tile.x + tile.w <= GRID):
        raise _wrong("x", f"The tile does not lie in the {GRID} columns.", f"Let x + w be at most {GRID}.")
    if not (0 <= tile.y <= MAX_ROWS and 1 <= tile.h <= 100):
        raise _wrong("y", f"The tile does not lie in the {MAX_ROWS} rows.", "Let h be 1 to 100.")


def _check_name(name: str) -> None:
    if not name.strip() or name != name.strip() or len(name) > MAX_NAME or not name.isprintable():
        fix = f"Take 1 to {MAX_NAME} printable characters without spaces around them."
        raise _wrong("name", f"{name[:MAX_NAME]!r} cannot be the name.", fix)


def _check_last(last: str, param: str, *, empty: bool) -> None:
    if not (empty and last == "") and not _LAST.fullmatch(last):
        raise _wrong(param, f"{last[:40]!r} is not a length of time.", "Write for example 30m, 24h or 7d.")


def _wrong(param: str, what: str, fix: str) -> InvalidRequest:
    return InvalidRequest(what, fix=fix, param=param)


# --- what a project begins with ------------------------------------------------------------------------------------

DEFAULT_ID: Final = "default"
DEFAULT: Final = DashboardBody(
    name="Overview",
    about="What a project begins with: change it, and it is yours; remove it, and it is as it was.",
    shared=True,
    tiles=[
        Tile(title="Calls", metrics=["count"], chart="number", x=0, y=0, w=3, h=2),
        Tile(title="Errors", metrics=["error_rate"], chart="number", x=3, y=0, w=3, h=2),
        Tile(title="Cost", metrics=["cost", "unpriced"], chart="number", x=6, y=0, w=3, h=2),
        Tile(title="p95 duration", q="status:ok", metrics=["p95(duration)"], chart="number", x=9, y=0, w=3, h=2),
        Tile(title="Calls by status", group_by=["status"], interval="auto", chart="area", x=0, y=2, w=6, h=4),
        Tile(
            title="Cost by model", metrics=["cost"], group_by=["model"], interval="auto", chart="area", x=6, y=2, w=6,
            h=4,
        ),
        Tile(
            title="Duration", q="status:ok", metrics=["p50(duration)", "p95(duration)", "p99(duration)"],
            interval="auto", chart="line", x=0, y=6, w=5, h=4,
        ),
        Tile(
            title="Models", metrics=["count", "error_rate", "cost", "tokens", "p95(duration)", "p95(ttft)", "unpriced"],
            group_by=["model", "provider"], limit=20, chart="table", x=5, y=6, w=7, h=4,
        ),
        Tile(
            title="Errors by code", q="status:error", group_by=["error", "provider"], chart="bar", x=0, y=10, w=6, h=4,
        ),
        Tile(
            title="Users who cost most", metrics=["cost", "count", "unpriced"], group_by=["user"], chart="table", x=6,
            y=10, w=6, h=4,
        ),
    ],
)  # fmt: skip
