"""Serving, whichever process does it: the one of a small server, or each worker of a larger one.

`serve` runs uvicorn on a socket until a signal and lets calls in flight finish; `announce` says that the server is
ready and, at the first start, how to get in.
"""

import asyncio
import gc
import logging
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial

import uvicorn

from trimtab.core.giving_way import go_first
from trimtab.core.large_pages import use_large_pages
from trimtab.server.hot import HotServer
from trimtab.server.running import REPLACED_DRAIN_S, on_hangup, stop_on_signals
from trimtab.server.settings import Settings
from trimtab.server.wiring import Wired

logger = logging.getLogger("trimtab.up")

KEEP_ALIVE_S = 75
LINGER_S = 7.0
"""Longer than common clients keep an idle connection themselves (httpx 5 s, Node's undici 4 s): what is still idle then
is most likely forgotten, and closing it breaks no request that was just being written."""
TURN_S = 0.0005
"""For so long a thread that works beside the event loop (a write to the catalog, a look at the spool's folder) may keep
the interpreter to itself while the loop waits for it: Python's own 5 ms would be felt by every call of that moment."""


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
    go_first()  # threads beside the loop are on its processor a millisecond at a time
    server = HotServer(config, partial(_ready, on_ready, wired.complete), _busy)
    stop_on_signals(lambda: _stop(server, wired, settings.drain_seconds))
    if replaceable:
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, lambda: _give_way(server, wired))
    else:
        on_hangup(lambda: _stop(server, wired, settings.drain_seconds), _no_successor)
    await server.serve(sockets=[listener])


def _ready(on_ready: Callable[[], None], complete: Callable[[], object]) -> None:
    on_ready()
    # Beside the loop: it takes a tenth of a second, for which only those wait who ask the management API.
    asyncio.get_running_loop().run_in_executor(None, _complete, complete)


def _complete(complete: Callable[[], object]) -> None:
    complete()
    gc.freeze()  # as `_calm_the_collector` does with what was there before


def _busy() -> None:
    """To move a process onto large pages takes a fifth of a second of a processor, and saves a call some 6 us: it is
    worth it where many come."""
    asyncio.get_running_loop().run_in_executor(None, use_large_pages)


def _calm_the_collector() -> None:
    """What has been imported and wired lives as long as the process: a garbage collection need not walk it again, and
    the few cycles that calls make can wait. Without this a collection stops every call for some 20 ms now and then.
    Nothing is collected before: of 150,000 objects a thousand are garbage, and to find them takes a tenth of a second
    of the start."""
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
