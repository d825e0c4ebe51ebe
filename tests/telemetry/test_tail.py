"""Live tail: one look for all watchers of a project, nothing missed between two connections, and bounds."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from typing import Any, TypeVar

import pytest
from makings import T0, day
from msgspec.structs import replace
from searching import Asking

from patience import PATIENCE_S
from trimtab.core.clock import FixedClock
from trimtab.core.errors import InvalidRequest, RateLimited, Unavailable
from trimtab.telemetry.fakes import FakeReader, span_row
from trimtab.telemetry.seen import tail as tailing
from trimtab.telemetry.seen.tail import Ended, Tail, TailEvent
from trimtab.telemetry.views import SpanRow, Status

T = TypeVar("T")


class Counting(FakeReader):
    """Counts what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0
        self.searches: list[str] = []
        self.broken = False
        self.refused = ""

    async def ended(self, project: str, since_ns: int, most: int, now_ns: int) -> tuple[list[Ended], int]:
        self.looks += 1
        if self.broken:
            raise ValueError("unexpected")
        return await super().ended(project, since_ns, most, now_ns)

    async def among(self, project: str, q: str, spans: list[Ended]) -> list[SpanRow]:
        self.searches.append(q)
        if q and q == self.refused:
            raise InvalidRequest("Its words are not indexed.", fix="Search by keys.", param="q")
        return await super().among(project, q, spans)


class Room:
    """A tail that looks again only when `look` says so."""

    def __init__(self) -> None:
        self.clock = FixedClock()
        self.source = Counting()
        self._turn = asyncio.Event()
        self._idle = asyncio.Event()
        self.tail = Tail(self.source, self.clock, self._pause)

    async def _pause(self, seconds: float) -> None:
        assert seconds == tailing.LOOK_S
        self._idle.set()
        await self._turn.wait()
        self._turn.clear()

    async def look(self) -> None:
        """Until the next look has been taken."""
        await self._idle.wait()
        self._idle.clear()
        self._turn.set()
        await self._idle.wait()

    def now(self) -> int:
        return self.clock.now_ns() // 1_000_000

    def call(self, number: int, name: str = "call", project: str = "p", status: Status = "ok") -> None:
        row = span_row(f"{number:032x}", f"{number:016x}", started=float(self.now()))
        self.source.add(project, replace(row, name=name, status=status))

    def watch(self, q: str = "", since: int | None = None, project: str = "p") -> AsyncGenerator[TailEvent]:
        self.tail.check(project, q)
        return self.tail.watch(project, q, since, lambda: True)


def story(body: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asyncio.wait_for(body, PATIENCE_S))


async def heard(events: AsyncGenerator[TailEvent]) -> TailEvent:
    return await anext(events)


def ids(event: TailEvent) -> list[int]:
    return [int(row.trace_id, 16) for row in event.rows]


def test_a_new_call_is_told_once_to_each_watcher_from_one_look() -> None:
    async def whole() -> None:
        room = Room()
        one, two, other = room.watch(), room.watch(), room.watch("b")
        for each in (one, two, other):
            assert (await heard(each)).rows == []
        room.call(1, "a")
        await room.look()
        room.call(2, "b")
        await room.look()
        assert [ids(await heard(one)), ids(await heard(one))] == [[1], [2]]
        assert [ids(await heard(two)), ids(await heard(two))] == [[1], [2]]
        assert ids(await heard(other)) == [2]
        # Three that watch, three looks of the one who follows and one for each who came; rows once for each search.
        assert room.source.looks == 3 + 3
        assert sorted(room.source.searches) == ["", "", "b", "b"]
        for each in (one, two, other):
            await each.aclose()
        assert room.tail.watching == 0

    story(whole())


def test_what_changed_is_told_again_and_another_project_hears_nothing() -> None:
    async def whole() -> None:
        room = Room()
        ours = room.watch()
        await heard(ours)
        room.call(1, status="running")
        room.call(2, project="q")
        await room.look()
        room.source.stored.clear()
        room.call(1, status="ok")
        await room.look()
        told = [await heard(ours), await heard(ours)]
        assert [[(ids(event), row.status) for row in event.rows] for event in told] == [
            [([1], "running")],
            [([1], "ok")],
        ]
        await ours.aclose()

    story(whole())


def test_who_comes_back_is_told_what_ended_meanwhile() -> None:
    async def whole() -> None:
        room = Room()
        first = room.watch()
        last = (await heard(first)).at
        await first.aclose()
        room.clock.advance(120 * 10**9)
        room.call(7)
        room.clock.advance(300 * 10**9)
        again = room.watch(since=last)
        assert ids(await heard(again)) == [7]
        await again.aclose()
        fresh = room.watch()
        assert ids(await heard(fresh)) == []
        await fresh.aclose()

    story(whole())


def test_a_slow_watcher_is_told_how_many_it_missed() -> None:
    async def whole() -> None:
        room = Room()
        slow = room.watch()
        await heard(slow)
        calls = tailing.MOST_EVENTS + 3
        for number in range(1, calls + 1):
            room.call(number)
            await room.look()
        events = [await heard(slow) for _ in range(tailing.MOST_EVENTS)]
        assert [ids(event) for event in events] == [[number] for number in range(1, tailing.MOST_EVENTS + 1)]
        room.call(calls + 1)
        await room.look()
        late = await heard(slow)
        assert (ids(late), late.skipped) == ([calls + 1], 3)
        await slow.aclose()

    story(whole())


def test_more_than_an_event_holds_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tailing, "MOST_ROWS", 2)

    async def whole() -> None:
        room = Room()
        events = room.watch()
        await heard(events)
        for number in range(5):
            room.call(number)
        await room.look()
        event = await heard(events)
        assert (len(event.rows), event.skipped) == (2, 3)
        await events.aclose()

    story(whole())


def test_while_the_store_is_away_that_is_said_and_then_it_goes_on() -> None:
    async def whole() -> None:
        room = Room()
        room.source.away = True
        events = room.watch()
        assert (await heard(events)).kind == "away"
        await room.look()
        assert (await heard(events)).kind == "away"
        room.source.away = False
        await room.look()
        room.call(3)
        await room.look()
        told = [await heard(events)]
        while told[-1].kind == "away":
            told.append(await heard(events))
        assert ids(told[-1]) == [3]
        await events.aclose()

    story(whole())


def test_a_look_that_meets_a_defect_is_taken_again() -> None:
    async def whole() -> None:
        room = Room()
        room.source.broken = True
        events = room.watch(since=room.now())
        with pytest.raises(ValueError, match="unexpected"):
            await heard(events)
        room.source.broken = False
        events = room.watch()
        assert (await heard(events)).rows == []
        await room.look()
        room.source.broken = True
        await room.look()
        room.source.broken = False
        room.call(3)
        await room.look()
        assert ids(await heard(events)) == [3]
        await events.aclose()

    story(whole())


def test_a_search_that_the_store_does_not_take_ends_and_keeps_nothing_from_others() -> None:
    async def whole() -> None:
        room = Room()
        room.source.refused = "words"
        one, bad, other = room.watch("call"), room.watch("words"), room.watch("ca")  # nothing is there to find yet
        for each in (one, bad, other):
            await heard(each)
        for number in (1, 2):
            room.call(number)
            await room.look()
        assert [event.kind async for event in bad] == ["bye"]
        for each in (one, other):
            assert [ids(await heard(each)), ids(await heard(each))] == [[1], [2]]  # each once
            await each.aclose()
        with pytest.raises(InvalidRequest, match="not indexed"):
            await room.tail.try_search("p", "words")
        await room.tail.try_search("p", "call")
        room.source.away = True
        await room.tail.try_search("p", "call")  # that is told to who watches

    story(whole())


def test_a_stream_ends_with_its_key_with_its_age_and_with_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    async def whole() -> None:
        room = Room()
        refused = room.tail.watch("p", "", None, lambda: False)
        assert [event.kind async for event in refused] == ["traces", "bye"]
        monkeypatch.setattr(tailing, "LONGEST_S", 0.0)
        assert [event.kind async for event in room.watch()] == ["traces", "bye"]
        monkeypatch.undo()
        events = room.watch()
        await heard(events)
        room.tail.close()
        room.tail.close()
        assert [event.kind async for event in events][-1] == "bye"
        with pytest.raises(Unavailable):
            room.watch()

    story(whole())


def test_searches_that_do_not_parse_and_too_many_watchers_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tailing, "MOST_OF_PROJECT", 1)
    monkeypatch.setattr(tailing, "MOST_IN_ALL", 2)

    async def whole() -> None:
        room = Room()
        with pytest.raises(InvalidRequest):
            room.watch("colour:red")
        one = room.watch()
        await heard(one)
        with pytest.raises(RateLimited):
            room.watch()
        two = room.watch(project="q")
        await heard(two)
        with pytest.raises(RateLimited):
            room.watch(project="r")
        await one.aclose()
        three = room.watch(project="r")
        await heard(three)
        await two.aclose()
        await three.aclose()

    story(whole())


def test_spans_of_a_time_that_is_still_to_come_hide_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock went ahead by a day and was set back."""
    monkeypatch.setattr(tailing, "MOST_ENDED", 3)

    async def whole() -> None:
        room = Room()
        room.clock.step(86_400)
        for number in range(1, 5):
            room.call(number)
        ahead = room.now()
        events = room.watch()
        assert len(ids(await heard(events))) == 3
        room.clock.step(-86_400)
        await room.look()
        room.call(7)
        await room.look()
        assert ids(await heard(events)) == [7]
        await events.aclose()
        room.call(8)
        again = room.watch(since=ahead)
        assert {7, 8} <= set(ids(await heard(again))), "who heard the last event while it was ahead misses nothing"
        await again.aclose()

    story(whole())


def test_the_store_tells_first_what_ended_by_now(asking: Asking, rows: list[SpanRow]) -> None:
    ends = sorted((int((row.started + row.duration) * 1e6), row.trace_id) for row in rows)
    at = ends[len(ends) // 2]
    (first, *_), _ = asking.run(asking.reader.ended(asking.ours, at[0] - 3_600 * 10**9, 10, at[0] + 1_000))
    assert first.trace_id == at[1]


def test_the_store_tells_what_ended_since_and_rows_of_those_alone(asking: Asking, rows: list[SpanRow]) -> None:
    by_end = sorted(rows, key=lambda row: row.started + row.duration, reverse=True)
    some = by_end[len(by_end) // 2]
    since = int(some.started * 1e6 + some.duration * 1e6)
    spans, behind = asking.run(asking.reader.ended(asking.ours, since, 1000, T0))
    assert behind == 0
    near = {row.trace_id for row in by_end if abs(row.started + row.duration - since / 1e6) < 1}
    late = {row.trace_id for row in by_end if row.started + row.duration > since / 1e6}
    long_ago = {row.trace_id for row in by_end if row.started * 1e6 < since - 3_600 * 10**9}
    assert {span.trace_id for span in spans} - near == late - long_ago - near
    assert asking.run(asking.reader.ended(asking.ours, since, 1000, T0))[0] == spans
    found = asking.run(asking.reader.among(asking.ours, "status:ok", spans))
    whole = asking.run(asking.reader.traces(asking.ours, "status:ok", day(), None, 500)).rows
    assert found == [row for row in whole if row.trace_id in {span.trace_id for span in spans}]
    theirs = asking.run(asking.reader.ended(asking.theirs, 0, 1000, T0))[0]
    assert theirs
    assert asking.run(asking.reader.among(asking.ours, "", theirs[:100])) == [
        row
        for row in asking.run(asking.reader.traces(asking.ours, "", day(), None, 500)).rows
        if row.span_id in {span.span_id for span in theirs[:100]}
    ]


def test_a_search_is_tried_at_the_store_before_anything_is_told(asking: Asking) -> None:
    watched = Tail(asking.reader, FixedClock())
    asking.run(watched.try_search(asking.ours, "refund cost:>1 key:mine"))
    with pytest.raises(InvalidRequest, match="EUR"):
        asking.run(watched.try_search(asking.ours, "cost:>1EUR"))
