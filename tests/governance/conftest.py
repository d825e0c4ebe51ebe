"""A catalog of either kind, in which functions of a connection are run by hand."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest
from sqlalchemy import Connection

from trimtab.storage.database import Database

sys.path.insert(0, str(Path(__file__).parent))

if TYPE_CHECKING:
    from writing import Write

T = TypeVar("T")


@pytest.fixture
def write(catalog_url: str) -> Iterator["Write"]:
    """Runs a function in a transaction of its own."""
    with asyncio.Runner() as runner:
        db = Database.open(catalog_url)

        def run(work: Callable[[Connection], T]) -> T:
            return runner.run(db.write(work))

        yield run
        runner.run(db.close())
