"""`trimtab up`: one command, one folder. The life of a server from its first line to its last.

With one worker this process is the server; with more it is their supervisor (`workers.py`). Either way it holds the
data folder, owns the telemetry process, and ends everything in order when it is told to.
"""

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from trimtab import __version__
from trimtab.core.errors import TrimtabError, Unavailable
from trimtab.core.logs import configure_logging
from trimtab.server.children import Child
from trimtab.server.hot import HotServer
from trimtab.server.housing import House, RunFile
from trimtab.server.settings import Settings
from trimtab.server.wiring import FirstLook, Wired, prepare_catalog, prepare_catalog_later, wire

logger = logging.getLogger("trimtab.up")

KEEP_ALIVE_S = 75
STORE_GRACE_S = 15.0


def run(settings: Settings) -> int:
    """Serve until SIGTERM or Ctrl-C; returns the exit code. Configuration errors are told on standard error."""
    began = time.monotonic()
    configure_logging(settings.log_level)
    try:
        house = House(settings.data_dir)
        try:
            return _run(settings, house, began)
        finally:
            house.leave()
    except TrimtabError as error:
        print(f"trimtab: {error.sentence()}", file=sys.stderr)  # noqa: T201  the one word of a server that cannot start
        return 1


def _run(settings: Settings, house: House, began: float) -> int:
    listener = listen(settings.host, settings.port)
    settings = settings.at_port(listener.getsockname()[1])
    telemetry = telemetry_child(settings, house)
    telemetry.begin()  # first of all: it takes longest, and nothing here waits for it
    if settings.workers > 1:
        from trimtab.server.workers import supervise

        body = supervise(settings, house, listener, telemetry, began)
    else:
        body = _serve_alone(settings, house, listener, telemetry, began)
    return run_event_loop(body)


def run_event_loop(body: Coroutine[Any, Any, int]) -> int:
    """Run to the end on uvloop, or on asyncio's own loop where there is no uvloop (Windows)."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(body)
    return uvloop.run(body)


def listen(host: str, port: int) -> socket.socket:
    """The listening socket, made before anything slow so that a taken port is told at once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio switches Nagle's delay off only on sockets that say they are TCP.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        raise Unavailable(
            f"Port {port} on {host} cannot be used: {error.strerror}.",
            fix="Stop what uses it, or choose another with --port (0 takes any free one).",
            code="port_in_use",
        ) from None
    listener.listen(2048)
    listener.setblocking(False)
    return listener


def telemetry_child(settings: Settings, house: House) -> Child:
    """The telemetry process: drains the spool, owns the store, answers questions on a socket in the data folder."""
    argv = [sys.executable, "-m", "trimtab.telemetry.process"]
    argv += ["--data-dir", str(house.folder), "--socket", str(house.run / "telemetry.sock")]
    if settings.telemetry_url:
        argv += ["--url", settings.telemetry_url]
    return Child("the telemetry process", argv, env={"TRIMTAB_LOG_LEVEL": settings.log_level})


async def serve(wired: Wired, settings: Settings, listener: socket.socket, on_ready: Callable[[], None]) -> None:
    """Answer calls on ``listener`` until a signal; then let the streams in flight finish, within the drain bound."""
    config = uvicorn.Config(
        wired.app,
        http=wired.protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=max(1, round(settings.drain_seconds)),
    )
    _calm_the_collector()
    server = HotServer(config, on_ready)
    stop_on_signals(lambda: _stop(server))
    await server.serve(sockets=[listener])


def _calm_the_collector() -> None:
    """What has been imported and wired lives as long as the process: a garbage collection need not walk it again, and
    the few cycles that calls make can wait. Without this a collection stops every call for some 20 ms now and then."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _stop(server: HotServer) -> None:
    if server.should_exit:
        server.force_exit = True  # a second signal: somebody is impatient
    server.should_exit = True


def stop_on_signals(stop: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)


async def _serve_alone(
    settings: Settings, house: House, listener: socket.socket, telemetry: Child, began: float
) -> int:
    try:
        look = await prepare_catalog(settings)
        wired = await wire(settings, house, worker="w0")
        telemetry.watch()
        try:
            async with catalog_prepared(settings, look):
                await serve(wired, settings, listener, lambda: announce(settings, house, look, began))
        finally:
            await wired.aclose()
    finally:
        await telemetry.stop(STORE_GRACE_S)
    logger.info("stopped")
    return 0


def announce(settings: Settings, house: House, look: FirstLook | None, began: float) -> None:
    """Tell people and tools that the server is ready, and at the first start how to get in (later, if the catalog is
    away)."""
    url = settings.address
    house.announce(RunFile(pid=os.getpid(), url=url, version=__version__))
    logger.info("ready", extra={"url": url, "seconds": round(time.monotonic() - began, 2)})
    print(f"Trimtab {__version__} is ready: {url}\n  data folder   {house.folder}", flush=True)  # noqa: T201
    if look is not None:
        show_way_in(url, look)


@asynccontextmanager
async def catalog_prepared(settings: Settings, look: FirstLook | None) -> AsyncGenerator[None]:
    """While inside, a catalog that was away at the start is prepared as soon as it is back."""
    if look is not None:
        yield
        return
    later = asyncio.ensure_future(prepare_catalog_later(settings, lambda found: show_way_in(settings.address, found)))
    try:
        yield
    finally:
        later.cancel()


def show_way_in(url: str, look: FirstLook) -> None:
    """The admin key and the login link, at the start that made them."""
    lines: list[str] = []
    if look.login_link:
        lines.append(f"  console       {look.login_link}")
        lines.append("                (this link works once, for 15 minutes)")
    if look.admin_secret:
        lines += [
            f"  admin key     {look.admin_secret}",
            "                (shown this once: it opens the console, the API and the default project's models)",
            "",
            "A first call, once a model is declared (console: Models, or a config file):",
            f"  curl {url}/v1/chat/completions \\",
            f"    -H 'Authorization: Bearer {look.admin_secret}' -H 'Content-Type: application/json' \\",
            """    -d '{"model": "MODEL", "messages": [{"role": "user", "content": "Hello"}]}'""",
        ]
    if lines:
        print("\n".join(lines), flush=True)  # noqa: T201  this is the command's output
