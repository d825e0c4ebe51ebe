"""How many tokens the call took, as its provider counted them."""

from typing import Literal

from msgspec import Struct

from trimtab.scoring.rule import Rule
from trimtab.scoring.scorers._measured import MEASURES
from trimtab.scoring.types import CannotScore, Sample, Scored, Verdict


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``which`` of them; ``total`` is input and output."""

    which: Literal["input", "output", "total"] = "total"


def _judge(sample: Sample, options: Options) -> Verdict:
    value = MEASURES[f"{options.which}_tokens"](sample)
    return CannotScore(reason="The sample's tokens are not known.") if value is None else Scored(value=float(value))


PLUG = Rule(
    name="tokens",
    version="1",
    about="How many tokens the call took.",
    kind="number",
    better="lower",
    needs=(),
    options=Options,
    judge=_judge,
)
