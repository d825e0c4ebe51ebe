"""What was made of one revision of a document by one recipe: its chunks' offsets, their vectors and their words.

It rests as one value per revision, so that a version of many documents is read in few rows, and another version with
the same revision makes nothing anew. A chunk's hash is over what is embedded of it (title, headings, text): where a
document changed in one place, the vectors of its other chunks are taken from what was made of it before.
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from trimtab.retrieval import words
from trimtab.retrieval.chunkers import CHUNKERS
from trimtab.retrieval.types import ChunkerSpec, EmbedderSpec, Span, Text

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Vectors = npt.NDArray[np.float32]

HASH: Final = 16
"""Bytes of a chunk's hash."""
_decode: Final = msgspec.msgpack.Decoder
_encode: Final = msgspec.msgpack.Encoder().encode


class Pieces(Struct, frozen=True, kw_only=True, array_like=True):
    """Of ``chunks`` chunks. ``starts`` and ``ends`` are int32, ``hashes`` 16 bytes each, ``vectors`` float32 rows of
    length 1 and of ``dimension`` (none where that is 0). The words of chunk i are ``terms[bounds[i]:bounds[i + 1]]``
    (uint64, each once, sorted), so often as ``counts`` (uint16) says; ``bounds`` are int32. All little-endian.
    ``under`` are the headings."""

    chunks: int
    dimension: int
    starts: bytes
    ends: bytes
    hashes: bytes
    vectors: bytes
    terms: bytes
    counts: bytes
    bounds: bytes
    under: tuple[str, ...]


class Cut(Struct, frozen=True):
    """A document that was cut: its chunks, and what is embedded of each."""

    spans: tuple[Span, ...]
    texts: tuple[str, ...]

    def hashes(self) -> list[bytes]:
        return [blake2b(text.encode("utf-8", "replace"), digest_size=HASH).digest() for text in self.texts]


def recipe(chunker: ChunkerSpec, embedder: EmbedderSpec) -> str:
    """What pieces are made by, as a name of 32 hex digits: what differs in nothing that matters has the same."""
    version = CHUNKERS.get(chunker.kind).version
    said = msgspec.json.encode((chunker.kind, version, chunker.size, chunker.overlap, embedder.model, words.VERSION))
    return blake2b(said, digest_size=16).hexdigest()


def cut(text: Text, chunker: ChunkerSpec) -> Cut:
    """Raises `NotFound` for a chunker there is not."""
    spans = tuple(CHUNKERS.get(chunker.kind).cut(text.body, chunker))
    return Cut(spans, tuple(_embedded(text, each) for each in spans))


def _embedded(text: Text, span: Span) -> str:
    """A chunk with where it stands: alone, "it costs 5 EUR" says of nothing what it costs."""
    head = [part for part in (text.title, span.under) if part]
    if len(head) == 2 and span.under.split(" > ")[0] == text.title:
        head = head[1:]
    chunk = text.body[span.start : span.end]
    return f"{': '.join(head)}\n{chunk}" if head else chunk


def packed(made: Cut, vectors: "Vectors | None") -> bytes:
    """``vectors``: one row of length 1 for each chunk, None for none."""
    import numpy as np

    marks: dict[str, int] = {}
    terms: list[Vectors | npt.NDArray[np.uint64]] = []
    counts: list[npt.NDArray[np.uint16]] = []
    bounds = [0]
    for text in made.texts:
        found = {_mark(marks, word): number for word, number in words.counted(text).items()}
        ordered = sorted(found)
        terms.append(np.array(ordered, dtype="<u8"))
        counts.append(np.array([min(found[each], 65_535) for each in ordered], dtype="<u2"))
        bounds.append(bounds[-1] + len(ordered))
    return _encode(
        Pieces(
            chunks=len(made.spans),
            dimension=0 if vectors is None or not len(made.spans) else int(vectors.shape[1]),
            starts=np.array([each.start for each in made.spans], dtype="<i4").tobytes(),
            ends=np.array([each.end for each in made.spans], dtype="<i4").tobytes(),
            hashes=b"".join(made.hashes()),
            vectors=b"" if vectors is None else np.ascontiguousarray(vectors, dtype="<f4").tobytes(),
            terms=np.concatenate(terms).tobytes() if terms else b"",
            counts=np.concatenate(counts).tobytes() if counts else b"",
            bounds=np.array(bounds, dtype="<i4").tobytes(),
            under=tuple(each.under for each in made.spans),
        )
    )


def _mark(known: dict[str, int], word: str) -> int:
    found = known.get(word)
    if found is None:
        found = known[word] = words.mark(word)
    return found


def opened(body: bytes) -> Pieces:
    return _decode(Pieces).decode(body)


def known_vectors(body: bytes) -> "dict[bytes, Vectors]":
    """The vectors in what was made before, by their chunk's hash."""
    import numpy as np

    found = opened(body)
    if not found.dimension:
        return {}
    rows = np.frombuffer(found.vectors, dtype="<f4").reshape(found.chunks, found.dimension)
    return {found.hashes[at * HASH : (at + 1) * HASH]: rows[at] for at in range(found.chunks)}


def missing(made: Cut, known: "Mapping[bytes, Vectors]") -> list[int]:
    """Numbers of the chunks that must be embedded; of several with one text the first."""
    seen = set(known)
    wanted: list[int] = []
    for number, each in enumerate(made.hashes()):
        if each not in seen:
            seen.add(each)
            wanted.append(number)
    return wanted
