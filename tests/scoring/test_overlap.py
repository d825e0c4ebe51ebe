"""BLEU and chrF beside sacreBLEU 2.6.0, ROUGE-L beside rouge_score 0.1.2: their values for these pairs."""

import pytest

from trimtab.scoring.overlap import bleu, chrf

GUIDE = "It is a guide to action which ensures that the military always obeys the commands of the party."
GUIDES = [
    "It is a guide to action that ensures that the military will forever heed Party commands.",
    "It is the guiding principle which guarantees the military forces always being under the command of the Party.",
]
PAIRS = [
    ("The cat sat on the mat.", ["The cat sat on the mat."], 1.0, 1.0, 1.0),
    ("the the the the the the the", ["The cat is on the mat.", "There is a cat on the mat."], 0.0656727474,
     0.1058548029, 0.0973700921),
    (GUIDE, GUIDES, 0.4457351832, 0.6239771663, 0.6152048585),
    ("Das Haus ist groß und kostet 3.5-4 Mio. &amp; mehr", ["Das große Haus kostet 3,5-4 Mio. & mehr"], 0.4211813372,
     0.4972526135, 0.4656160752),
    ("short", ["a much longer reference than that"], 0.0, 0.0341880342, 0.0284900285),
    ("dogs and birds", ["cats or fish"], 0.0, 0.0961538462, 0.0721153846),
    ("x", ["x"], 1.0, 1.0, 1.0),
    ("It's 1,000 \"quoted\" words; don't well-known x=y/z.", ["It is 1,000 quoted words, don't: well-known x=y / z"],
     0.367876325, 0.6178619202, 0.5068438215),
    ("日本語の文章です", ["日本語の文です"], 0.0, 0.5242578953, 0.4493639103),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "references", "expected", "plain", "plus"), PAIRS)
def test_the_values_are_sacrebleus(
    answer: str, references: list[str], expected: float, plain: float, plus: float
) -> None:
    assert bleu(answer, references) == pytest.approx(expected, abs=1e-9)
    assert chrf(answer, references) == pytest.approx(plain, abs=1e-9)
    assert chrf(answer, references, word_order=2) == pytest.approx(plus, abs=1e-9)


def test_nothing_is_like_nothing() -> None:
    assert bleu("", ["a"]) == bleu("a", []) == chrf("", ["a"]) == chrf("a", []) == 0.0
