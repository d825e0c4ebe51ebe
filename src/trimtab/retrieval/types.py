"""The things of this room. All frozen; times are Unix ms; authors are ids of keys or people.

Corpus -- documents now --publish--> CorpusVersion --build--> Pieces of each revision --shelf--> Index --search--> Hit
"""

from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

NAME: Final = r"[a-z0-9][a-z0-9._-]{0,63}"
DOCUMENT: Final = r"[^\x00-\x1f\x7f/]{1,128}"
"""What ids of documents are like: they stand in addresses."""
LABEL: Final = r"\*|(?:user|group|role|key):[^\x00-\x1f\x7f]{1,256}"
"""What access lists hold: ``user:ada``, ``group:legal``, ``role:viewer``, ``key:key_...``, or ``*`` for everybody."""
MOST_TEXT: Final = 2_000_000
"""Characters of a document."""
MOST_DOCUMENTS: Final = 200_000
"""Of a corpus."""
LOCAL: Final = "local"
"""The embedder that needs no key and no network."""

Kind = Literal["text", "markdown", "html"]
BuildState = Literal["queued", "building", "ready", "failed"]
SourceState = Literal["unknown", "same", "changed", "gone"]
"""How a document's source was when somebody last looked."""


class ChunkerSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How documents are cut. ``kind`` is a file of `chunkers`; ``size`` and ``overlap`` are words."""

    kind: str = "headings"
    size: Annotated[int, Meta(ge=16, le=2000)] = 160
    overlap: Annotated[int, Meta(ge=0, le=500)] = 24


class EmbedderSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What makes vectors of chunks and questions: ``local``, the name of a model of the project, or "" for none, which
    searches by words alone."""

    model: Annotated[str, Meta(max_length=200)] = LOCAL


class Corpus(Struct, frozen=True, kw_only=True):
    """``newest`` is the number of its newest version and ``ready`` that of the newest that can be searched, 0 for none.
    ``stale_days``: documents that are older are stale, null for never. ``standing`` goes up with every change of who
    may see what, ``erased`` with every erasure."""

    project_id: str
    name: str
    description: str
    owner: str
    access: tuple[str, ...]
    chunker: ChunkerSpec
    embedder: EmbedderSpec
    stale_days: int | None
    newest: int
    ready: int
    standing: int
    erased: int
    revision: int
    archived: int | None
    created: int
    updated: int


class Text(Struct, frozen=True, kw_only=True):
    """What a document says: a revision of it. ``body`` is plain text or Markdown; HTML was made into that."""

    title: str
    source: str
    kind: Kind
    body: str
    metadata: dict[str, Any] = {}


class Document(Struct, frozen=True, kw_only=True):
    """A document as it is now, without its text. ``text`` is the hash of its revision. ``updated`` is when its source
    was last changed, ``checked`` when somebody last compared the two. ``removed``: no later version has it; ``erased``:
    it is gone from all. ``about`` are the end users it tells of, with whose erasure it goes."""

    corpus: str
    id: str
    text: str
    title: str
    source: str
    kind: Kind
    size: int
    access: tuple[str, ...]
    about: tuple[str, ...]
    updated: int
    put: int
    checked: int | None
    source_state: SourceState
    removed: int | None
    erased: int | None


class CorpusVersion(Struct, frozen=True, kw_only=True):
    """Immutable but for how far it is built: ``done`` of its ``documents``, with ``chunks`` so far. ``hash`` is over
    its documents' revisions, its chunker and its embedder; ``recipe`` names the latter two. ``dimension`` of its
    vectors is 0 where it has none."""

    project_id: str
    corpus: str
    number: int
    hash: str
    recipe: str
    chunker: ChunkerSpec
    embedder: EmbedderSpec
    state: BuildState
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


class Entry(Struct, frozen=True):
    """A document in a version: which revision."""

    document: str
    text: str


class Span(Struct, frozen=True):
    """A chunk: characters of the text from ``start`` to before ``end``, below the headings ``under``."""

    start: int
    end: int
    under: str = ""
