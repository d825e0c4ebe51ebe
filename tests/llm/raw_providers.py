"""Providers that are a raw socket, and how a test calls them and reads what they answer."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from patience import PATIENCE_S
from trimtab.llm.endpoint import Endpoint, render_head, split_url
from trimtab.llm.transport import Answer

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"content-length"))
    return head + await reader.readexactly(length)


@asynccontextmanager
async def provider(serve: Serve) -> AsyncGenerator[int]:
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def endpoint(port: int, **bounds: float) -> Endpoint:
    origin, path = split_url(f"http://127.0.0.1:{port}/v1")
    limits = {"connect_s": 2.0, "first_byte_s": 5.0, "idle_s": 5.0, "total_s": 10.0, **bounds}
    return Endpoint(
        origin=origin,
        head=render_head(origin, path + "/chat", {"accept": "*/*"}),
        connect_s=limits["connect_s"],
        first_byte_s=limits["first_byte_s"],
        idle_s=limits["idle_s"],
        total_s=limits["total_s"],
    )


def always(answer: bytes, requests: list[bytes] | None = None) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            request = await read_request(reader)
            if requests is not None:
                requests.append(request)
            writer.write(answer)

    return serve


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not true():  # noqa: ASYNC110  (nothing tells: it is another object's state)
            await asyncio.sleep(0.005)


async def whole(answer: Answer) -> bytes:
    await answer.whole()
    return await answer.read()


async def chunks(answer: Answer) -> list[bytes]:
    await answer.head()
    found: list[bytes] = []
    while (data := await answer.chunk()) is not None:
        found.append(data)
    return found


OK = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx-rate: 7\r\n\r\nhello"
