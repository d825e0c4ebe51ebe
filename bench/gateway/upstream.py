"""A mock OpenAI-compatible upstream that costs next to nothing: bare asyncio on uvloop, httptools, every byte made
beforehand.

`python -m bench.gateway.upstream --port 9100`, then POST /v1/chat/completions: a body of about 650 bytes, or, with
`"stream":true`, 64 events with a choice, a usage event and `[DONE]` (about 16 KB), in chunked encoding.

How a stream is written is set by `--events-per-write` (1: each event in its own packet, as a model makes them; 66:
all at once), `--gap-ms` between writes and `--delay-ms` before the first; `POST
/control?events_per_write=1&gap_ms=0&delay_ms=0&stamped=0` changes them in a running upstream. Stamped events say when
they were sent. `GET /stats` tells how many calls and streams were served.
"""

import argparse
import asyncio
import json
import time
from dataclasses import dataclass
from itertools import islice
from typing import cast
from urllib.parse import parse_qsl

import httptools
import uvloop
from bench.gateway.payloads import STAMP, call_answer, stream_events

_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n"
    b"x-request-id: req_7f3a\r\ntransfer-encoding: chunked\r\n\r\n"
)
_LAST_CHUNK = b"0\r\n\r\n"


@dataclass
class Plan:
    """What the upstream answers now; shared by all connections."""

    events_per_write: int = 8
    gap_ms: float = 0.0
    delay_ms: float = 0.0
    stamped: bool = False
    calls: int = 0
    streams: int = 0

    def __post_init__(self) -> None:
        self.call = answer(200, call_answer())
        self.writes = stream_writes(self.events_per_write, stamped=self.stamped)

    def change(self, settings: dict[str, str]) -> None:
        """Take settings from a control request. Raises ValueError for what is not a number."""
        self.gap_ms = float(settings.get("gap_ms", self.gap_ms))
        self.delay_ms = float(settings.get("delay_ms", self.delay_ms))
        self.events_per_write = max(1, int(settings.get("events_per_write", self.events_per_write)))
        self.stamped = bool(int(settings.get("stamped", self.stamped)))
        self.writes = stream_writes(self.events_per_write, stamped=self.stamped)


def answer(status: int, body: bytes) -> bytes:
    """A whole HTTP/1.1 answer with a JSON body."""
    head = (
        f"HTTP/1.1 {status} OK\r\ncontent-type: application/json\r\nx-request-id: req_7f3a\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def stream_writes(events_per_write: int, *, stamped: bool = False) -> list[bytes]:
    """The stream as it is written: head and first events together, then the rest, the closing chunk with the last."""
    events = iter(stream_events(stamped=stamped))
    writes: list[bytes] = []
    while group := list(islice(events, events_per_write)):
        writes.append(b"".join(b"%x\r\n%s\r\n" % (len(event), event) for event in group))
    writes[0] = _STREAM_HEAD + writes[0]
    writes[-1] += _LAST_CHUNK
    return writes


class Upstream(asyncio.Protocol):
    """One connection: parse, answer, keep alive. No client here sends a request before it has its last answer."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_url(self, url: bytes) -> None:
        self._url = url

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        url, body, self._body = self._url, self._body, b""
        if url.endswith(b"/chat/completions"):
            self._complete(body)
        elif url.startswith(b"/control"):
            self._control(url)
        elif url == b"/stats":
            self._transport.write(
                answer(200, json.dumps({"calls": self._plan.calls, "streams": self._plan.streams}).encode())
            )
        else:
            self._transport.write(answer(200 if url == b"/health" else 404, b"{}"))

    def _complete(self, body: bytes) -> None:
        plan = self._plan
        if b'"stream":true' in body or b'"stream": true' in body:
            plan.streams += 1
            writes = plan.writes
        else:
            plan.calls += 1
            writes = [plan.call]
        if plan.delay_ms:
            self._loop.call_later(plan.delay_ms / 1e3, self._write, writes, 0)
        else:
            self._write(writes, 0)

    def _write(self, writes: list[bytes], at: int) -> None:
        """One write, and the next in a later turn of the loop: uvloop would join writes of one turn into one packet."""
        block = writes[at]
        if self._plan.stamped:
            block = block.replace(STAMP, b"@%020d" % time.monotonic_ns())
        self._transport.write(block)
        if (at := at + 1) == len(writes) or self._transport.is_closing():
            return
        if self._plan.gap_ms:
            self._loop.call_later(self._plan.gap_ms / 1e3, self._write, writes, at)
        else:
            self._loop.call_soon(self._write, writes, at)

    def _control(self, url: bytes) -> None:
        try:
            self._plan.change(dict(parse_qsl(url.partition(b"?")[2].decode())))
        except ValueError as wrong:
            self._transport.write(answer(400, json.dumps({"error": str(wrong)}).encode()))
        else:
            self._transport.write(answer(200, b"{}"))


async def serve(port: int, plan: Plan) -> None:
    """Answer on loopback until cancelled; prints the port once it listens."""
    server = await asyncio.get_running_loop().create_server(lambda: Upstream(plan), "127.0.0.1", port, backlog=1024)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    async with server:
        await server.serve_forever()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="A mock OpenAI-compatible upstream.")
    parser.add_argument("--port", type=int, default=9100, help="0 takes a free one")
    parser.add_argument("--events-per-write", type=int, default=8)
    parser.add_argument("--gap-ms", type=float, default=0.0)
    parser.add_argument("--delay-ms", type=float, default=0.0)
    given = parser.parse_args()
    plan = Plan(given.events_per_write, given.gap_ms, given.delay_ms)
    uvloop.run(serve(given.port, plan))


if __name__ == "__main__":
    main()
