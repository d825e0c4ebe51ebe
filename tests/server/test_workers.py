"""Workers that are a long time coming."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from unittest.mock import AsyncMock, MagicMock

import pytest

from patience import PATIENCE_S
from trimtab.server import workers
from trimtab.server.settings import Settings
from trimtab.server.starting import Starting


class LateHub:
    """Its workers have all joined when it is asked for the third time."""

    asked = 0

    def __init__(self, path: object) -> None:
        del path

    async def joined(self, count: int, within_s: float) -> bool:
        del count, within_s
        self.asked += 1
        await asyncio.sleep(0)
        return self.asked >= 3

    open = close = AsyncMock()


def test_a_server_whose_workers_come_late_is_announced_when_they_have(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    starting = Starting("loading", quiet_s=60.0, tell=told.append)
    stop: list[Any] = []

    def announce(*_: object) -> None:
        starting.over()
        told.append("ready")
        stop[0]()

    @asynccontextmanager
    async def prepared(*_: object) -> AsyncGenerator[None]:
        yield

    def crew(*_: object) -> MagicMock:
        return MagicMock(stop=AsyncMock())

    fakes: dict[str, object] = {
        "Hub": LateHub, "Crew": crew, "announce": announce, "catalog_prepared": prepared,
        "prepare_catalog": AsyncMock(), "share_metrics": MagicMock(), "stop_on_signals": stop.append,
        "on_hangup": MagicMock(),
    }  # fmt: skip
    for name, fake in fakes.items():
        monkeypatch.setattr(workers, name, fake)
    body = workers.supervise(Settings(workers=2), MagicMock(), MagicMock(), MagicMock(stop=AsyncMock()), starting)
    assert asyncio.run(asyncio.wait_for(body, PATIENCE_S)) == 0
    assert told == ["ready"]
