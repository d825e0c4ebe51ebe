"""Several questions at once: p-values adjusted so that the chance of any false finding stays what it was to be."""

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values in the order given: those at most alpha are findings, and any false one among them has a chance
    of alpha at most, however the questions hang together (S. Holm 1979, A simple sequentially rejective multiple test
    procedure, Scand. J. Statist. 6)."""
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted
