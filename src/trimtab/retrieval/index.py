"""What is searched: the chunks of one version as arrays. Exact, and without a line of SQL.

Every chunk that the seeker may see is compared: by the cosine of vectors of length 1, and by BM25 (S. Robertson, H.
Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009, section 3.4), whose term weights are worked
out when the index is made. The inverse document frequencies in them are those of the whole version: a rank may so tell
that a word is rare, and nothing else of what the seeker may not see.

The two lists are joined by the sum of reciprocal ranks (G. Cormack, C. Clarke, S. Buettcher, SIGIR 2009), in
`search.py`.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

from trimtab.retrieval.pieces import Pieces

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]
    Ints = npt.NDArray[np.int32]
    Marks = npt.NDArray[np.uint64]
    Mask = npt.NDArray[np.bool_]

FORMAT: Final = 1
"""Goes up whenever files of an older program mean something else."""
K1: Final = 1.2
B: Final = 0.75
GATHER: Final = 0.25
"""Where a smaller share of the chunks is admitted, their vectors are gathered; above it all are multiplied, which reads
memory in order."""
ABOUT: Final = "about.msgpack"
ARRAYS: Final = (
    "docs", "firsts", "lasts", "under", "starts", "ends", "vectors", "marks", "heads", "postings", "weights", "text",
)  # fmt: skip


class Doc(Struct, frozen=True, array_like=True):
    """A document of the index: what of it stands with a passage."""

    id: str
    title: str
    source: str


class About(Struct, frozen=True, array_like=True):
    """``headings`` are all there are, each once. ``left_out`` documents could not be put in (erased, or their key
    destroyed)."""

    format: int
    documents: tuple[Doc, ...]
    headings: tuple[str, ...]
    chunks: int
    dimension: int
    left_out: int


class Place(Struct, frozen=True):
    """Where a chunk stands: which of its document it is, from 0, its characters there, and below which headings."""

    number: int
    start: int
    end: int
    under: str


class Part(Struct, frozen=True):
    """A document on its way into an index: what it says, encoded, and its pieces. ``offsets`` are the chunks' starts
    and ends as bytes of ``text``."""

    doc: Doc
    text: bytes
    pieces: Pieces
    offsets: tuple[bytes, bytes]


class Scored(Struct, frozen=True):
    """Chunks, best first, with their scores."""

    chunks: "Ints"
    scores: "Floats"


class Index:
    """Immutable; safe to search from several threads. ``bytes`` is about what it takes, mapped or not."""

    def __init__(self, about: About, arrays: dict[str, Any]) -> None:
        self.about = about
        self.docs: Ints = arrays["docs"]
        self._firsts: Ints = arrays["firsts"]
        self._lasts: Ints = arrays["lasts"]
        self._under: Ints = arrays["under"]
        self._starts: npt.NDArray[np.int64] = arrays["starts"]
        self._ends: npt.NDArray[np.int64] = arrays["ends"]
        self.vectors: Floats = arrays["vectors"]
        self._marks: Marks = arrays["marks"]
        self._heads: npt.NDArray[np.int64] = arrays["heads"]
        self._postings: Ints = arrays["postings"]
        self._weights: Floats = arrays["weights"]
        self._text: npt.NDArray[np.uint8] = arrays["text"]
        held: list[npt.NDArray[Any]] = list(arrays.values())
        self.bytes = sum(each.nbytes for each in held)
        self.numbers = {doc.id: number for number, doc in enumerate(about.documents)}

    def __len__(self) -> int:
        return self.about.chunks

    def text_of(self, chunk: int) -> str:
        """What a chunk says."""
        return self._text[int(self._starts[chunk]) : int(self._ends[chunk])].tobytes().decode()

    def place_of(self, chunk: int) -> Place:
        docs: Any = self.docs
        first = int(docs.searchsorted(docs[chunk], "left"))
        under = self.about.headings[int(self._under[chunk])]
        return Place(chunk - first, int(self._firsts[chunk]), int(self._lasts[chunk]), under)

    def meaning(self, question: "Floats", admitted: "Mask | None", most: int) -> Scored:
        """The chunks nearest to a vector of length 1, by cosine. ``admitted`` None: all."""
        import numpy as np

        if not self.about.dimension:
            return _none()
        if admitted is None:
            return _best(self.vectors @ question, None, most)
        numbers = np.flatnonzero(admitted).astype(np.int32)
        if len(numbers) < GATHER * len(self):
            return _best(_gathered(self.vectors, numbers, question), numbers, most)
        scores = self.vectors @ question
        return _best(scores[numbers], numbers, most)

    def cosines(self, question: "Floats", chunks: "Ints") -> "Floats":
        return self.vectors[chunks] @ question

    def words(self, marks: "Sequence[int]", admitted: "Mask | None", most: int) -> Scored:
        """The chunks with the highest BM25 score for these words, those without any left out."""
        import numpy as np

        scores = np.zeros(len(self), dtype=np.float32)
        for mark in marks:
            chunks, weights = self._postings_of(mark)
            scores[chunks] += weights
        found = scores > 0 if admitted is None else (scores > 0) & admitted
        numbers = np.flatnonzero(found).astype(np.int32)
        return _best(scores[numbers], numbers, most)

    def weights_of(self, mark: int, chunk: int) -> float:
        """What one word adds to a chunk's BM25 score."""
        chunks, weights = self._postings_of(mark)
        at = int(chunks.searchsorted(chunk))
        return float(weights[at]) if at < len(chunks) and int(chunks[at]) == chunk else 0.0

    def _postings_of(self, mark: int) -> "tuple[Ints, Floats]":
        import numpy as np

        at = int(self._marks.searchsorted(np.uint64(mark)))
        if at == len(self._marks) or int(self._marks[at]) != mark:
            return self._postings[:0], self._weights[:0]
        here = slice(int(self._heads[at]), int(self._heads[at + 1]))
        return self._postings[here], self._weights[here]

    # --- files ---

    def save(self, folder: Path) -> None:
        """Write it into an empty folder. Raises `OSError`."""
        import numpy as np

        arrays = (
            self.docs, self._firsts, self._lasts, self._under, self._starts, self._ends, self.vectors, self._marks,
            self._heads, self._postings, self._weights, self._text,
        )  # fmt: skip
        for name, array in zip(ARRAYS, arrays, strict=True):
            np.save(folder / f"{name}.npy", array, allow_pickle=False)
        (folder / ABOUT).write_bytes(msgspec.msgpack.encode(self.about))


def load(folder: Path) -> Index | None:
    """An index whose arrays are mapped; None where there is none of this format. Raises `OSError` and `ValueError` for
    one that is damaged."""
    import numpy as np

    try:
        body = (folder / ABOUT).read_bytes()
    except FileNotFoundError:
        return None
    try:
        about = msgspec.msgpack.decode(body, type=About)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error
    if about.format != FORMAT:
        return None
    arrays: dict[str, Any] = {}
    for name in ARRAYS:
        path = folder / f"{name}.npy"
        # What is empty cannot be mapped.
        empty = about.chunks == 0 or (name == "vectors" and about.dimension == 0)
        arrays[name] = np.load(path, mmap_mode=None if empty else "r", allow_pickle=False)
    if len(arrays["docs"]) != about.chunks or arrays["vectors"].shape != (about.chunks, about.dimension):
        raise ValueError("its arrays are not as long as it says")
    return Index(about, arrays)


def made(parts: Iterable[Part], left_out: int = 0) -> Index:
    """An index of documents, in their order. Heavy (about a second for 100,000 chunks): never on an event loop."""
    import numpy as np

    documents: list[Doc] = []
    kept: list[Pieces] = []
    texts: list[bytes] = []
    starts: list[npt.NDArray[np.int64]] = []
    ends: list[npt.NDArray[np.int64]] = []
    docs: list[Ints] = []
    headings: dict[str, int] = {}
    under: list[int] = []
    at = 0
    for number, part in enumerate(parts):
        documents.append(part.doc)
        kept.append(part.pieces)
        texts.append(part.text)
        starts.append(np.frombuffer(part.offsets[0], dtype="<i8") + at)
        ends.append(np.frombuffer(part.offsets[1], dtype="<i8") + at)
        docs.append(np.full(part.pieces.chunks, number, dtype=np.int32))
        under += [headings.setdefault(each, len(headings)) for each in part.pieces.under]
        at += len(part.text)
    chunks = sum(each.chunks for each in kept)
    dimension = max((each.dimension for each in kept), default=0)
    marks, heads, postings, weights = _inverted(kept, chunks)
    arrays: dict[str, Any] = {
        "docs": _joined(docs, np.int32),
        "firsts": _joined([np.frombuffer(each.starts, dtype="<i4") for each in kept], np.int32),
        "lasts": _joined([np.frombuffer(each.ends, dtype="<i4") for each in kept], np.int32),
        "under": np.array(under, dtype=np.int32),
        "starts": _joined(starts, np.int64),
        "ends": _joined(ends, np.int64),
        "vectors": _vectors(kept, chunks, dimension),
        "marks": marks,
        "heads": heads,
        "postings": postings,
        "weights": weights,
        "text": np.frombuffer(b"".join(texts), dtype=np.uint8),
    }
    about = About(FORMAT, tuple(documents), tuple(headings), chunks, dimension, left_out)
    return Index(about, arrays)


def offsets(text: str, pieces: Pieces) -> tuple[bytes, bytes]:
    """A document's chunks as bytes of its text in UTF-8, for `Part`."""
    import numpy as np

    starts, ends = np.frombuffer(pieces.starts, dtype="<i4"), np.frombuffer(pieces.ends, dtype="<i4")
    if text.isascii():
        return starts.astype("<i8").tobytes(), ends.astype("<i8").tobytes()
    # Bytes before each character: those that begin one are not 10xxxxxx.
    body = np.frombuffer(text.encode(), dtype=np.uint8)
    begins = np.append(np.flatnonzero((body & 0xC0) != 0x80), len(body))
    return begins[starts].astype("<i8").tobytes(), begins[ends].astype("<i8").tobytes()


def _joined(parts: "list[Any]", kind: Any) -> Any:
    import numpy as np

    return np.concatenate(parts).astype(kind, copy=False) if parts else np.zeros(0, dtype=kind)


def _vectors(kept: list[Pieces], chunks: int, dimension: int) -> "Floats":
    import numpy as np

    whole = np.zeros((chunks, dimension), dtype=np.float32)
    at = 0
    for each in kept:
        if each.dimension:
            whole[at : at + each.chunks] = np.frombuffer(each.vectors, dtype="<f4").reshape(each.chunks, dimension)
        at += each.chunks
    return whole


def _inverted(kept: list[Pieces], chunks: int) -> "tuple[Marks, npt.NDArray[np.int64], Ints, Floats]":
    """Words, sorted; where the postings of each begin; postings sorted by word and chunk; what each adds."""
    import numpy as np

    terms = _joined([np.frombuffer(each.terms, dtype="<u8") for each in kept], np.uint64)
    counts = _joined([np.frombuffer(each.counts, dtype="<u2") for each in kept], np.float32)
    widths = _joined([np.diff(np.frombuffer(each.bounds, dtype="<i4")) for each in kept], np.int64)
    if not len(terms):
        empty = np.zeros(0, dtype=np.float32)
        return np.zeros(0, np.uint64), np.zeros(1, np.int64), np.zeros(0, np.int32), empty
    chunk_of = np.repeat(np.arange(chunks, dtype=np.int32), widths)
    lengths = np.bincount(chunk_of, weights=counts, minlength=chunks).astype(np.float32)
    order = np.argsort(terms, kind="stable")
    terms, counts, postings = terms[order], counts[order], chunk_of[order]
    marks, first, seen = np.unique(terms, return_index=True, return_counts=True)
    heads = np.append(first, len(terms)).astype(np.int64)
    # log(1 + (N - n + 0.5) / (n + 0.5)) is never below zero, unlike the older form.
    rarity = np.log1p((chunks - seen + 0.5) / (seen + 0.5)).astype(np.float32)
    norm = K1 * (1 - B + B * lengths / max(float(lengths.mean()), 1.0))
    weights = np.repeat(rarity, seen) * counts * (K1 + 1) / (counts + norm[postings])
    return marks, heads, postings, weights.astype(np.float32)


def _gathered(vectors: "Floats", numbers: "Ints", question: "Floats") -> "Floats":
    """Products of some rows, a few at a time, so that few are copied at once."""
    import numpy as np

    found = np.empty(len(numbers), dtype=np.float32)
    for at in range(0, len(numbers), 8192):
        found[at : at + 8192] = vectors[numbers[at : at + 8192]] @ question
    return found


def _best(scores: "Floats", numbers: "Ints | None", most: int) -> Scored:
    """The highest scores, and of equal ones the first chunks."""
    import numpy as np

    if not len(scores):
        return _none()
    kept = np.arange(len(scores)) if len(scores) <= most else np.argpartition(-scores, most - 1)[:most]
    order = kept[np.lexsort((kept, -scores[kept]))]
    chunks = order.astype(np.int32) if numbers is None else numbers[order]
    return Scored(chunks, scores[order])


def _none() -> Scored:
    import numpy as np

    return Scored(np.zeros(0, np.int32), np.zeros(0, np.float32))
