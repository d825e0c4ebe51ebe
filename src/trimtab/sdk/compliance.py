"""`Client.compliance`: evidence of a period, and cards of apps and models."""

from typing import Any

from msgspec import Struct

from trimtab.sdk.connection import Connection, path


class EvidenceReport(Struct, frozen=True, kw_only=True):
    """``report`` as docs/compliance.md describes it; ``html`` is empty unless it was asked for."""

    report: dict[str, Any]
    html: str


class CardReport(Struct, frozen=True, kw_only=True):
    card: dict[str, Any]
    html: str


class Compliance:
    """``start`` and ``end`` are Unix ms; the last 90 days if left out."""

    def __init__(self, http: Connection) -> None:
        self._http = http

    def report(
        self,
        project: str,
        *,
        start: int | None = None,
        end: int | None = None,
        frameworks: str = "",
        html: bool = False,
    ) -> EvidenceReport:
        """``frameworks``: names with commas, all if left out."""
        query = {"start": start, "end": end, "frameworks": frameworks or None, "format": "html" if html else "json"}
        return self._http.ask("GET", path("projects", project, "compliance", "report"), EvidenceReport, query=query)

    def app(self, project: str, app: str, *, html: bool = False) -> CardReport:
        where = path("projects", project, "compliance", "apps", app)
        return self._http.ask("GET", where, CardReport, query={"format": "html" if html else "json"})

    def model(self, project: str, model: str, *, html: bool = False) -> CardReport:
        where = path("projects", project, "compliance", "models", model)
        return self._http.ask("GET", where, CardReport, query={"format": "html" if html else "json"})
