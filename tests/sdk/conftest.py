"""A real server, shared by this folder's tests: they look at it, and each works in a project of its own."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "flows"))

from live import Live, live, simulated


@pytest.fixture(scope="session")
def upstream() -> Iterator[str]:
    with simulated() as url:
        yield url


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("sdk")) as running:
        yield running
