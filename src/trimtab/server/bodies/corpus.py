"""Bodies of the management API about corpora, their documents and versions, and searches in them. Times are Unix
milliseconds."""

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from trimtab.gateway.apps.knowledge import Mode
from trimtab.retrieval.documents import NewDocument
from trimtab.retrieval.freshness import Aged
from trimtab.retrieval.types import BuildState, ChunkerSpec, EmbedderSpec, Kind, SourceState


class CorpusView(Struct, frozen=True, kw_only=True):
    """``documents`` it has now; ``newest`` is the number of its newest version, ``ready`` that of the newest that can
    be searched (0: none). ``access``: who may search it, empty for all who may search at all. ``stale_days``: null for
    documents that never grow stale. ``archived``: when it was put away."""

    name: str
    description: str
    owner: str
    access: list[str]
    chunker: ChunkerSpec
    embedder: EmbedderSpec
    stale_days: int | None
    documents: int
    newest: int
    ready: int
    revision: int
    archived: int | None
    created: int
    updated: int


class CorpusPage(Struct, frozen=True, kw_only=True):
    items: list[CorpusView]
    cursor: str | None


class PutCorpus(Struct, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays; of a new corpus it is as usual. Another chunker or embedder counts from the next version
    on. ``stale_days`` 0: documents never grow stale. ``expected_revision``: as the editor knew it, 0 for one that is to
    be new; where it is another, the change is refused (409)."""

    description: Annotated[str, Meta(max_length=4000)] | UnsetType = UNSET
    owner: Annotated[str, Meta(max_length=200)] | UnsetType = UNSET
    access: tuple[str, ...] | UnsetType = UNSET
    chunker: ChunkerSpec | UnsetType = UNSET
    embedder: EmbedderSpec | UnsetType = UNSET
    stale_days: Annotated[int, Meta(ge=0, le=36_500)] | UnsetType = UNSET
    archived: bool | UnsetType = UNSET
    expected_revision: int | None = None


class DocumentView(Struct, frozen=True, kw_only=True):
    """``hash`` names what it says now; ``size`` is characters. ``access``: who may see it, empty for all who may search
    the corpus. ``about``: end users it tells of. ``updated`` is when its source was changed, ``checked`` when the two
    were last compared. ``stale``: older than the corpus allows. ``removed``: no later version has it; ``erased``: it is
    gone from all."""

    id: str
    title: str
    source: str
    kind: Kind
    hash: str
    size: int
    access: list[str]
    about: list[str]
    updated: int
    put: int
    checked: int | None
    source_state: SourceState
    stale: bool
    removed: int | None
    erased: int | None


class DocumentPage(Struct, frozen=True, kw_only=True):
    items: list[DocumentView]
    cursor: str | None


class DocumentText(Struct, frozen=True, kw_only=True):
    """A document with what it says: ``text`` as it is kept (HTML as Markdown). Null where it was erased."""

    document: DocumentView
    text: str | None
    metadata: dict[str, Any]


class PutDocuments(Struct, kw_only=True, forbid_unknown_fields=True):
    """All of them, or none. At most 500 at once."""

    items: tuple[NewDocument, ...]


class DocumentsPut(Struct, frozen=True, kw_only=True):
    """What came of it, by ids. ``restated``: the same text, and others may see it or it is of another time."""

    added: list[str]
    changed: list[str]
    restated: list[str]
    same: list[str]


class RestateDocument(Struct, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays. In force at once, in every version. ``expected_access``: the list that it is to have had
    so far; refused (409) where it is another by now."""

    access: tuple[str, ...] | UnsetType = UNSET
    about: tuple[str, ...] | UnsetType = UNSET
    updated: Annotated[int, Meta(ge=0)] | UnsetType = UNSET
    expected_access: tuple[str, ...] | None = None


class DocumentsGone(Struct, frozen=True, kw_only=True):
    """``answers`` kept for experiments, verdicts among them, were removed, and ``cells`` of experiments emptied, that
    were made with what is erased."""

    removed: int
    erased: int
    answers: int = 0
    cells: int = 0


class CorpusVersionView(Struct, frozen=True, kw_only=True):
    """Immutable but for how far it is built: ``done`` of ``documents``. ``reason`` says why it waits or failed.
    ``dimension`` of its vectors is 0 where it has none."""

    corpus: str
    number: int
    hash: str
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


class CorpusVersionPage(Struct, frozen=True, kw_only=True):
    items: list[CorpusVersionView]
    cursor: str | None


class PublishCorpus(Struct, kw_only=True, forbid_unknown_fields=True):
    message: Annotated[str, Meta(max_length=2000)] = ""


class CorpusPublished(Struct, frozen=True, kw_only=True):
    """``created`` is false where the newest version is the same already."""

    version: CorpusVersionView
    created: bool


class SearchCorpus(Struct, kw_only=True, forbid_unknown_fields=True):
    """``version`` 0 is the newest that is ready. ``least``: the lowest cosine similarity of a passage. ``user`` and
    ``groups``: as whom; who has a key that may call models says it for its users, other people search as
    themselves."""

    text: Annotated[str, Meta(min_length=1, max_length=20_000)]
    version: Annotated[int, Meta(ge=0, le=999_999_999)] = 0
    top: Annotated[int, Meta(ge=1, le=100)] = 5
    mode: Mode = "hybrid"
    least: Annotated[float, Meta(ge=-1, le=1)] | None = None
    user: Annotated[str, Meta(max_length=256)] = ""
    groups: Annotated[tuple[Annotated[str, Meta(max_length=256)], ...], Meta(max_length=100)] = ()


class PassageView(Struct, frozen=True, kw_only=True):
    """A chunk that was found: characters ``start`` to before ``end`` of its document. ``score`` is what it is ranked
    by; ``meaning`` is its cosine and ``words`` its BM25 score, with its rank in each list (null: that list does not
    have it), and ``terms`` what each word of the question adds to the latter; ``allowed`` why the seeker may see it.
    Who may not read content has neither ``text`` nor ``terms``: they are ``withheld``."""

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
    allowed: str
    withheld: bool = False


class SearchResult(Struct, frozen=True, kw_only=True):
    """``considered`` of ``chunks`` were searched: those that the seeker may see. ``mode`` is how; ``notes`` say why it
    is another than was asked for."""

    corpus: str
    version: int
    hash: str
    mode: Mode
    considered: int
    chunks: int
    notes: list[str]
    embed_ms: float
    search_ms: float
    passages: list[PassageView]


class CorpusFreshness(Struct, frozen=True, kw_only=True):
    """How old the documents are. ``stale``: older than ``stale_days`` (null where any age is allowed). ``sources``
    counts them by how their sources were when they were last compared; ``worst`` are the oldest of those that are stale
    or whose sources say something else, 100 at most."""

    documents: int
    stale: int | None
    stale_days: int | None
    oldest: int | None
    median: int | None
    newest: int | None
    never_checked: int
    sources: dict[str, int]
    worst: list[Aged]


class SourcesSeen(Struct, kw_only=True, forbid_unknown_fields=True):
    """How the sources of documents were found to be, by the documents' ids. At most 5,000 at once."""

    items: Annotated[dict[str, SourceState], Meta(max_length=5000)]


class SourcesNoted(Struct, frozen=True, kw_only=True):
    noted: int
