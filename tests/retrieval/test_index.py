"""The index against what it should be: every score worked out by hand from the texts."""

import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from knowledge_room import SPACE, vector_of

from trimtab.retrieval import index, pieces, ranking, words
from trimtab.retrieval.index import K1, B, Doc, Index, Part, Scored
from trimtab.retrieval.ranking import K, Side
from trimtab.retrieval.types import ChunkerSpec, Text

SPEC = ChunkerSpec(kind="sentences", size=16, overlap=0)
SAID = ("tea", "milk", "sugar", "pot", "cup", "water", "leaf", "día", "日本")
said = st.lists(st.sampled_from(SAID), min_size=1, max_size=30).map(" ".join)


def built(texts: list[str]) -> tuple[Index, list[str]]:
    """An index of documents, and the texts of its chunks."""
    parts, chunks = parts_of(texts)
    return index.made(parts), chunks


def parts_of(texts: list[str]) -> tuple[list[Part], list[str]]:
    parts: list[Part] = []
    chunks: list[str] = []
    for number, body in enumerate(texts):
        cut = pieces.cut(Text(title="", source="", kind="text", body=body), SPEC)
        chunks += cut.texts
        made = pieces.opened(pieces.packed(cut, np.stack([vector_of(each) for each in cut.texts])))
        parts.append(Part(Doc(f"d{number}", "", ""), body.encode(), made, index.offsets(body, made)))
    return parts, chunks


def pairs(found: Scored) -> list[tuple[int, float]]:
    return [(int(chunk), float(score)) for chunk, score in zip(found.chunks, found.scores, strict=True)]


def bm25(question: str, chunks: list[str]) -> list[float]:
    """The formula as it is written, chunk by chunk."""
    bags = [Counter(words.words(each)) for each in chunks]
    lengths = [sum(bag.values()) for bag in bags]
    mean = sum(lengths) / len(lengths)
    scores = [0.0] * len(chunks)
    for term in dict.fromkeys(words.words(question)):
        having = sum(term in bag for bag in bags)
        rarity = math.log(1 + (len(chunks) - having + 0.5) / (having + 0.5))
        for number, bag in enumerate(bags):
            often = bag[term]
            scores[number] += rarity * often * (K1 + 1) / (often + K1 * (1 - B + B * lengths[number] / mean))
    return scores


@given(texts=st.lists(said, min_size=1, max_size=8), question=said, seed=st.integers(0, 99))
@settings(max_examples=40)
def test_scores_are_those_of_the_formulas_and_no_one_sees_what_the_mask_hides(
    texts: list[str], question: str, seed: int
) -> None:
    made, chunks = built(texts)
    assert [made.text_of(number) for number in range(len(made))] == chunks
    mask = np.random.default_rng(seed).random(len(made)) < 0.5
    marks = list(ranking.marks_of(question).values())
    expected = bm25(question, chunks)
    for admitted in (None, mask):
        seen = [number for number in range(len(made)) if admitted is None or admitted[number]]
        found = made.words(marks, admitted, 100)
        assert set(found.chunks.tolist()) == {number for number in seen if expected[number] > 0}
        for chunk, score in pairs(found):
            assert score == pytest.approx(expected[chunk], rel=1e-4)
            assert sum(made.weights_of(mark, chunk) for mark in marks) == pytest.approx(score, rel=1e-4)
        near = made.meaning(vector_of(question), admitted, 100)
        assert sorted(near.chunks.tolist()) == seen
        for chunk, score in pairs(near):
            assert score == pytest.approx(float(vector_of(chunks[chunk]) @ vector_of(question)), abs=1e-5)
        assert list(near.scores) == sorted(near.scores, reverse=True)


def test_an_index_of_files_is_the_one_that_was_saved(tmp_path: Path) -> None:
    made, _ = built(["Tea in a pot. " * 9, "día de agua", "日本語のお茶。" * 4])
    made.save(tmp_path)
    mapped = index.load(tmp_path)
    assert mapped is not None
    assert mapped.about == made.about
    for name in ("pot", "día", "日本"):
        marks = list(ranking.marks_of(name).values())
        assert mapped.words(marks, None, 9).chunks.tolist() == made.words(marks, None, 9).chunks.tolist() != []
    assert [mapped.text_of(each) for each in range(len(mapped))] == [made.text_of(each) for each in range(len(made))]
    (tmp_path / "docs.npy").write_bytes(b"no array")
    with pytest.raises(ValueError):
        index.load(tmp_path)
    assert index.load(tmp_path / "nowhere") is None


def test_an_index_is_the_same_whatever_number_of_chunks_was_expected() -> None:
    parts, _ = parts_of(["tea milk " * 20, "sugar", "pot cup water " * 30])
    plain = index.made(parts)
    for chunks, dimension in ((0, SPACE), (1, SPACE), (500, SPACE), (500, 3)):
        making = index.Making(chunks, dimension)
        for each in parts:
            making.add(each)
        made = making.done()
        assert made.about == plain.about
        assert np.array_equal(made.vectors, plain.vectors)


def test_an_empty_index_finds_nothing(tmp_path: Path) -> None:
    made, _ = built([])
    made.save(tmp_path)
    for each in (made, index.load(tmp_path)):
        assert each is not None
        assert not len(each.words([1], None, 5).chunks)
        assert not len(each.meaning(np.zeros(SPACE, dtype=np.float32), None, 5).chunks)


def test_hybrid_is_the_sum_of_reciprocal_ranks_over_all_indexes() -> None:
    one, _ = built(["tea and milk", "sugar"])
    two, _ = built(["tea", "cup of water"])
    question = "tea"
    sides = [Side(each, None, vector_of(question), "local") for each in (one, two)]
    best = ranking.ranked(sides, list(ranking.marks_of(question).values()), "hybrid", 10, None)
    assert (best[0].side, best[0].chunk) == (1, 0), "it says nothing else"
    for each in best:
        ranks: list[Any] = [rank for rank in (each.meaning_rank, each.words_rank) if rank is not None]
        assert each.score == pytest.approx(sum(1 / (K + rank) for rank in ranks))
    assert {(each.side, each.chunk) for each in best} == {(0, 0), (0, 1), (1, 0), (1, 1)}
    bound = ranking.ranked(sides, list(ranking.marks_of(question).values()), "hybrid", 10, 0.5)
    assert all(each.meaning is not None and each.meaning >= 0.5 for each in bound)
    assert len(bound) < len(best)
