"""Spans per second through the OTLP door: each batch is acknowledged when it is on the disk, and all are counted in the
store at the end. One machine does everything: sender, door, telemetry process.

    python bench/telemetry/otlp.py --spans 200000 [--data-dir DIR] [--batch 2000] [--senders 4]
    python bench/telemetry/otlp.py --url http://127.0.0.1:6006/v1/traces --spans 20000  # another server

Bodies are made before the clock starts; their spans begin while the server runs. ``acknowledged`` is the rate at the
door, ``stored`` until the last span can be queried; the smaller of both is what can be sustained.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import threading
import time
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from material import MODELS, Material
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

ADMIN = "tt_" + "admin-key-of-the-benchmark-0123456789abcdefghij"
SPANS_PER_TRACE = 5
"""An agent, two model calls, two tools."""
LOOK_S = 0.25
"""Between two looks at how many are stored. A look costs the server 2.7 ms of a processor: twenty a second were a
twentieth of one, and 5 us of what each span seemed to take."""


def bodies(spans: int, batch: int, seed: int = 7) -> list[bytes]:
    """Requests of ``batch`` spans each: agent traces with messages of about 1 KB in OpenTelemetry's own convention."""
    material, rnd = Material(seed), random.Random(seed)
    made: list[bytes] = []
    left = spans
    while left > 0:
        request = ExportTraceServiceRequest()
        group = request.resource_spans.add()
        _set(group.resource, {"service.name": "bench", "deployment.environment.name": "production"})
        scope = group.scope_spans.add()
        scope.scope.name = "bench"
        count = min(batch, left)
        for first in range(0, count, SPANS_PER_TRACE):
            _trace(scope, min(SPANS_PER_TRACE, count - first), (material, rnd), time.time_ns())
        left -= count
        made.append(request.SerializeToString())
    return made


def _trace(scope: Any, spans: int, source: tuple[Material, random.Random], now: int) -> None:
    material, rnd = source
    trace_id, root = rnd.randbytes(16), rnd.randbytes(8)
    for number in range(spans):
        own = root if number == 0 else rnd.randbytes(8)
        span = scope.spans.add(
            trace_id=trace_id,
            span_id=own,
            parent_span_id=b"" if number == 0 else root,
            name=("invoke_agent", "chat", "execute_tool", "chat", "execute_tool")[number],
            kind=3,
            start_time_unix_nano=now + number * 100_000,
            end_time_unix_nano=now + number * 100_000 + rnd.randint(1, 2_000_000_000),
        )
        _set(span, _attributes(number, material, rnd))


def _attributes(number: int, material: Material, rnd: random.Random) -> dict[str, str | int | float]:
    if number == 0:
        return {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": "support",
            "gen_ai.conversation.id": f"session-{rnd.randint(1, 50_000)}",
            "user.id": f"user-{rnd.randint(1, 5_000)}",
        }
    if number in (2, 4):
        return {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "lookup",
            "gen_ai.tool.call.id": f"call_{rnd.getrandbits(40):x}",
            "gen_ai.tool.call.arguments": json.dumps({"order": rnd.getrandbits(30)}),
            "gen_ai.tool.call.result": material.text(200),
        }
    asked = [{"role": "user", "parts": [{"type": "text", "content": material.text(700)}]}]
    said = [{"role": "assistant", "parts": [{"type": "text", "content": material.text(300)}], "finish_reason": "stop"}]
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
        "gen_ai.response.id": f"chatcmpl-{rnd.getrandbits(60):x}",
        "gen_ai.request.temperature": 0.2,
        "gen_ai.usage.input_tokens": rnd.randint(100, 900),
        "gen_ai.usage.output_tokens": rnd.randint(20, 300),
        "gen_ai.input.messages": json.dumps(asked),
        "gen_ai.output.messages": json.dumps(said),
        "bench.model": rnd.choice(MODELS),
    }


def _set(holder: Any, values: dict[str, str | int | float]) -> None:
    for key, value in values.items():
        pair = holder.attributes.add(key=key)
        if isinstance(value, str):
            pair.value.string_value = value
        elif isinstance(value, int):
            pair.value.int_value = value
        else:
            pair.value.double_value = value


class Senders:
    """Threads that post bodies one after another, each on a connection of its own; a refusal is waited for."""

    def __init__(self, url: str, made: list[bytes], count: int, headers: dict[str, str]) -> None:
        self._url = urlsplit(url)
        self._left = list(reversed(made))
        self._headers = {"content-type": "application/x-protobuf", **headers}
        self._threads = [threading.Thread(target=self._send) for _ in range(count)]
        self.refused = 0
        self.latencies: list[float] = []

    def run(self) -> float:
        """Seconds until every body was acknowledged."""
        began = time.perf_counter()
        for thread in self._threads:
            thread.start()
        for thread in self._threads:
            thread.join()
        return time.perf_counter() - began

    def _send(self) -> None:
        connection = HTTPConnection(self._url.hostname or "", self._url.port, timeout=300)
        while True:
            try:
                body = self._left.pop()
            except IndexError:
                connection.close()
                return
            while not self._post(connection, body):
                self.refused += 1
                time.sleep(0.2)

    def _post(self, connection: HTTPConnection, body: bytes) -> bool:
        began = time.perf_counter()
        connection.request("POST", self._url.path, body, self._headers)
        answer = connection.getresponse()
        told = answer.read()
        if answer.status in (429, 503):
            return False
        if answer.status >= 300:
            raise RuntimeError(f"{answer.status}: {told[:300]!r}")
        self.latencies.append(time.perf_counter() - began)
        return True


class Server:
    """One `trimtab up` on a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.log = (folder / "server.log").open("wb")
        argv = [sys.executable, "-m", "trimtab.cli.main", "up", "--port", "0", "--data-dir", str(folder / "data")]
        env = {**os.environ, "TRIMTAB_ADMIN_KEY": ADMIN}
        self._process = subprocess.Popen(argv, env=env, stdout=self.log, stderr=self.log)
        note = folder / "data" / "server.json"
        while not note.exists():
            time.sleep(0.02)
        self.url = str(json.loads(note.read_text())["url"])
        self.wait_stored(0)

    def status(self) -> dict[str, Any]:
        place = urlsplit(self.url)
        connection = HTTPConnection(place.hostname or "", place.port, timeout=30)
        connection.request("GET", "/api/v1/status", headers={"authorization": f"Bearer {ADMIN}"})
        found = json.loads(connection.getresponse().read())
        connection.close()
        return found["telemetry"]

    def wait_stored(self, spans: int) -> None:
        while True:
            health = self.status()
            if health["state"] == "ok" and health["waiting"] == 0 and health["spans"] >= spans:
                return
            time.sleep(LOOK_S)

    def cpu_s(self) -> dict[str, float]:
        """CPU seconds so far, of the server, of its telemetry process, and of the processes that map for that one (they
        live for some seconds after a backlog)."""
        found: dict[str, float] = {"server": _cpu(self._process.pid), "mappers": 0.0}
        parents: dict[int, tuple[int, bytes]] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    stat, line = (entry / "stat").read_text(), (entry / "cmdline").read_bytes()
                except OSError:
                    continue
                parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1]), line
        ours = [
            pid
            for pid, (parent, line) in parents.items()
            if parent == self._process.pid and b"telemetry.process" in line
        ]
        for pid in ours:
            found["telemetry"] = _cpu(pid)
        for pid, (parent, line) in parents.items():
            if parent in ours and b"mapping.process" in line:
                found["mappers"] += _cpu(pid)
        return found

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(60)
        self.log.close()


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    spans, senders = options.spans, options.senders
    server = Server(folder)
    try:
        made = bodies(spans, options.batch)  # after the server's start: emitters' spans begin while it runs
        print(f"{len(made)} bodies, {sum(map(len, made)) >> 20} MB", file=sys.stderr)
        before = server.cpu_s()
        headers = {"authorization": f"Bearer {ADMIN}"}
        began = time.perf_counter()
        sent = Senders(f"{server.url}/v1/traces", made, senders, headers)
        acknowledged = sent.run()
        server.wait_stored(spans)
        stored = time.perf_counter() - began
        cpu = {name: round((used - before[name]) / spans * 1e6, 1) for name, used in server.cpu_s().items()}
    finally:
        server.close()
    return {
        **_rates(sent, spans, acknowledged),
        "stored_spans_per_s": round(spans / stored),
        "cpu_us_per_span": cpu,
    }


def _rates(sent: Senders, spans: int, seconds: float) -> dict[str, Any]:
    ordered = sorted(sent.latencies)
    return {
        "spans": spans,
        "acknowledged_spans_per_s": round(spans / seconds),
        "p50_ms": round(ordered[len(ordered) // 2] * 1000, 1),
        "p95_ms": round(ordered[int(len(ordered) * 0.95)] * 1000, 1),
        "told_to_come_later": sent.refused,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=200_000)
    parser.add_argument("--batch", type=int, default=2_000)
    parser.add_argument("--senders", type=int, default=4)
    parser.add_argument("--url", help="another server's /v1/traces: only the door is timed")
    parser.add_argument("--header", action="append", default=[], help="NAME=VALUE, for --url")
    parser.add_argument("--data-dir", type=Path)
    options = parser.parse_args()
    if options.url:
        made = bodies(options.spans, options.batch)
        headers = dict(each.split("=", 1) for each in options.header)
        sent = Senders(options.url, made, options.senders, headers)
        found = _rates(sent, options.spans, sent.run())
    elif options.data_dir:
        found = measure(options.data_dir, options)
    else:
        with TemporaryDirectory() as folder:
            found = measure(Path(folder), options)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
