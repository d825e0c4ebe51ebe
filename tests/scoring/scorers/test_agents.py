"""Scorers of tools, steps and ends."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from trimtab.scoring.types import Sample, Scored, Step, ToolCall

Ask = Callable[..., Scored]
Why = Callable[..., str]


def call(name: str, **arguments: Any) -> ToolCall:
    return ToolCall(name=name, arguments=arguments)


LOOK, SEND = call("look", city="Rome"), call("send", to="ada", copies=2)


@pytest.mark.parametrize(
    ("made", "options", "value"),
    [
        ((LOOK, SEND), {}, 1),
        ((SEND, LOOK), {}, 1),
        ((SEND, LOOK), {"order": True}, 1 / 3),
        ((SEND, LOOK), {"order": True, "extra": "ignored"}, 1 / 2),
        ((LOOK,), {}, 1 / 2),
        ((LOOK, SEND, call("more")), {}, 2 / 3),
        ((LOOK, SEND, call("more")), {"extra": "ignored"}, 1),
        ((LOOK, SEND, call("more")), {"partial": False}, 0),
        ((LOOK, call("send", to="ada", copies=3)), {}, 7 / 8),
        ((LOOK, call("send", to="ada", copies=3)), {"partial": False}, 0),
        ((LOOK, call("send", to="ada", copies=3)), {"arguments": "ignored", "partial": False}, 1),
        ((LOOK, call("send", to="ada", copies=2, by="mail")), {}, (1 + 0.5 + 1 / 3) / 2),
        ((LOOK, call("send", to="ada", copies=2, by="mail")), {"arguments": "subset"}, 1),
        ((LOOK, ToolCall(name="send", arguments='{"copies": 2.0, "to": "ada"}')), {}, 1),
        ((), {}, 0),
    ],
)
def test_calls_are_held_against_the_expected_ones(
    scored: Ask, made: tuple[ToolCall, ...], options: dict[str, Any], value: float
) -> None:
    sample = Sample(tool_calls=made, expected_tool_calls=(LOOK, SEND))
    assert scored("tool_call_correctness", sample, **options).value == pytest.approx(value)


def test_expecting_no_call_is_an_expectation_and_none_at_all_is_none(scored: Ask, unscored: Why) -> None:
    assert scored("tool_call_correctness", Sample(expected_tool_calls=())).value == 1
    assert scored("tool_call_correctness", Sample(expected_tool_calls=(), tool_calls=(LOOK,))).value == 0
    assert "needs the expected" in unscored("tool_call_correctness", Sample(tool_calls=(LOOK,)))
    assert "failed" in unscored("tool_call_correctness", Sample(expected_tool_calls=(), error="away"))


def steps(*names: str) -> tuple[Step, ...]:
    return tuple(Step(kind="tool", name=name.rstrip("!"), input=str(name.count("!"))) for name in names)


@pytest.mark.parametrize(
    ("taken", "options", "value"),
    [
        (("a", "b", "c"), {}, 1),
        (("a", "x", "b", "c"), {}, 1),
        (("a", "x", "b", "c"), {"extra": "wrong"}, 3 / 4),
        (("a", "x", "b", "c"), {"order": "exact"}, 3 / 4),
        (("c", "b", "a"), {}, 1 / 3),
        (("c", "b", "a"), {"order": "any"}, 1),
        (("a", "b"), {}, 2 / 3),
        (("a", "a", "a", "a", "b", "c"), {}, 3 / 5),
        (("a", "a!", "a!!", "b", "c"), {}, 1),
        (("a", "a", "a", "a", "b", "c"), {"repeats": 4}, 1),
    ],
)
def test_steps_are_held_against_the_expected_ones(
    scored: Ask, taken: tuple[str, ...], options: dict[str, Any], value: float
) -> None:
    sample = Sample(steps=steps(*taken), expected=["a", "b", {"name": "c", "kind": "tool"}])
    assert scored("trajectory", sample, **options).value == pytest.approx(value)


def test_only_steps_of_the_asked_kinds_count(scored: Ask, unscored: Why) -> None:
    mixed = (Step(kind="llm", name="a"), *steps("b"))
    assert scored("trajectory", Sample(steps=mixed), steps=["a", "b"]).value == 0.5
    assert scored("trajectory", Sample(steps=mixed), steps=["a", "b"], kinds=[]).value == 1
    assert "expects no list" in unscored("trajectory", Sample(steps=mixed, expected="a"))
    assert "needs steps" in unscored("trajectory", Sample(expected=["a"]))


WANTED = {
    "state": {"order": {"status": "cancelled", "refund": 10}},
    "called": ["refund"],
    "not_called": ["delete"],
    "said": ["cancelled"],
    "not_said": ["sorry"],
}
DONE = Sample(
    output="It is Cancelled.",
    expected=WANTED,
    tool_calls=(ToolCall(name="refund"),),
    metadata={"state": {"order": {"status": "cancelled", "refund": 10.0, "more": 1}}},
)


def test_the_end_is_what_tells_whether_the_task_was_done(scored: Ask, unscored: Why) -> None:
    assert scored("final_state", DONE).value == 1
    failed = replace(
        DONE, tool_calls=(ToolCall(name="refund", error="refused"), ToolCall(name="delete")), output="Sorry."
    )
    assert scored("final_state", failed).value == 0
    told = scored("final_state", failed, partial=True)
    assert told.value == pytest.approx(2 / 6)
    assert told.detail["broken"] == [
        "refund was called and failed", "delete was called", "'cancelled' was not said", "'sorry' was said",
    ]  # fmt: skip
    by_steps = replace(DONE, tool_calls=(), steps=(Step(kind="tool", name="refund"),))
    assert scored("final_state", by_steps).value == 1
    answer = Sample(output='{"order": {"status": "open"}}', expected={"state": {"order": {"status": "cancelled"}}})
    assert scored("final_state", answer).explanation == '/order/status is "open" and must be "cancelled"'
    assert "no state" in unscored("final_state", Sample(output="Done.", expected={"state": {"a": 1}}))
    assert "needs conditions" in unscored("final_state", Sample(output="Done.", expected="done"))
    assert "needs conditions" in unscored("final_state", Sample(output="Done.", expected={"stat": {}}))
