"""Judges held against people, from scores of both on the same answers to a kept calibration."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from makings import T0
from seeing import SECOND, World, story_of

from catalogs import laid
from trimtab.evaluation import calibrations
from trimtab.review.calibration import DAY_NS, FEWEST_RECENT, Found, Pair, figures
from trimtab.review.types import Criterion, QueueSpec
from trimtab.scoring.corrected import operating, rogan_gladen
from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.stores import Store


@pytest.fixture
def run(engine: Store, blobs: FolderBlobs, served: Any, tmp_path: Path) -> Callable[[Any], None]:
    url = laid(tmp_path)
    return lambda story: story_of(engine, blobs, served.socket, url, story)


def test_what_people_and_a_judge_said_of_the_same_becomes_a_calibration(run: Callable[[Any], None]) -> None:
    async def story(world: World) -> None:
        await world.put("audit", QueueSpec(criteria=(Criterion(name="polite", judge="judge:tone"),)))
        calls = [world.call(number, app="shop", release="r1" if number % 2 else "r2") for number in range(1, 13)]
        world.arrive(*calls)
        judge: dict[str, Any] = {"evaluator": "judge:tone", "evaluator_version": "1-rubric.1"}
        for number, call in enumerate(calls):  # twelve are judged, ten labelled; the judge errs on two of those
            await world.say(call, "tone", float(number % 3 > 0), "llm", **judge)
            if number < 10:
                right = number % 3 > 0 if number not in (0, 1) else number % 3 == 0
                await world.say(call, "polite", float(right), "human", author="ada", evaluator="review/all")
        await world.say(
            calls[9], "polite", 1.0, "human", author="ben", evaluator="review/all"
        )  # ada said 0: people are split
        await world.say(calls[4], "elsewhere", 0.0, "human", author="ben", evaluator="review/all")  # another question
        await world.say(calls[2], "polite", 0.0, "human", author="eve", evaluator="mine")  # no verdict of review
        assert await world.calibrating.follow() == 1
        assert await world.calibrating.follow() == 0
        now = world.clock.now_ns() // 1_000_000
        args = (world.project, "judge:tone", "1-rubric.1", now)
        found = await world.db.read(lambda conn: calibrations.recent(conn, *args, 1000))
        assert found is not None
        said = found.figures
        assert (found.labels, said.disputed, said.judged) == (9, 1, 12)
        assert said.confusion == ((2, 1), (1, 5))
        assert said.alike.value == pytest.approx(7 / 9)
        assert said.kappa.value == pytest.approx((7 / 9 - 45 / 81) / (1 - 45 / 81))
        assert (said.sensitivity.value, said.specificity.value) == (pytest.approx(5 / 6), pytest.approx(2 / 3))
        assert said.raw == pytest.approx(8 / 12)
        assert {(each.by, each.group, each.labels) for each in said.segments} == {
            ("app", "shop", 9),
            ("release", "shop@r1", 5),
            ("release", "shop@r2", 4),
        }
        assert "Not watched yet" in said.drift.says
        world.clock.advance(2)
        later = (*args[:3], now + 2_000)
        assert await world.db.read(lambda conn: calibrations.recent(conn, *later, 1000)) is None
        (again,) = await world.calibrating.calibrate(world.project, "judge:tone")
        assert again.id == found.id  # nothing new was said

    run(story)


def pairs(right: float, count: int, judged_ns: int, seed: int) -> list[Pair]:
    rnd = random.Random(seed)
    found: list[Pair] = []
    for number in range(count):
        people = float(rnd.random() < 0.6)
        judge = people if rnd.random() < right else 1 - people
        found.append(Pair(trace_id=f"{seed}-{number}", people=people, judge=judge, judged_ns=judged_ns))
    return found


def test_a_judge_that_gets_worse_is_seen_and_one_that_stays_is_left_alone() -> None:
    old, new = T0 - 40 * DAY_NS, T0 - DAY_NS
    worse = Found(
        pairs=pairs(0.95, 100, old, 1) + pairs(0.6, 60, new, 2), disputed=0, judged=[], since_ns=0, newest_label_ns=new
    )
    same = Found(
        pairs=pairs(0.9, 100, old, 3) + pairs(0.9, 60, new, 4), disputed=0, judged=[], since_ns=0, newest_label_ns=new
    )
    few = Found(
        pairs=pairs(0.9, 100, old, 5) + pairs(0.0, FEWEST_RECENT - 1, new, 6), disputed=0, judged=[], since_ns=0,
        newest_label_ns=new,
    )  # fmt: skip
    told = [figures(each, T0).drift for each in (worse, same, few)]
    assert [each.drifted for each in told] == [True, False, False]
    assert "less than it did" in told[0].says


def test_rates_are_corrected_for_the_judges_errors() -> None:
    """A judge that passes too much: the raw rate is far off, the corrected ones are near the truth of 0.6."""
    rnd = random.Random(7)
    labelled = pairs(0.85, 300, T0, 8)
    truth = [float(rnd.random() < 0.6) for _ in range(2_000)]
    judged = [each if rnd.random() < 0.85 else 1 - each for each in truth]
    found = figures(Found(pairs=labelled, disputed=0, judged=judged, since_ns=0, newest_label_ns=T0), T0)
    known = operating([(pair.people > 0.5, pair.judge >= 0.5) for pair in labelled])
    total = sum(judged) + sum(pair.judge for pair in labelled)
    assert found.rogan_gladen.value == rogan_gladen(total, len(judged) + 300, known).value
    for rate in (found.rogan_gladen, found.prediction_powered):
        assert rate.low is not None
        assert rate.high is not None
        assert rate.low <= 0.6 <= rate.high
    assert found.rogan_gladen.value is not None
    assert found.raw is not None
    assert abs(found.rogan_gladen.value - 0.6) < abs(found.raw - 0.6)


def test_nothing_to_compare_is_said_and_is_no_zero() -> None:
    found = figures(Found(pairs=[], disputed=3, judged=[1.0], since_ns=0, newest_label_ns=0), SECOND)
    assert (found.labels, found.alike.value, found.kappa.value, found.rogan_gladen.value) == (0, None, None, None)
