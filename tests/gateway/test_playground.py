"""Several models asked side by side through the real gateway: what is told, what is recorded, and who is cut off."""

import asyncio
from typing import Any

import msgspec
from harness import PRICE, Running, provider, running
from placing import place, prompt, release
from upstream import DONE, STOP, USAGE, answers, delta, streams, upstream

from patience import PATIENCE_S
from trimtab.core.clock import SystemClock
from trimtab.gateway.targets import Model
from trimtab.governance.access import Principal, Project
from trimtab.server.bodies.playground import PlaygroundBegin, PlaygroundDelta, PlaygroundEnd
from trimtab.server.playground import Playground, Question, Told

PROJECT = Project(id="prj_1", slug="default", capture_content=True)
ADMIN = Principal(key_id="key_0", role="admin")
FAST = Model(name="fast", provider="lab", upstream="up-1", price=PRICE)
SLOW = Model(name="slow", provider="lab", upstream="up-2")


def question(model: str, **more: Any) -> Question:
    body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], "stream": True, **more}
    return Question(model, msgspec.json.encode(body))


def playground(gateway: Running) -> Playground:
    return Playground(gateway.gateway, SystemClock().now_ns)


async def told(gateway: Running, *questions: Question) -> list[Told]:
    events = playground(gateway).run(PROJECT, ADMIN, questions)
    return [one async for one in events if one is not None]


def ends(events: list[Told]) -> list[PlaygroundEnd]:
    return sorted((one for one in events if isinstance(one, PlaygroundEnd)), key=lambda end: end.run)


def text(events: list[Told], run: int) -> str:
    return "".join(one.text for one in events if isinstance(one, PlaygroundDelta) and one.run == run)


def test_a_model_beside_an_app_is_asked_as_the_release_is_and_recorded_with_its_prompt() -> None:
    async def story() -> None:
        script = streams(delta(), delta("Hello"), STOP, USAGE, DONE)
        async with upstream(script) as up, running([provider("lab", up.port)], [FAST]) as gateway:
            place(gateway, [release(1, prompt=prompt(("system", "Help {{ who }}."), who={"type": "string"}))])
            asked = question("fast", variables={"who": "Ada"})
            like = Question(asked.model, asked.body, like="support")
            missing = Question("fast", question("fast").body, like="support")
            nobody = Question("fast", question("fast").body, like="nobody")
            plain = Question("fast", question("fast").body, prompt="desk@3")
            events = await told(gateway, like, missing, nobody, plain)
            laid = await playground(gateway).lay(PROJECT, "support", asked.body)
            bodies = [body for _, body in up.requests]
            prompts = [record.app_note and record.app_note.prompt for record in gateway.spool.records]
        assert laid["messages"][0] == {"role": "system", "content": "Help Ada."}
        first, second, third, fourth = ends(events)
        assert (first.ok, fourth.ok) == (True, True)
        assert (second.status, "who" in second.error, third.status) == (400, True, 404)
        with_prompt = [body for body in bodies if body["messages"][0] == laid["messages"][0]]
        assert [(body["model"], "variables" in body) for body in with_prompt] == [("up-1", False)]
        assert sorted(each or "" for each in prompts) == ["desk@3", "support@3"]

    asyncio.run(story())


def test_each_answer_is_a_call_of_the_caller_with_its_own_trace_and_cost() -> None:
    async def story() -> None:
        script = streams(delta(), delta("Hel"), delta("lo"), STOP, USAGE, DONE)
        async with upstream(script) as up, running([provider("lab", up.port)], [FAST, SLOW]) as gateway:
            events = await told(gateway, question("fast"), question("slow"))
            records = gateway.spool.records
        first, second = ends(events)
        assert (text(events, 0), text(events, 1)) == ("Hello", "Hello")
        assert (first.ok, first.status, first.attempts, first.provider) == (True, 200, 1, "lab")
        assert first.usage is not None
        assert first.cost is not None
        assert second.cost is None, "no price is known, which is not zero"
        assert {record.feature for record in records} == {"playground"}
        assert {record.key_id for record in records} == {"key_0"}
        assert {record.trace_id for record in records} == {first.trace_id, second.trace_id}
        assert [one.model for one in events if isinstance(one, PlaygroundBegin)] == ["fast", "slow"]

    asyncio.run(story())


def test_an_end_is_told_only_when_its_record_is_durable() -> None:
    async def story() -> None:
        script = streams(delta(), delta("Hi"), "wait", STOP, USAGE, DONE)
        async with upstream(script) as up, running([provider("lab", up.port)], [FAST]) as gateway:
            kept: list[int] = []
            async for one in playground(gateway).run(PROJECT, ADMIN, [question("fast")]):
                if isinstance(one, PlaygroundDelta):
                    up.go_on.set()
                if isinstance(one, PlaygroundDelta | PlaygroundEnd):
                    kept.append(len(gateway.spool.records))
        assert kept == [0, 1]

    asyncio.run(story())


def test_whoever_stops_reading_cuts_the_calls_and_they_are_recorded_so() -> None:
    async def story() -> None:
        script = streams(delta(), delta("Hel"), "hang")
        async with upstream(script) as up, running([provider("lab", up.port)], [FAST]) as gateway:
            made = playground(gateway)
            events = made.run(PROJECT, ADMIN, [question("fast")])
            async for one in events:
                if isinstance(one, PlaygroundDelta):
                    break
            await events.aclose()
            async with asyncio.timeout(PATIENCE_S):
                await made.aclose()
                await up.left.wait()
            record = await gateway.spool.one()
        assert (record.outcome, record.status) == ("cancel", 499)

    asyncio.run(story())


def test_a_failure_of_one_is_told_in_words_and_the_other_goes_on() -> None:
    async def story() -> None:
        refusal = answers({"error": {"message": "Too hot.", "code": "bad_temperature"}}, status=400)
        good = streams(delta(), delta("Hi"), STOP, USAGE, DONE)
        lab = Model(name="other", provider="shed", upstream="up-3", price=PRICE)
        async with (
            upstream(refusal) as up,
            upstream(good) as shed,
            running([provider("lab", up.port), provider("shed", shed.port)], [FAST, lab]) as gateway,
        ):
            events = await told(gateway, question("fast"), question("other"), question("nobody"))
        refused, fine, missing = ends(events)
        assert (refused.ok, refused.status, refused.error) == (False, 400, "Too hot.")
        assert (fine.ok, text(events, 1)) == (True, "Hi")
        assert (missing.status, missing.error_code, missing.attempts) == (404, "model_not_found", 0)
        assert "nobody" in missing.error

    asyncio.run(story())


def test_what_breaks_off_keeps_what_was_said_and_says_that_it_broke() -> None:
    async def story() -> None:
        script = streams(delta(), delta("Hel"), "reset")
        async with upstream(script) as up, running([provider("lab", up.port)], [FAST]) as gateway:
            events = await told(gateway, question("fast"))
        [end] = ends(events)
        assert text(events, 0) == "Hel"
        assert not end.ok
        assert end.error

    asyncio.run(story())


def test_a_body_that_nobody_can_read_ends_with_the_reason() -> None:
    async def story() -> None:
        async with running([], []) as gateway:
            events = await told(gateway, Question("fast", b'{"model": 1}'))
        [end] = ends(events)
        assert (end.ok, end.status) == (False, 400)
        assert end.error

    asyncio.run(story())
