"""A route made whole: nested routes inlined, a model's own fallbacks explicit, every leaf pinned."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit import MODELS, PROJECT, PROVIDERS, asked, expect, names

from trimtab.core.errors import InvalidRequest
from trimtab.gateway.routing.affinity import Pins
from trimtab.gateway.routing.compile import compile_route
from trimtab.gateway.routing.expand import Expanded, expand, node_of, plain_tree
from trimtab.gateway.routing.fittings import Fittings
from trimtab.gateway.routing.types import Affinity, Route
from trimtab.gateway.staying_up.live import Live
from trimtab.gateway.targets import Model, ProjectTargets
from trimtab.server.config.routes import known_of

FALLING = {
    **MODELS,
    "first": Model(name="first", provider="lab", upstream="up-1", fallback=("second", "home/raw")),
    "second": Model(name="second", provider="spare", upstream="up-2", fallback=("first",)),
}
TARGETS = ProjectTargets(providers=PROVIDERS, models=FALLING)


def route(name: str, tree: Any, affinity: Affinity | None = None) -> Route:
    return Route(name=name, tree=node_of(tree), affinity=affinity or Affinity())


def whole(tree: Any, *routes: Route) -> Expanded:
    named = {each.name: each for each in routes}
    return expand("desk", node_of(tree), TARGETS, named, known_of(FALLING, PROVIDERS))


def test_a_model_called_by_its_name_brings_its_own_fallbacks_each_once() -> None:
    found = whole("first")
    assert plain_tree(found.tree) == {"node": "fallback", "of": ["first", "second", "home/raw"]}
    assert found.models == {
        "first": ("lab", "up-1"), "second": ("spare", "up-2"), "home/raw": ("home", "raw"),
    }  # fmt: skip
    assert plain_tree(whole("fast").tree) == "fast"
    assert whole("lab/vendor/x").models == {"lab/vendor/x": ("lab", "vendor/x")}


def test_in_a_tree_a_models_own_fallbacks_do_not_count_as_in_every_route() -> None:
    found = whole({"node": "weights", "of": [{"weight": 1, "use": "first"}, {"weight": 2.5, "use": "fast"}]})
    assert found.models == {"first": ("lab", "up-1"), "fast": ("lab", "up-fast")}


def test_nested_routes_stand_where_they_were_named_and_the_named_ones_affinity_is_kept() -> None:
    inner = route(
        "inner", {"node": "fastest", "of": ["slow", {"node": "target", "model": "big"}]}, Affinity(prompt=True)
    )
    outer = route("outer", {"node": "fallback", "of": ["fast", "inner"]}, Affinity(session=True))
    found = whole("outer", inner, outer)
    assert plain_tree(found.tree) == {
        "node": "fallback", "of": ["fast", {"node": "fastest", "of": ["slow", "big"]}],
    }  # fmt: skip
    assert found.affinity == Affinity(session=True)
    assert set(found.models) == {"fast", "slow", "big"}
    assert whole({"node": "fallback", "of": ["outer", "own"]}, inner, outer).affinity is None


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        ("nobody", "no model or route 'nobody'"),
        ("nowhere/x", "no model or route 'nowhere/x'"),
        ({"node": "fallback", "of": ["fast", "slwo"]}, "of[1]: There is no model or route 'slwo'"),
        ({"node": "fallback", "of": ["circle"]}, "circle"),
        ({"node": "fallback", "of": []}, "The node is empty"),
    ],
)
def test_what_is_missing_is_told_with_its_place(tree: Any, words: str) -> None:
    with pytest.raises(InvalidRequest, match="The route of the app 'desk' cannot be used") as refused:
        whole(tree, route("circle", "back"), route("back", "circle"))
    assert words in refused.value.message


@pytest.mark.parametrize(
    "tree", [{"node": "nobody"}, {"node": "fallback"}, {"of": []}, {"node": "fallback", "of": [3]}]
)
def test_what_is_no_tree_is_refused_with_its_place(tree: Any) -> None:
    with pytest.raises(InvalidRequest, match="no tree of nodes"):
        node_of(tree)


def test_every_kind_of_node_is_expanded() -> None:
    kinds: list[Any] = [
        {"node": "least_busy", "of": ["fast", "R"]},
        {"node": "cheapest", "of": ["fast", "R"], "output_tokens": 7},
        {"node": "weights", "of": [{"weight": 1, "use": "R"}], "sticky": "user"},
        {"node": "when", "of": [{"if": {"tags": ["x"]}, "use": "R"}], "otherwise": "R"},
        {"node": "semantic", "of": [{"name": "t", "examples": ["a"], "use": "R"}], "otherwise": "R"},
        {"node": "escalate", "cheap": "R", "strong": "fast", "difficulty": None},
        {"node": "local_only", "use": "home/x", "trust": ["lab"]},
    ]
    for tree in kinds:
        found = msgspec.json.encode(plain_tree(whole(tree, route("R", "slow")).tree)).decode()
        assert '"R"' not in found
        assert found == msgspec.json.encode(plain_tree(node_of(tree))).decode().replace('"R"', '"slow"')


leaves = st.sampled_from(["fast", "slow", "big", "own", "lab/x", "r1", "r2"])
trees: st.SearchStrategy[Any] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3, unique_by=repr).map(lambda of: {"node": "fallback", "of": of}),
        st.lists(inner, min_size=1, max_size=3, unique_by=repr).map(lambda of: {"node": "cheapest", "of": of}),
        st.tuples(inner, inner).map(
            lambda two: {"node": "when", "of": [{"if": {"longer_than": 70}, "use": two[0]}], "otherwise": two[1]}
        ),
    ),
    max_leaves=5,
)


@given(trees, st.sampled_from(["hi", "x" * 100]))
def test_an_expanded_route_decides_as_the_route_did(tree: Any, said: str) -> None:
    routes = {each.name: each for each in (route("r1", {"node": "fallback", "of": ["big", "r2"]}), route("r2", "own"))}
    fittings = Fittings(live=Live(), expect=expect, pins=Pins())
    before = compile_route(Route(name="desk", tree=node_of(tree)), PROJECT, TARGETS, routes, fittings)
    found = whole(tree, *routes.values())
    if isinstance(tree, str) and tree in FALLING:
        assert set(found.models) == {tree}
    after = compile_route(Route(name="desk", tree=found.tree), PROJECT, TARGETS, {}, fittings)
    assert names(after.plan(asked(said))) == names(before.plan(asked(said)))
    assert set(found.models) == {leaf.name for leaf in before.leaves}
