"""Patterns of strangers: the same answers as `re`, in time that cannot explode."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trimtab.core.errors import InvalidRequest
from trimtab.scoring import linear
from trimtab.scoring.linear import LARGEST, Pattern, TooMuch

ATOMS = (
    "a", "b", ".", "[ab]", "[^a]", r"\w", r"\d", r"\s", r"\b", "^", "$", "(a|b)", "(?:ab)?", "a*", "b+?", "(a*)*",
    "(?:|a)", "a{2,3}", "(?i:A)", "\n", "é", r"\A", r"\Z", "(?m:^)", "(?m:$)", "(?s:.)", "|",
)  # fmt: skip
patterns = st.lists(st.sampled_from(ATOMS), min_size=1, max_size=6).map("".join)
repeated = st.tuples(patterns, st.sampled_from(["*", "+", "?", "{0,2}", "*?"])).map(
    lambda each: f"(?:{each[0]}){each[1]}"
)
texts = st.text("abA\n é1", max_size=8)


@given(pattern=patterns | repeated, text=texts)
@example(pattern="a$", text="a\n")
@example(pattern="a$", text="a\n\n")
@example(pattern=r"a\Z", text="a\n")
@example(pattern="(?m:a$)", text="a\nb")
def test_it_says_what_pythons_own_engine_says(pattern: str, text: str) -> None:
    theirs, ours = re.compile(pattern), Pattern(pattern)
    assert ours.found(text) == bool(theirs.search(text))
    assert ours.matches(text) == bool(theirs.fullmatch(text))
    assert ours.found(text) == bool(theirs.search(text)), "what it remembers changes nothing"


@pytest.mark.parametrize("pattern", [r"(a+)+$", r"(a|aa)+$", r"(.*)*x", r"(\w+\s?)+!"])
def test_what_makes_a_backtracking_engine_hang_is_answered(pattern: str) -> None:
    assert not Pattern(pattern).found("a" * 20_000 + "?")


def test_flags_hold() -> None:
    assert Pattern("ß.x", re.IGNORECASE | re.DOTALL).found("ẞ\nX")
    assert not Pattern("^b").found("a\nb")
    assert Pattern("^b", re.MULTILINE).found("a\nb")


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(?=a)", "looks ahead"),
        ("(?<!a)b", "looks ahead or behind"),
        (r"(a)\1", "refers back"),
        ("(?>a+)", "atomic"),
        ("a++", "possessive"),
        ("(a", "cannot be read"),
        ("a" * 2_001, "longer than"),
        ("(a{1,100}){1,100}", "once its repetitions"),
        ("(" * 1_000 + ")" * 1_000, "nested too deeply"),
    ],
)
def test_what_no_automaton_can_do_is_refused_with_a_reason(pattern: str, why: str) -> None:
    with pytest.raises(InvalidRequest, match=why) as told:
        Pattern(pattern)
    assert told.value.fix


def test_work_is_counted_and_given_up_at_the_same_place_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each character leads to a state never met before, of a thousand steps each."""
    monkeypatch.setattr(linear, "WORK", 100_000)
    pattern = Pattern(f"(?:a|b)*a(?:a|b){{{LARGEST // 8}}}x")
    state, text = 1, ""
    for _ in range(2_000):
        state = (state * 1_103_515_245 + 12_345) % 2**31
        text += "ab"[state >> 30]
    with pytest.raises(TooMuch):
        pattern.found(text)
