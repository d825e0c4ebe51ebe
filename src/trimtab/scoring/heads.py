"""Small classifiers of our own: a logistic regression over features of a text, with or without the local embedder's
numbers. What made each, and how well it does, is in docs/classifiers.md; `bench/eval/train_heads.py` trains them."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

FOLDER: Final = Path(__file__).parent / "weights"
EMBEDDER: Final = "all-MiniLM-L6-v2-int8"
"""The model whose vectors heads are trained on; with any other they mean nothing."""
SCALE: Final = 8.0
"""Unit vectors of 384 numbers are brought to about unit variance, so that they weigh like other features."""


class Head(Struct, frozen=True, kw_only=True):
    """``features`` names what the first weights are of; after them come, where ``dimension`` is not 0, those of a
    vector's numbers. ``threshold`` is where a chance counts as yes."""

    version: str
    embedder: str
    features: tuple[str, ...]
    dimension: int
    threshold: float
    bias: float
    weights: tuple[float, ...]

    def chance(self, features: Sequence[float], vector: Sequence[float] = ()) -> float:
        """In (0, 1). Raises `ValueError` where there are more or fewer numbers than it was trained on."""
        if len(features) != len(self.features) or len(vector) != self.dimension:
            raise ValueError(f"{self.version} takes {len(self.features)} features and {self.dimension} numbers")
        total = self.bias + math.fsum(w * x for w, x in zip(self.weights, features, strict=False))
        if vector:
            total += SCALE * math.fsum(w * x for w, x in zip(self.weights[len(features) :], vector, strict=True))
        return 1.0 / (1.0 + math.exp(-max(-700.0, min(700.0, total))))


class HeadFile:
    """A head that is read when it is first asked for."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._head: Head | None = None

    def get(self) -> Head:
        if self._head is None:
            self._head = load(self._name)
        return self._head


def load(name: str) -> Head:
    """Raises `ValueError` for one that was trained on another embedder."""
    head = msgspec.json.decode((FOLDER / f"{name}.json").read_bytes(), type=Head)
    if head.dimension and head.embedder != EMBEDDER:
        raise ValueError(f"{name} was trained on {head.embedder}, and texts are embedded with {EMBEDDER}")
    if len(head.weights) != len(head.features) + head.dimension:
        raise ValueError(f"{name} has {len(head.weights)} weights for {len(head.features)} + {head.dimension} numbers")
    return head
