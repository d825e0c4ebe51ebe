"""chrF of one answer, as sacreBLEU counts a sentence: runs of one to six characters in common, recall counts double."""

from typing import Annotated

from msgspec import Meta, Struct

from trimtab.scoring.overlap import chrf
from trimtab.scoring.rule import Rule
from trimtab.scoring.texts import expected_texts
from trimtab.scoring.types import CannotScore, Sample, Scored, Verdict


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``word_order``: 2 makes it chrF++. ``beta``: how much more recall weighs than precision."""

    word_order: Annotated[int, Meta(ge=0, le=4)] = 0
    beta: Annotated[float, Meta(gt=0, le=10)] = 2.0


def _judge(sample: Sample, options: Options) -> Verdict:
    expected = expected_texts(sample)[:20]
    if not expected:
        return CannotScore(reason="chrf compares texts: the case expects none.")
    value = chrf(sample.output or "", expected, word_order=options.word_order, beta=options.beta)
    return Scored(value=value)


PLUG = Rule(
    name="chrf",
    version="1",
    about="chrF against the expected texts: runs of characters in common, within 0 and 1.",
    needs=("output", "expected"),
    options=Options,
    judge=_judge,
    most=20_000,
)
