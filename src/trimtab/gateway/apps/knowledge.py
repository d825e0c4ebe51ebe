"""What the gateway needs of knowledge, as plain values: the room ``retrieval`` implements `Search`, and
``server/wiring.py`` hands it in.

    release's PinnedKnowledge + question + Reader --Search--> Found(Passage, ...)

Access is the search's business: what a reader may not see is taken out before anything is ranked, so a `Found` holds
nothing that may not go on, and its scores tell nothing of what else there is.
"""

from collections.abc import Awaitable
from typing import Literal, Protocol

from msgspec import Struct

Mode = Literal["hybrid", "meaning", "words"]
"""By meaning and by words, fused by rank; by embeddings alone; by BM25 alone."""


class Reader(Struct, frozen=True, kw_only=True):
    """Who asks. ``user`` and ``groups`` are what the application says of its end user in the headers ``trimtab-user``
    and ``trimtab-groups`` (a body says nothing of access); ``key_id`` is the id of the key or of the person, and
    ``role`` its role. A document with an access list is for those on it and for nobody else: a reader about whom
    nothing is known gets none of them."""

    user: str = ""
    groups: tuple[str, ...] = ()
    key_id: str = ""
    role: str = ""


class Wanted(Struct, frozen=True, kw_only=True):
    """What a release asks of one corpus. ``version`` is the version's number, 0 for the newest at the time of the
    search (a release that follows its corpus); ``digest`` is the hash of that version's content, ``sha256:`` and 64
    hex digits, empty where it follows. ``top`` bounds the passages; one whose score is below ``least`` is left out
    (None: no bound); scores are those of `Passage.score`."""

    corpus: str
    version: int = 0
    digest: str = ""
    top: int = 4
    least: float | None = None
    mode: Mode = "hybrid"


class Passage(Struct, frozen=True, kw_only=True):
    """One chunk that was found. ``document`` and ``chunk`` are ids, ``revision`` the document's revision; ``source`` is
    its URL or path, empty where it has none. ``start`` and ``end`` are offsets in its text, in characters; ``updated``
    is when the document was last changed (Unix ms), ``stale`` whether that is longer ago than its corpus allows.
    ``score`` is what it is ranked by, better is more: in [0, 1] for ``meaning`` (cosine similarity, negative ones 0)
    and for ``hybrid``; BM25 for ``words``."""

    corpus: str
    version: int
    document: str
    chunk: str
    title: str
    source: str
    text: str
    score: float
    revision: int = 0
    start: int = 0
    end: int = 0
    updated: int = 0
    stale: bool = False


class Found(Struct, frozen=True, kw_only=True):
    """Passages, best first. ``version`` and ``digest`` are of the version that was searched."""

    version: int
    digest: str
    passages: tuple[Passage, ...] = ()


class Search(Protocol):
    """Look for ``query`` (plain text, not empty) in one corpus of a project.

    Raises `NotFound` where the corpus or that version is gone (``code`` ``corpus_not_found``), `Unavailable` where it
    cannot be searched now. It is cancelled where it takes longer than its app allows."""

    def __call__(self, project_id: str, wanted: Wanted, query: str, reader: Reader) -> Awaitable[Found]: ...
