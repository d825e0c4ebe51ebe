"""Scorers that hold a text against a text: exact, contains, starts_with, one_of, numeric, regex, distances."""

from collections.abc import Callable
from typing import Any

import pytest

from trimtab.scoring.types import Sample, Scored

Ask = Callable[..., Scored]
Why = Callable[..., str]


def of(output: str, expected: Any = None) -> Sample:
    return Sample(output=output, expected=expected)


@pytest.mark.parametrize(
    ("output", "expected", "options", "value"),
    [
        ("So it is 41.9 km.", 42, {}, 0),
        ("So it is 41.9 km.", 42, {"absolute": 0.1}, 1),
        ("So it is 41.9 km.", 42, {"relative": 0.01}, 1),
        ("First 3, then 4.", "4", {}, 1),
        ("First 3, then 4.", "#### 3", {}, 0),
        ("First 3, then 4.", 3, {"find": "first"}, 1),
        ("First 3, then 4.", 3, {"find": "any"}, 1),
        ("First 3, then 4.", 4, {"find": "only"}, 0),
        ("Es sind 1.234,5 kg", 1234.5, {"decimal": ","}, 1),
        ("It grew by 12 %", 0.12, {}, 0),
        ("It grew by 12 %", 0.12, {"percent_is_share": True}, 1),
        ("3 million", 3_000_000, {}, 1),
        ("3 million", 3, {"sizes": False}, 1),
        ("1 234 in all", 1234, {"spaces": True}, 1),
        ("0.1 and 0.2 make 0.3", 0.3, {}, 1),
        ("no idea", 3, {}, 0),
    ],
)
def test_numbers_are_held_against_each_other(
    scored: Ask, output: str, expected: Any, options: dict[str, Any], value: float
) -> None:
    assert scored("numeric", of(output, expected), **options).value == value


def test_a_case_without_one_number_cannot_be_scored(unscored: Why) -> None:
    for expected in ("none", "1 or 2", True, [1], {"a": 1}):
        assert "numbers" in unscored("numeric", of("1", expected))


def test_a_pattern_stands_there_is_the_whole_or_must_not(scored: Ask, unscored: Why) -> None:
    answer = of("Order ABC-123 is on its way.")
    assert scored("regex", answer, pattern=r"[A-Z]{3}-\d{3}").value == 1
    assert scored("regex", answer, pattern=r"[A-Z]{3}-\d{3}", mode="full").value == 0
    assert scored("regex", answer, pattern=r"order\b.*way\.", mode="full", ignore_case=True).value == 1
    assert scored("regex", answer, pattern=r"\bORD\b", absent=True).value == 1
    assert scored("regex", of("42", r"\d+"), mode="full").value == 1
    assert "needs a pattern" in unscored("regex", answer)
    assert "looks ahead" in unscored("regex", answer, pattern="(?!x)")


def test_texts_are_all_there_any_of_them_or_none(scored: Ask, unscored: Why) -> None:
    answer = of("You can return it within 30 days, in any category.")
    assert scored("contains", answer, all=["return", "30 DAYS"]).value == 1
    assert scored("contains", answer, all=["return"], ignore_case=False, none=["Return"]).value == 1
    missing = scored("contains", answer, all=["return", "refund"], any=["cash", "card"], none=["30 days"], partial=True)
    assert missing.value == pytest.approx(0.25)
    assert missing.detail == {"missing": ["refund"], "present": ["30 days"], "lacks_any": True}
    assert scored("contains", answer, all=["cat"]).value == 1
    assert scored("contains", answer, all=["cat"], whole_words=True).value == 0
    assert scored("contains", of("Cafe\u0301", ["café"])).value == 1
    assert "needs texts" in unscored("contains", answer)


def test_the_answer_begins_and_ends_as_it_should(scored: Ask, unscored: Why) -> None:
    assert scored("starts_with", of("  Yes, it is.", "Yes")).value == 1
    assert scored("starts_with", of("Well, yes."), starts=["Yes", "No"]).value == 0
    assert scored("starts_with", of("yes!"), starts=["Yes", "No"], ends=["!", "."], ignore_case=True).value == 1
    assert "needs a beginning" in unscored("starts_with", of("x"))


@pytest.mark.parametrize(
    ("output", "label", "value"),
    [
        ("relevant", "relevant", 1),
        ("**Relevant.**", "relevant", 1),
        ("I would call it not relevant", "not relevant", 0),
        ("It is relevant, not irrelevant", "", 0),
        ("irrelevantly", "", 0),
        ("", "", 0),
    ],
)
def test_the_only_label_in_an_answer_is_the_one_it_gives(scored: Ask, output: str, label: str, value: float) -> None:
    found = scored("one_of", of(output, "Relevant"), labels=["relevant", "not relevant", "irrelevant"])
    assert (found.label, found.value) == (label, value)


def test_a_label_that_is_none_cannot_be_expected(unscored: Why) -> None:
    assert "none of the labels" in unscored("one_of", of("a", "c"), labels=["a", "b"])


def test_distances_are_shares_of_the_longer_text(scored: Ask) -> None:
    assert scored("edit_distance", of("kitten", "sitting")).value == pytest.approx(1 - 3 / 7)
    assert scored("edit_distance", of("the cat sat", "the dog sat"), unit="word").value == pytest.approx(2 / 3)
    assert scored("edit_distance", of("", "abc")).value == 0
    assert scored("edit_distance", of("abc", ["xyz", "abd"])).value == pytest.approx(2 / 3)


def test_words_in_common_are_counted_as_squad_and_rouge_do(scored: Ask) -> None:
    assert scored("token_f1", of("The cat sat.", "a cat sat down")).value == pytest.approx(0.8)
    assert scored("token_f1", of("The cat sat.", "a cat sat down"), part="recall").value == pytest.approx(2 / 3)
    guide = "It is a guide to action which ensures that the military always obeys the commands of the party."
    guides = [
        "It is a guide to action that ensures that the military will forever heed Party commands.",
        "It is the guiding principle which guarantees the military forces always being under the command of the Party.",
    ]
    assert scored("rouge_l", of(guide, guides)).value == pytest.approx(0.6470588235)  # rouge_score 0.1.2
    assert scored("rouge_l", of("Der große Hund", "der große hund")).value == 1
    assert scored("bleu", of("The cat sat on the mat.", "The cat sat on the mat.")).value == 1
    assert scored("chrf", of("dogs and birds", "cats or fish")).value == pytest.approx(0.0961538462)
    assert scored("chrf", of("dogs and birds", "cats or fish"), word_order=2).value == pytest.approx(0.0721153846)


def test_what_expects_no_text_cannot_be_compared_with_one(unscored: Why) -> None:
    for name in ("exact", "edit_distance", "token_f1", "rouge_l", "bleu", "chrf"):
        assert "texts" in unscored(name, of("x", {"a": 1}))
        assert "characters" in unscored(name, of("x" * 300_000, "x"))


def test_the_language_of_an_answer_is_the_questions(scored: Ask, unscored: Why) -> None:
    german = "Das ist eine gute Frage, und ich werde sie mit einem Beispiel beantworten."
    english = "That is a good question and I will answer it with an example for you."
    assert scored("language", Sample(input=english, output=english)).value == 1
    switched = scored("language", Sample(input=german, output=english))
    assert (switched.value, switched.label) == (0, "en")
    assert scored("language", Sample(output=german), language="de").value == 1
    assert "too short" in unscored("language", Sample(input=english, output="Ok."))
