"""Whether an agent took the steps it should have: those expected, in their order, without detours and loops."""

from collections import Counter
from typing import Annotated, Any, Final, Literal, cast

import msgspec
from msgspec import Meta, Struct

from trimtab.scoring.rule import Rule
from trimtab.scoring.types import CannotScore, Sample, Scored, Step, Verdict

MOST_STEPS: Final = 2_000


class Expected(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A step that must be there: of that kind, by that name, or both."""

    name: str = ""
    kind: str = ""


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``steps`` are those expected: names, or names with kinds; left out, the case's expected list is. ``order``:
    ``exact`` (these and no others, in this order), ``in_order`` (others may stand between) or ``any``. ``kinds``: only
    steps of these kinds are looked at. ``extra``: steps besides the expected ones count as wrong. ``repeats``: how
    often the same step with the same input may be taken; more is a loop, and each repetition counts as wrong."""

    steps: tuple[str | Expected, ...] = ()
    order: Literal["exact", "in_order", "any"] = "in_order"
    kinds: tuple[str, ...] = ("tool", "agent", "retriever")
    extra: Literal["wrong", "ignored"] = "ignored"
    repeats: Annotated[int, Meta(ge=1)] = 2


def _judge(sample: Sample, options: Options) -> Verdict:
    if len(sample.steps) > MOST_STEPS:
        return CannotScore(reason=f"trajectory reads at most {MOST_STEPS:,} steps.")
    expected = _expected(sample, options)
    if expected is None:
        return CannotScore(reason="The case expects no list of steps, and the options name none.")
    taken = [step for step in sample.steps if not options.kinds or step.kind in options.kinds]
    matched = _matched(expected, taken, options.order)
    loops = _loops(taken, options.repeats)
    others = len(taken) - len(matched)
    extra = others if options.order == "exact" or options.extra == "wrong" else 0
    wrong = max(extra, sum(loops.values()))
    counted = len(expected) + wrong
    missing = len(expected) - len(matched)
    parts = [f"{missing} of {len(expected)} expected steps are missing or out of order"] if missing else []
    parts += [f"{extra} steps were not expected"] if extra else []
    parts += [f"{name} was repeated {count} times with the same input" for name, count in list(loops.items())[:3]]
    return Scored(
        value=len(matched) / counted if counted else 1.0,
        explanation=f"{'; '.join(parts)}." if parts else "",
        detail={"taken": [step.name or step.kind for step in taken[:100]], "missing": missing, "loops": loops},
    )


def _expected(sample: Sample, options: Options) -> list[Expected] | None:
    """None where nothing says what is expected."""
    given: Any = list(options.steps)
    if not given and isinstance(sample.expected, list):
        given = cast("list[Any]", sample.expected)
    try:
        read = msgspec.convert(given, list[str | Expected]) if given else None
    except msgspec.ValidationError:
        return None
    return None if read is None else [Expected(name=each) if isinstance(each, str) else each for each in read]


def _matched(expected: list[Expected], taken: list[Step], order: str) -> set[int]:
    """The places of the steps that are expected ones."""
    if order == "any":
        free = list(range(len(taken)))
        found: set[int] = set()
        for each in expected:
            place = next((number for number in free if _is(each, taken[number])), None)
            if place is not None:
                free.remove(place)
                found.add(place)
        return found
    return _subsequence(expected, taken)


def _subsequence(expected: list[Expected], taken: list[Step]) -> set[int]:
    """The longest run of expected steps that were taken in their order (a longest common subsequence)."""
    rows, columns = min(len(expected), 500), len(taken)
    best = [[0] * (columns + 1) for _ in range(rows + 1)]
    for row in reversed(range(rows)):
        here, below = best[row], best[row + 1]
        for column in reversed(range(columns)):
            if _is(expected[row], taken[column]):
                here[column] = below[column + 1] + 1
            else:
                here[column] = max(below[column], here[column + 1])
    found: set[int] = set()
    row = column = 0
    while row < rows and column < columns:
        if _is(expected[row], taken[column]):
            found.add(column)
            row, column = row + 1, column + 1
        elif best[row + 1][column] >= best[row][column + 1]:
            row += 1
        else:
            column += 1
    return found


def _is(expected: Expected, step: Step) -> bool:
    return expected.name in ("", step.name) and expected.kind in ("", step.kind)


def _loops(taken: list[Step], repeats: int) -> dict[str, int]:
    """Steps that were taken more often than they may be, with how often too often."""
    counts = Counter((step.kind, step.name, step.input) for step in taken)
    found: dict[str, int] = {}
    for (kind, name, _), count in counts.items():
        if count > repeats:
            found[name or kind] = found.get(name or kind, 0) + count - repeats
    return found


PLUG = Rule(
    name="trajectory",
    version="1",
    about="An agent took the expected steps in their order, without detours and loops.",
    needs=("steps",),
    options=Options,
    judge=_judge,
)
