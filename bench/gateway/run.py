"""Everything side by side in one run: `python -m bench.gateway.run`.

Servers on one core, load and upstream on the other. Within a round every peer is measured in the same phase one after
the other before the next phase begins, and rounds repeat with the order turned, so that a machine that slows down or
is shared slows everyone. The CPU that strangers took in the meantime is measured and written beside the results.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from bench.gateway import report
from bench.gateway.measures import Machine, Phase, Tally, cpu_seconds, memory_mb, percentile, pin, yardstick_ms
from bench.gateway.peers import ROOT, Peer, Site, Unfit, on_core
from bench.gateway.peers.direct import Direct
from bench.gateway.peers.litellm import LiteLLM
from bench.gateway.peers.mlflow import MLflow
from bench.gateway.peers.nginx import Nginx
from bench.gateway.peers.portkey import Portkey
from bench.gateway.peers.smg import SMG
from bench.gateway.peers.tensorzero import TensorZero
from bench.gateway.peers.trimtab import Compiled, Everything, Trimtab
from bench.gateway.stalls import Stalls
from bench.gateway.stalls import measure as measure_stalls

PEERS: list[type[Peer]] = [Direct, Nginx, Trimtab, Everything, Compiled, SMG, TensorZero, Portkey, MLflow, LiteLLM]
PHASES = [
    Phase("calls", "call", "closed", 3.0, connections=32),
    Phase("streams", "stream", "closed", 3.0, connections=16, events_per_write=8),
    Phase("streams, event by event", "stream", "closed", 2.0, connections=16, events_per_write=1),
    Phase("calls at 200/s", "call", "open", 5.0, connections=16, rate=200.0),
    Phase("calls at 500/s", "call", "open", 5.0, connections=32, rate=500.0),
    Phase("streams at 20/s", "stream", "open", 4.0, connections=8, rate=20.0, events_per_write=8),
]
_KEPT = (0.5, 0.9, 0.99, 0.999, 1.0)
_QUIET_CPU = 0.03
"""Of a core: a process that uses less has caught up."""


@dataclass
class Measured:
    """One peer in one phase of one round, with what went on around it."""

    peer: str
    phase: str
    round: int
    tally: Tally
    upstream_served: int
    """What the upstream answered, warm-up included."""
    side_us: float | None
    """CPU of the peer's side processes per call served, until they had caught up; None when it has none."""
    foreign_cpu: float
    """Cores that strangers used meanwhile (1.0 is one core)."""
    stolen_cpu: float
    yardstick_ms: tuple[float, float]
    """What the same piece of work took on the server's core right before and right after."""


@dataclass
class Results:
    """A whole run."""

    machine: dict[str, str]
    phases: list[Phase]
    peers: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    """By name: what, version, starts (seconds), rss_mb, rss_peak_mb, side_rss_mb, idle_cpu, unfit."""
    measured: list[Measured] = field(default_factory=list[Measured])
    stalls: list[Stalls] = field(default_factory=list[Stalls])
    """Of the server's core and of the load's, while nothing was asked."""


class Bench:
    """The run: upstream, peers, rounds."""

    def __init__(self, site: Site, upstream: subprocess.Popen[bytes], phases: list[Phase]) -> None:
        self._site, self._upstream = site, upstream
        self.results = Results(machine_facts(), phases)
        self._running: list[Peer] = []

    def start_up_times(self, kinds: Iterable[type[Peer]], at_most: int) -> None:
        """Start and stop each peer on a fresh folder, both cores its own."""
        for kind in kinds:
            facts = self.results.peers.setdefault(kind.name, {"what": kind.what})
            starts: list[float] = []
            facts["starts"] = starts
            for n in range(min(kind.starts, at_most)):
                peer = kind(replace(self._site, work=self._site.work / f"start-{n}", pinned=False))
                try:
                    peer.start()
                    starts.append(peer.ready_s)
                except Unfit as why:
                    self._unfit(kind, why)
                    break
                finally:
                    peer.stop()

    def start(self, kinds: Iterable[type[Peer]], stack: ExitStack) -> None:
        """Start every peer, pinned, to stay until the end of the run."""
        for kind in kinds:
            facts = self.results.peers.setdefault(kind.name, {"what": kind.what})
            peer = kind(self._site)
            stack.callback(peer.stop)
            try:
                peer.start()
            except Unfit as why:
                self._unfit(kind, why)
                continue
            facts["version"] = peer.version
            self._running.append(peer)
            print(f"{peer.name} {peer.version} is up", flush=True)

    def idle(self, seconds: float) -> None:
        """CPU of peers that are not asked anything, in share of a core."""
        time.sleep(seconds)
        before = {peer.name: cpu_seconds(_pids([peer])) for peer in self._running}
        time.sleep(seconds)
        for peer in self._running:
            self.results.peers[peer.name]["idle_cpu"] = (cpu_seconds(_pids([peer])) - before[peer.name]) / seconds

    def round(self, number: int) -> None:
        """Every phase, every peer."""
        turn = number % len(self._running)
        for phase in self.results.phases:
            for peer in self._running[turn:] + self._running[:turn]:
                if too_fast := self._saturated(peer, phase):
                    print(f"  {peer.name:12} {phase.name}: left out, its capacity is {too_fast:.0f}/s", flush=True)
                    continue
                try:
                    self._measure(peer, phase, number)
                except Unfit as why:
                    self._unfit(type(peer), why)

    def _saturated(self, peer: Peer, phase: Phase) -> float | None:
        """A peer below the rate of an open phase would only show a queue that grows."""
        if phase.loop == "closed":
            return None
        kinds = {p.name for p in self.results.phases if p.kind == phase.kind and p.loop == "closed"}
        rates = [m.tally.per_second for m in self.results.measured if m.peer == peer.name and m.phase in kinds]
        return max(rates) if rates and max(rates) < 1.5 * phase.rate else None

    def _measure(self, peer: Peer, phase: Phase, number: int) -> None:
        self._ask(f"/control?events_per_write={phase.events_per_write}", "POST")
        side = peer.side_pids()
        for pid in side:
            pin(pid, {self._site.load_core})
        served, side_before = self._served(), cpu_seconds(side)
        yard_before = yardstick_ms(self._site.server_core)
        machine, own = Machine.now(), self._own_cpu()
        tally = peer.measure(phase, self._upstream.pid)
        machine_after, own_after = Machine.now(), self._own_cpu()
        yard_after = yardstick_ms(self._site.server_core)
        wall = machine_after.at - machine.at
        served = self._served() - served
        if side:
            catch_up(side)
        measured = Measured(
            peer.name, phase.name, number, tally, served,
            side_us=(cpu_seconds(side) - side_before) / served * 1e6 if side and served else None,
            foreign_cpu=max(0.0, machine_after.busy - machine.busy - (own_after - own)) / wall,
            stolen_cpu=(machine_after.stolen - machine.stolen) / wall,
            yardstick_ms=(yard_before, yard_after),
        )  # fmt: skip
        self.results.measured.append(measured)
        print(report.line(measured), flush=True)

    def memory(self) -> None:
        """Resident memory after everything."""
        for peer in self._running:
            facts = self.results.peers[peer.name]
            each = [memory_mb(pid) for pid in peer.server_pids()]
            facts["rss_mb"], facts["rss_peak_mb"] = sum(now for now, _ in each), sum(peak for _, peak in each)
            facts["side_rss_mb"] = sum(memory_mb(pid)[0] for pid in peer.side_pids())

    def _own_cpu(self) -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime + cpu_seconds([os.getpid(), self._upstream.pid, *_pids(self._running)])

    def _served(self) -> int:
        stats = json.loads(self._ask("/stats", "GET"))
        return int(stats["calls"]) + int(stats["streams"])

    def _ask(self, path: str, method: str) -> bytes:
        connection = HTTPConnection("127.0.0.1", self._site.upstream_port, timeout=5)
        connection.request(method, path)
        body = connection.getresponse().read()
        connection.close()
        return body

    def _unfit(self, kind: type[Peer], why: Unfit) -> None:
        self.results.peers[kind.name]["unfit"] = str(why)
        self._running = [peer for peer in self._running if not isinstance(peer, kind)]
        print(f"{kind.name} goes on without: {why}", flush=True)


def catch_up(pids: list[int], patience: float = 60.0) -> None:
    """Wait until these processes have nothing left to do."""
    deadline, quiet = time.monotonic() + patience, 0
    while quiet < 2 and time.monotonic() < deadline:
        before = cpu_seconds(pids)
        time.sleep(0.5)
        quiet = quiet + 1 if cpu_seconds(pids) - before < _QUIET_CPU * 0.5 else 0


def machine_facts() -> dict[str, str]:
    """What the numbers were measured on."""
    models = [
        ln.split(":", 1)[1].strip() for ln in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in ln
    ]
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, check=False)
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "cpu": models[0] if models else platform.machine(),
        "cores": str(os.cpu_count()),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "commit": commit.stdout.decode().strip(),
        "load": f"{os.getloadavg()[0]:.2f}",
    }


def _pids(peers: Iterable[Peer]) -> list[int]:
    return [pid for peer in peers for pid in (*peer.server_pids(), *peer.side_pids())]


def start_upstream(core: int, stack: ExitStack, events_per_write: int = 8) -> tuple[subprocess.Popen[bytes], int]:
    """The mock upstream on its core; returns it and its port."""
    upstream = [sys.executable, "-m", "bench.gateway.upstream", "--port", "0"]
    command = on_core(core, [*upstream, "--events-per-write", str(events_per_write)])
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    stack.callback(process.wait)
    stack.callback(process.terminate)
    if process.stdout is None or not (said := process.stdout.readline()):
        raise SystemExit("the mock upstream did not start")
    return process, int(json.loads(said)["port"])


def installed(kinds: Iterable[type[Peer]], home: Path) -> list[type[Peer]]:
    """Those of the peers that can be had here."""
    fit: list[type[Peer]] = []
    for kind in kinds:
        try:
            kind.install(home)
            fit.append(kind)
        except Unfit as why:
            print(f"{kind.name} is left out: {why}", flush=True)
    return fit


def write(results: Results, folder: Path) -> Path:
    """One JSON file per run; closed loops keep their percentiles, open loops all samples."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"gateway-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}.json"
    kept = asdict(results)
    closed = {phase.name for phase in results.phases if phase.loop == "closed"}
    for one in kept["measured"]:
        if one["phase"] in closed:
            for samples in ("latency_us", "first_us"):
                one["tally"][samples] = {f"p{q * 100:g}": percentile(one["tally"][samples], q) for q in _KEPT}
    path.write_text(json.dumps(kept))
    return path


def parse() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description="Measure Trimtab's gateway beside its peers.")
    parser.add_argument(
        "--peers", nargs="*", choices=[kind.name for kind in PEERS], default=[kind.name for kind in PEERS]
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one short round: a look, not a result")
    parser.add_argument("--starts", type=int, default=3, help="starts per peer for the start-up time")
    parser.add_argument("--server-core", type=int, default=0)
    parser.add_argument("--load-core", type=int, default=1)
    parser.add_argument(
        "--home", type=Path, default=Path(tempfile.gettempdir()) / "trimtab-bench", help="peers' environments"
    )
    parser.add_argument("--results", type=Path, default=ROOT / "bench/results")
    parser.add_argument("--docs", action="store_true", help="put the results into docs/benchmarks.md")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a bar is missed or was not measured")
    return parser.parse_args()


def main() -> None:
    """Install, start, measure, report."""
    given = parse()
    if (os.cpu_count() or 1) < 2:
        raise SystemExit("this bench needs two cores: one for the server, one for load and upstream")
    phases = [replace(p, seconds=p.seconds / 2, warmup=0.3) for p in PHASES] if given.quick else PHASES
    rounds, starts = (1, 1) if given.quick else (given.rounds, given.starts)
    kinds = installed([kind for kind in PEERS if kind.name in given.peers], given.home)
    work = Path(tempfile.mkdtemp(prefix="trimtab-bench-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, work, ignore_errors=True)
        upstream, port = start_upstream(given.load_core, stack)
        bench = Bench(Site(given.home, work, port, given.server_core, given.load_core), upstream, phases)
        bench.start_up_times(kinds, starts)
        bench.start([kind for kind in kinds if "unfit" not in bench.results.peers.get(kind.name, {})], stack)
        bench.idle(1.0 if given.quick else 3.0)
        cores = (given.server_core, given.load_core)
        found = [measure_stalls(core, 2.0 if given.quick else 5.0) for core in cores]
        bench.results.stalls = [each for each in found if each is not None]
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", flush=True)
            bench.round(number)
        bench.memory()
    path = write(bench.results, given.results)
    text, bars = report.render(bench.results), report.render_bars(bench.results)
    print(text, bars, f"written to {path}", sep="\n\n")
    if given.docs:
        report.put_into(ROOT / "docs/benchmarks.md", f"{text}\n\n{bars}")
    if given.strict and not all(bar.met for bar in report.bars(bench.results, report.OURS[0])):
        sys.exit(1)


if __name__ == "__main__":
    main()
