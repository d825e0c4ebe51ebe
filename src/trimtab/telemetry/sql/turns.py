"""Turns at a door that lets in one at a time: of those who wait, whoever had a turn longest ago goes first.

By project, and within a project by asker (an API key, a person). So whoever sends statement after statement waits as
long as everybody else, and a project with many keys is one project.
"""

import asyncio
from typing import Final
from urllib.parse import quote, unquote

from msgspec import Struct

MOST: Final = 32
"""Statements that wait or run in all."""
OF_PROJECT: Final = 16
"""Of one project, however many keys it has: others still come in."""
OF_ONE: Final = 3
"""Of one asker."""
_REMEMBERED: Final = 1_000


class Full(Exception):
    """``own``: by the asker's own statements."""

    def __init__(self, *, own: bool) -> None:
        super().__init__("full")
        self.own = own


class Asker(Struct, frozen=True):
    """Who asks, by ids; ``key`` is empty where nobody in particular does."""

    project: str
    key: str = ""

    def written(self) -> str:
        """As it travels from a server process to the store's."""
        return f"{quote(self.project, safe='')}/{quote(self.key, safe='')}"


def asker_in(text: str) -> Asker:
    """What `Asker.written` wrote."""
    project, _, key = text.partition("/")
    return Asker(unquote(project), unquote(key))


class _Waiting:
    """``turn`` is done when it has come."""

    def __init__(self, asker: Asker, number: int) -> None:
        self.asker = asker
        self.number = number
        self.turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class Turns:
    """For one event loop. Each `take` that returns is ended by a `give` of the same asker."""

    def __init__(self) -> None:
        self._waiting: list[_Waiting] = []
        self._running: Asker | None = None
        self._count = 0
        self._of_projects: dict[str, int] = {}
        """When each had its last turn, by the number of the statement."""
        self._of_askers: dict[Asker, int] = {}

    async def take(self, asker: Asker, within_s: float) -> None:
        """Raises `Full`, and `TimeoutError` where the turn does not come in time."""
        there = [each.asker for each in self._waiting] + ([] if self._running is None else [self._running])
        if there.count(asker) >= OF_ONE:
            raise Full(own=True)
        if len(there) >= MOST or sum(each.project == asker.project for each in there) >= OF_PROJECT:
            raise Full(own=False)
        self._count += 1
        if self._running is None:
            self._begin(asker)
            return
        mine = _Waiting(asker, self._count)
        self._waiting.append(mine)
        came = False
        try:
            came = bool((await asyncio.wait((mine.turn,), timeout=within_s))[0])
        finally:
            if mine in self._waiting:
                self._waiting.remove(mine)
            elif not came:  # who asked went at the moment that it came
                self.give()
        if not came:
            raise TimeoutError

    def give(self) -> None:
        """The statement that ran has ended."""
        self._running = None
        if self._waiting:
            first = min(self._waiting, key=self._rank)
            self._waiting.remove(first)
            self._begin(first.asker)
            first.turn.set_result(None)

    def _begin(self, asker: Asker) -> None:
        if len(self._of_askers) >= _REMEMBERED:
            self._of_askers.clear()
            self._of_projects.clear()
        self._count += 1
        self._running = asker
        self._of_projects[asker.project] = self._of_askers[asker] = self._count

    def _rank(self, each: _Waiting) -> tuple[int, int, int]:
        return self._of_projects.get(each.asker.project, 0), self._of_askers.get(each.asker, 0), each.number
