"""Whose prompt is rendered in a thread next: few at a time, whoever asks in turn, and nobody waits behind a crowd.

A template that takes long is its author's doing, and must not be everybody's: threads go round among the keys that
wait for one, and of each only so many calls wait at all.
"""

import asyncio
from collections import deque
from typing import Final

from trimtab.core.errors import Unavailable

MOST_OF_ONE: Final = 64
"""Calls of one key that wait."""
MOST: Final = 1_000
"""Calls that wait, of all."""


class Renderers:
    """``at_a_time`` renderings. For one event loop."""

    def __init__(self, at_a_time: int) -> None:
        self._free = at_a_time
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._count = 0

    async def enter(self, who: str) -> None:
        """Raises `Unavailable` where too many wait already."""
        if self._free and not self._waiting:
            self._free -= 1
            return
        line = self._waiting.get(who)
        if self._count >= MOST or (line is not None and len(line) >= MOST_OF_ONE):
            raise Unavailable(
                "Too many prompts wait to be rendered.",
                fix="Try again in a moment; a prompt that takes this long should be made simpler.",
                code="prompts_busy",
                retry_after_s=1.0,
            )
        turn = asyncio.get_running_loop().create_future()
        if line is None:
            line = self._waiting[who] = deque()
        line.append(turn)
        self._count += 1
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave()
            else:
                self._forget(who, turn)
            raise

    def leave(self) -> None:
        """One is done: the next key that waits has its turn, and goes to the end of those that do."""
        if not self._waiting:
            self._free += 1
            return
        who = next(iter(self._waiting))
        line = self._waiting.pop(who)
        turn = line.popleft()
        self._count -= 1
        if line:
            self._waiting[who] = line
        turn.set_result(None)

    def _forget(self, who: str, turn: asyncio.Future[None]) -> None:
        line = self._waiting.get(who)
        if line is not None and turn in line:
            line.remove(turn)
            self._count -= 1
            if not line:
                del self._waiting[who]
