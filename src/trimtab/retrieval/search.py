"""The search: what an app's calls, people and programs ask of corpora. What `gateway.apps.knowledge.Knowledge` says.

In order: what holds now of the corpora; their indexes; a vector of the question; then, in a thread, who may see what,
and the ranks. Where no vector can be had a hybrid search goes by words and says so.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from trimtab.core.errors import Conflict, TrimtabError, Unavailable
from trimtab.gateway.apps.knowledge import Found, Mode, Passage, PinnedCorpus, Seeker, Wanted
from trimtab.retrieval import access, ranking
from trimtab.retrieval.index import Index
from trimtab.retrieval.ranking import Ranked, Side
from trimtab.retrieval.shelf import Shelf
from trimtab.retrieval.standing import Standing, Standings
from trimtab.retrieval.types import CorpusVersion

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Vectors = npt.NDArray[np.float32]

logger = logging.getLogger("trimtab.retrieval")

MOST_TOP: Final = 100
MOST_QUESTION: Final = 20_000
"""Characters of a question that are looked at."""
THREADS: Final = 2
Embed = Callable[[str, str, Sequence[str]], Awaitable["Vectors"]]
"""As in `building.py`."""


class Source(Struct, frozen=True):
    """A version that is searched, with what holds of its corpus now."""

    standing: Standing
    version: CorpusVersion
    index: Index


class Hit(Struct, frozen=True, kw_only=True):
    """A passage, and why: its rank in each list, and what each word of the question adds to its BM25 score."""

    passage: Passage
    meaning_rank: int | None
    words_rank: int | None
    terms: dict[str, float]


class Explained(Struct, frozen=True, kw_only=True):
    """``sources`` are the versions that were searched, in the order that they were named."""

    found: Found
    hits: tuple[Hit, ...]
    sources: tuple[CorpusVersion, ...]


class Searcher:
    """``embed`` makes vectors of questions; ``now`` is Unix ms. For one event loop."""

    def __init__(self, standings: Standings, shelf: Shelf, embed: Embed, now: Callable[[], int]) -> None:
        self._standings = standings
        self._shelf = shelf
        self._embed = embed
        self._now = now
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="knowledge-search")

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._shelf.close()

    async def search(self, project_id: str, pinned: tuple[PinnedCorpus, ...], wanted: Wanted, seeker: Seeker) -> Found:
        """Raises `NotFound` for a corpus or version that is not there, `Conflict` for a version of another hash, and
        `Unavailable` where it cannot be searched now."""
        return (await self._search(project_id, pinned, wanted, seeker, explain=False)).found

    async def explain(
        self, project_id: str, pinned: tuple[PinnedCorpus, ...], wanted: Wanted, seeker: Seeker
    ) -> Explained:
        """The same, with the reasons."""
        return await self._search(project_id, pinned, wanted, seeker, explain=True)

    async def _search(
        self, project_id: str, pinned: tuple[PinnedCorpus, ...], wanted: Wanted, seeker: Seeker, *, explain: bool
    ) -> Explained:  # fmt: skip
        sources = await self._sources(project_id, pinned)
        text = wanted.text[:MOST_QUESTION]
        began = time.perf_counter()
        vectors, mode, notes = await self._questions(project_id, sources, text, wanted.mode)
        embedded = time.perf_counter()
        asked = Asked(
            sources=tuple(sources),
            vectors=vectors,
            marks=ranking.marks_of(text) if mode != "meaning" else {},
            mode=mode,
            top=max(1, min(wanted.top, MOST_TOP)),
            least=wanted.least,
            labels=access.labels(seeker),
            now=self._now(),
            explain=explain,
        )
        done = await asyncio.get_running_loop().run_in_executor(self._threads, looked, asked)
        found = Found(
            passages=tuple(hit.passage for hit in done.hits),
            mode=mode,
            considered=done.considered,
            chunks=sum(len(each.index) for each in sources),
            notes=notes,
            embed_ms=(embedded - began) * 1000,
            search_ms=(time.perf_counter() - embedded) * 1000,
        )
        return Explained(found=found, hits=done.hits, sources=tuple(each.version for each in sources))

    async def _sources(self, project_id: str, pinned: Sequence[PinnedCorpus]) -> list[Source]:
        names = list(dict.fromkeys(each.corpus for each in pinned))
        standings = await self._standings.of(project_id, names)
        sources: list[Source] = []
        for each in pinned:
            standing = standings[each.corpus]
            version = await self._standings.version(standing.corpus, each.version)
            if each.hash and each.hash != version.hash:
                raise Conflict(
                    f"Version {version.number} of the corpus {each.corpus!r} is not the one that was meant: its hash "
                    "differs.",
                    fix="Make a release of the corpus as it is here.",
                    code="corpus_differs",
                )
            sources.append(Source(standing, version, await self._shelf.get(version, standing.corpus.erased)))
        return sources

    async def _questions(
        self, project_id: str, sources: Sequence[Source], text: str, mode: Mode
    ) -> "tuple[dict[str, Vectors], Mode, tuple[str, ...]]":
        """A vector of the question for each embedder, how it is searched, and what is to be said of that."""
        if mode == "words":
            return {}, "words", ()
        vectors: dict[str, Vectors] = {}
        notes: list[str] = []
        for model in dict.fromkeys(each.version.embedder.model for each in sources if each.index.about.dimension):
            try:
                vector = (await self._embed(project_id, model, [text]))[0]
                wanted = {each.index.about.dimension for each in sources if each.version.embedder.model == model} - {0}
                if wanted == {len(vector)}:
                    vectors[model] = vector
                else:
                    raise _other_vectors(len(vector), wanted)
            except TrimtabError as error:
                if mode == "meaning":
                    raise Unavailable(
                        f"No vector of the question can be had: {error.message}", fix=error.fix, code=error.code,
                        retryable=error.retryable,
                    ) from error  # fmt: skip
                logger.info("the embedder %s gives no vector of a question: %s", model, error.message)
                notes.append(f"Searched by words alone, for the embedder {model!r} gives no vector: {error.message}")
        if not vectors and not notes:
            notes.append("Searched by words alone: these versions have no vectors.")
        return vectors, mode if vectors else "words", tuple(notes)


def _other_vectors(numbers: int, wanted: set[int]) -> Unavailable:
    return Unavailable(
        f"It gives vectors of {numbers} numbers now, and these versions have some of "
        f"{' and '.join(map(str, sorted(wanted)))}.",
        fix="The model was exchanged: name another embedder for the corpus, and publish it again.",
        code="embedder_changed",
        retryable=False,
    )


class Asked(Struct, frozen=True, kw_only=True):
    """A question to indexes that are there; ``vectors`` by the embedder's name, ``marks`` by word."""

    sources: tuple[Source, ...]
    vectors: "dict[str, Vectors]"
    marks: dict[str, int]
    mode: Mode
    top: int
    least: float | None
    labels: frozenset[str]
    now: int
    explain: bool


class Looked(Struct, frozen=True):
    hits: tuple[Hit, ...]
    considered: int


def looked(asked: Asked) -> Looked:
    """Who may see what first, ranks then. Milliseconds to tens of them: in a thread."""
    sides: list[Side] = []
    considered = 0
    for source in asked.sources:
        mask = source.standing.mask(source.index, asked.labels)
        admitted = int(mask.sum())
        considered += admitted
        question = asked.vectors.get(source.version.embedder.model)
        whole = admitted == len(source.index)
        sides.append(Side(source.index, None if whole else mask, question, source.version.embedder.model))
    best = ranking.ranked(sides, list(asked.marks.values()), asked.mode, asked.top, asked.least)
    return Looked(tuple(_hit(asked, each) for each in best), considered)


def _hit(asked: Asked, ranked: Ranked) -> Hit:
    source = asked.sources[ranked.side]
    index, standing = source.index, source.standing
    doc = index.about.documents[int(index.docs[ranked.chunk])]
    place = index.place_of(ranked.chunk)
    passage = Passage(
        corpus=source.version.corpus,
        version=source.version.number,
        document=doc.id,
        chunk=f"{doc.id}#{place.number}",
        title=_title(doc.title, place.under),
        source=doc.source,
        text=index.text_of(ranked.chunk),
        start=place.start,
        end=place.end,
        score=ranked.score,
        meaning=ranked.meaning,
        words=ranked.words,
        updated=standing.updated(doc.id),
        stale=standing.is_stale(doc.id, asked.now),
        allowed=standing.reason(doc.id, asked.labels),
    )
    terms: dict[str, float] = {}
    if asked.explain:
        weights = {word: index.weights_of(mark, ranked.chunk) for word, mark in asked.marks.items()}
        terms = {word: weight for word, weight in sorted(weights.items(), key=lambda each: -each[1]) if weight}
    return Hit(passage=passage, meaning_rank=ranked.meaning_rank, words_rank=ranked.words_rank, terms=terms)


def _title(title: str, under: str) -> str:
    """The document's, and the headings below it, which say what a passage is about."""
    if not title or not under or under == title:
        return title or under
    return under if under.startswith(f"{title} > ") else f"{title} > {under}"
