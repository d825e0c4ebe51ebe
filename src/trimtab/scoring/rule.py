"""Scorers that are pure functions of a sample: most of them.

A rule reads at most so many characters, so that its time is bounded by its construction and not by a clock: what is
longer cannot be scored, and says so.
"""

from collections.abc import Callable
from typing import Any, Final, cast

from msgspec import Struct

from trimtab.scoring.types import Better, CannotScore, Kind, Sample, Source, Tools, Verdict

MOST: Final = 200_000
"""Characters of an answer, or of what it is held against, that a scorer reads unless it says otherwise."""


class Nothing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """No options."""


class Rule(Struct, frozen=True, kw_only=True):
    """A `Scorer` (as its contract in `types.py`) around ``judge``, a pure function of a sample and its options."""

    name: str
    version: str
    about: str
    kind: Kind = "share"
    better: Better | None = "higher"
    source: Source = "code"
    needs: tuple[str, ...] = ("output",)
    options: type[Struct] = Nothing
    judge: Callable[[Sample, Any], Verdict]
    most: int = MOST

    async def score(self, sample: Sample, options: Any, tools: Tools) -> Verdict:  # noqa: ARG002  the contract's
        if reason := too_long(sample, self.name, self.most):
            return CannotScore(reason=reason)
        return self.judge(sample, options)


def too_long(sample: Sample, name: str, most: int) -> str:
    """Why a scorer does not read that sample; empty where it does."""
    for what, text in (("answer", sample.output), ("expected text", sample.expected), ("input", sample.input)):
        length = _length(text)
        if length > most:
            return f"The {what} has {length:,} characters; {name} reads at most {most:,}."
    return ""


def _length(value: Any) -> int:
    """Characters of a text, or of all texts of a list."""
    if isinstance(value, list):
        return sum(len(each) for each in cast("list[object]", value) if isinstance(each, str))
    return len(value) if isinstance(value, str) else 0
