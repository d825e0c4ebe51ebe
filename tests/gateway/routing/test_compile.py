"""What a route makes of a call: the order of its targets, and why."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit import MODELS, NOW, PROJECT, SECOND, TARGETS, asked, expect, known, made, names, tree_of, whys

from trimtab.core.errors import Unavailable
from trimtab.gateway.routing.affinity import Pins
from trimtab.gateway.routing.ask import Ask, Unknown
from trimtab.gateway.routing.check import mistakes
from trimtab.gateway.routing.compile import compile_route
from trimtab.gateway.routing.fittings import Fittings
from trimtab.gateway.routing.types import Route
from trimtab.gateway.staying_up.live import Live
from trimtab.gateway.targets import Model, ProjectTargets
from trimtab.telemetry.records import Weighed


def test_a_fallback_keeps_its_order_and_names_each_target_once() -> None:
    route = made({"node": "fallback", "of": ["fast", {"node": "fallback", "of": ["slow", "fast"]}, "lab/gpt-x"]})
    plan = route.plan(asked())
    assert names(plan) == ["fast", "slow", "lab/gpt-x"]
    assert plan.targets[2].model.upstream == "gpt-x"
    assert plan.nodes == {"fast": "tree.of[0]", "slow": "tree.of[1].of[0]", "lab/gpt-x": "tree.of[2]"}
    assert (plan.route, plan.steps) == ("smart", [])


def test_another_route_stands_where_it_is_named() -> None:
    inner = Route(name="inner", tree=tree_of({"node": "fallback", "of": ["slow", "big"]}))
    plan = made({"node": "fallback", "of": ["fast", "inner"]}, routes={"inner": inner}).plan(asked())
    assert names(plan) == ["fast", "slow", "big"]
    assert plan.nodes["big"] == "tree.of[1](inner).of[1]"


def test_routes_that_name_each_other_many_times_are_not_followed_without_end() -> None:
    """Each is checked when it is set; one that is changed later may make those that name it as large as this."""
    routes = {
        f"r{n}": Route(name=f"r{n}", tree=tree_of({"node": "fallback", "of": [f"r{n + 1}"] * 2})) for n in range(30)
    }
    fittings = Fittings(live=Live(), expect=expect, pins=Pins())
    for last in ("fast", "missing"):
        every = {**routes, "r30": Route(name="r30", tree=tree_of(last))}
        route = compile_route(every["r0"], PROJECT, TARGETS, every, fittings)
        assert "has more than 1000 targets" in route.trouble
        assert len(route.leaves) < 1000


def test_the_first_branch_whose_conditions_hold_is_taken() -> None:
    route = made(
        {
            "node": "when",
            "of": [
                {"if": {"tags": ["vip", "beta*"], "longer_than": 10}, "use": "big"},
                {"if": {"headers": {"x-tier": ["gold"]}}, "use": "slow"},
            ],
            "otherwise": "fast",
        }
    )
    vip = route.plan(asked(headers={"Trimtab-Tags": "a, beta-2", "x-tier": "gold"}))
    assert (names(vip), whys(vip)) == (["big"], [("tree.of[0]", "use", "tags vip or beta*; longer than 10")])
    assert names(route.plan(asked(headers={"X-Tier": "gold"}))) == ["slow"]
    plain = route.plan(asked(headers={"x-tier": "silver"}))
    assert (names(plain), whys(plain)) == (["fast"], [("tree", "otherwise", "no branch's conditions held")])


def test_weights_draw_by_share_and_let_the_others_stand_in() -> None:
    tree = {"node": "weights", "of": [{"weight": 3, "use": "fast"}, {"weight": 1, "use": "slow"}]}
    route = made(tree)
    assert names(route.plan(asked(draw=0.7499))) == ["fast", "slow"]
    plan = route.plan(asked(draw=0.75))
    assert names(plan) == ["slow", "fast"]
    assert plan.weighed["slow"] == Weighed(weight=0.25, draw=0.75)
    assert whys(plan) == [("tree.of[1]", "slow", "drawn at random")]
    assert names(made({**tree, "spill": False}).plan(asked(draw=0.9))) == ["slow"]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=4).filter(any), st.floats(0, 1, exclude_max=True))
def test_a_weight_of_nothing_is_never_drawn(weights: list[int], draw: float) -> None:
    models = list(MODELS)
    shares = [{"weight": weight, "use": models[at]} for at, weight in enumerate(weights)]
    plan = made({"node": "weights", "of": shares}).plan(asked(draw=draw))
    assert weights[models.index(names(plan)[0])] > 0
    assert len(plan.targets) == len(weights)


def test_a_sticky_draw_is_the_same_for_one_user_and_fair_over_many() -> None:
    tree = {"node": "weights", "sticky": "user", "of": [{"weight": 9, "use": "fast"}, {"weight": 1, "use": "slow"}]}
    route, again = made(tree), made(tree)
    first = {user: names(route.plan(asked(user=f"user-{user}", draw=0.0)))[0] for user in range(2000)}
    assert all(names(again.plan(asked(user=f"user-{u}", draw=0.99)))[0] == first[u] for u in range(0, 2000, 97))
    share = Counter(first.values())["slow"] / 2000
    assert 0.08 < share < 0.12  # four standard deviations around a tenth
    assert names(route.plan(asked(draw=0.95))) == ["slow", "fast"]  # nobody named: by chance


def test_the_fastest_is_the_one_with_the_least_peak_latency_times_calls_under_way() -> None:
    live = Live()
    fast, slow = live.of(PROJECT, "lab", "up-fast"), live.of(PROJECT, "spare", "up-slow")
    fast.note_latency(100_000_000, NOW, stream=True)
    slow.note_latency(300_000_000, NOW, stream=True)
    route = made({"node": "fastest", "of": ["slow", "fast"]}, live=live)
    plan = route.plan(asked())
    assert names(plan) == ["fast", "slow"]
    assert plan.weighed["fast"] == Weighed(ewma_ms=100.0, in_flight=0)
    fast.in_flight = 3
    assert names(route.plan(asked())) == ["slow", "fast"]


def test_a_target_nobody_knows_gets_one_call_and_not_a_burst() -> None:
    live = Live()
    live.of(PROJECT, "lab", "up-fast").note_latency(100_000_000, NOW, stream=True)
    route = made({"node": "fastest", "of": ["fast", "slow"]}, live=live)
    assert names(route.plan(asked()))[0] == "slow"
    live.of(PROJECT, "spare", "up-slow").in_flight = 1
    assert names(route.plan(asked()))[0] == "fast"


def test_the_cheapest_counts_this_call_and_puts_unknown_prices_last() -> None:
    route = made({"node": "cheapest", "of": ["own", "big", "fast"], "output_tokens": 100})
    ask = asked("x" * 4000)
    plan = route.plan(ask)
    assert names(plan) == ["fast", "big", "own"]
    assert plan.weighed["fast"].price == 10 * (len(ask.body) // 4 + 100)
    assert plan.weighed["own"] == Weighed()
    bounded = route.plan(asked(max_tokens=7))
    assert bounded.weighed["big"].price == 90 * (len(asked(max_tokens=7).body) // 4 + 7)


def test_the_least_busy_goes_first_and_equals_take_turns_by_chance() -> None:
    live = Live()
    live.of(PROJECT, "lab", "up-fast").in_flight = 2
    route = made({"node": "least_busy", "of": ["fast", "slow", "own"]}, live=live)
    assert names(route.plan(asked(draw=0.4))) == ["slow", "own", "fast"]
    assert names(route.plan(asked(draw=0.9))) == ["own", "slow", "fast"]


def test_local_only_keeps_what_left_the_machine_out_and_refuses_rather_than_falls_out() -> None:
    route = made({"node": "when", "of": [{"if": {"tags": ["private"]}, "use": {"node": "local_only", "use": "own"}}],
                  "otherwise": "fast"})  # fmt: skip
    private = asked(headers={"trimtab-tags": "private"})
    assert names(route.plan(private)) == ["own"]
    moved = {**MODELS, "own": Model(name="own", provider="lab", upstream="up-own")}
    broken = compile_route(
        route.route,
        PROJECT,
        ProjectTargets(providers=TARGETS.providers, models=moved),
        {},
        Fittings(live=Live(), expect=expect, pins=Pins()),
    )
    with pytest.raises(Unavailable, match="not on a machine of your own") as refused:
        broken.plan(private)
    assert refused.value.code == "route_broken"
    assert names(broken.plan(asked())) == ["fast"]


@pytest.mark.parametrize(
    "mixing",
    [
        {"node": "fallback", "of": [{"node": "local_only", "use": "own"}, "fast"]},
        {"node": "weights", "of": [{"weight": 1, "use": {"node": "local_only", "use": "own"}}]},
        {"node": "escalate", "cheap": {"node": "local_only", "use": "own"}, "strong": "big"},
    ],
)
def test_local_only_below_a_node_that_may_ask_others_is_refused(mixing: Any) -> None:
    found = mistakes(Route(name="smart", tree=tree_of(mixing)), known())
    assert any("the call could leave" in mistake.what for mistake in found)


def test_targets_that_are_gone_are_left_out_and_told() -> None:
    route = Route(name="smart", tree=tree_of({"node": "fallback", "of": ["gone", "fast"]}))
    fittings = Fittings(live=Live(), expect=expect, pins=Pins())
    compiled = compile_route(route, PROJECT, TARGETS, {}, fittings)
    assert names(compiled.plan(asked())) == ["fast"]
    assert compiled.trouble == "tree.of[0] names 'gone', which cannot be used now."
    empty = compile_route(route, PROJECT, ProjectTargets(), {}, fittings)
    with pytest.raises(Unavailable, match="no target that can be used"):
        empty.plan(asked())


class FixedJudge:
    """Finds hard what the embedding says."""

    def difficulty(self, vector: Any) -> float:
        return float(vector[0])


class FakeMeanings:
    """Embeds a text as the number it ends in, or along an axis of its own."""

    def __init__(self, fails: bool = False) -> None:
        self.asked: list[str] = []
        self.fails = fails

    async def of(self, text: str) -> Any:
        self.asked.append(text)
        if self.fails:
            raise Unavailable("no model")
        return [float(text.split()[-1])]


def escalating(**more: Any) -> Any:
    return {"node": "escalate", "cheap": {"node": "fallback", "of": ["fast", "own"]}, "strong": "big", **more}


def decided(route: Any, ask: Ask) -> Any:
    return asyncio.run(route.decide(ask))


def test_a_hard_question_goes_up_at_once_and_an_easy_one_can_still_be_doubted() -> None:
    meanings = FakeMeanings()
    route = made(escalating(difficulty=0.6), judge=FixedJudge(), meanings=meanings)
    with pytest.raises(Unknown):
        route.plan(asked("hard 0.9"))
    hard = decided(route, asked("hard 0.9"))
    assert (names(hard), hard.escalation) == (["big", "fast", "own"], None)
    assert (hard.steps[0].took, hard.steps[0].value) == ("strong", 0.9)
    easy = decided(route, asked("easy 0.6"))
    assert names(easy) == ["fast", "own", "big"]
    assert easy.strong == {"big"}
    assert easy.escalation is not None
    assert meanings.asked == ["hard 0.9", "easy 0.6"]


def test_without_an_embedding_the_cheap_one_is_asked_and_the_record_says_why() -> None:
    route = made(escalating(), judge=FixedJudge(), meanings=FakeMeanings(fails=True))
    plan = decided(route, asked("hard 0.9"))
    assert names(plan)[0] == "fast"
    assert plan.steps[0].why == "the text could not be embedded: no model"
    silent = decided(route, asked([{"type": "image_url", "image_url": {"url": "https://x.example/i.png"}}]))
    assert silent.steps[0].why == "nothing was said that could be compared"


def test_escalation_without_a_judge_waits_for_nothing() -> None:
    plan = made(escalating(difficulty=None, doubts=["empty"])).plan(asked("hard 0.9"))
    assert names(plan) == ["fast", "own", "big"]


def test_a_session_keeps_to_the_target_that_answered_it_while_that_is_well() -> None:
    from trimtab.gateway.routing.types import Affinity

    live = Live()
    route = made({"node": "fallback", "of": ["fast", "slow"]}, live=live, affinity=Affinity(session=True, minutes=1))
    pins = route.fittings.pins
    mine = {"trimtab-session": "s1"}
    first = route.plan(asked(headers=mine))
    pins.keep(first, "slow", NOW)
    again = route.plan(asked(headers=mine))
    assert (names(again), whys(again)) == (
        ["slow", "fast"],
        [("affinity", "slow", "it answered this session before")],
    )
    assert names(route.plan(asked(headers={"trimtab-session": "s2"}))) == ["fast", "slow"]
    assert names(route.plan(asked(headers=mine, now_ns=NOW + 61 * SECOND))) == ["fast", "slow"]
    breaker = live.of(PROJECT, "spare", "up-slow").breaker
    for _ in range(breaker.policy.failures_in_a_row):
        breaker.failed(NOW)
    away = route.plan(asked(headers=mine))
    assert (names(away), away.steps[0].why) == (["fast", "slow"], "slow is not well now")


def test_a_call_that_began_long_ago_is_no_clock_that_was_set_back() -> None:
    """Its body came slowly, or guards took their time: what is open or set aside meanwhile stays so for its time."""
    from trimtab.gateway.routing.types import Affinity

    live = Live()
    route = made({"node": "fallback", "of": ["fast", "slow"]}, live=live, affinity=Affinity(session=True))
    mine = {"trimtab-session": "s1"}
    route.fittings.pins.keep(route.plan(asked(headers=mine)), "slow", NOW)
    state = live.of(PROJECT, "spare", "up-slow")
    key = state.keys[0]
    key.set_aside(NOW + 60 * SECOND, "limited", NOW)
    for _ in range(state.breaker.policy.failures_in_a_row):
        state.breaker.failed(NOW)
    open_s = state.breaker.opens_again_in_s(NOW)
    late = route.plan(asked(headers=mine, now_ns=NOW - 20 * SECOND))
    assert (names(late), late.steps[0].why) == (["fast", "slow"], "slow is not well now")
    assert state.breaker.opens_again_in_s(NOW) == open_s > 0
    assert key.aside_until_ns(NOW) == NOW + 60 * SECOND


def test_workers_that_know_nothing_of_each_other_draw_the_same_for_what_affinity_keeps_together() -> None:
    from trimtab.gateway.routing.types import Affinity

    tree = {"node": "weights", "of": [{"weight": 1, "use": "fast"}, {"weight": 1, "use": "slow"}]}
    workers = [made(tree, affinity=Affinity(session=True, prompt=True)) for _ in range(4)]

    def first(worker: int, said: str = "hello", **headers: str) -> tuple[str, str]:
        plan = workers[worker].plan(asked(said, headers=headers, draw=worker % 2 * 0.9))
        return names(plan)[0], plan.steps[0].why

    seen: Counter[str] = Counter()
    for number in range(200):
        ((took, why),) = {first(worker, **{"trimtab-session": f"s{number}"}) for worker in range(4)}
        assert why == "drawn by affinity"
        seen[took] += 1
    assert min(seen.values()) > 60, "the weights hold over all sessions"
    long = [f"You are assistant {number}. " * 300 for number in range(20)]
    assert all(len({first(worker, each + str(worker)) for worker in range(4)}) == 1 for each in long)
    assert len({first(0, each)[0] for each in long}) == 2
    assert [first(worker) for worker in (0, 1)] == [("fast", "drawn at random"), ("slow", "drawn at random")]


def test_long_prompts_that_begin_the_same_keep_together_and_short_ones_do_not() -> None:
    from trimtab.gateway.routing.types import Affinity

    route = made({"node": "fallback", "of": ["fast", "slow"]}, affinity=Affinity(prompt=True))
    pins = route.fittings.pins
    shared = "You are a careful assistant. " * 200
    pins.keep(route.plan(asked(shared + "One question")), "slow", NOW)
    assert names(route.plan(asked(shared + "Another"))) == ["slow", "fast"]
    assert names(route.plan(asked("Other " + shared))) == ["fast", "slow"]
    short = route.plan(asked("short"))
    assert short.pins == ()


def test_the_oldest_pins_give_way() -> None:
    from trimtab.gateway.routing.types import Affinity

    route = made("fast", affinity=Affinity(session=True))
    pins = Pins(remembered=10)
    for number in range(25):
        pins.keep(route.plan(asked(headers={"trimtab-session": str(number)})), "fast", NOW)
    assert len(pins) == 10
