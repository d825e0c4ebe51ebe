"""What a server process and a supervisor of workers have in common: the event loop, signals, what is told to people.

It imports nothing of what answers calls.
"""

import asyncio
import logging
import os
import signal
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from trimtab import __version__
from trimtab.core.compiled import build_note
from trimtab.server.first_look import FirstLook, prepare_catalog_later
from trimtab.server.housing import House, RunFile
from trimtab.server.settings import Settings
from trimtab.server.starting import Starting

logger = logging.getLogger("trimtab.up")

REPLACED_DRAIN_S = 900.0
"""A worker that has been replaced lets its streams go on for so long."""
STORE_GRACE_S = 15.0
NOTE_AGAIN_S = 5.0


def run_event_loop(body: Coroutine[Any, Any, int]) -> int:
    """Run to the end on uvloop, or on asyncio's own loop where there is no uvloop (Windows)."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(body)
    return uvloop.run(body)


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
    leave_note(
        house,
        RunFile(
            pid=os.getpid(),
            url=url,
            version=__version__,
            catalog=settings.catalog_kind,
            telemetry=settings.telemetry_kind,
        ),
    )
    logger.info("ready", extra={"url": url, "seconds": round(time.monotonic() - starting.began, 2)})
    print(f"Trimtab {__version__}{build_note()} is ready: {url}\n  data folder   {house.folder}", flush=True)  # noqa: T201
    if look is not None:
        show_way_in(url, look)


def leave_note(house: House, note: RunFile) -> None:
    """Tools find the server by it. Where a full disk has no place for it the server serves without, and tries again."""
    try:
        house.announce(note)
    except OSError as error:
        logger.warning("no note of this server can be left in %s, which tools find it by: %s", house.folder, error)
        asyncio.get_running_loop().call_later(NOTE_AGAIN_S, leave_note, house, note)


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
