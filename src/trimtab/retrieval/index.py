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


class Making:
    """An index while documents are added, in their order: of each only what stands in the index is kept. ``chunks`` and
    ``dimension`` are what is expected, so that vectors are written where they stay; another number does no harm. Heavy
    (about a second for 100,000 chunks): never on an event loop."""

    def __init__(self, chunks: int = 0, dimension: int = 0) -> None:
        import numpy as np

        self._documents: list[Doc] = []
        self._text = bytearray()
        self._headings: dict[str, int] = {}
        self._under: list[int] = []
        self._columns: dict[str, list[Any]] = {
            name: [] for name in ("docs", "firsts", "lasts", "starts", "ends", "terms", "counts", "widths")
        }
        self._chunks = 0
        self._vectors: Floats = np.zeros((chunks, dimension), dtype=np.float32)

    def add(self, part: Part) -> None:
        import numpy as np

        made, at = part.pieces, len(self._text)
        here = {
            "docs": np.full(made.chunks, len(self._documents), dtype=np.int32),
            "firsts": np.frombuffer(made.starts, dtype="<i4"),
            "lasts": np.frombuffer(made.ends, dtype="<i4"),
            "starts": np.frombuffer(part.offsets[0], dtype="<i8") + at,
            "ends": np.frombuffer(part.offsets[1], dtype="<i8") + at,
            "terms": np.frombuffer(made.terms, dtype="<u8"),
            "counts": np.frombuffer(made.counts, dtype="<u2"),
            "widths": np.diff(np.frombuffer(made.bounds, dtype="<i4")),
        }
        for name, column in here.items():
            self._columns[name].append(column)
        self._under += [self._headings.setdefault(each, len(self._headings)) for each in made.under]
        self._documents.append(part.doc)
        self._text += part.text
        self._put_vectors(made)
        self._chunks += made.chunks

    def _put_vectors(self, made: Pieces) -> None:
        import numpy as np

        end = self._chunks + made.chunks
        rows, dimension = self._vectors.shape
        if end > rows or (made.dimension and made.dimension != dimension):
            grown = np.zeros((max(end, rows + rows // 2), made.dimension or dimension), dtype=np.float32)
            if dimension == grown.shape[1]:
                grown[: self._chunks] = self._vectors[: self._chunks]
            elif self._vectors[: self._chunks].any():
                raise ValueError(f"vectors of {made.dimension} numbers behind some of {dimension}")
            self._vectors = grown
        if made.dimension:
            given = np.frombuffer(made.vectors, dtype="<f4")
            self._vectors[self._chunks : end] = given.reshape(made.chunks, made.dimension)

    def done(self, left_out: int = 0) -> Index:
        """Once, and nothing is added behind it."""
        import numpy as np

        chunks = self._chunks
        marks, heads, postings, weights = _inverted(
            self._column("terms", np.uint64),
            self._column("counts", np.float32),
            self._column("widths", np.int64),
            chunks,
        )
        vectors = self._vectors[:chunks]
        arrays: dict[str, Any] = {
            "docs": self._column("docs", np.int32),
            "firsts": self._column("firsts", np.int32),
            "lasts": self._column("lasts", np.int32),
            "under": np.array(self._under, dtype=np.int32),
            "starts": self._column("starts", np.int64),
            "ends": self._column("ends", np.int64),
            "vectors": vectors,
            "marks": marks,
            "heads": heads,
            "postings": postings,
            "weights": weights,
            "text": np.frombuffer(self._text, dtype=np.uint8),
        }
        documents, headings = tuple(self._documents), tuple(self._headings)
        return Index(About(FORMAT, documents, headings, chunks, vectors.shape[1], left_out), arrays)

    def _column(self, name: str, kind: Any) -> Any:
        import numpy as np

        parts = self._columns.pop(name)
        return np.concatenate(parts).astype(kind, copy=False) if parts else np.zeros(0, dtype=kind)


def made(parts: Iterable[Part]) -> Index:
    """An index of documents, in their order."""
    making = Making()
    for each in parts:
        making.add(each)
    return making.done()


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


def _inverted(terms: Any, counts: Any, widths: Any, chunks: int) -> "tuple[Marks, npt.NDArray[np.int64], Ints, Floats]":
    """Words, sorted; where the postings of each begin; postings sorted by word and chunk; what each adds. Of the words
    of all chunks, how often each, and how many different ones each chunk has."""
    import numpy as np

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
