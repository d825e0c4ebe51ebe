"""A fresh house for each test of the management API; `house.py` may be imported by name."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "telemetry"))
sys.path.insert(0, str(Path(__file__).parent))

from dataset_house import dataset_home
from house import House, make_house

if TYPE_CHECKING:
    from house import Run

__all__ = ("dataset_home",)
T = TypeVar("T")


@pytest.fixture
def run(tmp_path: Path) -> "Run":
    """Runs an async story over a fresh house, in an event loop of its own."""

    def runner(story: Callable[[House], Coroutine[Any, Any, T]], **options: Any) -> T:
        async def whole() -> T:
            house = await make_house(tmp_path, **options)
            try:
                return await story(house)
            finally:
                await house.close()

        return asyncio.run(whole())

    return cast("Run", runner)
