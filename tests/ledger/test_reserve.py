# pyright: reportPrivateUsage=false
"""What one call and one worker see of limits: all or nothing, settled by what was used, and honest when in doubt."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from lending import PER_TOKEN, START_NS, TARGET, Clock, Fault, Memory, Spent, Worker, play, refusal, spent
from msgspec.structs import replace

from patience import PATIENCE_S
from trimtab.core.errors import InvalidRequest, Unavailable, for_callers
from trimtab.ledger import leases, limit_store
from trimtab.ledger.limit_plan import Priced
from trimtab.ledger.limits import Rule, Scope
from trimtab.ledger.refusals import LargerThanLimit, LimitReached
from trimtab.ledger.types import Cost
from trimtab.ledger.worst import Worst
from trimtab.llm.types import Usage

TEN = Rule(name="ten", measure="money", bound=10 * PER_TOKEN, window="hour")
SLOTS = Rule(name="slots", measure="concurrency", bound=2)
THREE = Rule(name="three", measure="requests", bound=3, window="minute")


def events(catalog: Memory) -> list[tuple[str, str]]:
    return [(event.name, event.kind) for event in catalog.look(lambda conn: limit_store.events(conn, "prj_1"))]


def test_a_call_reserves_of_every_rule_or_of_none() -> None:
    async def story() -> None:
        worker = Worker(Memory(), (TEN, THREE), Clock())
        assert isinstance(await refusal(worker.reserve(worker.facts(11))), InvalidRequest)
        for _ in range(3):
            (await worker.reserve(worker.facts(2))).settle([spent(2)])
        refused = await refusal(worker.reserve(worker.facts(2)))
        assert isinstance(refused, LimitReached)
        assert refused.rule.name == "three"
        worker.clock.advance(60)
        await worker.reserve(worker.facts(4))

    play(story)


def test_what_one_rule_refuses_takes_nothing_of_those_before_it() -> None:
    async def story() -> None:
        worker = Worker(Memory(), (THREE, SLOTS), Clock())
        under_way = [await worker.reserve(worker.facts(1)) for _ in range(2)]
        for _ in range(5):
            refused = await refusal(worker.reserve(worker.facts(1)))
            assert isinstance(refused, LimitReached)
            assert refused.rule.name == "slots"
        under_way[0].settle([spent(1)])
        third = await worker.reserve(worker.facts(1))  # five refusals have taken none of the three requests
        for each in (under_way[1], third):
            each.settle([spent(1)])
        refused = await refusal(worker.reserve(worker.facts(1)))
        assert isinstance(refused, LimitReached)
        assert refused.rule.name == "three"

    play(story)


def test_what_was_not_used_can_be_used_by_the_next() -> None:
    async def story() -> None:
        worker = Worker(Memory(), (TEN,), Clock())
        first = await worker.reserve(worker.facts(10))
        refused = await refusal(worker.reserve(worker.facts(1)))
        assert "is reached" in refused.message
        first.settle([spent(4)])
        first.settle([spent(9)])  # the second word changes nothing
        worker.clock.advance(1)
        await worker.reserve(worker.facts(6))
        assert first.notes()[0].used == 4 * PER_TOKEN

    play(story)


def test_a_refusal_says_when_there_is_room_again() -> None:
    async def story() -> None:
        worker = Worker(Memory(), (THREE,), Clock())
        for _ in range(3):
            (await worker.reserve(worker.facts(1))).settle([spent(1)])
        refused = await refusal(worker.reserve(worker.facts(1)))
        assert isinstance(refused, LimitReached)
        left = 60 - START_NS // 10**9 % 60
        assert refused.retry_after_s == left
        assert refused.resets_at == (START_NS // 10**9 + left) * 1000
        worker.clock.advance(left)
        await worker.reserve(worker.facts(1))

    play(story)


def test_a_rolling_window_says_when_its_oldest_part_leaves_and_holds_it_until_then() -> None:
    async def story() -> None:
        worker = Worker(Memory(), (replace(THREE, window="rolling_minute"),), Clock())
        for _ in range(3):
            (await worker.reserve(worker.facts(1))).settle([spent(1)])
            worker.clock.advance(10)
        refused = await refusal(worker.reserve(worker.facts(1)))
        assert refused.retry_after_s is not None
        worker.clock.advance(refused.retry_after_s - 1)
        assert isinstance(await refusal(worker.reserve(worker.facts(1))), LimitReached)
        worker.clock.advance(1)
        await worker.reserve(worker.facts(1))

    play(story)


def test_each_user_has_a_count_of_its_own() -> None:
    async def story() -> None:
        worker = Worker(Memory(), (replace(THREE, per=("user",)),), Clock())
        for user in ("ann", "bob", 'cy"d\0', ""):
            for _ in range(3):
                (await worker.reserve(worker.facts(1, user=user))).settle([spent(1)])
            assert isinstance(await refusal(worker.reserve(worker.facts(1, user=user))), LimitReached)

    play(story)


@pytest.mark.parametrize(
    ("scope", "inside", "outside"),
    [
        (Scope(key=("mobile",)), {"key": "key_1"}, {"key": "key_2"}),
        (Scope(key=("key_2",)), {"key": "key_2"}, {"key": "key_1"}),
        (Scope(app=("fast",)), {"app": "fast"}, {"app": "slow"}),
        (Scope(feature=("chat",)), {"feature": "chat"}, {"feature": ""}),
        (Scope(user=("ann",), feature=("chat",)), {"user": "ann", "feature": "chat"}, {"user": "ann"}),
        (Scope(provider=("acme",)), {}, {"targets": (replace(TARGET, provider="other"),)}),
        (Scope(model=("fast",)), {}, {"targets": (replace(TARGET, model="other"),)}),
    ],
)
def test_a_rule_is_about_the_calls_of_its_scope_only(
    scope: Scope, inside: dict[str, Any], outside: dict[str, Any]
) -> None:
    async def story() -> None:
        worker = Worker(Memory(), (replace(TEN, scope=scope),), Clock())
        assert isinstance(await refusal(worker.reserve(worker.facts(11, **inside))), InvalidRequest)
        (await worker.reserve(worker.facts(11, **outside))).settle([])

    play(story)


def test_the_dearest_target_is_reserved_and_a_provider_is_charged_for_its_own_attempts_only() -> None:
    async def story() -> None:
        dear = Priced("dear", "gold", "gold-1", Worst(((-1, 4 * PER_TOKEN, 4 * PER_TOKEN),), 0, 1))
        rules = (replace(TEN, name="all"), replace(TEN, name="gold", scope=Scope(provider=("gold",))))
        worker = Worker(Memory(), rules, Clock())
        reservation = await worker.reserve(worker.facts(2, targets=(TARGET, dear)))
        assert [part.need for part in reservation.parts] == [8 * PER_TOKEN, 8 * PER_TOKEN]
        reservation.settle([spent(2)])  # acme answered
        assert [part.used for part in reservation.parts] == [2 * PER_TOKEN, 0]

    play(story)


@pytest.mark.parametrize(("policy", "counted"), [("amount", 3 * PER_TOKEN), ("ignore", 0)])
def test_an_unknown_price_is_counted_as_the_rule_says(policy: Any, counted: int) -> None:
    async def story() -> None:
        rule = replace(TEN, unknown_price=policy, unknown_amount=3 * PER_TOKEN)
        worker = Worker(Memory(), (rule,), Clock())
        reservation = await worker.reserve(worker.facts(5, targets=(replace(TARGET, worst=None),)))
        unpriced = replace(spent(5), cost=replace(spent(5).cost, amount=None))
        reservation.settle([unpriced])
        assert reservation.parts[0].used == counted

    play(story)


def test_an_unknown_price_is_refused_by_default() -> None:
    async def story() -> None:
        worker = Worker(Memory(), (TEN,), Clock())
        refused = await refusal(worker.reserve(worker.facts(1, targets=(replace(TARGET, worst=None),))))
        assert refused.code == "price_unknown"
        assert refused.fix

    play(story)


@pytest.mark.parametrize(
    ("attempt", "counted"),
    [
        (Spent(outcome="cancel"), 6),  # the client left before a word came
        (Spent(), 6),  # an answer that says nothing of it: made in the background, say
        (Spent(usage=Usage(input=2, estimated=True), cost=Cost(amount=2 * PER_TOKEN)), 6),
        (Spent(usage=Usage(input=2, estimated=True), cost=Cost(amount=2 * PER_TOKEN), stream=True), 2),
        (Spent(fault=Fault("upstream_timeout_first_token", "network")), 6),
        (Spent(fault=Fault("upstream_unreachable", "network")), 0),
        (Spent(fault=Fault("rate_limited", "provider")), 0),
    ],
)
def test_what_nobody_told_counts_as_it_may_have_been(attempt: Spent, counted: int) -> None:
    async def story() -> None:
        worker = Worker(Memory(), (TEN,), Clock())
        reservation = await worker.reserve(worker.facts(6))
        reservation.settle([attempt])
        assert reservation.parts[0].used == counted * PER_TOKEN

    play(story)


def test_a_retry_after_an_attempt_that_may_have_cost_needs_room_for_both() -> None:
    async def story() -> None:
        worker = Worker(Memory(), (TEN,), Clock())
        lost, free = Spent(outcome="cancel"), Spent(fault=Fault("upstream_unreachable", "network"))
        reservation = await worker.reserve(worker.facts(4))
        await reservation.again([free])
        assert reservation.parts[0].extra == 0
        await worker.driven(reservation.again([free, lost]))
        assert reservation.parts[0].extra == 4 * PER_TOKEN
        assert isinstance(await refusal(worker.driven(reservation.again([lost, lost]))), LimitReached)
        reservation.settle([free, lost, spent(3)])
        assert reservation.parts[0].used == 7 * PER_TOKEN
        worker.clock.advance(1)
        await worker.reserve(worker.facts(3))

    play(story)


def test_a_hedge_is_made_only_where_its_worst_case_is_at_hand() -> None:
    async def story() -> None:
        worker = Worker(Memory(), (TEN,), Clock())
        reservation = await worker.reserve(worker.facts(5))
        assert reservation.hedge()
        assert not reservation.hedge()
        reservation.settle([spent(2), spent(5)])
        worker.clock.advance(1)
        await worker.reserve(worker.facts(3))

    play(story)


def test_what_nobody_knows_counts_as_the_worst_case_of_the_target_that_was_asked() -> None:
    """A cheap answer that was cut off counted at the price of the dearest target that might have answered the call: of
    a route with a dear fallback, each lost hedge took ten times what it can have cost."""
    dear = Priced("slow", "acme", "acme-9", Worst(((-1, 10 * PER_TOKEN, 10 * PER_TOKEN),), 0, 1))
    roomy = replace(TEN, bound=1_000_000 * PER_TOKEN)
    guess = Spent(usage=Usage(input=1, estimated=True), cost=Cost(amount=PER_TOKEN))
    late = Spent(fault=Fault("deadline_exceeded", "trimtab"))
    unsure = Spent(fault=Fault("upstream_timeout_total", "network"))

    async def story() -> None:
        worker = Worker(Memory(), (roomy,), Clock())
        for each in (guess, late, unsure):
            for model, most in (("acme-1", 5), ("acme-9", 50), ("another", 50)):
                reservation = await worker.reserve(worker.facts(2, 3, targets=(TARGET, dear)))
                reservation.settle([replace(each, model=model), spent(1)])
                assert reservation.parts[0].used == (most + 1) * PER_TOKEN
        plan = worker.limiter.plan(worker.limits, "key_1", "fast")
        facts = worker.facts(2, None, targets=(TARGET, dear))
        reservation = await worker.reserve(facts)
        reservation.settle([guess])
        assert reservation.parts[0].used == (2 + plan.most_output) * PER_TOKEN
        reservation = await worker.reserve(worker.facts(2, 3, targets=(TARGET, dear)))
        reservation.settle([Spent(fault=Fault("upstream_timeout_connect", "network"))])
        assert reservation.parts[0].used == 0

    play(story)


def test_an_answer_longer_than_was_asked_for_is_on_record_and_blocks_the_rest() -> None:
    async def story() -> None:
        catalog = Memory()
        worker = Worker(catalog, (TEN,), Clock())
        reservation = await worker.reserve(worker.facts(8))
        reservation.settle([spent(13)])
        await worker.settled_down()
        assert events(catalog) == [("ten", "overdraft")]
        assert isinstance(await refusal(worker.reserve(worker.facts(1))), LimitReached)
        assert catalog.granted() == 13 * PER_TOKEN

    play(story)


def test_a_soft_limit_refuses_nothing_and_tells_once_who_ever_counts() -> None:
    async def story() -> None:
        catalog, rule = Memory(), replace(TEN, mode="soft")
        one, two = Worker(catalog, (rule,), Clock()), Worker(catalog, (rule,), Clock())
        for worker in (one, two, one, two):
            reservation = await worker.reserve(worker.facts(50))
            reservation.settle([spent(6)])
            await worker.settled_down()
        assert events(catalog) == [("ten", "soft_reached")]
        assert (await two.reserve(two.facts(1))).warnings == ("ten",)

    play(story)


@pytest.mark.parametrize(
    ("change", "used", "said", "way_out"),
    [
        (
            {"measure": "requests", "bound": 1},
            1,
            "of 1 request per day is reached: 1 is used",
            "Try again then, or ask",
        ),
        ({}, 10, "US dollars per day is reached", "Try again then, send less, or ask"),
        ({"measure": "requests", "bound": 0}, 0, "more than the whole limit 'ten' of 0 requests", "It lets nothing"),
        ({"measure": "concurrency", "bound": 1, "window": "none"}, 1, "of 1 call at once is", "Try again in a moment"),
    ],
)
def test_a_refusal_says_what_helps_against_this_limit(
    change: dict[str, Any], used: int, said: str, way_out: str
) -> None:
    async def story() -> None:
        worker = Worker(Memory(), (replace(TEN, **{"window": "day", **change}),), Clock())
        held = await worker.reserve(worker.facts(used)) if used else None
        told = await refusal(worker.reserve(worker.facts(1)))
        assert held is not None or not used
        assert said in told.message
        assert told.fix.startswith(way_out)

    play(story)


def test_a_used_up_limit_is_told_once_however_many_are_refused() -> None:
    async def story() -> None:
        catalog = Memory()
        worker = Worker(catalog, (THREE,), Clock())
        for _ in range(3):
            (await worker.reserve(worker.facts(1))).settle([])
        writes = catalog.writes
        for _ in range(20):
            await refusal(worker.reserve(worker.facts(1)))
        assert catalog.writes - writes <= 2, "the catalog's no is believed for a moment"
        assert events(catalog) == [("three", "exhausted")]

    play(story)


def test_a_call_larger_than_the_whole_limit_is_told_once_a_day_and_by_one_worker() -> None:
    async def story() -> None:
        catalog, clock = Memory(), Clock()
        workers = [Worker(catalog, (TEN,), clock) for _ in range(2)]
        for worker in workers:
            for _ in range(5):
                refused = await refusal(worker.reserve(worker.facts(11)))
                assert isinstance(refused, LargerThanLimit)
        catalog.away = True
        await workers[0].settled_down()
        catalog.away = False
        for worker in (*workers, *workers):
            await worker.settled_down()
        (told,) = catalog.look(lambda conn: limit_store.events(conn, "prj_1"))
        assert (told.name, told.kind, told.used, told.bound) == ("ten", "larger", 11 * PER_TOKEN, 10 * PER_TOKEN)
        clock.advance(leases.LARGER_EVERY_S + 1)
        await refusal(workers[0].reserve(workers[0].facts(12)))
        await workers[0].settled_down()
        assert events(catalog) == [("ten", "larger")] * 2

    play(story)


def test_money_goes_on_within_what_is_at_hand_while_the_catalog_is_away_and_then_stops() -> None:
    async def story() -> None:
        catalog = Memory()
        worker = Worker(catalog, (replace(TEN, bound=1000 * PER_TOKEN),), Clock())
        (await worker.reserve(worker.facts(1))).settle([spent(1)])
        at_hand = worker.keeper.counter("prj_1", TEN, *key_of(worker)).at(worker.clock.wall).free // PER_TOKEN
        catalog.away = True
        for _ in range(at_hand):
            (await worker.reserve(worker.facts(1))).settle([spent(1)])
        refused = await refusal(worker.reserve(worker.facts(1)))
        assert isinstance(refused, Unavailable)
        assert refused.code == "limits_unavailable"
        assert for_callers(refused).message.endswith("lets nothing pass uncounted.")
        catalog.away = False
        worker.clock.advance(2)
        await worker.reserve(worker.facts(1))

    play(story)


def key_of(worker: Worker) -> tuple[str, str]:
    return next(iter(worker.keeper._counters))


def test_a_rate_goes_on_uncounted_while_the_catalog_is_away_and_is_counted_after_it() -> None:
    async def story() -> None:
        catalog = Memory()
        worker = Worker(catalog, (THREE,), Clock())
        catalog.away = True
        for _ in range(5):
            (await worker.reserve(worker.facts(1))).settle([spent(1)])
        catalog.away = False
        worker.clock.advance(2)
        await worker.settled_down()
        assert catalog.granted() == 5
        assert events(catalog) == [("three", "overdraft")]
        assert isinstance(await refusal(worker.reserve(worker.facts(1))), LimitReached)

    play(story)


def test_what_lies_idle_in_one_worker_goes_to_another_that_asks_within_a_second() -> None:
    async def story() -> None:
        catalog = Memory()
        idle, busy = Worker(catalog, (TEN,), Clock()), Worker(catalog, (TEN,), Clock())
        (await idle.reserve(idle.facts(1))).settle([spent(1)])  # alone, it takes all there is
        assert isinstance(await refusal(busy.reserve(busy.facts(9))), LimitReached)
        await idle.settled_down()
        await idle.settled_down()
        busy.clock.advance(1)
        await busy.reserve(busy.facts(9))

    play(story)


def test_a_lower_bound_holds_for_what_is_at_hand_too() -> None:
    async def story() -> None:
        catalog = Memory()
        worker = Worker(catalog, (TEN,), Clock())
        (await worker.reserve(worker.facts(2))).settle([spent(2)])
        worker.adopt((replace(TEN, bound=3 * PER_TOKEN),))
        await worker.reserve(worker.facts(1))
        assert isinstance(await refusal(worker.reserve(worker.facts(1))), LimitReached)

    play(story)


async def idle(worker: Worker, seconds: int) -> None:
    for _ in range(seconds):
        worker.clock.advance(1)
        await worker.keeper.tick()
        if worker.keeper._pending:
            await worker.keeper.turn()


def test_whoever_fails_to_notice_a_configuration_costs_no_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        keeper, ticks, noticed = Worker(Memory(), (TEN,), Clock()).keeper, asyncio.Event(), asyncio.Event()

        def broken() -> None:
            noticed.set()
            raise RuntimeError("a defect elsewhere")

        async def ticked() -> None:
            if noticed.is_set():
                ticks.set()

        monkeypatch.setattr(leases, "TICK_S", 0.01)
        monkeypatch.setattr(keeper, "tick", ticked)
        keeper.each_second = broken
        keeper.start()
        await asyncio.wait_for(ticks.wait(), PATIENCE_S)
        await keeper.close()

    play(story)


def test_keys_that_first_call_after_a_pause_share_one_slice_with_those_before() -> None:
    """A slice that lay idle for a minute is given back; what a key that called before knows of its count stays."""
    many = Rule(name="many", measure="requests", bound=3200, window="day")

    async def story() -> None:
        catalog = Memory()
        worker = Worker(catalog, (many,), Clock())
        for key in ("key_1", "key_2", "key_3"):
            (await worker.reserve(worker.facts(1, key=key))).settle([spent(1)])
            await idle(worker, 70)
        assert catalog.granted() == 3
        for key in ("key_1", "key_2", "key_3"):
            (await worker.reserve(worker.facts(1, key=key))).settle([spent(1)])
        assert len(worker.keeper._helds) == 1
        worker.adopt((replace(many, bound=10),))
        await idle(worker, 2)
        assert catalog.granted() == 6

    play(story)


def test_counts_that_nobody_has_any_more_are_forgotten() -> None:
    each = Rule(name="each", measure="requests", bound=10, window="minute", per=("user",))

    async def story() -> None:
        worker = Worker(Memory(), (each,), Clock())
        for user in range(20):
            (await worker.reserve(worker.facts(1, user=f"user {user}"))).settle([spent(1)])
        assert len(worker.keeper._counters) == 20
        worker.adopt((each,))  # another configuration: what rules remembered of counts goes with them
        await worker.reserve(worker.facts(1, user="another"))
        await idle(worker, 130)
        assert len(worker.keeper._counters) == len(worker.keeper._helds) == 1

    play(story)


def test_a_worker_declared_dead_gets_no_further_money_for_what_it_gives_back() -> None:
    async def story() -> None:
        catalog = Memory()
        one, two = Worker(catalog, (TEN,), Clock()), Worker(catalog, (TEN,), Clock())
        under_way = await one.reserve(one.facts(6))
        await refusal(two.reserve(two.facts(9)))
        for _ in range(12):
            two.clock.advance(5)
            await two.settled_down()
        under_way.settle([spent(1)])
        await one.settled_down()
        assert catalog.granted() >= 6 * PER_TOKEN, "what it held counts as spent"
        refused = await refusal(two.reserve(two.facts(5)))
        assert isinstance(refused, LimitReached)

    play(story)


def test_whoever_sees_the_catalog_again_first_takes_nobody_for_dead_who_could_not_reach_it_either() -> None:
    async def story() -> None:
        catalog = Memory()
        workers = [Worker(catalog, (TEN,), Clock()) for _ in range(2)]
        under_way = [await worker.reserve(worker.facts(1)) for worker in workers]
        for _ in range(5):
            for worker in workers:
                await worker.settled_down()
        catalog.away = True
        for _ in range(60):
            for worker in workers:
                await worker.settled_down()
        catalog.away = False
        one, two = workers
        for _ in range(4):
            await one.settled_down()
        under_way[1].settle([spent(1)])
        await two.settled_down()
        assert len(catalog.look(limit_store.beats)) == 2, "what it held was given up as if it were dead"
        assert two.keeper.worker
        for _ in range(60):  # but who stays away when the catalog is back is dead
            await one.settled_down()
        assert len(catalog.look(limit_store.beats)) == 1
        under_way[0].settle([spent(1)])

    play(story)


def test_a_call_without_a_bound_of_its_own_gets_ours() -> None:
    async def story() -> None:
        rule = replace(TEN, bound=10_000 * PER_TOKEN, max_output=100)
        worker = Worker(Memory(), (rule,), Clock())
        ours = await worker.reserve(worker.facts(1, None))
        assert ours.output_cap == 100
        assert ours.parts[0].need == 101 * PER_TOKEN
        own = await worker.reserve(worker.facts(1, 7))
        assert own.output_cap is None
        assert own.parts[0].need == 8 * PER_TOKEN
        four = await worker.reserve(worker.facts(1, 7, choices=4))
        assert four.parts[0].need == 29 * PER_TOKEN

    play(story)


def test_a_call_that_no_limit_on_size_is_about_is_sent_as_it_is() -> None:
    async def story() -> None:
        worker = Worker(Memory(), (replace(TEN, bound=10_000_000 * PER_TOKEN, scope=Scope(user=("ann",))),), Clock())
        assert (await worker.reserve(worker.facts(1, None, user="ann"))).output_cap == 8192
        assert (await worker.reserve(worker.facts(1, None, user="bob"))).output_cap is None

    play(story)


@pytest.mark.parametrize("window", ["hour", "rolling_hour"])
def test_workers_on_a_real_catalog_never_hand_out_more_than_the_bound(
    catalog_url: str, tmp_path: Path, window: Any
) -> None:
    from trimtab.core.clock import SystemClock
    from trimtab.storage.database import Database

    rule = replace(TEN, bound=200 * PER_TOKEN, window=window)

    async def caller(worker: Worker, used: list[int]) -> None:
        for _ in range(40):
            facts = worker.facts(3)
            plan = worker.limiter.plan(worker.limits, facts.key, facts.app)
            try:
                reservation = worker.limiter.reserve_now(plan, facts) or await worker.limiter.reserve(plan, facts)
            except LimitReached:
                return
            await asyncio.sleep(0)
            reservation.settle([spent(2)])
            used.append(2)

    async def story() -> tuple[int, int]:
        dbs = [Database.open(catalog_url) for _ in range(3)]
        await dbs[0].prepare()
        workers = [Worker(db, (rule,), SystemClock(), tmp_path) for db in dbs]  # pyright: ignore[reportArgumentType]
        for worker in workers:
            worker.keeper.start()
        used: list[int] = []
        await asyncio.gather(*(caller(worker, used) for worker in workers for _ in range(5)))
        for worker in workers:
            await worker.keeper.close()
        rows = await dbs[0].read(lambda conn: conn.execute(limit_store.COUNTERS.select()).all())
        for db in dbs:
            await db.close()
        return sum(used) * PER_TOKEN, sum(row.granted for row in rows)

    used, granted = asyncio.run(story())
    assert used == granted <= rule.bound
    assert used > rule.bound * 0.5, "what is left then lies with the others, more of it the less they came to run"
