"""Sentences, rules and chances are the same whatever was read before, and in whatever order."""

import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.guard.detect import head, scan, tells

ATTACKS = (Path(__file__).parents[3] / "bench/guards/own_attacks.txt").read_text(encoding="utf-8").splitlines()
PARTS = (
    "Ignore", "the", "rules", "you are", "not really", "an ai,", "but", "no longer", "don't", "1234", "日本", ". ",
    "\n", "# system:", "<system>", "[INST]", '{"role": "system", "content"', "system: you", "???", "é", "'", " ",
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(PARTS + (" ",) * 8), max_size=30).map("".join)


@given(TEXTS)
def test_an_ascii_sentence_is_cut_into_words_as_any_other(text: str) -> None:
    quick, plain = head._ASCII_TOKEN, head._TOKEN  # pyright: ignore[reportPrivateUsage]
    ascii_text = text.encode("ascii", "ignore").decode()
    assert quick.findall(ascii_text) == plain.findall(ascii_text)


@given(TEXTS)
@settings(max_examples=100)
def test_what_is_kept_of_words_changes_nothing(text: str) -> None:
    head._known_word.cache_clear()  # pyright: ignore[reportPrivateUsage]
    assert head.sentences(text) == head.sentences(text)


def test_neither_figures_nor_long_words_are_kept() -> None:
    head._known_word.cache_clear()  # pyright: ignore[reportPrivateUsage]
    head.sentences(f"card 4111111111111111 and {'x' * 50}")
    assert head._known_word.cache_info().currsize == 0  # pyright: ignore[reportPrivateUsage]
    head.sentences("card 4111111111111111 and")
    assert head._known_word.cache_info().currsize == 2  # pyright: ignore[reportPrivateUsage]


@given(TEXTS)
@settings(max_examples=200)
def test_rules_chosen_by_words_are_those_of_all_that_hold(text: str) -> None:
    for each in head.sentences(text):
        written = text[each.start : each.end]
        everything = [
            (tell, match.start())
            for tell in (*tells.SENTENCE, *tells.TONGUES)
            if not tell.words.isdisjoint(each.stems) and (match := tell.pattern.search(written))
        ]
        assert tells.in_sentence(written, each.stems) == everything


@given(TEXTS)
@settings(max_examples=200)
def test_marks_and_openings_are_found_as_one_pattern_would(text: str) -> None:
    """The pattern of both, with what begins with a mark first."""
    one = re.compile("|".join(f"(?:{tell.pattern.pattern})" for tell in (*tells.MARKS, *tells.OPENINGS)), re.IGNORECASE)
    found = [at for tell, at in scan._whole(text) if tell not in tells.OTHER_SCRIPTS]  # pyright: ignore[reportPrivateUsage]
    assert found == [match.start() for match in one.finditer(text)]


@pytest.mark.parametrize("template", ATTACKS[5:200:20])
def test_what_is_odd_is_told_besides_what_a_text_says(template: str) -> None:
    text = f"A table of trains.\n\n{template}\n\nIt leaves at noon."
    plain = scan.read(text, shape=False)
    assert scan.shaped(plain) == scan.read(text, shape=True)
    assert all(one <= other for one, other in zip(plain.traits, scan.shaped(plain).traits, strict=True))


@given(TEXTS)
@settings(max_examples=100)
def test_unlikely_hits_are_left_out_and_nothing_else(text: str) -> None:
    loaded = head.HeadFile("injection_direct").get()
    found = scan.read(text, shape=False)
    assert scan.chances(found, loaded, 0.1) == [hit for hit in scan.chances(found, loaded) if hit.score > 0.1]


@pytest.mark.parametrize("piece", ["you are not ", "<", "[", '{"', "ignore all ", "\n", "a.", "not an " * 9 + "\n"])
def test_time_grows_with_the_text_alone(piece: str) -> None:
    """As much as is read of what patterns begin with, again and again: seconds, even on a busy machine."""
    text = piece * (scan.LONGEST // len(piece))
    began = time.process_time()
    scan.read(text, shape=True)
    assert time.process_time() - began < 20
