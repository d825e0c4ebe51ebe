"""CPU of foreign spans from protobuf to encoded rows, in one process and with mapping processes beside it, no store.

    python bench/telemetry/helped.py [--spans 24000] [--mappers 1] [--rounds 5]

The spans are those of `otlp.py`, in records as the door makes them, one batch of all of them. Both ways take turns on
the same batch; the least CPU of each is kept. ``decide`` is the process that owns the store, with mapping processes;
``map`` are those; ``alone`` is one process that does it all. Seconds by the clock are the least as well; what else runs
on the machine counts in those.
"""

import argparse
import gc
import json
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from mapping import Nothing
from otlp import bodies

from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.conventions import canonical
from trimtab.telemetry.detectors import Detectors
from trimtab.telemetry.foreign.spans import ForeignBatch
from trimtab.telemetry.mapping.away import Hands
from trimtab.telemetry.mapping.plan import Plan
from trimtab.telemetry.mapping.pool import Helpers
from trimtab.telemetry.mapping.prices import ForeignPrices
from trimtab.telemetry.mapping.rows import ForeignRows
from trimtab.telemetry.mapping.traces import ForeignTraces
from trimtab.telemetry.otlp.sink import Origin
from trimtab.telemetry.otlp.traces import take_protobuf
from trimtab.telemetry.process import hands_of
from trimtab.telemetry.rows import Rows
from trimtab.telemetry.silent import Silent

_TICK = os.sysconf("SC_CLK_TCK")


def one_batch(records: list[ForeignBatch], folder: Path, hands: Hands | None, silent: Silent) -> int:
    """Map them all; returns the bytes of the columns."""
    traces = ForeignTraces(canonical, Nothing(), ForeignPrices(), time.time_ns)
    rows, maker = Rows(), ForeignRows(FolderBlobs(folder), silent)
    away = None if hands is None else hands.batch(backlog=True)
    if (away is None) != (hands is None):
        raise RuntimeError("no mapping process is ready")

    def portion(plan: Plan) -> None:
        plan.rows(rows, maker, away)
        rows.seal()
        if away is not None:
            away.flush()

    plan = traces.plan(list(enumerate(records)), (), portion, away)
    if away is not None:
        away.collect(rows, plan)
        away.close()
    if plan.broken:
        raise RuntimeError(f"broken: {plan.broken[:3]}")
    encoded = [table.encoded() for table in rows.tables() if table is not rows.arrivals]
    return sum(len(piece) for each in encoded if each is not None for piece in each[1])


def cpu_s(pids: list[int]) -> float:
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(each[11]) + int(each[12]) for each in fields) / _TICK


def measure(records: list[ForeignBatch], folder: Path, options: argparse.Namespace) -> dict[str, float]:
    silent = Silent(Detectors())
    hands = hands_of(folder, options.mappers, silent, ForeignPrices())
    if hands is None:
        raise SystemExit("--mappers needs one at least")
    helpers: Helpers = hands.helpers
    while len(helpers.ready(backlog=True)) < options.mappers:
        time.sleep(0.05)
    least: dict[str, float] = {}

    def keep(name: str, spent_s: float) -> None:
        us = spent_s / options.spans * 1e6
        least[name] = min(us, least.get(name, us))

    for _ in range(options.rounds):
        for with_hands in (None, hands):
            wall, own, theirs = time.perf_counter(), time.process_time(), cpu_s(helpers.pids)
            size = one_batch(records, folder, with_hands, silent)
            names = ("alone", "alone, by the clock") if with_hands is None else ("decide", "both, by the clock")
            keep(names[0], time.process_time() - own)
            keep(names[1], time.perf_counter() - wall)
            if with_hands is not None:
                keep("map", cpu_s(helpers.pids) - theirs)
            least["bytes of columns"] = round(size / options.spans)
    helpers.close()
    return {name: round(each, 1) for name, each in least.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=24_000)
    parser.add_argument("--mappers", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    now = time.time_ns()
    records = [
        record
        for body in bodies(options.spans, 2_000)
        for record in take_protobuf(body, Origin("bench", "", now)).records
    ]
    gc.collect()
    gc.freeze()
    gc.set_threshold(300_000, 50, 100)  # as in the telemetry process
    with TemporaryDirectory() as folder:
        print(json.dumps(measure(records, Path(folder), options)))


if __name__ == "__main__":
    main()
