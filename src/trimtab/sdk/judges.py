"""`Client.judges`: judges that a team wrote, in versions."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from trimtab.sdk.connection import Connection, path
from trimtab.sdk.judge_types import Judge, JudgeDiff, PushedJudge

PAGE = 100


class _Judges(Struct):
    items: list[Judge]
    cursor: str | None


class Judges:
    def __init__(self, http: Connection) -> None:
        self._http = http

    def list(self, project: str, *, archived: bool = False) -> Iterator[Judge]:
        """The newest version of each, in order of name."""
        return self._pages(path("projects", project, "judges"), {"archived": "true" if archived else "false"})

    def get(self, project: str, name: str, version: int | None = None) -> Judge:
        where = path("projects", project, "judges", name)
        return self._http.ask("GET", where, Judge, query={"version": version})

    def versions(self, project: str, name: str) -> Iterator[Judge]:
        """Newest first."""
        return self._pages(path("projects", project, "judges", name, "versions"), {})

    def push(
        self,
        project: str,
        name: str,
        kind: str,
        options: Mapping[str, Any],
        *,
        message: str = "",
        expected_version: int | None = None,
    ) -> PushedJudge:
        """Add a version; the first makes the judge. ``expected_version``: the one it was made from, 0 for a new one."""
        body = {"kind": kind, "options": dict(options), "message": message, "expected_version": expected_version}
        return self._http.ask("POST", path("projects", project, "judges", name, "versions"), PushedJudge, body=body)

    def archive(self, project: str, name: str, *, archived: bool = True, expected_version: int | None = None) -> Judge:
        where = path("projects", project, "judges", name)
        return self._http.ask("PATCH", where, Judge, body={"archived": archived, "expected_version": expected_version})

    def diff(self, project: str, name: str, before: int | None = None, after: int | None = None) -> JudgeDiff:
        """``after``: None for the newest; ``before``: None for the one before it."""
        where = path("projects", project, "judges", name, "diff")
        return self._http.ask("GET", where, JudgeDiff, query={"before": before, "after": after})

    def _pages(self, where: str, query: dict[str, Any]) -> Iterator[Judge]:
        asked: dict[str, Any] = {**query, "limit": PAGE}
        while True:
            page = self._http.ask("GET", where, _Judges, query=asked)
            yield from page.items
            if page.cursor is None:
                return
            asked["cursor"] = page.cursor
