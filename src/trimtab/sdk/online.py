"""`Client.online`: rules that score live answers and run suites on schedule; how scores go; sample sizes."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from trimtab.sdk.connection import Connection, path
from trimtab.sdk.online_types import OnlineRule, QualityReport, SampleSize

PAGE = 100


class _Rules(Struct):
    items: list[OnlineRule]
    cursor: str | None


class Online:
    def __init__(self, http: Connection) -> None:
        self._http = http

    def list(self, project: str) -> Iterator[OnlineRule]:
        """By name, each with how it stands."""
        asked: dict[str, Any] = {"limit": PAGE}
        while True:
            page = self._http.ask("GET", path("projects", project, "online-rules"), _Rules, query=asked)
            yield from page.items
            if page.cursor is None:
                return
            asked["cursor"] = page.cursor

    def get(self, project: str, name: str) -> OnlineRule:
        return self._http.ask("GET", path("projects", project, "online-rules", name), OnlineRule)

    def put(
        self,
        project: str,
        name: str,
        spec: Mapping[str, Any],
        *,
        paused: bool = False,
        expected_revision: int | None = None,
    ) -> OnlineRule:
        """Make or change a rule, whole; ``spec["kind"]`` is ``online`` or ``schedule``."""
        body = {"spec": dict(spec), "paused": paused, "expected_revision": expected_revision}
        return self._http.ask("PUT", path("projects", project, "online-rules", name), OnlineRule, body=body)

    def delete(self, project: str, name: str, *, expected_revision: int | None = None) -> None:
        """The scores that it wrote stay. Raises `Conflict` where somebody changed it since ``expected_revision``."""
        self._http.remove(path("projects", project, "online-rules", name), expected_revision)

    def quality(
        self,
        project: str,
        score: str,
        *,
        app: str = "",
        environment: str = "",
        q: str = "",
        start: int | None = None,
        end: int | None = None,
    ) -> QualityReport:
        """How a score goes by release and day, with intervals; the last 30 days if nothing is said."""
        query = {"score": score, "app": app, "environment": environment, "q": q, "start": start, "end": end}
        return self._http.ask("GET", path("projects", project, "quality"), QualityReport, query=query)

    def sample_size(self, project: str, margin: float, **guess: Any) -> SampleSize:
        """How many cases show a difference of ``margin``. ``guess``: ``share`` and ``correlation`` for passes, or
        ``kind="number"`` and ``deviation``, or ``experiment`` and ``metric`` as pilot; ``repeats``, ``cases``, ..."""
        where = path("projects", project, "sample-size")
        return self._http.ask("POST", where, SampleSize, body={"margin": margin, **guess})
