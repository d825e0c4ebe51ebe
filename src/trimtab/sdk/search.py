"""`Client.search`: aggregations, completion and SQL; `Client.boards`: saved views and dashboards."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from trimtab.sdk import search_types as t
from trimtab.sdk.connection import Connection, path

_SQL_S: Final = 60.0
"""A statement may wait 25 s for its turn and 25 s for its end."""


class _Views(Struct):
    items: list[t.SavedView] = []
    cursor: str | None = None


class _Dashboards(Struct):
    items: list[t.Dashboard] = []
    cursor: str | None = None


class _TextIndex(Struct):
    on: bool


class Search:
    """``q`` is a search (docs/search.md); times are Unix milliseconds, the last day where they are left out."""

    def __init__(self, http: Connection) -> None:
        self._http = http

    def aggregate(
        self,
        project: str,
        *,
        q: str = "",
        metrics: Sequence[str] = ("count",),
        group_by: Sequence[str] = (),
        interval: str = "none",
        **more: str | int | None,
    ) -> t.Aggregate:
        """``metrics`` such as ``p95(duration)``; ``more`` are ``of``, ``order``, ``limit``, ``start``, ``end``."""
        query = {"q": q, "metrics": ",".join(metrics), "group_by": ",".join(group_by), "interval": interval, **more}
        return self._http.ask("GET", path("projects", project, "aggregate"), t.Aggregate, query=query)

    def complete(self, project: str, q: str, cursor: int | None = None, **more: str | int | None) -> t.Completion:
        """What could be typed at ``cursor``; ``more`` are ``of``, ``start``, ``end``."""
        query = {"q": q, "cursor": cursor, **more}
        return self._http.ask("GET", path("projects", project, "search", "complete"), t.Completion, query=query)

    def sql(self, project: str, sql: str, *, limit: int = 1_000) -> t.SqlResult:
        """One SELECT over the tables spans, texts, ledger and scores."""
        body = {"sql": sql, "limit": limit}
        return self._http.ask("POST", path("projects", project, "sql"), t.SqlResult, body=body, timeout=_SQL_S)

    def text_index(self, project: str) -> bool:
        """Whether bare words can be searched."""
        return self._http.ask("GET", path("projects", project, "search", "text-index"), _TextIndex).on

    def set_text_index(self, project: str, on: bool) -> bool:
        """For what comes from now on."""
        body = {"on": on}
        return self._http.ask("PUT", path("projects", project, "search", "text-index"), _TextIndex, body=body).on


class Boards:
    """Saved views and dashboards: the caller's own, and those shared in the project."""

    def __init__(self, http: Connection) -> None:
        self._http = http

    def views(self, project: str) -> list[t.SavedView]:
        found: list[t.SavedView] = []
        cursor: str | None = None
        while True:
            query = {"cursor": cursor, "limit": 500}
            page = self._http.ask("GET", path("projects", project, "views"), _Views, query=query)
            found += page.items
            cursor = page.cursor
            if cursor is None:
                return found

    def save_view(self, project: str, view: Mapping[str, Any]) -> t.SavedView:
        """``view`` has a ``name``, and may have ``page``, ``q``, ``last``, ``columns``, ``sort``, ``shared``."""
        return self._http.ask("POST", path("projects", project, "views"), t.SavedView, body=view)

    def remove_view(self, project: str, view_id: str, *, expected_revision: int | None = None) -> None:
        self._http.remove(path("projects", project, "views", view_id), expected_revision)

    def dashboards(self, project: str) -> list[t.Dashboard]:
        found: list[t.Dashboard] = []
        cursor: str | None = None
        while True:
            query = {"cursor": cursor, "limit": 500}
            page = self._http.ask("GET", path("projects", project, "dashboards"), _Dashboards, query=query)
            found += page.items
            cursor = page.cursor
            if cursor is None:
                return found

    def dashboard(self, project: str, dashboard_id: str) -> t.Dashboard:
        return self._http.ask("GET", path("projects", project, "dashboards", dashboard_id), t.Dashboard)

    def save_dashboard(self, project: str, dashboard: Mapping[str, Any]) -> t.Dashboard:
        """``dashboard`` has a ``name`` and ``tiles``, and may have ``about``, ``q``, ``last``, ``shared``."""
        return self._http.ask("POST", path("projects", project, "dashboards"), t.Dashboard, body=dashboard)

    def remove_dashboard(self, project: str, dashboard_id: str, *, expected_revision: int | None = None) -> None:
        self._http.remove(path("projects", project, "dashboards", dashboard_id), expected_revision)

    def export_dashboard(self, project: str, dashboard_id: str) -> dict[str, Any]:
        """As a file holds it."""
        return self._http.ask("GET", path("projects", project, "dashboards", dashboard_id, "export"), dict[str, Any])

    def import_dashboard(
        self, project: str, file: Mapping[str, Any], *, shared: bool = True, replace: bool = False
    ) -> t.Dashboard:
        """``replace``: one of that name becomes what the file says."""
        body = {"file": file, "shared": shared, "replace": replace}
        return self._http.ask("POST", path("projects", project, "dashboards", "import"), t.Dashboard, body=body)
