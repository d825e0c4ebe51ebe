"""A room of knowledge over a catalog of either kind."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from knowledge_room import Room, Run

from catalogs import laid
from trimtab.governance.store import ProjectRow, add_project
from trimtab.storage.database import Database


def runner_of(folder: Path, url: str) -> Run:
    def runner(story: Callable[[Room], Awaitable[Any]]) -> Any:
        async def whole() -> Any:
            db = Database.open(url)
            room = Room(db, folder / "knowledge")
            row = ProjectRow(id="p", slug="p", name="", capture_content=True, created=1)
            try:
                await db.write(lambda conn: add_project(conn, row))
                return await story(room)
            finally:
                room.close()
                await db.close()

        return asyncio.run(whole())

    return runner


@pytest.fixture
def either(tmp_path: Path, catalog_url: str) -> Run:
    """Runs a story over a new catalog with the project ``p``; once on SQLite and once on PostgreSQL."""
    return runner_of(tmp_path, catalog_url)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """The same, on SQLite alone."""
    return runner_of(tmp_path, laid(tmp_path))
