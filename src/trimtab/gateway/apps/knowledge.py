"""What the gateway needs of an app's knowledge: plain values, and the callable that `server/wiring.py` fills in with
the room `retrieval`, which is above this one.

A release pins versions of corpora. A call's question is searched in all of them at once, as the one who asks: what an
access list keeps from them takes no part in the search. Access lists and deletions are those of now, whatever the
version: the text is the release's, the right to see it is not.
"""

from typing import Literal, Protocol

from msgspec import Struct

Mode = Literal["hybrid", "meaning", "words"]


class PinnedCorpus(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A version of a corpus as a release holds it. ``hash`` is the version's content hash; where it is given and the
    version has another, the search is refused. ``version`` 0 follows the corpus: the newest that is ready."""

    corpus: str
    version: int
    hash: str = ""


class Seeker(Struct, frozen=True, kw_only=True):
    """As whom is searched: what access lists may name. ``key`` is the id of a key or a person, ``role`` their role,
    ``user`` the end user of the call, ``groups`` those that the caller says the user is in. Empty: none."""

    key: str = ""
    role: str = ""
    user: str = ""
    groups: tuple[str, ...] = ()


class Wanted(Struct, frozen=True, kw_only=True):
    """What to search. ``top`` passages at most, of all corpora together. ``least`` is the lowest cosine similarity of a
    passage that is kept, None for no bound; it is not asked of ``words``, which have none."""

    text: str
    top: int = 5
    mode: Mode = "hybrid"
    least: float | None = None


class Passage(Struct, frozen=True, kw_only=True):
    """One chunk that was found, best first. ``start`` and ``end`` are characters of the document's text. ``score`` is
    what it is ranked by (the sum of reciprocal ranks in ``hybrid``, the cosine or BM25 score else); ``meaning`` and
    ``words`` are those parts, None where that part did not see it. ``updated`` is Unix ms; ``stale``: the document is
    older than its corpus allows. ``allowed`` are the entries of access lists that let the seeker see it
    (``group:legal``), empty where none restricts it."""

    corpus: str
    version: int
    document: str
    chunk: str
    title: str
    source: str
    text: str
    start: int
    end: int
    score: float
    meaning: float | None = None
    words: float | None = None
    updated: int = 0
    stale: bool = False
    allowed: str = ""


class Found(Struct, frozen=True, kw_only=True):
    """``considered`` chunks were searched after access was applied, of ``chunks`` that the versions hold. ``mode`` is
    how it was searched; another than was wanted is explained in ``notes``, as is whatever else was not as wished."""

    passages: tuple[Passage, ...] = ()
    mode: Mode = "hybrid"
    considered: int = 0
    chunks: int = 0
    notes: tuple[str, ...] = ()
    embed_ms: float = 0.0
    search_ms: float = 0.0


class Knowledge(Protocol):
    """Raises `NotFound` for a corpus or version that is not there, `Unavailable` where it cannot be searched now."""

    async def search(
        self, project_id: str, pinned: tuple[PinnedCorpus, ...], wanted: Wanted, seeker: Seeker
    ) -> Found: ...
