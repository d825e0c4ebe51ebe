"""The embedder's process as a worker asks it: one connection, questions and answers in one order.

A process that ends while texts wait for it (its owner was replaced, somebody killed it) is looked for again: another
worker has started the next one by then, or this one does. One that lives and does not answer is killed.
"""

import asyncio
import importlib
import logging
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from trimtab.core.errors import Unavailable
from trimtab.llm import embedder_process as process
from trimtab.llm.embedder import require
from trimtab.server.one_for_all import CannotStart, OneForAll

if TYPE_CHECKING:
    from trimtab.llm.embedder import Vector

logger = logging.getLogger("trimtab.shared_embedder")
MODULE = "trimtab.llm.embedder_process"
SOCKET = "embedder.sock"
START_S = 60.0
TRIES = 4
REST_S = 10.0
"""So long nobody tries again after a start that failed: calls go on without vectors, and each try is a process."""
SILENT_S = 15.0
"""So long the process may answer nothing at all while texts wait: alone it takes 5 to 10 ms for one."""
PAUSE_S = 0.1
"""Between two tries, times their number: the old process may have a moment to live."""


class SharedEmbedder:
    """`read` is what an `Embedder` makes vectors with."""

    def __init__(self, run_dir: Path, one: OneForAll | None = None) -> None:
        self._one = one or OneForAll(run_dir, "embedder", MODULE, ("--socket", str(run_dir / SOCKET)), start_s=START_S)
        self._line: Line | None = None
        self._connecting = asyncio.Lock()
        self._failed: tuple[float, CannotStart] | None = None
        self._closed = False

    async def read(self, text: str) -> "tuple[Vector, bool]":
        """The vector of a text, and whether all of it is in it. Raises `Unavailable`."""
        for tried in range(TRIES):
            if tried:
                await asyncio.sleep(PAUSE_S * tried)
            try:
                line = self._line
                if line is None or line.lost:
                    line = await self._connected()
                return await line.ask(text)
            except OSError as error:
                logger.info("the embedder's process is gone: %s", error)
            except SilentError:
                raise _silent() from None
        raise Unavailable(
            f"The process that embeds texts ended {TRIES} times before it had answered.",
            fix="See the server's log; where memory is short, give it some 200 MB more.",
            code="embedder_away",
        )

    async def aclose(self) -> None:
        self._closed = True  # who still waits for a text must not start the next process
        if self._line is not None:
            self._line.close()
        await self._one.aclose()

    async def _connected(self) -> "Line":
        async with self._connecting:
            if self._line is not None and not self._line.lost:
                return self._line
            if self._closed:
                raise Unavailable(
                    "This server is stopping, and embeds no more texts.",
                    fix="Ask again in a moment.",
                    code="embedder_away",
                )
            require()
            path = await self._started()
            await asyncio.to_thread(importlib.import_module, "numpy")
            pid = self._one.pid
            make = partial(Line, lambda: self._end(pid))
            _, line = await asyncio.get_running_loop().create_unix_connection(make, path)
            self._line = line
            return line

    def _end(self, pid: int) -> None:
        logger.error("the embedder's process %d has answered nothing for %g s: it is killed", pid, SILENT_S)
        self._one.kill(pid)

    async def _started(self) -> str:
        now = asyncio.get_running_loop().time
        if self._failed is not None and now() < self._failed[0]:
            raise _away(self._failed[1])
        try:
            return await self._one.url()
        except CannotStart as error:
            self._failed = now() + REST_S, error.with_traceback(None)
            raise _away(error) from None


def _away(error: CannotStart) -> Unavailable:
    """A new one for each who is told: one that is raised again and again keeps every caller's frames."""
    return Unavailable(
        str(error) if error.code else f"The process that embeds texts cannot start: {error}.",
        fix=error.fix or "See the server's log for what it said.",
        code=error.code or "embedder_away",
        retryable=not error.code,
    )


class SilentError(Exception):
    """The process lives, and does not answer."""


def _silent() -> Unavailable:
    return Unavailable(
        f"The process that embeds texts answered nothing for {SILENT_S:g} s.",
        fix="It was ended, and the next text starts another; see the server's log.",
        code="embedder_away",
    )


class Line(asyncio.Protocol):
    """A connection to the process; answers come in the order of the questions. Where none comes for `SILENT_S` while
    texts wait, it is given up and ``on_silent`` is told."""

    def __init__(self, on_silent: Callable[[], None]) -> None:
        self.lost = False
        self._on_silent = on_silent
        self._watch: asyncio.TimerHandle | None = None
        self._waiting: deque[asyncio.Future[tuple[Vector, bool]]] = deque()
        self._got = bytearray()

    def ask(self, text: str) -> "asyncio.Future[tuple[Vector, bool]]":
        """Fails with `ConnectionError` where the process ends before it has answered, with `SilentError` where it does
        not answer."""
        if self.lost:
            raise ConnectionResetError("the connection was lost")
        answer: asyncio.Future[tuple[Vector, bool]] = asyncio.get_running_loop().create_future()
        self._waiting.append(answer)
        if self._watch is None:
            self._listen()
        self._transport.write(process.question(text))
        return answer

    def close(self) -> None:
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        import numpy as np

        self._got += data
        while len(self._got) >= process.ANSWER:
            whole = bool(self._got[0])
            vector = np.frombuffer(bytes(self._got[1 : process.ANSWER]), dtype=np.float32)
            del self._got[: process.ANSWER]
            answer = self._waiting.popleft()
            if not answer.done():
                answer.set_result((vector, whole))
        self._listen()

    def connection_lost(self, exc: Exception | None) -> None:
        self._give_up(lambda: ConnectionResetError(f"the connection was lost ({exc or 'it was closed'})"))

    def _listen(self) -> None:
        """Begin to wait anew, while there is anything to wait for."""
        if self._watch is not None:
            self._watch.cancel()
        loop = asyncio.get_running_loop()
        self._watch = loop.call_later(SILENT_S, self._heard_nothing) if self._waiting else None

    def _heard_nothing(self) -> None:
        self._give_up(SilentError)
        self._transport.abort()
        self._on_silent()

    def _give_up(self, why: Callable[[], Exception]) -> None:
        self.lost = True
        for answer in self._waiting:
            if not answer.done():
                answer.set_exception(why())
        self._waiting.clear()
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
