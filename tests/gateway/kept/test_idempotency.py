"""Idempotency keys over real sockets: made once, paid once, answered as often as asked."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from harness import KEY, PRICE, provider
from kept import MovableClock, gateway
from upstream import DONE, STOP, USAGE, WHOLE, Upstream, answers, delta, hangs_up, streams, upstream

from patience import PATIENCE_S
from trimtab.gateway.kept import cache_store
from trimtab.gateway.kept.idempotency import LEASE_MS
from trimtab.gateway.targets import Model

FAST = Model(name="fast", provider="lab", upstream="up-1", price=PRICE)
ASK: dict[str, Any] = {"model": "fast", "messages": [{"role": "user", "content": "hello"}]}
STREAM = {**ASK, "stream": True}
ONCE = {"idempotency_key": "0199-abc"}
SLOW = streams(delta(), delta("he"), "wait", delta("llo"), STOP, USAGE, DONE)


@pytest.mark.parametrize(("body", "script"), [(ASK, answers(WHOLE)), (STREAM, SLOW)])
def test_a_repeated_request_gets_the_first_answer_and_is_paid_once(
    tmp_path: Path, body: dict[str, Any], script: Any
) -> None:
    async def main() -> None:
        async with upstream(script) as up, gateway(tmp_path, [provider("lab", up.port)], [FAST]) as (g, _):
            up.go_on.set()
            first, second = await g.chat(body, **ONCE), await g.chat(body, **ONCE)
            assert first.status_code == 200
            assert second.content == first.content
            assert second.headers["content-type"] == first.headers["content-type"]
            assert "idempotent-replayed" not in first.headers
            assert second.headers["idempotent-replayed"] == "true"
            assert len(up.requests) == 1
            made, replayed = g.spool.records
            assert made.attempts[0].cost.amount == 20_000_000
            [attempt] = replayed.attempts
            assert (attempt.cost.amount, attempt.cost.price, attempt.usage) == (0, "idempotency:replay", None)
            assert replayed.cache is not None
            assert (replayed.cache.outcome, replayed.cache.first_request) == ("replay", made.request_id)

    asyncio.run(main())


def test_duplicates_under_way_wait_for_the_first_here_and_in_another_worker(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            upstream(SLOW) as up,
            gateway(tmp_path, [provider("lab", up.port)], [FAST], owner="w0") as (one, _),
            gateway(tmp_path, [provider("lab", up.port)], [FAST], owner="w1") as (two, _),
        ):
            first = asyncio.create_task(one.chat(STREAM, **ONCE))
            while not up.requests:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            others = [asyncio.create_task(g.chat(STREAM, **ONCE)) for g in (one, two, one, two)]
            await asyncio.sleep(0.05)
            assert not any(task.done() for task in others)
            up.go_on.set()
            answered = [await task for task in (first, *others)]
            assert {response.content for response in answered} == {(await first).content}
            assert len(up.requests) == 1

    asyncio.run(main())


def test_a_duplicate_waits_no_longer_than_its_own_deadline(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            upstream(SLOW) as up,
            gateway(tmp_path, [provider("lab", up.port)], [FAST], owner="w0") as (one, _),
            gateway(tmp_path, [provider("lab", up.port)], [FAST], owner="w1") as (two, _),
        ):
            first = asyncio.create_task(one.chat(STREAM, **ONCE))
            while not up.requests:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            for waiting in (one, two):
                late = await waiting.chat(STREAM, **ONCE, trimtab_deadline="1s")
                assert late.status_code == 504
                assert late.json()["error"]["code"] == "deadline_exceeded"
                assert "still under way" in late.json()["error"]["message"]
            up.go_on.set()
            assert (await first).status_code == 200
            assert len(up.requests) == 1

    asyncio.run(main())


def test_another_request_with_the_same_key_is_refused_and_another_principal_has_keys_of_its_own(tmp_path: Path) -> None:
    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, gateway(tmp_path, [provider("lab", up.port)], [FAST]) as (g, _):
            await g.chat(ASK, **ONCE)
            reused = await g.chat({**ASK, "temperature": 0}, **ONCE)
            assert reused.status_code == 422
            assert reused.json()["error"]["code"] == "idempotency_key_reused"
            other = await g.chat({**ASK, "temperature": 0}, authorization="Bearer tt_second", **ONCE)
            assert other.status_code == 200
            assert len(up.requests) == 2

    asyncio.run(main())


def test_what_one_user_was_answered_is_not_given_to_another(tmp_path: Path) -> None:
    """What an app looks up depends on who asks: their answers are not each other's, whoever makes the keys."""

    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, gateway(tmp_path, [provider("lab", up.port)], [FAST]) as (g, _):
            assert (await g.chat(ASK, **ONCE, trimtab_user="ada")).status_code == 200
            again = await g.chat(ASK, **ONCE, trimtab_user="ada")
            assert again.headers["idempotent-replayed"] == "true"
            for who in ({"trimtab_user": "bob"}, {"trimtab_groups": "ada"}, {}):
                assert (await g.chat(ASK, **ONCE, **who)).status_code == 422
            assert len(up.requests) == 1

    asyncio.run(main())


@pytest.mark.parametrize("script", [answers({"error": {"message": "no"}}, 400), streams(delta(), delta("he"), "reset")])
def test_a_call_that_failed_leaves_its_key_free(tmp_path: Path, script: Any) -> None:
    async def main() -> None:
        body = STREAM if script.__closure__ and "pieces" in script.__code__.co_freevars else ASK
        good = SLOW if body is STREAM else answers(WHOLE)
        async with upstream(script, good) as up, gateway(tmp_path, [provider("lab", up.port)], [FAST]) as (g, _):
            up.go_on.set()
            await g.chat(body, **ONCE)
            again = await g.chat(body, **ONCE)
            assert again.status_code == 200
            assert "idempotent-replayed" not in again.headers
            assert g.spool.records[-1].outcome == "answer"

    asyncio.run(main())


def test_a_client_that_leaves_finds_its_answer_when_it_comes_back(tmp_path: Path) -> None:
    async def main() -> None:
        async with upstream(SLOW) as up, gateway(tmp_path, [provider("lab", up.port)], [FAST]) as (g, _):
            async with g.client.stream(
                "POST", "/v1/chat/completions", json=STREAM, headers={"idempotency-key": "k"}
            ) as response:
                async for _ in response.aiter_raw():
                    break  # the first bytes, then hang up
            up.go_on.set()
            again = await g.chat(STREAM, idempotency_key="k")
            assert again.text.endswith("data: [DONE]\n\n")
            assert again.headers["idempotent-replayed"] == "true"
            assert len(up.requests) == 1
            assert not up.left.is_set()
            assert [record.outcome for record in g.spool.records] == ["answer", "answer"]

    asyncio.run(main())


def test_a_client_that_leaves_while_its_key_is_claimed_leaves_it_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was asked of a provider then: it must not look as if a server had died over it."""
    claim, claiming, go_on = cache_store.claim, threading.Event(), threading.Event()

    def slow_claim(*args: Any) -> Any:
        claiming.set()
        go_on.wait(60)
        return claim(*args)

    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, gateway(tmp_path, [provider("lab", up.port)], [FAST]) as (g, _):
            monkeypatch.setattr(cache_store, "claim", slow_claim)
            leaving = asyncio.create_task(g.chat(ASK, **ONCE))
            await asyncio.to_thread(claiming.wait, 60)
            leaving.cancel()
            await asyncio.wait([leaving])
            await g.spool.one()
            go_on.set()
            assert (await asyncio.wait_for(g.chat(ASK, **ONCE), PATIENCE_S)).status_code == 200
            assert len(up.requests) == 1

    asyncio.run(main())


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [({"trimtab-deadline": "200ms"}, 504, "deadline_exceeded"), ({}, 503, "idempotency_unavailable")],
)
def test_a_store_that_hangs_is_waited_for_no_longer_than_the_caller_allows_and_the_key_stays_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], status: int, code: str
) -> None:
    claim, go_on = cache_store.claim, threading.Event()

    def hangs(*args: Any) -> Any:
        go_on.wait(PATIENCE_S)
        return claim(*args)

    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, gateway(tmp_path, [provider("lab", up.port)], [FAST]) as (g, _):
            monkeypatch.setattr(cache_store, "claim", hangs)
            monkeypatch.setattr("trimtab.gateway.kept.idempotency.STORE_S", 0.5)
            told = {name.replace("-", "_"): value for name, value in headers.items()}
            refused = await asyncio.wait_for(g.chat(ASK, **ONCE, **told), PATIENCE_S)
            assert (refused.status_code, refused.json()["error"]["code"]) == (status, code)
            assert not up.requests
            go_on.set()
            monkeypatch.setattr("trimtab.gateway.kept.idempotency.STORE_S", PATIENCE_S)
            again = await asyncio.wait_for(g.chat(ASK, **ONCE), PATIENCE_S)
            assert (again.status_code, again.headers.get("idempotent-replayed")) == (200, None)
            assert len(up.requests) == 1

    asyncio.run(main())


def test_a_stop_of_the_server_cuts_the_call_after_a_while_and_leaves_its_row_and_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trimtab.gateway import lasting

    monkeypatch.setattr(lasting, "CLOSE_WITHIN_S", 0.05)

    async def main() -> None:
        async with upstream(SLOW) as up:
            async with gateway(tmp_path, [provider("lab", up.port)], [FAST]) as (g, _):
                leaving = asyncio.create_task(g.chat(STREAM, idempotency_key="k"))
                while not up.requests:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
                leaving.cancel()
                await asyncio.wait([leaving])
            record = await g.spool.one()
            assert (record.outcome, record.fault and record.fault.code) == ("error", "shutting_down")
            async with gateway(tmp_path, [provider("lab", up.port)], [FAST]) as (g, _):
                up.go_on.set()
                assert (await g.chat(STREAM, idempotency_key="k")).status_code == 200
                assert len(up.requests) == 2

    asyncio.run(main())


async def leave_a_claim(up: Upstream, tmp_path: Path, clock: MovableClock) -> None:
    """What a worker that was killed in the middle of a call leaves: a claim that nobody renews."""
    async with gateway(tmp_path, [provider("lab", up.port)], [FAST], clock=clock, owner="dead") as (g, kept):
        under_way = asyncio.create_task(g.chat(STREAM, **ONCE))
        while not up.requests:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        row = await kept.db.read(lambda conn: conn.execute(cache_store.CALLS.select()).mappings().one())
        assert row["state"] == "running"
        up.go_on.set()
        await under_way
        await kept.db.write(lambda conn: conn.execute(cache_store.CALLS.delete()))
        await kept.db.write(lambda conn: conn.execute(cache_store.CALLS.insert(), dict(row)))


def test_what_became_of_a_call_whose_server_was_killed_is_said_not_guessed(tmp_path: Path) -> None:
    async def main() -> None:
        clock = MovableClock()
        async with upstream(SLOW) as up:
            await leave_a_claim(up, tmp_path, clock)
            async with gateway(tmp_path, [provider("lab", up.port)], [FAST], clock=clock, owner="w0") as (g, _):
                early = asyncio.create_task(g.chat(STREAM, **ONCE))
                await asyncio.sleep(0.05)
                assert not early.done(), "the lease of the first still runs"
                clock.forward(LEASE_MS / 1000 + 1)
                for response in (await early, await g.chat(STREAM, **ONCE)):
                    assert response.status_code == 409
                    assert response.json()["error"]["code"] == "idempotency_outcome_unknown"
                    assert response.headers["x-should-retry"] == "false"
                assert len(up.requests) == 1
                again = await g.chat(STREAM, trimtab_idempotency="retry-unknown", **ONCE)
                assert again.status_code == 200
                assert (await g.chat(STREAM, **ONCE)).content == again.content
                assert len(up.requests) == 2

    asyncio.run(main())


def test_keys_expire(tmp_path: Path) -> None:
    async def main() -> None:
        clock = MovableClock()
        async with (
            upstream(answers(WHOLE)) as up,
            gateway(tmp_path, [provider("lab", up.port)], [FAST], clock=clock, idempotency_s=60.0) as (g, _),
        ):
            for seconds, asked in ((0, 1), (59, 1), (2, 2)):
                clock.forward(seconds)
                await g.chat(ASK, **ONCE)
                assert len(up.requests) == asked

    asyncio.run(main())


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"idempotency_key": ""}, "bad_idempotency_key"),
        ({"idempotency_key": "x" * 256}, "bad_idempotency_key"),
        ({"idempotency_key": "ключ"}, "bad_idempotency_key"),
        ({**ONCE, "trimtab_idempotency": "yes"}, "bad_idempotency_header"),
    ],
)
def test_a_key_that_is_none_is_refused_before_anything_is_asked(
    tmp_path: Path, headers: dict[str, str], code: str
) -> None:
    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, gateway(tmp_path, [provider("lab", up.port)], [FAST]) as (g, _):
            refused = await g.chat(ASK, **headers)
            assert (refused.status_code, refused.json()["error"]["code"]) == (400, code)
            assert up.requests == []

    asyncio.run(main())


def test_an_answer_too_large_to_keep_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from trimtab.gateway.kept import recording

    monkeypatch.setattr(recording, "MAX_BYTES", 100)

    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, gateway(tmp_path, [provider("lab", up.port)], [FAST]) as (g, _):
            assert (await g.chat(ASK, **ONCE)).json() == WHOLE
            refused = await g.chat(ASK, **ONCE)
            assert (refused.status_code, refused.json()["error"]["code"]) == (409, "idempotency_answer_too_large")
            assert len(up.requests) == 1

    asyncio.run(main())


def test_the_official_clients_automatic_retry_is_made_once_when_its_user_gives_a_key(tmp_path: Path) -> None:
    from openai import AsyncOpenAI

    async def main() -> None:
        async with (
            upstream(hangs_up(), hangs_up(), answers(WHOLE)) as up,
            gateway(tmp_path, [provider("lab", up.port)], [FAST]) as (g, _),
        ):
            client = AsyncOpenAI(api_key=KEY, base_url=f"http://127.0.0.1:{g.port}/v1", max_retries=2)
            said = await ask(client)
            assert said == "hi"
            assert await ask(client) == "hi"
            assert len(up.requests) == 3
            await client.close()

    async def ask(client: AsyncOpenAI) -> str | None:
        answer = await client.chat.completions.create(
            model="fast", messages=[{"role": "user", "content": "q"}], extra_headers={"Idempotency-Key": "one"}
        )
        return answer.choices[0].message.content

    asyncio.run(main())
