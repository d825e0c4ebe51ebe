"""Whether the task was done, by what is there afterwards: the state of the world, tools called, things said.

The state is whatever the team's own environment says it is: ``metadata["state"]`` of the sample, or the JSON of the
answer. What is expected stands in the case (or in the options) as an object:

    {"state": {"order": {"status": "cancelled"}}, "called": ["refund"], "not_called": ["delete_account"],
     "said": ["refund"], "not_said": ["sorry"]}

Each leaf of the state and each entry of the lists is one condition.
"""

from collections.abc import Iterator
from typing import Any, cast

import msgspec
from msgspec import Struct

from trimtab.scoring.json_schema import same
from trimtab.scoring.rule import Rule
from trimtab.scoring.texts import NoJson, json_of, plain, shown
from trimtab.scoring.types import CannotScore, Sample, Scored, Verdict


class Conditions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What must be so in the end. ``called`` are tools whose call did not fail."""

    state: dict[str, Any] = {}
    called: tuple[str, ...] = ()
    not_called: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    not_said: tuple[str, ...] = ()


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``conditions``: left out, the case's expected object is. ``partial``: the share of the conditions that hold,
    instead of all or nothing."""

    conditions: Conditions | None = None
    partial: bool = False


def _judge(sample: Sample, options: Options) -> Verdict:
    conditions = options.conditions or _conditions(sample.expected)
    if conditions is None:
        return CannotScore(reason="final_state needs conditions: as the case's expected object, or in its options.")
    if sample.error and sample.output is None and not sample.steps:
        return CannotScore(reason=f"The call failed: {sample.error}")
    state = _state(sample)
    if conditions.state and state is None:
        return CannotScore(reason="There is no state: neither metadata.state nor an answer that is a JSON object.")
    checks = [
        *_of_state(conditions.state, state or {}, ""),
        *_of_tools(sample, conditions),
        *_of_words(sample, conditions),
    ]
    if not checks:
        return CannotScore(reason="The case has no condition that could hold or fail.")
    broken = [why for holds, why in checks if not holds]
    return Scored(
        value=1 - len(broken) / len(checks) if options.partial else float(not broken),
        explanation="; ".join(broken[:4]),
        detail={"conditions": len(checks), "broken": broken[:50]},
    )


def _conditions(expected: Any) -> Conditions | None:
    try:
        return msgspec.convert(expected, Conditions) if isinstance(expected, dict) else None
    except msgspec.ValidationError:
        return None


def _state(sample: Sample) -> dict[str, Any] | None:
    state = sample.metadata.get("state")
    if state is None and sample.output is not None:
        try:
            state = json_of(sample.output)
        except NoJson:
            return None
    return cast("dict[str, Any]", state) if isinstance(state, dict) else None


def _of_state(wanted: dict[str, Any], state: dict[str, Any], at: str) -> Iterator[tuple[bool, str]]:
    for name, value in wanted.items():
        place = f"{at}/{name}"
        if name not in state:
            yield False, f"{place} is missing"
        elif isinstance(value, dict) and value and isinstance(state[name], dict):
            yield from _of_state(cast("dict[str, Any]", value), cast("dict[str, Any]", state[name]), place)
        else:
            yield same(value, state[name]), f"{place} is {shown(state[name])} and must be {shown(value)}"


def _of_tools(sample: Sample, conditions: Conditions) -> Iterator[tuple[bool, str]]:
    called = {call.name for call in sample.tool_calls}
    called |= {step.name for step in sample.steps if step.kind == "tool"}
    failed = {call.name for call in sample.tool_calls if call.error}
    failed |= {step.name for step in sample.steps if step.kind == "tool" and step.error}
    well = {call.name for call in sample.tool_calls if not call.error}
    well |= {step.name for step in sample.steps if step.kind == "tool" and not step.error}
    for name in conditions.called:
        yield name in well, f"{name} was {'called and failed' if name in failed else 'not called'}"
    for name in conditions.not_called:
        yield name not in called, f"{name} was called"


def _of_words(sample: Sample, conditions: Conditions) -> Iterator[tuple[bool, str]]:
    answer = plain(sample.output or "", ignore_case=True)
    for text in conditions.said:
        yield plain(text, ignore_case=True) in answer, f"{text!r} was not said"
    for text in conditions.not_said:
        yield plain(text, ignore_case=True) not in answer, f"{text!r} was said"


PLUG = Rule(
    name="final_state",
    version="1",
    about="The task was done, by the state of the world afterwards, tools called and things said.",
    needs=(),
    options=Options,
    judge=_judge,
)
