"""What changed, who wrote it: lines, fields, blame."""

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import CONTENTS

from trimtab.prompts.blame import blame
from trimtab.prompts.canonical import content_hash, normal
from trimtab.prompts.diff import diff
from trimtab.prompts.lines import compare, pairs
from trimtab.prompts.types import Content, Message, Variable

WORDS = st.lists(st.sampled_from("abcd"), max_size=14)


def longest(a: list[str], b: list[str]) -> int:
    """The length of the longest common subsequence, by the book."""
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            table[i + 1][j + 1] = table[i][j] + 1 if x == y else max(table[i][j + 1], table[i + 1][j])
    return table[-1][-1]


@settings(max_examples=150, deadline=None)
@given(WORDS, WORDS)
def test_as_many_lines_as_can_be_are_the_same_and_both_texts_can_be_read_off(a: list[str], b: list[str]) -> None:
    found = pairs(a, b)
    assert all(a[i] == b[j] for i, j in found)
    assert found == sorted(found)
    assert len({i for i, _ in found}) == len({j for _, j in found}) == len(found) == longest(a, b)
    lines = compare(a, b)
    assert [line.text for line in lines if line.mark != "added"] == a
    assert [line.text for line in lines if line.mark != "removed"] == b


def test_two_long_texts_with_nothing_in_common_are_one_replaced_by_the_other() -> None:
    a, b = [f"a{n}" for n in range(20_000)], [f"b{n}" for n in range(20_000)]
    assert pairs(["x", *a, "y"], ["x", *b, "y"]) == [(0, 0), (20_001, 20_001)]


@settings(max_examples=40, deadline=None)
@given(CONTENTS, CONTENTS)
def test_a_diff_is_empty_exactly_where_the_hashes_are_equal(one: Content, other: Content) -> None:
    a, b = normal(one), normal(other)
    assert diff(a, a).empty
    assert diff(a, b).empty == (content_hash(a) == content_hash(b))


def content(*texts: str, **more: Any) -> Content:
    return normal(Content(messages=tuple(Message(role="system", text=text) for text in texts), **more))


def test_a_diff_says_what_a_product_owner_understands() -> None:
    before = content(
        "a\nb", variables={"x": Variable(), "gone": Variable()}, parameters={"temperature": 0.2}, policy={"limit": 50},
        tools=({"function": {"name": "refund"}},),
    )  # fmt: skip
    after = content(
        "a\nc", "new one", variables={"x": Variable(default="y"), "must": Variable()}, parameters={"temperature": 0.7},
        policy={"limit": 20}, tools=({"function": {"name": "refund", "strict": True}},),
        output_schema={"type": "object"}, description="d",
    )  # fmt: skip
    found = diff(before, after)
    words = [change.words for change in found.changes]
    assert words == [
        "the description changed",
        "variable 'gone' is gone",
        "variable 'must' is new and must be given",
        "variable 'x': 'default' is new: \"y\"",
        "parameter 'temperature' went from 0.2 to 0.7",
        'tool \'refund\' went from {"function":{"name":"refund"}} to {"function":{"name":"refund","strict":true}}',
        "the output schema is new",
        "policy rule 'limit' went from 50 to 20",
    ]
    assert [change.words for change in found.messages] == [
        "message 1 (system) changed: 1 line added, 1 removed",
        "message 2 (system) is new",
    ]
    assert [(line.mark, line.text) for line in found.messages[0].lines] == [
        ("same", "a"), ("removed", "b"), ("added", "c"),
    ]  # fmt: skip


def test_the_order_within_a_schema_is_a_difference() -> None:
    one = content("a", output_schema={"properties": {"a": {}, "b": {}}})
    assert not diff(one, content("a", output_schema={"properties": {"b": {}, "a": {}}})).empty


def test_blame_names_the_version_that_wrote_each_line() -> None:
    history = [
        (1, content("one\ntwo\nthree")),
        (2, content("zero\none\ntwo\nthree")),
        (3, content("zero\none\nTWO\nthree", "second")),
        (4, content("second", "zero\none\nTWO\nthree")),
    ]
    found = blame(history[:3])
    assert [(line.version, line.text) for line in found[0].lines] == [
        (2, "zero"), (1, "one"), (3, "TWO"), (1, "three"),
    ]  # fmt: skip
    assert [(each.version, [line.version for line in each.lines]) for each in found] == [(1, [2, 1, 3, 1]), (3, [3])]
    moved = blame(history)
    assert [line.text for each in moved for line in each.lines] == ["second", "zero", "one", "TWO", "three"]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_blame_attributes_every_line_to_a_version_that_had_it_where_the_one_before_had_not(seed: int) -> None:
    chance, fresh = random.Random(seed), 0
    lines = ["start"]
    wrote = {"start": 1}
    history = [(1, content("start"))]
    for version in range(2, 9):
        for _ in range(chance.randint(0, 3)):
            if len(lines) > 1 and chance.random() < 0.4:
                lines.pop(chance.randrange(len(lines)))
            else:
                fresh += 1
                lines.insert(chance.randint(0, len(lines)), f"line {fresh}")
                wrote[f"line {fresh}"] = version
        history.append((version, content("\n".join(lines))))
    (message,) = blame(history)
    assert [(line.text, line.version) for line in message.lines] == [(text, wrote[text]) for text in lines]
