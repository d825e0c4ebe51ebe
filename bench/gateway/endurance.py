"""What a short run does not show: memory over a million calls, and how evenly hundreds of slow streams flow.

    python -m bench.gateway.endurance [--calls 1000000] [--streams 500] [--docs]

- **Memory**: calls in a closed loop, the server's resident memory read between slices. Flat means: the last tenth
  takes no more than the second (the first fills pools and caches).
- **Streams**: so many streams at once, each event sent by itself, as a model makes them. Every event carries the moment
  at which the upstream sent it, on the clock that all processes of a machine share, so each event's way is timed by
  itself: through the gateway, and directly, in the same run. A stall anywhere in the gateway's loop shows as a late
  event of every stream that it held up; those of the generator and the upstream show in the direct run too.
"""

import argparse
import asyncio
import re
import shutil
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import cast

import uvloop
from bench.gateway import report
from bench.gateway.load import Target
from bench.gateway.measures import Phase, cpu_seconds, memory_mb, percentile
from bench.gateway.peers import ROOT, Peer, Site
from bench.gateway.peers.direct import Direct
from bench.gateway.peers.trimtab import Everything
from bench.gateway.run import machine_facts, start_upstream

_MARKS = ("<!-- bench:endurance:start -->", "<!-- bench:endurance:end -->")
_SENT = re.compile(rb"@(\d{20})")
_GAP_MS = 100.0
_WAVES = 3
"""Streams that each connection makes one after the other; the first only warms up."""
FLAT_MB = 250.0
STALL_MS = 20.0


@dataclass
class Memory:
    """Resident MB of the server process after so many calls."""

    points: list[tuple[int, float]] = field(default_factory=list[tuple[int, float]])
    wrong: int = 0
    peak: float = 0.0

    @property
    def grown(self) -> float:
        """MB that the second half of the calls added."""
        half = next(mb for calls, mb in self.points if calls >= self.points[-1][0] / 2)
        return self.points[-1][1] - half


@dataclass
class Flow:
    """How late events came, in ms, after they were sent; and what the server spent on them."""

    late_ms: list[float] = field(default_factory=list[float])
    cpu_us: float = 0.0
    broken: int = 0


class Listener(asyncio.Protocol):
    """One connection that asks for one stream after another and times every event."""

    def __init__(self, request: bytes, flow: Flow, waves: int) -> None:
        self._request, self._flow, self._waves = request, flow, waves
        self._wave = 0
        self._tail = b""
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        if self._wave:
            self._flow.late_ms += [(now - int(sent)) / 1e6 for sent in _SENT.findall(data)]
        self._tail = (self._tail + data)[-32:]
        if not self._tail.endswith(b"\r\n0\r\n\r\n"):
            return
        self._tail = b""
        self._wave += 1
        if self._wave < self._waves:
            self._transport.write(self._request)
        elif not self.done.done():
            self.done.set_result(None)
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self._flow.broken += 1
            self.done.set_result(None)


async def listen(target: Target, streams: int) -> Flow:
    """Open all streams over the length of one gap, so that their events are spread as those of many users are."""
    flow = Flow()
    loop = asyncio.get_running_loop()
    listeners: list[Listener] = []
    for _ in range(streams):
        _, listener = await loop.create_connection(
            lambda: Listener(target.request(stream=True), flow, _WAVES), target.host, target.port
        )
        listeners.append(listener)
        await asyncio.sleep(_GAP_MS / 1e3 / streams)
    await asyncio.wait_for(asyncio.gather(*(listener.done for listener in listeners)), 120)
    return flow


def stream_evenly(peer: Peer, streams: int, upstream_port: int) -> Flow:
    control(upstream_port, f"events_per_write=1&gap_ms={_GAP_MS}&stamped=1")
    before = cpu_seconds(peer.server_pids())
    flow = uvloop.run(listen(peer.target("stream"), streams))
    flow.cpu_us = (cpu_seconds(peer.server_pids()) - before) / (streams * _WAVES) * 1e6
    control(upstream_port, "events_per_write=8&gap_ms=0&stamped=0")
    return flow


def fill_memory(peer: Peer, calls: int, upstream_pid: int) -> Memory:
    memory = Memory()
    made = 0
    while made < calls:
        tally = peer.measure(Phase("calls", "call", "closed", 10.0, warmup=0.0, connections=32), upstream_pid)
        made += tally.ok + tally.errors
        memory.wrong += tally.errors
        now, memory.peak = memory_mb(peer.server_pids()[0])
        memory.points.append((made, now))
        print(f"  {made:9,} calls  {now:6.1f} MB  {tally.per_second:8.0f}/s", flush=True)
    return memory


def control(port: int, settings: str) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("POST", f"/control?{settings}")
    connection.getresponse().read()
    connection.close()


def render(memory: Memory, flows: dict[str, Flow], streams: int) -> str:
    """The results as Markdown."""
    facts = machine_facts()
    calls, last = memory.points[-1]
    flat = last <= FLAT_MB and memory.grown <= 0.05 * last
    rows = "\n".join(
        f"| {name} | {len(flow.late_ms):,} | {percentile(flow.late_ms, 0.5):.2f} ms | "
        f"{percentile(flow.late_ms, 0.99):.2f} ms | {percentile(flow.late_ms, 0.999):.2f} ms | "
        f"{max(flow.late_ms):.2f} ms | {flow.broken} |"
        for name, flow in flows.items()
    )
    stall = max(flows[Everything.name].late_ms)
    return (
        f"Measured {facts['date']}, commit `{facts['commit']}`, load average {facts['load']}; everything of a call "
        f"switched on.\n\n"
        f"**Memory after {calls:,} calls: {last:.0f} MB** (highest {memory.peak:.0f} MB; "
        f"{memory.grown:+.1f} MB in the second half; bar: flat, under {FLAT_MB:.0f} MB: {_met(flat)}), "
        f"{memory.wrong} answers that were not right. MB by calls: "
        + ", ".join(f"{mb:.0f} ({made // 1000}k)" for made, mb in _some(memory.points))
        + f".\n\n**{streams} streams at once, an event each {_GAP_MS:.0f} ms**: how long after it was sent an event "
        f"arrived (bar: none later than {STALL_MS:.0f} ms: {_met(stall <= STALL_MS)}).\n\n"
        "| | events | p50 | p99 | p99.9 | latest | broken streams |\n|---|---|---|---|---|---|---|\n" + rows
    )


def _some(points: list[tuple[int, float]]) -> list[tuple[int, float]]:
    step = max(1, len(points) // 8)
    return [*points[::step], points[-1]]


def _met(met: bool) -> str:
    return "met" if met else "**missed**"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--docs", action="store_true")
    given = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="trimtab-bench-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, work, ignore_errors=True)
        upstream, port = start_upstream(1, stack)
        site = Site(work, work, port, 0, 1)
        direct, ours = Direct(site), Everything(site)
        for peer in (direct, ours):
            stack.callback(peer.stop)
            peer.start()
        flows = {peer.name: stream_evenly(peer, given.streams, port) for peer in (direct, ours)}
        memory = fill_memory(ours, given.calls, upstream.pid)
    text = render(memory, flows, given.streams)
    print(text)
    if given.docs:
        report.put_into(ROOT / "docs/benchmarks.md", text, _MARKS)


if __name__ == "__main__":
    main()
