"""How much of the expected JSON is in the answer, field by field."""

from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal, cast

from msgspec import Meta, Struct

from trimtab.scoring.alike import best_pairs
from trimtab.scoring.json_schema import same
from trimtab.scoring.linear import TooMuch
from trimtab.scoring.rule import Rule
from trimtab.scoring.texts import NoJson, json_of, plain, read_json, shown
from trimtab.scoring.types import CannotScore, Sample, Scored, Verdict

MOST_FIELDS: Final = 5_000
MOST_UNORDERED: Final = 50
"""Items of a list whose order does not matter."""
WORK: Final = 100_000
"""Values compared; lists within lists without an order are compared many times over."""


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``ignore`` are JSON Pointers of what is not compared, with all below it; ``*`` stands for any one part
    (``/items/*/id``). ``tolerance``: numbers may differ by that share of the expected one. ``extra``: what the answer
    has besides counts as wrong, or not at all. ``partial``: the share of fields that are right, instead of all or
    nothing."""

    ignore: tuple[str, ...] = ()
    tolerance: Annotated[float, Meta(ge=0)] = 0.0
    ignore_case: bool = False
    order: bool = True
    extra: Literal["wrong", "ignored"] = "wrong"
    partial: bool = True
    fence: bool = True


class _Compared(Struct):
    """Fields that are right, and those that are not."""

    right: int = 0
    wrong: list[str] = []

    def take(self, other: "_Compared") -> None:
        self.right += other.right
        self.wrong += other.wrong


def _judge(sample: Sample, options: Options) -> Verdict:
    expected = sample.expected
    if isinstance(expected, str):
        try:
            expected = read_json(expected)
        except NoJson:
            return CannotScore(reason="json_equal compares JSON: the case expects a text that is none.")
    try:
        answer = json_of(sample.output or "", within=options.fence)
    except NoJson as why:
        return Scored(value=0.0, explanation=f"The answer is no JSON: {why}.")
    if max(_size(expected), _size(answer)) > MOST_FIELDS:
        return CannotScore(reason=f"json_equal compares at most {MOST_FIELDS:,} fields.")
    try:
        found = _Compare(options).of(answer, expected, ())
    except TooMuch:
        return CannotScore(reason="Comparing these lists in any order takes too long.")
    total = found.right + len(found.wrong)
    share = found.right / total if total else 1.0
    return Scored(
        value=share if options.partial else float(not found.wrong),
        explanation="; ".join(list(dict.fromkeys(found.wrong))[:3]),
        detail={"right": found.right, "wrong": found.wrong[:50]},
    )


class _Compare:
    def __init__(self, options: Options) -> None:
        self._options = options
        self._work = WORK
        self._ignored = [tuple(pointer.strip("/").split("/")) for pointer in options.ignore]

    def of(self, answer: Any, expected: Any, at: tuple[str, ...]) -> _Compared:
        self._work -= 1
        if self._work < 0:
            raise TooMuch
        if any(_under(at, pattern) for pattern in self._ignored):
            return _Compared()
        if isinstance(expected, dict) and isinstance(answer, dict):
            return self._objects(cast("dict[str, Any]", answer), cast("dict[str, Any]", expected), at)
        if isinstance(expected, list) and isinstance(answer, list):
            return self._lists(cast("list[Any]", answer), cast("list[Any]", expected), at)
        if self._equal(answer, expected):
            return _Compared(right=1)
        wrong = f"{_pointer(at)} is {shown(answer)} and must be {shown(expected)}"
        return _Compared(wrong=[wrong] * max(1, sum(1 for _ in _leaves(expected))))

    def _objects(self, answer: dict[str, Any], expected: dict[str, Any], at: tuple[str, ...]) -> _Compared:
        found = _Compared(right=int(not expected and not answer))
        for key, value in expected.items():
            found.take(self.of(answer[key], value, (*at, key)) if key in answer else self._lacks(value, (*at, key)))
        for key in answer.keys() - expected.keys():
            found.take(self._more((*at, key)))
        found.wrong.sort()
        return found

    def _lists(self, answer: list[Any], expected: list[Any], at: tuple[str, ...]) -> _Compared:
        found = _Compared(right=int(not expected and not answer))
        if not self._options.order and max(len(answer), len(expected)) <= MOST_UNORDERED:
            answer = self._arranged(answer, expected, at)
        for number, value in enumerate(expected):
            place = (*at, str(number))
            there = number < len(answer) and answer[number] is not _ABSENT
            found.take(self.of(answer[number], value, place) if there else self._lacks(value, place))
        for number in range(len(expected), len(answer)):
            found.take(self._more((*at, str(number))))
        return found

    def _arranged(self, answer: list[Any], expected: list[Any], at: tuple[str, ...]) -> list[Any]:
        """The answer's items in the places where they fit best, and then those that fit nowhere."""
        worth: list[list[float]] = []
        for number, value in enumerate(expected):
            compared = [self.of(item, value, (*at, str(number))) for item in answer]
            worth.append([each.right / max(1, each.right + len(each.wrong)) for each in compared])
        pairs = best_pairs(worth)
        rest = [item for number, item in enumerate(answer) if number not in pairs]
        return [answer[pair] if pair >= 0 else _ABSENT for pair in pairs] + rest

    def _lacks(self, value: Any, at: tuple[str, ...]) -> _Compared:
        if any(_under(at, pattern) for pattern in self._ignored):
            return _Compared()
        return _Compared(wrong=[f"{_pointer(at)} is missing"] * max(1, sum(1 for _ in _leaves(value))))

    def _more(self, at: tuple[str, ...]) -> _Compared:
        if self._options.extra == "ignored" or any(_under(at, pattern) for pattern in self._ignored):
            return _Compared()
        return _Compared(wrong=[f"{_pointer(at)} was not expected"])

    def _equal(self, answer: Any, expected: Any) -> bool:
        if same(answer, expected):
            return True
        if isinstance(answer, str) and isinstance(expected, str):
            return plain(answer, ignore_case=self._options.ignore_case) == plain(
                expected, ignore_case=self._options.ignore_case
            )
        if isinstance(answer, bool) or isinstance(expected, bool):
            return False
        if isinstance(answer, int | float) and isinstance(expected, int | float):
            return _near(answer, expected, self._options.tolerance)
        return False


_ABSENT: Final = object()


def _near(answer: float, expected: float, tolerance: float) -> bool:
    try:
        return abs(answer - expected) <= tolerance * abs(expected)
    except OverflowError:  # whole numbers beyond any float
        return False


def _leaves(value: Any) -> Iterator[Any]:
    inner: list[Any] = []
    if isinstance(value, dict):
        inner = list(cast("dict[str, Any]", value).values())
    elif isinstance(value, list):
        inner = cast("list[Any]", value)
    else:
        yield value
    for each in inner:
        yield from _leaves(each)


def _size(value: Any) -> int:
    return sum(1 for _ in _leaves(value))


def _under(at: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    return len(at) >= len(pattern) and all(part in ("*", here) for here, part in zip(at, pattern, strict=False))


def _pointer(at: tuple[str, ...]) -> str:
    return "/" + "/".join(at) if at else "(the whole)"


PLUG = Rule(
    name="json_equal",
    version="1",
    about="The share of the expected JSON's fields that the answer has right.",
    needs=("output", "expected"),
    options=Options,
    judge=_judge,
)
