"""Whether a measured number of the answer lies within bounds: length, time, cost, tokens, steps."""

from msgspec import Struct

from trimtab.scoring.rule import Rule
from trimtab.scoring.scorers._measured import MEASURES, Measure
from trimtab.scoring.types import CannotScore, Sample, Scored, Verdict


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``measure`` is required: it says what is bounded. At least one of the bounds, each of which is still right."""

    measure: Measure
    at_least: float | None = None
    at_most: float | None = None


def _judge(sample: Sample, options: Options) -> Verdict:
    least, most = options.at_least, options.at_most
    if least is None and most is None:
        return CannotScore(reason="within needs a bound: at_least, at_most, or both.")
    value = MEASURES[options.measure](sample)
    if value is None:
        return CannotScore(reason=f"The sample has no {options.measure.replace('_', ' ')}.")
    right = (least is None or value >= least) and (most is None or value <= most)
    bound = "" if right else f"at most {most:g}" if most is not None and value > most else f"at least {least:g}"
    said = f"{options.measure} is {value:g}" + (f", and must be {bound}." if bound else ".")
    return Scored(value=float(right), explanation=said)


PLUG = Rule(
    name="within",
    version="1",
    about="A length, time, cost or count of the answer lies within bounds.",
    needs=(),
    options=Options,
    judge=_judge,
    most=1_000_000,
)
