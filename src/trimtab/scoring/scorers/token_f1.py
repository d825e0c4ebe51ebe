"""Words that the answer and the expected text share: F1 of precision and recall, as SQuAD counts it."""

from typing import Literal

from msgspec import Struct

from trimtab.scoring.alike import f_measure, shared
from trimtab.scoring.rule import Rule
from trimtab.scoring.texts import expected_texts, words
from trimtab.scoring.types import CannotScore, Sample, Scored, Verdict

_ARTICLES = frozenset(("a", "an", "the"))


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``part``: the F1, or one of its two. ``articles``: whether "a", "an" and "the" count; SQuAD leaves them out. Of
    several expected texts the best counts."""

    part: Literal["f1", "precision", "recall"] = "f1"
    articles: bool = False


def _judge(sample: Sample, options: Options) -> Verdict:
    expected = expected_texts(sample)[:50]
    if not expected:
        return CannotScore(reason="token_f1 compares texts: the case expects none.")
    answer = _words(sample.output or "", options)
    return Scored(value=max(_share(answer, _words(text, options), options.part) for text in expected))


def _words(text: str, options: Options) -> list[str]:
    return [word for word in words(text) if options.articles or word not in _ARTICLES]


def _share(answer: list[str], expected: list[str], part: str) -> float:
    if not answer or not expected:
        return float(answer == expected)
    common = shared(answer, expected)
    if part == "f1":
        return f_measure(common, len(answer), len(expected))
    return common / len(answer if part == "precision" else expected)


PLUG = Rule(
    name="token_f1",
    version="1",
    about="The words that the answer shares with the expected text (F1, as SQuAD counts it).",
    needs=("output", "expected"),
    options=Options,
    judge=_judge,
)
