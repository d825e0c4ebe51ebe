"""What the call cost, in US dollars. A call whose price is not known cannot be scored: it is not free."""

from trimtab.scoring.rule import Rule
from trimtab.scoring.scorers._measured import MEASURES
from trimtab.scoring.types import CannotScore, Sample, Scored, Verdict


def _judge(sample: Sample, options: object) -> Verdict:
    del options
    value = MEASURES["cost_usd"](sample)
    return CannotScore(reason="The sample has no cost.") if value is None else Scored(value=float(value))


PLUG = Rule(
    name="cost",
    version="1",
    about="What the call cost, in US dollars.",
    kind="number",
    better="lower",
    needs=("cost",),
    judge=_judge,
)
