"""Two servers that write to one store: a trace whose spans come to both is whole, and both know when."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from makings import record
from ways import NOW, TRACE, Way, chat, span

from trimtab.telemetry.forward.arrivals import node_id
from trimtab.telemetry.mapping.shared_notes import AGAIN_MS, TOLD_BY_SEVERAL_MS, SharedNotes
from trimtab.telemetry.notes import Note
from trimtab.telemetry.reader import TelemetryReader
from trimtab.telemetry.remakes import Remakes
from trimtab.telemetry.rows import Rows
from trimtab.telemetry.spool.barrier import Due
from trimtab.telemetry.spool.drain import SpoolReader
from trimtab.telemetry.stores import Store, StoreAway, bind

pytestmark = pytest.mark.promise
SOON_MS = TOLD_BY_SEVERAL_MS + 1_000
LATER_MS = 60_000


class Two:
    def __init__(self, folder: Path, engine: Store, socket: Path) -> None:
        (folder / "one").mkdir()
        (folder / "two").mkdir()
        self.one = Way(folder / "one", engine, shared=True)
        self.two = Way(folder / "two", engine, shared=True, name=self.one.name)
        self._socket = socket

    def due(self, trace: str = TRACE) -> Due | None:
        """As either server tells it."""

        async def main() -> Due | None:
            reader = TelemetryReader(self._socket)
            try:
                return await Remakes(reader).due(self.one.name, trace)
            finally:
                await reader.aclose()

        return asyncio.run(main())

    def rewrite(self, later_ms: int = LATER_MS) -> None:
        for way in (self.one, self.two):
            way.rewrite(later_ms)


@pytest.fixture
def two(tmp_path: Path, engine: Store, served: Any) -> Iterator[Two]:
    pair = Two(tmp_path, engine, served.socket)
    yield pair
    pair.one.close()
    pair.two.close()


def ids(way: Way) -> list[str]:
    return [line[0] for line in way.rows()]


def test_a_span_that_comes_to_both_is_one_row(two: Two) -> None:
    both = (span(1), chat(2, 1, tokens=70))
    two.one.send(*both)
    two.two.send(*both)
    two.rewrite()
    assert ids(two.one) == [f"{number:016x}" for number in (1, 2)]
    assert two.one.counted() == 70
    assert two.one.entry() == (f"{1:016x}", 70)


def test_a_root_shows_what_came_of_its_trace_to_another_server(two: Two) -> None:
    two.one.send(span(1), chat(2, 1, tokens=30))
    assert two.due() is None
    two.two.send(chat(3, 1, tokens=5))
    due = two.due()
    assert due is not None
    assert not due.in_hand
    two.rewrite()
    assert two.one.entry() == (f"{1:016x}", 35)
    assert two.due() is None


def test_what_both_were_told_of_a_trace_is_known_before_any_of_the_later_is_shown(two: Two) -> None:
    two.one.send(span(1), chat(2, 1))
    shown: list[int] = []

    def step(name: str) -> None:
        if name == "looked elsewhere":
            shown.append(len(two.one.rows()))
            assert two.due() is not None

    two.two.writer._inserts._step = two.two.writer._step = step  # pyright: ignore[reportPrivateUsage]
    two.two.send(chat(3, 1))
    assert shown == [2]


@pytest.mark.parametrize("first", ["the call", "the spans"])
def test_a_call_through_one_server_counts_once_in_a_trace_that_came_to_the_other(two: Two, first: str) -> None:
    own = record(7, project=two.one.name, trace_id=TRACE, parent_span_id=f"{2:016x}", started_ns=NOW, ended_ns=NOW + 5)
    attempt = msgspec.structs.replace(own.attempts[0], started_ns=NOW + 1, ended_ns=NOW + 4)
    for what in sorted(("the call", "the spans"), reverse=first == "the spans"):
        assert two.due() is None
        if what == "the spans":
            two.two.send(span(1), chat(2, 1, tokens=15, response="chatcmpl-7"))
        else:
            two.one.put(msgspec.structs.replace(own, attempts=(attempt,)))
            two.one.writer.drain_once()
    assert two.due() is not None
    two.rewrite()
    assert two.due() is None
    assert two.one.counted() == 15
    assert two.one.entry() == (f"{1:016x}", 15)


@pytest.mark.parametrize("trace", [TRACE, "it's none"])
def test_a_call_whose_trace_came_to_no_other_server_is_whole_at_once(two: Two, trace: str) -> None:
    two.one.put(record(7, project=two.one.name, trace_id=trace, parent_span_id=f"{2:016x}"))
    assert two.one.writer.drain_once() == 1
    assert two.due(trace) is None


def test_traces_that_came_to_one_server_alone_are_whole_at_once(two: Two) -> None:
    two.one.send(span(1), chat(2, 1))
    two.two.send(span(1, trace="b" * 32))
    assert two.due() is None
    assert two.due("b" * 32) is None
    assert two.one.rewrite(SOON_MS) == two.two.rewrite(SOON_MS) == 0


def test_what_one_server_has_in_hand_the_other_leaves_alone_and_makes_later(two: Two) -> None:
    for way in (two.one, two.two):
        way.send(chat(2, 1), chat(3, 1))
    held: list[Due | None] = []
    rewriter = two.one.writer._foreign.rewriter  # pyright: ignore[reportPrivateUsage, reportOptionalMemberAccess]
    replace = rewriter._replace  # pyright: ignore[reportPrivateUsage]

    def meanwhile(rows: Rows, params: dict[str, str]) -> None:
        held.append(two.due())
        assert two.two.rewrite(LATER_MS) == 0
        replace(rows, params)

    rewriter._replace = meanwhile  # pyright: ignore[reportPrivateUsage]
    assert two.one.rewrite(LATER_MS) == 1
    assert [due is not None and due.in_hand for due in held] == [True]
    due = two.due()
    assert due is not None
    assert not due.in_hand
    two.two.rewrite(AGAIN_MS + LATER_MS)
    assert two.due() is None
    assert ids(two.one) == [f"{number:016x}" for number in (2, 3)]


def test_of_two_that_take_a_trace_at_once_none_makes_it_twice(two: Two) -> None:
    for way in (two.one, two.two):
        way.send(span(1), chat(2, 1))
    notes = [way.writer._notes for way in (two.one, two.two)]  # pyright: ignore[reportPrivateUsage]
    some = [Note(two.one.name, TRACE, 1, 1, 2)]
    one, other = (each for each in notes if isinstance(each, SharedNotes))
    for each in (one, other):  # both have said so before either looks
        each._tell([(two.one.name, TRACE, 1, 1)])  # pyright: ignore[reportPrivateUsage]
    assert [each.take(some) for each in (one, other)] == [[], some]


def test_a_server_that_ended_half_way_takes_back_what_it_had_told_and_done(two: Two) -> None:
    two.one.send(chat(2, 1))
    assert two.due() is not None
    notes = two.one.writer._spool  # pyright: ignore[reportPrivateUsage]
    notes.note([], [(two.one.name, TRACE)])  # done, and not told
    assert two.due() is not None
    two.one.restart()
    assert two.one.rewrite(LATER_MS) == 0
    assert two.due() is None


def test_a_server_whose_store_was_away_as_it_began_takes_back_what_it_had_told(
    two: Two, engine: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    two.one.send(chat(2, 1))
    two.one.writer._spool.note([], [(two.one.name, TRACE)])  # pyright: ignore[reportPrivateUsage]  done, and not told
    two.one.restart()

    def away(*given: object) -> None:
        del given
        raise StoreAway("gone")

    with monkeypatch.context() as patched:
        patched.setattr(engine, "insert", away)
        with pytest.raises(StoreAway):
            two.one.rewrite(LATER_MS)
    assert two.due() is not None
    assert two.one.rewrite(LATER_MS) == 0
    assert two.due() is None


def test_a_clock_that_goes_back_takes_no_word_back(two: Two, engine: Store) -> None:
    two.one.send(chat(2, 1))
    node = node_id(two.one.folder)
    engine.query(
        "INSERT INTO remakes (project, trace_id, node, due_ms, in_hand, version)"
        " SELECT {project:String}, {trace:String}, {node:String}, 5, 0, {version:UInt64}",
        bind({"project": two.one.name, "trace": TRACE, "node": node, "version": time.time_ns() + 3_600 * 10**9}),
    )
    two.one.restart()
    two.one.rewrite(LATER_MS)
    assert two.due() is None


def test_no_server_takes_a_trace_in_hand_while_somebody_at_another_goes_first(two: Two, served: Any) -> None:
    two.one.send(chat(2, 1))

    async def say(*, over: bool) -> None:
        reader = TelemetryReader(served.socket)
        await Remakes(reader).go_first("erasure_1", over=over)
        await reader.aclose()

    asyncio.run(say(over=False))
    try:
        assert two.one.rewrite(LATER_MS) == 0
    finally:
        asyncio.run(say(over=True))
    assert two.one.rewrite(LATER_MS) == 1


def test_a_server_that_is_alone_tells_nobody(tmp_path: Path, engine: Store) -> None:
    way = Way(tmp_path, engine)
    way.send(chat(2, 1))
    assert isinstance(way.writer._notes, SpoolReader)  # pyright: ignore[reportPrivateUsage]
    sql = "SELECT count() FROM remakes WHERE project = {project:String}"
    assert engine.query(sql, bind({"project": way.name})) == b"[0]\n"
    assert {line[0] for line in way.rows("node", "span_raw")} == {""}
    way.close()
