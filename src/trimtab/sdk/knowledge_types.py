"""What the API says about corpora; docs/knowledge.md. Times are Unix ms."""

from typing import Any

from msgspec import Struct


class Chunker(Struct, frozen=True, kw_only=True):
    """``size`` and ``overlap`` are words."""

    kind: str
    size: int
    overlap: int


class EmbedderOf(Struct, frozen=True, kw_only=True):
    """``local``, a model of the project, or "" for none."""

    model: str


class Corpus(Struct, frozen=True, kw_only=True):
    """``newest`` is its newest version, ``ready`` the newest that can be searched (0: none)."""

    name: str
    description: str
    owner: str
    access: list[str]
    chunker: Chunker
    embedder: EmbedderOf
    stale_days: int | None
    documents: int
    newest: int
    ready: int
    revision: int
    archived: int | None
    created: int
    updated: int


class Document(Struct, frozen=True, kw_only=True):
    """``updated`` is when its source was changed, ``checked`` when the two were last compared."""

    id: str
    title: str
    source: str
    kind: str
    hash: str
    size: int
    access: list[str]
    about: list[str]
    updated: int
    put: int
    checked: int | None
    source_state: str
    stale: bool
    removed: int | None
    erased: int | None


class DocumentText(Struct, frozen=True, kw_only=True):
    """``text`` is null where it was erased, and empty for who may not read content."""

    document: Document
    text: str | None
    metadata: dict[str, Any]


class DocumentsPut(Struct, frozen=True, kw_only=True):
    """By ids. ``restated``: the same text, and others may see it or it is of another time."""

    added: list[str]
    changed: list[str]
    restated: list[str]
    same: list[str]


class DocumentsGone(Struct, frozen=True, kw_only=True):
    """``answers`` kept for experiments and ``cells`` of experiments lost what they said with it."""

    removed: int
    erased: int
    answers: int = 0
    cells: int = 0


class CorpusVersion(Struct, frozen=True, kw_only=True):
    """``state`` is queued, building, ready or failed; ``reason`` says why it waits or failed."""

    corpus: str
    number: int
    hash: str
    chunker: Chunker
    embedder: EmbedderOf
    state: str
    reason: str
    documents: int
    done: int
    chunks: int
    dimension: int
    author: str
    author_name: str
    message: str
    created: int
    built: int | None


class CorpusPublished(Struct, frozen=True, kw_only=True):
    """``created`` is false where the newest version is the same already."""

    version: CorpusVersion
    created: bool


class FoundPassage(Struct, frozen=True, kw_only=True):
    """A chunk and how it was found; docs/knowledge.md. ``withheld``: whoever asks may not read content."""

    document: str
    chunk: str
    title: str
    source: str
    text: str
    start: int
    end: int
    score: float
    meaning: float | None
    meaning_rank: int | None
    words: float | None
    words_rank: int | None
    terms: dict[str, float]
    updated: int
    stale: bool
    allowed: str = ""
    withheld: bool = False


class FoundPassages(Struct, frozen=True, kw_only=True):
    """``considered`` of ``chunks`` were searched: those that the seeker may see."""

    corpus: str
    version: int
    hash: str
    mode: str
    considered: int
    chunks: int
    notes: list[str]
    embed_ms: float
    search_ms: float
    passages: list[FoundPassage]


class AgedDocument(Struct, frozen=True, kw_only=True):
    document: str
    updated: int
    checked: int | None
    source_state: str


class CorpusFreshness(Struct, frozen=True, kw_only=True):
    """``stale`` is null where any age is allowed."""

    documents: int
    stale: int | None
    stale_days: int | None
    oldest: int | None
    median: int | None
    newest: int | None
    never_checked: int
    sources: dict[str, int]
    worst: list[AgedDocument]
