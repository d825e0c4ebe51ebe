"""`--workers N`: a supervisor and N server processes on one listening socket.

The supervisor owns what there is once (the data folder, the telemetry process, the listening socket, the bus) and keeps
N workers running. Each worker is a whole server with a spool file of its own. On SIGTERM the workers drain together,
then the telemetry process takes what is left.
"""

import argparse
import asyncio
import contextlib
import logging
import os
import socket
import sys
from pathlib import Path

import msgspec

from trimtab.core.errors import Unavailable
from trimtab.core.logs import configure_logging
from trimtab.server.bus import Hub, WorkerLine
from trimtab.server.children import Child
from trimtab.server.housing import House
from trimtab.server.metrics import share_metrics
from trimtab.server.serving import STORE_GRACE_S, announce, catalog_prepared, run_event_loop, serve, stop_on_signals
from trimtab.server.settings import Settings
from trimtab.server.wiring import prepare_catalog, wire

logger = logging.getLogger("trimtab.workers")
READY_WITHIN_S = 30.0
SETTINGS = "TRIMTAB_WORKER_SETTINGS"


async def supervise(settings: Settings, house: House, listener: socket.socket, telemetry: Child, began: float) -> int:
    """Run the workers until a signal; returns the exit code."""
    hub = Hub(house.run / "bus.sock")
    workers: list[Child] = []
    stopped = asyncio.Event()
    stop_on_signals(stopped.set)
    try:
        look = await prepare_catalog(settings)
        share_metrics(house.run / "metrics")
        await hub.open()
        telemetry.watch()
        listener.set_inheritable(True)
        for index in range(settings.workers):
            worker = _worker(settings, listener.fileno(), index)
            worker.begin()
            worker.watch()
            workers.append(worker)
        if await hub.joined(settings.workers, READY_WITHIN_S):
            announce(settings, house, look, began)
        else:
            logger.error("not every worker became ready within %g s", READY_WITHIN_S)
        async with catalog_prepared(settings, look):
            await stopped.wait()
    finally:
        grace = settings.drain_seconds + 5
        await asyncio.gather(*(worker.stop(grace) for worker in workers))
        await hub.close()
        await telemetry.stop(STORE_GRACE_S)
    logger.info("stopped")
    return 0


def _worker(settings: Settings, fd: int, index: int) -> Child:
    argv = [sys.executable, "-m", "trimtab.server.workers", "--fd", str(fd), "--name", f"w{index}"]
    told = msgspec.json.encode(settings, enc_hook=str).decode()
    return Child(f"worker {index}", argv, env={SETTINGS: told}, fds=(fd,))


async def work(settings: Settings, fd: int, name: str) -> int:
    """One worker's life."""
    listener = socket.socket(fileno=fd)
    house = House(settings.data_dir, shared=True)
    wired = await wire(settings, house, worker=name)
    line = WorkerLine(house.run / "bus.sock", wired.holder.refresh)
    wired.holder.on_change = line.changed
    try:
        await line.open()
        with contextlib.suppress(Unavailable):  # the catalog is away: `wire` has told, and the holder goes on trying
            await wired.holder.refresh()  # what was changed between our first look and our place on the bus
        await serve(wired, settings, listener, lambda: logger.info("worker %s is ready", name))
    finally:
        await line.close()
        await wired.aclose()
    return 0


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
