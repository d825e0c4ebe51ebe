"""What people wait for: questions through `TelemetryReader` over the unix socket, on a store filled by `ingest.py`.

    python bench/telemetry/queries.py --data-dir DIR [--rounds 40]

Each round asks something new (another trace, model, word), so that no cache of whole results can help.
"""

import argparse
import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from house import TelemetryProcess
from material import FEATURES, MODELS, Material

from trimtab.telemetry.reader import TelemetryReader
from trimtab.telemetry.views import Window

PROJECT = "bench"
Ask = Callable[[], Awaitable[object]]


class Questions:
    def __init__(
        self, reader: TelemetryReader, window: Window, traces: list[str], spans: list[tuple[str, str]]
    ) -> None:
        self.reader = reader
        self.window = window
        self.traces = traces
        self.spans = spans
        self.random = random.Random(3)
        material = Material()
        self.common = material.words[20:400]
        self.rare = material.words[5_000:20_000]

    async def open_trace(self) -> object:
        found = await self.reader.trace(PROJECT, self.random.choice(self.traces))
        assert found is not None
        assert len(found.spans) == 2
        return found

    async def open_texts(self) -> object:
        found = await self.reader.span_io(PROJECT, *self.random.choice(self.spans))
        assert found is not None
        assert found.input
        return found

    async def newest(self) -> object:
        q = f"model:{self.random.choice(MODELS)} feature:{self.random.choice(FEATURES)} -status:error"
        return await self.reader.traces(PROJECT, q, self.window, None, 50)

    async def newest_of_a_user(self) -> object:
        q = f"user:user-{self.random.randint(1, 5000)}"
        return await self.reader.traces(PROJECT, q, self.window, None, 50)

    async def newest_slow_and_dear(self) -> object:
        q = f"cost:>{self.random.uniform(0.0001, 0.0002):.6f} duration:>{self.random.randint(800, 3000)}ms"
        return await self.reader.traces(PROJECT, q, self.window, None, 50)

    async def groups_of_all(self) -> object:
        """One group-by with percentiles of all calls in the window, which begins at another minute each time."""
        start = self.window.start - self.random.randint(0, 30) * 60_000
        window = Window(start=start, end=start + 86_400_000)
        return await self.reader.groups(PROJECT, "", window, self.random.choice(("model", "feature", "key")))

    async def groups(self) -> object:
        """The same of all but one user's calls: no sums made beforehand could answer it."""
        q = f"-user:user-{self.random.randint(1, 5000)}"
        return await self.reader.groups(PROJECT, q, self.window, "model")

    async def overview(self) -> object:
        """The console's first page: totals, the window before, groups, series."""
        return await self.reader.overview(PROJECT, f"-user:user-{self.random.randint(1, 5000)}", self.window, "model")

    async def facets(self) -> object:
        return await self.reader.facets(PROJECT, f"-user:user-{self.random.randint(1, 5000)}", self.window)

    async def common_word(self) -> object:
        return await self.reader.traces(PROJECT, self.random.choice(self.common), self.window, None, 50)

    async def rare_word(self) -> object:
        return await self.reader.traces(PROJECT, self.random.choice(self.rare), self.window, None, 50)

    async def part_of_an_order_number(self) -> object:
        return await self.reader.traces(PROJECT, f"{self.random.randint(0, 99999):05d}x", self.window, None, 50)

    async def phrase(self) -> object:
        q = f'"{self.random.choice(self.common)} {self.random.choice(self.rare)}"'
        return await self.reader.traces(PROJECT, q, self.window, None, 50)

    async def text_and_sums(self) -> object:
        """A word, counted over the whole window: nothing can end early."""
        return await self.reader.groups(PROJECT, self.random.choice(self.common), self.window, "model")


async def measure(data_dir: Path, rounds: int, only: str) -> dict[str, dict[str, float]]:
    reader = TelemetryReader(data_dir / "run" / "telemetry.sock")
    now = time.time_ns() // 1_000_000
    page = await reader.traces(PROJECT, "", Window(start=0, end=now), None, 1)
    newest = int(page.rows[0].started)
    window = Window(start=newest - 86_400_000, end=newest + 1)
    traces: list[str] = []
    spans: list[tuple[str, str]] = []
    for hour in range(24):
        part = Window(start=window.start + hour * 3_600_000, end=window.start + (hour + 1) * 3_600_000)
        rows = (await reader.traces(PROJECT, "-status:error", part, None, 20)).rows
        traces += [row.trace_id for row in rows]
        spans += [(row.trace_id, row.span_id) for row in rows]
    questions = Questions(reader, window, traces, spans)
    names = [name for name in vars(Questions) if not name.startswith("_") and only in name]
    found: dict[str, dict[str, float]] = {}
    for name in names:
        found[name] = await timed(getattr(questions, name), rounds)
        print(f"{name:28}", "  ".join(f"{key} {value:8.1f}" for key, value in found[name].items()), flush=True)
    await reader.aclose()
    return found


async def timed(ask: Ask, rounds: int) -> dict[str, float]:
    """Milliseconds. The first three rounds warm up and do not count."""
    times: list[float] = []
    for number in range(rounds + 3):
        began = time.perf_counter()
        await ask()
        if number >= 3:
            times.append((time.perf_counter() - began) * 1000)
    times.sort()
    return {"p50": times[len(times) // 2], "p95": times[min(len(times) - 1, int(len(times) * 0.95))], "max": times[-1]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--only", default="", help="a part of a question's name")
    options = parser.parse_args()
    with TelemetryProcess(options.data_dir) as process:
        process.wait_until(1)
        print(json.dumps({"spans": process.health()["spans"], "disk_mb": process.disk_mb()}))
        asyncio.run(measure(options.data_dir, options.rounds, options.only))
        print(json.dumps(dict(zip(("rss_mb", "peak_rss_mb"), process.rss_mb(), strict=True))))


if __name__ == "__main__":
    main()
