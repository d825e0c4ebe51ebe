"""A catalog of either kind, in which functions of a connection are run by hand."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

import pytest
from sqlalchemy import Connection

from trimtab.storage.database import Database

T = TypeVar("T")


class Write(Protocol):
    def __call__(self, work: Callable[[Connection], T]) -> T: ...


@pytest.fixture
def write(catalog_url: str) -> Iterator[Write]:
    """Runs a function in a transaction of its own."""
    with asyncio.Runner() as runner:
        db = Database.open(catalog_url)

        def run(work: Callable[[Connection], T]) -> T:
            return runner.run(db.write(work))

        yield run
        runner.run(db.close())
