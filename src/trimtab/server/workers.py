"""`--workers N`: a supervisor and N server processes on one listening socket.

The supervisor owns what there is once (the data folder, the telemetry process, the listening socket, the bus) and keeps
N workers running. Each worker is a whole server with a spool file of its own. On SIGTERM the workers drain together,
then the telemetry process takes what is left. On SIGHUP (``trimtab restart``) they are replaced one by one under way.
"""

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from pathlib import Path

import msgspec

from trimtab.core.errors import Unavailable
from trimtab.core.logs import configure_logging
from trimtab.core.own_python import OWN_PYTHON
from trimtab.server.bus import Hub, WorkerLine
from trimtab.server.children import Child
from trimtab.server.first_look import FirstLook, prepare_catalog
from trimtab.server.housing import House
from trimtab.server.metrics import share_metrics
from trimtab.server.running import (
    REPLACED_DRAIN_S,
    STORE_GRACE_S,
    announce,
    catalog_prepared,
    on_hangup,
    run_event_loop,
    stop_on_signals,
)
from trimtab.server.settings import Settings
from trimtab.server.starting import Starting

logger = logging.getLogger("trimtab.workers")
READY_WITHIN_S = 30.0
SETTINGS = "TRIMTAB_WORKER_SETTINGS"


async def supervise(
    settings: Settings, house: House, listener: socket.socket, telemetry: Child, starting: Starting
) -> int:
    """Run the workers until a signal; returns the exit code. SIGHUP replaces them one by one."""
    hub = Hub(house.run / "bus.sock")
    crew = Crew(settings, listener, hub)
    stopped = asyncio.Event()
    late: asyncio.Task[None] | None = None
    stop_on_signals(stopped.set)
    on_hangup(stopped.set, crew.replace)
    try:
        starting.at("looking at the catalog, and bringing it up to date")
        look = await prepare_catalog(settings)
        share_metrics(house.run / "metrics")
        await hub.open()
        telemetry.watch()
        listener.set_inheritable(True)
        starting.at(f"waiting for {settings.workers} workers")
        crew.begin()
        if await hub.joined(settings.workers, READY_WITHIN_S):
            announce(settings, house, look, starting)
        else:
            logger.error("not every worker became ready within %g s", READY_WITHIN_S)
            late = asyncio.get_running_loop().create_task(_announce_late(settings, house, hub, look, starting))
        async with catalog_prepared(settings, look):
            await stopped.wait()
    finally:
        if late is not None:
            late.cancel()
        await crew.stop(settings.drain_seconds + 5)
        await hub.close()
        await telemetry.stop(STORE_GRACE_S)
    logger.info("stopped")
    return 0


async def _announce_late(
    settings: Settings, house: House, hub: Hub, look: FirstLook | None, starting: Starting
) -> None:
    while not await hub.joined(settings.workers, READY_WITHIN_S):
        logger.error("not every worker is ready yet")
    announce(settings, house, look, starting)


class Crew:
    """The workers, and how each is replaced while calls come in: its successor answers first, then it lets its streams
    finish. A successor that does not get ready is dropped, and its predecessor stays."""

    def __init__(self, settings: Settings, listener: socket.socket, hub: Hub) -> None:
        self._settings = settings
        self._fd = listener.fileno()
        self._hub = hub
        self._workers: list[Child] = []
        self._leaving: dict[Child, asyncio.Task[None]] = {}
        self._generation = 0
        self._replacing: asyncio.Task[None] | None = None

    def begin(self) -> None:
        for index in range(self._settings.workers):
            self._workers.append(self._start(_name(index, 0)))

    def replace(self) -> None:
        """Replace every worker, unless that is under way."""
        if self._workers and (self._replacing is None or self._replacing.done()):
            self._replacing = asyncio.get_running_loop().create_task(self._replace())

    async def stop(self, grace_s: float) -> None:
        if self._replacing is not None:
            self._replacing.cancel()
            await asyncio.wait([self._replacing])
        for task in self._leaving.values():
            task.cancel()
        everybody = (*self._workers, *self._leaving)
        await asyncio.gather(*(worker.stop(grace_s) for worker in everybody))

    async def _replace(self) -> None:
        self._generation += 1
        logger.info("replacing %d workers", len(self._workers))
        for index in range(len(self._workers)):
            name = _name(index, self._generation)
            successor = self._start(name)
            try:
                ready = await self._hub.ready(name, READY_WITHIN_S)
            except asyncio.CancelledError:
                await successor.stop(grace_s=1.0)
                raise
            if not ready:
                logger.error("worker %s did not get ready; the one it should replace stays", name)
                await successor.stop(grace_s=1.0)
                return
            leaver, self._workers[index] = self._workers[index], successor
            self._leaving[leaver] = asyncio.get_running_loop().create_task(self._let_go(leaver))
        logger.info("replaced")

    async def _let_go(self, leaver: Child) -> None:
        await leaver.stop(REPLACED_DRAIN_S + 5, signal.SIGHUP)
        del self._leaving[leaver]

    def _start(self, name: str) -> Child:
        argv = [*OWN_PYTHON, "-m", "trimtab.server.workers", "--fd", str(self._fd), "--name", name]
        told = msgspec.json.encode(self._settings, enc_hook=str).decode()
        worker = Child(f"worker {name}", argv, env={SETTINGS: told}, fds=(self._fd,))
        worker.begin()
        worker.watch()
        return worker


def _name(index: int, generation: int) -> str:
    """Unlike that of any other worker of this server's life: spool, notes and journals go by it."""
    return f"w{index}.{generation}" if generation else f"w{index}"


async def work(settings: Settings, fd: int, name: str) -> int:
    """One worker's life."""
    from trimtab.server.serving import serve  # half of what a worker holds, which its supervisor does not need
    from trimtab.server.wiring import wire

    listener = socket.socket(fileno=fd)
    house = House(settings.data_dir, shared=True)
    wired = await wire(settings, house, worker=name)
    line = WorkerLine(house.run / "bus.sock", wired.holder.refresh, wired.watch.advised, wired.keeper.others_want)
    wired.holder.on_change = line.changed
    wired.watch.on_open.append(line.advise)
    wired.keeper.tell_others, wired.keeper.told_at_once = line.want, settings.workers
    try:
        await line.open()
        with contextlib.suppress(Unavailable):  # the catalog is away: `wire` has told, and the holder goes on trying
            await wired.holder.refresh()  # what was changed between our first look and our place on the bus
        await serve(wired, settings, listener, lambda: _ready(line, name), replaceable=True)
    finally:
        await line.close()
        await wired.aclose()
    return 0


def _ready(line: WorkerLine, name: str) -> None:
    line.say_ready(name)
    logger.info("worker %s is ready", name)


def main() -> int:
    parser = argparse.ArgumentParser(prog="trimtab.server.workers")
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--name", required=True)
    options = parser.parse_args()
    settings = msgspec.json.decode(os.environ.pop(SETTINGS), type=Settings, dec_hook=_path)
    configure_logging(settings.log_level)
    return run_event_loop(work(settings, options.fd, options.name))


def _path(kind: type, value: object) -> object:
    return Path(str(value)) if kind is Path else value


if __name__ == "__main__":
    from trimtab.core.parent import die_with_parent

    die_with_parent()
    sys.exit(main())
