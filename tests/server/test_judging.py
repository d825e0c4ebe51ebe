"""A rollout judged by what is in the telemetry store."""

import asyncio
from collections.abc import Mapping
from typing import Any, TypeVar

import pytest
from msgspec.structs import replace

from trimtab.core.clock import FixedClock
from trimtab.ledger.types import Cost
from trimtab.releases.rules import Decision
from trimtab.releases.types import Plan, Rollout, Step
from trimtab.server.duties.judging import RolloutJudge, situation
from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.arms import CAP_LEAST
from trimtab.telemetry.calls.mapper import CallMapper
from trimtab.telemetry.reader import TelemetryReader
from trimtab.telemetry.records import Attempt, CallRecord, Fault
from trimtab.telemetry.rows import Rows, encode
from trimtab.telemetry.stores import Store, Value

T = TypeVar("T")
START_MS = 1_790_000_000_000
PICO = 10**12


def rollout(**fields: Any) -> Rollout:
    given: dict[str, Any] = {
        "id": "rollout_1",
        "project_id": "judged",
        "app": "support",
        "environment": "production",
        "stable": 11,
        "candidate": 12,
        "plan": Plan(steps=(Step(share=0.05, hold_s=60, samples=50), Step(share=0.5))),
        "state": "running",
        "step": 0,
        "step_started": START_MS,
        "started": START_MS,
        "ended": None,
        "author": "key_1",
        "author_name": "Ann",
        "note": "",
        "reason": "",
        "evidence": None,
        "revision": 1,
        "updated": START_MS,
    }
    return Rollout(**{**given, **fields})


def call(number: int, project: str, arm: tuple[str, str], *, failed: bool, amount: int, at_ms: int) -> CallRecord:
    started = at_ms * 1_000_000
    fault = Fault(code="upstream_failure", message="x", status=502) if failed else None
    outcome: Any = "error" if failed else "answer"
    tried = Attempt(
        span_id=f"a{number:015x}",
        provider="lab",
        kind="openai",
        model="m",
        dialect="openai_chat",
        started_ns=started,
        ended_ns=started + 5,
        outcome=outcome,
        fault=fault,
        cost=Cost(amount=amount, price="x"),
    )
    return CallRecord(
        request_id=f"{number:032x}",
        trace_id=f"{number:032x}",
        span_id=f"{number:016x}",
        project=project,
        key_id="key_1",
        front="openai_chat",
        model="support",
        app="support",
        environment="production",
        variant=arm[0],
        release=arm[1],
        user=f"user-{number}",
        started_ns=started,
        ended_ns=started + (900 + number % 7) * 1_000_000,
        outcome=outcome,
        fault=fault,
        status=502 if failed else 200,
        attempts=(tried,),
    )


class Judged:
    """Decisions about what is put into the store."""

    def __init__(self, engine: Store, blobs: FolderBlobs, socket: Any) -> None:
        self._engine, self._blobs = engine, blobs
        self._runner = asyncio.Runner()
        self._reader = TelemetryReader(socket)
        self.asked: list[str] = []
        self.clock = FixedClock()
        self.takes_s = 0.0
        self.judge = RolloutJudge(self, self.clock)
        self._number = 0

    async def ask(self, line: type[T], sql: str, params: Mapping[str, Value], bounds: str = "") -> list[T]:
        self.asked.append(sql)
        self.clock.advance(self.takes_s)
        return await self._reader.ask(line, sql, params, bounds)

    def put(self, project: str, arm: tuple[str, str], calls: int, **more: Any) -> None:
        rows, mapper = Rows(), CallMapper(self._blobs)
        failed = more.pop("failed", 0)
        given = {"amount": PICO // 100, "at_ms": START_MS + 1_000, **more}
        for place in range(calls):
            self._number += 1
            mapper.add(rows, place, call(self._number, project, arm, failed=place < failed, **given))
        for table in rows.tables():
            if table.owners:
                token = f"{project}-{self._number}:{table.name}"
                self._engine.insert(table.name, table.columns, encode(table.values), token)

    def decide(self, of: Rollout, after_s: float = 120.0) -> Decision:
        return self._runner.run(self.judge(of, of.step_started + int(after_s * 1_000)))

    def close(self) -> None:
        self._runner.run(self._reader.aclose())
        self._runner.close()


@pytest.fixture
def judged(engine: Store, blobs: FolderBlobs, served: Any) -> Any:
    found = Judged(engine, blobs, served.socket)
    yield found
    found.close()


STABLE, CANDIDATE, SHADOW = ("stable", "r11"), ("candidate", "r12"), ("shadow", "r12")


def test_a_candidate_whose_calls_fail_is_rolled_back(judged: Judged) -> None:
    judged.put("judged-bad", STABLE, 300, failed=3)
    judged.put("judged-bad", CANDIDATE, 40, failed=20)
    found = judged.decide(rollout(project_id="judged-bad"))
    assert (found.action, found.rule) == ("rollback", "errors worse -> rollback")
    assert "Errors 50.0 % against 1.0 %" in found.reason
    assert "40 and 300 calls" in found.reason


def test_what_came_before_the_step_or_belongs_to_another_project_is_not_looked_at(judged: Judged) -> None:
    judged.put("judged-step", STABLE, 300)
    judged.put("judged-step", CANDIDATE, 40, failed=40, at_ms=START_MS - 1)
    judged.put("judged-other", CANDIDATE, 40, failed=40)
    found = judged.decide(rollout(project_id="judged-step"))
    assert found.action == "wait"
    assert found.evidence[0].candidate.n == 0


def test_a_good_candidate_goes_on_when_the_step_is_over(judged: Judged) -> None:
    judged.put("judged-good", STABLE, 150, failed=1)
    judged.put("judged-good", CANDIDATE, 150)
    steps = (Step(share=0.05, hold_s=60, samples=50), Step(share=0.5, hold_s=1))
    wide = {"guards": [{"metric": "errors", "margin": 0.2}, {"metric": "latency"}, {"metric": "cost"}]}
    of = rollout(project_id="judged-good", plan=Plan(steps=steps, rules=wide))
    assert judged.decide(of, after_s=59).action == "wait"
    assert judged.decide(of).action == "advance"
    assert judged.decide(replace(of, step=1)).action == "promote"


def test_a_shadow_is_compared_and_moves_nothing(judged: Judged) -> None:
    judged.put("judged-shadow", STABLE, 300)
    judged.put("judged-shadow", SHADOW, 40, failed=40)
    found = judged.decide(rollout(project_id="judged-shadow", plan=Plan(kind="shadow", share=1.0, budget="5")))
    assert found.action == "wait"
    assert found.evidence[0].outcome == "worse"


def test_an_empty_environment_has_nothing_to_compare_with(judged: Judged) -> None:
    judged.put("judged-first", CANDIDATE, 300)
    found = judged.decide(rollout(project_id="judged-first", stable=None))
    assert found.action == "wait"
    assert found.evidence[0].stable.n == 0
    assert found.evidence[0].candidate.n == 300


def test_costs_are_capped_by_what_calls_cost_before_the_rollout_and_that_is_asked_once(judged: Judged) -> None:
    judged.put("judged-cost", STABLE, CAP_LEAST + 50, at_ms=START_MS - 5_000)
    judged.put("judged-cost", STABLE, 60)
    judged.put("judged-cost", CANDIDATE, 60, amount=1_000 * PICO)
    of = rollout(project_id="judged-cost")
    cost = next(each for each in judged.decide(of).evidence if each.metric == "cost")
    assert cost.candidate.value == pytest.approx(10 * 0.01)
    assert cost.outcome == "worse"
    assert len(judged.asked) == 2
    judged.decide(of)
    assert len(judged.asked) == 3


def test_a_store_that_takes_long_is_asked_less_often(judged: Judged) -> None:
    of = rollout(project_id="judged-long", plan=Plan(rules={"guards": [{"metric": "errors"}]}))
    judged.takes_s = 1.0
    for after_s, asked in ((0.0, 1), (3.9, 1), (0.2, 2), (1.0, 2)):
        judged.clock.advance(after_s)
        judged.decide(of)
        assert len(judged.asked) == asked
    judged.takes_s = 60.0
    of = replace(of, step_started=START_MS + 1)
    for after_s, asked in ((0.0, 3), (4.9, 3), (0.2, 4)):
        judged.clock.advance(after_s)
        judged.decide(of)
        assert len(judged.asked) == asked, "a busy store is asked again after five seconds at most"


def test_where_a_rollout_is_follows_from_its_step_and_the_time() -> None:
    of = rollout(step=1)
    found = situation(of, START_MS + 90_500)
    assert (found.step, found.steps, found.held_s, found.hold_s, found.samples) == (1, 2, 90.5, 300, 100)
    assert situation(of, START_MS - 9).held_s == 0
    plain = situation(rollout(plan=Plan(kind="ab")), START_MS)
    assert (plain.steps, plain.hold_s, plain.samples) == (1, 0, 0)
