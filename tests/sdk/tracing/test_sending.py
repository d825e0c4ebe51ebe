"""From the queue to the server: what is lost, what is not, and that the application never waits."""

import gzip
import os
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, cast

import msgspec
import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Status, StatusCode

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


class Encoding(SpanExporter):
    """As OTLP's exporter: what cannot be encoded costs its batch."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.refused = 0

    def export(self, spans: Any) -> SpanExportResult:
        try:
            request = encode_spans(spans)
        except UnicodeEncodeError:
            self.refused += 1
            return SpanExportResult.FAILURE
        self.sent += request.resource_spans[0].scope_spans[0].spans
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        return


def test_half_a_character_costs_neither_its_batch_nor_its_span() -> None:
    """A text that was cut in an emoji, or a file name that is no UTF-8: in an error, a name, a label."""
    exporter = Encoding()
    tracing.configure(exporter=exporter)
    half = "cut \ud83d"
    with pytest.raises(ValueError, match="cut"), tracing.span("fails"):
        raise ValueError(half)
    with tracing.span("labelled", user=half, tags=[half], metadata={half: half}) as labelled:
        labelled.event(half, text=half)
    with tracing.span(half) as named:
        named._inner.set_status(Status(StatusCode.ERROR, half))  # pyright: ignore[reportPrivateUsage]
    with tracing.span("plain Å"):
        pass
    current = PROCESS.current()
    assert current is not None
    assert current.flush(PATIENCE_S)
    stats = current.stats()
    assert (stats.sent, stats.lost, stats.waiting, exporter.refused) == (4, 0, 0, 1)
    names = {each.name: each for each in exporter.sent}
    assert sorted(names) == sorted(["fails", "labelled", "cut \ufffd", "plain Å"])
    said = {pair.key: pair.value.string_value for pair in names["fails"].events[0].attributes}
    assert said["exception.message"] == "cut \ufffd"
    assert "ValueError: cut \ufffd" in said["exception.stacktrace"]
    assert names["fails"].status.message == "ValueError: cut \ufffd"
    assert names["cut \ufffd"].status.message == "cut \ufffd"
    labels = {pair.key: pair.value for pair in names["labelled"].attributes}
    assert labels["user.id"].string_value == "cut \ufffd"
    assert labels["metadata"].string_value == '{"cut \ufffd":"cut \ufffd"}'


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


def test_a_score_that_cannot_be_sent_costs_neither_the_others_nor_the_spans(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quickly(monkeypatch)
    taken: list[dict[str, Any]] = []

    def post(_posting: object, scores: list[dict[str, Any]]) -> None:
        taken.extend(msgspec.json.decode(msgspec.json.encode(scores)))

    monkeypatch.setattr("trimtab.sdk.tracing.process._Posting.post", post)
    exporter = Encoding()
    tracing.configure(exporter=exporter)
    half = "cut \ud83d"
    with tracing.span("scored"):
        tracing.score("whole", label=half, explanation=half)
        tracing.score("broken", cast("Any", object()))
        tracing.score("last", 1.0)
    with tracing.span("after"):
        pass
    assert tracing.flush(PATIENCE_S)
    stats = tracing.stats()
    assert stats is not None
    assert (stats.sent, stats.lost, stats.waiting) == (4, 1, 0)
    assert sorted(each.name for each in exporter.sent) == ["after", "scored"]
    said = {each["name"]: each for each in taken}
    assert sorted(said) == ["last", "whole"]
    assert (said["whole"]["label"], said["whole"]["explanation"]) == ("cut \ufffd", "cut \ufffd")


def test_labels_are_texts_whatever_the_application_has() -> None:
    exporter = Encoding()
    tracing.configure(exporter=exporter)
    seven, nobody, some = cast("Any", 7), cast("Any", None), cast("Any", [3])
    with (
        tracing.labelled(session=seven, user=nobody, tags=some),
        tracing.span("inner", user=cast("Any", 42)),
    ):
        assert "42" in tracing.trace_headers()["baggage"]
    assert tracing.flush(PATIENCE_S)
    labels = {pair.key: pair.value for pair in exporter.sent[0].attributes}
    assert (labels["user.id"].string_value, labels["session.id"].string_value) == ("42", "7")


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


TERMINATED = """
import multiprocessing, os, signal, sys, time
from trimtab.sdk import tracing
def work(number):
    with tracing.span(f"work {number}"):
        return number
if __name__ == "__main__":
    if sys.argv[1] == "configured":
        tracing.configure()
    if sys.argv[1] == "pool":
        with tracing.span("before"):
            pass
        with multiprocessing.get_context("fork").Pool(1) as pool:
            assert pool.map(work, [1]) == [1]
    else:
        work(1)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)
"""


class Door(BaseHTTPRequestHandler):
    """Takes spans."""

    taken: ClassVar[list[bytes]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.taken.append(gzip.decompress(body) if self.headers["content-encoding"] == "gzip" else body)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        return


@pytest.mark.parametrize(
    ("way", "code"), [("configured", -signal.SIGTERM), ("environment", -signal.SIGTERM), ("pool", 0)]
)
def test_what_waits_is_sent_when_a_process_is_asked_to_end_however_it_was_set_up(
    way: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Door, "taken", [])
    program = tmp_path / "program.py"
    program.write_text(TERMINATED)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_address[1]}"
        env = {**os.environ, "TRIMTAB_URL": url, "TRIMTAB_API_KEY": "tt-key"}
        done = subprocess.run([sys.executable, str(program), way], timeout=PATIENCE_S, env=env, check=False)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert done.returncode == code
    assert b"work 1" in b"".join(Door.taken)


POOL = """
import multiprocessing, os, sys
from concurrent.futures import ProcessPoolExecutor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from trimtab.sdk import tracing
class Out(SpanExporter):
    def export(self, spans):
        for span in spans:
            os.write(1, f"{span.name}\\n".encode())
        return SpanExportResult.SUCCESS
    def shutdown(self): pass
def work(number):
    if tracing.process.PROCESS.current() is None:
        tracing.configure(exporter=Out())
    with tracing.span(f"work {number}"):
        return number
if __name__ == "__main__":
    way = sys.argv[1]
    if way == "fork":
        tracing.configure(exporter=Out())
        with tracing.span("before"):
            pass
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(way)) as pool:
        assert list(pool.map(work, range(4))) == [0, 1, 2, 3]
"""


@pytest.mark.parametrize("way", ["fork", "forkserver", "spawn"])
def test_what_the_workers_of_a_pool_traced_is_sent_before_they_end(way: str, tmp_path: Path) -> None:
    """Python ends them without what is registered with `atexit`."""
    program = tmp_path / "pool.py"
    program.write_text(POOL)
    env = {name: text for name, text in os.environ.items() if not name.startswith("TRIMTAB_")}
    said = subprocess.check_output([sys.executable, str(program), way], text=True, timeout=PATIENCE_S, env=env)
    expected = [*(["before"] if way == "fork" else []), *(f"work {number}" for number in range(4))]
    assert sorted(said.splitlines()) == expected


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
