"""Which of a set of labels the answer gives, and whether it is the expected one."""

import re
from typing import Annotated

from msgspec import Meta, Struct

from trimtab.scoring.rule import Rule
from trimtab.scoring.texts import plain
from trimtab.scoring.types import CannotScore, Sample, Scored, Verdict

_Label = Annotated[str, Meta(min_length=1, max_length=200)]


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``labels`` are all that may be said (required: without them there is nothing to choose from). ``find``: the
    label may stand in a sentence, as long as it is the only one there. Where the case expects a label, only that one
    is right."""

    labels: Annotated[tuple[_Label, ...], Meta(min_length=1, max_length=500)]
    ignore_case: bool = True
    find: bool = True


def _judge(sample: Sample, options: Options) -> Verdict:
    expected = sample.expected
    by_form = {plain(label, ignore_case=options.ignore_case): label for label in options.labels}
    if expected is not None:
        known = by_form.get(plain(expected, ignore_case=options.ignore_case)) if isinstance(expected, str) else None
        if known is None:
            return CannotScore(reason="The case expects what is none of the labels.")
        expected = known
    said = _label(plain(sample.output or "", ignore_case=options.ignore_case), by_form, find=options.find)
    if not said:
        return Scored(value=0.0, label="", explanation="The answer is none of the labels, or names several.")
    right = expected is None or said == expected
    return Scored(value=float(right), label=said, explanation="" if right else f"{expected!r} was expected.")


def _label(answer: str, labels: dict[str, str], *, find: bool) -> str:
    exact = labels.get(answer) or labels.get(answer.strip("\"'`*. \n"))
    if exact or not find:
        return exact or ""
    found = {form for form in labels if re.search(rf"(?<!\w){re.escape(form)}(?!\w)", answer)}
    # "not relevant" has "relevant" in it: what stands only within a longer label does not count.
    rest = answer
    for form in sorted(found, key=len, reverse=True):
        cut = re.sub(rf"(?<!\w){re.escape(form)}(?!\w)", "\0", rest)
        if cut == rest:
            found.discard(form)
        rest = cut
    return labels[found.pop()] if len(found) == 1 else ""


PLUG = Rule(
    name="one_of",
    version="1",
    about="The answer is one of the allowed labels, and the expected one.",
    options=Options,
    judge=_judge,
    most=20_000,
)
