"""BLEU of one answer, as sacreBLEU counts a sentence. For whole answers of chat models chrF is the better choice."""

from trimtab.scoring.overlap import bleu
from trimtab.scoring.rule import Rule
from trimtab.scoring.texts import expected_texts
from trimtab.scoring.types import CannotScore, Sample, Scored, Verdict


def _judge(sample: Sample, options: object) -> Verdict:
    del options
    expected = expected_texts(sample)[:20]
    if not expected:
        return CannotScore(reason="bleu compares texts: the case expects none.")
    return Scored(value=bleu(sample.output or "", expected))


PLUG = Rule(
    name="bleu",
    version="1",
    about="BLEU against the expected texts, as sacreBLEU counts a sentence, within 0 and 1.",
    needs=("output", "expected"),
    judge=_judge,
    most=50_000,
)
