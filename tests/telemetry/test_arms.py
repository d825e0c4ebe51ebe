"""What the arms of a rollout did, checked by brute force over the calls and scores it is of."""

import asyncio
import math
import random
from collections import defaultdict
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from makings import HOUR, T0, attempt, project, record
from msgspec.structs import replace

from trimtab.ledger.types import Cost
from trimtab.scoring.sums import ArmFigures, Sums, sums_of
from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.arms import (
    CAP_LEAST,
    Arm,
    ArmsQuestion,
    Metric,
    Sticky,
    figures_of_arms,
    usual_cap,
)
from trimtab.telemetry.calls.mapper import CallMapper
from trimtab.telemetry.reader import TelemetryReader
from trimtab.telemetry.records import CallRecord, Fault
from trimtab.telemetry.rows import Rows, encode
from trimtab.telemetry.scores.types import Score, ScoreBatch, Source, add_scores
from trimtab.telemetry.stores import Store

T = TypeVar("T")
MINUTE = 60_000_000_000
STABLE, CANDIDATE = Arm("stable", "r1"), Arm("candidate", "r2")
NAMES = (
    "errors",
    "cancelled",
    "latency",
    "ttft",
    "cost",
    "silent",
    "refusal",
    "feedback",
    "score:helpful",
    "score:helpful@llm",
)
FAULTS = (
    Fault(code="upstream_failure", message="x", status=502),
    Fault(code="invalid_request", message="x", status=400, source="client"),
    Fault(code="limit_reached", message="x", status=429, source="client"),
    Fault(code="prompt_variable", message="x", status=400, source="client"),
    Fault(code="unsupported", message="x", status=400, source="client"),
)
BLAMELESS = ("invalid_request", "limit_reached")


def call(number: int, rnd: random.Random, owner: str) -> CallRecord:
    """Of one of the arms mostly; else of another app, environment, release or time."""
    arm = rnd.choice((STABLE, CANDIDATE, CANDIDATE))
    started = T0 + rnd.randint(0, 10 * MINUTE)
    outcome = rnd.choice(("answer", "answer", "answer", "error", "cancel"))
    fault = rnd.choice(FAULTS) if outcome == "error" else None
    stream = rnd.random() < 0.5
    cached = rnd.random() < 0.1
    fields: dict[str, Any] = {
        "project": owner,
        "app": "support",
        "environment": "production",
        "release": arm.release,
        "variant": arm.variant,
        "user": rnd.choice(("", "ann", "ben", "cleo", "dora")),
        "session": rnd.choice(("", "s1", "s2")),
        "stream": stream,
        "started_ns": started,
        "ended_ns": started + rnd.randint(1, 5_000) * 1_000_000,
        "first_token_ns": started + rnd.randint(1, 900) * 1_000_000 if stream else 0,
        "outcome": outcome,
        "fault": fault,
        "status": fault.status if fault else 200,
        "capture": rnd.random() < 0.8,
    }
    if rnd.random() < 0.2:
        fields |= rnd.choice(
            (
                {"app": "other"},
                {"environment": "staging"},
                {"release": "r3"},
                {"variant": "shadow"},
                {"started_ns": T0 - HOUR, "ended_ns": T0 - HOUR + 1, "first_token_ns": 0},
                {"started_ns": T0 + HOUR, "ended_ns": T0 + HOUR + 1, "first_token_ns": 0},
            )
        )
    cost = Cost(amount=rnd.randint(1, 9) * 10**9, price="x") if rnd.random() < 0.8 else Cost()
    refused = bool(fault and fault.source == "client")
    attempts = () if cached or refused else (attempt(number, cost=cost, outcome=outcome, fault=fault),)
    return record(number, attempts=attempts, **fields)


def said_of(each: CallRecord, rnd: random.Random) -> tuple[Score, ...]:
    found: list[Score] = []
    said: tuple[tuple[str, Source], ...] = (
        ("refusal", "detector"),
        ("truncated", "detector"),
        ("helpful", "llm"),
        ("thumb", "human"),
        ("thumbs", "user"),
    )
    for name, source in said:
        if rnd.random() < 0.4:
            of_trace = source != "detector" and rnd.random() < 0.5
            found.append(
                Score(
                    id=f"{name}-{each.trace_id}",
                    target="trace" if of_trace else "span",
                    trace_id=each.trace_id,
                    span_id="" if of_trace else rnd.choice((each.span_id, each.span_id, "another")),
                    name=name,
                    value=rnd.choice((-1.0, 0.0, 0.25, 1.0, 3.0)) if source != "detector" else 1.0,
                    source=source,
                    at_ns=each.ended_ns,
                    valid=rnd.random() < 0.8,
                    version=1,
                )
            )
    return tuple(found)


class World:
    """Two projects with the same ids in one store; of the one, what is in it."""

    def __init__(self, engine: Store, blobs: FolderBlobs, socket: Path) -> None:
        self._runner = asyncio.Runner()
        self.reader = TelemetryReader(socket)
        self.ours, theirs = project(), project()
        rnd = random.Random(7)
        self.calls = [call(number, rnd, self.ours) for number in range(1, 401)]
        self.scores = {each.trace_id: said_of(each, rnd) for each in self.calls}
        self._store(engine, blobs, self.ours, self.calls, self.scores)
        others = [replace(each, project=theirs, started_ns=each.started_ns + 1) for each in self.calls]
        bad = {key: tuple(replace(score, value=1.0, valid=True) for score in of) for key, of in self.scores.items()}
        self._store(engine, blobs, theirs, others, bad)

    def _store(
        self,
        engine: Store,
        blobs: FolderBlobs,
        owner: str,
        calls: list[CallRecord],
        scores: dict[str, tuple[Score, ...]],
    ) -> None:
        rows, mapper = Rows(), CallMapper(blobs)
        for place, each in enumerate(calls):
            mapper.add(rows, place, each)
            add_scores(rows.scores, place, ScoreBatch(project=owner, scores=scores[each.trace_id]))
        for table in rows.tables():
            if table.owners:
                engine.insert(table.name, table.columns, encode(table.values), f"{owner}:{table.name}")

    def run(self, question: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(question)

    def close(self) -> None:
        self._runner.run(self.reader.aclose())
        self._runner.close()


@pytest.fixture(scope="module")
def world(engine: Store, blobs: FolderBlobs, served: Any) -> Iterator[World]:
    found = World(engine, blobs, served.socket)
    yield found
    found.close()


def question(sticky: Sticky = "user", **more: Any) -> ArmsQuestion:
    given: dict[str, Any] = {
        "app": "support",
        "environment": "production",
        "arms": (STABLE, CANDIDATE),
        "sticky": sticky,
        "since_ns": T0,
        "until_ns": T0 + HOUR,
        "metrics": tuple(Metric(name) for name in NAMES),
    }
    return ArmsQuestion(**{**given, **more})


# --- the same by hand ---


def unit_of(each: CallRecord, sticky: Sticky) -> str:
    if sticky == "user" and each.user:
        return f"u{each.user}"
    if sticky != "request" and each.session:
        return f"s{each.session}"
    return each.span_id


def refused(each: CallRecord) -> bool:
    return bool(each.fault and each.fault.source == "client" and each.fault.code in BLAMELESS)


def value_of(name: str, each: CallRecord, scores: tuple[Score, ...]) -> float | None:
    """Of a call that counts or was cancelled; None where it has none."""
    if name == "cancelled" or each.outcome == "cancel":
        return float(each.outcome == "cancel") if name == "cancelled" else None
    mine = [s for s in scores if s.valid and s.at_ns >= T0 and (s.target == "trace" or s.span_id == each.span_id)]
    answered = each.outcome == "answer" and bool(each.attempts)
    if name == "errors":
        return float(each.outcome == "error")
    if name == "latency":
        return math.log((each.ended_ns - each.started_ns) / 1e6) if answered else None
    if name == "ttft":
        return math.log((each.first_token_ns - each.started_ns) / 1e6) if answered and each.stream else None
    if name == "cost":
        amounts = [tried.cost.amount for tried in each.attempts]
        return amounts[0] / 1e12 if amounts and amounts[0] is not None else None
    if name in ("silent", "refusal"):
        found = [s for s in mine if s.source == "detector" and name in ("silent", s.name)]
        return float(bool(found)) if answered and each.capture else None
    source = name.rpartition("@")[2] if "@" in name else ""
    said = [s for s in mine if source in ("", s.source)]
    of = [s for s in said if (s.source in ("human", "user") if name == "feedback" else s.name == "helpful")]
    values = [min(1.0, max(0.0, s.value or 0.0)) if name == "feedback" else s.value or 0.0 for s in of]
    return sum(values) / len(values) if values else None


def by_hand(world: World, arm: Arm, sticky: Sticky) -> ArmFigures:
    ours = [
        each
        for each in world.calls
        if (each.app, each.environment) == ("support", "production")
        and (each.variant, each.release) == (arm.variant, arm.release)
        and T0 <= each.started_ns < T0 + HOUR
    ]
    counted = [each for each in ours if each.outcome in ("answer", "error") and not refused(each)]
    ended = [*counted, *(each for each in ours if each.outcome == "cancel")]
    values: dict[str, Sums] = {}
    for name in NAMES:
        units: dict[str, list[float]] = defaultdict(list)
        for each in ended:
            value = value_of(name, each, world.scores[each.trace_id])
            if value is not None:
                units[unit_of(each, sticky)].append(value)
        values[name] = sums_of((len(of), sum(of)) for of in units.values())
    return ArmFigures(
        calls=len(counted),
        units=len({unit_of(each, sticky) for each in counted}),
        cancelled=sum(each.outcome == "cancel" for each in ours),
        refused=sum(refused(each) for each in ours),
        values=values,
    )


def near(one: ArmFigures, other: ArmFigures) -> None:
    assert (one.calls, one.units, one.cancelled, one.refused) == (
        other.calls,
        other.units,
        other.cancelled,
        other.refused,
    )
    assert one.values.keys() == other.values.keys()
    for name, sums in one.values.items():
        for field in sums.__struct_fields__:
            assert getattr(sums, field) == pytest.approx(getattr(other.values[name], field), rel=1e-9, abs=1e-12), name


@pytest.mark.parametrize("sticky", ["user", "session", "request"])
def test_sums_by_unit_are_those_of_the_arms_own_calls_and_of_no_other_project(world: World, sticky: Sticky) -> None:
    stable, candidate = world.run(figures_of_arms(world.reader, world.ours, question(sticky)))
    near(stable, by_hand(world, STABLE, sticky))
    near(candidate, by_hand(world, CANDIDATE, sticky))
    assert min(sums.n for sums in candidate.values.values()) > 20


def test_a_call_refused_for_the_callers_fault_is_no_error_and_one_that_the_release_causes_is(world: World) -> None:
    (candidate,) = world.run(figures_of_arms(world.reader, world.ours, question(arms=(CANDIDATE,))))
    of = [each for each in world.calls if each.variant == "candidate" and each.app == "support"]
    assert candidate.refused
    assert candidate.cancelled
    assert candidate.values["errors"].n == candidate.calls
    assert candidate.values["cancelled"].n == candidate.calls + candidate.cancelled
    assert candidate.values["cancelled"].s == candidate.cancelled
    assert any(each.fault and each.fault.code == "prompt_variable" for each in of)
    assert candidate.values["errors"].s == by_hand(world, CANDIDATE, "user").values["errors"].s


def test_what_a_guard_refused_before_any_provider_is_no_fast_and_cheap_answer(
    world: World, engine: Store, blobs: FolderBlobs
) -> None:
    owner = project()
    of: dict[str, Any] = {"project": owner, "app": "support", "environment": "production", "release": "r2"}
    whole = [
        record(n, attempts=(attempt(n, **({"provider": "guard", "kind": "guard"} if n < 4 else {})),),
               variant="candidate", started_ns=T0 + n, ended_ns=T0 + n + 10**9, **of)
        for n in range(1, 8)
    ]  # fmt: skip
    world._store(engine, blobs, owner, whole, dict.fromkeys([each.trace_id for each in whole], ()))  # pyright: ignore[reportPrivateUsage]
    metrics = tuple(Metric(name) for name in ("errors", "latency", "cost", "refusal"))
    asked = question(arms=(Arm("candidate", "r2"),), metrics=metrics)
    (found,) = world.run(figures_of_arms(world.reader, owner, asked))
    assert found.calls == 7
    assert {name: value.n for name, value in found.values.items()} == {
        "errors": 7, "latency": 4, "cost": 4, "refusal": 4,
    }  # fmt: skip


def test_an_arm_without_calls_has_empty_figures(world: World) -> None:
    asked = question(arms=(Arm("shadow", "r99"), STABLE))
    nobody, stable = world.run(figures_of_arms(world.reader, world.ours, asked))
    assert nobody == ArmFigures()
    assert stable.calls


def test_values_above_the_cap_count_as_it(world: World) -> None:
    asked = question("request", metrics=(Metric("cost", cap=0.004), Metric("score:helpful", cap=0.5)))
    (_, candidate) = world.run(figures_of_arms(world.reader, world.ours, asked))
    free = by_hand(world, CANDIDATE, "request").values
    assert 0 < candidate.values["cost"].s < free["cost"].s
    assert candidate.values["cost"].n == free["cost"].n
    assert candidate.values["cost"].s <= 0.004 * candidate.values["cost"].n
    assert candidate.values["score:helpful"].s < free["score:helpful"].s


def test_a_score_of_one_source_is_not_moved_by_what_others_write(world: World) -> None:
    names = ("score:helpful", "score:helpful@llm", "score:helpful@human", "score:helpful@nobody")
    asked = question("request", metrics=tuple(Metric(name) for name in names))
    (_, candidate) = world.run(figures_of_arms(world.reader, world.ours, asked))
    every, by_models, by_people, unknown = (candidate.values.get(name) for name in names)
    assert every == by_models
    assert every is not None
    assert every.n > 20
    assert not by_people or by_people.n == 0
    assert not unknown or unknown.n == 0  # no source: a score of that whole name, which nobody wrote


def test_names_that_look_like_sql_are_only_names(world: World) -> None:
    asked = question(app="x' OR 1=1 --", metrics=(Metric("score:a' OR '1'='1"), Metric("re'fusal")))
    assert world.run(figures_of_arms(world.reader, world.ours, asked)) == (ArmFigures(), ArmFigures())


def test_the_usual_cap_is_of_calls_before_the_moment_and_needs_enough_of_them(
    world: World, engine: Store, blobs: FolderBlobs
) -> None:
    ask = usual_cap(world.reader, world.ours, "support", "production", T0)
    assert world.run(ask) is None
    owner = project()
    rows, mapper = Rows(), CallMapper(blobs)
    for number in range(1, CAP_LEAST + 51):
        late = number > CAP_LEAST
        started = T0 + 1 if late else T0 - number
        amount = 10**15 if late else number * 10**9
        made = attempt(number, cost=Cost(amount=amount, price="x"))
        fields = {"app": "support", "environment": "production", "started_ns": started, "ended_ns": started + 5}
        mapper.add(rows, number, record(number, project=owner, attempts=(made,), **fields))
    for table in rows.tables():
        if table.owners:
            engine.insert(table.name, table.columns, encode(table.values), f"{owner}:{table.name}")
    cap = world.run(usual_cap(world.reader, owner, "support", "production", T0))
    assert cap == pytest.approx(1.99, abs=0.011)
