"""`Client.scores`: judgements of traces, spans and sessions."""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from trimtab.sdk.connection import Connection, path
from trimtab.sdk.types import Score


class _Page(Struct):
    items: list[Score] = []
    cursor: str | None = None


class _Scored(Struct):
    ids: list[str]


class Scores:
    """A score is a dict with ``name``, ``value`` or ``label``, and ``trace_id`` (with ``span_id``) or ``session``; the
    rest is as docs/scores.md says."""

    def __init__(self, http: Connection) -> None:
        self._http = http

    def write(self, project: str, *scores: dict[str, Any]) -> list[str]:
        """All of them or none, durable when this returns; their ids."""
        where = path("projects", project, "scores")
        body: dict[str, Any] | Sequence[dict[str, Any]] = scores[0] if len(scores) == 1 else scores
        return self._http.ask("POST", where, _Scored, body=body).ids

    def list(self, project: str, **wanted: str | int | bool | None) -> Iterator[Score]:
        """Newest first, page by page. ``wanted``: ``q`` (a search as docs/scores.md says), ``start`` and ``end`` (Unix
        milliseconds), ``invalid`` (those no longer valid, too)."""
        query = {
            name: ("true" if value else "false") if isinstance(value, bool) else value for name, value in wanted.items()
        }
        cursor: str | None = None
        while True:
            where = path("projects", project, "scores")
            page = self._http.ask("GET", where, _Page, query={**query, "cursor": cursor, "limit": 500})
            yield from page.items
            cursor = page.cursor
            if cursor is None:
                return

    def invalidate(self, project: str, score_id: str) -> None:
        """It stays on record, and counts nowhere."""
        self._http.ask("DELETE", path("projects", project, "scores", score_id), type(None))
