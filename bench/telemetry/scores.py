"""Searches of scores at three million of them: `python bench/telemetry/scores.py [FOLDER]`.

A million and a half traces over thirty days with random ids, as foreign ones have (the worst case: what is near in time
lies far apart), and two scores of each. Asked as the API asks: the list of scores, searches of traces by score, means.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from trimtab.telemetry.answers import rows_of
from trimtab.telemetry.reader import TelemetryReader
from trimtab.telemetry.score_book import ScoreBook, Wanted
from trimtab.telemetry.search.aggregate import Aggregation, aggregate
from trimtab.telemetry.stores import ROWS, Store, Value, bind, open_store
from trimtab.telemetry.views import Window

T = TypeVar("T")
TRACES: Final = 1_500_000
DAY_MS: Final = 86_400_000
T0_MS: Final = 1_790_000_000_000
STEP_NS: Final = 30 * DAY_MS * 1_000_000 // TRACES
BATCHES: Final = 15
ROUNDS: Final = 15


def fill(store: Store) -> None:
    """As batches come, so that parts merge as they do."""
    size = TRACES // BATCHES
    trace = "lower(hex(MD5(toString({n}))))"
    for number in range(BATCHES):
        first = number * size
        store.query(
            "INSERT INTO spans (project, trace_id, span_id, entry, leaf, kind, name, status, start_ns, duration_ns,"
            f" model, user) SELECT 'p', {trace.format(n='number')}, substring(lower(hex(MD5(concat('s',"
            " toString(number))))), 1, 16), 1, 1, 'llm', 'call', if(number % 50 = 0, 'error', 'ok'),"
            f" {T0_MS}000000 + number * {STEP_NS}, rand() % 1000000000, ['a', 'b', 'c'][1 + number % 3],"
            f" concat('user', toString(number % 5000)) FROM numbers({first}, {size})",
            {},
        )
        store.query(
            "INSERT INTO scores (project, id, target, trace_id, name, value, label, explanation, source, evaluator,"
            " at_ns, valid, version) SELECT 'p', concat('score_', lower(hex(MD5(concat('i', toString(number)))))),"
            f" 'trace', {trace.format(n='intDiv(number, 2)')},"
            " ['helpful', 'tone', 'refusal', 'length'][1 + number % 4],"
            " (rand(1) % 10000) / 10000, if(number % 4 = 1, ['warm', 'cold', 'flat'][1 + rand(2) % 3], ''),"
            " concat('the answer ', toString(rand(3) % 1000), ' was judged by rule ', toString(number % 37)),"
            f" if(number % 2, 'llm', 'detector'), 'judge', {T0_MS}000000 + intDiv(number, 2) * {STEP_NS} + 2000000000,"
            f" 1, {T0_MS}000000 + number FROM numbers({2 * first}, {2 * size})",
            {},
        )


class Direct(TelemetryReader):
    """The reader on the store in this process."""

    def __init__(self, store: Store) -> None:
        super().__init__(Path("nowhere"))
        self._store = store

    async def _ask(self, sql: str, params: Mapping[str, Value], fmt: str = ROWS, bounds: str = "") -> tuple[bytes, int]:
        settings = f" SETTINGS {bounds}" if bounds else ""
        return self._store.query(sql + settings, bind(params), fmt), 0

    async def ask(
        self, line: type[T], sql: str, params: Mapping[str, Value], bounds: str = "", fmt: str = ROWS
    ) -> list[T]:
        return rows_of(line, (await self._ask(sql, params, fmt, bounds))[0])


async def _nowhere(body: bytes) -> None:
    del body


def questions(reader: Direct) -> dict[str, Callable[[], Awaitable[Any]]]:
    book = ScoreBook(reader, _nowhere)
    end = T0_MS + 30 * DAY_MS + 60_000
    day, month = Window(start=end - DAY_MS, end=end), Window(start=T0_MS, end=end)
    ever = Window(start=0, end=2**53)
    found: dict[str, Callable[[], Awaitable[Any]]] = {}
    for q in ("", "name:helpful value:<0.1", "name:helpful value:<0.0005", "name:tone label:warm", '"rule 7"'):
        found[f"newest 100 scores `{q}`"] = lambda q=q: book.page("p", Wanted(q=q, window=ever), None, 100)
    for q in ("score.helpful:<0.5", "score.helpful:<0.0005", "score.tone:warm", "-has:score"):
        for name, window in (("day", day), ("month", month)):
            found[f"newest 50 traces of a {name} `{q}`"] = lambda q=q, w=window: reader.traces("p", q, w, None, 50)
    asked = Aggregation(metrics=["avg(score.helpful)", "below(score.helpful, 0.5)"], group_by=["model"])
    for name, window in (("day", day), ("month", month)):
        found[f"mean and share below, by model, of a {name}"] = lambda w=window: aggregate(reader, "p", "", w, asked)
    return found


async def measure(reader: Direct) -> None:
    print("| question | p50 | p95 | CPU |\n|---|---|---|---|")
    for name, ask in questions(reader).items():
        took: list[float] = []
        used: list[float] = []
        await ask()
        for _ in range(ROUNDS):
            began, cpu = time.perf_counter(), time.process_time()
            await ask()
            took.append((time.perf_counter() - began) * 1000)
            used.append((time.process_time() - cpu) * 1000)
        p95 = sorted(took)[int(len(took) * 0.95)]
        print(
            f"| {name} | {statistics.median(took):.0f} ms | {p95:.0f} ms | {statistics.median(used):.0f} ms |",
            flush=True,
        )
    await reader.aclose()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", help="A store that was filled before; one is made if left out.")
    given = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as made:
        store = open_store(f"chdb://{given or made}")
        store.prepare()
        if given is None:
            fill(store)
        print(f"load average {os.getloadavg()[0]:.1f}")
        asyncio.run(measure(Direct(store)))
        store.close()


if __name__ == "__main__":
    main()
