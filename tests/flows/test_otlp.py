"""OTLP end to end: the real exporters against a running server, and kill -9 of any process while spans come in."""

import os
import random
import signal
import socket
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from killing import ROUNDS, Senders, is_each_there_once
from live import ADMIN, Live, children, live, until
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from patience import PATIENCE_S

pytestmark = pytest.mark.promise


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
        assert is_each_there_once(server, senders) == {}
        sent = f"{ROUNDS} rounds, {len(senders.acknowledged)} batches of {senders.spans} spans acknowledged\n"
        (tmp_path / "rounds.txt").write_text(sent)
