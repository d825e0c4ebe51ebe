"""Chunkers keep every word, keep to their size, and know where they are in the text."""

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.retrieval.chunkers import CHUNKERS
from trimtab.retrieval.chunkers._packing import LONGEST, words_in
from trimtab.retrieval.types import ChunkerSpec

MARKDOWN = """# Guide

Intro line one. Intro line two.

## Money

### Refunds

A refund takes five days.

```
# no heading here
```

Setext
------

Below it.

## Money

Again.
"""
WORD = re.compile(r"[^\W_]+")
texts = st.lists(
    st.sampled_from(
        [
            "word ",
            "Dr. Who. ",
            "x" * 999,
            "-" * 2_000,
            " " * 900,
            "_" * 40,
            "end. Next ",
            "\n\n",
            "\n# Title\n",
            "\n- item",
            "日本語。",
            "```\n",
            "!? ",
            "---\n",
        ]
    ),
    max_size=60,
).map("".join)


@pytest.mark.parametrize("kind", CHUNKERS.names())
@given(text=texts, size=st.integers(16, 40), overlap=st.integers(0, 8))
@settings(max_examples=60)
def test_every_word_is_in_a_chunk_and_no_chunk_is_too_long(kind: str, text: str, size: int, overlap: int) -> None:
    spec = ChunkerSpec(kind=kind, size=size, overlap=overlap)
    spans = CHUNKERS.get(kind).cut(text, spec)
    assert spans == CHUNKERS.get(kind).cut(text, spec), "the same again"
    covered = "".join(f" {text[each.start : each.end]} {each.under} " for each in spans)
    held = {at for each in spans for at in range(each.start, each.end)}
    whole = covered.replace(" ", "")
    for word in WORD.finditer(text):
        assert held.issuperset(range(*word.span())) or word.group() in whole, word
    assert all(words_in(text, each.start, each.end) <= size for each in spans)
    assert all(each.end - each.start <= size * LONGEST for each in spans)
    assert all(0 <= each.start < each.end <= len(text) for each in spans)
    starts = [(each.start, each.end) for each in spans]
    assert starts == sorted(starts)
    assert len(set(starts)) == len(starts)


def test_chunks_know_the_headings_they_stand_below_and_code_has_none() -> None:
    spans = CHUNKERS.get("headings").cut(MARKDOWN, ChunkerSpec(size=40, overlap=0))
    told = [(each.under, MARKDOWN[each.start : each.end].split("\n")[0]) for each in spans]
    assert told == [
        ("Guide", "Intro line one. Intro line two."),
        ("Guide > Money > Refunds", "A refund takes five days."),
        ("Guide > Setext", "Below it."),
        ("Guide > Money", "Again."),
    ]


def test_sentences_are_not_cut_where_they_fit_and_chunks_overlap_by_whole_ones() -> None:
    text = " ".join(f"This is sentence number {number} of it." for number in range(12))
    spans = CHUNKERS.get("sentences").cut(text, ChunkerSpec(kind="sentences", size=21, overlap=7))
    parts = [text[each.start : each.end] for each in spans]
    assert all(part.startswith("This is") and part.endswith("of it.") for part in parts)
    assert all(after.start < before.end for before, after in itertools.pairwise(spans))


@pytest.mark.parametrize(
    "long",
    [
        "x" * 1_000_000,
        "word" + "-" * 1_000_000 + "word",
        "end." + "\n\n!" * 300_000,
        "word " + " " * 1_000_000 + "word",
    ],
)
def test_what_lacks_spaces_makes_no_chunk_that_is_longer_than_others(long: str) -> None:
    for kind in CHUNKERS.names():
        spans = CHUNKERS.get(kind).cut(f"Before. {long} After.", ChunkerSpec(kind=kind))
        assert 1 < len(spans) < 300
        assert max(each.end - each.start for each in spans) <= 160 * LONGEST


def test_a_sign_of_a_script_without_spaces_is_a_word() -> None:
    text = "日本語の文章です。" * 100
    spans = CHUNKERS.get("sentences").cut(text, ChunkerSpec(kind="sentences", size=40, overlap=0))
    assert words_in("日本語の文章です。") == 8
    assert {text[each.start : each.end] for each in spans} == {"日本語の文章です。" * 5}


def test_a_long_text_takes_time_in_proportion_to_its_length() -> None:
    for nasty in ("\n" * 200_000, "a" * 200_000, ". " * 100_000, "# " * 100_000, "\n \t" * 60_000, "`" * 200_000):
        for kind in CHUNKERS.names():
            CHUNKERS.get(kind).cut(nasty, ChunkerSpec(kind=kind))  # the suite's own bound would end it
