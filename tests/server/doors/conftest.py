"""What the tests of the doors for people who move have in common: a house whose spools are looked into."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from house import House

from trimtab.server.app import create_app
from trimtab.server.doors import Doors
from trimtab.server.doors.otlp import OtlpDoor
from trimtab.telemetry.kinds import decode_any
from trimtab.telemetry.spool.drain import SpoolReader
from trimtab.telemetry.spool.intake import Intake
from trimtab.telemetry.spool.spool import Spool

if TYPE_CHECKING:
    from house import Run

Story = Callable[[House, httpx.AsyncClient], Awaitable[None]]


@pytest.fixture
def visit(run: "Run", tmp_path: Path) -> Callable[..., list[Any]]:
    """Runs a story at the door; gives what was left in the spools."""

    def whole(story: Story) -> list[Any]:
        kept: list[Any] = []

        async def keep(body: bytes) -> None:
            kept.append(decode_any(body))

        async def inner(house: House) -> None:
            intake = Intake(lambda: Spool(tmp_path / "doors", "w0"), 1 << 20)
            otlp = OtlpDoor(house.deps, intake)
            app = create_app(house.deps, None, Doors(house.deps, otlp, intake), house.app.api)
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://trimtab.test") as client:
                await story(house, client)
            intake.close()
            await otlp.aclose()

        run(inner, keep=keep)
        return [*kept, *spooled(tmp_path / "doors")]

    return whole


def spooled(folder: Path) -> list[Any]:
    if not folder.exists():
        return []
    reader = SpoolReader(folder)
    batch = reader.peek(1000)
    reader.close()
    return [] if batch is None else [decode_any(record.body) for record in batch.records]
