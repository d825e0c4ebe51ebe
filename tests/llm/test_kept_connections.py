"""What is known of a request on a kept connection that is lost: that nobody read it, or that somebody may have."""

import asyncio
import socket
import struct
from contextlib import suppress

import pytest
from raw_providers import OK, endpoint, whole

from patience import PATIENCE_S
from trimtab.core.errors import UpstreamFailure
from trimtab.llm.endpoint import Endpoint
from trimtab.llm.transport import Transport
from trimtab.llm.waiting import StaleConnection


async def kept_with(listener: socket.socket) -> tuple[Transport, Endpoint, socket.socket]:
    """A transport that keeps one connection, and the other end of it, which nobody reads."""
    transport, at = Transport(), endpoint(listener.getsockname()[1])
    posting = asyncio.ensure_future(transport.post(at, b"{}"))
    peer, _ = await asyncio.to_thread(listener.accept)
    answer = await posting
    await asyncio.to_thread(peer.recv, 65536)
    peer.sendall(OK)
    assert await whole(answer) == b"hello"
    return transport, at, peer


def reset(peer: socket.socket) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def read_all(peer: socket.socket, of: bytes) -> None:
    came = b""
    while not came.endswith(of):
        came += peer.recv(1 << 20)


@pytest.mark.promise
@pytest.mark.parametrize("size", [2, 1 << 20])
def test_a_kept_connection_that_was_closed_before_the_request_came_is_stale(size: int) -> None:
    """Its end is there, and nobody has looked yet."""

    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            transport, at, peer = await kept_with(listener)
            peer.close()
            answer = transport.post_on_kept(at, b"x" * size)
            assert answer is not None
            with pytest.raises(StaleConnection):
                await answer.whole()
            await transport.aclose()

    asyncio.run(main())


@pytest.mark.promise
@pytest.mark.parametrize("size", [2, 1 << 20])
@pytest.mark.parametrize("how", ["unread, reset", "read, reset", "read, closed", "half read, reset"])
def test_a_kept_connection_that_is_lost_when_the_request_may_have_been_read_is_a_failure(how: str, size: int) -> None:
    """A reset tells nobody what was read: it may be asked again, by who knows that it may cost twice."""

    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            transport, at, peer = await kept_with(listener)
            answer = transport.post_on_kept(at, b"x" * size + b"end")
            assert answer is not None
            if how.startswith("read"):
                await asyncio.to_thread(read_all, peer, b"end")
            else:
                await asyncio.to_thread(peer.recv, 20, socket.MSG_PEEK if how.startswith("unread") else 0)
            reset(peer) if how.endswith("reset") else peer.close()
            with pytest.raises(UpstreamFailure) as caught:
                await answer.whole()
            assert caught.value.code == "upstream_reset"
            await transport.aclose()

    asyncio.run(main())


@pytest.mark.promise
def test_a_kept_connection_whose_end_is_seen_before_the_request_is_written_is_stale() -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            transport, at, peer = await kept_with(listener)
            answer = transport.post_on_kept(at, b"{}")
            assert answer is not None
            answer.eof_received()
            answer.close()  # of this turn of the loop: what `post_on_kept` has put together is not written yet
            with pytest.raises(StaleConnection):
                await answer.whole()
            peer.settimeout(PATIENCE_S)
            with suppress(ConnectionResetError):
                assert await asyncio.to_thread(peer.recv, 1) == b""
            peer.close()
            await transport.aclose()

    asyncio.run(main())
