"""What an append costs the event loop: 2 KB in, 1 KB out, at some calls in flight.

    python bench/telemetry/spool.py [--folder DIR]

``us`` is wall time per append in one loop that does nothing else (asyncio's own cost of a wait included); ``cpu_us``
also counts the thread that opens and closes segments.
"""

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path

import uvloop
from material import Material

from trimtab.telemetry.records import CallRecord
from trimtab.telemetry.spool.segments import Sync
from trimtab.telemetry.spool.spool import Spool

PLANS: list[tuple[int, int, Sync]] = [
    (1, 40_000, "normal"),
    (50, 100_000, "normal"),
    (1, 2_000, "full"),
    (50, 40_000, "full"),
]


async def measure(folder: Path, records: list[CallRecord], in_flight: int, count: int, sync: Sync) -> dict[str, object]:
    spool = Spool(folder, f"bench-{in_flight}-{sync}", sync=sync)
    worst = 0.0

    async def client() -> None:
        nonlocal worst
        for number in range(count // in_flight):
            began = time.perf_counter()
            await spool.append(records[number % len(records)])
            worst = max(worst, time.perf_counter() - began)

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*[client() for _ in range(in_flight)])
    took, used = time.perf_counter() - began, time.process_time() - cpu
    spool.close()
    done = spool.appended
    return {
        "sync": sync,
        "in_flight": in_flight,
        "per_s": round(done / took),
        "us": round(took / done * 1e6, 1),
        "cpu_us": round(used / done * 1e6, 1),
        "worst_ms": round(worst * 1000, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=None)
    options = parser.parse_args()
    records = list(Material().calls(2_000, end_ns=time.time_ns(), hours=1, project="bench"))
    plans: list[tuple[int, int, Sync]] = [
        (1, 40_000, "normal"),
        (50, 100_000, "normal"),
        (1, 2_000, "full"),
        (50, 40_000, "full"),
    ]
    for in_flight, count, sync in plans:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            print(json.dumps(uvloop.run(measure(Path(folder), records, in_flight, count, sync))), flush=True)


if __name__ == "__main__":
    main()
