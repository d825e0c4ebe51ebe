"""What a plan costs on the event loop, in microseconds of one core: `python bench/routing/plan.py`.

Each figure is the best of five rounds of 20,000 plans, the facts of the call (`Ask`) made anew for each as the pipeline
does, so that nothing read for one plan is there for the next. ``plain`` is a model without a route.
"""

import json
import time
from collections.abc import Callable
from typing import Any

import msgspec

from trimtab.gateway.route import candidates
from trimtab.gateway.routing.affinity import Pins
from trimtab.gateway.routing.ask import Ask
from trimtab.gateway.routing.compile import Compiled, compile_route
from trimtab.gateway.routing.explain import Sample, ask_of
from trimtab.gateway.routing.types import Route
from trimtab.gateway.staying_up.live import Live
from trimtab.gateway.targets import Model, ProjectTargets, Provider
from trimtab.ledger.prices import PriceBook
from trimtab.ledger.types import PriceOverride
from trimtab.server.snapshot.routes import expecting, fittings

ROUNDS, TURNS = 5, 20_000
NOW = 1_760_000_000_000_000_000
LAB = Provider(name="lab", kind="custom", dialect="openai_chat", base_url="http://127.0.0.1:9/v1")
MODELS = {
    name: Model(name=name, provider="lab", upstream=name, price=PriceOverride(input=price, output=4 * price))
    for name, price in (("fast", 0.15), ("slow", 1.0), ("big", 2.5))
}
TARGETS = ProjectTargets(providers={"lab": LAB}, models=MODELS)
SHARES = [{"weight": 3, "use": "fast"}, {"weight": 1, "use": "slow"}]
TREES: dict[str, Any] = {
    "fallback of 2": {"node": "fallback", "of": ["fast", "slow"]},
    "when on a tag": {"node": "when", "of": [{"if": {"tags": ["vip"]}, "use": "big"}], "otherwise": "fast"},
    "weights of 2": {"node": "weights", "of": SHARES},
    "weights of 2, sticky": {"node": "weights", "sticky": "user", "of": SHARES},
    "fastest of 2": {"node": "fastest", "of": ["fast", "slow"]},
    "least_busy of 2": {"node": "least_busy", "of": ["fast", "slow"]},
    "cheapest of 2": {"node": "cheapest", "of": ["fast", "slow"]},
    "when over weights and fallback": {
        "node": "when",
        "of": [{"if": {"tags": ["vip"]}, "use": "big"}, {"if": {"longer_than": 20000}, "use": "slow"}],
        "otherwise": {"node": "fallback", "of": [{"node": "weights", "of": SHARES}, "big"]},
    },
}


def compiled(tree: Any, **more: Any) -> Compiled:
    live = Live()
    for name in MODELS:
        live.of("prj", "lab", name).note_latency(len(name) * 10**8, NOW, stream=True)
    route = msgspec.convert({"name": "smart", "tree": tree, **more}, Route)
    made = fittings(live, expecting(PriceBook()))
    return compile_route(route, "prj", TARGETS, {}, msgspec.structs.replace(made, pins=Pins()))


def cost_us(work: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        begun = time.process_time()
        for _ in range(TURNS):
            work()
        best = min(best, time.process_time() - begun)
    return best / TURNS * 1e6


def main() -> None:
    body = json.dumps(
        {"model": "smart", "user": "u-1", "messages": [{"role": "user", "content": "hello " * 50}]}
    ).encode()
    sample = ask_of(Sample(body=body, headers={"trimtab-tags": "a,b", "trimtab-session": "s-1"}), NOW, lambda: 0.4)

    def ask() -> Ask:
        return Ask(
            front=sample.front, head=sample.head, body=body, caller=sample.caller, key_id="k", header=sample.header,
            now_ns=NOW, draw=sample.draw,
        )  # fmt: skip

    print(f"{'plain':40} {cost_us(lambda: candidates(TARGETS, 'fast')):6.2f} us")
    for name, tree in TREES.items():
        route = compiled(tree)
        print(f"{name:40} {cost_us(lambda route=route: route.plan(ask())):6.2f} us")
    route = compiled(TREES["fallback of 2"], affinity={"session": True})
    route.answered(route.plan(ask()), "slow", NOW)
    print(f"{'fallback of 2, session affinity':40} {cost_us(lambda: route.plan(ask())):6.2f} us")


if __name__ == "__main__":
    main()
