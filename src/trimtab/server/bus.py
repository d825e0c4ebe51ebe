"""How the workers of one server tell each other that the configuration has changed, and know that all have heard.

The supervisor holds a unix socket in the data folder; each worker keeps a connection to it. A worker that changed the
catalog says so and waits; the supervisor asks every other worker to refresh and answers when each has, or has gone, or
the bound is over. So a revoked key is refused by every worker when the revocation returns. Lines of JSON.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
from msgspec import Struct

logger = logging.getLogger("trimtab.bus")

HEARD_WITHIN_S = 5.0


class Line(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``say``: a worker says ``changed`` and ``done`` (for a refresh), ``ready`` (under its ``name``), ``advice`` and
    ``wanted``; the supervisor ``refresh``, ``settled``, and passes advice and wanted on. Advice: keep away from a
    ``target`` (project id, provider, upstream model) before ``until_ns`` (Unix ns). Wanted: a call waits for a place
    under a limit of calls at once. Nobody waits for these two and nobody answers."""

    say: str
    id: int = 0
    name: str = ""
    target: tuple[str, str, str] = ("", "", "")
    until_ns: int = 0


_decode = msgspec.json.Decoder(Line).decode


def _encode(line: Line) -> bytes:
    return msgspec.json.encode(line) + b"\n"


class Hub:
    """The supervisor's end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._workers: dict[asyncio.StreamWriter, set[int]] = {}
        self._settled: dict[int, asyncio.Event] = {}
        self._next = 0
        self._change = asyncio.Event()
        self._ready: set[str] = set()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, self._path)
        self._path.chmod(0o600)

    async def joined(self, count: int, within_s: float) -> bool:
        """Wait until ``count`` workers hold a line; false when they do not in time."""
        try:
            async with asyncio.timeout(within_s):
                while len(self._workers) < count:
                    self._change.clear()
                    await self._change.wait()
        except TimeoutError:
            return False
        return True

    async def ready(self, name: str, within_s: float) -> bool:
        """Wait until the worker of that name answers calls; false when it does not in time."""
        try:
            async with asyncio.timeout(within_s):
                while name not in self._ready:
                    self._change.clear()
                    await self._change.wait()
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in self._workers:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._workers[writer] = set()
        self._change.set()
        try:
            while raw := await reader.readline():
                line = _decode(raw)
                if line.say == "changed":
                    task = asyncio.get_running_loop().create_task(self._spread(writer, line.id))
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)
                elif line.say == "done":
                    self._heard(writer, line.id)
                elif line.say == "ready":
                    self._ready.add(line.name)
                    self._change.set()
                elif line.say in ("advice", "wanted"):
                    for other in self._workers:
                        if other is not writer:
                            other.write(raw)
        except (ConnectionError, msgspec.DecodeError) as error:
            logger.warning("a worker's line broke: %s", error)
        finally:
            for owed in self._workers.pop(writer, set[int]()).copy():
                self._check(owed)
            writer.close()

    async def _spread(self, origin: asyncio.StreamWriter, change: int) -> None:
        self._next += 1
        number = self._next
        event = self._settled[number] = asyncio.Event()
        for writer, owed in self._workers.items():
            if writer is not origin:
                owed.add(number)
                writer.write(_encode(Line(say="refresh", id=number)))
        self._check(number)
        try:
            async with asyncio.timeout(HEARD_WITHIN_S):
                await event.wait()
        except TimeoutError:
            logger.error("a worker did not take over a change of the configuration within %g s", HEARD_WITHIN_S)
        del self._settled[number]
        origin.write(_encode(Line(say="settled", id=change)))

    def _heard(self, writer: asyncio.StreamWriter, number: int) -> None:
        self._workers[writer].discard(number)
        self._check(number)

    def _check(self, number: int) -> None:
        event = self._settled.get(number)
        if event is not None and not any(number in owed for owed in self._workers.values()):
            event.set()


class WorkerLine:
    """A worker's end. ``refresh`` brings this worker up to date; it is called when another worker changed something.
    ``advised`` takes another worker's advice on a target: (project id, provider, upstream model), until when (Unix ns).
    ``wanted`` gives back the places of calls at once that this worker does not use.
    """

    def __init__(
        self,
        path: Path,
        refresh: Callable[[], Awaitable[object]],
        advised: Callable[[tuple[str, str, str], int], None] | None = None,
        wanted: Callable[[], None] | None = None,
    ) -> None:
        self._path = path
        self._refresh = refresh
        self._advised = advised
        self._wanted = wanted
        self._writer: asyncio.StreamWriter | None = None
        self._listener: asyncio.Task[None] | None = None
        self._waiting: dict[int, asyncio.Event] = {}
        self._next = 0

    async def open(self) -> None:
        reader, self._writer = await asyncio.open_unix_connection(self._path)
        self._listener = asyncio.get_running_loop().create_task(self._listen(reader))

    async def close(self) -> None:
        if self._listener is not None:
            self._listener.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listener
        if self._writer is not None:
            self._writer.close()

    def say_ready(self, name: str) -> None:
        """This worker answers calls."""
        self._tell(Line(say="ready", name=name))

    def advise(self, target: tuple[str, str, str], until_ns: int) -> None:
        """Tell the others to keep away from a target; does not wait."""
        self._tell(Line(say="advice", target=target, until_ns=until_ns))

    def want(self) -> bool:
        """Ask the others for places that they do not use; does not wait. False where nobody can be asked."""
        return self._tell(Line(say="wanted"))

    def _tell(self, line: Line) -> bool:
        if self._writer is None or self._writer.is_closing():
            return False
        self._writer.write(_encode(line))
        return True

    async def changed(self) -> None:
        """Tell the others and wait until every one has refreshed (bounded by the supervisor)."""
        if self._writer is None or self._writer.is_closing():
            logger.error("the supervisor is gone: other workers will see this change by polling")
            return
        self._next += 1
        number = self._next
        event = self._waiting[number] = asyncio.Event()
        self._writer.write(_encode(Line(say="changed", id=number)))
        try:
            async with asyncio.timeout(HEARD_WITHIN_S + 1):
                await event.wait()
        except TimeoutError:
            logger.error("the supervisor did not confirm a change of the configuration")
        finally:
            self._waiting.pop(number, None)

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        assert self._writer is not None
        while raw := await reader.readline():
            line = _decode(raw)
            if line.say == "settled":
                if event := self._waiting.get(line.id):
                    event.set()
            elif line.say == "advice" and self._advised is not None:
                self._advised(line.target, line.until_ns)
            elif line.say == "wanted" and self._wanted is not None:
                self._wanted()
            elif line.say == "refresh":
                try:
                    await self._refresh()
                except Exception:  # the loop's edge: one failed refresh (database away) must not end the line
                    logger.exception("the configuration could not be refreshed")
                self._writer.write(_encode(Line(say="done", id=line.id)))
