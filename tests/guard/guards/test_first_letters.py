"""What a pattern looks at first lets every word through that it looks for."""

import re

import pytest

from trimtab.guard.detect import personal


@pytest.mark.parametrize("pattern", [personal._FIRST, personal._CALLED], ids=["streets", "names"])  # pyright: ignore[reportPrivateUsage]
def test_the_letters_looked_at_first_are_those_that_the_words_begin_with(pattern: str) -> None:
    letters = re.search(r"\(\?=\[(\w+)\]\)\(\?:", pattern)
    assert letters is not None
    words = re.split(r"\|(?![^(]*\))", pattern[letters.end() :].rstrip(")"))
    assert len(words) > 20
    assert {word[0] for word in words} == set(letters[1])
