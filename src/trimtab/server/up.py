"""`trimtab up`: one command, one folder. The life of a server from its first line to its last.

With one worker this process is the server; with more it is their supervisor (`workers.py`). Either way it holds the
data folder, owns the telemetry process, and ends everything in order when it is told to.
"""

import errno
import gc
import logging
import os
import socket
import sys

from trimtab.core.errors import TrimtabError, Unavailable
from trimtab.core.logs import configure_logging
from trimtab.core.own_python import OWN_PYTHON
from trimtab.server.children import Child
from trimtab.server.first_look import prepare_catalog
from trimtab.server.housing import House
from trimtab.server.running import STORE_GRACE_S, announce, catalog_prepared, run_event_loop
from trimtab.server.settings import Settings
from trimtab.server.starting import Starting
from trimtab.server.workers import supervise

logger = logging.getLogger("trimtab.up")


def run(settings: Settings, starting: Starting) -> int:
    """Serve until SIGTERM or Ctrl-C; returns the exit code. Configuration errors are told on standard error."""
    # What numpy multiplies here takes milliseconds: threads that wait for each other at it take longer, and the
    # processor from calls (measured in docs/benchmarks.md, "Knowledge"). numpy reads this when it is imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    configure_logging(settings.log_level)
    try:
        house = House(settings.data_dir)
        try:
            return _run(settings, house, starting)
        finally:
            house.leave()
    except TrimtabError as error:
        print(f"trimtab: {error.sentence()}", file=sys.stderr)  # noqa: T201  the one word of a server that cannot start
        return 1
    finally:
        starting.over()


def _run(settings: Settings, house: House, starting: Starting) -> int:
    listener = listen(settings.host, settings.port)
    settings = settings.at_port(listener.getsockname()[1])
    if settings.workers == 1:
        _load()
    telemetry = telemetry_child(settings, house)
    telemetry.begin()  # first of all: it takes longest, and nothing here waits for it
    if settings.workers > 1:
        body = supervise(settings, house, listener, telemetry, starting)
    else:
        body = _serve_alone(settings, house, listener, telemetry, starting)
    return run_event_loop(body)


def _load() -> None:
    """Import what answers calls, which a supervisor of workers does without, before the telemetry process begins: it
    would take a core from that."""
    gc.disable()  # of what is imported nothing is garbage
    try:
        import trimtab.server.serving  # pyright: ignore[reportUnusedImport]  # noqa: F401
    finally:
        gc.enable()


def listen(host: str, port: int) -> socket.socket:
    """The listening socket, made before anything slow so that a taken port is told at once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio switches Nagle's delay off only on sockets that say they are TCP.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT) or isinstance(error, socket.gaierror):
            raise Unavailable(
                f"{host} is no address of this machine: {error.strerror}.",
                fix="Give --host 127.0.0.1 for this machine alone, or 0.0.0.0 for every address it has.",
                code="address_unusable",
            ) from None
        raise Unavailable(
            f"Port {port} on {host} cannot be used: {error.strerror}.",
            fix="Stop what uses it, or choose another with --port (0 takes any free one)."
            if error.errno != errno.EACCES
            else "Ports below 1024 are the administrator's: choose another with --port.",
            code="port_in_use",
        ) from None
    listener.listen(2048)
    listener.setblocking(False)
    return listener


def telemetry_child(settings: Settings, house: House) -> Child:
    """The telemetry process: drains the spool, owns the store, answers questions on a socket in the data folder."""
    argv = [*OWN_PYTHON, "-m", "trimtab.telemetry.process"]
    argv += ["--data-dir", str(house.folder), "--socket", str(house.run / "telemetry.sock")]
    if settings.telemetry_url:
        argv += ["--url", settings.telemetry_url]
    if settings.mappers is not None:
        argv += ["--mappers", str(settings.mappers)]
    return Child("the telemetry process", argv, env={"TRIMTAB_LOG_LEVEL": settings.log_level})


async def _serve_alone(
    settings: Settings, house: House, listener: socket.socket, telemetry: Child, starting: Starting
) -> int:
    from trimtab.server.serving import serve  # loaded by now
    from trimtab.server.wiring import wire

    try:
        starting.at("looking at the catalog, and bringing it up to date")
        look = await prepare_catalog(settings)
        starting.at("reading the configuration, and making the server of it")
        wired = await wire(settings, house, worker="w0")
        telemetry.watch()
        try:
            async with catalog_prepared(settings, look):
                await serve(wired, settings, listener, lambda: announce(settings, house, look, starting))
        finally:
            await wired.aclose()
    finally:
        await telemetry.stop(STORE_GRACE_S)
    logger.info("stopped")
    return 0
