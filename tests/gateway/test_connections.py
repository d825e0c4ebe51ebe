"""The client's side of a connection at its edges: pipelined, too large, too slow, or asking for another protocol."""

import asyncio
import json
import re
import socket
import struct
from typing import Any, cast

import pytest
from harness import PRICE, Running, provider, running
from upstream import DONE, STOP, USAGE, WHOLE, answers, delta, streams, upstream

from patience import PATIENCE_S
from trimtab.gateway.targets import Model, Timeouts
from trimtab.server import hot, incoming, stalls

FAST = Model(name="fast", provider="lab", upstream="up-1", price=PRICE)
ASK: dict[str, Any] = {"model": "fast", "messages": [{"role": "user", "content": "hello"}]}


def raw(body: dict[str, Any], *lines: str, version: str = "1.1", key: str = "tt_client") -> bytes:
    data = json.dumps(body).encode()
    head = [f"POST /v1/chat/completions HTTP/{version}", "host: x", f"authorization: Bearer {key}", *lines]
    return "\r\n".join([*head, f"content-length: {len(data)}", "", ""]).encode() + data


async def connect(g: Running) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", g.port)


async def all_of(reader: asyncio.StreamReader) -> bytes:
    """All that comes. A server that has answered and hung up resets a connection on which more is sent: what came
    before counts all the same."""
    came = b""
    async with asyncio.timeout(PATIENCE_S):
        try:
            while piece := await reader.read(65536):
                came += piece
        except ConnectionResetError:
            if not came:
                raise
        return came


def statuses(text: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+)", text)]


def test_a_pipelined_body_that_is_too_large_is_refused_in_its_turn() -> None:
    async def main() -> None:
        script = streams(delta("first"), "wait", STOP, USAGE, DONE)
        async with upstream(script) as up, running([provider("lab", up.port)], [FAST], max_body=1000) as g:
            reader, writer = await connect(g)
            writer.write(raw({**ASK, "stream": True}) + raw({**ASK, "x": "y" * 2000}))
            await asyncio.wait([asyncio.ensure_future(up.go_on.wait())], timeout=0.2)
            up.go_on.set()
            text = await all_of(reader)
            assert statuses(text) == [200, 413]
            assert text.index(b"[DONE]") < text.index(b"HTTP/1.1 413")
            assert (await g.spool.one()).outcome == "answer"
            writer.close()

    asyncio.run(main())


def test_an_idle_connection_keeps_nothing_of_the_body_it_sent_and_is_served_again() -> None:
    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, running([provider("lab", up.port)], [FAST], max_body=8 << 20) as g:
            reader, writer = await connect(g)
            for _ in range(2):
                writer.write(raw({**ASK, "messages": [{"role": "user", "content": "x" * (1 << 20)}]}))
                async with asyncio.timeout(PATIENCE_S):
                    head = await reader.readuntil(b"\r\n\r\n")
                    length = re.search(rb"content-length: (\d+)", head)
                    assert length is not None
                    await reader.readexactly(int(length[1]))
                    (connection,) = [cast("Any", each) for each in g.server.server_state.connections]
                    while connection._waiting is None:  # noqa: ASYNC110  it tells nobody
                        await asyncio.sleep(0.01)
                assert statuses(head) == [200]
                assert (connection.cycle.size > 1 << 20, connection.cycle.body) == (True, b"")
            writer.close()

    asyncio.run(main())


def test_a_client_that_leaves_with_more_requests_in_the_pipe_still_cuts_the_provider() -> None:
    async def main() -> None:
        script = streams(delta("one"), "wait", delta("two"), delta("three"), "hang")
        async with upstream(script) as up, running([provider("lab", up.port)], [FAST]) as g:
            reader, writer = await connect(g)
            writer.write(raw({**ASK, "stream": True}) + raw(ASK))
            await reader.readuntil(b"one")
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            up.go_on.set()
            async with asyncio.timeout(PATIENCE_S):
                await up.left.wait()
            record = await g.spool.one()
            assert (record.outcome, record.fault) == ("cancel", None)
            assert len(up.requests) == 1

    asyncio.run(main())


def test_a_stream_that_promised_to_keep_its_connection_keeps_it_while_the_worker_is_replaced() -> None:
    """Else its client might be writing the next request on it in that very moment."""

    async def main() -> None:
        script = streams(delta("one"), "wait", STOP, USAGE, DONE)
        async with upstream(script) as up, running([provider("lab", up.port)], [FAST]) as g:
            reader, writer = await connect(g)
            writer.write(raw({**ASK, "stream": True}))
            await reader.readuntil(b"one")
            [connection] = g.server.server_state.connections
            cast("Any", connection).hot.linger_s = 60.0
            connection.shutdown()
            up.go_on.set()
            await reader.readuntil(b"0\r\n\r\n")
            writer.write(raw({**ASK, "model": "none"}))
            last = await all_of(reader)
            assert statuses(last) == [404]
            assert b"connection: close" in last.lower()

    asyncio.run(main())


def test_one_task_serves_a_connection_and_ends_with_it() -> None:
    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, running([provider("lab", up.port)], [FAST]) as g:

            def workers() -> set[asyncio.Task[Any]]:
                return {task for task in asyncio.all_tasks() if "HotProtocol._work" in repr(task)}

            reader, writer = await connect(g)
            seen: set[asyncio.Task[Any]] = set()
            for _ in range(3):
                writer.write(raw(ASK))
                assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
                seen |= workers()
            assert len(seen) == 1
            writer.close()
            async with asyncio.timeout(PATIENCE_S):
                while workers():  # noqa: ASYNC110
                    await asyncio.sleep(0.01)

    asyncio.run(main())


def test_a_wish_for_http_2_is_passed_over_as_http_1_allows() -> None:
    """Java's client sends ``Upgrade: h2c`` with its first request to any http:// address."""

    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, running([provider("lab", up.port)], [FAST]) as g:
            reader, writer = await connect(g)
            upgrade = ("connection: Upgrade, HTTP2-Settings", "upgrade: h2c", "http2-settings: AAEAAEAAAAIAAAAA")
            writer.write(raw(ASK, *upgrade))
            text = await all_of(reader)
            assert statuses(text) == [200]
            assert json.loads(text.partition(b"\r\n\r\n")[2]) == WHOLE
            writer.close()

    asyncio.run(main())


def test_headers_without_end_are_refused_before_they_are_kept() -> None:
    async def main() -> None:
        async with running([provider("lab", 9)], [FAST]) as g:
            reader, writer = await connect(g)
            writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nx-long: ")
            writer.write(b"a" * (incoming.MAX_HEAD_BYTES))
            text = await all_of(reader)
            assert statuses(text) == [431]
            writer.close()

    asyncio.run(main())


def test_many_headers_in_one_burst_are_refused_as_one_without_end_is() -> None:
    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, running([provider("lab", up.port)], [FAST]) as g:
            for path in ("/v1/chat/completions", "/readyz"):
                reader, writer = await connect(g)
                lines = [f"x-{number}: {number}" for number in range(10_000)]
                writer.write(raw(ASK, *lines).replace(b"/v1/chat/completions", path.encode(), 1))
                assert statuses(await all_of(reader)) == [431]
                writer.close()
            assert up.requests == []
            reader, writer = await connect(g)  # a large body in the same piece is no large head
            writer.write(raw({**ASK, "user": "u" * 200_000}, "connection: close"))
            assert statuses(await all_of(reader)) == [200]

    asyncio.run(main())


@pytest.mark.parametrize("bad", [b"zz\r\nhello\r\n", b"5\r\nhelloXX", b"-5\r\nhello\r\n"])
@pytest.mark.parametrize("at_once", [True, False])
def test_a_chunk_that_is_none_is_told_to_the_client(bad: bytes, at_once: bool) -> None:
    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, running([provider("lab", up.port)], [FAST]) as g:
            reader, writer = await connect(g)
            head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer tt_client\r\n"
            writer.write(head + b"transfer-encoding: chunked\r\n\r\n" + (b"" if at_once else b"5\r\nhello\r\n"))
            if not at_once:
                await asyncio.sleep(0.05)
            writer.write(bad)
            text = await all_of(reader)
            assert statuses(text) == [400]
            assert b"This is not an HTTP request" in text
            assert up.requests == []

    asyncio.run(main())


def test_a_flood_of_pipelined_requests_waits_in_the_socket_and_not_in_memory() -> None:
    async def main() -> None:
        async with upstream(streams("hang")) as up, running([provider("lab", up.port)], [FAST]) as g:
            _, writer = await connect(g)
            refused = b"GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n"
            writer.write(refused * 200_000)
            most = 0
            for _ in range(50):
                await asyncio.sleep(0.01)
                most = max([most, *(len(c.pipeline) for c in g.server.server_state.connections)])  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType, reportAttributeAccessIssue]
            assert 0 < most < 20_000
            writer.transport.abort()

    asyncio.run(main())


def test_a_client_that_stops_reading_is_let_go_and_leaves_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stalls, "CLIENT_STALL_S", 0.3)

    async def main() -> None:
        many = [delta("x" * 100_000)] * 200
        async with upstream(streams(*many, "hang")) as up, running([provider("lab", up.port)], [FAST]) as g:
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.setblocking(False)
            await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", g.port))
            await asyncio.get_running_loop().sock_sendall(client, raw({**ASK, "stream": True}))
            record = await g.spool.one()
            assert (record.outcome, record.status) == ("cancel", 499)
            client.close()

    asyncio.run(main())


def test_a_slow_client_is_not_blamed_on_its_provider() -> None:
    """The provider is idle because we do not read on: our own client is slow."""

    async def main() -> None:
        many = [delta("x" * 100_000)] * 200
        async with upstream(streams(*many, STOP, USAGE, DONE)) as up:
            lab = provider("lab", up.port, timeouts=Timeouts(connect=30, first_token=30, idle=0.3, total=120))
            async with running([lab], [FAST]) as g:
                client = socket.socket()
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                client.setblocking(False)
                loop = asyncio.get_running_loop()
                await loop.sock_connect(client, ("127.0.0.1", g.port))
                await loop.sock_sendall(client, raw({**ASK, "stream": True}, "connection: close"))
                await asyncio.sleep(1)
                text = bytearray()
                while piece := await loop.sock_recv(client, 1 << 20):
                    text += piece
                client.close()
                assert b"[DONE]" in text[-100:]
                assert (await g.spool.one()).outcome == "answer"

    asyncio.run(main())


@pytest.mark.parametrize("beginning", [b"", b"POST /v1/chat", raw(ASK)[:-5], b"GET /elsewhere HTTP/1.1\r\nhost:"])
def test_a_client_that_never_finishes_its_request_is_sent_away(
    beginning: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("REQUEST_STALL_S", 0.3), ("SILENCE_S", 0.3), ("CHECK_EVERY_TICKS", 1), ("TICK_S", 0.1)):
        monkeypatch.setattr(hot, name, value)

    async def main() -> None:
        async with running([provider("lab", 9)], [FAST]) as g:
            reader, writer = await connect(g)
            writer.write(beginning)
            text = await all_of(reader)
            assert statuses(text) == ([408] if beginning else [])
            writer.close()

    asyncio.run(main())


def test_a_request_that_drips_in_has_a_bound_and_one_that_is_merely_slow_is_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in (("REQUEST_S", 4), ("CHECK_EVERY_TICKS", 1), ("TICK_S", 0.1)):
        monkeypatch.setattr(hot, name, value)

    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, running([provider("lab", up.port)], [FAST]) as g:
            for pause, status in ((0.001, 200), (0.4, 408)):
                reader, writer = await connect(g)
                request = raw(ASK, "connection: close")
                writer.write(request[:-20])
                answer = asyncio.ensure_future(all_of(reader))
                for byte in request[-20:]:
                    writer.write(bytes([byte]))
                    await asyncio.wait([answer], timeout=pause)
                    if answer.done():
                        break
                assert statuses(await answer) == [status]
                writer.close()

    asyncio.run(main())


def test_a_body_of_a_caller_nobody_knows_is_not_kept_and_one_that_asks_first_need_not_send_it() -> None:
    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, running([provider("lab", up.port)], [FAST], max_body=8 << 20) as g:
            large = {**ASK, "messages": [{"role": "user", "content": "x" * (4 << 20)}]}
            request = raw(large, "connection: close", key="tt_wrong")
            reader, writer = await connect(g)
            writer.write(request[: len(request) // 2])
            await writer.drain()
            [connection] = g.server.server_state.connections
            async with asyncio.timeout(PATIENCE_S):
                while (cycle := cast("Any", connection).cycle) is None or cycle.size <= 1 << 20:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
            assert cycle._chunks is None
            assert cycle.body == b""
            writer.write(request[len(request) // 2 :])
            assert statuses(await all_of(reader)) == [401]
            for key, first in (("tt_wrong", 401), ("tt_client", 100)):
                reader, writer = await connect(g)
                head, body = raw(large, "expect: 100-continue", "connection: close", key=key).split(b"\r\n\r\n", 1)
                writer.write(head + b"\r\n\r\n")
                async with asyncio.timeout(PATIENCE_S):
                    told = await reader.readuntil(b"\r\n\r\n")
                assert statuses(told) == [first]
                if first == 100:
                    writer.write(body)
                    assert statuses(await all_of(reader)) == [200]
            assert len(up.requests) == 1

    asyncio.run(main())


def test_who_asks_before_sending_what_is_too_large_is_told_at_once() -> None:
    """As curl does: it sent all of it, and was refused then."""

    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, running([provider("lab", up.port)], [FAST]) as g:
            head = raw(ASK, "expect: 100-continue").split(b"\r\n\r\n", 1)[0]
            lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]
            reader, writer = await connect(g)
            writer.write(b"\r\n".join([*lines, b"content-length: 99999999999", b"", b""]))
            assert statuses(await all_of(reader)) == [413]
            assert up.requests == []

    asyncio.run(main())
