"""Routes in the config file: read whole, every mistake with its line."""

from typing import Any

import pytest

from trimtab.gateway.routing.types import Affinity, Fallback, Share, Weights, When
from trimtab.server.config.file import ConfigRefused, parse
from trimtab.server.config.routes import line_of

HEAD = """\
providers:
  lab: {base_url: "http://127.0.0.1:9/v1"}
  far: {base_url: "https://far.example.com/v1"}
models:
  fast: {provider: lab}
  slow: {provider: far}
routes:
"""


def routes(text: str) -> dict[str, Any]:
    return parse(HEAD + text, "t.yaml", {}).routes


def told(text: str) -> list[tuple[int, str]]:
    with pytest.raises(ConfigRefused) as refused:
        routes(text)
    return [(mistake.line, mistake.what) for mistake in refused.value.mistakes]


def test_a_tree_of_any_depth_is_read() -> None:
    found = routes(
        """\
  smart:
    about: the usual
    affinity: {session: true, minutes: 5}
    tree:
      node: when
      of:
        - if: {longer_than: 4000, not: {tags: [short]}}
          use: {node: fallback, of: [slow, inner]}
      otherwise:
        node: weights
        of:
          - {weight: 0.9, use: fast}
          - {weight: 1, use: lab/other}
  inner: {tree: fast}
"""
    )
    smart = found["smart"]
    assert (smart.about, smart.affinity) == ("the usual", Affinity(session=True, minutes=5))
    assert isinstance(smart.tree, When)
    assert smart.tree.of[0].use == Fallback(of=("slow", "inner"))
    assert smart.tree.otherwise == Weights(of=(Share(weight=0.9, use="fast"), Share(weight=1, use="lab/other")))
    assert found["inner"].tree == "fast"


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("  smart: {tree: fasst}\n", 8, "There is no model or route 'fasst'"),
        ("  smart:\n    tree:\n      node: fallbak\n      of: [fast]\n", 10, "Invalid value 'fallbak'"),
        ("  smart:\n    tree: {node: fallback}\n", 9, "missing required field `of`"),
        ("  smart:\n    tre: fast\n", 9, "unknown field `tre`"),
        (
            "  smart:\n    tree:\n      node: weights\n      of:\n        - {weight: much, use: fast}\n",
            12,
            "Expected `float`",
        ),
        ("  smart:\n    tree: fast\n    tree: slow\n", 10, "'tree' stands twice"),
        ("  smart:\n", 8, "Expected `object`"),
        ("  fast: {tree: slow}\n", 8, "There is already a model 'fast'"),
        ("  Not A Name: {tree: fast}\n", 8, "cannot be a model's name"),
        ("  smart:\n    tree:\n      node: local_only\n      use: slow\n", 11, "not on a machine of your own"),
        ("  smart: {tree: fast, affinity: {minutes: 0}}\n", 8, "above 0"),
        ("  a: {tree: b}\n  b: {tree: a}\n", 8, "circle: a -> b -> a"),
        ("  smart:\n    tree: &x {node: fallback, of: [*x]}\n", 9, "too deep"),
        ("  smart:\n    tree: 2026-01-01\n", 9, "no model or route '2026-01-01'"),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, line: int, what: str) -> None:
    found = told(text)
    assert any(at == line and what in said for at, said in found), found


def test_mistakes_of_many_routes_are_told_at_once() -> None:
    found = told("  one: {tree: nope}\n  two:\n    tree:\n      node: fallback\n      of: [fast, neither, fast]\n")
    assert [line for line, _ in found] == [8, 12, 12]


def test_a_path_that_is_not_in_the_file_has_the_line_of_what_is_above_it() -> None:
    lines = {"": 1, "tree": 2, "tree.of": 3, "tree.of[0]": 4}
    assert [line_of(path, lines) for path in ("tree.of[0].use", "tree.of[7]", "tree.otherwise", "x")] == [4, 3, 2, 1]


def test_cache_and_context_stand_beside_a_tree_as_they_stand_below_a_model() -> None:
    found = parse(
        HEAD + "  smart:\n    cache: {mode: semantic, ttl: 60}\n    tree: fast\n    context: {max_tokens: 500}\n"
        "  plain: {tree: slow}\n",
        "t.yaml",
        {},
    )
    assert set(found.policies) == {"smart"}
    cache, context = found.policies["smart"].cache, found.policies["smart"].context
    assert cache is not None
    assert context is not None
    assert (cache.mode, cache.ttl_s, context.max_tokens) == ("semantic", 60, 500)
    assert (found.routes["smart"].tree, found.routes["plain"].tree) == ("fast", "slow")


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (
            "  smart:\n    tree: fast\n    context: {max_tokens: 500, keep_turn: 2}\n",
            10,
            "Unknown key 'keep_turn' in 'context' of",
        ),
        ("  smart:\n    tree: fast\n    cache: {mode: near}\n", 10, "There is no mode 'near' of a cache."),
        ("  smart:\n    context: {max_tokens: 500}\n", 9, "missing required field `tree`"),
        (
            "  smart:\n    tree: fast\n    cache: {}\npolicies:\n  smart: {cache: {}}\n",
            12,
            "'smart' has a policy where it is declared and in 'policies'.",
        ),
    ],
)
def test_a_mistake_beside_a_tree_is_told_with_its_line(text: str, line: int, what: str) -> None:
    (mistake,) = told(text)
    assert mistake[0] == line
    assert what in mistake[1]
