"""One telemetry store for several servers, at an address as a ClickHouse server has it: the face of the telemetry
process over the engine in this process. It can be told to fail as such a server does."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Awaitable, Callable, Generator
from pathlib import Path
from typing import Any

import uvicorn

from patience import PATIENCE_S
from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.pace import Progress
from trimtab.telemetry.shim import Shim
from trimtab.telemetry.stores import Store

Send = Callable[[dict[str, Any]], Awaitable[None]]
Trouble = Callable[[Send], Awaitable[None]]


class SharedStore:
    def __init__(self, engine: Store, folder: Path) -> None:
        self.engine = engine
        self.trouble: Trouble | None = None
        """What every statement meets instead of the store."""
        self.delay_s = 0.0
        """How long every statement waits first."""
        self.met = 0
        """How many statements met it."""
        self._shim = Shim(Progress(state="ok", detail=""), FolderBlobs(folder), threads=8)
        self._shim.store = engine
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self._server = uvicorn.Server(uvicorn.Config(self, log_config=None, lifespan="off"))  # pyright: ignore[reportArgumentType]
        self._thread = threading.Thread(target=lambda: self._server.run(sockets=[self._listener]))
        self._thread.start()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Send) -> None:
        if self.trouble is not None and scope["type"] == "http":
            self.met += 1
            await self.trouble(send)
        else:
            await asyncio.sleep(self.delay_s)
            await self._shim(scope, receive, send)

    @contextlib.contextmanager
    def fails(self, trouble: Trouble) -> Generator[None]:
        self.met, self.trouble = 0, trouble
        try:
            yield
        finally:
            self.trouble = None

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(PATIENCE_S)
        self._shim.close()


def says(code: int, text: str) -> Trouble:
    """An error in a ClickHouse server's words."""

    async def trouble(send: Send) -> None:
        body = f"Code: {code}. DB::Exception: {text} (version 26.9.1.1)".encode()
        await send({"type": "http.response.start", "status": 500, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": body})

    return trouble


async def elsewhere(send: Send) -> None:
    """A page of a proxy, in place of an answer."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
    await send({"type": "http.response.body", "body": b"<html>Sign in</html>"})


async def cut(send: Send) -> None:
    """The connection is closed in the middle of an answer."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})
    await send({"type": "http.response.body", "body": b"[", "more_body": True})
    raise ConnectionError("cut, as a proxy that is restarted does")
