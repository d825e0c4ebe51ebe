"""Kept connections to a provider that are lost when a call is sent on them: what it may have read is an attempt of its
own, with a row; what it cannot have read is the same attempt on another connection."""

import asyncio
import json
import socket
import struct
from typing import Any

import pytest
from harness import PRICE, provider, running
from msgspec.structs import replace
from upstream import DONE, STOP, USAGE, WHOLE, Upstream, answers, delta, streams, upstream

from patience import PATIENCE_S
from trimtab.gateway.targets import Model
from trimtab.llm.providers import PROVIDER_KINDS

pytestmark = pytest.mark.promise
FAST = Model(name="fast", provider="lab", upstream="up-1", price=PRICE)
ASK: dict[str, Any] = {"model": "fast", "messages": [{"role": "user", "content": "hello"}]}


async def hangs_up(_up: Upstream, _reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    raise ConnectionError


async def resets(_up: Upstream, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    raise ConnectionError


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("lost", [hangs_up, resets])
def test_what_the_provider_has_read_before_it_hung_up_has_a_row(lost: Any, *, stream: bool) -> None:
    async def main() -> None:
        whole = answers(WHOLE)
        again = streams(delta("Hello"), STOP, USAGE, DONE) if stream else whole
        async with upstream(whole, lost, again) as up, running([provider("lab", up.port)], [FAST]) as g:
            assert (await g.chat(ASK)).status_code == 200
            await g.spool.one()
            g.spool.records.clear()
            assert (await g.chat({**ASK, "stream": stream})).status_code == 200
            record = await g.spool.one()
            assert len(up.requests) == 3
            told = [(each.outcome, each.fault and each.fault.code) for each in record.attempts]
            assert told == [("error", "upstream_reset"), ("answer", None)]

    asyncio.run(main())


def test_what_it_cannot_have_read_is_sent_on_another_connection_within_the_attempt() -> None:
    """The provider closes in the turn of the loop in which the call is sent."""

    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            async with running([provider("lab", listener.getsockname()[1])], [FAST]) as g:
                first = asyncio.ensure_future(g.chat(ASK))
                peer = await served(listener)
                assert (await first).status_code == 200
                await g.spool.one()
                g.spool.records.clear()
                transport: Any = g.gateway._attempts._transport  # pyright: ignore[reportPrivateUsage]
                really = transport.post_on_kept

                def closing(*asked: Any) -> Any:
                    peer.close()
                    return really(*asked)

                transport.post_on_kept = closing
                second = asyncio.ensure_future(g.chat(ASK))
                other = await served(listener)
                assert (await second).status_code == 200
                record = await g.spool.one()
                assert [each.outcome for each in record.attempts] == ["answer"]
                other.close()

    asyncio.run(main())


async def served(listener: socket.socket) -> socket.socket:
    """The next connection, once one call on it is answered."""
    listener.settimeout(PATIENCE_S)
    peer, _ = await asyncio.to_thread(listener.accept)
    peer.settimeout(PATIENCE_S)
    await asyncio.to_thread(peer.recv, 65536)
    told = json.dumps(WHOLE).encode()
    peer.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(told) + told)
    return peer


def test_a_count_that_its_server_may_have_read_is_asked_for_again() -> None:
    """Nobody pays for it, and an estimate would be worse."""

    async def main() -> None:
        count = answers({"count": 7})
        async with upstream(count, hangs_up, count) as up:
            own = replace(provider("lab", up.port), kind="vllm", quirks=PROVIDER_KINDS.get("vllm").quirks)
            async with running([own], [FAST]) as g:
                for _ in range(2):
                    said = ASK | {"max_tokens": 9}
                    told = await g.client.post("/v1/messages/count_tokens", json=said)
                    assert (told.headers["trimtab-token-count"], told.json()["input_tokens"]) == ("provider", 7)
                assert len(up.requests) == 3

    asyncio.run(main())
