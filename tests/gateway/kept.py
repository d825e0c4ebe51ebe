"""Stores of answers for tests, each gateway with one of its own on a shared folder, as workers have."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import harness
from harness import Running

from trimtab.core.clock import Clock, SystemClock
from trimtab.gateway.call_policy import CachePolicy, CallPolicy
from trimtab.gateway.kept.answers import Answers, beside
from trimtab.gateway.targets import Model, Provider


class MovableClock:
    """The system's clock, moved forward by what `forward` was told."""

    def __init__(self) -> None:
        self._clock = SystemClock()
        self._ahead = 0

    def now_ns(self) -> int:
        return self._clock.now_ns() + self._ahead

    def monotonic_ns(self) -> int:
        return self._clock.monotonic_ns() + self._ahead

    def forward(self, seconds: float) -> None:
        self._ahead += int(seconds * 1e9)


@asynccontextmanager
async def store(folder: Path, *, max_bytes: int = 1 << 30, clock: Clock | None = None) -> AsyncGenerator[Answers]:
    made = beside(folder, max_bytes=max_bytes, clock=clock or SystemClock())
    try:
        yield made
    finally:
        await made.close()


@asynccontextmanager
async def gateway(
    folder: Path,
    providers: list[Provider],
    models: list[Model],
    cache: CachePolicy | None = None,
    clock: Clock | None = None,
    **parts: Any,
) -> AsyncGenerator[tuple[Running, Answers]]:
    """A gateway and its store; ``cache`` is the policy of every model."""
    policies = {} if cache is None else {model.name: CallPolicy(cache=cache) for model in models}
    async with (
        store(folder, clock=clock) as answers,
        harness.running(providers, models, policies=policies, answers=answers, **parts) as running,
    ):
        yield running, answers
