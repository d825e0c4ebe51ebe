"""Statements that persons write, in the store's process: one at a time of all server processes, and what becomes of one
that cannot be stopped.

The engine looks at the clock between blocks of rows. What it does with one block may take far longer: whoever asked is
told after ``answer_s``, but the turn ends with the statement, not with the waiting for it. Else the next would begin
beside it, and a few would have the whole store. One that does not end after ``stuck_s`` ends the process, which is
started anew: it would have a core and a connection for hours. That costs everybody some seconds, so the project whose
statement it was waits, and longer each time (`Held`).
"""

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from trimtab.core.whole_file import replace_file
from trimtab.telemetry.sql.turns import Asker, Full, Turns

logger = logging.getLogger("trimtab.telemetry.sql")

ANSWER_S: Final = 25.0
"""The engine's ten seconds, and some for what it cannot be stopped in. A turn is waited for as long."""
STUCK_S: Final = 60.0
FIRST_HOLD_S: Final = 300.0
LONGEST_HOLD_S: Final = 4 * 3600.0
FORGOTTEN_S: Final = 86_400.0
_FILE: Final = "sql-held.json"

Why = Literal["own", "others", "running", "held"]
"""Too many statements of the asker's own, or of all; this one has begun and cannot be stopped; its project waits."""


class NotAnswered(Exception):
    """A statement that was not answered by no fault of the engine's. ``after_s``: how long it has run, or when to ask
    again."""

    def __init__(self, why: Why, after_s: float) -> None:
        super().__init__(why)
        self.why: Why = why
        self.after_s = after_s


class _Ended(Struct):
    """``times`` that a project's statements ended the process, last at ``at`` (Unix s)."""

    times: int
    at: float


class Held:
    """Which projects wait because a statement of theirs ended the process; in a file, since it ends with all else."""

    def __init__(self, folder: Path | None, now: Callable[[], float] = time.time) -> None:
        """``folder`` None: of this process alone."""
        self._path = None if folder is None else folder / _FILE
        self._now = now
        self._ended: dict[str, _Ended] = {}
        if self._path is not None and self._path.exists():
            try:
                self._ended = msgspec.json.decode(self._path.read_bytes(), type=dict[str, _Ended])
            except (msgspec.MsgspecError, OSError) as error:
                logger.warning("%s cannot be read, nobody waits for what it says: %s", self._path, error)

    def rest_s(self, project: str) -> float:
        """For how long no statement of the project is taken; 0 where any is."""
        found = self._ended.get(project)
        if found is None:
            return 0.0
        hold = min(FIRST_HOLD_S * 2 ** min(found.times - 1, 16), LONGEST_HOLD_S)
        return min(hold, max(0.0, found.at + hold - self._now()))  # a clock that was put back holds nobody longer

    def add(self, project: str) -> None:
        """A statement of the project ends the process now. Raises `OSError`."""
        now = self._now()
        self._ended = {name: each for name, each in self._ended.items() if now - each.at < FORGOTTEN_S}
        before = self._ended.get(project)
        self._ended[project] = _Ended(before.times + 1 if before else 1, now)
        if self._path is not None:
            replace_file(self._path, msgspec.json.encode(self._ended))


def end_process() -> None:
    """As a crash ends it: what would be waited for is what does not end. Nothing is lost, and the parent starts it
    again."""
    os._exit(70)


class OneAtATime:
    """For one event loop. ``in_thread`` runs a blocking call in one of the store's threads."""

    def __init__(
        self, in_thread: Callable[..., Awaitable[Any]], folder: Path | None = None, *, answer_s: float = ANSWER_S,
        stuck_s: float = STUCK_S, end: Callable[[], None] = end_process,
    ) -> None:  # fmt: skip
        self._in_thread = in_thread
        self._answer_s = answer_s
        self._stuck_s = stuck_s
        self._end = end
        self._turns = Turns()
        self._held = Held(folder)
        self._running: set[asyncio.Task[Any]] = set()

    async def run(self, asker: Asker, call: Callable[..., Any], *args: Any) -> Any:
        """What ``call`` returns. Raises `NotAnswered`, and what it raises."""
        if (rest := self._held.rest_s(asker.project)) > 0:
            raise NotAnswered("held", rest)
        try:
            await self._turns.take(asker, self._answer_s)
        except Full as error:
            raise NotAnswered("own" if error.own else "others", 5.0) from None
        except TimeoutError:
            raise NotAnswered("others", 5.0) from None
        # A task of its own: it goes on, and keeps the turn, also where whoever asked has gone.
        running = asyncio.create_task(self._one(asker, call, *args))
        self._running.add(running)
        running.add_done_callback(self._ended)
        await asyncio.wait((running,), timeout=self._answer_s)
        if not running.done():
            raise NotAnswered("running", self._answer_s)
        return running.result()

    def _ended(self, running: asyncio.Task[Any]) -> None:
        self._running.discard(running)
        self._turns.give()
        if not running.cancelled():
            running.exception()  # who asked may have gone: nobody else looks at it

    async def _one(self, asker: Asker, call: Callable[..., Any], *args: Any) -> Any:
        began = asyncio.Event()
        tell = asyncio.get_running_loop().call_soon_threadsafe

        def run() -> Any:
            tell(began.set)  # others may have all threads until here, which is nobody's fault
            return call(*args)

        running = asyncio.ensure_future(self._in_thread(run))
        running.add_done_callback(lambda _: began.set())  # where it never begins: the threads are closed
        await began.wait()
        await asyncio.wait((running,), timeout=self._stuck_s)
        if not running.done():
            logger.error(
                "a statement of the project %s runs since %g s and cannot be stopped: the telemetry process ends, and"
                " starts anew; SQL of that project waits",
                asker.project, self._stuck_s,
            )  # fmt: skip
            with contextlib.suppress(OSError):  # a full disk: it must end all the same
                self._held.add(asker.project)
            self._end()
        return await running
