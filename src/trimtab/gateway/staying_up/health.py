"""How each provider and model has fared in this worker's last calls: what the console shows beside its name.

A view for people, not a breaker: nothing routes by it.
"""

from typing import Final

from trimtab.gateway.staying_up.standing import Standing
from trimtab.ledger.reserve import DEADLINE
from trimtab.telemetry.records import Attempt, CallRecord

UNKNOWN: Final = Standing()
_Seen = int | Standing
"""When the last attempt was answered (Unix ns); how it stands where that failed."""
MAX_MODELS = 5000
"""Clients may call any model of a provider by its path, so the oldest names give way."""
_CALLERS = (400, 413, 422)
_OURS = (DEADLINE, "upstream_timeout_connect")
"""What a call ends with whose time is over while its target works, or before it is reached."""


class HealthBoard:
    """The last outcome per (project, provider) and per (project, provider, model). The caller's own mistakes,
    deadlines and cancellations say nothing about a provider and change nothing."""

    def __init__(self) -> None:
        self._providers: dict[tuple[str, str], _Seen] = {}
        self._models: dict[tuple[str, str, str], _Seen] = {}

    def observe(self, record: CallRecord) -> None:
        project = record.project
        for attempt in record.attempts:
            seen = attempt.ended_ns if attempt.outcome == "answer" else _failing(attempt)
            if seen is not None:
                self._providers[project, attempt.provider] = seen
                key = (project, attempt.provider, attempt.model)
                if len(self._models) >= MAX_MODELS and key not in self._models:
                    del self._models[next(iter(self._models))]
                self._models[key] = seen

    def provider(self, project: str, provider: str) -> Standing:
        return _standing(self._providers.get((project, provider)))

    def model(self, project: str, provider: str, upstream: str) -> Standing:
        return _standing(self._models.get((project, provider, upstream)))


def _failing(attempt: Attempt) -> Standing | None:
    fault = attempt.fault
    if fault is None or fault.source == "client" or attempt.status in _CALLERS:
        return None
    if fault.code in _OURS and fault.source != "network":  # the caller's own; "network" is a hang in the operator's
        return None
    if fault.source == "provider" and fault.status in _CALLERS:  # said within a stream, or beside a status of 403
        return None
    return Standing(health="failing", error=fault.message, seen=attempt.ended_ns // 1_000_000)


def _standing(seen: _Seen | None) -> Standing:
    if seen is None:
        return UNKNOWN
    return Standing(health="healthy", seen=seen // 1_000_000) if isinstance(seen, int) else seen
