"""Limits on the path of a call: what the client is told, what the provider is sent, what the books say."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from harness import KEY, PRICE, provider
from limiting import FAST, left_over, limited
from msgspec.structs import replace
from upstream import DONE, STOP, USAGE, WHOLE, answers, delta, hangs_up, streams, upstream

from patience import PATIENCE_S
from trimtab.core.errors import UpstreamTimeout
from trimtab.gateway.money.spending import capped
from trimtab.gateway.policy import Concurrency, Policy
from trimtab.gateway.targets import Model, Timeouts
from trimtab.ledger.limits import PICO, Rule, Scope
from trimtab.llm import waiting
from trimtab.llm.dialects import Quirks
from trimtab.telemetry.records import CallRecord, decode_record, encode_record

ASK: dict[str, Any] = {"model": "fast", "messages": [{"role": "user", "content": "hello"}]}
CENT = Rule(name="cent", measure="money", bound=PICO // 100, window="day", max_output=1000, headers=True)
"""The price is a dollar per million tokens in and two out: a call without a bound may cost about 0.0021."""


def test_a_call_without_a_bound_is_sent_with_ours_and_one_with_a_bound_as_it_is(tmp_path: Path) -> None:
    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, limited([CENT], [provider("lab", up.port)], tmp_path) as (g, _):
            response = await g.chat(ASK)
            await g.chat({**ASK, "max_tokens": 5})
            assert up.requests[0][1] == {**ASK, "model": "up-1", "max_tokens": 1000}
            assert up.requests[1][1] == {**ASK, "model": "up-1", "max_tokens": 5}
            assert response.headers["trimtab-budget-remaining"]
            note = g.spool.records[0].limits[0]
            assert (note.limit, note.measure, note.used) == ("cent", "money", 20_000_000)
            assert note.reserved >= 2000 * 1_000_000

    asyncio.run(main())


def test_the_fees_of_searches_are_reserved_and_what_was_not_searched_is_given_back(tmp_path: Path) -> None:
    """They were counted when a call had ended: as many calls at once as there were passed a budget by their fees."""

    async def main() -> None:
        said = {"type": "message", "id": "m", "role": "assistant", "model": "claude-sonnet-4-5"}
        usage = {"input_tokens": 10, "output_tokens": 5, "server_tool_use": {"web_search_requests": 1}}
        whole = {**said, "content": [{"type": "text", "text": "hi"}], "stop_reason": "end_turn", "usage": usage}
        claude = Model(name="fast", provider="lab", upstream="claude-sonnet-4-5")
        tool = {"type": "web_search_20250305", "name": "web_search", "max_uses": 4}
        dime = replace(CENT, bound=PICO // 10)
        async with upstream(answers(whole)) as up:
            lab = replace(provider("lab", up.port, "anthropic_messages"), kind="anthropic")
            async with limited([dime], [lab], tmp_path, models=[claude]) as (g, _):
                ask = {**ASK, "max_tokens": 5, "tools": [tool]}
                first = await g.client.post("/v1/messages", json=ask)
                tool["max_uses"] = 40
                many = await g.client.post("/v1/messages", json=ask)
                records = g.spool.records
        assert (first.status_code, many.status_code) == (200, 400), first.text
        assert many.json()["error"]["message"].startswith("This call may use up to 0.4009")
        note = records[0].limits[0]
        assert note.reserved > 4 * PICO // 100
        assert PICO // 100 < note.used < 2 * PICO // 100
        assert len(up.requests) == 1

    asyncio.run(main())


def test_our_bound_crosses_into_another_dialect(tmp_path: Path) -> None:
    async def main() -> None:
        said = {"type": "message", "id": "m", "role": "assistant", "model": "up-1", "stop_reason": "end_turn"}
        whole = {**said, "content": [{"type": "text", "text": "hi"}], "usage": {"input_tokens": 10, "output_tokens": 5}}
        async with upstream(answers(whole)) as up:
            lab = provider("lab", up.port, "anthropic_messages")
            async with limited([CENT], [lab], tmp_path) as (g, _):
                assert (await g.chat(ASK)).status_code == 200
                assert up.requests[0][1]["max_tokens"] == 1000

    asyncio.run(main())


def test_a_used_up_budget_is_what_each_vendors_clients_know_as_one(tmp_path: Path) -> None:
    async def main() -> None:
        async with upstream(streams("hang")) as up, limited([CENT], [provider("lab", up.port)], tmp_path) as (g, _):
            waiting = [asyncio.ensure_future(g.chat(ASK)) for _ in range(4)]
            async with asyncio.timeout(PATIENCE_S):
                while len(up.requests) < 4:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
            ours = await g.chat(ASK)
            theirs = await g.client.post("/v1/messages", json={**ASK, "max_tokens": 1000})
            for call in waiting:
                call.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        assert (ours.status_code, ours.json()["error"]["code"]) == (429, "insufficient_quota")
        assert "'cent'" in ours.json()["error"]["message"]
        assert (theirs.status_code, theirs.json()["error"]["type"]) == (402, "billing_error")
        for refused in (ours, theirs):
            assert refused.headers["x-should-retry"] == "false"
            assert refused.headers["trimtab-limit"] == "cent"
            assert int(refused.headers["retry-after"]) > 0
        assert len(up.requests) == 4, "nothing that was refused reached the provider"

    asyncio.run(main())


def test_the_official_client_does_not_repeat_what_a_budget_refused(tmp_path: Path) -> None:
    openai: Any = pytest.importorskip("openai")

    async def main() -> None:
        none = replace(CENT, bound=3_000_000_000)
        async with upstream(answers(WHOLE)) as up, limited([none], [provider("lab", up.port)], tmp_path) as (g, _):
            answered = 0
            while (await g.chat({**ASK, "max_tokens": 1000})).status_code == 200:  # each uses a hundredth of its worst
                answered += 1
            assert 30 < answered < 50
            client = openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{g.port}/v1", api_key=KEY, max_retries=3)
            with pytest.raises(openai.RateLimitError) as refused:
                await client.chat.completions.create(**ASK, max_tokens=1000)
            await client.close()
            assert refused.value.code == "insufficient_quota"
            assert len(g.spool.records) == answered + 2, "it asked once"

    asyncio.run(main())


def test_an_answer_that_the_callers_deadline_cut_off_is_booked_and_counted_as_what_it_may_have_cost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider goes on and bills it: whoever sends short deadlines passed every budget."""

    async def main() -> None:
        async with upstream(streams("hang")) as up:
            lab = provider("lab", up.port)
            async with limited([CENT], [lab], tmp_path) as (g, _):
                for deadline in ("0.3", "3", "20"):  # until a busy machine comes to ask in time
                    assert (await g.chat(ASK, trimtab_deadline=deadline)).status_code == 504
                    if g.spool.records[-1].attempts:
                        break
                record = g.spool.records[-1]
                [attempt], [note] = record.attempts, record.limits
                assert attempt.fault is not None
                assert (attempt.fault.code, attempt.usage and attempt.usage.estimated) == ("deadline_exceeded", True)
                assert attempt.cost.amount
                assert note.used == note.reserved > 0

                async def connecting(*_: Any) -> Any:
                    await asyncio.sleep(0.05)
                    raise UpstreamTimeout("It could not be reached in time.", code="upstream_timeout_connect")

                monkeypatch.setattr(waiting, "post", connecting)  # none is kept of a provider that never answers
                assert (await g.chat(ASK, trimtab_deadline="50ms")).status_code == 504
                record = g.spool.records[-1]
                assert record.fault is not None
                assert record.fault.code == "deadline_exceeded"
                assert [a.fault.code for a in record.attempts if a.fault] == ["upstream_timeout_connect"]
                assert [(a.usage, a.cost.amount) for a in record.attempts] == [(None, None)]
                assert record.limits[0].used == 0

    asyncio.run(main())


def test_whatever_ends_a_call_its_reservation_ends_with_it(tmp_path: Path) -> None:
    async def main() -> None:
        rules = [CENT, Rule(name="slots", measure="concurrency", bound=50)]
        scripts = [
            answers(WHOLE),
            streams(delta("he"), STOP, USAGE, DONE),
            answers({"error": {"message": "no"}}, 400),
            streams(delta("some words"), "reset"),
            answers(b"not json"),
            streams(delta("words that were paid for"), "hang"),
        ]
        bounds = Timeouts(connect=30, first_token=30, idle=2, total=120)  # the answer that is none is asked for again
        async with (
            upstream(*scripts) as up,
            limited(rules, [provider("lab", up.port, timeouts=bounds)], tmp_path) as (g, keeper),
        ):
            await g.chat(ASK)
            await g.chat({**ASK, "stream": True})
            await g.chat(ASK)
            with pytest.raises(httpx.HTTPError):
                raise httpx.HTTPError((await g.chat({**ASK, "stream": True})).text)
            await g.chat(ASK)
            async with g.client.stream("POST", "/v1/chat/completions", json={**ASK, "stream": True}) as response:
                await anext(response.aiter_raw())
            async with asyncio.timeout(PATIENCE_S):
                while len(g.spool.records) < 6:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
            booked = sum(a.cost.amount or 0 for record in g.spool.records for a in record.attempts)
            under_way, used = left_over(keeper)
            assert under_way == 0
            assert used >= booked > 0

    asyncio.run(main())


def test_a_fallback_costs_what_the_one_that_answered_cost(tmp_path: Path) -> None:
    async def main() -> None:
        models = [
            replace(FAST, fallback=("slow",)),
            Model(name="slow", provider="spare", upstream="up-2", price=replace(PRICE, input=3.0, output=4.0)),
        ]
        async with upstream(hangs_up()) as bad, upstream(answers(WHOLE)) as good:
            both = [provider("lab", bad.port), provider("spare", good.port)]
            async with limited([replace(CENT, bound=PICO)], both, tmp_path, models) as (g, keeper):
                assert (await g.chat(ASK)).status_code == 200
                record = await g.spool.one()
                assert record.limits[0].reserved >= 4000 * 1_000_000, "the dearest of both"
                answered = record.attempts[-1].cost.amount
                assert answered == 50_000_000
                assert left_over(keeper)[0] == 0
                assert record.limits[0].used >= answered

    asyncio.run(main())


def test_a_project_without_limits_is_left_alone(tmp_path: Path) -> None:
    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, limited([CENT], [provider("lab", up.port)], tmp_path) as (g, keeper):
            g.force[0] = replace(g.force[0], limits={})
            assert (await g.chat(ASK)).status_code == 200
            assert up.requests[0][1] == {**ASK, "model": "up-1"}
            assert (await g.spool.one()).limits == ()
            assert left_over(keeper) == (0, 0)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("dialect", "body", "expected"),
    [
        ("openai_responses", {}, {"max_output_tokens": 7}),
        ("gemini", {}, {"generationConfig": {"maxOutputTokens": 7}}),
        ("gemini", {"generationConfig": {"topK": 1}}, {"generationConfig": {"topK": 1, "maxOutputTokens": 7}}),
        ("gemini", {"generation_config": {}}, {"generation_config": {"max_output_tokens": 7}}),
        ("bedrock_converse", {"inferenceConfig": None}, {"inferenceConfig": {"maxTokens": 7}}),
        ("cohere_chat", {"x": [1, {"y": 2}]}, {"x": [1, {"y": 2}], "max_tokens": 7}),
        ("openai_chat", {}, {"max_completion_tokens": 7}),
        ("openai_embeddings", {"input": "a"}, {"input": "a"}),
    ],
)
def test_our_bound_stands_where_each_dialect_keeps_it(
    dialect: str, body: dict[str, Any], expected: dict[str, Any]
) -> None:
    quirks = Quirks(max_tokens_field="max_completion_tokens")
    assert json.loads(capped(json.dumps(body).encode(), dialect, 7, quirks)) == expected


def test_several_answers_are_reserved_for(tmp_path: Path) -> None:
    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, limited([CENT], [provider("lab", up.port)], tmp_path) as (g, _):
            assert (await g.chat({**ASK, "n": 3, "max_tokens": 1000})).status_code == 200
            assert (await g.spool.one()).limits[0].reserved >= 6000 * 1_000_000
            assert (await g.chat({**ASK, "n": 12, "max_tokens": 1000})).json()["error"]["code"] == "larger_than_limit"

    asyncio.run(main())


def test_the_record_of_a_refused_call_says_which_limit_what_was_left_and_when_there_is_room(tmp_path: Path) -> None:
    async def main() -> None:
        once = Rule(name="once", measure="requests", bound=1, window="day")
        async with (
            upstream(answers(WHOLE)) as up,
            limited([once, CENT], [provider("lab", up.port)], tmp_path) as (g, _),
        ):
            assert (await g.chat({**ASK, "max_tokens": 1_000_000})).json()["error"]["code"] == "larger_than_limit"
            assert (await g.chat(ASK)).status_code == 200
            assert (await g.chat(ASK)).status_code == 429
            larger, _, refused = g.spool.records
            [note] = refused.limits
            assert (note.limit, note.refused, note.asked, note.bound, note.left) == ("once", True, 1, 1, 0)
            assert note.resets > refused.ended_ns // 1_000_000
            [line] = refused.decision
            assert (line.model, line.verdict, line.budget) == ("fast", "skipped", "")
            assert "'once'" in line.limit
            [note] = [each for each in larger.limits if each.limit == "cent"]
            assert (note.refused, note.bound, note.resets) == (True, CENT.bound, 0)
            assert note.asked > 2_000_000 * 1_000_000
            assert "'cent'" in larger.decision[0].budget

    asyncio.run(main())


def test_a_call_that_is_shed_says_so_in_its_record(tmp_path: Path) -> None:
    async def main() -> None:
        none = Policy(concurrency=Concurrency(limit=1, queue=0, max_wait_s=0))
        async with upstream(streams("hang")) as up:
            lab = provider("lab", up.port, resilience=none)
            async with limited([CENT], [lab], tmp_path) as (g, keeper):
                waiting = asyncio.ensure_future(g.chat(ASK))
                async with asyncio.timeout(PATIENCE_S):
                    while not up.requests:  # noqa: ASYNC110
                        await asyncio.sleep(0.005)
                assert (await g.chat(ASK)).status_code == 503
                reserved, shed = g.spool.records[0].limits
                assert (reserved.limit, reserved.refused, reserved.used) == ("cent", False, 0)
                assert (shed.measure, shed.refused, shed.bound, "'lab'" in shed.limit) == ("concurrency", True, 1, True)
                assert left_over(keeper)[0] == 1, "only the call that waits still holds something"
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)

    asyncio.run(main())


def verdicts(record: CallRecord) -> list[tuple[str, str]]:
    return [(line.model, line.verdict) for line in record.decision]


def test_a_target_whose_own_budget_is_used_up_is_passed_over_and_the_next_one_asked(tmp_path: Path) -> None:
    async def main() -> None:
        mine = Rule(name="labs", measure="money", bound=PICO // 500, window="day", scope=Scope(provider=("lab",)))
        dear = Model(name="dear", provider="lab", upstream="up-1", price=PRICE, fallback=("spare",))
        spare = Model(name="spare", provider="hall", upstream="up-2", price=PRICE)
        async with upstream(answers(WHOLE)) as up:
            houses = [provider("lab", up.port), provider("hall", up.port)]
            async with limited([mine], houses, tmp_path, [dear, spare]) as (g, keeper):
                asked = {**ASK, "model": "dear", "max_tokens": 900}
                seen = [await g.chat(asked) for _ in range(40)]
                assert {each.status_code for each in seen} == {200}
                providers = [record.attempts[0].provider for record in g.spool.records]
                assert providers[0] == "lab"
                assert providers[-1] == "hall"
                assert len(providers) - providers.index("hall") == providers.count("hall"), "and it stays so"
                last = g.spool.records[-1]
                assert [(line.model, line.verdict) for line in last.decision] == [
                    ("dear", "skipped"),
                    ("spare", "chosen"),
                ]
                assert "'labs'" in last.decision[0].budget
                assert [(note.limit, note.refused) for note in last.limits] == [("labs", True)]
                assert left_over(keeper)[0] == 0

    asyncio.run(main())


def test_a_target_of_unknown_price_is_passed_over_where_another_is_left(tmp_path: Path) -> None:
    async def main() -> None:
        wild = Model(name="wild", provider="lab", upstream="nobody-knows", fallback=("fast",))
        both = [wild, FAST]
        async with (
            upstream(answers(WHOLE)) as up,
            limited([CENT], [provider("lab", up.port)], tmp_path, both) as (g, _),
        ):
            assert (await g.chat({**ASK, "model": "wild"})).status_code == 200
            record = await g.spool.one()
            assert verdicts(record) == [("wild", "skipped"), ("fast", "chosen")]
            assert "no price" in record.decision[0].budget
            assert [body["model"] for _, body in up.requests] == ["up-1"]

    asyncio.run(main())


def test_a_wish_beyond_all_counting_is_refused_and_its_record_can_be_written(tmp_path: Path) -> None:
    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, limited([CENT], [provider("lab", up.port)], tmp_path) as (g, _):
            for most in (2**62, 2**63, 10**30):
                refused = await g.chat({**ASK, "max_tokens": most})
                assert refused.status_code == 400, refused.text
            for record in g.spool.records:
                assert decode_record(encode_record(record)) == record
            assert up.requests == []

    asyncio.run(main())


@pytest.mark.parametrize("front", ["/v1/chat/completions", "/v1/messages"])
def test_who_waits_for_a_place_waits_no_longer_than_the_caller_allows(tmp_path: Path, front: str) -> None:
    """Another worker has the only place, and is not heard of."""

    async def main() -> None:
        slot = Rule(name="slot", measure="concurrency", bound=1)
        async with upstream(answers(WHOLE)) as up, limited([slot], [provider("lab", up.port)], tmp_path) as (g, keeper):
            waiting = asyncio.Event()

            async def for_ever(_: float) -> None:
                waiting.set()
                await asyncio.Event().wait()

            assert (await g.chat(ASK)).status_code == 200
            keeper.pause = for_ever
            [held] = keeper._helds.values()  # pyright: ignore[reportPrivateUsage]
            held.free, held.others, held.elsewhere, held.short, held.room = 0, 1, 1, True, 0
            held.no_until = 2**63
            late = await g.client.post(front, json={**ASK, "max_tokens": 5}, headers={"trimtab-deadline": "200ms"})
            assert waiting.is_set()
            assert (late.status_code, late.headers.get("retry-after")) == (504, None)
            assert "0.2 s" in late.json()["error"]["message"]
            assert len(up.requests) == 1
            assert g.spool.records[-1].status == 504

    asyncio.run(main())
