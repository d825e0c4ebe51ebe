"""How long the call took until its first token, in ms. Only a streamed call has one."""

from trimtab.scoring.rule import Rule
from trimtab.scoring.scorers._measured import MEASURES
from trimtab.scoring.types import CannotScore, Sample, Scored, Verdict


def _judge(sample: Sample, options: object) -> Verdict:
    del options
    value = MEASURES["ttft_ms"](sample)
    return CannotScore(reason="The sample has no ttft.") if value is None else Scored(value=float(value))


PLUG = Rule(
    name="ttft",
    version="1",
    about="How long the first token took, in ms.",
    kind="number",
    better="lower",
    needs=("ttft_ms",),
    judge=_judge,
)
