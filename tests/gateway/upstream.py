"""A provider made of a list of scripts, one per call it gets; it keeps what it was sent and notices hang-ups."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

Script = Callable[["Upstream", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Upstream:
    """``port``; ``requests`` as (headers, body), ``bodies`` as they came; ``left`` is set when a client
    hung up in the middle of an answer."""

    def __init__(self, scripts: list[Script]) -> None:
        self.port = 0
        self.requests: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.bodies: list[bytes] = []
        self.left = asyncio.Event()
        self.go_on = asyncio.Event()
        self._scripts = scripts

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = dict(line.split(": ", 1) for line in head[1:] if line)
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                self.bodies.append(body)
                self.requests.append((headers, json.loads(body) if body.startswith(b"{") else {}))
                script = self._scripts[min(len(self.requests), len(self._scripts)) - 1]
                await script(self, reader, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            self.left.set()
        finally:
            writer.close()


@asynccontextmanager
async def upstream(*scripts: Script) -> AsyncGenerator[Upstream]:
    made = Upstream(list(scripts))
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        await made.serve(reader, writer)

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def answers(body: dict[str, Any] | bytes, status: int = 200, headers: str = "") -> Script:
    """A whole JSON answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def script(up: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n"
        writer.write(f"{head}{headers}\r\n".encode() + data)

    return script


def streams(*pieces: bytes | str, end: bool = True) -> Script:
    """Server-sent events. ``"wait"`` is for ``go_on``, ``"hang"`` until the client leaves, ``"reset"`` breaks off."""

    async def script(up: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        for piece in pieces:
            if piece == "wait":
                await up.go_on.wait()
            elif piece == "hang":
                if not await reader.read(1):
                    raise ConnectionResetError
            elif piece == "reset":
                writer.transport.abort()
                return
            else:
                data = piece if isinstance(piece, bytes) else piece.encode()
                writer.write(b"%x\r\n%b\r\n" % (len(data), data))
                await writer.drain()
        if end:
            writer.write(b"0\r\n\r\n")

    return script


def hangs_up() -> Script:
    async def script(up: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    return script


def event(data: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(data, separators=(",", ":")).encode() + b"\n\n"


def delta(text: str | None = None, **more: Any) -> bytes:
    content: dict[str, Any] = {"role": "assistant", "content": ""} if text is None else {"content": text}
    choice = {"index": 0, "delta": content, "finish_reason": None, **more}
    return event({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "up-1", "choices": [choice]})


STOP = event({"id": "c1", "model": "up-1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
USAGE = event({"id": "c1", "model": "up-1", "choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 5}})
DONE = b"data: [DONE]\n\n"
WHOLE = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "up-1",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    "x_unknown": {"kept": True},
}
