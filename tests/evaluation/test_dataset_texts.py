"""How alike texts are, which are chosen, what files and models say: without a catalog."""

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trimtab.core.errors import InvalidRequest
from trimtab.evaluation import duplicates, exports, generate, imports, likeness, parquet, sampling
from trimtab.evaluation.cases import Author, NewCase, hash_of, made
from trimtab.evaluation.imports import Plan
from trimtab.evaluation.sampling import Judged
from trimtab.evaluation.types import Case

ADA = Author(id="key_ada", name="Ada", at=1)


def test_minhash_estimates_the_share_that_two_texts_have_in_common() -> None:
    words = [f"w{n}" for n in range(400)]
    base = likeness.shingles(" ".join(words))
    for changed in (0, 20, 60, 150):
        other = likeness.shingles(" ".join(words[changed:] + [f"x{n}" for n in range(changed)]))
        one, two = likeness.signatures([base, other])
        true = likeness.jaccard(base, other)
        # Of 64 permutations the share that agrees has a standard error of at most 0.0625.
        assert abs(float((one == two).mean()) - true) < 0.2, (changed, true)


@given(st.text(max_size=60))
def test_white_space_and_case_make_no_other_text(text: str) -> None:
    assert likeness.key(text) == likeness.key(f"  {text.upper().lower()}\n") or text.upper().lower() != text.lower()
    assert likeness.jaccard(likeness.shingles(text), likeness.shingles(text)) == 1


def test_near_twins_are_found_among_many_and_a_crowd_costs_no_squares() -> None:
    numbers = ((n, n * 7, n * 13) for n in range(300))
    texts = [f"question {n} about topic {seven} and thing {thirteen} today" for n, seven, thirteen in numbers]
    slims = [duplicates.Slim(f"c{n:03}", "a", text) for n, text in enumerate(texts)]
    text = "my parcel was sent three weeks ago and it has not come to my door yet so please help me"
    slims += [duplicates.Slim("x1", "a", text), duplicates.Slim("x2", "b", f"{text} soon")]
    found = duplicates.find(slims, 0.8)
    assert [(each.one, each.other) for each in found.near] == [("x1", "x2")]
    crowd = likeness.signatures([likeness.shingles(text)] * 500)
    pairs, more = likeness.candidates(crowd, 10_000)
    assert len(pairs) == 997, "each with the first and the one before"
    assert not more


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=3, max_size=7, unique=True))
def test_a_diverse_sample_is_within_twice_the_best_radius(points: list[tuple[int, int]]) -> None:
    vectors = np.array([(x, y, 6.0) for x, y in points], dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    angle = np.arccos(np.clip(vectors @ vectors.T, -1, 1))  # a metric, and of one order with 1 - cosine

    def radius(chosen: Any) -> float:
        return float(angle[:, list(chosen)].min(axis=1).max())

    picked = [each.at for each in sampling.diverse(vectors, 2, 0)]
    assert len(set(picked)) == len(picked)
    best = min(radius(pair) for pair in combinations(range(len(points)), 2))
    assert radius(picked) <= 2 * best + 1e-3


def test_what_fails_and_what_is_disputed_come_in_order() -> None:
    def item(**scores: tuple[float, ...]) -> list[Judged]:
        return [Judged(name=name, values=values) for name, values in scores.items()]

    judged = [item(a=(1.0,)), item(a=(0.5,), b=(0.2,)), [], item(a=(0.0, 1.0)), item(b=(0.9, 1.0)), item(a=())]
    assert [each.at for each in sampling.failing(judged, 9, 0)] == [1, 3, 4]
    assert [each.at for each in sampling.disputed(judged, 9, 0)] == [3, 4]
    assert sampling.unscored(judged) == 2
    assert sampling.at_random(5, 9, 3) == sampling.at_random(5, 9, 3)


def test_a_models_answer_is_read_from_words_and_fences_and_what_is_none_is_told() -> None:
    found, left = generate.read(
        'Sure!\n```json\n{"cases": [{"input": "a"}, {"input": 3}, {"input": " "}, 7]}\n```\nBye'
    )
    assert [each.input for each in found] == ["a"]
    assert len(left) == 3
    for text in ("", "{", "[" * 9999, '{"cases": 3}', '{"cases": "x"}'):
        assert generate.read(text)[0] == []
        assert generate.read(text)[1]
    assert generate.read("{}") == ([], [])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
VARIABLES = st.dictionaries(st.text(min_size=1, max_size=4), JSON, min_size=1, max_size=2)
CASES = st.builds(
    NewCase,
    input=st.text(min_size=1, max_size=20).filter(str.strip) | st.fixed_dictionaries({"variables": VARIABLES}),
    expected=st.none() | st.text(min_size=1, max_size=9) | st.lists(JSON, min_size=1, max_size=3),
    metadata=st.dictionaries(st.text(min_size=1, max_size=5), JSON, max_size=2),
    context=st.none() | st.lists(st.text(max_size=5), min_size=1, max_size=2).map(tuple),
    tags=st.sampled_from([(), ("a",), ("a", "b c")]),
    uses=st.sampled_from([("evaluate",), ("evaluate", "train")]),
    weight=st.sampled_from([1.0, 0.5, 3.0]),
)


@given(CASES)
def test_a_row_of_a_table_comes_back_as_the_case_it_was(new: NewCase) -> None:
    case = made(new, ADA)
    row = {name: value for name, value in exports.row_of(case).items() if value is not None}
    row["weight"] = str(row["weight"])
    again: Case = imports._case(row, Plan(format="csv"), ADA)  # pyright: ignore[reportPrivateUsage]
    assert hash_of(again) == hash_of(case)


@given(st.text(alphabet="'=+-@\t\r a1", max_size=6))
@example("=HYPERLINK(1)")
@example("'=1")
def test_no_cell_of_an_export_is_a_formula_and_every_text_comes_back(text: str) -> None:
    cell = exports.inert(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert exports.original(cell) == text


def test_a_parquet_file_beyond_its_bounds_is_refused(tmp_path: Path) -> None:
    rows = tmp_path / "rows"
    rows.write_text("".join(json.dumps({"input": f"q{n}"}) + "\n" for n in range(20)))
    parquet.from_lines(rows, tmp_path / "good.parquet")
    with pytest.raises(InvalidRequest, match="20 rows, and 10 may be"):
        parquet.to_lines(tmp_path / "good.parquet", tmp_path / "out", most_rows=10)
