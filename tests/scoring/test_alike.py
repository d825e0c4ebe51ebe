"""Distances and pairs, beside the tables and the search that define them."""

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from trimtab.scoring.alike import best_pairs, common_subsequence, edit_distance, f_measure, shared

short = st.text("abc", max_size=12)


@given(one=short, other=short)
def test_the_edit_distance_is_that_of_the_classical_table(one: str, other: str) -> None:
    row = list(range(len(other) + 1))
    for number, mark in enumerate(one, 1):
        before, row[0] = row[0], number
        for place, their in enumerate(other, 1):
            before, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, before + (mark != their))
    assert edit_distance(one, other) == row[-1]


@given(one=short, other=short)
def test_the_common_subsequence_is_that_of_the_classical_table(one: str, other: str) -> None:
    table = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for number, mark in enumerate(one):
        for place, their in enumerate(other):
            longer = max(table[number][place + 1], table[number + 1][place])
            table[number + 1][place + 1] = table[number][place] + 1 if mark == their else longer
    assert common_subsequence(one, other) == table[-1][-1]


@given(st.lists(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=4, max_size=4), min_size=1, max_size=4))
def test_no_other_pairs_are_worth_more(worth: list[list[float]]) -> None:
    pairs = best_pairs(worth)
    made = [pair for pair in pairs if pair >= 0]
    assert len(set(made)) == len(made)
    best = max(
        sum(worth[row][column] for row, column in enumerate(columns[: len(worth)]))
        for columns in permutations(range(4))
    )
    assert sum(worth[row][pair] for row, pair in enumerate(pairs) if pair >= 0) == best


def test_more_rows_than_columns_leaves_some_without_a_pair() -> None:
    assert best_pairs([[0.1], [0.9], [0.5]]) == [-1, 0, -1]
    assert best_pairs([]) == []


def test_words_in_common_count_as_often_as_in_the_text_that_has_them_less() -> None:
    assert shared(["a", "a", "b"], ["a", "b", "b"]) == 2
    assert f_measure(2, 3, 4) == 4 / 7
    assert f_measure(0, 3, 4) == 0.0
