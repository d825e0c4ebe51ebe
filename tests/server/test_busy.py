"""What is worth it only for a process that answers many calls is done once it has answered some."""

import asyncio
import socket
from typing import Any

import httpx
import pytest
import uvicorn

from patience import PATIENCE_S
from trimtab.core.no_tls import no_tls
from trimtab.server import hot
from trimtab.server.hot import HotServer


async def _app(scope: Any, receive: Any, send: Any) -> None:
    del scope, receive
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def test_a_server_is_busy_once_and_not_before_it_has_had_its_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hot, "BUSY_CALLS", 5)

    async def story() -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        ready, told = asyncio.Event(), list[int]()
        config = uvicorn.Config(_app, lifespan="off", log_config=None)
        server = HotServer(config, ready.set, lambda: told.append(server.server_state.total_requests))
        running = asyncio.ensure_future(server.serve(sockets=[listener]))
        await ready.wait()
        async with httpx.AsyncClient(verify=no_tls(), timeout=PATIENCE_S) as client:
            for _ in range(4):
                assert (await client.get(url)).status_code == 204
            await server.on_tick(1)
            assert not told
            for _ in range(3):
                await client.get(url)
            for _ in range(2):
                await server.on_tick(1)
        server.should_exit = True
        await running
        assert len(told) == 1
        assert told[0] >= 5

    asyncio.run(story())
