"""Routes over real sockets: who is asked, what the client gets, what the record tells; and a change under way."""

import asyncio
import json
from contextlib import AbstractAsyncContextManager
from typing import Any

import msgspec
from harness import PRICE, Running, provider, routed, running
from upstream import DONE, STOP, USAGE, WHOLE, Upstream, answers, delta, streams, upstream

from patience import PATIENCE_S
from trimtab.gateway.targets import Model, ProjectTargets
from trimtab.telemetry.records import CallRecord

ASK: dict[str, Any] = {"model": "smart", "messages": [{"role": "user", "content": "hello"}]}
ESCALATE = {"tree": {"node": "escalate", "cheap": "fast", "strong": "big", "difficulty": None}}


def saying(text: str | None, finish: str = "stop", **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish, **more}
    return {**WHOLE, "choices": [choice]}


def models() -> list[Model]:
    return [
        Model(name="fast", provider="lab", upstream="up-fast", price=PRICE),
        Model(name="big", provider="hall", upstream="up-big", price=PRICE),
    ]


def routing(lab: Upstream, hall: Upstream, routes: dict[str, Any]) -> AbstractAsyncContextManager[Running]:
    return running([provider("lab", lab.port), provider("hall", hall.port)], models(), routes=routes)


def verdicts(record: CallRecord) -> list[tuple[str, str]]:
    return [(line.model, line.verdict) for line in record.decision]


async def stood(g: Running, count: int) -> list[CallRecord]:
    async with asyncio.timeout(PATIENCE_S):
        while len(g.spool.records) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    return g.spool.records


def test_the_record_tells_route_steps_places_and_what_was_known() -> None:
    tree = {
        "node": "when",
        "of": [{"if": {"tags": ["vip"]}, "use": {"node": "fallback", "of": ["big", "fast"]}}],
        "otherwise": {"node": "weights", "of": [{"weight": 1, "use": "fast"}, {"weight": 0, "use": "big"}]},
    }

    async def main() -> None:
        async with (
            upstream(answers(WHOLE)) as lab,
            upstream(answers({"error": {"message": "no"}}, 500)) as hall,
            routing(lab, hall, {"smart": {"tree": tree}}) as g,
        ):
            response = await g.chat(ASK, trimtab_tags="vip")
            assert (response.status_code, response.json()) == (200, WHOLE)
            record = await g.spool.one()
            assert (record.model, record.route) == ("smart", "smart")
            assert [(step.node, step.took, step.why) for step in record.steps] == [("tree.of[0]", "use", "tags vip")]
            assert ("big", "failed") in verdicts(record)
            assert verdicts(record)[-1] == ("fast", "chosen")
            assert record.decision[-1].node == "tree.of[0].use.of[1]"
            assert lab.requests[0][1]["model"] == "up-fast"
            await g.chat(ASK)
            drawn = (await stood(g, 2))[1]
            assert drawn.decision[0].weighed is not None
            assert (drawn.decision[0].model, drawn.decision[0].weighed.weight) == ("fast", 1.0)

    asyncio.run(main())


def test_an_answer_that_is_not_confident_is_asked_of_the_strong_one_and_both_are_paid() -> None:
    async def main() -> None:
        weak, strong = saying("I'm not sure about that."), saying("It is 42.")
        async with (
            upstream(answers(weak), answers(saying("It is 41."))) as lab,
            upstream(answers(strong)) as hall,
            routing(lab, hall, {"smart": ESCALATE}) as g,
        ):
            assert (await g.chat(ASK)).json() == strong
            record = await g.spool.one()
            assert verdicts(record) == [("fast", "doubted"), ("big", "chosen")]
            assert record.decision[0].reason == "the model said that it does not know"
            assert [(a.model, a.outcome, a.cost.amount) for a in record.attempts] == [
                ("up-fast", "answer", 20_000_000),
                ("up-big", "answer", 20_000_000),
            ]
            assert (await g.chat(ASK)).json() == saying("It is 41.")
            assert verdicts((await stood(g, 2))[1]) == [("fast", "chosen"), ("big", "not_needed")]
            assert len(hall.requests) == 1

    asyncio.run(main())


def test_a_doubted_answer_is_better_than_none() -> None:
    async def main() -> None:
        weak = saying("I don't know.")
        async with (
            upstream(answers(weak)) as lab,
            upstream(answers({"error": {"message": "full"}}, 400)) as hall,
            routing(lab, hall, {"smart": ESCALATE}) as g,
        ):
            response = await g.chat(ASK)
            assert (response.status_code, response.json()) == (200, weak)
            record = await g.spool.one()
            assert [verdict for _, verdict in verdicts(record)] == ["doubted", "failed", "chosen"]
            assert [a.model for a in record.attempts] == ["up-big", "up-fast"]
            assert json.loads(record.attempts[-1].response) == weak
            assert (record.status, record.outcome) == (200, "answer")

    asyncio.run(main())


def test_a_stream_is_never_doubted() -> None:
    async def main() -> None:
        script = streams(delta(), delta("I don't know."), STOP, USAGE, DONE)
        async with (
            upstream(script) as lab,
            upstream(answers(WHOLE)) as hall,
            routing(lab, hall, {"smart": ESCALATE}) as g,
        ):
            response = await g.chat({**ASK, "stream": True})
            assert "I don't know." in response.text
            assert verdicts(await g.spool.one()) == [("fast", "chosen"), ("big", "not_needed")]
            assert hall.requests == []

    asyncio.run(main())


def test_a_session_stays_where_it_was_answered_after_a_failure() -> None:
    tree = {"tree": {"node": "fallback", "of": ["big", "fast"]}, "affinity": {"session": True}}

    async def main() -> None:
        async with (
            upstream(answers(WHOLE)) as lab,
            upstream(answers({"error": {"message": "no"}}, 404), answers(WHOLE)) as hall,
            routing(lab, hall, {"smart": tree}) as g,
        ):
            for _ in range(2):
                await g.chat(ASK, trimtab_session="s-1")
            first, second = await stood(g, 2)
            assert verdicts(first)[-1] == ("fast", "chosen")
            assert verdicts(second) == [("fast", "chosen"), ("big", "not_needed")]
            assert second.steps[-1].why == "it answered this session before"
            await g.chat(ASK, trimtab_session="s-2")
            assert verdicts((await stood(g, 3))[2])[0] == ("big", "chosen")

    asyncio.run(main())


async def read_first(g: Running) -> tuple[asyncio.Event, asyncio.Task[bytes]]:
    begun = asyncio.Event()

    async def read() -> bytes:
        got = b""
        async with g.client.stream("POST", "/v1/chat/completions", json={**ASK, "stream": True}) as response:
            async for piece in response.aiter_bytes():
                got += piece
                begun.set()
        return got

    return begun, asyncio.ensure_future(read())


def test_swapping_a_model_while_a_stream_runs_is_a_non_event() -> None:
    async def main() -> None:
        held = streams(delta(), delta("old "), "wait", delta("answer"), STOP, USAGE, DONE)
        async with (
            upstream(held) as lab,
            upstream(answers(saying("new answer"))) as hall,
            routing(lab, hall, {"smart": {"tree": "fast"}}) as g,
        ):
            begun, reading = await read_first(g)
            await begun.wait()
            await swap(g, lab)
            assert (await g.chat(ASK)).json()["choices"][0]["message"]["content"] == "new answer"
            lab.go_on.set()
            got = await reading
            assert b"old " in got
            assert got.endswith(DONE)
            new, old = await stood(g, 2)
            assert (verdicts(new), verdicts(old)) == ([("big", "chosen")], [("fast", "chosen")])
            assert old.outcome == "answer"

    asyncio.run(main())


async def swap(g: Running, lab: Upstream) -> None:
    """Another snapshot: the route leads elsewhere, and the model that streams is gone."""
    before = g.force[0]
    targets = before.targets["prj_1"]
    left = ProjectTargets(providers=targets.providers, models={"big": targets.models["big"]})
    routes = {"prj_1": routed({"smart": {"tree": "big"}}, left)}
    g.force[0] = msgspec.structs.replace(before, version=2, targets={"prj_1": left}, routes=routes)
    assert lab.requests
