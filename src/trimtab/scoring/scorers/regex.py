"""Whether a pattern stands in the answer, or is all of it. Patterns run in linear time (`scoring/linear.py`)."""

import re
from typing import Literal

from msgspec import Struct

from trimtab.scoring.linear import Pattern, TooMuch
from trimtab.scoring.rule import Rule
from trimtab.scoring.types import CannotScore, Sample, Scored, Verdict


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``pattern`` as Python's `re` writes it, without looking ahead or behind and without back-references; empty: the
    case's expected text is the pattern. ``mode``: anywhere in the answer, or the whole of it. ``absent``: right is
    where it is *not* found."""

    pattern: str = ""
    mode: Literal["search", "full"] = "search"
    ignore_case: bool = False
    multiline: bool = False
    dotall: bool = False
    absent: bool = False


def _judge(sample: Sample, options: Options) -> Verdict:
    written = options.pattern or sample.expected
    if not isinstance(written, str) or not written:
        return CannotScore(reason="regex needs a pattern: in its options, or as the case's expected text.")
    flags = (re.IGNORECASE if options.ignore_case else 0) | (re.MULTILINE if options.multiline else 0)
    pattern = Pattern(written, flags | (re.DOTALL if options.dotall else 0))
    text = sample.output or ""
    try:
        found = pattern.matches(text) if options.mode == "full" else pattern.found(text)
    except TooMuch:
        return CannotScore(reason="The pattern takes too long on this answer: make it smaller.")
    what = "is the whole answer" if options.mode == "full" else "stands in the answer"
    said = f"The pattern {what}." if found else f"The pattern {what.replace('is', 'is not', 1)}."
    if options.mode != "full" and not found:
        said = "The pattern does not stand in the answer."
    return Scored(value=float(found != options.absent), explanation=said)


PLUG = Rule(
    name="regex",
    version="1",
    about="A pattern stands in the answer (or must not).",
    options=Options,
    judge=_judge,
)
