"""The type of the fixture `write`."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")


class Write(Protocol):
    """Runs a function in a transaction of its own."""

    def __call__(self, work: Callable[[Connection], T]) -> T: ...
