"""How each provider and model has fared in this worker's last calls: what the console shows beside its name.

A view for people, not a breaker: nothing routes by it.
"""

from typing import Literal

from msgspec import Struct

from trimtab.telemetry.records import Attempt, CallRecord

Health = Literal["unknown", "healthy", "failing"]


class Standing(Struct, frozen=True, kw_only=True):
    """``seen`` is the Unix ms of the last attempt; ``error`` what the last one failed with, empty if it did not."""

    health: Health = "unknown"
    error: str = ""
    seen: int | None = None


UNKNOWN = Standing()
MAX_MODELS = 5000
"""Clients may call any model of a provider by its path, so the oldest names give way."""


class HealthBoard:
    """The last outcome per (project, provider) and per (project, provider, model). The caller's own mistakes and
    cancellations say nothing about a provider and change nothing."""

    def __init__(self) -> None:
        self._providers: dict[tuple[str, str], Standing] = {}
        self._models: dict[tuple[str, str, str], Standing] = {}

    def observe(self, record: CallRecord) -> None:
        for attempt in record.attempts:
            standing = _standing(attempt)
            if standing is not None:
                self._providers[record.project, attempt.provider] = standing
                key = (record.project, attempt.provider, attempt.model)
                if key not in self._models and len(self._models) >= MAX_MODELS:
                    del self._models[next(iter(self._models))]
                self._models[key] = standing

    def provider(self, project: str, provider: str) -> Standing:
        return self._providers.get((project, provider), UNKNOWN)

    def model(self, project: str, provider: str, upstream: str) -> Standing:
        return self._models.get((project, provider, upstream), UNKNOWN)


def _standing(attempt: Attempt) -> Standing | None:
    seen = attempt.ended_ns // 1_000_000
    if attempt.outcome == "answer":
        return Standing(health="healthy", seen=seen)
    fault = attempt.fault
    if fault is None or fault.source == "client" or attempt.status in (400, 413, 422):
        return None
    return Standing(health="failing", error=fault.message, seen=seen)
