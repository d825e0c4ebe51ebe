"""Retries, limits, several keys, breakers, hedges, deadlines over real sockets: what each costs and what it leaves."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any, cast

import httpx
import pytest
from harness import PRICE, Running, provider, running
from kept import MovableClock
from upstream import DONE, STOP, USAGE, WHOLE, Script, Upstream, answers, delta, hangs_up, streams, upstream

from patience import PATIENCE_S
from trimtab.gateway.policy import BreakerPolicy, Hedge, Policy, Retries
from trimtab.gateway.targets import Model
from trimtab.llm.transport import Answer

ASK: dict[str, Any] = {"model": "fast", "messages": [{"role": "user", "content": "hello"}]}
STREAM = {**ASK, "stream": True}
FAST = Model(name="fast", provider="lab", upstream="up-1", price=PRICE)
SLOW = Model(name="slow", provider="spare", upstream="up-2", price=PRICE)
FAST_THEN_SLOW = Model(name="fast", provider="lab", upstream="up-1", fallback=("slow",), price=PRICE)
BROKEN = answers({"error": {"message": "overloaded"}}, 503)
TOKENS = streams(delta("good"), STOP, USAGE, DONE)


def after(seconds: float, script: Script) -> Script:
    async def later(up: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)
        await script(up, reader, writer)

    return later


def once(it_is_so: Callable[[], object], script: Script) -> Script:
    """Of two that race the one that is to be later, however long the other takes."""

    async def then(up: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not it_is_so():  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        await script(up, reader, writer)

    return then


def by_key(answer: dict[str, Script]) -> Script:
    """Another script for each key."""

    async def script(up: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        key = up.requests[-1][0]["authorization"].removeprefix("Bearer ")
        await answer[key](up, reader, writer)

    return script


def keys_asked(up: Upstream) -> list[str]:
    return [headers["authorization"].removeprefix("Bearer ") for headers, _ in up.requests]


async def quiet(g: Running, calls: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while len(g.spool.records) < calls:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


# --- retries ---


@pytest.mark.parametrize(
    "failure",
    [
        hangs_up(),
        BROKEN,
        answers(b"<html>bad gateway</html>", 502),
        answers({"error": {"message": "slow down"}}, 429, "retry-after-ms: 20\r\n"),
        answers(b'{"id": "c1", "choi'),
    ],
    ids=["hang up", "503", "html", "429", "garbage"],
)
def test_a_target_that_fails_a_few_times_and_then_answers_is_not_given_up(failure: Script) -> None:
    async def main() -> None:
        async with upstream(failure, failure, answers(WHOLE)) as up, running([provider("lab", up.port)], [FAST]) as g:
            assert (await g.chat(ASK)).status_code == 200
            record = await g.spool.one()
            assert [a.outcome for a in record.attempts] == ["error", "error", "answer"]
            assert [c.verdict for c in record.decision] == ["failed", "failed", "chosen"]

    asyncio.run(main())


def test_how_often_is_data_and_no_more() -> None:
    async def main() -> None:
        policy = Policy(retries=Retries(server=2), backoff_ms=1)
        async with upstream(BROKEN) as up, running([provider("lab", up.port, resilience=policy)], [FAST]) as g:
            assert (await g.chat(ASK)).status_code == 503
            assert len(up.requests) == 3

    asyncio.run(main())


def test_repeats_cannot_amplify_an_outage() -> None:
    """Each call may repeat seven times, and all of them together a small share of their number."""

    async def main() -> None:
        never_open = BreakerPolicy(failures_in_a_row=10_000, failure_rate=1.0, min_calls=100_000)
        policy = Policy(retry_ratio=0.1, retry_per_s=0, backoff_ms=0, breaker=never_open)
        async with upstream(BROKEN) as up, running([provider("lab", up.port, resilience=policy)], [FAST]) as g:
            statuses = [(await g.chat(ASK)).status_code for _ in range(100)]
            assert set(statuses) == {503}
            assert 100 <= len(up.requests) <= 100 + 50 + 10
            assert any("budget for repeats is used up" in c.reason for c in g.spool.records[-1].decision)

    asyncio.run(main())


def test_after_the_last_target_it_goes_round_again() -> None:
    async def main() -> None:
        async with (
            upstream(BROKEN, BROKEN, answers(WHOLE)) as first,
            upstream(BROKEN, BROKEN) as second,
            running([provider("lab", first.port), provider("spare", second.port)], [FAST_THEN_SLOW, SLOW]) as g,
        ):
            assert (await g.chat(ASK)).status_code == 200
            tried = [a.provider for a in (await g.spool.one()).attempts]
            assert tried == ["lab", "lab", "spare", "spare", "lab"]

    asyncio.run(main())


# --- limits ---


def test_a_limited_target_is_not_asked_again_before_its_time_and_the_client_is_told_when() -> None:
    limited = answers(
        {"error": {"message": "slow down"}},
        429,
        "retry-after: 30\r\nx-ratelimit-limit-requests: 60\r\nx-ratelimit-remaining-requests: 0\r\n",
    )

    async def main() -> None:
        async with upstream(limited) as up, running([provider("lab", up.port)], [FAST]) as g:
            first = await g.chat(ASK)
            second = await g.chat(ASK)
            assert (first.status_code, second.status_code) == (429, 429)
            assert 1 <= int(second.headers["retry-after"]) <= 30
            assert first.headers["x-ratelimit-limit-requests"] == "60"
            assert second.headers["x-ratelimit-remaining-requests"] == "0"
            assert second.json()["error"]["code"] == "provider_rate_limited"
            assert len(up.requests) == 1, "a target known to be limited was asked"
            reasons = [(c.verdict, c.reason) for c in g.spool.records[1].decision]
            assert reasons[0][0] == "skipped"
            assert "it said when to come back" in reasons[0][1]

    asyncio.run(main())


def test_a_limit_that_is_used_up_is_known_from_the_last_answer_and_the_fallback_serves() -> None:
    soon = "x-ratelimit-limit-requests: 1\r\nx-ratelimit-remaining-requests: 0\r\nx-ratelimit-reset-requests: 6m0s\r\n"

    async def main() -> None:
        async with (
            upstream(answers(WHOLE, 200, soon)) as first,
            upstream(answers(WHOLE)) as second,
            running([provider("lab", first.port), provider("spare", second.port)], [FAST_THEN_SLOW, SLOW]) as g,
        ):
            assert (await g.chat(ASK)).status_code == 200
            assert (await g.chat(ASK)).status_code == 200
            assert (len(first.requests), len(second.requests)) == (1, 1)
            last = g.spool.records[1].decision
            assert [(c.model, c.verdict) for c in last] == [("fast", "skipped"), ("slow", "chosen")]
            assert "its limit on requests is used up" in last[0].reason

    asyncio.run(main())


def test_a_short_limit_is_waited_for() -> None:
    limited = answers({"error": {"message": "slow down"}}, 429, "retry-after-ms: 200\r\n")

    async def main() -> None:
        async with upstream(limited, answers(WHOLE)) as up, running([provider("lab", up.port)], [FAST]) as g:
            began = time.monotonic()
            both = await asyncio.gather(g.chat(ASK), g.chat(ASK))
            assert [r.status_code for r in both] == [200, 200]
            assert time.monotonic() - began >= 0.2
            assert len(up.requests) == 3

    asyncio.run(main())


# --- several keys ---


def test_keys_are_used_in_turn_by_load() -> None:
    async def main() -> None:
        async with (
            upstream(once(lambda: len(up.requests) == 9, answers(WHOLE))) as up,
            running([provider("lab", up.port, api_key="k1", api_keys=("k1", "k2", "k3"))], [FAST]) as g,
        ):
            await asyncio.gather(*(g.chat(ASK) for _ in range(9)))
            asked = keys_asked(up)
            assert {asked.count(key) for key in ("k1", "k2", "k3")} == {3}

    asyncio.run(main())


def test_a_limited_and_a_refused_key_are_passed_over_at_once_and_from_then_on() -> None:
    limited = answers({"error": {"message": "slow down"}}, 429, "retry-after: 60\r\n")
    refused = answers({"error": {"message": "bad key"}}, 401)

    async def main() -> None:
        script = by_key({"k1": limited, "k2": refused, "k3": answers(WHOLE)})
        async with (
            upstream(script) as up,
            running([provider("lab", up.port, api_key="k1", api_keys=("k1", "k2", "k3"))], [FAST]) as g,
        ):
            for _ in range(3):
                assert (await g.chat(ASK)).status_code == 200
            assert keys_asked(up) == ["k1", "k2", "k3", "k3", "k3"]
            assert "k1" not in repr(g.spool.records)

    asyncio.run(main())


def test_when_every_key_is_limited_the_soonest_is_told() -> None:
    def limited(seconds: int) -> Script:
        return answers({"error": {"message": "slow down"}}, 429, f"retry-after: {seconds}\r\n")

    async def main() -> None:
        script = by_key({"k1": limited(50), "k2": limited(20)})
        async with (
            upstream(script) as up,
            running([provider("lab", up.port, api_key="k1", api_keys=("k1", "k2"))], [FAST]) as g,
        ):
            response = await g.chat(ASK)
            assert (response.status_code, response.headers["retry-after"]) == (429, "20")
            assert len(up.requests) == 2

    asyncio.run(main())


def test_the_only_key_that_was_refused_is_still_tried_when_there_is_nothing_else() -> None:
    refused = answers({"error": {"message": "bad key"}}, 401)

    async def main() -> None:
        async with upstream(refused, answers(WHOLE)) as up, running([provider("lab", up.port)], [FAST]) as g:
            assert (await g.chat(ASK)).status_code == 401
            assert (await g.chat(ASK)).status_code == 200

    asyncio.run(main())


# --- breaker ---


def test_a_target_that_keeps_failing_is_left_alone_then_probed_and_taken_back() -> None:
    policy = Policy(retries=Retries(server=0), breaker=BreakerPolicy(failures_in_a_row=3, open_s=30, probes=1))

    async def main() -> None:
        script = [BROKEN, BROKEN, BROKEN, answers(WHOLE)]
        clock = MovableClock()
        async with (
            upstream(*script) as up,
            running([provider("lab", up.port, resilience=policy)], [FAST], clock=clock) as g,
        ):
            for _ in range(3):
                assert (await g.chat(ASK)).status_code == 503
            refused = await g.chat(ASK)
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "provider_unavailable")
            assert int(refused.headers["retry-after"]) >= 1
            assert len(up.requests) == 3, "an open breaker let a call through"
            assert "circuit breaker is open" in g.spool.records[3].decision[0].reason
            clock.forward(31)
            assert (await g.chat(ASK)).status_code == 200
            assert (await g.chat(ASK)).status_code == 200

    asyncio.run(main())


def test_the_callers_own_mistakes_do_not_open_a_breaker() -> None:
    policy = Policy(breaker=BreakerPolicy(failures_in_a_row=2))
    wrong = answers({"error": {"message": "temperature must be <= 2"}}, 400)

    async def main() -> None:
        async with upstream(wrong) as up, running([provider("lab", up.port, resilience=policy)], [FAST]) as g:
            assert [(await g.chat(ASK)).status_code for _ in range(5)] == [400] * 5
            assert len(up.requests) == 5

    asyncio.run(main())


# --- hedging ---


def hedged(after_ms: float = 50, **more: Any) -> list[Model]:
    policy = Policy(hedge=Hedge(after_ms=after_ms, **more))
    first = Model(name="fast", provider="lab", upstream="up-1", fallback=("slow",), price=PRICE, resilience=policy)
    return [first, SLOW]


@pytest.mark.parametrize("body", [ASK, STREAM], ids=["whole", "stream"])
def test_a_hedge_wins_when_the_first_target_is_slow_and_the_loser_is_not_free(body: dict[str, Any]) -> None:
    good = TOKENS if body is STREAM else answers(WHOLE)

    async def main() -> None:
        async with (
            upstream(streams("hang")) as slow,
            upstream(good) as quick,
            running([provider("lab", slow.port), provider("spare", quick.port)], hedged()) as g,
        ):
            began = time.monotonic()
            response = await g.chat(body)
            assert response.status_code == 200
            assert time.monotonic() - began < 30
            async with asyncio.timeout(PATIENCE_S):
                await slow.left.wait()
            record = await g.spool.one()
            assert [(a.provider, a.outcome) for a in record.attempts] == [("lab", "cancel"), ("spare", "answer")]
            lost = record.attempts[0]
            assert lost.usage is not None
            assert lost.usage.estimated
            assert lost.usage.input > 0
            assert lost.cost.amount
            assert [c.verdict for c in record.decision] == ["not_needed", "chosen"]
            assert "first token came sooner" in record.decision[0].reason

    asyncio.run(main())


def test_the_first_target_wins_when_it_answers_before_its_hedge() -> None:
    async def main() -> None:
        async with (
            upstream(once(lambda: second.requests, TOKENS)) as first,
            upstream(streams(delta(), "hang")) as second,
            running([provider("lab", first.port), provider("spare", second.port)], hedged()) as g,
        ):
            response = await g.chat(STREAM)
            assert "good" in response.text
            async with asyncio.timeout(PATIENCE_S):
                await second.left.wait()
            record = await g.spool.one()
            assert [(a.provider, a.outcome) for a in record.attempts] == [("spare", "cancel"), ("lab", "answer")]
            assert record.attempts[0].cost.amount

    asyncio.run(main())


def test_a_hedge_that_fails_leaves_the_first_alone_and_a_first_that_fails_leaves_the_hedge() -> None:
    async def main() -> None:
        def one_is_left() -> bool:
            return bool(two.requests) and sum(state.in_flight for _, state in g.gateway.live.each()) == 1

        for first, second, who in (
            (once(one_is_left, TOKENS), BROKEN, "lab"),
            (once(lambda: two.requests, BROKEN), once(one_is_left, TOKENS), "spare"),
        ):
            async with (
                upstream(first) as one,
                upstream(second) as two,
                running([provider("lab", one.port), provider("spare", two.port)], hedged()) as g,
            ):
                assert "good" in (await g.chat(STREAM)).text
                record = await g.spool.one()
                assert record.attempts[-1].provider == who
                assert sorted(a.outcome for a in record.attempts) == ["answer", "error"]

    asyncio.run(main())


@pytest.mark.parametrize("first_answers", [True, False])
@pytest.mark.parametrize("rival_answers", [True, False])
def test_two_that_end_in_the_same_turn_of_the_loop_both_leave_a_row(first_answers: bool, rival_answers: bool) -> None:
    """As when a provider goes down with both connections, or both run into the caller's deadline. What comes on the two
    connections is given to the transport here, so that it comes in one turn, the second target's first."""
    body = json.dumps(WHOLE).encode()
    whole = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)

    async def silent(up: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)

    def end(answer: Answer, *, answers: bool) -> None:
        if answers:
            answer.data_received(whole)
        else:
            answer.connection_lost(ConnectionResetError())

    async def main() -> None:
        async with (
            upstream(silent, answers(WHOLE)) as one,
            upstream(silent, answers(WHOLE)) as two,
            running([provider("lab", one.port), provider("spare", two.port)], hedged(after_ms=1)) as g,
        ):
            asking = asyncio.ensure_future(g.chat(ASK))
            async with asyncio.timeout(PATIENCE_S):
                while not (one.requests and two.requests):  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
            under_way = g.gateway._attempts._transport._busy  # pyright: ignore[reportPrivateUsage]
            by_port = {cast("tuple[str, int]", answer.peer())[1]: answer for answer in under_way}
            end(by_port[two.port], answers=rival_answers)
            end(by_port[one.port], answers=first_answers)
            assert (await asking).status_code == 200
            record = await g.spool.one()
            assert len(record.attempts) == len(one.requests) + len(two.requests)
            assert (len(record.attempts) == 2) == (first_answers or rival_answers)
            assert {a.provider for a in record.attempts} == {"lab", "spare"}
            assert record.attempts[-1].outcome == "answer" or first_answers

    asyncio.run(main())


def test_a_client_that_leaves_while_two_targets_race_cuts_both_and_leaves_both_rows() -> None:
    async def main() -> None:
        async with (
            upstream(streams("hang")) as one,
            upstream(streams("hang")) as two,
            running([provider("lab", one.port), provider("spare", two.port)], hedged()) as g,
        ):
            asking = asyncio.ensure_future(g.chat(ASK))
            async with asyncio.timeout(PATIENCE_S):
                while not two.requests:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
            asking.cancel()
            async with asyncio.timeout(PATIENCE_S):
                await one.left.wait()
                await two.left.wait()
            record = await g.spool.one()
            assert (record.outcome, record.status) == ("cancel", 499)
            assert {(a.provider, a.outcome) for a in record.attempts} == {("lab", "cancel"), ("spare", "cancel")}

    asyncio.run(main())


def test_hedges_stay_within_their_share_of_the_calls() -> None:
    async def main() -> None:
        async with (
            upstream(after(0.03, answers(WHOLE))) as one,
            upstream(answers(WHOLE)) as two,
            running(
                [provider("lab", one.port), provider("spare", two.port)], hedged(after_ms=1, max_extra_ratio=0.1)
            ) as g,
        ):
            for _ in range(40):
                assert (await g.chat(ASK)).status_code == 200
            assert 1 <= len(two.requests) <= 1 + 4

    asyncio.run(main())


# --- deadlines ---


@pytest.mark.parametrize(
    "header", [{"trimtab_deadline": "0.3"}, {"trimtab_deadline": "300ms"}, {"x_stainless_read_timeout": "0.3"}]
)
@pytest.mark.parametrize("body", [ASK, STREAM], ids=["whole", "stream"])
def test_a_deadline_ends_a_call_in_time_with_its_own_words(header: dict[str, str], body: dict[str, Any]) -> None:
    async def main() -> None:
        async with upstream(streams("hang")) as up, running([provider("lab", up.port)], [FAST]) as g:
            began = time.monotonic()
            response = await g.chat(body, **header)
            assert 0.25 < time.monotonic() - began < 30
            assert (response.status_code, response.json()["error"]["code"]) == (504, "deadline_exceeded")
            assert "0.3 s" in response.json()["error"]["message"]
            assert len(up.requests) <= 1, "it was asked again, or was asked although its time was over"

    asyncio.run(main())


async def until_told(word: str, ask: Callable[[str], Awaitable[httpx.Response]]) -> str:
    """What was answered within the first deadline that leaves a busy machine the time to come to ``word``."""
    text = ""
    for deadline in ("0.3", "3", "20"):
        text = (await ask(deadline)).text
        if word in text:
            return text
    raise AssertionError(f"{word!r} is not in {text!r}")


def test_a_deadline_holds_for_a_stream_that_has_begun_and_for_pauses_between_attempts() -> None:
    async def main() -> None:
        async with (
            upstream(streams(delta("begun"), "hang")) as up,
            running([provider("lab", up.port)], [FAST]) as g,
        ):
            text = await until_told("begun", lambda deadline: g.chat(STREAM, trimtab_deadline=deadline))
            assert "deadline_exceeded" in text
        limited = answers({"error": {"message": "slow down"}}, 429, "retry-after-ms: 25000\r\n")
        patient = Policy(limit_wait_s=30)
        async with upstream(limited) as up, running([provider("lab", up.port, resilience=patient)], [FAST]) as g:
            text = await until_told("slow down", lambda deadline: g.chat(ASK, trimtab_deadline=deadline))
            assert json.loads(text)["error"]["code"] == "deadline_exceeded"

    asyncio.run(main())


def test_a_deadline_that_is_none_is_refused_with_the_way_to_write_it() -> None:
    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, running([provider("lab", up.port)], [FAST]) as g:
            for wrong in ("soon", "0", "-3", "", "9" * 50):
                response = await g.chat(ASK, trimtab_deadline=wrong)
                assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_deadline")
            assert up.requests == []
            assert (await g.chat(ASK, trimtab_deadline="30s")).status_code == 200
            assert (await g.chat(ASK, x_stainless_timeout="NOT_GIVEN")).status_code == 200

    asyncio.run(main())


# --- what a record says ---


def test_the_first_byte_of_a_whole_answer_is_not_its_last() -> None:
    async def slowly(up: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = json.dumps(WHOLE).encode()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(data), data[:10]))
        await up.go_on.wait()
        writer.write(data[10:])

    async def main() -> None:
        async with upstream(slowly) as up, running([provider("lab", up.port)], [FAST]) as g:
            asking = asyncio.ensure_future(g.chat(ASK))
            under_way = g.gateway._attempts._transport._busy  # pyright: ignore[reportPrivateUsage]
            async with asyncio.timeout(PATIENCE_S):
                while not any(answer.first_byte_at for answer in under_way):  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
            await asyncio.sleep(0.01)  # more than clocks may differ by
            between = time.time_ns()
            up.go_on.set()
            assert (await asking).status_code == 200
            attempt = (await g.spool.one()).attempts[0]
            assert attempt.started_ns <= attempt.first_byte_ns < between < attempt.ended_ns

    asyncio.run(main())


def test_a_request_the_provider_finds_wrong_ends_a_race_and_both_rows_are_kept() -> None:
    wrong = answers({"error": {"message": "temperature must be <= 2"}}, 400)

    async def main() -> None:
        async with (
            upstream(once(lambda: two.requests, wrong)) as one,
            upstream(streams("hang")) as two,
            running([provider("lab", one.port), provider("spare", two.port)], hedged()) as g,
        ):
            assert (await g.chat(ASK)).status_code == 400
            async with asyncio.timeout(PATIENCE_S):
                await two.left.wait()
            record = await g.spool.one()
            assert [(a.provider, a.outcome) for a in record.attempts] == [("lab", "error"), ("spare", "cancel")]
            assert record.attempts[1].cost.amount

    asyncio.run(main())


def test_a_deadline_ends_both_sides_of_a_race() -> None:
    async def main() -> None:
        async with (
            upstream(streams("hang")) as one,
            upstream(streams("hang")) as two,
            running([provider("lab", one.port), provider("spare", two.port)], hedged()) as g,
        ):
            for deadline in ("0.4", "3", "20"):  # until a busy machine comes to ask both in time
                assert (await g.chat(ASK, trimtab_deadline=deadline)).status_code == 504
                if len(g.spool.records[-1].attempts) == 2:
                    break
            assert {a.provider for a in g.spool.records[-1].attempts} == {"lab", "spare"}
            states = [state for _, state in g.gateway.live.each()]
            assert [state.in_flight for state in states] == [0, 0]

    asyncio.run(main())


@pytest.mark.parametrize("status", [503, 529, 429])
def test_a_provider_that_says_not_to_repeat_is_not_asked_again_and_its_word_reaches_the_client(status: int) -> None:
    """OpenAI's and Anthropic's clients obey ``x-should-retry`` before any status; the next target is asked."""

    async def main() -> None:
        final = answers({"error": {"message": "no more"}}, status, "x-should-retry: false\r\n")
        async with upstream(final) as lab, upstream(answers(WHOLE)) as spare:
            there = [provider("lab", lab.port), provider("spare", spare.port)]
            async with running(there, [FAST_THEN_SLOW, SLOW]) as g:
                assert (await g.chat(ASK)).status_code == 200
            assert (len(lab.requests), len(spare.requests)) == (1, 1)
        async with upstream(final) as lab, running([provider("lab", lab.port)], [FAST]) as g:
            refused = await g.chat(ASK)
            assert (refused.status_code, refused.headers.get_list("x-should-retry")) == (status, ["false"])
            assert len(lab.requests) == 1

    asyncio.run(main())
