"""ROUGE-L: the longest sequence of words that stands in both texts in its order (Lin 2004, section 3).

F1 over words in lower case, without stemming: what google-research's `rouge_score` gives for English, where words are
runs of ASCII letters and figures. Here those of other scripts are words, too.
"""

import re
from typing import Final, Literal

from msgspec import Struct

from trimtab.scoring.alike import common_subsequence, f_measure
from trimtab.scoring.rule import Rule
from trimtab.scoring.texts import expected_texts
from trimtab.scoring.types import CannotScore, Sample, Scored, Verdict

_WORD: Final = re.compile(r"[^\W_]+")
MOST_WORDS: Final = 20_000


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``part``: the F1, or one of its two. Of several expected texts the best counts."""

    part: Literal["f1", "precision", "recall"] = "f1"


def _judge(sample: Sample, options: Options) -> Verdict:
    expected = expected_texts(sample)[:20]
    if not expected:
        return CannotScore(reason="rouge_l compares texts: the case expects none.")
    answer = _WORD.findall((sample.output or "").lower())
    if len(answer) > MOST_WORDS:
        return CannotScore(reason=f"rouge_l reads at most {MOST_WORDS:,} words.")
    return Scored(
        value=max(_share(answer, _WORD.findall(text.lower())[:MOST_WORDS], options.part) for text in expected)
    )


def _share(answer: list[str], expected: list[str], part: str) -> float:
    if not answer or not expected:
        return 0.0
    common = common_subsequence(answer, expected)
    if part == "f1":
        return f_measure(common, len(answer), len(expected))
    return common / len(answer if part == "precision" else expected)


PLUG = Rule(
    name="rouge_l",
    version="1",
    about="ROUGE-L: words in common with the expected text, in their order.",
    needs=("output", "expected"),
    options=Options,
    judge=_judge,
)
