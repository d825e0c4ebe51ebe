"""Scores: what may be said, how it comes through the spool, and that the last word holds."""

import asyncio
import math
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from makings import T0, project, record

from trimtab.core.errors import InvalidRequest, NotFound
from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.calls.mapper import CallMapper
from trimtab.telemetry.kinds import KINDS, MARK, decode_any, encode_any
from trimtab.telemetry.reader import TelemetryReader
from trimtab.telemetry.score_book import ScoreBook, Wanted
from trimtab.telemetry.scores.types import Score, ScoreBatch, check, id_for
from trimtab.telemetry.spool.drain import SpoolReader
from trimtab.telemetry.spool.spool import Spool
from trimtab.telemetry.stores import Store
from trimtab.telemetry.views import ScoreView, TraceDetail, Window
from trimtab.telemetry.writer import Writer

ALWAYS = Window(start=0, end=2**53)


def score(score_id: str = "s1", **fields: Any) -> Score:
    given: dict[str, Any] = {
        "id": score_id,
        "trace_id": "t1",
        "name": "helpful",
        "value": 0.5,
        "at_ns": T0,
        "version": 1,
    }
    return Score(**{**given, **fields})


class Room:
    """A spool, the writer behind it and the store: `drain` is what the telemetry process does all the time."""

    def __init__(self, folder: Path, engine: Store, served: Any) -> None:
        self.folder = folder
        self.engine = engine
        self.source = served.socket

    async def keep(self, body: bytes) -> None:
        spool = Spool(self.folder / "spool", "w0")
        await spool.keep(body)
        spool.close()

    def drain(self) -> int:
        spool = SpoolReader(self.folder / "spool")
        try:
            return Writer(spool, self.engine, CallMapper(FolderBlobs(self.folder / "blobs"))).drain_once()
        finally:
            spool.close()

    async def listed(self, project: str, q: str = "", *, invalid: bool = False) -> list[ScoreView]:
        reader = TelemetryReader(self.source)
        try:
            return (
                await ScoreBook(reader, self.keep).page(project, Wanted(q=q, window=ALWAYS, invalid=invalid), None, 100)
            )[0]
        finally:
            await reader.aclose()

    async def trace(self, project: str, trace_id: str) -> TraceDetail | None:
        reader = TelemetryReader(self.source)
        try:
            return await reader.trace(project, trace_id)
        finally:
            await reader.aclose()

    async def write(self, project: str, *scores: Score) -> None:
        reader = TelemetryReader(self.source)
        try:
            await ScoreBook(reader, self.keep).write(project, list(scores))
        finally:
            await reader.aclose()

    async def invalidate(self, project: str, score_id: str, now_ns: int) -> None:
        reader = TelemetryReader(self.source)
        try:
            await ScoreBook(reader, self.keep).invalidate(project, score_id, now_ns)
        finally:
            await reader.aclose()


@pytest.fixture
def room(tmp_path: Path, engine: Store, served: Any) -> Room:
    return Room(tmp_path, engine, served)


def test_a_record_of_any_kind_comes_back_as_what_it_was() -> None:
    batch = ScoreBatch(project="p", scores=(score(), score("s2", value=None, label="yes", valid=False)))
    assert decode_any(encode_any(batch)) == batch
    assert decode_any(encode_any(record())) == record()
    assert encode_any(record())[0] != MARK


@given(st.binary(max_size=60))
def test_a_body_that_is_no_record_is_told_and_never_breaks_the_reader(body: bytes) -> None:
    for damaged in (body, bytes((MARK,)) + body):
        try:
            decode_any(damaged)
        except msgspec.DecodeError:
            continue
        except UnicodeDecodeError:
            continue


def test_a_kind_of_a_newer_server_is_named() -> None:
    unknown = max(KINDS) + 100
    with pytest.raises(msgspec.DecodeError, match=f"kind {unknown}"):
        decode_any(bytes((MARK, unknown)) + b"\x80")


def test_scores_reach_the_store_beside_calls_and_are_shown_in_their_trace(room: Room) -> None:
    ours, theirs = project(), project()

    async def story() -> None:
        call = record(1, project=ours)
        await room.keep(encode_any(call))
        await room.write(
            ours, score(trace_id=call.trace_id), score("s2", trace_id=call.trace_id, name="tone", label="ok")
        )
        await room.write(theirs, score(trace_id=call.trace_id, value=9.0))
        assert room.drain() == 3
        found = await room.trace(ours, call.trace_id)
        assert found is not None
        assert [(one.id, one.value, one.label) for one in found.scores] == [("s1", 0.5, ""), ("s2", 0.5, "ok")]
        assert [one.value for one in await room.listed(theirs)] == [9.0]

    asyncio.run(story())


def test_a_score_may_come_before_its_trace(room: Room) -> None:
    ours = project()

    async def story() -> None:
        call = record(2, project=ours)
        await room.write(ours, score(trace_id=call.trace_id))
        room.drain()
        assert await room.trace(ours, call.trace_id) is None
        await room.keep(encode_any(call))
        room.drain()
        found = await room.trace(ours, call.trace_id)
        assert found is not None
        assert [one.name for one in found.scores] == ["helpful"]

    asyncio.run(story())


def test_the_same_id_again_replaces_and_an_older_version_never_wins(room: Room) -> None:
    ours = project()

    async def story() -> None:
        await room.write(ours, score(value=0.9, version=5))
        room.drain()
        await room.write(ours, score(value=0.1, version=4, at_ns=T0 + 1))
        room.drain()
        assert [(one.id, one.value) for one in await room.listed(ours)] == [("s1", 0.9)]

    asyncio.run(story())


def test_a_score_taken_back_counts_nowhere_but_stays(room: Room) -> None:
    ours = project()

    async def story() -> None:
        await room.write(ours, score())
        room.drain()
        await room.invalidate(ours, "s1", T0)
        room.drain()
        assert await room.listed(ours) == []
        (kept,) = await room.listed(ours, invalid=True)
        assert (kept.valid, kept.value, kept.name) == (False, 0.5, "helpful")
        with pytest.raises(NotFound, match="no score"):
            await room.invalidate(ours, "never", T0)

    asyncio.run(story())


def test_a_correction_supersedes_what_it_names_and_only_what_is_there(room: Room) -> None:
    ours, theirs = project(), project()

    async def story() -> None:
        await room.write(ours, score())
        room.drain()
        await room.write(ours, score("s2", value=1.0, source="human", supersedes="s1", version=2))
        room.drain()
        assert [one.id for one in await room.listed(ours)] == ["s2"]
        with pytest.raises(NotFound):
            await room.write(theirs, score("s3", supersedes="s2", version=3))
        assert room.drain() == 0

    asyncio.run(story())


def test_lists_are_narrowed_by_every_field_and_paged_without_gaps(room: Room) -> None:
    ours = project()
    given = [
        score(
            f"s{n}", name="a" if n % 2 else "b", source="human" if n % 3 else "llm", at_ns=T0 + n // 2, session=f"x{n}"
        )
        for n in range(10)
    ]

    async def story() -> None:
        await room.write(ours, *given)
        room.drain()
        assert {one.id for one in await room.listed(ours, "name:a source:human")} == {"s1", "s5", "s7"}
        assert [one.id for one in await room.listed(ours, "session:x4")] == ["s4"]
        assert await room.listed(ours, "trace:t2") == []
        reader = TelemetryReader(room.source)
        book, seen, place = ScoreBook(reader, room.keep), list[str](), None
        while True:
            page, place = await book.page(ours, Wanted(window=ALWAYS), place, 3)
            seen += [one.id for one in page]
            if place is None:
                break
        await reader.aclose()
        assert len(seen) == 10
        assert set(seen) == {one.id for one in given}

    asyncio.run(story())


def test_a_search_reads_values_words_and_explanations(room: Room) -> None:
    ours = project()
    given = [
        score("low", value=0.25, explanation="Too short, says Ada"),
        score("high", value=0.75, label="warm"),
        score("word", value=None, label="cold", target="session", session="x", trace_id=""),
    ]

    async def ids(q: str) -> set[str]:
        return {one.id for one in await room.listed(ours, q)}

    async def story() -> None:
        await room.write(ours, *given)
        room.drain()
        assert await ids("value:<0.5") == {"low"}
        assert await ids("value:0.5..") == {"high"}
        assert await ids("value:..0.25 OR label:co*") == {"low", "word"}
        assert await ids("-value:<0.5") == {"high", "word"}
        assert await ids('"too short"') == {"low"}
        assert await ids("target:session") == {"word"}
        for wrong in ("value:much", "source:god", "model:x", "name:>a", "value:<1e999"):
            with pytest.raises(InvalidRequest) as told:
                await ids(wrong)
            assert (told.value.param, bool(told.value.fix)) == ("q", True)

    asyncio.run(story())


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"value": math.nan}, "value"),
        ({"value": math.inf}, "value"),
        ({"value": None}, "value"),
        ({"name": " "}, "name"),
        ({"name": "a" * 101}, "name"),
        ({"trace_id": ""}, "trace_id"),
        ({"target": "span"}, "span_id"),
        ({"target": "session"}, "session"),
        ({"label": "x" * 501}, "label"),
        ({"explanation": "x" * 10_001}, "explanation"),
        ({"id": "x" * 201}, "id"),
        ({"at_ns": -1}, "at"),
    ],
)
def test_what_cannot_be_stored_is_refused_by_name(wrong: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as told:
        check(score(**wrong))
    assert told.value.param == param
    assert told.value.fix


def test_an_idempotency_key_names_one_score_in_one_project() -> None:
    assert id_for("p", "k") == id_for("p", "k")
    assert id_for("p", "k") != id_for("q", "k")
    assert id_for("p", "k") != id_for("p", "l")
