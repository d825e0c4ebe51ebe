"""What an older mapper read is found, noted durably, and made anew from what it was."""

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from makings import project
from msgspec import structs

from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.calls.mapper import CallMapper
from trimtab.telemetry.canonical import CanonicalSpan
from trimtab.telemetry.conventions import canonical, versions
from trimtab.telemetry.foreign.spans import ForeignBatch, ForeignSpan
from trimtab.telemetry.kinds import decode_any, encode_any
from trimtab.telemetry.mapping.prices import ForeignPrices
from trimtab.telemetry.mapping.readings import Read
from trimtab.telemetry.mapping.rewrite import Rewriter, StoreLookup
from trimtab.telemetry.mapping.rows import ForeignRows
from trimtab.telemetry.mapping.traces import ForeignTraces
from trimtab.telemetry.pace import Pace
from trimtab.telemetry.remap import ComesTo, ReadBy, RemapBatch, Remapper, RemapTrace, TooMuch
from trimtab.telemetry.spool.drain import SpoolReader
from trimtab.telemetry.spool.spool import Spool
from trimtab.telemetry.stores import Store, Value, bind
from trimtab.telemetry.views import Window
from trimtab.telemetry.writer import Foreign, Writer

T = TypeVar("T")
NOW = time.time_ns()


class Asked:
    """The store behind `Remapper`, without a server between."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def ask(self, line: type[T], sql: str, params: Mapping[str, Value]) -> list[T]:
        plain = {name: value for name, value in params.items() if isinstance(value, str | int)}
        return msgspec.json.Decoder(line, strict=False).decode_lines(self._store.query(sql, bind(plain)))


def old(span: ForeignSpan) -> CanonicalSpan:
    """A mapper of long ago, which knew of names only."""
    return CanonicalSpan(name=f"old {span.name}", convention="otel_genai", mapper_version=7)


def writer(folder: Path, engine: Store, read: Read) -> Writer:
    blobs, prices = FolderBlobs(folder / "blobs"), ForeignPrices()
    rows = ForeignRows(blobs)
    foreign = Foreign(
        ForeignTraces(read, StoreLookup(engine), prices, time.time_ns), rows, Rewriter(engine, rows, read, prices)
    )
    return Writer(SpoolReader(folder / "spool"), engine, CallMapper(blobs), pace=Pace(), foreign=foreign)


def keep(folder: Path, name: str, *records: msgspec.Struct) -> None:
    async def main() -> None:
        spool = Spool(folder / "spool", name)
        for each in records:
            await spool.keep(encode_any(each))
        spool.close()

    asyncio.run(main())


def chat(number: int) -> ForeignSpan:
    return ForeignSpan(
        trace_id=f"{number:032x}",
        span_id=f"{number:016x}",
        name="chat",
        start_ns=NOW + number * 1_000_000,
        end_ns=NOW + number * 1_000_000 + 5,
        attributes={"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": number},
    )


def rows(engine: Store, of: str) -> list[Any]:
    sql = "SELECT name, kind, input_tokens, leaf FROM spans WHERE project = {project:String} ORDER BY start_ns"
    return [msgspec.json.decode(line) for line in engine.query(sql, bind({"project": of})).splitlines()]


def test_traces_of_an_older_mapper_are_found_page_by_page_and_made_anew_once(tmp_path: Path, engine: Store) -> None:
    mine = project()
    first = writer(tmp_path, engine, old)
    spans = tuple(chat(number) for number in (1, 2, 3))
    keep(tmp_path, "w1", ForeignBatch(project=mine, arrived_ns=NOW, key_id="k", spans=spans))
    first.drain_once()
    first._spool.close()  # pyright: ignore[reportPrivateUsage]
    assert rows(engine, mine) == [["old chat", "span", 0, 0]] * 3

    remapper = Remapper(Asked(engine))
    window = Window(start=NOW // 1_000_000 - 1_000, end=NOW // 1_000_000 + 1_000)
    assert asyncio.run(remapper.read_by(mine, window)) == [ReadBy("otel_genai", 7, 3, 3)]
    assert asyncio.run(remapper.stale(mine, window)) == 3
    assert asyncio.run(remapper.comes_to(mine, window)) == ComesTo(3, 0, 3, 0, 0, 0, 0)
    page = asyncio.run(remapper.page(mine, window, (0, ""), 2, everything=False))
    rest = asyncio.run(remapper.page(mine, window, (page[-1].low_ns, page[-1].trace_id), 2, everything=False))
    found = [*page, *rest]
    assert [trace.trace_id for trace in found] == [span.trace_id for span in spans]
    assert asyncio.run(remapper.page(project(), window, (0, ""), 9, everything=True)) == []

    second = writer(tmp_path, engine, canonical)
    keep(tmp_path, "w2", RemapBatch(project=mine, asked_ns=NOW, traces=tuple(found)))
    second.drain_once()
    assert second.rewrite(NOW // 1_000_000 + 1_000) == 3
    expected = [["chat", "llm", number, 1] for number in (1, 2, 3)]
    assert rows(engine, mine) == expected
    assert asyncio.run(remapper.page(mine, window, (0, ""), 9, everything=False)) == []
    assert asyncio.run(remapper.stale(mine, window)) == 0
    assert asyncio.run(remapper.read_by(mine, window)) == [ReadBy("otel_genai", versions()["otel_genai"], 3, 3)]
    assert asyncio.run(remapper.comes_to(mine, window)) == ComesTo(3, 3, 0, 0, 6, 0, 3)
    keep(tmp_path, "w3", RemapBatch(project=mine, asked_ns=NOW, traces=tuple(found)))
    second.drain_once()
    assert second.rewrite(NOW // 1_000_000 + 1_000) == 3
    assert rows(engine, mine) == expected
    second._spool.close()  # pyright: ignore[reportPrivateUsage]


def test_what_the_mappers_of_today_read_is_not_stale(tmp_path: Path, engine: Store) -> None:
    mine = project()
    one = writer(tmp_path, engine, canonical)
    keep(tmp_path, "w1", ForeignBatch(project=mine, arrived_ns=NOW, key_id="k", spans=(chat(1),)))
    one.drain_once()
    one._spool.close()  # pyright: ignore[reportPrivateUsage]
    window = Window(start=0, end=NOW // 1_000_000 + 1_000)
    remapper = Remapper(Asked(engine))
    assert asyncio.run(remapper.page(mine, window, (0, ""), 9, everything=False)) == []
    assert len(asyncio.run(remapper.page(mine, window, (0, ""), 9, everything=True))) == 1


def test_a_trace_of_which_too_much_came_is_told_and_stays(
    tmp_path: Path, engine: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("mapping.rewrite", "remap"):
        monkeypatch.setattr(f"trimtab.telemetry.{place}.MOST_SPANS", 1)
    mine = project()
    first = writer(tmp_path, engine, old)
    two = (chat(1), structs.replace(chat(1), span_id=f"{8:016x}"))
    keep(tmp_path, "w1", ForeignBatch(project=mine, arrived_ns=NOW, key_id="k", spans=(*two, chat(2))))
    first.drain_once()
    first._spool.close()  # pyright: ignore[reportPrivateUsage]
    remapper = Remapper(Asked(engine))
    window = Window(start=NOW // 1_000_000 - 1_000, end=NOW // 1_000_000 + 1_000)
    found = asyncio.run(remapper.page(mine, window, (0, ""), 9, everything=False))
    second = writer(tmp_path, engine, canonical)
    keep(tmp_path, "w2", RemapBatch(project=mine, asked_ns=NOW, traces=tuple(found)))
    second.drain_once()
    assert second.rewrite(NOW // 1_000_000 + 1_000) == 2
    second._spool.close()  # pyright: ignore[reportPrivateUsage]
    [left] = asyncio.run(remapper.too_much(mine, window))
    assert (left.trace_id, left.spans, left.bytes > 0) == (f"{1:032x}", 2, True)
    assert isinstance(left, TooMuch)
    assert asyncio.run(remapper.stale(mine, window)) == 1


def test_a_trace_that_goes_beyond_the_window_is_made_anew_as_a_whole(tmp_path: Path, engine: Store) -> None:
    """Of a part its calls would be a trace of their own, or its root would show too little."""
    mine, hour = project(), 3_600_000_000_000
    first = writer(tmp_path, engine, old)
    root = ForeignSpan(trace_id=f"{1:032x}", span_id=f"{9:016x}", name="agent", start_ns=NOW - hour, end_ns=NOW + hour)
    calls = [
        structs.replace(chat(1), parent_span_id=root.span_id, span_id=f"{n:016x}", start_ns=NOW + n) for n in (1, 2)
    ]
    keep(tmp_path, "w1", ForeignBatch(project=mine, arrived_ns=NOW, key_id="k", spans=(*calls, root)))
    first.drain_once()
    first._spool.close()  # pyright: ignore[reportPrivateUsage]
    remapper = Remapper(Asked(engine))
    now = NOW // 1_000_000
    for window in (Window(start=now - 1_000, end=now + 1_000), Window(start=now - 3_700_000, end=now - 1_000)):
        [found] = asyncio.run(remapper.page(mine, window, (0, ""), 9, everything=False))
        assert (found.low_ns, found.high_ns) == (NOW - hour, NOW + 2)
    beside = Window(start=now + 1_000, end=now + 2_000)
    assert asyncio.run(remapper.page(mine, beside, (0, ""), 9, everything=False)) == []
    second = writer(tmp_path, engine, canonical)
    keep(tmp_path, "w2", RemapBatch(project=mine, asked_ns=NOW, traces=(found,)))
    second.drain_once()
    assert second.rewrite(now + 1_000) == 1
    second._spool.close()  # pyright: ignore[reportPrivateUsage]
    sql = "SELECT name, input_tokens FROM spans WHERE project = {project:String} AND entry = 1"
    lines = engine.query(sql, bind({"project": mine})).splitlines()
    assert [msgspec.json.decode(line) for line in lines] == [["agent", 2]]


def test_a_batch_of_traces_lies_in_the_spool_as_it_was() -> None:
    batch = RemapBatch(project="p", asked_ns=5, traces=(RemapTrace("a" * 32, 1, 2),))
    assert decode_any(encode_any(batch)) == batch
