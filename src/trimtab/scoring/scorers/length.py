"""How long the answer is. What is too long or too short is for `within` to say, or for a suite's threshold."""

from typing import Literal

from msgspec import Struct

from trimtab.scoring.rule import Rule
from trimtab.scoring.scorers._measured import MEASURES
from trimtab.scoring.types import CannotScore, Sample, Scored, Verdict


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``unit``: what is counted."""

    unit: Literal["characters", "words", "lines"] = "words"


def _judge(sample: Sample, options: Options) -> Verdict:
    value = MEASURES[options.unit](sample)
    return CannotScore(reason="There is no answer.") if value is None else Scored(value=float(value))


PLUG = Rule(
    name="length",
    version="1",
    about="How many words, characters or lines the answer has.",
    kind="number",
    better=None,
    options=Options,
    judge=_judge,
    most=1_000_000,
)
