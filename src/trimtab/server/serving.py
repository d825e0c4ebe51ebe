"""Serving, whichever process does it: the one of a small server, or each worker of a larger one.

`serve` runs uvicorn on a socket until a signal and lets calls in flight finish; `announce` says that the server is
ready and, at the first start, how to get in.
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
from functools import partial
from typing import Any

import uvicorn

from trimtab import __version__
from trimtab.core.large_pages import use_large_pages
from trimtab.server.hot import HotServer
from trimtab.server.housing import House, RunFile
from trimtab.server.settings import Settings
from trimtab.server.starting import Starting
from trimtab.server.wiring import FirstLook, Wired, prepare_catalog_later

logger = logging.getLogger("trimtab.up")

KEEP_ALIVE_S = 75
REPLACED_DRAIN_S = 900.0
"""A worker that has been replaced lets its streams go on for so long."""
LINGER_S = 7.0
"""Longer than common clients keep an idle connection themselves (httpx 5 s, Node's undici 4 s): what is still idle then
is most likely forgotten, and closing it breaks no request that was just being written."""
TURN_S = 0.0005
"""For so long a thread that works beside the event loop (a write to the catalog, a look at the spool's folder) may keep
the interpreter to itself while the loop waits for it: Python's own 5 ms would be felt by every call of that moment."""
STORE_GRACE_S = 15.0


def run_event_loop(body: Coroutine[Any, Any, int]) -> int:
    """Run to the end on uvloop, or on asyncio's own loop where there is no uvloop (Windows)."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(body)
    return uvloop.run(body)


async def serve(
    wired: Wired,
    settings: Settings,
    listener: socket.socket,
    on_ready: Callable[[], None],
    *,
    replaceable: bool = False,
) -> None:
    """Answer calls on ``listener`` until a signal; then let the streams in flight finish, within the drain bound.

    SIGTERM and SIGINT: the whole server stops. SIGHUP to a ``replaceable`` one: another worker has taken this one's
    place, so there is no hurry (`REPLACED_DRAIN_S`), and idle connections are let go only after one more answer or
    `LINGER_S`.
    """
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
    sys.setswitchinterval(TURN_S)
    server = HotServer(config, partial(_ready, on_ready, wired.complete))
    stop_on_signals(lambda: _stop(server, wired, settings.drain_seconds))
    if replaceable:
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, lambda: _give_way(server, wired))
    else:
        on_hangup(lambda: _stop(server, wired, settings.drain_seconds), _no_successor)
    await server.serve(sockets=[listener])


def _ready(on_ready: Callable[[], None], complete: Callable[[], object]) -> None:
    on_ready()
    # Beside the loop: it takes half a second, for which only those wait who ask the management API.
    asyncio.get_running_loop().run_in_executor(None, _complete, complete)


def _complete(complete: Callable[[], object]) -> None:
    complete()
    gc.freeze()  # as `_calm_the_collector` does with what was there before
    use_large_pages()


def _calm_the_collector() -> None:
    """What has been imported and wired lives as long as the process: a garbage collection need not walk it again, and
    the few cycles that calls make can wait. Without this a collection stops every call for some 20 ms now and then."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _give_way(server: HotServer, wired: Wired) -> None:
    """Leave the place to another worker that is there already."""
    if not server.should_exit:
        wired.protocol.hot.linger_s = LINGER_S
        server.config.timeout_graceful_shutdown = round(REPLACED_DRAIN_S)
        server.gives_way = server.should_exit = True
        wired.leave()


def _stop(server: HotServer, wired: Wired, drain_s: float) -> None:
    wired.leave()
    if server.gives_way:  # the whole server stops after all: from now on the ordinary bound holds
        server.gives_way = False
        asyncio.get_running_loop().call_later(drain_s, _cut, server)
        return
    if server.should_exit:
        server.force_exit = True  # a second signal: somebody is impatient
    server.should_exit = True


def _cut(server: HotServer) -> None:
    """End what is still under way; each stream ends with a well-formed error."""
    for task in list(server.server_state.tasks):
        task.cancel()


def _no_successor() -> None:
    logger.warning("SIGHUP replaces workers one by one, and this server has one: start it with --workers 2 or more")


def on_hangup(gone: Callable[[], None], asked: Callable[[], None]) -> None:
    """SIGHUP means that the terminal is ``gone`` where there was one that no longer answers; else it was ``asked``."""
    had_terminal = os.isatty(0)

    def hangup() -> None:
        (gone if had_terminal and not os.isatty(0) else asked)()

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hangup)


def stop_on_signals(stop: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)


def announce(settings: Settings, house: House, look: FirstLook | None, starting: Starting) -> None:
    """Tell people and tools that the server is ready, and at the first start how to get in (later, if the catalog is
    away)."""
    starting.over()
    url = settings.address
    house.announce(RunFile(pid=os.getpid(), url=url, version=__version__))
    logger.info("ready", extra={"url": url, "seconds": round(time.monotonic() - starting.began, 2)})
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
    """The admin key and the login link at the start that made them; at any other where the console is, and what to do
    without a key."""
    lines: list[str] = []
    if not look.login_link:
        lines.append(f"  console       {url}")
        lines.append(
            "                (sign in with the admin key; a start with TRIMTAB_ADMIN_KEY=... replaces a lost one)"
        )
    else:
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
    print("\n".join(lines), flush=True)  # noqa: T201  this is the command's output
