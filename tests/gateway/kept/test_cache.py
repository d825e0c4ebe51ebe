"""The cache over real sockets: what is given again, to whom, in which form, and what the record says of it."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from harness import PRICE, provider, running
from kept import MovableClock, gateway, store
from upstream import DONE, STOP, USAGE, WHOLE, answers, delta, streams, upstream

from trimtab.gateway.call_policy import CachePolicy, CallPolicy
from trimtab.gateway.targets import Model

FAST = Model(name="fast", provider="lab", upstream="up-1", price=PRICE)
ASK: dict[str, Any] = {"model": "fast", "messages": [{"role": "user", "content": "hello"}], "temperature": 0}
STREAM = {**ASK, "stream": True}
CHOICE: dict[str, Any] = {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
EXACT = CachePolicy()
SCRIPT = streams(delta(), delta("he"), delta("llo"), STOP, USAGE, DONE)


def test_the_same_request_is_answered_from_the_cache_byte_for_byte_at_no_cost(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            upstream(answers(WHOLE)) as up,
            gateway(tmp_path, [provider("lab", up.port)], [FAST], EXACT) as (g, _),
        ):
            first, second = await g.chat(ASK), await g.chat({**ASK, "user": "somebody", "metadata": {"a": "b"}})
            assert (first.headers["trimtab-cache"], second.headers["trimtab-cache"]) == ("miss", "hit; age=0")
            assert first.content == second.content
            assert len(up.requests) == 1
            made, hit = g.spool.records
            assert made.cache is not None
            assert made.cache.outcome == "miss"
            assert hit.cache is not None
            assert (hit.cache.outcome, hit.cache.mode, hit.cache.saved) == (
                "hit",
                "exact",
                made.attempts[0].cost.amount,
            )
            assert hit.cache.first_request == made.request_id
            [attempt] = hit.attempts
            assert (attempt.provider, attempt.cost.amount, attempt.cost.price) == ("cache", 0, "cache:hit")
            assert attempt.usage == made.attempts[0].usage
            assert attempt.response == first.content
            assert [(c.provider, c.verdict) for c in hit.decision] == [("cache", "chosen")]

    asyncio.run(main())


def test_a_stream_is_given_again_as_a_stream_and_in_the_other_form_where_that_is_asked(tmp_path: Path) -> None:
    async def main() -> None:
        async with upstream(SCRIPT) as up, gateway(tmp_path, [provider("lab", up.port)], [FAST], EXACT) as (g, _):
            first = await g.chat(STREAM)
            again = await g.chat(STREAM)
            whole = await g.chat(ASK)
            told = await g.chat({**STREAM, "stream_options": {"include_usage": True}})
            assert again.content == first.content
            assert again.headers["content-type"].startswith("text/event-stream")
            assert whole.json()["choices"][0]["message"]["content"] == "hello"
            assert whole.headers["content-type"] == "application/json"
            last = json.loads(told.text.split("\n\n")[-3].removeprefix("data: "))
            assert (last["usage"]["prompt_tokens"], last["usage"]["completion_tokens"]) == (10, 5)
            assert b'"usage"' not in first.content
            assert len(up.requests) == 1

    asyncio.run(main())


def test_a_whole_answer_is_streamed_to_who_asks_for_a_stream(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            upstream(answers(WHOLE)) as up,
            gateway(tmp_path, [provider("lab", up.port)], [FAST], EXACT) as (g, _),
        ):
            await g.chat(ASK)
            streamed = await g.chat(STREAM)
            events = [json.loads(e[6:]) for e in streamed.text.split("\n\n") if e.startswith("data: {")]
            assert "".join(e["choices"][0]["delta"].get("content") or "" for e in events) == "hi"
            assert streamed.text.endswith("data: [DONE]\n\n")
            assert len(up.requests) == 1

    asyncio.run(main())


def test_several_choices_are_never_given_in_another_form(tmp_path: Path) -> None:
    async def main() -> None:
        two = {**WHOLE, "choices": [CHOICE, {**CHOICE, "index": 1}]}
        async with (
            upstream(answers(two), SCRIPT) as up,
            gateway(tmp_path, [provider("lab", up.port)], [FAST], EXACT) as (g, _),
        ):
            await g.chat({**ASK, "n": 2})
            assert (await g.chat({**ASK, "n": 2})).headers["trimtab-cache"] == "hit; age=0"
            assert (await g.chat({**STREAM, "n": 2})).headers["trimtab-cache"] == "miss"
            assert len(up.requests) == 2

    asyncio.run(main())


@pytest.mark.parametrize(
    ("policy", "body", "says"),
    [
        (EXACT, {**ASK, "temperature": 0.7}, "bypass; reason=temperature"),
        (EXACT, {k: v for k, v in ASK.items() if k != "temperature"}, "bypass; reason=temperature"),
        (CachePolicy(sampled=True), {**ASK, "temperature": 0.7}, "hit; age=0"),
        (EXACT, {**ASK, "temperature": 0.0}, "hit; age=0"),
    ],
)
def test_answers_drawn_at_random_are_kept_only_where_that_is_said(
    tmp_path: Path, policy: CachePolicy, body: dict[str, Any], says: str
) -> None:
    async def main() -> None:
        async with (
            upstream(answers(WHOLE)) as up,
            gateway(tmp_path, [provider("lab", up.port)], [FAST], policy) as (g, _),
        ):
            await g.chat(body)
            assert (await g.chat(body)).headers["trimtab-cache"] == says

    asyncio.run(main())


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({"cache_control": "no-store"}, "bypass; reason=asked"),
        ({"trimtab_cache": "off"}, "bypass; reason=asked"),
        ({"cache_control": "no-cache"}, "refresh"),
        ({"trimtab_cache": "refresh"}, "refresh"),
        ({"trimtab_cache": "namespace=team-a"}, "miss"),
        ({"trimtab_cache": "max-age=3"}, "miss"),
        ({"trimtab_cache": "max-age=60"}, "hit; age=5"),
        ({"authorization": "Bearer tt_second"}, "hit; age=5"),
    ],
)
def test_the_client_says_what_it_will_have(tmp_path: Path, headers: dict[str, str], says: str) -> None:
    async def main() -> None:
        clock = MovableClock()
        async with (
            upstream(answers(WHOLE)) as up,
            gateway(tmp_path, [provider("lab", up.port)], [FAST], EXACT, clock) as (g, _),
        ):
            await g.chat(ASK)
            clock.forward(5)
            assert (await g.chat(ASK, **headers)).headers["trimtab-cache"] == says

    asyncio.run(main())


def test_a_word_we_do_not_know_is_refused_with_those_we_do(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            upstream(answers(WHOLE)) as up,
            gateway(tmp_path, [provider("lab", up.port)], [FAST], EXACT) as (g, _),
        ):
            refused = await g.chat(ASK, trimtab_cache="exactly")
            assert refused.status_code == 400
            assert refused.json()["error"]["code"] == "bad_cache_header"
            assert "namespace=NAME" in refused.json()["error"]["message"]
            assert up.requests == []

    asyncio.run(main())


def test_without_a_policy_a_client_may_opt_in_for_its_own_key_and_others_are_untouched(tmp_path: Path) -> None:
    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, gateway(tmp_path, [provider("lab", up.port)], [FAST]) as (g, _):
            assert "trimtab-cache" not in (await g.chat(ASK)).headers
            wish = {"trimtab_cache": "exact; ttl=60"}
            said = [(await g.chat(ASK, **wish)).headers["trimtab-cache"] for _ in range(2)]
            other = await g.chat(ASK, authorization="Bearer tt_second", **wish)
            missing = await g.chat({**ASK, "model": "fats"}, **wish)
            assert (*said, other.headers["trimtab-cache"]) == ("miss", "hit; age=0", "miss")
            assert missing.status_code == 404

    asyncio.run(main())


@pytest.mark.parametrize(
    ("scope", "headers", "says"),
    [
        ("key", {}, "hit; age=0"),
        ("key", {"authorization": "Bearer tt_second"}, "miss"),
        ("user", {"trimtab_user": "ann"}, "hit; age=0"),
        ("user", {"trimtab_user": "bob"}, "miss"),
        ("project", {"authorization": "Bearer tt_second", "trimtab_user": "bob"}, "hit; age=0"),
    ],
)
def test_answers_are_shared_as_far_as_the_policy_says(
    tmp_path: Path, scope: Any, headers: dict[str, str], says: str
) -> None:
    async def main() -> None:
        async with (
            upstream(answers(WHOLE)) as up,
            gateway(tmp_path, [provider("lab", up.port)], [FAST], CachePolicy(scope=scope)) as (g, _),
        ):
            await g.chat(ASK, trimtab_user="ann")
            assert (await g.chat(ASK, **{"trimtab_user": "ann", **headers})).headers["trimtab-cache"] == says

    asyncio.run(main())


def test_answers_expire_and_a_model_that_is_pointed_elsewhere_gives_none_of_the_old_ones(tmp_path: Path) -> None:
    async def main() -> None:
        clock = MovableClock()
        async with upstream(answers(WHOLE)) as up:
            policy = CachePolicy(ttl_s=10)
            async with gateway(tmp_path, [provider("lab", up.port)], [FAST], policy, clock) as (g, _):
                await g.chat(ASK)
                clock.forward(11)
                assert (await g.chat(ASK)).headers["trimtab-cache"] == "miss"
            moved = Model(name="fast", provider="lab", upstream="up-2", price=PRICE)
            async with gateway(tmp_path, [provider("lab", up.port)], [moved], policy, clock) as (g, _):
                assert (await g.chat(ASK)).headers["trimtab-cache"] == "miss"

    asyncio.run(main())


def test_workers_share_answers_and_a_purge_holds_for_all_of_them(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            upstream(answers(WHOLE)) as up,
            gateway(tmp_path, [provider("lab", up.port)], [FAST], EXACT) as (one, kept),
            gateway(tmp_path, [provider("lab", up.port)], [FAST], EXACT) as (two, _),
        ):
            await one.chat(ASK)
            await kept.flush()
            assert (await two.chat(ASK)).headers["trimtab-cache"] == "hit; age=0"
            assert await kept.purge("prj_1", "another") == 0
            assert await kept.purge("prj_1", None) == 1
            assert (await two.chat(ASK)).headers["trimtab-cache"] == "miss"
            assert len(up.requests) == 2

    asyncio.run(main())


@pytest.mark.parametrize(
    ("script", "body"),
    [
        (answers({"error": {"message": "no"}}, 400), ASK),
        (answers({**WHOLE, "choices": [{**CHOICE, "finish_reason": "content_filter"}]}), ASK),
        (streams(delta(), delta("he"), "reset"), STREAM),
        (streams(delta(), delta("he"), end=True), STREAM),
    ],
)
def test_what_is_no_good_answer_is_not_kept(tmp_path: Path, script: Any, body: dict[str, Any]) -> None:
    async def main() -> None:
        async with (
            upstream(script, answers(WHOLE) if body is ASK else SCRIPT) as up,
            gateway(tmp_path, [provider("lab", up.port)], [FAST], EXACT) as (g, _),
        ):
            await g.chat(body)
            assert (await g.chat(body)).headers["trimtab-cache"] == "miss"

    asyncio.run(main())


def test_a_store_that_is_broken_costs_hits_and_no_call(tmp_path: Path) -> None:
    async def main() -> None:
        (tmp_path / "cache.sqlite").write_bytes(b"this is no database" * 100)
        async with (
            upstream(answers(WHOLE)) as up,
            gateway(tmp_path, [provider("lab", up.port)], [FAST], EXACT) as (g, _),
        ):
            assert [(await g.chat(ASK)).status_code for _ in range(2)] == [200, 200]

    asyncio.run(main())


def test_what_was_used_least_lately_goes_first(tmp_path: Path) -> None:
    async def main() -> None:
        clock = MovableClock()
        async with upstream(answers(WHOLE)) as up, store(tmp_path, max_bytes=900, clock=clock) as kept:
            policies = {"fast": CallPolicy(cache=EXACT)}
            async with running([provider("lab", up.port)], [FAST], policies=policies, answers=kept) as g:
                for number in range(4):
                    clock.forward(40)
                    await g.chat({**ASK, "seed": number})
                    await g.chat({**ASK, "seed": 0})
                    await kept.flush()
                    await kept.clean()
                said = [(await g.chat({**ASK, "seed": n})).headers["trimtab-cache"][:4] for n in (0, 3, 1)]
                assert said == ["hit;", "hit;", "miss"]

    asyncio.run(main())


def test_what_the_cache_did_is_counted_by_name_for_all_workers(tmp_path: Path) -> None:
    from trimtab.gateway.kept import cache_store

    async def main() -> None:
        async with (
            upstream(answers(WHOLE)) as up,
            gateway(tmp_path, [provider("lab", up.port)], [FAST], EXACT) as (g, kept),
        ):
            for body in (ASK, ASK, ASK, {**ASK, "temperature": 1}):
                await g.chat(body)
            await kept.flush()
            [tally] = await kept.db.read(lambda conn: cache_store.tallies(conn, "prj_1", 0))
            assert (tally.misses, tally.exact, tally.bypassed, tally.tokens) == (1, 2, 1, 30)
            assert tally.saved == 2 * 20_000_000
            [held] = await kept.db.read(lambda conn: cache_store.holdings(conn, "prj_1", 0))
            assert (held.name, held.answers) == ("fast", 1)

    asyncio.run(main())


def test_every_front_gets_its_own_words_again_in_both_forms(tmp_path: Path) -> None:
    """Answers rest in the dialect of the client, here one of Anthropic's before a provider that speaks OpenAI's."""

    async def main() -> None:
        async with (
            upstream(SCRIPT, answers(WHOLE)) as up,
            gateway(tmp_path, [provider("lab", up.port)], [FAST], EXACT) as (g, _),
        ):
            ask = {**ASK, "max_tokens": 50}
            stream = await g.client.post("/v1/messages", json={**ask, "stream": True})
            again = await g.client.post("/v1/messages", json={**ask, "stream": True})
            whole = await g.client.post("/v1/messages", json=ask)
            assert again.content == stream.content
            assert again.headers["trimtab-cache"] == "hit; age=0"
            assert (whole.headers["trimtab-cache"], whole.json()["type"]) == ("hit; age=0", "message")
            assert whole.json()["content"] == [{"type": "text", "text": "hello"}]
            assert whole.json()["usage"]["output_tokens"] == 5
            other = await g.chat(ask)
            assert (other.headers["trimtab-cache"], other.json()["object"]) == ("miss", "chat.completion")

    asyncio.run(main())


def test_embeddings_are_not_drawn_at_random_and_are_kept(tmp_path: Path) -> None:
    async def main() -> None:
        vectors = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}], "model": "up-1"}
        async with (
            upstream(answers({**vectors, "usage": {"prompt_tokens": 3, "total_tokens": 3}})) as up,
            gateway(tmp_path, [provider("lab", up.port)], [FAST], EXACT) as (g, _),
        ):
            ask = {"model": "fast", "input": "text"}
            first, again = [await g.client.post("/v1/embeddings", json=ask) for _ in range(2)]
            assert first.status_code == 200, first.text
            assert (first.headers["trimtab-cache"], again.headers["trimtab-cache"]) == ("miss", "hit; age=0")
            assert again.content == first.content

    asyncio.run(main())
