"""From the queue to the server: what is lost, what is not, and that the application never waits."""

import os
import signal
import subprocess
import sys
import threading
from typing import Any

import pytest
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from patience import PATIENCE_S
from trimtab.core.errors import Unavailable
from trimtab.sdk import tracing
from trimtab.sdk.tracing.process import PROCESS
from trimtab.sdk.tracing.sending import Sender


class Gate(SpanExporter):
    """Takes batches while it is open; remembers the sizes it was offered."""

    def __init__(self, *, poison: str = "") -> None:
        self.open = threading.Event()
        self.poison = poison
        self.names: list[str] = []
        self.offered = threading.Event()

    def export(self, spans: Any) -> SpanExportResult:
        self.offered.set()
        names = [span.name for span in spans]
        if not self.open.is_set() or (self.poison and self.poison in names):
            return SpanExportResult.FAILURE
        self.names += names
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        return


def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trimtab.sdk.tracing.sending.FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr("trimtab.sdk.tracing.sending.LONGEST_PAUSE_S", 0.002)


def test_a_server_that_is_away_loses_nothing_while_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    quickly(monkeypatch)
    monkeypatch.setattr("trimtab.sdk.tracing.sending.TRIES", 10**9)
    gate = Gate()
    tracing.configure(exporter=gate, room=10)
    for number in range(8):
        with tracing.span(f"n{number}"):
            pass
    assert not tracing.flush(0.2)
    assert gate.offered.wait(60)
    gate.open.set()
    assert tracing.flush(60)
    stats = tracing.stats()
    assert stats is not None
    assert (stats.sent, stats.dropped, stats.lost, stats.waiting) == (8, 0, 0, 0)
    assert sorted(gate.names) == [f"n{number}" for number in range(8)]
    PROCESS.put(None)


def test_what_finds_no_room_is_dropped_and_counted_and_the_application_goes_on() -> None:
    gate = Gate()
    tracing.configure(exporter=gate, room=10)
    for number in range(25):
        with tracing.span(f"n{number}"):
            pass
    stats = tracing.stats()
    assert stats is not None
    assert (stats.dropped, stats.waiting) == (15, 10)
    gate.open.set()
    assert tracing.flush(60)
    stats = tracing.stats()
    assert stats is not None
    assert (stats.sent, stats.dropped) == (10, 15)
    PROCESS.put(None)


def test_a_span_that_is_never_taken_costs_itself_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    quickly(monkeypatch)
    gate = Gate(poison="n3")
    gate.open.set()
    tracing.configure(exporter=gate)
    for number in range(8):
        with tracing.span(f"n{number}"):
            pass
    assert tracing.flush(60)
    stats = tracing.stats()
    assert stats is not None
    assert (stats.sent, stats.lost) == (7, 1)
    assert sorted(gate.names) == [f"n{number}" for number in range(8) if number != 3]
    PROCESS.put(None)


def test_scores_are_tried_again_until_the_server_takes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    quickly(monkeypatch)
    taken: list[dict[str, Any]] = []
    tries: list[int] = []

    def post(scores: list[dict[str, Any]]) -> None:
        tries.append(len(scores))
        if len(tries) < 3:
            raise Unavailable("away")
        taken.extend(scores)

    sender = Sender(Gate, post, interval_s=0.001)
    sender.add_score({"id": "a"})
    assert sender.force_flush(60_000)
    assert taken == [{"id": "a"}]
    sender.shutdown()


ENDING = """
import os, sys, signal, time
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from trimtab.sdk import tracing
class Out(SpanExporter):
    def export(self, spans):
        for span in spans:
            os.write(1, f"{os.getpid() == parent} {span.name}\\n".encode())
        return SpanExportResult.SUCCESS
    def shutdown(self): pass
parent = os.getpid()
tracing.configure(exporter=Out())
with tracing.span("before"):
    pass
"""


def ended(code: str, **env: str) -> tuple[int, list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", ENDING + code],
        capture_output=True,
        text=True,
        env={**os.environ, **env},
        timeout=PATIENCE_S,
    )
    return done.returncode, sorted(done.stdout.split("\n"))[1:]


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        ("", 0),
        ("sys.exit(3)", 3),
        ("os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)", -signal.SIGTERM),
        ("raise RuntimeError('x')", 1),
    ],
)
def test_what_waits_is_sent_before_a_process_ends(ending: str, code: int) -> None:
    assert ended(ending) == (code, ["True before"])


def test_a_forked_child_sends_its_own_spans_and_none_of_its_parents() -> None:
    code = """
pid = os.fork()
with tracing.span("after"):
    pass
if pid == 0:
    tracing.flush(60)
    os._exit(0)
os.waitpid(pid, 0)
"""
    assert ended(code) == (0, ["False after", "True after", "True before"])


def test_a_process_started_within_a_span_is_below_it() -> None:
    parent = f"00-{'a' * 32}-{'b' * 16}-01"
    code = "print(tracing.current_trace())\nwith tracing.span('x') as x: print('id', x.trace_id)"
    _, said = ended(code, TRACEPARENT=parent)
    assert f"id {'a' * 32}" in said


def test_without_a_key_nothing_is_traced_and_nothing_fails() -> None:
    code = "import os; os.environ.pop('TRIMTAB_API_KEY', None); os.environ.pop('TRIMTAB_ADMIN_KEY', None)\n"
    code += "import sys\nfrom trimtab.sdk import trace\n@trace\ndef f(): return 1\n"
    code += "print(f(), 'opentelemetry' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True, timeout=PATIENCE_S) == "1 False\n"


def test_a_provider_that_the_application_has_is_joined() -> None:
    code = """
import os
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from trimtab.sdk import tracing
class Out(SpanExporter):
    def export(self, spans):
        for span in spans:
            os.write(1, f"{span.name} {span.resource.attributes['service.name']}\\n".encode())
        return SpanExportResult.SUCCESS
    def shutdown(self): pass
trace.set_tracer_provider(TracerProvider(resource=Resource({"service.name": "theirs"})))
tracing.configure(exporter=Out(), service="ours")
with trace.get_tracer("x").start_as_current_span("outer"), tracing.span("inner"):
    pass
"""
    said = subprocess.check_output([sys.executable, "-c", code], text=True, timeout=PATIENCE_S)
    assert sorted(said.split("\n")) == ["", "inner theirs", "outer theirs"]
