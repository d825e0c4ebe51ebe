"""Spans per second from spool to store: the spool is full, the telemetry process starts, the clock runs until the last
span can be queried. Opening the engine is in the time. What the engine merges after that is told beside it: merging is
put off during a backlog, and a load that never pauses has to pay for it in the end.

    python bench/telemetry/ingest.py --calls 500000 --data-dir DIR [--hours 24]
"""

import argparse
import json
import time
from pathlib import Path

from house import TelemetryProcess
from material import Material, fill_spool


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--data-dir", type=Path, required=True)
    options = parser.parse_args()
    print(json.dumps(ingest(options.data_dir, options.calls, hours=options.hours, seed=options.seed), indent=2))


def ingest(data_dir: Path, calls: int, *, hours: float, seed: int) -> dict[str, float]:
    """Fill the spool with ``calls`` calls spread over the last ``hours``, then time the way to the store."""
    with TelemetryProcess(data_dir) as process:
        process.wait_until(0)
        before = int(str(process.health()["spans"]))
    records = Material(seed).calls(calls, end_ns=time.time_ns(), hours=hours, project="bench")
    calls, size = fill_spool(data_dir / "spool", records)
    with TelemetryProcess(data_dir) as process:
        took = process.wait_until(before + 2 * calls)
        rss, peak = process.rss_mb()
        cpu_s, disk_mb = process.cpu_s(), process.disk_mb()
        merging = process.wait_merged(300.0)
        return {
            "calls": calls,
            "spool_mb": size >> 20,
            "seconds": round(took, 2),
            "calls_per_s": round(calls / took),
            "spans_per_s": round(2 * calls / took),
            "cpu_us_per_call": round(cpu_s / calls * 1e6, 1),
            "merging_s": round(merging, 1),
            "spans_per_s_merged": round(2 * calls / (took + merging)),
            "cpu_us_per_call_merged": round(process.cpu_s() / calls * 1e6, 1),
            "rss_mb": rss,
            "peak_rss_mb": peak,
            "disk_mb": disk_mb,
        }


if __name__ == "__main__":
    main()
