"""Doors beside our own API: OpenTelemetry's, identity providers' (SCIM), and those for people who move: what their old
tool's clients send is taken here, so that only an address changes.

Each file of the last kind is one vendor's wire format, mapped to foreign spans and scores on the same durable way that
OTLP and our own API take; nothing of a vendor's is stored as such. What a vendor offers and we do not is answered with
a sentence that says so.
"""

from typing import Any, Final

from trimtab.server.dependencies import Dependencies
from trimtab.server.doors import langfuse, langsmith
from trimtab.server.doors.otlp import SIGNALS, OtlpDoor
from trimtab.server.doors.projects import named_project
from trimtab.telemetry.spool.intake import Intake

OTLP_AT: Final = ("/api/public/otel", "/otel", "")
"""Where vendors have OTLP's paths: Langfuse, LangSmith, and everybody else."""
_OTLP: Final = frozenset(f"{prefix}{path}" for prefix in OTLP_AT for path in SIGNALS)


class Doors:
    """An ASGI app for the paths that `opens` knows."""

    def __init__(self, deps: Dependencies, otlp: OtlpDoor, intake: Intake) -> None:
        self._deps = deps
        self._otlp = otlp
        self._langfuse = langfuse.LangfuseDoor(deps, otlp, intake)
        self._langsmith = langsmith.LangSmithDoor(deps, otlp, intake)

    def opens(self, path: str) -> bool:
        return path in _OTLP or path.startswith(langfuse.PREFIX) or langsmith.opens(path)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] in _OTLP:
            await self._otlp(named_project(self._deps, scope), receive, send)
        elif scope["path"].startswith(langfuse.PREFIX):
            await self._langfuse(scope, receive, send)
        else:
            await self._langsmith(named_project(self._deps, scope), receive, send)
