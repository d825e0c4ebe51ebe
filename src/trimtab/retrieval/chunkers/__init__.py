"""Ways to cut a document into chunks: one file each, found by its name. A chunker is pure, keeps to the words of the
document (a chunk is a part of the text, told by its offsets), and gives the same chunks for the same text on every
machine: versions of corpora count on that."""

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from trimtab.core.registry import Registry
from trimtab.retrieval.types import ChunkerSpec, Span


class Chunker(Struct, frozen=True, kw_only=True):
    """``cut`` gives the chunks in their order; together they hold every word of the text, and overlap as the spec says.
    ``version`` goes up whenever the same text might be cut otherwise."""

    version: int
    cut: Callable[[str, ChunkerSpec], list[Span]]


CHUNKERS: Final[Registry[Chunker]] = Registry("chunker", "trimtab.retrieval.chunkers")
