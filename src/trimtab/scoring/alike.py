"""How alike two sequences are: edit distance, longest common subsequence, shared words.

Both distances run on the bits of one long integer, a row of the classical table at a time, so that two texts of 50,000
characters take a fraction of a second: Hyyrö, "A bit-vector algorithm for computing Levenshtein and Damerau edit
distances" (2003), and Hyyrö, "Bit-parallel LCS-length computation revisited" (2004).
"""

from collections import Counter
from collections.abc import Hashable, Sequence


def edit_distance(one: Sequence[Hashable], other: Sequence[Hashable]) -> int:
    """Levenshtein's: the fewest insertions, deletions and replacements that make one the other."""
    if len(one) < len(other):
        one, other = other, one
    if not other:
        return len(one)
    places: dict[Hashable, int] = {}
    for number, item in enumerate(other):
        places[item] = places.get(item, 0) | 1 << number
    every = (1 << len(other)) - 1
    last = 1 << (len(other) - 1)
    up, down, distance = every, 0, len(other)
    for item in one:
        there = places.get(item, 0)
        diagonal = (((there & up) + up) ^ up) | there | down
        right = down | (every & ~(diagonal | up))
        left = up & diagonal
        if right & last:
            distance += 1
        elif left & last:
            distance -= 1
        right = (right << 1 | 1) & every
        up = (left << 1 & every) | (every & ~(diagonal | right))
        down = right & diagonal
    return distance


def common_subsequence(one: Sequence[Hashable], other: Sequence[Hashable]) -> int:
    """The length of the longest sequence that stands in both in its order, gaps allowed."""
    if len(one) < len(other):
        one, other = other, one
    places: dict[Hashable, int] = {}
    for number, item in enumerate(other):
        places[item] = places.get(item, 0) | 1 << number
    every = (1 << len(other)) - 1
    row = every
    for item in one:
        met = row & places.get(item, 0)
        row = ((row + met) | (row - met)) & every
    return len(other) - row.bit_count()


def shared(one: Sequence[Hashable], other: Sequence[Hashable]) -> int:
    """How many items both have, each as often as the one that has it less."""
    return (Counter(one) & Counter(other)).total()


def f_measure(common: float, one: float, other: float, beta: float = 1.0) -> float:
    """F of precision ``common / one`` and recall ``common / other``; ``beta`` above 1 gives recall more weight.
    Van Rijsbergen (1979), chapter 7. 0 where nothing is common."""
    if common <= 0 or one <= 0 or other <= 0:
        return 0.0
    square = beta * beta
    return (1 + square) * common / (square * other + one)


def best_pairs(worth: Sequence[Sequence[float]]) -> list[int]:
    """For each row the column it is paired with, -1 for none, so that the pairs' worth (within 0 and 1) is as much as
    can be: the assignment problem, by the Hungarian method with potentials. n rows take n * n * columns steps."""
    rows, columns = len(worth), len(worth[0]) if worth else 0
    if not rows or not columns:
        return [-1] * rows
    size = max(rows, columns)
    cost = [[-worth[r][c] if r < rows and c < columns else 0.0 for c in range(size)] for r in range(size)]
    of_row, of_column = [0.0] * (size + 1), [0.0] * (size + 1)
    owner = [0] * (size + 1)  # the row of a column, counted from 1; 0 is nobody
    for row in range(1, size + 1):
        owner[0] = row
        column, least, came, used = 0, [float("inf")] * (size + 1), [0] * (size + 1), [False] * (size + 1)
        while owner[column]:
            used[column] = True
            here, delta, following = owner[column], float("inf"), 0
            for other in range(1, size + 1):
                if used[other]:
                    continue
                price = cost[here - 1][other - 1] - of_row[here] - of_column[other]
                if price < least[other]:
                    least[other], came[other] = price, column
                if least[other] < delta:
                    delta, following = least[other], other
            for other in range(size + 1):
                if used[other]:
                    of_row[owner[other]] += delta
                    of_column[other] -= delta
                else:
                    least[other] -= delta
            column = following
        while column:
            owner[column] = owner[came[column]]
            column = came[column]
    pairs = [-1] * rows
    for column in range(1, size + 1):
        row = owner[column] - 1
        if row < rows and column - 1 < columns:
            pairs[row] = column - 1
    return pairs
