"""How long the call took until its answer was whole, in ms."""

from trimtab.scoring.rule import Rule
from trimtab.scoring.scorers._measured import MEASURES
from trimtab.scoring.types import CannotScore, Sample, Scored, Verdict


def _judge(sample: Sample, options: object) -> Verdict:
    del options
    value = MEASURES["latency_ms"](sample)
    return CannotScore(reason="The sample has no latency.") if value is None else Scored(value=float(value))


PLUG = Rule(
    name="latency",
    version="1",
    about="How long the answer took, in ms.",
    kind="number",
    better="lower",
    needs=("latency_ms",),
    judge=_judge,
)
