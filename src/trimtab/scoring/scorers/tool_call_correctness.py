"""Whether the model called the tools it should have, with the right arguments, in the right order.

Expected calls are paired with those made so that the most is right. A pair is worth nothing unless the names agree;
half of it is the name, half the share of the arguments that are right (without ``partial``, all or nothing).
"""

from typing import Any, Final, Literal, cast

from msgspec import Struct

from trimtab.scoring.alike import best_pairs
from trimtab.scoring.json_schema import same
from trimtab.scoring.rule import Rule
from trimtab.scoring.texts import NoJson, read_json, shown
from trimtab.scoring.types import CannotScore, Sample, Scored, ToolCall, Verdict

MOST_CALLS: Final = 100


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``arguments``: must be equal; or must have what is expected and may have more; or do not matter. ``order``:
    whether it matters. ``extra``: calls besides the expected ones count as wrong, or not at all. ``partial``: credit
    for what is right in part."""

    arguments: Literal["equal", "subset", "ignored"] = "equal"
    order: bool = False
    extra: Literal["wrong", "ignored"] = "wrong"
    partial: bool = True


def _judge(sample: Sample, options: Options) -> Verdict:
    expected, made = sample.expected_tool_calls, sample.tool_calls
    if expected is None:
        return CannotScore(reason="tool_call_correctness needs the expected tool calls (an empty list expects none).")
    if sample.error:
        return CannotScore(reason=f"The call failed: {sample.error}")
    if max(len(expected), len(made)) > MOST_CALLS:
        return CannotScore(reason=f"tool_call_correctness compares at most {MOST_CALLS} calls.")
    worth = [[_worth(wanted, call, options) for call in made] for wanted in expected]
    pairs = _in_order(worth) if options.order else best_pairs(worth)
    pairs = [pair if pair >= 0 and worth[row][pair] > 0 else -1 for row, pair in enumerate(pairs)]
    extra = [call.name for number, call in enumerate(made) if number not in pairs]
    counted = len(expected) + (len(extra) if options.extra == "wrong" else 0)
    right = sum(worth[row][pair] for row, pair in enumerate(pairs) if pair >= 0)
    value = min(1.0, right / counted) if counted else 1.0
    wrong = _wrong(expected, made, pairs, worth)
    told = wrong + ([f"{name} was not expected" for name in extra] if options.extra == "wrong" else [])
    return Scored(
        value=value if options.partial else float(not told),
        explanation="; ".join(told[:4]),
        detail={"wrong": wrong, "extra": extra},
    )


def _worth(expected: ToolCall, made: ToolCall, options: Options) -> float:
    if expected.name != made.name:
        return 0.0
    if options.arguments == "ignored":
        return 1.0
    share = _arguments(_read(expected.arguments), _read(made.arguments), more=options.arguments == "subset")
    return 0.5 + 0.5 * share if options.partial else float(share == 1)


def _arguments(expected: Any, made: Any, *, more: bool) -> float:
    if not isinstance(expected, dict) or not isinstance(made, dict):
        return float(same(expected, made))
    wanted, given = cast("dict[str, Any]", expected), cast("dict[str, Any]", made)
    right = sum(name in given and same(value, given[name]) for name, value in wanted.items())
    total = len(wanted) if more else len(wanted.keys() | given.keys())
    return right / total if total else 1.0


def _read(arguments: Any) -> Any:
    """Arguments as JSON; providers give them as text. Nothing is an object without members."""
    if isinstance(arguments, str):
        try:
            return read_json(arguments) if arguments.strip() else {}
        except NoJson:
            return arguments
    return {} if arguments is None else arguments


def _in_order(worth: list[list[float]]) -> list[int]:
    """The pairs that are worth most where none may cross another."""
    rows, columns = len(worth), len(worth[0]) if worth else 0
    best = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    for row in reversed(range(rows)):
        for column in reversed(range(columns)):
            paired = best[row + 1][column + 1] + worth[row][column]
            best[row][column] = max(paired, best[row + 1][column], best[row][column + 1])
    pairs, row, column = [-1] * rows, 0, 0
    while row < rows and column < columns:
        if worth[row][column] and best[row][column] == best[row + 1][column + 1] + worth[row][column]:
            pairs[row] = column
            row, column = row + 1, column + 1
        elif best[row][column] == best[row + 1][column]:
            row += 1
        else:
            column += 1
    return pairs


def _wrong(
    expected: tuple[ToolCall, ...], made: tuple[ToolCall, ...], pairs: list[int], worth: list[list[float]]
) -> list[str]:
    told: list[str] = []
    for row, pair in enumerate(pairs):
        if pair < 0:
            told.append(f"{expected[row].name} was not called as expected")
        elif worth[row][pair] < 1:
            wanted, given = shown(_read(expected[row].arguments)), shown(_read(made[pair].arguments))
            told.append(f"{expected[row].name} was called with {given} instead of {wanted}")
    return told


PLUG = Rule(
    name="tool_call_correctness",
    version="1",
    about="The expected tools were called with the expected arguments.",
    needs=(),
    options=Options,
    judge=_judge,
)
