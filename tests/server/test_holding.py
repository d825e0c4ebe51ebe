"""Answers that are gathered to be held: bounded while they come, and nobody waits for a client that has left."""

import asyncio
from typing import Any

import pytest

from trimtab.core.clock import SystemClock
from trimtab.core.errors import InvalidRequest
from trimtab.server import holding
from trimtab.server.holding import Gathered, Holds


class Client:
    """What a front's handler has of a request."""

    def __init__(self) -> None:
        self.body, self.path, self.query = b"{}", b"/v1/chat/completions", b""
        self.disconnected = False


def gathered(most: int = 100) -> Gathered:
    return Gathered(Client(), most)  # type: ignore[arg-type]


async def streaming(exchange: Any, pieces: int, size: int = 10) -> int:
    """As the gateway delivers a stream; how many pieces it asked the provider for."""
    exchange.start(200, b"")
    for number in range(1, pieces + 1):
        exchange.write(b"x" * size)
        if exchange.is_congested():
            await exchange.drain()
            return number
    exchange.finish(b"")
    return pieces


def test_a_stream_that_becomes_too_long_is_let_go_of_at_once_and_refused() -> None:
    async def story() -> None:
        held, asked = gathered(), 0

        async def handler(exchange: Any) -> None:
            nonlocal asked
            try:
                await streaming(exchange, 1_000)
            finally:
                asked = exchange._size // 10
                assert exchange.disconnected, "the call's row says that its end was not waited for"

        with pytest.raises(InvalidRequest, match="too long to be held") as caught:
            await holding._gather(held, handler)  # pyright: ignore[reportPrivateUsage]
        assert caught.value.code == "hold_too_long"
        assert (asked, held.chunks) == (11, [])

    asyncio.run(story())


def test_an_answer_in_one_piece_that_is_too_long_is_not_kept_and_a_short_one_is() -> None:
    async def story(size: int) -> Gathered:
        held = gathered()

        async def handler(exchange: Any) -> None:
            exchange.respond(200, b"", b"x" * size)

        await holding._gather(held, handler)  # pyright: ignore[reportPrivateUsage]
        return held

    with pytest.raises(InvalidRequest, match="too long"):
        asyncio.run(story(101))
    assert asyncio.run(story(100)).chunks == [b"x" * 100]


def test_a_call_that_is_cancelled_from_outside_stays_cancelled() -> None:
    async def story() -> None:
        async def handler(exchange: Any) -> None:
            exchange.real.disconnected = True
            raise asyncio.CancelledError

        await holding._gather(gathered(), handler)  # pyright: ignore[reportPrivateUsage]

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(story())


def test_nobody_looks_on_for_a_client_that_has_left(monkeypatch: pytest.MonkeyPatch) -> None:
    client, looks = Client(), 0

    class Pending:
        project_id, id, state = "p", "hold_1", "pending"

    async def current(*_: object) -> Any:
        nonlocal looks
        looks += 1
        client.disconnected = looks == 2
        return Pending()

    class Db:
        async def write(self, *_: object) -> Any:
            raise AssertionError("the hold of a client that left is not ended: it may come back")

    monkeypatch.setattr(holding, "current", current)
    monkeypatch.setattr(holding, "FIRST_LOOK_S", 0.001)
    holds = Holds(Db(), lambda: None, SystemClock())  # type: ignore[arg-type]
    found = asyncio.run(holds._wait(Pending(), 600, client))  # type: ignore[arg-type]  # pyright: ignore
    assert (looks, found.state) == (2, "pending")
