"""Rules that score live answers and run suites: each answer once by each scorer, within a budget, at its time."""

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from seeing import ADA, World, story_of
from sqlalchemy import Connection, text

from catalogs import laid
from patience import PATIENCE_S
from trimtab.core.errors import Conflict, InvalidRequest, NotFound, TrimtabError, Unavailable
from trimtab.evaluation import online
from trimtab.evaluation.online import DAY_MS, HOUR_MS, OnlineScorer, OnlineSpec, Put, Rule, RuleState, ScheduleSpec
from trimtab.evaluation.quality import Quality, measured
from trimtab.governance import bootstrap
from trimtab.scoring.corrected import Operating
from trimtab.scoring.types import Answered, Asked, Tools
from trimtab.server.duties.scoring_live import NAME, Parts, ScoringLive
from trimtab.storage import leaders
from trimtab.storage.blobs import FolderBlobs
from trimtab.storage.database import Database
from trimtab.telemetry.scores.quality import QualityQuestion, quality, score_names
from trimtab.telemetry.stores import Store
from trimtab.telemetry.views import Window

SAYS = OnlineScorer(scorer="contains", name="on_its_way", options={"all": ["on its way"]})
RIGHT = OnlineScorer(scorer="exact", name="right")
KIND = OnlineScorer(scorer="rubric", name="kind", options={"model": "m", "criteria": "Kind.", "pass_at": 4})
COST = 1_000_000
DAY_NS = DAY_MS * 1_000_000
Line = tuple[str, str, float | None, str, str, str]
"""Trace, name, value, label, version and source of a score."""


class Judges:
    """Stands in for `JudgeTools`: every answer is kind, and each question costs the same."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def bound(self, project_id: str, *, idempotency: str, paid: Any, **_: Any) -> Tools:
        async def ask(asked: Asked) -> Answered:
            self.asked.append(idempotency)
            paid(COST)
            return Answered(text='{"reason": "It is.", "score": 5}', cost=COST)

        return Tools(ask=ask)


def scorer_of(world: World, judges: Judges, queue: Any = None) -> ScoringLive:
    """A new one remembers nothing, as after a crash."""
    return ScoringLive(
        Parts(
            db=world.db,
            reader=world.reader,
            asker=world.reader,
            scores=world.scores,
            tools=judges,  # pyright: ignore[reportArgumentType]
            queue=queue,
            queued=lambda: None,
            clock=world.clock,
        )
    )


async def put(world: World, name: str, spec: Any, **more: Any) -> Rule:
    now = world.clock.now_ns() // 1_000_000
    wanted = Put(project_id=world.project, name=name, spec=spec, actor=ADA, now=now, **more)
    return (await world.db.write(lambda conn: online.put(conn, wanted)))[0]


async def rule(world: World, name: str) -> Rule:
    return await world.db.read(lambda conn: online.rule(conn, world.project, name))


async def said(world: World) -> list[Line]:
    sql = (
        "SELECT trace_id, name, value, label, evaluator_version, source FROM scores FINAL WHERE project = {p:String}"
        " ORDER BY name, trace_id"
    )
    return await world.reader.ask(Line, sql, {"p": world.project})


@pytest.fixture
def run(engine: Store, blobs: FolderBlobs, served: Any, tmp_path: Path) -> Callable[[Any], None]:
    url = laid(tmp_path)
    return lambda story: story_of(engine, blobs, served.socket, url, story)


def test_answers_are_scored_once_whoever_looks_again(run: Callable[[Any], None]) -> None:
    async def story(world: World) -> None:
        early = world.call(90, app="support")
        world.arrive(early)
        world.clock.advance(5)
        await put(world, "all", OnlineSpec(app="support", share=1.0, scorers=(SAYS, RIGHT, KIND)))
        world.clock.advance(5)
        calls = [world.call(n, app="support", release=f"r{1 + n % 2}", user=f"u{n}") for n in range(1, 5)]
        others = [world.call(91, app="shop"), world.call(92, app="support", feature="trimtab.judge")]
        world.arrive(*calls, *others)
        judges = Judges()
        live = scorer_of(world, judges)
        for _ in range(2):
            assert await live.turn() is False
            world.clock.advance(1)
        again = scorer_of(world, judges)
        assert await again.score(await rule(world, "all")) is False
        found = await said(world)
        assert len(found) == 12, "four answers of the app, by three scorers"
        assert {line[0] for line in found} == {call.trace_id for call in calls}
        assert [line[2:4] for line in found if line[1] == "right"] == [(None, online.UNSCORED)] * 4
        assert {line[2:] for line in found if line[1] == "kind"} == {(1.0, "", "1", "llm")}
        assert len(judges.asked) == len(set(judges.asked)) == 4
        state = (await rule(world, "all")).state
        assert (state.scored, state.unscored, state.passed_over, state.spent) == (8, 4, 0, 4 * COST)

        window = Window(start=0, end=world.clock.now_ns() // 1_000_000 + 1)
        asked = QualityQuestion(name="right", q="app:support", window=window)
        groups = await quality(world.reader, world.project, asked, by_day=False)
        assert [(each.release, each.sums.n, each.unscored) for each in groups] == [("r1", 0, 2), ("r2", 0, 2)]
        kind = replace(asked, name="kind")
        days = await quality(world.reader, world.project, kind, by_day=True)
        assert [(each.release, each.day, each.sums.units, each.sums.s, each.judges, each.source) for each in days] == [
            (release, calls[0].started_ns // DAY_NS, 2, 2.0, ("rubric@1",), "llm") for release in ("r1", "r2")
        ]  # fmt: skip

        await world.say(calls[0], "kind", 0.0, "human", evaluator="review")
        await world.say(calls[0], "kind", 1.0, "detector", evaluator="refusal", evaluator_version="2")
        await world.say(calls[0], "refused", 1.0, "guard")
        apart = await quality(world.reader, world.project, kind, by_day=False)
        assert [(each.release, each.source, each.sums.n, each.sums.s, each.judges) for each in apart] == [
            ("r1", "llm", 2, 2.0, ("rubric@1",)),
            ("r2", "human", 1, 0.0, ("review",)),
            ("r2", "llm", 2, 2.0, ("rubric@1",)),
        ]
        named = await score_names(world.reader, world.project, window)
        assert {each.name: each.count for each in named} == {"on_its_way": 4, "right": 4, "kind": 5}

    run(story)


def test_what_a_judge_cost_counts_although_its_word_could_not_be_written(
    run: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(world: World) -> None:
        await put(world, "kind", OnlineSpec(share=1.0, scorers=(KIND,)))
        world.clock.advance(5)
        world.arrive(world.call(1))
        live = scorer_of(world, Judges())

        async def full(*_: Any) -> None:
            raise Unavailable("The disk is full.")

        monkeypatch.setattr(world.scores, "write", full)
        assert await live.turn() is False
        state = (await rule(world, "kind")).state
        assert (state.spent, state.scored) == (COST, 0)

    run(story)


def test_what_was_paid_while_somebody_changed_the_rule_counts_in_the_days_budget(run: Callable[[Any], None]) -> None:
    """Each change would have been worth another day's budget."""

    async def story(world: World) -> None:
        spec = OnlineSpec(app="support", share=1.0, scorers=(KIND,))
        await put(world, "kind", spec)
        judges = Judges()
        live = scorer_of(world, judges)
        for number in range(3):
            world.clock.advance(5)
            world.arrive(world.call(1 + number, app="support"))
            before = await rule(world, "kind")
            await put(world, "kind", replace(spec, description=f"Change {number}"))
            await live.score(before)  # as it was read before the change
        found = await rule(world, "kind")
        assert (len(judges.asked), found.state.spent) == (3, 3 * COST)
        # what was paid for one that is gone is not the next one's
        world.clock.advance(5)
        world.arrive(world.call(9, app="support"))
        await world.db.write(lambda conn: online.remove(conn, world.project, "kind", ADA, 1))
        await live.score(found)
        world.clock.advance(5)
        await put(world, "kind", spec)
        await live.score(found)
        assert (await rule(world, "kind")).state.spent == 0

    run(story)


def test_who_saves_a_rule_while_its_costs_are_written_down_does_not_write_over_them(catalog_url: str) -> None:
    spec = OnlineSpec(app="support", scorers=(SAYS,))
    spending = threading.Event()

    def spend(conn: Connection, found: Rule) -> None:
        assert online.remember(conn, found, replace(found.state, spent=COST))
        spending.set()
        ends = time.monotonic() + PATIENCE_S
        while conn.dialect.name == "postgresql" and not conn.scalar(text("SELECT 1 FROM pg_locks WHERE NOT granted")):
            assert time.monotonic() < ends, "nobody waits"
            time.sleep(0.01)

    async def story() -> None:
        runner, person = Database.open(catalog_url), Database.open(catalog_url)
        await runner.write(lambda conn: bootstrap.ensure(conn, admin_key=None, project="default", now=1))
        project = await runner.read(lambda conn: str(conn.scalar(text("SELECT id FROM projects"))))
        first = Put(project_id=project, name="kind", spec=spec, actor=ADA, now=1)
        found, _ = await runner.write(lambda conn: online.put(conn, first))
        paying = asyncio.ensure_future(runner.write(lambda conn: spend(conn, found)))
        assert await asyncio.to_thread(spending.wait, PATIENCE_S)
        again = replace(first, spec=replace(spec, description="Another"), now=2)
        changed, _ = await person.write(lambda conn: online.put(conn, again))
        await paying
        assert (changed.revision, changed.state.spent) == (2, COST)
        await runner.close()
        await person.close()

    asyncio.run(story())


def test_a_share_is_always_the_same_answers_and_a_budget_ends_for_the_day(run: Callable[[Any], None]) -> None:
    async def story(world: World) -> None:
        await put(world, "half", OnlineSpec(share=0.5, scorers=(SAYS,)))
        await put(world, "dear", OnlineSpec(share=1.0, scorers=(KIND,), budget="0.000002"))
        world.clock.advance(5)
        world.arrive(*[world.call(number) for number in range(1, 17)])
        judges = Judges()
        assert await scorer_of(world, judges).turn() is False
        drawn = {line[0] for line in await said(world) if line[1] == "on_its_way"}
        assert 2 <= len(drawn) <= 14
        state = (await rule(world, "dear")).state
        assert state.passed_over + state.scored == 16
        assert state.scored == len(judges.asked) <= 8, "no more than were under way when the budget ended"
        live = scorer_of(world, judges)
        await live.turn()
        assert {line[0] for line in await said(world) if line[1] == "on_its_way"} == drawn
        tomorrow = state.on((world.clock.now_ns() // 1_000_000) + DAY_MS)
        assert (tomorrow.spent, tomorrow.scored, tomorrow.passed_over) == (0, 0, 0)

    run(story)


def test_one_of_two_processes_scores(run: Callable[[Any], None]) -> None:
    async def story(world: World) -> None:
        await put(world, "all", OnlineSpec(share=1.0, scorers=(SAYS,)))
        world.clock.advance(5)
        world.arrive(world.call(1))
        now = world.clock.now_ns() // 1_000_000
        await world.db.write(lambda conn: leaders.lead(conn, NAME, "another", now, 60_000))
        live = scorer_of(world, Judges())
        assert await live.turn() is False
        assert await said(world) == []
        await world.db.write(lambda conn: leaders.leave(conn, NAME, "another"))
        await live.turn()
        assert len(await said(world)) == 1

    run(story)


def test_a_schedule_keeps_its_beat_and_says_what_stands_in_its_way(run: Callable[[Any], None]) -> None:
    async def story(world: World) -> None:
        queued: list[str] = []

        def queue(_: Connection, found: Rule, spec: ScheduleSpec) -> str:
            if len(queued) == 1:
                queued.append("")
                raise Conflict("The run before is not over.", fix="Wait.")
            queued.append(f"{spec.suite} on {spec.subject}")
            return f"exp_{len(queued)}"

        def make(conn: Connection) -> None:
            now = world.clock.now_ns() // 1_000_000
            spec = ScheduleSpec(suite="quick", subject="support@production", every_hours=2)
            wanted = Put(project_id=world.project, name="often", spec=spec, actor=ADA, now=now)
            online._make(conn, wanted)  # pyright: ignore[reportPrivateUsage]  the suite is not there

        await world.db.write(make)
        live = scorer_of(world, Judges(), queue)
        await live.turn()
        await live.turn()
        assert queued == ["quick on support@production"]
        state = (await rule(world, "often")).state
        assert (state.experiment, state.trouble, state.next) == ("exp_1", "", (state.last or 0) + 2 * HOUR_MS)
        world.clock.advance(2 * 3600)
        await live.turn()
        state = (await rule(world, "often")).state
        assert state.trouble.startswith("The run before is not over.")
        assert state.next == (state.last or 0) + HOUR_MS, "sooner than its beat"
        world.clock.advance(5 * 3600 + 60)
        await live.turn()
        state = (await rule(world, "often")).state
        assert (state.experiment, state.trouble, len(queued)) == ("exp_3", "", 3)
        assert (state.next or 0) > world.clock.now_ns() // 1_000_000, "what was missed runs once"

    run(story)


def test_rules_are_changed_on_what_there_is_and_refused_with_a_reason(
    engine: Store, blobs: FolderBlobs, served: Any, catalog_url: str
) -> None:
    async def story(world: World) -> None:
        spec = OnlineSpec(scorers=(SAYS,))
        first = await put(world, "r", spec, expected=0)
        assert (await put(world, "r", spec)).revision == first.revision, "the same changes nothing"
        second = await put(world, "r", spec, paused=True, expected=1)
        assert (second.paused, second.revision) == (True, 2)
        world.clock.advance(60)
        third = await put(world, "r", spec, expected=2)
        assert third.state.read_ns == world.clock.now_ns(), "what came meanwhile is not scored"
        with pytest.raises(Conflict):
            await put(world, "r", spec, paused=True, expected=1)
        wrong: list[tuple[str, Any, type[TrimtabError]]] = [
            ("UPPER", spec, InvalidRequest),
            ("r", OnlineSpec(scorers=()), InvalidRequest),
            ("r", OnlineSpec(scorers=(SAYS, SAYS)), InvalidRequest),
            ("r", OnlineSpec(scorers=(SAYS,), q="nokey:x"), InvalidRequest),
            ("r", OnlineSpec(scorers=(SAYS,), budget="much"), InvalidRequest),
            ("r", OnlineSpec(scorers=(OnlineScorer(scorer="none"),)), TrimtabError),
            ("r", OnlineSpec(scorers=(OnlineScorer(scorer="judge:none"),)), NotFound),
            ("r", ScheduleSpec(suite="none", subject="m"), NotFound),
        ]
        for name, bad, error in wrong:
            with pytest.raises(error):
                await put(world, name, bad)
        await world.db.write(lambda conn: online.remove(conn, world.project, "r", ADA, 1))
        assert await world.db.read(lambda conn: online.rules(conn, world.project)) == []

    story_of(engine, blobs, served.socket, catalog_url, story)


def test_a_calibrated_judges_rate_is_corrected_and_keeps_the_doubt_of_few_labels() -> None:
    from trimtab.scoring.stats import single
    from trimtab.telemetry.scores.quality import QualityGroup

    def group(judges: tuple[str, ...], other: int = 0) -> QualityGroup:
        return QualityGroup(
            app="a", release="r1", day=None, sums=single(400, 300), squares=300.0, low=0.0, high=1.0, other=other,
            unscored=100, judges=judges, source="llm",
        )  # fmt: skip

    known = {"judge:tone@1": Operating(hits=45, positives=50, rejections=35, negatives=50)}
    found: Quality = measured(group(("judge:tone@1",)), known)
    assert found.corrected == pytest.approx((0.75 + 0.7 - 1) / (0.9 + 0.7 - 1))
    assert (found.corrected_high or 0) - (found.corrected_low or 0) > 2 * ((found.high or 0) - (found.low or 0)) > 0
    assert (found.worst, found.best) == (0.6, 0.8)
    for judges, other in ((("judge:tone@2",), 0), (("judge:tone@1", "exact@1"), 0), (("judge:tone@1",), 3)):
        assert measured(group(judges, other), known).corrected is None


def test_state_of_another_day_begins_at_nothing() -> None:
    state = RuleState(day=3, spent=5, scored=2)
    assert state.on(3 * DAY_MS + 5) is state
    assert state.on(4 * DAY_MS).spent == 0
