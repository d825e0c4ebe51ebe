"""The whole run: a store of a million spans filled from the spool, then the questions people ask, against the bars.

    python -m bench.telemetry.run [--calls 500000] [--rounds 40] [--docs]

``--docs`` rewrites the results in docs/benchmarks.md. A data folder of some 3 GB is made and removed.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from house import TelemetryProcess
from ingest import ingest
from queries import measure

DOCS = Path("docs/benchmarks.md")

# question: (what it is, the bar for its p95 in ms at a million spans; None: told, not judged)
QUESTIONS: dict[str, tuple[str, float | None]] = {
    "open_trace": ("open a trace", 50),
    "open_texts": ("open the texts of a span", None),
    "newest": ("newest 50, filtered by model, feature and status", 50),
    "newest_of_a_user": ("newest 50 of one user", 50),
    "newest_slow_and_dear": ("newest 50 above a cost and a duration", None),
    "groups_of_all": ("24 h group-by with percentiles, of all calls", 100),
    "groups": ("24 h group-by with percentiles, all users but one", 100),
    "overview": ("the overview page: totals, the day before, groups, series", None),
    "facets": ("facets of 24 h", None),
    "common_word": ("substring over 24 h: a common word", 600),
    "rare_word": ("substring over 24 h: a rare word", 600),
    "part_of_an_order_number": ("substring over 24 h: a part of a number, not found", 600),
    "phrase": ("substring over 24 h: a phrase", 600),
    "text_and_sums": ("a common word, counted over all of 24 h", None),
}
INGEST_BAR = 15_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=500_000, help="two spans each")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--docs", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="trimtab-bench-") as folder:
        data_dir = Path(folder)
        filled = ingest(data_dir, options.calls, hours=24.0, seed=7)
        print(filled, flush=True)
        with TelemetryProcess(data_dir) as process:
            process.wait_until(2 * options.calls)
            print(f"merged after {process.wait_merged():.0f} s more", flush=True)
            found = asyncio.run(measure(data_dir, options.rounds, ""))
            rss, peak = process.rss_mb()
    text = render(filled, found, rss, peak)
    print(text)
    if options.docs:
        write(text, "telemetry")


def render(filled: dict[str, float], found: dict[str, dict[str, float]], rss: int, peak: int) -> str:
    """The results as Markdown."""
    rate = filled["spans_per_s"]
    spans, calls = 2 * filled["calls"], filled["calls"]
    amount = f"{spans:,.0f} spans of {calls:,.0f} calls, {filled['spool_mb']:,.0f} MB of records"
    speed = f"{filled['calls_per_s']:,.0f} calls/s; bar {INGEST_BAR:,}: {verdict(rate >= INGEST_BAR)}"
    price = f"{filled['cpu_us_per_call']:.0f} us of CPU per call over all threads, {filled['disk_mb']:,.0f} MB on disk"
    memory = (
        f"{filled['peak_rss_mb']:,.0f} MB resident at its highest ({rss:,} and {peak:,} MB while questions were asked)"
    )
    merged = (
        f"Merging went on for {filled['merging_s']:.0f} s after that: {filled['spans_per_s_merged']:,.0f} spans/s and"
        f" {filled['cpu_us_per_call_merged']:.0f} us a call with all of it."
    )
    lines = [
        f"{machine_line()}; {amount}.",
        "",
        f"**From spool to store: {rate:,.0f} spans/s** ({speed}), engine start included; {price}, {memory}. {merged}",
        "",
        *question_table(found, {name: bar for name, (_, bar) in QUESTIONS.items() if bar}),
    ]
    return "\n".join(lines)


def machine_line() -> str:
    """When and on what it was measured."""
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    load = f"load average {os.getloadavg()[0]:.1f}"
    return f"Measured {when}, {os.cpu_count()} cores, Python {sys.version.split()[0]}, {load}"


def question_table(found: dict[str, dict[str, float]], bars: dict[str, float]) -> list[str]:
    """The lines of a table of what was asked, beside the bars in milliseconds."""
    lines = [
        "| question, through the API's reader over the unix socket | p50 | p95 | worst | bar (p95) | |",
        "|---|---|---|---|---|---|",
    ]
    for name, (what, _) in QUESTIONS.items():
        if name not in found:
            continue
        took, bar = found[name], bars.get(name)
        limit, told = (f"{bar:.0f} ms", verdict(took["p95"] <= bar)) if bar else ("", "")
        lines.append(
            f"| {what} | {took['p50']:.0f} ms | {took['p95']:.0f} ms | {took['max']:.0f} ms | {limit} | {told} |"
        )
    return lines


def verdict(met: bool) -> str:
    return "met" if met else "**missed**"


def write(text: str, place: str) -> None:
    """Put the results where the page says that those of ``place`` belong."""
    start, end = f"<!-- bench:{place}:start -->", f"<!-- bench:{place}:end -->"
    head, begins, rest = DOCS.read_text().partition(start)
    _, ends, tail = rest.partition(end)
    if not begins or not ends:
        raise SystemExit(f"{DOCS} has no place for {place}: put {start} and {end} where the results belong.")
    DOCS.write_text(f"{head}{start}\n{text}\n{end}{tail}")


if __name__ == "__main__":
    main()
