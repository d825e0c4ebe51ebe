"""The judge of difficulty: how likely a small model is to get a question wrong, from its embedding alone.

A logistic regression over the local embedder's 384 numbers, trained by `bench/routing/train_difficulty.py`; what data
made it, how well it does and where it does not is in docs/difficulty-judge.md. The numbers are in ``difficulty.json``.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from trimtab.llm.embedder import DIMENSION, MODEL

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from trimtab.llm.embedder import Vector

FILE = Path(__file__).parent / "difficulty.json"


class Head(Struct, frozen=True, kw_only=True):
    """``embedder`` is the model whose vectors it was trained on; with any other it means nothing."""

    version: str
    embedder: str
    bias: float
    weights: tuple[float, ...]


class Judge:
    """Reads its numbers at once (a few kilobytes) and imports numpy at the first question."""

    def __init__(self, file: Path = FILE) -> None:
        head = msgspec.json.decode(file.read_bytes(), type=Head)
        if head.embedder != MODEL or len(head.weights) != DIMENSION:
            raise ValueError(f"{file.name} was trained on {head.embedder}, this server embeds with {MODEL}")
        self.version = head.version
        self._bias = head.bias
        self._numbers = head.weights
        self._weights: npt.NDArray[np.float32] | None = None

    def difficulty(self, vector: "Vector") -> float:
        """The probability, in (0, 1), that the small model of the training data would have got it wrong."""
        import numpy

        if self._weights is None:
            self._weights = numpy.array(self._numbers, dtype=numpy.float32)
        score = float(self._weights @ vector) + self._bias
        return 1.0 / (1.0 + float(numpy.exp(-score)))
