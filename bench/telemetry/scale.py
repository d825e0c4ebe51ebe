"""The questions of `queries.py` on a store of ten million spans.

    python -m bench.telemetry.scale --spans 10000000 [--days 10] [--text 0.5] [--keep DIR] [--rounds 40] [--docs]

Records go to the spool while the telemetry process drains it, never more than ``--backlog`` MB ahead, so that the disk
holds the store and little else. ``--days`` says over how many days the calls lie: with 10, a day is a tenth of them;
with 1, every question over a day is about all of them. ``--text`` scales the length of what is said: at 1 a call has
about 2 KB in and 1 KB out, and a million spans take 3.2 GB.

``--keep`` keeps the store there, and a second run on the same folder asks without filling. ``--docs`` rewrites the
results in docs/benchmarks.md: those of one day and those of more lie side by side.
"""

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from house import TelemetryProcess
from material import Material, fill_spool
from queries import measure
from run import machine_line, question_table, write

from trimtab.telemetry.records import CallRecord

# Of the questions that have one at 10 M spans: milliseconds, p95.
BARS = {
    "open_trace": 100.0,
    "newest": 100.0,
    "newest_of_a_user": 100.0,
    "newest_slow_and_dear": 100.0,
    "groups_of_all": 300.0,
    "groups": 300.0,
    "common_word": 500.0,
    "rare_word": 500.0,
    "part_of_an_order_number": 500.0,
    "phrase": 500.0,
}
NOTE = "filled.json"


class Scaled(Material):
    """The same calls with texts of another length."""

    def __init__(self, seed: int, share: float) -> None:
        super().__init__(seed)
        self._share = share

    def text(self, size: int) -> str:
        return super().text(max(1, round(size * self._share)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=10_000_000, help="two a call")
    parser.add_argument("--days", type=float, default=10.0)
    parser.add_argument("--text", type=float, default=0.5, help="1: about 2 KB in, 1 KB out")
    parser.add_argument("--backlog", type=int, default=1024, help="MB of records in the spool, at most")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--only", default="", help="a part of a question's name")
    parser.add_argument("--docs", action="store_true")
    options = parser.parse_args()
    folder = options.keep or Path(tempfile.mkdtemp(prefix="trimtab-bench-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with TelemetryProcess(folder) as process:
            told = fill(process, folder, options)
            print(json.dumps(told), f"merged after {process.wait_merged(1_800):.0f} s more", flush=True)
            found = asyncio.run(measure(folder, options.rounds, options.only))
            told |= dict(zip(("rss_mb", "peak_rss_mb"), process.rss_mb(), strict=True))
            told |= {"disk_mb": process.active_mb()}
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    text = render(told, found)
    print(text)
    if options.docs:
        write(text, "telemetry-scale-day" if told["days"] <= 1 else "telemetry-scale-days")


def fill(process: TelemetryProcess, folder: Path, options: argparse.Namespace) -> dict[str, float]:
    """What the store was filled with; from an earlier run where there was one."""
    note = folder / NOTE
    if note.exists():
        told: dict[str, float] = json.loads(note.read_text())
        process.wait_until(int(told["spans"]))
        return told
    process.wait_until(0)
    calls = options.spans // 2
    material = Scaled(7, options.text).calls(calls, end_ns=time.time_ns(), hours=options.days * 24, project="bench")
    began = time.perf_counter()
    _, size = fill_spool(folder / "spool", patient(material, folder / "spool", options.backlog << 20))
    process.wait_until(2 * calls)
    took = time.perf_counter() - began
    told = {
        "spans": 2 * calls,
        "days": options.days,
        "text": options.text,
        "spool_mb": size >> 20,
        "seconds": round(took),
        "spans_per_s": round(2 * calls / took),
        "cpu_us_per_call": round(process.cpu_s() / calls * 1e6, 1),
    }
    note.write_text(json.dumps(told))
    return told


def patient(records: Iterator[CallRecord], spool: Path, most: int) -> Iterator[CallRecord]:
    """The records, but none while so many bytes wait in the spool."""
    for number, record in enumerate(records):
        if number % 2_000 == 0:
            while _size(spool) > most:
                time.sleep(0.2)
        yield record


def _size(folder: Path) -> int:
    found = 0
    for entry in os.scandir(folder):
        try:
            found += entry.stat().st_size
        except FileNotFoundError:  # drained meanwhile
            continue
    return found


def render(told: dict[str, float], found: dict[str, dict[str, float]]) -> str:
    """The results as Markdown."""
    spread = "within 24 hours" if told["days"] <= 1 else f"over {told['days']:.0f} days"
    said = f"{told['spool_mb'] * 2**20 / told['spans'] * 2 / 1000:.1f} KB of records a call"
    lines = [
        f"{machine_line()}; {told['spans']:,.0f} spans of {told['spans'] / 2:,.0f} calls {spread}, {said}.",
        "",
        (
            f"Filled at {told['spans_per_s']:,.0f} spans/s, its records being made on the same cores and merging "
            f"included; {told['disk_mb']:,.0f} MB on disk, {told['peak_rss_mb']:,.0f} MB resident at its highest."
        ),
        "",
        *question_table(found, BARS),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
