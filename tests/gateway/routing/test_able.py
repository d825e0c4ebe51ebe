"""Capability cards in a route: who was not shown to do what a call asks for comes last, and the record says why."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from kit import MODELS, PROJECT, TARGETS, asked, expect, names, tree_of, whys

from trimtab.gateway.routing.able import CHECKS
from trimtab.gateway.routing.affinity import Pins
from trimtab.gateway.routing.compile import Compiled, compile_route
from trimtab.gateway.routing.fittings import Fittings
from trimtab.gateway.routing.types import Route
from trimtab.gateway.staying_up.live import Live

TOOLS: Any = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
ORDER = ["fast", "slow", "big"]


def carded(**cards: set[str]) -> Compiled:
    """A fallback over three models, some of which have a card."""
    models = {
        name: msgspec.structs.replace(model, capabilities=frozenset(cards[name])) if name in cards else model
        for name, model in MODELS.items()
    }
    targets = msgspec.structs.replace(TARGETS, models=models)
    route = Route(name="smart", tree=tree_of({"node": "fallback", "of": ORDER}))
    return compile_route(route, PROJECT, targets, {}, Fittings(live=Live(), expect=expect, pins=Pins()))


def test_a_target_that_was_not_shown_to_call_tools_comes_last_for_a_call_with_tools() -> None:
    route = carded(fast={"plain"}, big={"plain", "tools"})
    assert names(route.plan(asked())) == ORDER
    plan = route.plan(asked(tools=TOOLS))
    assert names(plan) == ["slow", "big", "fast"]
    assert whys(plan) == [
        ("cards", "slow", "the call asks for tools, which the capability card of fast does not show"),
    ]


def test_each_ability_is_looked_up_under_the_check_that_shows_it() -> None:
    picture = [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]
    format_ = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
    calls = {
        "tools": asked(tools=TOOLS),
        "images": asked(picture),
        "json_schema": asked(response_format=format_),
        "thinking": asked(reasoning_effort="low"),
    }
    check_of: dict[str, str] = {**CHECKS}
    assert calls.keys() == check_of.keys()
    for ability, ask in calls.items():
        assert names(carded(fast=set(CHECKS.values()) - {check_of[ability]}).plan(ask))[0] == "slow", ability
        assert names(carded(fast={check_of[ability]}).plan(ask)) == ORDER, ability


def test_nobody_is_moved_where_nobody_was_tried_or_nobody_can() -> None:
    assert names(carded().plan(asked(tools=TOOLS))) == ORDER
    none = carded(fast=set(), slow=set(), big=set()).plan(asked(tools=TOOLS))
    assert (names(none), none.steps) == (ORDER, [])


@given(st.dictionaries(st.sampled_from(ORDER), st.sets(st.sampled_from(sorted(CHECKS.values())))), st.booleans())
def test_no_target_is_ever_lost(cards: dict[str, set[str]], with_tools: bool) -> None:
    plan = carded(**cards).plan(asked(tools=TOOLS) if with_tools else asked())
    assert sorted(names(plan)) == sorted(ORDER)
    if not with_tools:
        assert names(plan) == ORDER
