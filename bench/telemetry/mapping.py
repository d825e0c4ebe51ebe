"""CPU of a foreign span from protobuf to encoded rows, by part, in one process and without any store.

    python bench/telemetry/mapping.py [--spans 4000] [--batch 500] [--rounds 12]
    python bench/telemetry/mapping.py --large     # the spans that `peers.py` sends: OpenInference's, 3.2 KB
    python bench/telemetry/mapping.py --count 30  # Python instructions a span, those of the 30 functions with most

The spans are those of `otlp.py` (0.9 KB) unless told otherwise. Each batch is taken several times and its least CPU
time is kept, so that what else runs on the machine shows less. ``plan`` is everything the writer does before rows:
decoding, raw JSON, reading, texts, prices, what counts; ``rows`` makes them, detectors included; ``encode`` is Arrow.
The parts in small letters are measured apart and lie within ``plan``, but for ``door``: what the server does with a
body before it is in the spool. Instructions do not depend on the machine, so they can be compared where others work
beside; but they are not equally dear, and what they call in C is not counted.
"""

import argparse
import gc
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from types import CodeType, FrameType
from typing import Any

from otlp import bodies
from peer_spans import make

from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.conventions import canonical
from trimtab.telemetry.detectors import Detectors
from trimtab.telemetry.foreign.protobuf import all_spans
from trimtab.telemetry.foreign.spans import ForeignBatch
from trimtab.telemetry.foreign.texts import texts_of
from trimtab.telemetry.mapping.before import Stored
from trimtab.telemetry.mapping.came import arrival_of
from trimtab.telemetry.mapping.prices import ForeignPrices
from trimtab.telemetry.mapping.rows import ForeignRows
from trimtab.telemetry.mapping.traces import ForeignTraces
from trimtab.telemetry.otlp.sink import Origin
from trimtab.telemetry.otlp.traces import take_protobuf
from trimtab.telemetry.process import GC_THRESHOLD
from trimtab.telemetry.rows import Rows
from trimtab.telemetry.silent import Silent


class Least:
    """The least CPU time of each part of each batch."""

    def __init__(self) -> None:
        self._ns: dict[tuple[str, int], int] = {}

    def time(self, part: str, batch: int, work: Callable[[], Any]) -> Any:
        began = time.process_time_ns()
        made = work()
        spent = time.process_time_ns() - began
        self._ns[part, batch] = min(spent, self._ns.get((part, batch), spent))
        return made

    def us_per_span(self, spans: int) -> dict[str, float]:
        found: dict[str, float] = {}
        for (part, _), spent in self._ns.items():
            found[part] = found.get(part, 0) + spent / 1000 / spans
        whole = sum(value for part, value in found.items() if part.isupper())
        return {part: round(value, 1) for part, value in {**found, "WHOLE": whole}.items()}


def measure(records: list[ForeignBatch], rounds: int, folder: Path) -> Least:
    least = Least()
    prices = ForeignPrices()
    for _ in range(rounds):
        traces = ForeignTraces(canonical, Nothing(), prices, time.time_ns)
        maker = ForeignRows(FolderBlobs(folder), Silent(Detectors()))
        for number, record in enumerate(records):
            _parts(least, number, record)
            _whole(least, number, record, traces, maker)
    return least


def count(records: list[ForeignBatch], folder: Path) -> Counter[CodeType]:
    """The bytecode instructions of each function while all records are mapped, for the second time."""
    steps: Counter[CodeType] = Counter()

    def called(frame: FrameType, event: str, arg: object) -> Any:
        del arg
        if event == "call":
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
        elif event == "opcode":
            steps[frame.f_code] += 1
        return called

    measure(records, 1, folder)  # what only a first span needs
    traces = ForeignTraces(canonical, Nothing(), ForeignPrices(), time.time_ns)
    maker = ForeignRows(FolderBlobs(folder), Silent(Detectors()))
    sys.settrace(called)
    for number, record in enumerate(records):
        rows = Rows()
        traces.plan([(number, record)]).rows(rows, maker)
        for table in rows.tables():
            table.encoded()
    sys.settrace(None)
    return steps


class Nothing:
    """A store that has none of the traces."""

    def __call__(self, project: str, spans: dict[str, list[str]], low_ns: int, high_ns: int) -> dict[str, Stored]:
        del project, spans, low_ns, high_ns
        return {}

    def newest(self, project: str, from_ns: int) -> int | None:
        del project, from_ns
        return 0

    def newest_call(self, project: str, from_ns: int) -> int | None:
        del project, from_ns
        return 0

    def called(self, project: str, traces: list[str], low_ns: int, high_ns: int) -> set[str]:
        del project, traces, low_ns, high_ns
        return set()


def _parts(least: Least, number: int, record: ForeignBatch) -> None:
    least.time("door", number, lambda: take_protobuf(record.otlp, Origin(record.project, "", record.arrived_ns)))
    spans = least.time("decode", number, lambda: all_spans(record))
    least.time("raw", number, lambda: [arrival_of(0, record, span) for span in spans])
    read = least.time("read", number, lambda: [canonical(span) for span in spans])
    least.time("texts", number, lambda: [texts_of(span) for span in read])


def _whole(least: Least, number: int, record: ForeignBatch, traces: ForeignTraces, maker: ForeignRows) -> None:
    plan = least.time("PLAN", number, lambda: traces.plan([(number, record)]))
    rows = Rows()
    least.time("ROWS", number, lambda: plan.rows(rows, maker))
    least.time("ENCODE", number, lambda: [table.encoded() for table in rows.tables() if table is not rows.arrivals])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=4_000)
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--count", type=int, metavar="FUNCTIONS", help="count instructions instead")
    options = parser.parse_args()
    now = time.time_ns()
    made = (
        [each.body for each in make(options.spans, options.batch, now).batches]
        if options.large
        else bodies(options.spans, options.batch)
    )
    records = [ForeignBatch(project="bench", arrived_ns=now, otlp=body) for body in made]
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLD)
    with TemporaryDirectory() as folder:
        if options.count is not None:
            steps = count(records, Path(folder))
            print(f"{steps.total() / options.spans:.0f} instructions a span")
            for code, found in steps.most_common(options.count):
                print(f"{found / options.spans:8.1f}  {code.co_qualname} ({Path(code.co_filename).name})")
            return
        least = measure(records, options.rounds, Path(folder))
    print(json.dumps(least.us_per_span(options.spans)))


if __name__ == "__main__":
    main()
