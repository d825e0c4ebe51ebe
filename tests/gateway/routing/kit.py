"""A small project to route in: four models at three providers, and calls made of keywords."""

import json
from collections.abc import Callable
from typing import Any

import msgspec

from trimtab.gateway.route import Target
from trimtab.gateway.routing.affinity import Pins
from trimtab.gateway.routing.ask import Ask
from trimtab.gateway.routing.check import Known, mistakes
from trimtab.gateway.routing.compile import Compiled, compile_route
from trimtab.gateway.routing.explain import Sample, ask_of
from trimtab.gateway.routing.fittings import Fittings
from trimtab.gateway.routing.plan import Plan
from trimtab.gateway.routing.types import Affinity, Node, Route
from trimtab.gateway.staying_up.live import Live
from trimtab.gateway.targets import Model, ProjectTargets, Provider
from trimtab.llm.types import Usage
from trimtab.server.config.routes import known_of

NOW = 1_760_000_000_000_000_000
SECOND = 1_000_000_000
PROJECT = "prj_1"
PROVIDERS = {
    name: Provider(name=name, kind="custom", dialect="openai_chat", base_url=url)
    for name, url in (
        ("lab", "https://lab.example.com/v1"),
        ("spare", "https://spare.example.com/v1"),
        ("home", "http://127.0.0.1:9000/v1"),
    )
}
MODELS = {
    name: Model(name=name, provider=provider, upstream=f"up-{name}")
    for name, provider in (("fast", "lab"), ("slow", "spare"), ("big", "lab"), ("own", "home"))
}
TARGETS = ProjectTargets(providers=PROVIDERS, models=MODELS)
PRICES = {"fast": 10, "slow": 40, "big": 90}
"""Picodollars per token, in and out alike; ``own`` has none."""


def expect(target: Target, usage: Usage, at_ns: int) -> int | None:
    price = PRICES.get(target.model.name)
    return None if price is None else price * usage.total()


def tree_of(value: Any) -> Node:
    """A tree as it is written: from plain lists and dictionaries."""
    return msgspec.convert(value, Node)


def made(tree: Any, *, live: Live | None = None, affinity: Affinity | None = None, **more: Any) -> Compiled:
    """A compiled route called ``smart``, sound by the checks."""
    route = Route(name="smart", tree=tree_of(tree), affinity=affinity or Affinity())
    others: dict[str, Route] = more.pop("routes", {})
    found = mistakes(route, msgspec.structs.replace(known(), routes=others))
    assert found == [], found
    fittings = Fittings(live=live or Live(), expect=expect, pins=Pins(), **more)
    return compile_route(route, PROJECT, TARGETS, others, fittings)


def known() -> Known:
    return msgspec.structs.replace(known_of(MODELS, PROVIDERS), can_embed=True)


def asked(
    said: Any = "hello", *, headers: dict[str, str] | None = None, draw: float | Callable[[], float] = 0.5, **body: Any
) -> Ask:
    """A call by an OpenAI client; a number instead of ``draw`` is drawn each time."""
    messages = [{"role": "user", "content": said}]
    at = int(body.pop("now_ns", NOW))
    sample = Sample(
        body=json.dumps({"model": "smart", "messages": messages, **body}).encode(),
        headers=headers or {},
        key_id="key_1",
    )
    return ask_of(sample, at, draw if callable(draw) else lambda: draw)


def names(plan: Plan) -> list[str]:
    return [target.model.name for target in plan.targets]


def whys(plan: Plan) -> list[tuple[str, str, str]]:
    return [(step.node, step.took, step.why) for step in plan.steps]
