"""A window of whole sentences that moves over the text: for prose, and whatever has no headings."""

from typing import Final

from trimtab.retrieval.chunkers import Chunker
from trimtab.retrieval.chunkers._packing import pack
from trimtab.retrieval.types import ChunkerSpec, Span


def cut(text: str, spec: ChunkerSpec) -> list[Span]:
    return pack(text, 0, len(text), spec)


PLUG: Final = Chunker(version=2, cut=cut)
