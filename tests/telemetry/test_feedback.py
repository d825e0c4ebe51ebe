"""What users say: durable before the answer is there, one person's word once, and a mean beside who gave it."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from makings import T0, attempt, day, project, record

from trimtab.core.errors import InvalidRequest
from trimtab.scoring.fixed import wilson
from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.calls.mapper import CallMapper
from trimtab.telemetry.feedback import Feedback, FeedbackBook, Origin, Place, checked, scores_of
from trimtab.telemetry.reader import TelemetryReader
from trimtab.telemetry.records import CallRecord
from trimtab.telemetry.rows import Rows, encode
from trimtab.telemetry.score_book import ScoreBook, Wanted
from trimtab.telemetry.scores.types import Score, ScoreBatch, add_scores
from trimtab.telemetry.stores import Store
from trimtab.telemetry.views import ScoreView

ELSEWHERE = "ee" * 16


class World:
    """A store that takes calls and scores at once."""

    def __init__(self, engine: Store, blobs: FolderBlobs, reader: TelemetryReader, run: Callable[..., Any]) -> None:
        self.engine, self.blobs, self.reader, self.run = engine, blobs, reader, run
        self.project, self.written = project(), 0
        self.book = FeedbackBook(reader, self.keep)

    async def keep(self, project: str, scores: list[Score]) -> None:
        rows = Rows()
        add_scores(rows.scores, 0, ScoreBatch(project=project, scores=tuple(scores)))
        self._insert(rows)

    def arrive(self, *calls: CallRecord) -> None:
        rows, mapper = Rows(), CallMapper(self.blobs)
        for place, each in enumerate(calls):
            mapper.add(rows, place, each)
        self._insert(rows)

    def _insert(self, rows: Rows) -> None:
        self.written += 1
        for table in rows.tables():
            if table.owners:
                token = f"{self.project}:{self.written}:{table.name}"
                self.engine.insert(table.name, table.columns, encode(table.values), token)

    def origin(self, later: int = 0) -> Origin:
        return Origin(self.project, "key_1", T0 + 1_000_000_000 + later)

    async def valid(self) -> list[ScoreView]:
        book = ScoreBook(self.reader, lambda _: asyncio.sleep(0))
        return (await book.page(self.project, Wanted(window=day()), None, 100))[0]


@pytest.fixture
def world(engine: Store, blobs: FolderBlobs, served: Any) -> Iterator[World]:
    runner = asyncio.Runner()
    reader = TelemetryReader(served.socket)
    yield World(engine, blobs, reader, runner.run)
    runner.run(reader.aclose())
    runner.close()


def of(number: int, **fields: Any) -> CallRecord:
    name = f"{T0 // 1_000_000:012x}{number:020x}"
    given: dict[str, Any] = {"request_id": f"req_{name}", "trace_id": name, **fields}
    return record(number, attempts=(attempt(number),), **given)


def test_feedback_before_its_answer_is_there_ends_where_the_answer_is(world: World) -> None:
    own = of(1, project=world.project)
    joined = of(2, project=world.project, trace_id=ELSEWHERE)

    async def story() -> None:
        said = [
            Feedback(request_id=own.request_id, thumbs="up", user="ada"),
            Feedback(request_id=joined.request_id, thumbs="down", user="ada"),
            Feedback(response_id="chatcmpl-2", comment="wrong parcel", user="ben"),
        ]
        await world.book.write(said, world.origin())
        assert await world.book.settle(world.project, T0) == 0  # nothing has arrived
        world.arrive(own, joined)
        moved = await world.book.settle(world.project, T0)
        assert moved == 5  # two of them lay under another trace and are taken back there
        assert await world.book.settle(world.project, T0) == 0
        found = {(each.label, each.trace_id, each.span_id) for each in await world.valid()}
        assert found == {
            ("up", own.trace_id, own.span_id),
            ("down", ELSEWHERE, joined.span_id),
            ("comment", ELSEWHERE, joined.span_id),
        }
        # By its id it is the one that holds, and not what was taken back where it lay before, written as late.
        kept = ScoreBook(world.reader, lambda _: asyncio.sleep(0))
        for each in await world.valid():
            by_id = await kept.find(world.project, each.id)
            assert by_id is not None
            assert (by_id.valid, by_id.trace_id, by_id.span_id) == (True, each.trace_id, each.span_id)

    world.run(story())


def test_feedback_on_answers_that_never_come_keeps_no_other_from_its_answer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trimtab.telemetry.feedback.AT_ONCE", 4)
    monkeypatch.setattr("trimtab.telemetry.feedback.PAGES", 2)
    own = of(1, project=world.project)

    async def story() -> None:
        await world.book.write([Feedback(request_id=own.request_id, thumbs="up", user="ada")], world.origin())
        far = 9_000_000_000_000  # said, by the client's word, in a future that has no end
        bogus = [Feedback(response_id=f"never-{n}", thumbs="down", user="eve", at=far) for n in range(17)]
        await world.book.write(bogus, world.origin(1_000))
        world.arrive(own)
        turns = 0
        while not await world.book.settle(world.project, T0):
            turns += 1
            assert turns < 6
        assert [(each.label, each.span_id) for each in await world.valid() if each.author == "ada"] == [
            ("up", own.span_id)
        ]

    world.run(story())


def test_the_same_persons_word_on_an_answer_is_one_and_the_last_holds(world: World) -> None:
    own = of(3, project=world.project)
    world.arrive(own)

    async def story() -> None:
        for later, thumbs in enumerate(("up", "down", "up")):
            said = [Feedback(request_id=own.request_id, thumbs=thumbs, user="ada")]
            await world.book.write(said, world.origin(later))
        again = [Feedback(trace_id=own.trace_id, thumbs="down", user="ben", idempotency_key="k")]
        first = await world.book.write(again, world.origin())
        assert await world.book.write(again, world.origin(9)) == first
        found = sorted((each.author, each.label) for each in await world.valid())
        assert found == [("ada", "up"), ("ben", "down")]

    world.run(story())


def test_the_mean_stands_beside_who_gave_it_and_what_the_silent_might_have_said(world: World) -> None:
    """Release r1 is talkative and content; r2 has as many answers, few of whose users speak."""
    calls = [
        of(number, project=world.project, app="support", release="r1" if number < 20 else "r2", user=f"u{number}")
        for number in range(10, 30)
    ]
    world.arrive(*calls, of(30, project=world.project, app="support", release="r3", outcome="error", status=500))

    async def story() -> None:
        said = [Feedback(trace_id=each.trace_id, thumbs="up", user=each.user) for each in calls[:8]]
        said += [Feedback(trace_id=each.trace_id, thumbs="down", user=each.user) for each in calls[10:12]]
        said += [Feedback(trace_id=calls[12].trace_id, outcome="ticket_reopened", user="u22")]
        await world.book.write(said, world.origin())
        found = await world.book.summarize(world.project, "", day(), "release")
        r1, r2 = sorted(found.groups, key=lambda each: each.group)
        assert (r1.group, r1.answers, r1.responded, r1.mean.value) == ("support@r1", 10, 8, 1.0)
        assert (r2.group, r2.answers, r2.responded, r2.rated, r2.mean.value) == ("support@r2", 10, 3, 2, 0.0)
        expected = wilson(8, 10)
        assert (r1.rate.low, r1.rate.high) == (expected.low, expected.high)
        assert found.all.mean.value == pytest.approx(0.8)
        assert found.weighted == pytest.approx(0.5)  # each release by its share of the answers
        assert (found.all.worst, found.all.best) == (pytest.approx(0.4), pytest.approx(0.9))
        assert [(each.name, each.label, each.count, each.mean) for each in found.kinds] == [
            ("thumbs", "up", 8, 1.0),
            ("thumbs", "down", 2, 0.0),
            ("outcome", "ticket_reopened", 1, None),
        ]
        assert "11 of 20 answers" in found.says
        other = await world.book.summarize(project(), "", day(), "release")
        assert (other.all.answers, other.weighted, other.groups) == (0, None, [])

    world.run(story())


@pytest.mark.parametrize(
    ("said", "param"),
    [
        (Feedback(thumbs="up"), "request_id"),
        (Feedback(trace_id="a", request_id="req_" + "0" * 32, thumbs="up"), "request_id"),
        (Feedback(request_id="req_1", thumbs="up"), "request_id"),
        (Feedback(trace_id="a b", thumbs="up"), "trace_id"),
        (Feedback(trace_id="a"), "thumbs"),
        (Feedback(trace_id="a", rating=7), "rating"),
        (Feedback(trace_id="a", rating=1, scale=(5, 1)), "rating"),
        (Feedback(trace_id="a", outcome="Ticket reopened!"), "outcome"),
        (Feedback(trace_id="a", thumbs="up", good=True), "good"),
        (Feedback(response_id="r", span_id="s", thumbs="up"), "span_id"),
    ],
)
def test_what_says_nothing_or_is_of_no_answer_is_refused_with_its_place(said: Feedback, param: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        checked(said)
    assert (error.value.param, bool(error.value.fix)) == (param, True)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_a_rating_becomes_a_share_of_its_scale_whatever_that_is(low: float, high: float, rating: float) -> None:
    try:
        said = checked(Feedback(trace_id="a", rating=rating, scale=(low, high)))
    except InvalidRequest:
        assert not (low < high and low <= rating <= high)
        return
    (score,) = scores_of(said, Place("a"), Origin("p", "k", 1))
    assert score.value is not None
    assert 0 <= score.value <= 1
    assert score.source == "user"
