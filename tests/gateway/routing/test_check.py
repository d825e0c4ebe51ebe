"""What can be wrong with a route: each mistake is told with its path and a way out."""

from typing import Any

import msgspec
import pytest
from kit import known, tree_of

from trimtab.gateway.routing.check import MAX_DEPTH, MAX_TARGETS, mistakes
from trimtab.gateway.routing.types import Affinity, Node, Route

SPOT: dict[str, Any] = {"name": "a", "examples": ["where is it"], "use": "fast"}


def told(tree: Any, **others: Any) -> list[tuple[str, str]]:
    routes = {name: Route(name=name, tree=tree_of(value)) for name, value in others.items()}
    route = Route(name="smart", tree=tree_of(tree))
    return [(each.path, each.what) for each in mistakes(route, msgspec.structs.replace(known(), routes=routes))]


MISTAKES: list[tuple[Any, str, str]] = [
    ("fasst", "tree", "There is no model or route 'fasst'"),
    ({"node": "target", "model": "gone/gpt"}, "tree.model", "There is no model or route 'gone/gpt'"),
    ({"node": "fallback", "of": []}, "tree.of", "The node is empty."),
    ({"node": "fallback", "of": ["fast", "fast"]}, "tree.of[1]", "stands twice"),
    ({"node": "weights", "of": []}, "tree.of", "The node is empty."),
    ({"node": "weights", "of": [{"weight": 0, "use": "fast"}]}, "tree.of", "The weights sum to 0."),
    ({"node": "weights", "of": [{"weight": -1, "use": "fast"}]}, "tree.of[0].weight", "0 or above"),
    ({"node": "cheapest", "of": ["fast"], "output_tokens": 0}, "tree.output_tokens", "from 1 to 1000000"),
    ({"node": "when", "of": [], "otherwise": "fast"}, "tree.of", "The node is empty."),
    (
        {"node": "when", "of": [{"if": {}, "use": "fast"}], "otherwise": "slow"},
        "tree.of[0].if",
        "what follows is never reached",
    ),
    (
        {"node": "when", "of": [{"if": {"tags": ["a"]}, "use": "fast"}] * 2, "otherwise": "slow"},
        "tree.of[1].if",
        "An earlier branch has the same conditions",
    ),
    (
        {"node": "when", "of": [{"if": {"longer_than": 9, "shorter_than": 9}, "use": "fast"}], "otherwise": "slow"},
        "tree.of[0].if",
        "Nothing is longer than 9 and shorter than 9",
    ),
    (
        {"node": "when", "of": [{"if": {"headers": {"X-A": ["1"]}}, "use": "fast"}], "otherwise": "slow"},
        "tree.of[0].if.headers",
        "not a lower-case header name",
    ),
    (
        {"node": "semantic", "of": [{**SPOT, "examples": []}], "otherwise": "fast"},
        "tree.of[0].examples",
        "1 to 100",
    ),
    ({"node": "semantic", "of": [SPOT, SPOT], "otherwise": "fast"}, "tree.of[1].name", "stands twice"),
    ({"node": "semantic", "of": [SPOT], "otherwise": "fast", "threshold": 2}, "tree.threshold", "from 0 to 1"),
    ({"node": "escalate", "cheap": "fast", "strong": "big", "difficulty": 7}, "tree.difficulty", "from 0 to 1"),
    ({"node": "escalate", "cheap": "fast", "strong": "big", "most_up": 0}, "tree.most_up", "above 0 and below 1"),
    ({"node": "escalate", "cheap": "fast", "strong": "big", "most_up": 20}, "tree.most_up", "above 0 and below 1"),
    (
        {"node": "escalate", "cheap": "fast", "strong": "big", "difficulty": None, "most_up": 0.2},
        "tree.most_up",
        "No judge is asked",
    ),
    (
        {"node": "escalate", "cheap": "fast", "strong": "big", "difficulty": None, "doubts": []},
        "tree",
        "would ever send anything up",
    ),
    (
        {"node": "escalate", "cheap": "fast", "strong": {"node": "escalate", "cheap": "own", "strong": "big"}},
        "tree.strong",
        "stands below another escalate",
    ),
    ({"node": "local_only", "use": "fast"}, "tree.use", "not on a machine of your own"),
    ({"node": "local_only", "use": "fast", "trust": ["labb"]}, "tree.trust[0]", "There is no provider 'labb'"),
]


@pytest.mark.parametrize(("tree", "path", "what"), MISTAKES)
def test_each_mistake_is_told_with_the_path_of_its_node(tree: Any, path: str, what: str) -> None:
    found = told(tree)
    assert any(at == path and what in said for at, said in found), found


def test_every_mistake_is_told_at_once_and_each_has_a_way_out() -> None:
    tree = tree_of({"node": "fallback", "of": ["nope", {"node": "fallback", "of": []}, "neither"]})
    found = mistakes(Route(name="smart", tree=tree), known())
    assert [each.path for each in found] == ["tree.of[0]", "tree.of[1].of", "tree.of[2]"]
    assert all(each.fix for each in found)


def test_routes_that_lead_back_to_themselves_are_refused_however_long_the_way() -> None:
    assert told("smart") == [("tree", "The routes go round in a circle: smart -> smart.")]
    found = told({"node": "fallback", "of": ["fast", "one"]}, one="two", two={"node": "fallback", "of": ["smart"]})
    assert len(found) == 1
    assert found[0][0] == "tree.of[1]"
    assert "smart -> one -> two -> smart" in found[0][1]


def test_a_trusted_provider_and_a_loopback_address_are_ones_own() -> None:
    assert told({"node": "local_only", "use": {"node": "fallback", "of": ["own", "home/llama"]}}) == []
    assert told({"node": "local_only", "use": "fast", "trust": ["lab"]}) == []
    assert told({"node": "local_only", "use": "inner"}, inner="fast")[0][1].startswith("In the route 'inner', tree:")


def test_a_tree_has_bounds() -> None:
    deep: Node = "fast"
    for _ in range(MAX_DEPTH + 3):
        deep = tree_of({"node": "fallback", "of": [msgspec.to_builtins(deep), "slow"]})
    assert any("deeper" in each.what for each in mistakes(Route(name="smart", tree=deep), known()))
    many = {"node": "fallback", "of": [f"lab/m{number}" for number in range(MAX_TARGETS + 5)]}
    assert [what for _, what in told(many)] == [f"The tree has more than {MAX_TARGETS} targets."]


def test_affinity_has_bounds() -> None:
    route = Route(name="smart", tree="fast", affinity=Affinity(minutes=0, prompt_bytes=-1))
    assert [each.path for each in mistakes(route, known())] == ["affinity.minutes", "affinity.prompt_bytes"]


def test_what_needs_the_embedder_is_refused_where_there_is_none() -> None:
    without = msgspec.structs.replace(known(), can_embed=False)
    trees: tuple[Any, ...] = (
        {"node": "semantic", "of": [SPOT], "otherwise": "fast"},
        {"node": "escalate", "cheap": "fast", "strong": "big"},
    )
    for tree in trees:
        [found] = mistakes(Route(name="smart", tree=tree_of(tree)), without)
        assert "embedder" in found.what
    unjudged = tree_of({"node": "escalate", "cheap": "fast", "strong": "big", "difficulty": None})
    assert mistakes(Route(name="smart", tree=unjudged), without) == []
