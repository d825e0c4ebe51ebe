"""Foreign spans per second from spool to store: the telemetry process runs and idles, a spool full of OTLP is moved
into its folder, the clock runs until the last span can be queried. Opening the engine is not in the time.

    python bench/telemetry/foreign.py [--spans 100000] [--large] [--data-dir DIR] [--threads]

The spans are those of `otlp.py`, with ``--large`` those that `peers.py` sends (OpenInference's, 3.2 KB), taken by the
door's own code (`telemetry/otlp/traces.py`). CPU is that of the telemetry process and of the processes that it starts;
``--threads`` tells it by the names of threads as well.
"""

import argparse
import json
import os
import time
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

from house import TelemetryProcess
from otlp import bodies
from peer_spans import make

from trimtab.telemetry.kinds import encode_any
from trimtab.telemetry.otlp.sink import Origin
from trimtab.telemetry.otlp.traces import take_protobuf
from trimtab.telemetry.spool.segments import Segment

_TICK = os.sysconf("SC_CLK_TCK")


def fill_spool(folder: Path, made: list[bytes], *, segment_bytes: int = 16 << 20) -> tuple[int, int]:
    """Write bodies into spool segments as the door would; returns how many records and bytes they come to."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    records = size = 0
    opened = 1
    segment = Segment(folder, "bench", "normal", opened)
    for body in made:
        taken = take_protobuf(body, Origin("bench", "", time.time_ns()))
        block = [(time.time_ns() // 1_000_000, encode_any(record)) for record in taken.records]
        segment.insert(block)
        records += len(block)
        size += sum(len(each) for _, each in block)
        if segment.size >= segment_bytes:
            opened += 1
            segment.close()
            segment = Segment(folder, "bench", "normal", opened)
    segment.close()
    return records, size


def threads_cpu(pid: int) -> dict[str, float]:
    """CPU seconds of a process's threads by their names, ended ones missing."""
    found: dict[str, float] = defaultdict(float)
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            head, _, rest = (task / "stat").read_text().rpartition(")")
        except OSError:
            continue
        fields = rest.split()
        found[head.partition("(")[2].rstrip("0123456789_-")] += (int(fields[11]) + int(fields[12])) / _TICK
    return found


def children_cpu(pid: int) -> float:
    """CPU seconds of the processes below one, those that live."""
    found = 0.0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == pid:
                found += (int(fields[11]) + int(fields[12])) / _TICK + children_cpu(int(entry.name))
    return found


def ingest(
    data_dir: Path, spans: int, *, batch: int = 2_000, large: bool = False, threads: bool = False
) -> dict[str, object]:
    aside = data_dir / "aside"
    made = [each.body for each in make(spans, batch, time.time_ns()).batches] if large else bodies(spans, batch)
    records, size = fill_spool(aside, made)
    with TelemetryProcess(data_dir) as process:
        process.wait_until(0)
        pid = process.pid
        idle_s, idle_by_thread = process.cpu_s() + children_cpu(pid), threads_cpu(pid)
        idle_faults = process.page_faults()
        began = time.perf_counter()
        for path in sorted(aside.iterdir(), reverse=True):  # its records before its lock: what has no lock is whole
            path.rename(data_dir / "spool" / path.name)
        process.wait_until(spans)
        took = time.perf_counter() - began
        cpu = process.cpu_s() + children_cpu(pid) - idle_s
        faults = process.page_faults() - idle_faults
        by_thread = {
            name: round((cpu_s - idle_by_thread.get(name, 0)) / spans * 1e6, 1)
            for name, cpu_s in threads_cpu(pid).items()
        }
        merging = process.wait_merged(120.0)
        _, peak = process.rss_mb()
        found: dict[str, object] = {
            "spans": spans,
            "records": records,
            "spool_mb": size >> 20,
            "seconds": round(took, 2),
            "spans_per_s": round(spans / took),
            "cores": round(cpu / took, 2),
            "cpu_us_per_span": round(cpu / spans * 1e6, 1),
            "page_faults_per_span": round(faults / spans, 2),
            "merging_s": round(merging, 1),
            "cpu_us_per_span_merged": round((process.cpu_s() + children_cpu(pid) - idle_s) / spans * 1e6, 1),
            "peak_rss_mb": peak,
            "disk_mb": process.disk_mb(),
        }
    if threads:
        found["cpu_us_by_thread"] = {
            name: spent for name, spent in sorted(by_thread.items(), key=lambda each: -each[1]) if spent >= 0.1
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=2_000, help="spans of one request")
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--threads", action="store_true")
    options = parser.parse_args()
    with TemporaryDirectory(prefix="trimtab-bench-") as folder:
        data_dir = options.data_dir or Path(folder)
        found = ingest(data_dir, options.spans, batch=options.batch, large=options.large, threads=options.threads)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
