"""OTLP end to end: the real exporters against a running server, and kill -9 of any process while spans come in."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import httpx
import pytest
from live import ADMIN, Live, admin, children, live, until
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from patience import PATIENCE_S

pytestmark = pytest.mark.promise

ROUNDS = int(os.environ.get("TRIMTAB_KILL_ROUNDS", "3"))
"""How often processes are killed. 200 rounds take some ten minutes: run them by hand with this variable."""
SPANS = 8
SENDERS = 3


@contextmanager
def own_port() -> Generator[int]:
    """A port that nobody else is given meanwhile. A server's workers share theirs: they have it beside this."""
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])


def tell(exporter: SpanExporter, name: str) -> None:
    """An agent with two model calls, through the real SDK and exporter."""
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("tests")
    with tracer.start_as_current_span(name):
        for number in range(2):
            with tracer.start_as_current_span("chat gpt-4o-mini") as span:
                span.set_attributes(
                    {
                        "gen_ai.operation.name": "chat",
                        "gen_ai.provider.name": "openai",
                        "gen_ai.request.model": "gpt-4o-mini",
                        "gen_ai.response.id": f"{name}-{number}",
                        "gen_ai.usage.input_tokens": 100,
                        "gen_ai.usage.output_tokens": 10,
                    }
                )
    assert provider.force_flush()
    provider.shutdown()


def test_the_real_exporters_spans_are_one_trace_with_its_usage_and_its_cost(tmp_path: Path) -> None:
    with own_port() as port, live(tmp_path, env={"TRIMTAB_OTLP_GRPC_PORT": str(port)}) as server:
        until(lambda: "OTLP over gRPC is ready" in server.told(), PATIENCE_S, server.told)
        headers = {"authorization": f"Bearer {ADMIN}"}
        tell(HttpExporter(f"{server.url}/v1/traces", headers=headers, timeout=PATIENCE_S), "over http")
        tell(GrpcExporter(f"http://127.0.0.1:{port}", insecure=True, headers=headers, timeout=PATIENCE_S), "over grpc")
        server.settled()
        rows = {row["name"]: row for row in server.traces()}
        assert set(rows) == {"over http", "over grpc"}
        for row in rows.values():
            assert (row["tokens"]["total"], row["model"]) == (220, "gpt-4o-mini")
            assert float(row["cost"]) > 0
            found = server.trace(row["trace_id"])
            assert (len(found["spans"]), found["tokens"]["total"]) == (3, 220)


def test_a_taken_grpc_port_is_told_and_everything_else_works(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with live(tmp_path, env={"TRIMTAB_OTLP_GRPC_PORT": str(taken.getsockname()[1])}) as server:
            until(lambda: "OTLP over gRPC is off" in server.told(), PATIENCE_S, server.told)
            theirs = HttpExporter(f"{server.url}/v1/traces", headers={"x-api-key": ADMIN}, timeout=PATIENCE_S)
            tell(theirs, "all the same")
            server.settled()
            assert [row["name"] for row in server.traces()] == ["all the same"]


class Senders:
    """Threads that send traces until the server dies. A batch without an answer is sent again to the next server, as
    exporters do: it may or may not be there already."""

    def __init__(self, chance: random.Random) -> None:
        self.acknowledged: list[str] = []
        self.unsure: list[tuple[str, bytes]] = []
        self._chance = chance
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def against(self, url: str) -> Self:
        self._stop.clear()
        waiting, self.unsure = self.unsure, []
        shares = [waiting[number::SENDERS] for number in range(SENDERS)]
        self._threads = [threading.Thread(target=self._send, args=(url, share)) for share in shares]
        for thread in self._threads:
            thread.start()
        return self

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _send(self, url: str, waiting: list[tuple[str, bytes]]) -> None:
        with httpx.Client(
            timeout=PATIENCE_S, base_url=url, headers={**admin(), "content-type": "application/x-protobuf"}
        ) as client:
            while not self._stop.is_set() or waiting:
                trace_id, body = waiting.pop() if waiting else self._trace()
                try:
                    answer = client.post("/v1/traces", content=body, timeout=PATIENCE_S)
                except httpx.TransportError:
                    self.unsure += [(trace_id, body), *waiting]
                    return
                self._stop.wait(0.02)
                if answer.status_code == 200:
                    self.acknowledged.append(trace_id)
                else:
                    self.unsure.append((trace_id, body))

    def _trace(self) -> tuple[str, bytes]:
        trace_id, ids = self._chance.randbytes(16), [self._chance.randbytes(8) for _ in range(SPANS)]
        request = ExportTraceServiceRequest()
        scope = request.resource_spans.add().scope_spans.add()
        now = time.time_ns()
        for number, span_id in enumerate(ids):
            parent = b"" if number == 0 else ids[0]
            scope.spans.add(
                trace_id=trace_id,
                span_id=span_id,
                parent_span_id=parent,
                name=f"span {number}",
                start_time_unix_nano=now + number,
                end_time_unix_nano=now + number + 1000,
            )
        return trace_id.hex(), request.SerializeToString()


COUNT = """
import sys
from trimtab.telemetry.stores import open_store
store = open_store(sys.argv[1])
sql = "SELECT trace_id, count(), uniqExact(span_id), countIf(entry = 1) FROM spans GROUP BY trace_id"
sys.stdout.buffer.write(store.query(sql, {}))
store.close()
"""


def stored(server: Live) -> dict[str, list[int]]:
    """Of each trace in a stopped server's store: rows, different spans, rows that stand for it. In a process of its
    own, because one process may open one store."""
    argv = [sys.executable, "-c", COUNT, f"chdb://{server.data / 'telemetry'}"]
    lines = subprocess.run(argv, check=True, capture_output=True, timeout=PATIENCE_S).stdout.splitlines()
    return {trace_id: counts for trace_id, *counts in map(json.loads, lines)}


@pytest.mark.timeout(900 + 20 * ROUNDS)
def test_kill_9_of_any_process_loses_no_acknowledged_span_and_doubles_none(tmp_path: Path) -> None:
    chance = random.Random(20261121)
    senders = Senders(chance)
    with Live(tmp_path) as server:
        for number in range(ROUNDS):
            server.start()
            senders.against(server.url)
            seen = len(senders.acknowledged)
            until(lambda before=seen: len(senders.acknowledged) > before + 3, PATIENCE_S, server.told)
            if number % 2:
                for pid in children(server.pid):
                    os.kill(pid, signal.SIGKILL)
                seen = len(senders.acknowledged)
                until(lambda before=seen: len(senders.acknowledged) > before, PATIENCE_S, server.told)
            time.sleep(chance.uniform(0.0, 0.3))
            server.kill()
            senders.end()
        server.start()
        senders.against(server.url).end()
        assert senders.unsure == []
        assert len(senders.acknowledged) > 3 * ROUNDS
        server.settled()
        assert server.stop() == 0
        found = stored(server)
        assert {
            trace: found.get(trace) for trace in senders.acknowledged if found.get(trace) != [SPANS, SPANS, 1]
        } == {}
        (tmp_path / "rounds.txt").write_text(f"{ROUNDS} rounds, {len(found)} batches of {SPANS} spans\n")
