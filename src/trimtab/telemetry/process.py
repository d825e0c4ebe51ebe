"""The telemetry process: ``python -m trimtab.telemetry.process --data-dir DIR --socket PATH [--url URL]``.

A process of its own, so that neither a fault in the engine nor its memory nor its threads ever touch a call: should it
die, the spool waits until it is back. It opens its socket first and the store after, drains the spool in one thread,
answers questions in a few others, and ends with its parent, however that ends.
"""

import argparse
import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from typing import TypeVar

import uvicorn
import uvloop

from trimtab.core.giving_way import give_way
from trimtab.core.handing import AVAILABLE
from trimtab.core.kept_memory import keep_memory
from trimtab.core.logs import configure_logging
from trimtab.core.parent import die_with_parent
from trimtab.core.private_socket import listen
from trimtab.governance import secrets
from trimtab.governance.sealing import Keyring, Keys
from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.calls.mapper import CallMapper
from trimtab.telemetry.columnar import without_pandas
from trimtab.telemetry.conventions import canonical
from trimtab.telemetry.detectors import Detectors
from trimtab.telemetry.forward.arrivals import ArrivalLog, node_id
from trimtab.telemetry.mapping.away import Hands
from trimtab.telemetry.mapping.pool import Helpers, usual_number
from trimtab.telemetry.mapping.portion import Portioner
from trimtab.telemetry.mapping.prices import ForeignPrices
from trimtab.telemetry.mapping.rewrite import Rewriter, StoreLookup
from trimtab.telemetry.mapping.rows import ForeignRows
from trimtab.telemetry.mapping.shared_notes import SharedNotes
from trimtab.telemetry.mapping.traces import ForeignTraces
from trimtab.telemetry.merges import Merges
from trimtab.telemetry.pace import Progress
from trimtab.telemetry.price_file import PriceFile
from trimtab.telemetry.shim import Shim
from trimtab.telemetry.silent import Silent
from trimtab.telemetry.spool.drain import SpoolReader
from trimtab.telemetry.stores import Limits, Store, StoreAway, StoreRefused, default_url, open_store
from trimtab.telemetry.stores.clickhouse import Address
from trimtab.telemetry.switches.file import SwitchFile
from trimtab.telemetry.writer import Foreign, Writer

T = TypeVar("T")
logger = logging.getLogger("trimtab.telemetry.process")

NICENESS = 5
DRAIN_S = 8.0
PARENT_POLL_S = 1.0
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0
# The mapper computes in Python beside the thread that answers questions: hand over the GIL sooner than by default.
SWITCH_S = 0.001
# A batch is many thousand small values without cycles; looking through them again and again cost a quarter of the time.
GC_THRESHOLD = (300_000, 50, 100)


class Telemetry:
    """The store, the writer and the face of one telemetry process."""

    def __init__(self, data_dir: Path, url: str, limits: Limits, mappers: int) -> None:
        self._url = url
        self._mappers = mappers
        self._limits = limits
        self._data_dir = data_dir
        self._spool_dir = data_dir / "spool"
        self._blobs = FolderBlobs(data_dir / "blobs")
        self._silent = Silent(Detectors(SwitchFile(data_dir)))
        self._progress = Progress()
        self._stopping = threading.Event()
        self._writer: Writer | None = None
        self._thread = threading.Thread(target=self._work, name="writer")
        self.shim = Shim(self._progress, self._blobs, threads=limits.readers, folder=data_dir)
        self.fault: BaseException | None = None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Drain what is there, bounded, then close. Blocks."""
        self._stopping.set()
        if self._writer is not None:
            self._writer.stop(DRAIN_S)
        self._thread.join()
        self.shim.close()

    def _work(self) -> None:
        try:
            spool = self._patiently(lambda: SpoolReader(self._spool_dir))
            store = self._patiently(self._open_store)
            if spool is not None and store is not None:
                self._drain(spool, store)
            if store is not None:
                store.close()
            if spool is not None:
                spool.close()
        except BaseException as error:  # the thread's edge: the process ends, and is started again by its parent
            logger.exception("the telemetry writer broke")
            self.fault = error
            os.kill(os.getpid(), signal.SIGTERM)

    def _drain(self, spool: SpoolReader, store: Store) -> None:
        keys = Keys(self._data_dir, lambda: secrets.load(self._data_dir, os.environ.get("TRIMTAB_SECRET_KEY")))
        mapper = CallMapper(self._blobs, self._silent, keys.look)
        remote = self._url.startswith(("http://", "https://"))
        cluster = Address(self._url).cluster if remote else ""
        arrivals = ArrivalLog(store, self._data_dir, time.time_ns)
        prices = ForeignPrices(PriceFile(self._data_dir))
        shared = self._data_dir if remote else None
        hands = hands_of(self._data_dir, self._mappers, self._silent, prices, keys.look, shared=shared)
        foreign = foreign_of(
            store, self._blobs, self._silent, cluster, arrivals, prices, keys.look, shared=shared
        )._replace(hands=hands)
        merges = None if remote else Merges(store.query)
        writer = Writer(spool, store, mapper, progress=self._progress, foreign=foreign, merges=merges)
        writer.arrivals = arrivals
        writer.open, writer.keys = keys.open_record, keys.look
        self._writer = writer
        self.shim.store = store
        if self._stopping.is_set():  # it came while the store was being opened
            writer.stop(DRAIN_S)
        writer.run()
        self.shim.store = None

    def _open_store(self) -> Store:
        store = open_store(self._url, self._limits)
        try:
            store.prepare()
        except BaseException:
            store.close()
            raise
        return store

    def _patiently(self, make: Callable[[], T]) -> T | None:
        """Try until it works or we are told to stop; say why it does not."""
        pause = FIRST_PAUSE_S
        while not self._stopping.is_set():
            try:
                return make()
            except (StoreAway, StoreRefused, OSError, sqlite3.Error) as error:
                said = error.sentence() if isinstance(error, StoreAway | StoreRefused) else str(error)
                if said != self._progress.detail:
                    logger.warning("telemetry cannot start yet: %s", said)
                self._progress.state, self._progress.detail = "down", said
            self._stopping.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)
        return None


def foreign_of(
    store: Store, blobs: FolderBlobs, silent: Silent | None = None, cluster: str = "",
    arrivals: ArrivalLog | None = None, prices: ForeignPrices | None = None, keys: Callable[[], Keyring] = Keyring,
    *, shared: Path | None = None,
) -> Foreign:  # fmt: skip
    """What the writer maps foreign spans with; ``cluster`` is that of the store's address, ``shared`` our data folder
    where others may write to it."""
    node = node_id(shared) if shared is not None else ""
    prices, rows = prices or ForeignPrices(), ForeignRows(blobs, silent, keys, node)
    traces = ForeignTraces(canonical, StoreLookup(store, alone=shared is None), prices, time.time_ns)
    notes = partial(SharedNotes, store=store, node=node) if shared is not None else None
    return Foreign(traces, rows, Rewriter(store, rows, canonical, prices, cluster, arrivals), shared=notes)


def hands_of(
    data_dir: Path, mappers: int, silent: Silent, prices: ForeignPrices, keys: Callable[[], Keyring] = Keyring,
    *, shared: Path | None = None,
) -> Hands | None:  # fmt: skip
    """Up to ``mappers`` processes that help in a backlog, and what does their work where they fail; None on a system
    where nothing can be handed to them."""
    if mappers == 0 or not AVAILABLE:
        return None
    detectors = Detectors(SwitchFile(data_dir), alone=True)
    node = node_id(shared) if shared is not None else ""
    rows = ForeignRows(FolderBlobs(data_dir / "blobs"), Silent(detectors), keys, node)
    return Hands(Helpers(data_dir, mappers, node), Portioner(canonical, prices, rows, detectors.lean), silent)


def mark(path: Path) -> tuple[int, int]:
    """What tells a socket from another at the same place: a file system may give the number of one that is gone to the
    next, so its time counts as well."""
    found = path.stat()
    return found.st_ino, found.st_mtime_ns


def leave(path: Path, ours: tuple[int, int]) -> None:
    """Remove our socket (its `mark`), unless it is another's by now: a process that was orphaned drains for some
    seconds, and its successor may listen there already."""
    with contextlib.suppress(FileNotFoundError):
        if mark(path) == ours:
            path.unlink()


async def serve(telemetry: Telemetry, listener: socket.socket, parent: int) -> None:
    """Answer until told to stop or orphaned; then drain and end."""
    config = uvicorn.Config(
        telemetry.shim,  # pyright: ignore[reportArgumentType]  a bare ASGI callable
        log_config=None,
        access_log=False,
        lifespan="off",
        loop="uvloop",
        timeout_graceful_shutdown=2,
    )
    server = _Server(config)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    serving = loop.create_task(server.serve(sockets=[listener]))
    telemetry.start()
    while os.getppid() == parent and not stop.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), PARENT_POLL_S)
    await asyncio.to_thread(telemetry.stop)  # questions are answered, and health is told, while it drains
    server.should_exit = True
    await serving


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: this process drains before it stops answering."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m trimtab.telemetry.process", description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True, help="the folder with spool, blobs and the store")
    parser.add_argument("--socket", type=Path, required=True, help="the unix socket to answer on")
    parser.add_argument(
        "--url", default="", help="the store: chdb:///folder (default, in the data folder) or http(s)://"
    )
    parser.add_argument(
        "--mappers",
        type=int,
        default=usual_number(),
        help="how many processes may help to map foreign spans in a backlog (here: %(default)s unless told)",
    )
    options = parser.parse_args(argv)
    parent = die_with_parent()
    configure_logging(os.environ.get("TRIMTAB_LOG_LEVEL", "info"))
    sys.setswitchinterval(SWITCH_S)
    without_pandas()
    gc.freeze()  # what is loaded by now stays
    gc.set_threshold(*GC_THRESHOLD)
    keep_memory()
    give_way(NICENESS, short_turns=True)
    listener = listen(options.socket)
    ours = mark(options.socket)
    telemetry = Telemetry(options.data_dir, options.url or default_url(options.data_dir), Limits(), options.mappers)
    try:
        uvloop.run(serve(telemetry, listener, parent))
    finally:
        leave(options.socket, ours)
    return 1 if telemetry.fault is not None else 0


if __name__ == "__main__":
    raise SystemExit(main())
