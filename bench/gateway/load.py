"""The load generator: closed loop (so many calls in flight at all times) and open loop (calls arrive when they arrive).

An open loop is what users do: a slow answer does not delay the next caller. Each call's latency counts from the
moment it was due, not from the moment it was sent, so a stall is charged to every call that it held up (no
coordinated omission).

Its HTTP client is a protocol of its own, as lean as the upstream: it would be a poor scale that weighs more than the
goods. Every answer's status and body are verified; what is not right is counted, never skipped.

    python -m bench.gateway.load --port 4600 --key KEY --model fast --loop open --rate 200 --seconds 5
"""

import argparse
import asyncio
import json
import re
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import uvloop
from bench.gateway import pacing
from bench.gateway.measures import Phase, Tally, cpu_seconds, percentile
from bench.gateway.payloads import CALL_MARK, MODEL, STREAM_EVENTS, STREAM_MARK, request_body

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_LAST_CHUNK = b"0\r\n\r\n"
_PATIENCE = 20.0
"""Seconds to wait after the window for calls in flight; what is then still open counts as broken."""


@dataclass(frozen=True)
class Target:
    """Where to send calls."""

    port: int
    path: str = "/v1/chat/completions"
    key: str = "none"
    model: str = MODEL
    host: str = "127.0.0.1"
    headers: str = ""
    """More header lines, each with its CRLF."""

    def request(self, *, stream: bool) -> bytes:
        """Head and body of the one request that is sent over and over."""
        body = request_body(self.model, stream=stream)
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nAuthorization: Bearer {self.key}\r\n"
            f"Accept: application/json\r\nContent-Type: application/json\r\nUser-Agent: trimtab-bench/1\r\n"
            f"{self.headers}Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


class Connection(asyncio.Protocol):
    """One keep-alive connection with one call in flight at a time. Tells its generator about each answer."""

    def __init__(self, generator: "Generator") -> None:
        self._generator = generator
        self._reset()
        self.busy = False
        self.intended = 0.0

    def _reset(self) -> None:
        self._parts: list[bytes] = []
        self._body_at = 0
        self._missing = -1
        """Bytes of body still to come; -1 while the head is incomplete, None for a body that ends otherwise."""
        self._chunked = False
        self._tail = b""
        self._status = 0
        self.first = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def send(self, request: bytes, intended: float) -> None:
        self.intended, self.busy = intended, True
        self._transport.write(request)

    def close(self) -> None:
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        if self._status == 0:
            if not self._read_head(data):
                return
        else:
            self._parts.append(data)
            if not self.first:
                self.first = time.monotonic()
            if self._chunked:
                self._tail = (self._tail + data)[-5:] if len(data) < 5 else data[-5:]
            else:
                self._missing -= len(data)
        if (self._tail == _LAST_CHUNK) if self._chunked else self._missing == 0:
            self._complete()

    def _read_head(self, data: bytes) -> bool:
        """Take the head once it is whole, and with it the first bytes of the body."""
        if self._parts:
            data = b"".join((*self._parts, data))
        self._parts = [data]
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return False
        self._status, self._body_at = int(data[9:12]), end + 4
        if length := _LENGTH.search(data, 0, end):
            self._missing = int(length[1]) - (len(data) - self._body_at)
        else:
            self._chunked = _CHUNKED.search(data, 0, end) is not None
            self._tail = data[self._body_at :][-5:]
        if len(data) > self._body_at:
            self.first = time.monotonic()
        return True

    def _complete(self) -> None:
        data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        status, body_at, first, chunked = self._status, self._body_at, self.first, self._chunked
        closing = _CLOSE.search(data, 0, body_at) is not None
        self._reset()
        self.busy = False
        if closing:
            self._transport.close()
        self._generator.answered(self, status, data, body_at, chunked, first)

    def connection_lost(self, exc: Exception | None) -> None:
        self._generator.lost(self)


def right(data: bytes, body_at: int, *, stream: bool, chunked: bool) -> bool:
    """Whether this is the upstream's answer, whole: its last words, its usage, and every event of a stream."""
    if not stream:
        return data.find(CALL_MARK, body_at) > 0 and data.find(b'"total_tokens"', body_at) > 0
    return _whole_stream(data, body_at) or (chunked and _whole_stream(unchunk(data[body_at:]), 0))


def _whole_stream(data: bytes, start: int) -> bool:
    return (
        data.find(STREAM_MARK, start) >= 0
        and data.find(b'"total_tokens"', start) >= 0
        and data.find(b"data: [DONE]", start) >= 0
        and data.count(b"data: {", start) >= STREAM_EVENTS
    )


def unchunk(body: bytes) -> bytes:
    """A chunked body without its framing (RFC 9112, 7.1); what is not framed so ends it."""
    parts: list[bytes] = []
    at = 0
    while (end := body.find(b"\r\n", at)) > 0:
        size = int(body[at:end].split(b";")[0], 16)
        parts.append(body[end + 2 : end + 2 + size])
        at = end + 4 + size
    return b"".join(parts)


class Generator:
    """Runs one phase against one target and counts."""

    def __init__(self, target: Target, phase: Phase, watch: Mapping[str, Sequence[int]]) -> None:
        self._target, self._phase, self._watch = target, phase, watch
        self._stream = phase.kind == "stream"
        self._request = target.request(stream=self._stream)
        self._loop = asyncio.get_running_loop()
        self._tally = Tally()
        self._idle: deque[Connection] = deque()
        self._all: set[Connection] = set()
        self._due: deque[float] = deque()
        self._opening = 0
        self._closed_until = 0.0
        self._counting = False

    async def run(self) -> Tally:
        """Warm up, measure, wait for what is in flight."""
        for _ in range(self._phase.connections):
            await self._open()
        if self._phase.loop == "closed":
            await self._run_closed()
        else:
            await self._run_open()
        for connection in list(self._all):
            connection.close()
        return self._tally

    async def _run_closed(self) -> None:
        phase, started = self._phase, time.monotonic()
        self._closed_until = started + phase.warmup + phase.seconds
        while self._idle:
            self._idle.popleft().send(self._request, time.monotonic())
        await asyncio.sleep(phase.warmup)
        before = self._start_window()
        await asyncio.sleep(max(0.0, self._closed_until - time.monotonic()))
        self._end_window(before)
        await self._settle()

    async def _run_open(self) -> None:
        phase = self._phase
        self._closed_until = time.monotonic() + phase.warmup
        while self._idle:
            self._idle.popleft().send(self._request, time.monotonic())
        await asyncio.sleep(phase.warmup)
        await self._settle()
        before = self._start_window()
        offsets = (
            pacing.even(phase.rate, phase.seconds)
            if phase.arrivals == "even"
            else pacing.poisson(phase.rate, phase.seconds, phase.seed)
        )
        await pacing.Schedule(offsets, self._arrive).done
        await self._settle()
        self._end_window(before)

    def _start_window(self) -> dict[str, float]:
        self._tally, self._counting = Tally(), True
        return self._clocks()

    def _end_window(self, before: dict[str, float]) -> None:
        after = self._clocks()
        self._counting = False
        spent = {group: after[group] - before[group] for group in after}
        self._tally.seconds = spent.pop("wall")
        self._tally.cpu = spent

    def _clocks(self) -> dict[str, float]:
        own = {"wall": time.monotonic(), "load": time.process_time()}
        return own | {group: cpu_seconds(pids) for group, pids in self._watch.items()}

    async def _settle(self) -> None:
        """Until no call is in flight, or patience ends: those left are broken."""
        deadline = time.monotonic() + _PATIENCE
        # An event would have to be set on the path that is measured.
        while (self._due or any(c.busy for c in self._all)) and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        late = [c for c in self._all if c.busy]
        self._tally.broken += len(self._due) + len(late)
        self._due.clear()
        for connection in late:
            connection.busy = False
            connection.close()

    async def _open(self) -> None:
        self._opening += 1
        try:
            _, connection = await self._loop.create_connection(
                lambda: Connection(self), self._target.host, self._target.port
            )
        finally:
            self._opening -= 1
        self._all.add(connection)
        self._hand_on(connection)

    def _arrive(self, intended: float) -> None:
        self._tally.late_us.append(round((time.monotonic() - intended) * 1e6))
        if self._idle:
            self._idle.pop().send(self._request, intended)
            return
        self._due.append(intended)
        if self._opening < len(self._due):
            self._loop.create_task(self._open())

    def _hand_on(self, connection: Connection) -> None:
        """Give a free connection its next call, or let it wait."""
        if self._due:
            connection.send(self._request, self._due.popleft())
        elif (now := time.monotonic()) < self._closed_until:
            connection.send(self._request, now)
        else:
            self._idle.append(connection)

    def answered(
        self, connection: Connection, status: int, data: bytes, body_at: int, chunked: bool, first: float
    ) -> None:
        """Count one answer and go on."""
        if self._counting:
            tally = self._tally
            if status != 200:
                tally.refused += 1
            elif not right(data, body_at, stream=self._stream, chunked=chunked):
                tally.wrong += 1
            else:
                tally.ok += 1
                tally.latency_us.append(round((time.monotonic() - connection.intended) * 1e6))
                if self._stream:
                    tally.first_us.append(round((first - connection.intended) * 1e6))
            if tally.errors and not tally.sample:
                tally.sample = data[:2000].decode(errors="replace")
        self._hand_on(connection)

    def lost(self, connection: Connection) -> None:
        """A connection ended: with a call in flight that is an error; either way the closed loop gets a new one."""
        self._all.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        if connection.busy:
            connection.busy = False
            self._tally.broken += self._counting
        if time.monotonic() < self._closed_until:
            self._loop.create_task(self._open())


def run(target: Target, phase: Phase, watch: Mapping[str, Sequence[int]] | None = None) -> Tally:
    """Measure one phase; `watch` names groups of processes whose CPU is read at both ends of the window."""

    async def measured() -> Tally:
        return await Generator(target, phase, watch or {}).run()

    return uvloop.run(measured())


def summary(tally: Tally) -> dict[str, Any]:
    """What a person wants to see of a tally."""
    shown: dict[str, Any] = {
        "per_second": round(tally.per_second, 1),
        "ok": tally.ok,
        "refused": tally.refused,
        "wrong": tally.wrong,
        "broken": tally.broken,
        "cpu_us": {group: round(tally.cpu_us(group) or 0.0, 1) for group in tally.cpu},
    }
    for name, samples in (("latency", tally.latency_us), ("first", tally.first_us), ("late", tally.late_us)):
        if samples:
            shown[f"{name}_ms"] = {f"p{q * 100:g}": percentile(samples, q) / 1e3 for q in (0.5, 0.9, 0.99, 0.999, 1.0)}
    return shown | ({"sample": tally.sample} if tally.sample else {})


def main() -> None:
    """Command line. With `--job` one JSON object `{target, phase, watch, into}` says it all, and the raw tally is
    written to the file ``into``: some hundred kilobytes, of which a pipe lost the end once."""
    parser = argparse.ArgumentParser(description="Closed- and open-loop load on an OpenAI-compatible server.")
    parser.add_argument("--job")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9100)
    parser.add_argument("--key", default="none")
    parser.add_argument("--model", default=MODEL)
    parser.add_argument("--kind", choices=["call", "stream"], default="call")
    parser.add_argument("--loop", choices=["closed", "open"], default="closed")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--rate", type=float, default=200.0)
    parser.add_argument("--arrivals", choices=["poisson", "even"], default="poisson")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--watch", type=int, nargs="*", default=[], help="process ids whose CPU per call is wanted")
    given = parser.parse_args()
    if given.job:
        job = json.loads(given.job)
        tally = run(Target(**job["target"]), Phase(**job["phase"]), job["watch"])
        Path(job["into"]).write_text(json.dumps(tally.as_dict()))
        return
    target = Target(given.port, key=given.key, model=given.model, host=given.host)
    phase = Phase(
        f"{given.loop} {given.kind}", given.kind, given.loop, given.seconds,
        connections=given.connections, rate=given.rate, arrivals=given.arrivals,
    )  # fmt: skip
    print(json.dumps(summary(run(target, phase, {"server": given.watch})), indent=2))


if __name__ == "__main__":
    main()
