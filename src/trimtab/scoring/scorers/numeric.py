"""Whether the number in an answer is the expected one, within a tolerance, wherever in its prose it stands."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from trimtab.scoring.numbers import DecimalMark, Number, numbers
from trimtab.scoring.rule import Rule
from trimtab.scoring.types import CannotScore, Sample, Scored, Verdict


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Right is what differs by at most ``absolute``, or by at most ``relative`` times the expected number. ``find``:
    which number of the answer counts. ``decimal``: the mark before decimals. ``sizes``: "3 million" is 3000000.
    ``spaces``: "1 234" is one number. ``percent_is_share``: 12 % equals 0.12 as well as 12."""

    absolute: Annotated[float, Meta(ge=0)] = 0.0
    relative: Annotated[float, Meta(ge=0)] = 0.0
    find: Literal["last", "first", "any", "only"] = "last"
    decimal: DecimalMark = "."
    sizes: bool = True
    spaces: bool = False
    percent_is_share: bool = False


def _judge(sample: Sample, options: Options) -> Verdict:
    expected = _expected(sample.expected, options)
    if expected is None:
        return CannotScore(reason="numeric compares numbers: the case expects none, or more than one.")
    found = numbers(sample.output or "", options.decimal, sizes=options.sizes, spaces=options.spaces)
    if not found:
        return Scored(value=0.0, explanation="The answer has no number.")
    if options.find == "only" and len(found) > 1:
        return Scored(value=0.0, explanation=f"The answer has {len(found)} numbers, and one was asked for.")
    counted = {"last": found[-1:], "first": found[:1]}.get(options.find, found)
    right = next((each for each in counted if _right(each, expected, options)), None)
    shown = right or counted[-1]
    return Scored(
        value=float(right is not None),
        explanation=f"{shown.text} {'is' if right else 'is not'} the expected {_plain(expected.value)}.",
        detail={"expected": _plain(expected.value), "found": [_plain(each.value) for each in found[:20]]},
    )


def _expected(expected: Any, options: Options) -> Number | None:
    if isinstance(expected, bool) or expected is None:
        return None
    if isinstance(expected, int | float):
        value = Decimal(repr(expected))
        return Number(value, repr(expected)) if value.is_finite() else None
    if not isinstance(expected, str):
        return None
    found = numbers(expected, options.decimal, sizes=options.sizes, spaces=options.spaces)
    return found[0] if len(found) == 1 else None


def _right(found: Number, expected: Number, options: Options) -> bool:
    values = [found.value]
    if options.percent_is_share and found.percent != expected.percent:
        values.append(found.value.scaleb(-2 if found.percent else 2))
    room = max(Decimal(repr(options.absolute)), Decimal(repr(options.relative)) * abs(expected.value))
    return any(abs(value - expected.value) <= room for value in values)


def _plain(value: Decimal) -> str:
    return f"{value:f}" if abs(value.adjusted()) < 30 else str(value)


PLUG = Rule(
    name="numeric",
    version="1",
    about="The number in the answer is the expected one, within a tolerance.",
    needs=("output", "expected"),
    options=Options,
    judge=_judge,
)
