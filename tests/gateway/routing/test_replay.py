"""Replays: what is fact, what is an estimate, and what cannot be known."""

import asyncio
import json
from random import Random
from typing import Any

import pytest
from kit import MODELS, PROJECT, PROVIDERS, TARGETS, made, tree_of
from msgspec import structs

from trimtab.gateway.routing.redecide import ask_of_record, reads_headers, reads_text, redecide
from trimtab.gateway.routing.replay import (
    ENOUGH,
    Decided,
    ReplayedRange,
    TargetKey,
    by_target,
    changed,
    estimate,
    still_live,
    tokens_told,
    was_doubted,
)
from trimtab.telemetry.recorded import RecordedAttempt, RecordedBody, RecordedCall

FAST, SLOW = ("lab", "up-fast"), ("spare", "up-slow")
NAMES = {FAST: "fast", SLOW: "slow"}
MS = 1_000_000
assert set(PROVIDERS) == {"lab", "spare", "home"}
assert MODELS["slow"].provider == "spare"


def call(number: int, **more: Any) -> RecordedCall:
    given: dict[str, Any] = {
        "request_id": f"req_{number}", "span_id": f"s{number}", "start_ns": number * 1000 * MS, "duration_ns": 100 * MS,
        "model": "smart", "session": "", "user": "", "feature": "", "key_id": "k", "tags": [], "metadata": {},
        "stream": 0, "status": "ok", "stop": "stop", "cost": 1_000_000_000, "unpriced": 0,
    }  # fmt: skip
    return RecordedCall(**(given | more))


def attempt(number: int, key: TargetKey = FAST, **more: Any) -> RecordedAttempt:
    given: dict[str, Any] = {
        "request_id": f"req_{number}", "start_ns": number * 1000 * MS, "provider": key[0], "model": key[1],
        "status": "ok", "stop": "stop", "duration_ns": 100 * MS, "ttft_ns": None, "input_tokens": 100,
        "output_tokens": 50,
    }  # fmt: skip
    return RecordedAttempt(**(given | more))


def price(name: str, tokens_in: int, tokens_out: int) -> int | None:
    return {"fast": 1, "slow": 10, "dear": 30}[name] * 1_000_000 * (tokens_in + tokens_out)


def decided(count: int, target: TargetKey | None, **more: Any) -> list[Decided]:
    name = "" if target is None else NAMES[target]
    return [
        Decided(call=call(n, **more), first=attempt(n), tokens_in=100, target=target, name=name) for n in range(count)
    ]


def test_calls_that_stay_keep_what_happened() -> None:
    calls = decided(40, FAST)
    report = estimate(calls, by_target([each.first for each in calls]), price, Random(1))
    assert (report.calls, report.same, report.moved, report.compared, report.priced) == (40, 40, 0, 40, 40)
    assert report.cost.recorded == pytest.approx(0.04)
    assert report.cost.replayed == ReplayedRange(value=0.04, low=0.04, high=0.04)
    assert report.latency_p50.replayed == ReplayedRange(value=100.0, low=100.0, high=100.0)
    assert report.notes == []


def test_a_route_that_changes_nothing_comes_to_what_is_on_record() -> None:
    calls = [
        Decided(
            call=call(n, cost=10**9 * (1 + n % 7), duration_ns=n * MS),
            first=attempt(n),
            tokens_in=100,
            target=FAST,
            name="t",
        )
        for n in range(60)
    ]
    report = estimate(calls, by_target([each.first for each in calls]), price, Random(1))
    for side in (report.cost, report.latency_p50, report.latency_p95):
        assert side.recorded is not None
        assert side.replayed == ReplayedRange(value=side.recorded, low=side.recorded, high=side.recorded)


def test_where_only_some_calls_move_the_others_are_facts() -> None:
    """Thirty of a hundred go to a target whose calls all cost the same: there is one answer, and it is known."""
    stays = [
        Decided(call=call(n, cost=n * 10**9), first=attempt(n), tokens_in=100, target=FAST, name="t") for n in range(70)
    ]
    moves = [
        Decided(call=call(100 + n), first=attempt(100 + n), tokens_in=100, target=SLOW, name="slow") for n in range(30)
    ]
    slow = [attempt(1000 + n, SLOW, output_tokens=50) for n in range(ENOUGH)]
    known = [each.first for each in (*stays, *moves)]
    report = estimate([*stays, *moves], by_target([*known, *slow]), price, Random(1))
    right = sum(range(70)) * 10**9 / 1e12 + 30 * 10 * 150e6 / 1e12
    assert report.cost.replayed is not None
    assert report.cost.replayed.value == pytest.approx(right, rel=1e-12)
    assert report.cost.replayed.low == report.cost.replayed.high


def test_calls_that_change_are_told_the_refused_first_and_then_by_money() -> None:
    def one(number: int, target: TargetKey | None, **more: Any) -> Decided:
        name = "" if target is None else NAMES[target]
        return Decided(call=call(number, **more), first=attempt(number), tokens_in=100, target=target, name=name)

    calls = [
        one(0, FAST),
        one(1, SLOW, cost=10**9),
        one(2, SLOW, cost=9 * 10**9),
        one(3, SLOW, cost=None, unpriced=1),
        one(4, None),
    ]
    slow = [attempt(1000 + n, SLOW, output_tokens=50 + 2 * (n % 2), status="ok") for n in range(ENOUGH)]
    slow += [attempt(2000, SLOW, output_tokens=9_000, status="error")]
    found = changed(calls, by_target([*(each.first for each in calls), *slow]), price, 10)
    assert [each.call.request_id for each in found] == ["req_4", "req_2", "req_1", "req_3"]
    about = 10 * 1_000_000 * (100 + 51)
    assert [each.expected for each in found] == [None, about, about, about]
    assert [each.cost for each in found] == [10**9, 9 * 10**9, 10**9, None]
    assert found[0].target is None
    assert [each.call.request_id for each in changed(calls, by_target(slow), price, 2)] == ["req_4", "req_2"]
    left = changed([one(0, SLOW, status="cancelled")], by_target(slow), price, 1)
    assert [each.expected for each in left] == [None]
    few = changed(calls, by_target(slow[: ENOUGH - 1]), price, 10)
    assert {each.expected for each in few} == {None}


def test_moved_calls_are_estimated_from_what_their_new_target_did() -> None:
    calls = decided(200, SLOW)
    draw = Random(3)
    slow = [
        attempt(
            1000 + n,
            SLOW,
            duration_ns=draw.randrange(200, 400) * MS,
            output_tokens=draw.randrange(40, 60),
            status="error" if n % 10 == 0 else "ok",
            stop="refusal" if n % 20 == 1 else "stop",
        )
        for n in range(400)
    ]
    report = estimate(calls, by_target([*(each.first for each in calls), *slow]), price, Random(1))
    assert (report.same, report.moved, report.not_enough_data, report.compared) == (0, 200, 0, 200)
    cost, wait, fails, refuses = (
        s.replayed for s in (report.cost, report.latency_p50, report.failures, report.refusals)
    )
    assert cost is not None
    assert wait is not None
    assert fails is not None
    assert refuses is not None
    expected = 200 * 10e6 * (100 + 49.5) / 1e12
    assert cost.low < expected < cost.high
    assert cost.high - cost.low < 0.1 * expected
    assert 280 < wait.value < 320
    assert fails.low < 0.1 < fails.high
    assert refuses.low < 0.05 < refuses.high
    assert report.failures.recorded == 0.0
    assert "estimated from what their new target did" in report.notes[0]


def test_a_target_with_too_few_records_gives_no_estimate() -> None:
    calls = [*decided(30, FAST), *decided(10, SLOW)]
    few = [attempt(1000 + n, SLOW) for n in range(ENOUGH - 1)]
    report = estimate(calls, by_target([*(each.first for each in calls), *few]), price, Random(1))
    assert (report.moved, report.not_enough_data, report.compared) == (10, 10, 30)
    assert report.cost.recorded == pytest.approx(0.03)  # of the same 30 calls that the estimate is of
    told = f"spare up-slow has {ENOUGH - 1} recorded attempts in this window, and an estimate needs {ENOUGH}."
    assert report.notes == [f"Not enough data: {told}"]
    shares = {(s.provider, s.model): (s.recorded, s.replayed, s.estimated) for s in report.targets}
    assert shares == {FAST: (40, 30, True), SLOW: (0, 10, False)}


def test_nothing_is_made_of_nothing() -> None:
    report = estimate([], {}, price, Random(1))
    assert (report.calls, report.cost.recorded, report.cost.replayed) == (0, None, None)
    refused = estimate(decided(5, None), {}, price, Random(1))
    assert (refused.refused, refused.compared, refused.cost.replayed) == (5, 0, None)


def test_an_unknown_price_is_no_cost_of_zero() -> None:
    calls = decided(30, SLOW)
    records = by_target([attempt(1000 + n, SLOW) for n in range(50)])
    report = estimate(calls, records, lambda _key, _in, _out: None, Random(1))
    assert report.cost.recorded == pytest.approx(0.03)
    assert report.cost.replayed is None
    assert report.latency_p50.replayed is not None
    assert report.notes[0] == "No price is known for spare up-slow: so no cost is known of what would move there."


def test_two_names_of_one_model_have_each_their_own_price() -> None:
    calls = decided(40, SLOW)
    dear = [structs.replace(each, name="dear") for each in calls[20:]]
    records = by_target([attempt(1000 + n, SLOW) for n in range(50)])
    report = estimate([*calls[:20], *dear], records, price, Random(1))
    assert report.cost.replayed is not None
    assert report.cost.replayed.value == pytest.approx((20 * 10 + 20 * 30) * 150e6 / 1e12)
    assert [(each.name, each.replayed) for each in report.targets] == [("", 0), ("dear, slow", 40)]
    expected = {each.call.request_id: each.expected for each in changed([calls[0], dear[0]], records, price, 10)}
    assert expected == {"req_0": 10 * 150 * 10**6, "req_20": 30 * 150 * 10**6}


def test_a_call_that_goes_where_it_went_by_another_name_has_that_names_price() -> None:
    """All else is as it was: of 40 calls that stay at their model, those by its dearer name cost more."""
    stay = decided(40, SLOW)
    stay = [structs.replace(each, first=attempt(n, SLOW, name="slow")) for n, each in enumerate(stay)]
    dear = [structs.replace(each, name="dear") for each in stay[20:]]
    report = estimate([*stay[:20], *dear], {}, price, Random(1))
    assert (report.same, report.moved, report.compared) == (40, 0, 40)
    assert report.cost.recorded == pytest.approx(0.04)
    total = (20 * 10**9 + 20 * 30 * 150e6) / 1e12
    assert report.cost.replayed == ReplayedRange(value=total, low=total, high=total)
    assert report.latency_p50.replayed == ReplayedRange(value=100.0, low=100.0, high=100.0)
    older = [structs.replace(each, first=attempt(n, SLOW)) for n, each in enumerate(dear)]  # its name is not on record
    assert estimate(older, {}, price, Random(1)).cost.replayed == ReplayedRange(value=0.02, low=0.02, high=0.02)
    unsaid = [structs.replace(each, tokens_in=None) for each in dear[:5]]
    report = estimate([*stay[:20], *unsaid], {}, price, Random(1))
    assert (report.compared, report.priced) == (25, 20), "of these five it is not known what they would cost"
    assert report.cost.replayed == ReplayedRange(value=0.02, low=0.02, high=0.02)
    unknown = estimate(dear, {}, lambda _name, _in, _out: None, Random(1))
    assert unknown.cost.replayed is None
    assert unknown.notes == ["No price is known for spare up-slow: so no cost is known of what would move there."]


def doubted_call(number: int, **more: Any) -> Decided:
    """Its first answer, of 150 ms and 100 and 50 tokens, was doubted, and another given: 0.001 dollars in all."""
    first = attempt(number, duration_ns=150 * MS)
    strong = attempt(number, SLOW)
    found = Decided(
        call=call(number, duration_ns=900 * MS), first=first, tokens_in=100, target=FAST, name="fast",
        doubted=was_doubted([first, strong]),
    )  # fmt: skip
    return structs.replace(found, **more)


def test_where_nobody_doubts_what_was_doubted_the_first_answer_is_all() -> None:
    report = estimate([doubted_call(n) for n in range(40)], {}, price, Random(1))
    assert (report.same, report.compared, report.cost.recorded) == (40, 40, pytest.approx(0.04))
    alone = 40 * 150 * 1_000_000 / 1e12
    assert report.cost.replayed == ReplayedRange(value=alone, low=alone, high=alone)
    assert report.latency_p50.recorded == 900.0
    assert report.latency_p50.replayed == ReplayedRange(value=150.0, low=150.0, high=150.0)
    kept = estimate([doubted_call(n, may_doubt=True) for n in range(40)], {}, price, Random(1))
    assert kept.cost.replayed == ReplayedRange(value=0.04, low=0.04, high=0.04)
    assert kept.notes == []


def test_who_was_not_doubted_is_whoever_had_one_answer() -> None:
    assert was_doubted([attempt(1), attempt(1, SLOW)])
    assert not was_doubted([attempt(1)])
    assert not was_doubted([attempt(1, status="error"), attempt(1, SLOW)])  # a fallback
    assert not was_doubted([attempt(1), attempt(1, SLOW, status="cancelled")])  # a hedge that lost
    assert not was_doubted([attempt(1), attempt(1)])


def test_a_report_says_how_many_answers_may_be_doubted() -> None:
    records = by_target([attempt(1000 + n, SLOW) for n in range(50)])
    moved = [structs.replace(each, may_doubt=True) for each in decided(30, SLOW)]
    looked_at = [structs.replace(each, may_doubt=True, same_route=True) for each in decided(10, FAST)]
    notes = estimate([*moved, *looked_at], records, price, Random(1)).notes
    assert ["of 30 calls" in note for note in notes if note.startswith("Doubted answers")] == [True]
    assert estimate(looked_at, records, price, Random(1)).notes == []


def test_a_replay_tells_which_difficulty_sends_up_which_share() -> None:
    calls = [structs.replace(each, difficulty=n / 100, sent_up=n > 40) for n, each in enumerate(decided(100, FAST))]
    report = estimate(calls, by_target([each.first for each in calls]), price, Random(1))
    assert (report.judged, report.sent_up) == (100, 59)
    for each in report.thresholds:
        above = sum((one.difficulty or 0) > each.difficulty for one in calls)
        assert above <= each.share * 100
        assert above >= each.share * 100 - 1
    same = [structs.replace(each, difficulty=0.5) for each in calls]
    alike = estimate(same, by_target([each.first for each in calls]), price, Random(1))
    assert {each.difficulty for each in alike.thresholds} == {0.5}  # above it lies none
    assert estimate(decided(40, FAST), {}, price, Random(1)).thresholds == []


def test_a_question_is_as_long_as_whoever_answered_it_counted() -> None:
    """A failed attempt tells no tokens: calls that failed at first were priced as if nothing had been asked."""
    failed, cut = attempt(0, status="error", input_tokens=0), attempt(0, status="cancelled", input_tokens=7)
    assert tokens_told([failed, cut, attempt(0, SLOW, input_tokens=100)]) == 100
    assert tokens_told([failed, cut]) == 7
    assert tokens_told([failed]) is None
    calls = [call(n, cost=10**9) for n in range(40)]
    attempts = {
        each.request_id: [attempt(at, status="error", input_tokens=0), attempt(at, SLOW, input_tokens=100)]
        for at, each in enumerate(calls)
    }
    moved = asyncio.run(redecide(made("slow"), calls, attempts, {}, Random(0)))
    records = by_target([one for each in attempts.values() for one in each])
    cost = estimate(moved, records, price, Random(1)).cost
    assert cost.replayed is not None
    assert cost.replayed.value == pytest.approx(40 * 10 * 150e6 / 1e12)


def test_of_a_question_whose_length_nobody_told_no_cost_is_made_up() -> None:
    known = decided(30, SLOW)
    untold = [
        Decided(call=call(100 + n), first=attempt(100 + n, status="error"), tokens_in=None, target=SLOW, name="slow")
        for n in range(10)
    ]
    report = estimate([*known, *untold], by_target([attempt(1000 + n, SLOW) for n in range(30)]), price, Random(1))
    assert (report.compared, report.priced) == (40, 30)
    assert report.cost.recorded == pytest.approx(0.03)
    assert report.cost.replayed is not None
    assert report.cost.replayed.value == pytest.approx(30 * 10 * 150e6 / 1e12)


def test_what_was_cut_off_is_no_record_of_a_target_and_is_not_compared_where_it_would_move() -> None:
    """An answer that was left after a word says nothing of how long a whole one takes or what it costs."""
    calls = [*decided(30, SLOW), *decided(10, SLOW, status="cancelled"), *decided(5, FAST, status="cancelled")]
    whole = [attempt(1000 + n, SLOW, duration_ns=900 * MS, output_tokens=80) for n in range(ENOUGH)]
    cut = [attempt(2000 + n, SLOW, status="cancelled", duration_ns=MS, output_tokens=1) for n in range(100)]
    report = estimate(calls, by_target([*whole, *cut]), price, Random(1))
    assert (report.calls, report.same, report.moved, report.cut_off, report.compared) == (45, 5, 40, 10, 35)
    assert report.latency_p50.recorded == 100.0  # of the 30 that were answered
    assert report.latency_p50.replayed == ReplayedRange(value=900.0, low=900.0, high=900.0)
    assert report.cost.replayed is not None
    assert report.cost.replayed.value == pytest.approx((30 * 10 * 180e6 + 5 * 10**9) / 1e12)
    assert [each.attempts for each in report.targets if (each.provider, each.model) == SLOW] == [ENOUGH]


def test_what_fails_at_first_takes_as_long_as_it_failed_and_was_answered_then() -> None:
    """On record a call that was answered at its second attempt took as long as both; so it does where it would move."""
    calls = decided(400, SLOW, duration_ns=250 * MS)
    calls = [
        Decided(call=each.call, first=attempt(n, status="error"), tokens_in=100, target=SLOW, name="slow")
        for n, each in enumerate(calls)
    ]
    slow = [attempt(1000 + n, SLOW, status="error" if n % 2 else "ok", output_tokens=n % 2 * 9) for n in range(400)]
    report = estimate(calls, by_target(slow), price, Random(1))
    assert (report.failures.recorded, report.latency_p50.recorded) == (1.0, 250.0)
    assert report.latency_p95.replayed is not None
    assert (
        350.0 <= report.latency_p95.replayed.value <= 600.0
    )  # half fails each time: 4.3 attempts at the 95th percentile
    assert report.cost.replayed is not None
    assert report.cost.replayed.value == pytest.approx(400 * 10 * 100e6 / 1e12)
    never = [attempt(1000 + n, SLOW, status="error") for n in range(ENOUGH)]
    nothing = estimate(calls, by_target(never), price, Random(1))
    assert (nothing.failures.replayed, nothing.latency_p50.replayed, nothing.cost.replayed) == (
        ReplayedRange(value=1.0, low=1.0, high=1.0), None, None,
    )  # fmt: skip
    assert nothing.notes[0].startswith("spare up-slow has answered none of its recorded attempts")


def redecided(tree: Any, calls: list[RecordedCall], bodies: dict[str, RecordedBody], **more: Any) -> list[Decided]:
    attempts = {each.request_id: [attempt(at)] for at, each in enumerate(calls)}
    return asyncio.run(redecide(made(tree, **more), calls, attempts, bodies, Random(0)))


def body_of(said: str) -> RecordedBody:
    return RecordedBody(
        "s", "openai_chat", json.dumps({"model": "m", "messages": [{"role": "user", "content": said}]}).encode()
    )


def test_a_recorded_call_is_decided_by_what_was_recorded_of_it() -> None:
    tree = {
        "node": "when",
        "of": [
            {"if": {"tags": ["vip"]}, "use": "big"},
            {"if": {"language": ["de"]}, "use": "own"},
            {"if": {"longer_than": 500}, "use": "slow"},
            {"if": {"headers": {"x-a": ["1"]}}, "use": "own"},
        ],
        "otherwise": "fast",
    }
    calls = [call(0, tags=["vip"]), call(1), call(2), call(3)]
    bodies = {"s1": body_of("Ich weiß nicht, warum das nicht geht."), "s2": body_of("x" * 600)}
    assert [each.name for each in redecided(tree, calls, bodies)] == ["big", "own", "slow", "fast"]
    assert reads_headers(tree_of(tree))
    assert not reads_text(tree_of(tree))
    assert reads_text(tree_of({"node": "fallback", "of": [{"node": "escalate", "cheap": "fast", "strong": "big"}]}))


def test_a_stream_is_not_doubted_and_neither_is_what_went_up_at_once() -> None:
    tree = {"node": "escalate", "cheap": "fast", "strong": "big", "difficulty": None}
    told = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": "Why?"}]}).encode()
    bodies = {"s0": body_of("Why?"), "s1": RecordedBody("s1", "openai_chat", told)}
    found = redecided(tree, [call(0), call(1, stream=1)], bodies)
    assert [(each.name, each.may_doubt) for each in found] == [("fast", True), ("fast", False)]
    assert not redecided({"node": "target", "model": "fast"}, [call(0)], bodies)[0].may_doubt


def test_affinity_is_played_through_in_the_order_of_time() -> None:
    from trimtab.gateway.routing.types import Affinity

    tree = {"node": "weights", "of": [{"weight": 1, "use": "fast"}, {"weight": 1, "use": "slow"}]}
    calls = [call(n, session=f"s{n % 5}") for n in range(100)]
    free = redecided(tree, calls, {})
    kept = redecided(tree, calls, {}, affinity=Affinity(session=True))
    assert len({(each.call.session, each.name) for each in free}) > 5
    assert len({(each.call.session, each.name) for each in kept}) == 5


def test_the_fastest_of_a_replay_is_the_one_with_the_lowest_median() -> None:
    records = by_target(
        [attempt(n, FAST, duration_ns=300 * MS) for n in range(5)] + [attempt(n, SLOW) for n in range(5)]
    )
    live = still_live(PROJECT, records)
    route = made({"node": "fastest", "of": ["fast", "slow"]}, live=live)
    for at in (0, 10**6):
        ask = ask_of_record(call(at), RecordedBody("", "openai_chat", b""), Random(0))
        assert [t.model.name for t in route.plan(ask).targets] == ["slow", "fast"]
    assert TARGETS.models["slow"].provider == "spare"
