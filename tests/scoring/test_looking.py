"""Looks that spare others miss nothing."""

import itertools
import re
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.scoring.looking import Glance, begun, folded, matches_at, matches_in, stretches


def test_a_folded_text_keeps_every_place() -> None:
    for code in range(sys.maxunicode + 1):
        assert len(folded(chr(code))) == 1, hex(code)


@pytest.mark.parametrize("letter", "abcdefghijklmnopqrstuvwxyz")
def test_whatever_a_pattern_takes_for_a_letter_is_folded_into_it(letter: str) -> None:
    alike = re.findall(letter, "".join(map(chr, range(0x20000))), re.IGNORECASE)
    assert {folded(each) for each in alike} == {letter}


@given(text=st.text(alphabet="ab _-\n", max_size=60))
def test_words_are_found_at_their_beginnings(text: str) -> None:
    quick, plain = re.compile(begun(["ab", "b", "ba+"])), re.compile(r"(?<!\w)(?:ab|ba+|b)")
    assert [match.start() for match in quick.finditer(text)] == [match.start() for match in plain.finditer(text)]


@given(text=st.text(alphabet="ab ", max_size=60))
def test_a_pattern_tried_where_it_may_begin_finds_what_it_finds_everywhere(text: str) -> None:
    pattern = re.compile("a[ab]?b|ab a")
    places = [at for at, letter in enumerate(text) if letter == "a"]
    spans = [match.span() for match in pattern.finditer(text)]
    assert [match.span() for match in matches_at(pattern, text, places)] == spans
    around = stretches(((at, at + 1) for at in places), 1, 4, len(text))
    assert [match.span() for match in matches_in(pattern, text, around)] == spans
    assert all(one[1] < other[0] for one, other in itertools.pairwise(around))


@given(text=st.text(alphabet="1٣ .-a", max_size=80))
@settings(max_examples=200)
def test_rows_are_counted_as_they_stand(text: str) -> None:
    rows = re.findall(r"[0-9](?:[ ./()+:-]{0,5}[0-9])*", text)
    seen = Glance(text)
    assert seen.longest == max((sum(map(str.isdigit, row)) for row in rows), default=0)
    for least in (1, 3, 6):
        inside = [text[start:end] for start, end in seen.around(least)]
        wanted = [row for row in rows if sum(map(str.isdigit, row)) >= least]
        assert all(any(row in each for each in inside) for row in wanted)


def test_a_long_row_of_marks_is_read_once() -> None:
    began = time.process_time()
    for piece in ("1     ", "1.(", "1", "K1 "):
        Glance(piece * (1_000_000 // len(piece))).around(3)
    assert time.process_time() - began < 20
