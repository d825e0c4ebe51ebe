"""What policies cost a call: the decision when it is remembered, when it is not, and when there are none.

    .venv/bin/python bench/policies/memo.py

Prints microseconds per decision (median of 15 rounds). No server: a call as the pipeline has it, 20 policies in two
sets, two targets.
"""

import statistics
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

from trimtab.gateway.call import Call
from trimtab.gateway.caller import Caller
from trimtab.gateway.policed import Governed, Stated, classify, screen, what_is
from trimtab.gateway.route import Target
from trimtab.gateway.targets import Model, Provider
from trimtab.governance.access import Principal
from trimtab.governance.data_classes import DataTerms
from trimtab.governance.policy_eval import PolicySet, engine_of
from trimtab.llm.dialects import DIALECTS

POLICY = """@id("p{n}") forbid(principal, action == Action::"call_model", resource)
when {{ context.data_class == "personal" && context.environment == "e{n}" && resource.region == "r{n}" }};"""
ROUNDS, CALLS = 15, 2_000


def target(name: str) -> Target:
    provider = Provider(name=f"p-{name}", kind="openai", dialect="openai_chat", base_url="https://api.example.com/v1")
    return Target(Model(name=name, provider=provider.name, upstream=name), provider)


def call() -> Call:
    made = Call(cast("Any", SimpleNamespace(body=b"{}", header=lambda name: None)), DIALECTS.get("openai_chat"), 1)
    made.principal = Principal(key_id="key_1", role="client")
    made.caller = Caller(trace_id="t", data_class="personal", tags=("a", "b"))
    return made


def governed() -> Governed:
    sets = [PolicySet(name=f"set{s}", text="\n".join(POLICY.format(n=10 * s + n) for n in range(10))) for s in range(2)]
    return Governed(Stated(providers={"p-one": DataTerms(region="eu")}, slug="default"), engine_of(sets))


def microseconds(step: Callable[[], object], times: int) -> float:
    took: list[float] = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(times):
            step()
        took.append((time.perf_counter() - began) / times * 1e6)
    return statistics.median(took)


def main() -> None:
    rules, one, targets = governed(), call(), [target("one"), target("two")]
    classify(one, rules)
    screen(one, rules, targets)
    what = what_is(targets[0], rules.stated)
    nothing: dict[str, Governed] = {}

    def bare() -> None:
        if nothing or one.caller.data_class == "x":
            raise AssertionError

    def afresh() -> None:
        assert rules.engine is not None
        assert one.principal is not None
        rules.engine.decide("call_model", rules.who(one.principal), what, rules.facts(one))

    steps: list[tuple[str, Callable[[], object], int]] = [
        ("no policies", bare, CALLS),
        ("class of a call", lambda: classify(one, rules), CALLS),
        ("remembered, one target", lambda: screen(one, rules, targets[:1]), CALLS),
        ("remembered, two targets", lambda: screen(one, rules, targets), CALLS),
        ("decided anew, 20 policies", afresh, 20),
    ]
    for name, step, times in steps:
        print(f"{name:<28}{microseconds(step, times):10.3f} us")


if __name__ == "__main__":
    main()
