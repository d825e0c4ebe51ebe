"""Questions beyond lists: aggregations, completion and SQL, asked of the store through whatever answers statements."""

from trimtab.telemetry.aggregate import Aggregation, Asker, aggregate
from trimtab.telemetry.aggregate_views import AggregateReport
from trimtab.telemetry.views import Window


class Search:
    """Every answer is of one project only. Raises `Unavailable` while the store is away, and `InvalidRequest` for what
    does not parse."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    async def aggregate(self, project: str, q: str, window: Window, asked: Aggregation) -> AggregateReport:
        return await aggregate(self._asker, project, q, window, asked)
