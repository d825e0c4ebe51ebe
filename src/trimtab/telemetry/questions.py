"""Questions beyond lists: aggregations, completion and SQL, asked of the store through whatever answers statements."""

from typing import Protocol

from trimtab.telemetry.guard_query import Found, Report, report, why
from trimtab.telemetry.key_names import KeyNames
from trimtab.telemetry.scores.quality import QualityGroup, QualityQuestion, ScoreName, quality, score_names
from trimtab.telemetry.search.aggregate import Aggregation, aggregate
from trimtab.telemetry.search.aggregate_views import AggregateReport, Of
from trimtab.telemetry.search.complete import Completion, complete
from trimtab.telemetry.sql import door
from trimtab.telemetry.sql.door import SqlDoor, SqlResult
from trimtab.telemetry.views import Window


class Asker(door.Asker, Protocol):
    """What answers statements, and knows names of keys: `reader.TelemetryReader`."""

    key_names: KeyNames


class Search:
    """Every answer is of one project only. Raises `Unavailable` while the store is away, and `InvalidRequest` for what
    does not parse."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._door = SqlDoor(asker)

    async def aggregate(self, project: str, q: str, window: Window, asked: Aggregation) -> AggregateReport:
        return await aggregate(self._asker, project, q, window, asked)

    async def complete(self, project: str, q: str, cursor: int, window: Window, of: Of) -> Completion:
        return await complete(self._asker, project, q, cursor, window, of)

    async def quality(self, project: str, asked: QualityQuestion, *, by_day: bool) -> list[QualityGroup]:
        return await quality(self._asker, project, asked, by_day=by_day)

    async def score_names(self, project: str, window: Window) -> list[ScoreName]:
        return await score_names(self._asker, project, window)

    async def guard_report(self, project: str, name: str, since_ns: int, until_ns: int) -> Report:
        return await report(self._asker, project, name, since_ns, until_ns)

    async def why_guarded(self, project: str, request_id: str) -> Found | None:
        return await why(self._asker, project, request_id)

    async def sql(self, project: str, sql: str, limit: int, *, texts: bool = True, key: str = "") -> SqlResult:
        """``key`` is the id of who asks: everybody has turns."""
        return await self._door.run(project, sql, limit, texts=texts, key=key)
