"""Copies of calls for a shadow rollout: never on the client's path, recorded, paid from a budget of their own."""

import asyncio
from pathlib import Path
from typing import Any

from harness import Running, provider, running
from limiting import FAST, left_over, limited
from msgspec.structs import replace
from placing import place, prompt, release, running_loop
from upstream import DONE, STOP, USAGE, WHOLE, answers, delta, streams, upstream

from patience import PATIENCE_S
from trimtab.gateway import shadow
from trimtab.gateway.policy import Concurrency
from trimtab.ledger.limits import picodollars
from trimtab.releases.resolve import Lane
from trimtab.releases.types import Pinned
from trimtab.server.snapshot.apps import budget_of
from trimtab.telemetry.records import CallRecord

ASK = [{"role": "user", "content": "Where is my parcel?"}]
LANE = Lane(stable=1, candidate=2, rollout="ro_1", kind="shadow", share=1.0)


async def settled(gateway: Running, copies: int) -> list[CallRecord]:
    """The records of copies, once so many of them were made or dropped."""
    shadows = gateway.gateway.shadows
    async with asyncio.timeout(PATIENCE_S):
        while shadows.made.total() + shadows.dropped.total() < copies:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    return [record for record in gateway.spool.records if record.variant == "shadow"]


def rows(**candidate: Any) -> list[Any]:
    pinned = {"fast": Pinned(provider="lab", upstream="up-1")}
    return [release(1, route="fast", models=pinned), release(2, route="fast", models=pinned, **candidate)]


@running_loop
async def test_a_copy_goes_to_the_candidate_after_the_client_has_its_answer_and_nobody_sees_it() -> None:
    first = streams(delta(), delta("stable"), STOP, USAGE, DONE)
    second = streams(delta(), "wait", delta("candidate"), STOP, USAGE, DONE)
    async with upstream(first, second) as up, running([provider("lab", up.port)], [FAST]) as gateway:
        place(gateway, rows(parameters={"seed": 2}), LANE)
        response = await gateway.chat({"model": "support", "messages": ASK, "stream": True})
        assert gateway.gateway.shadows.made.total() == 0
        assert [record.variant for record in gateway.spool.records] == ["stable"]
        up.go_on.set()
        [copy] = await settled(gateway, 1)
    assert "stable" in response.text
    assert "candidate" not in response.text
    assert response.headers["trimtab-release"] == "support r1"
    assert response.headers["trimtab-variant"] == "stable"
    assert (copy.variant, copy.release, copy.outcome) == ("shadow", "r2", "answer")
    assert b"candidate" in copy.attempts[0].response


@running_loop
async def test_a_candidate_that_cannot_be_said_to_these_callers_is_on_record_as_failing() -> None:
    greeting = prompt(("system", "Be kind to {{ customer }}."), customer={})
    async with upstream(answers(WHOLE)) as up, running([provider("lab", up.port)], [FAST]) as gateway:
        place(gateway, rows(prompt=greeting), LANE)
        response = await gateway.chat({"model": "support", "messages": ASK})
        [copy] = await settled(gateway, 1)
    assert response.status_code == 200
    assert (copy.outcome, copy.release) == ("error", "r2")
    assert copy.fault is not None
    assert copy.fault.code == "prompt_variable"
    assert len(up.requests) == 1


@running_loop
async def test_a_copy_is_on_record_as_the_same_persons_with_the_candidates_answer() -> None:
    async with upstream(answers(WHOLE)) as up, running([provider("lab", up.port)], [FAST]) as gateway:
        place(gateway, rows(parameters={"seed": 2}), LANE)
        await gateway.chat({"model": "support", "messages": ASK, "user": "ada"}, trimtab_session="s1")
        [copy] = await settled(gateway, 1)
        [asked] = [record for record in gateway.spool.records if record.variant == "stable"]
    assert [request.get("seed") for _, request in up.requests] == [None, 2]
    assert (copy.user, copy.session, copy.app, copy.environment) == ("ada", "s1", "support", "production")
    assert copy.trace_id != asked.trace_id
    assert copy.app_note is not None
    assert (copy.app_note.copy_of, copy.app_note.rollout) == (asked.request_id, "ro_1")
    assert copy.attempts[0].response == asked.attempts[0].response
    assert asked.ended_ns <= copy.started_ns


@running_loop
async def test_what_failed_before_a_provider_was_asked_is_not_copied() -> None:
    async with upstream(answers(WHOLE)) as up, running([provider("lab", up.port)], [FAST]) as gateway:
        place(gateway, rows(), LANE)
        refused = await gateway.chat({"model": "support", "messages": ASK, "variables": {"no": "prompt"}})
        answered = await gateway.chat({"model": "support", "messages": ASK})
        copies = await settled(gateway, 1)
    assert (refused.status_code, answered.status_code) == (400, 200)
    assert len(copies) == 1


@running_loop
async def test_copies_spend_their_own_budget_to_the_last_call_it_has_room_for_and_no_further(tmp_path: Path) -> None:
    """Each costs 20 millionths and may cost some 100: what is left at the end is less than one more may cost."""
    budget = budget_of("ro_1", "0.0002")
    async with (
        upstream(answers(WHOLE)) as up,
        limited([], [provider("lab", up.port)], tmp_path) as (gateway, keeper),
    ):
        place(gateway, rows(), LANE, limits=budget)
        for number in range(8):
            answer = await gateway.chat({"model": "support", "messages": ASK, "max_tokens": 5})
            assert answer.status_code == 200
            await settled(gateway, number + 1)
        copies = await settled(gateway, 8)
        spent = sum(attempt.cost.amount or 0 for record in copies for attempt in record.attempts)
        assert (gateway.gateway.shadows.made["prj_1"], gateway.gateway.shadows.dropped["prj_1", "budget"]) == (
            len(copies), 8 - len(copies)
        )  # fmt: skip
        assert 0 < spent <= picodollars("0.0002")
        assert left_over(keeper) == (0, spent)
    assert all(record.outcome == "answer" for record in copies)
    assert {record.limits[0].limit for record in copies} == {"shadow"}
    assert 1 <= len(copies) < 8


@running_loop
async def test_a_budget_of_a_rollout_that_has_ended_pays_nothing(tmp_path: Path) -> None:
    async with upstream(answers(WHOLE)) as up, limited([], [provider("lab", up.port)], tmp_path) as (gateway, _):
        place(gateway, rows(), LANE)
        apps = gateway.force[0].apps["prj_1"]
        placed = {name: replace(each, limits=budget_of("ro_1", "1")) for name, each in apps.placed.items()}
        gateway.force[0] = replace(gateway.force[0], apps={"prj_1": replace(apps, placed=placed)})
        await gateway.chat({"model": "support", "messages": ASK})
        assert await settled(gateway, 1) == []
        assert gateway.gateway.shadows.dropped["prj_1", "ended"] == 1


@running_loop
async def test_copies_are_dropped_and_counted_while_this_server_is_busy() -> None:
    admission = Concurrency(limit=1, queue=10, max_wait_s=30)
    async with (
        upstream(answers(WHOLE)) as up,
        running([provider("lab", up.port)], [FAST], admission=admission) as gateway,
    ):
        place(gateway, rows(), LANE)
        gateway.gateway.gate.running += 1  # somebody else's call
        gateway.gateway.gate.rules = Concurrency(limit=2, queue=10, max_wait_s=30)
        response = await gateway.chat({"model": "support", "messages": ASK})
        assert await settled(gateway, 1) == []
        gateway.gateway.gate.running -= 1
    assert response.status_code == 200
    assert gateway.gateway.shadows.dropped["prj_1", "busy"] == 1


@running_loop
async def test_only_so_many_copies_are_made_at_a_time() -> None:
    hanging = streams(delta(), "wait", delta("late"), STOP, USAGE, DONE)
    quick = streams(delta(), delta("stable"), STOP, USAGE, DONE)
    scripts = [quick, hanging] * (shadow.MOST + 2)
    async with upstream(*scripts) as up, running([provider("lab", up.port)], [FAST]) as gateway:
        place(gateway, rows(), LANE)
        for number in range(shadow.MOST + 1):
            answer = await gateway.chat({"model": "support", "messages": ASK, "stream": True})
            assert "stable" in answer.text
            async with asyncio.timeout(PATIENCE_S):
                while len(up.requests) < min(2 * (number + 1), 2 * shadow.MOST + 1):  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
        assert gateway.gateway.shadows.dropped["prj_1", "busy"] == 1
        up.go_on.set()
        copies = await settled(gateway, shadow.MOST + 1)
    assert len(copies) == shadow.MOST
    assert all(record.outcome == "answer" for record in copies)


@running_loop
async def test_a_server_that_stops_cuts_copies_off_and_leaves_their_rows(monkeypatch: Any) -> None:
    monkeypatch.setattr(shadow, "CLOSE_WITHIN_S", 0.0)
    quick = streams(delta(), delta("stable"), STOP, USAGE, DONE)
    async with (
        upstream(quick, streams(delta(), delta("a"), "hang")) as up,
        running([provider("lab", up.port)], [FAST]) as gateway,
    ):
        place(gateway, rows(), LANE)
        await gateway.chat({"model": "support", "messages": ASK, "stream": True})
        async with asyncio.timeout(PATIENCE_S):
            while len(up.requests) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        await gateway.gateway.shadows.close()
        [copy] = [record for record in gateway.spool.records if record.variant == "shadow"]
    assert copy.outcome == "error"
    assert copy.fault is not None
    assert copy.fault.code == "shutting_down"
