"""What the processes of a server hold, by what is configured and how many workers there are.

    python -m bench.gateway.memory [--workers 1 4] [--calls 100000] [--texts 1000]

Three configurations: nothing but a model; everything of `trimtab-all`; and that with all that compares meanings, which
`trimtab-all` has not (its calls all say the same): a semantic route, cheap first with the judge of difficulty, and a
semantic cache. Each is read when it is ready, after so many different texts, and after so many calls in a closed loop,
of which each says one of these texts. RSS counts a page for every process that has it; PSS divides a shared one by the
number of processes, so that sums mean something; private is what would be free without the process (MB of 10^6 bytes,
`/proc/PID/smaps_rollup`).
"""

import argparse
import asyncio
import json
import re
import shutil
import subprocess
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import uvloop
from bench.gateway.measures import descendants
from bench.gateway.peers import Site
from bench.gateway.peers.trimtab import EVERYTHING, Everything, Trimtab
from bench.gateway.run import start_upstream

_ROUTE = """
  meant:
    tree:
      node: semantic
      threshold: 0.45
      of:
        - {{name: money, examples: ["Why was I charged twice?", "I want my money back."], use: second}}
        - {{name: ships, examples: ["Which surface turns a ship?", "How is a rudder built?"], use: fast}}
      otherwise: {{node: escalate, cheap: first, strong: second}}
policies:
  meant: {{cache: {{mode: semantic, ttl: 3600, sampled: true}}}}
prices:"""
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_FIELDS = {"Rss": "rss", "Pss": "pss", "Private_Clean": "private", "Private_Dirty": "private"}


class Meaning(Everything):
    name = "trimtab-meaning"
    what = "the same, with a semantic route, a judge of difficulty and a semantic cache"
    config = EVERYTHING.replace("\nprices:", _ROUTE)


@dataclass
class Held:
    """MB of one process."""

    rss: float = 0.0
    pss: float = 0.0
    private: float = 0.0


def held(pid: int) -> Held:
    found = Held()
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in _FIELDS:
            field = _FIELDS[name]
            setattr(found, field, getattr(found, field) + int(rest.split()[0]) * 1024 / 1e6)
    return found


def role(pid: int, parent: int, workers: int) -> str:
    command = Path(f"/proc/{pid}/cmdline").read_bytes().decode()
    for word, name in (
        ("telemetry.process", "telemetry"),
        ("embedder_process", "embedder"),
        ("server.workers", "worker"),
    ):
        if word in command:
            return name
    if pid != parent:
        return "other"
    return "supervisor" if workers > 1 else "worker"


class Peer:
    """One server, and how it is read and loaded."""

    def __init__(self, kind: type[Trimtab], site: Site, workers: int) -> None:
        self.peer = kind(site)
        self.peer.work = site.work / f"{kind.name}-{workers}"
        self.peer.options = ("--workers", str(workers))
        self.workers = workers
        self.sample = ""
        """The first answer that was not right, cut short."""
        self.peer.start()

    def read(self, what: str) -> None:
        assert self.peer.process is not None
        parent = self.peer.process.pid
        rows = [(role(pid, parent, self.workers), held(pid)) for pid in (parent, *descendants(parent))]
        for name in sorted({name for name, _ in rows}):
            own = [each for other, each in rows if other == name]
            told = ", ".join(f"{each.rss:.0f} ({each.pss:.0f}, {each.private:.0f})" for each in own)
            print(f"    {what:18} {name:10} {told}")
        print(f"    {what:18} all        PSS {sum(each.pss for _, each in rows):.0f}", flush=True)

    async def load(self, calls: int, texts: int, model: str, connections: int = 32) -> tuple[int, float]:
        """How many answers were not 200, and calls per second."""
        wrong, left, began = 0, iter(range(calls)), time.monotonic()
        target = self.peer.target("call")

        async def one() -> None:
            nonlocal wrong
            reader, writer = await asyncio.open_connection(target.host, target.port)
            for number in left:
                said = f"Which surface of the rudder number {number % texts} turns a ship of {number % texts} tons?"
                body = json.dumps({"model": model, "messages": [{"role": "user", "content": said}]}).encode()
                writer.write(
                    f"POST {target.path} HTTP/1.1\r\nHost: {target.host}\r\nAuthorization: Bearer {target.key}\r\n"
                    f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                    + body
                )
                head = await reader.readuntil(b"\r\n\r\n")
                length = _LENGTH.search(head)
                assert length is not None, head
                answer = await reader.readexactly(int(length[1]))
                if not head.startswith(b"HTTP/1.1 200"):
                    wrong += 1
                    self.sample = self.sample or answer[:300].decode(errors="replace")
            writer.close()

        await asyncio.gather(*(one() for _ in range(connections)))
        return wrong, calls / (time.monotonic() - began)


def measure(kind: type[Trimtab], site: Site, workers: int, calls: int, texts: int) -> None:
    one = Peer(kind, site, workers)
    try:
        print(f"{kind.name}, {workers} worker(s): ready after {one.peer.ready_s:.2f} s; RSS (PSS, private) in MB")
        time.sleep(5)  # the management API is imported after a server is ready
        one.read("ready")
        model = "meant" if kind is Meaning else "fast"
        wrong, rate = uvloop.run(one.load(texts, texts, model))
        one.read(f"{texts:,} texts")
        more, rate = uvloop.run(one.load(calls, texts, model))
        one.read(f"{calls:,} calls")
        print(f"    {wrong + more} answers that were not right {one.sample}; {rate:.0f} calls/s at last", flush=True)
    finally:
        one.peer.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--texts", type=int, default=1000)
    parser.add_argument("--only", nargs="+", default=[])
    given = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="trimtab-bench-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, work, ignore_errors=True)
        _upstream, port = start_upstream(1, stack)
        site = Site(work, work, port, 0, 1, pinned=False)
        subprocess.run(["uptime"], check=False)
        for workers in given.workers:
            for kind in (Trimtab, Everything, Meaning):
                if not given.only or kind.name in given.only:
                    measure(kind, site, workers, given.calls, given.texts)


if __name__ == "__main__":
    main()
