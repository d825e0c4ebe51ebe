"""Trimtab beside Phoenix and MLflow: the same spans sent by the same sender to each in turn, then the same questions.

    python -m bench.telemetry.peers [--spans 20000] [--sustained 400000] [--seconds 60] [--text 1.0] [--docs]

Phoenix and MLflow are installed from PyPI into environments of their own below the system's temporary folder
(``--home``). Each server runs alone, on a fresh folder that is removed afterwards. The others are far slower, so they
get no more than ``--spans``, and sending stops after ``--seconds``; Trimtab, as it is installed and as a checkout, gets
these first and ``--sustained`` in a second run, because a few seconds sustain nothing. ``--text`` scales the length of
what is said: at 1 a span has 3.3 KB, at 0.1 it has 1.0, most of it names and numbers. ``--docs`` rewrites the results
in docs/benchmarks.md: those of long and of short texts lie side by side.
"""

import argparse
import json
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from bench.telemetry.peer_servers import Compiled, MLflow, Phoenix, Refused, Server, Trimtab
from bench.telemetry.peer_spans import Batch, Load, make
from material import MODELS
from run import machine_line, verdict, write

RATE_BAR = 20_000
RATIO_BAR = 20
OURS = ("trimtab-compiled", "trimtab")
SETTLE_S = 300.0
"""How long after the last acknowledgement spans may take to be there."""
LONGEST_QUESTION_S = 60.0
QUESTIONS = {
    "open_trace": "open a trace with the texts of its model calls",
    "newest": "newest 50 of one model without errors",
    "groups": "count and p50, p95, p99 by model (MLflow: by name, it has no more)",
    "rare_word": "newest 50 with a rare word in their texts",
    "common_word": "newest 50 with a common word in their texts",
}


@dataclass
class Sent:
    """What became of the batches. ``seconds`` is until the last acknowledgement."""

    acknowledged: list[Batch] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    come_later: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def spans(self) -> int:
        return sum(batch.spans for batch in self.acknowledged)


@dataclass
class Result:
    """One server's run. Times in seconds, questions' in milliseconds; a question without an answer says why."""

    server: str
    version: str
    sent: Sent
    queryable_s: float
    spans: int
    traces: int
    cpu_us: float
    memory_mb: int
    disk_mb: int
    questions: dict[str, tuple[float, float] | str]

    @property
    def rate(self) -> float:
        """Spans a second from the first byte sent until all that was acknowledged can be queried."""
        return self.spans / self.queryable_s


class Sender:
    """Threads that post batches one after another, each on a connection of its own."""

    def __init__(self, server: Server, load: Load, threads: int, seconds: float) -> None:
        self._server = server
        self._left = list(reversed(load.batches))
        self._end = time.perf_counter() + seconds
        self._threads = [threading.Thread(target=self._send) for _ in range(threads)]
        self._lock = threading.Lock()
        self.sent = Sent()

    def run(self) -> Sent:
        began = time.perf_counter()
        for thread in self._threads:
            thread.start()
        for thread in self._threads:
            thread.join()
        self.sent.seconds = time.perf_counter() - began
        return self.sent

    def _send(self) -> None:
        connection = HTTPConnection("127.0.0.1", self._server.port, timeout=300)
        headers = {"content-type": "application/x-protobuf", **self._server.headers()}
        while time.perf_counter() < self._end:
            try:
                batch = self._left.pop()
            except IndexError:
                break
            while time.perf_counter() < self._end and not self._post(connection, batch, headers):
                time.sleep(0.2)
        connection.close()

    def _post(self, connection: HTTPConnection, batch: Batch, headers: dict[str, str]) -> bool:
        """Whether there is nothing more to do about this batch; as an exporter does, only what is worth it is sent
        again (https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes)."""
        began = time.perf_counter()
        try:
            connection.request("POST", "/v1/traces", batch.body, headers)
            answer = connection.getresponse()
            told = answer.read()
        except (ConnectionError, HTTPException):
            connection.close()
            return False
        took = time.perf_counter() - began
        with self._lock:
            if answer.status in (429, 502, 503, 504):
                self.sent.come_later += 1
                return False
            if answer.status == 200:
                self.sent.acknowledged.append(batch)
                self.sent.latencies.append(took)
            else:
                reason = f"{answer.status} {told[:100].decode(errors='replace')}"
                self.sent.refused[reason] = self.sent.refused.get(reason, 0) + batch.spans
        return True


def measure(kind: type[Server], home: Path, load: Load, options: argparse.Namespace, seconds: float) -> Result:
    """Start it, send, wait until everything is there, ask, stop."""
    version = kind.install(home)
    with tempfile.TemporaryDirectory(prefix="trimtab-beside-") as folder:
        server = kind(home, Path(folder) / kind.name)
        try:
            server.wait_ready()
            before = cpu_s(server.pids())
            began = time.perf_counter()
            sent = Sender(server, load, options.senders, seconds).run()
            print(f"{kind.name}: {sent.spans} spans acknowledged in {sent.seconds:.1f} s", flush=True)
            wait_counted(server, sent.spans)
            took = time.perf_counter() - began
            used = cpu_s(server.pids()) - before
            spans, traces = server.distinct()
            print(f"{kind.name}: {spans} spans of {traces} traces there after {took:.1f} s", flush=True)
            memory = memory_mb(server.pids())
            questions = ask(server, load, sent, options.rounds)
            disk = sum(path.stat().st_size for path in server.work.rglob("*") if path.is_file()) >> 20
        finally:
            server.stop()
    return Result(kind.name, version, sent, took, spans, traces, used / max(1, spans) * 1e6, memory, disk, questions)


def wait_counted(server: Server, spans: int) -> None:
    """Until so many can be queried, or nothing has come for a while: what is missing is told, not waited for."""
    found = -1
    began = moved = time.monotonic()
    while time.monotonic() - moved < SETTLE_S:
        now = server.counted()
        if now >= spans:
            return
        if now != found:
            found, moved = now, time.monotonic()
        time.sleep(min(1.0, 0.1 + (time.monotonic() - began) / 20))  # counting is work for the server too


def ask(server: Server, load: Load, sent: Sent, rounds: int) -> dict[str, tuple[float, float] | str]:
    """p50 and p95 of each question; each round asks something else, the same for every server."""
    rnd = random.Random(3)
    traces = [trace for batch in sent.acknowledged for trace in batch.traces]
    asked: dict[str, Callable[[], int]] = {
        "open_trace": lambda: server.open_trace(rnd.choice(traces)),
        "newest": lambda: server.newest(rnd.choice(MODELS)),
        "groups": lambda: server.groups(MODELS),
        "rare_word": lambda: server.search(rnd.choice(load.rare)),
        "common_word": lambda: server.search(rnd.choice(load.common)),
    }
    found: dict[str, tuple[float, float] | str] = {}
    for name, question in asked.items():
        try:
            found[name] = timed(question, rounds)
        except (Refused, TimeoutError, KeyError) as error:
            found[name] = f"no answer: {error}"
        print(f"{server.name}: {name} {found[name]}", flush=True)
    return found


def timed(question: Callable[[], int], rounds: int) -> tuple[float, float]:
    """Milliseconds, p50 and p95. Two rounds warm up; a slow server is asked less often."""
    times: list[float] = []
    began = time.perf_counter()
    for number in range(rounds + 2):
        at = time.perf_counter()
        question()
        if number >= 2:
            times.append((time.perf_counter() - at) * 1000)
        if len(times) >= 3 and time.perf_counter() - began > LONGEST_QUESTION_S:
            break
    times.sort()
    return times[len(times) // 2], times[min(len(times) - 1, int(len(times) * 0.95))]


def cpu_s(pids: list[int]) -> float:
    """CPU seconds so far, of processes and of their children that have ended."""
    ticks = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += sum(int(value) for value in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_mb(pids: list[int]) -> int:
    """Resident, pages that processes share counted once."""
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total >> 10


def render(results: list[Result], kinds: dict[str, type[Server]], load: Load, options: argparse.Namespace) -> str:
    """The results as Markdown; the last run of each of ours is the sustained one."""
    size = sum(len(batch.body) for batch in load.batches) / load.spans
    ours = {each.server: each for each in results if each.server in OURS}
    others = [each for each in results if each.server not in OURS]
    versions = {each.server: each.version for each in results}
    lines = [
        (
            f"{machine_line()}. Batches of {options.batch} spans, {size:,.0f} bytes a span, {options.senders} senders, "
            f"one server at a time; at most {options.seconds:.0f} s of sending for all but the sustained run."
        ),
        "",
        "| | version | settings | a batch is answered when it is |",
        "|---|---|---|---|",
        *(f"| {name} | {versions[name]} | {kind.told()} | {kind.acknowledges} |" for name, kind in kinds.items()),
        "",
        "| | " + " | ".join(f"{each.server}, {each.sent.spans:,} spans" for each in results) + " |",
        "|---|" + "---|" * len(results),
        *(f"| {what} | " + " | ".join(tell(each) for each in results) + " |" for what, tell in FIGURES.items()),
        *(
            f"| {what}: p50, p95 | " + " | ".join(_answer(each.questions[name]) for each in results) + " |"
            for name, what in QUESTIONS.items()
        ),
        "",
        "| bar | limit | " + " | ".join(f"{name} | " for name in ours) + " |",
        "|---|---|" + "---|---|" * len(ours),
        _bar(
            "spans/s acknowledged through OTLP, each durable",
            [each.sent.spans / each.sent.seconds for each in ours.values()],
        ),
        _bar("spans/s through OTLP until all can be queried", [each.rate for each in ours.values()]),
    ]
    for other in others:
        found = [each.rate / other.rate for each in ours.values()]
        told = " | ".join(f"{ratio:.1f} x | {verdict(ratio >= RATIO_BAR)}" for ratio in found)
        lines.append(f"| the latter against {other.server}'s | {RATIO_BAR} x | {told} |")
    return "\n".join(lines)


def _bar(what: str, rates: list[float]) -> str:
    return (
        f"| {what} | {RATE_BAR:,} | "
        + " | ".join(f"{rate:,.0f} | {verdict(rate >= RATE_BAR)}" for rate in rates)
        + " |"
    )


def _answer(found: tuple[float, float] | str) -> str:
    return found if isinstance(found, str) else f"{found[0]:,.0f} ms, {found[1]:,.0f} ms"


def _whole(result: Result) -> str:
    missing = result.sent.spans - result.spans
    told = "each once" if not missing else f"**{missing:,} missing**"
    refused = sum(result.sent.refused.values())
    return f"{result.spans:,}, {told}" + (f"; {refused:,} refused with {list(result.sent.refused)}" if refused else "")


def _percentile(values: list[float], share: float) -> float:
    ordered = sorted(values) or [0.0]
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000


FIGURES: dict[str, Callable[[Result], str]] = {
    "acknowledged spans/s": lambda each: f"{each.sent.spans / each.sent.seconds:,.0f}",
    "told to come later": lambda each: f"{each.sent.come_later:,}",
    "answer to a batch, p50, p95": lambda each: (
        f"{_percentile(each.sent.latencies, 0.5):,.0f} ms, {_percentile(each.sent.latencies, 0.95):,.0f} ms"
    ),
    "acknowledged and can be queried": _whole,
    "until all can be queried": lambda each: f"{each.queryable_s:,.1f} s",
    "**spans/s until all can be queried**": lambda each: f"**{each.rate:,.0f}**",
    "CPU per span": lambda each: f"{each.cpu_us:,.0f} us",
    "memory afterwards": lambda each: f"{each.memory_mb:,} MB",
    "disk": lambda each: f"{each.disk_mb:,} MB",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=20_000)
    parser.add_argument("--sustained", type=int, default=400_000, help="spans of Trimtab's second run; 0: none")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to send at most, but when sustained")
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--senders", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--text", type=float, default=1.0, help="1: about 2 KB in, 1 KB out of a model call")
    parser.add_argument("--home", type=Path, default=Path(tempfile.gettempdir()) / "trimtab-bench")
    parser.add_argument("--mlflow-workers", type=int, default=1)
    parser.add_argument("--only", default="", help="names, separated by commas")
    parser.add_argument("--docs", action="store_true")
    options = parser.parse_args()
    options.home.mkdir(parents=True, exist_ok=True)
    MLflow.workers = options.mlflow_workers
    kinds: dict[str, type[Server]] = {kind.name: kind for kind in (Compiled, Trimtab, Phoenix, MLflow)}
    if options.only:
        kinds = {name: kinds[name] for name in options.only.split(",")}
    for kind in kinds.values():
        kind.install(options.home)  # nothing is installed while something is measured
    load = make(options.spans, options.batch, time.time_ns(), share=options.text)
    results = [measure(kind, options.home, load, options, options.seconds) for kind in kinds.values()]
    ours = [kinds[name] for name in OURS if name in kinds]
    if options.sustained and ours:
        many = make(options.sustained, options.batch, time.time_ns(), share=options.text)
        results += [measure(kind, options.home, many, options, 3_600.0) for kind in ours]
    print(json.dumps([{"server": each.server, "refused": each.sent.refused} for each in results]))
    if not ours:
        return
    text = render(results, kinds, load, options)
    print(text)
    if options.docs:
        write(text, "telemetry-peers" if options.text >= 1 else "telemetry-peers-short")


if __name__ == "__main__":
    main()
