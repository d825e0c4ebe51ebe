"""What holds for every version of a corpus at once, as it is now: who may see which document, and which are gone.

Each process remembers it, and asks the catalog before every search whether it still holds: one row by its key. So a
document that was closed to somebody is closed to them when the call that closed it returns, on every machine. While the
catalog is away, what was known last holds, as it does for keys.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import Connection, select

from trimtab.core.errors import NotFound, Unavailable
from trimtab.retrieval import access, corpora, versions
from trimtab.retrieval.index import Index
from trimtab.retrieval.tables import CORPORA, DOCUMENTS
from trimtab.retrieval.types import Corpus, CorpusVersion
from trimtab.storage.database import Database

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Mask = npt.NDArray[np.bool_]

DAY_MS: Final = 86_400_000
MOST_KNOWN: Final = 500
"""Corpora and versions that are remembered."""
_list: Final = msgspec.json.Decoder(tuple[str, ...])
_NOBODY: Final = -1


class Standing:
    """Of one corpus, at one state of it. Safe to ask from several threads."""

    def __init__(self, corpus: Corpus, rows: Sequence[Any]) -> None:
        self.corpus = corpus
        lists: dict[str, int] = {}
        self._codes: dict[str, int] = {}
        self._updated: dict[str, int] = {}
        for row in rows:
            self._codes[row.document] = lists.setdefault(row.access, len(lists))
            self._updated[row.document] = row.updated
        self._lists = [_list.decode(each) for each in lists]
        self._lined_up: OrderedDict[int, tuple[Index, Any]] = OrderedDict()

    def updated(self, document: str) -> int:
        """When it was updated (Unix ms)."""
        return self._updated.get(document, 0)

    def is_stale(self, document: str, now: int) -> bool:
        days = self.corpus.stale_days
        return days is not None and now - self.updated(document) > days * DAY_MS

    def reason(self, document: str, own: frozenset[str]) -> str:
        """What of the access lists lets them see a document; empty where none restricts it."""
        code = self._codes.get(document, _NOBODY)
        return access.reason((self.corpus.access, self._lists[code] if code != _NOBODY else ()), own)

    def sees(self, document: str, own: frozenset[str]) -> bool:
        """Whether somebody with these labels may see a document."""
        code = self._codes.get(document, _NOBODY)
        return code != _NOBODY and access.admits(self.corpus.access, own) and access.admits(self._lists[code], own)

    def mask(self, index: Index, own: frozenset[str]) -> "Mask":
        """Which chunks of an index somebody with these labels may see. A document that is not known now is gone."""
        import numpy as np

        if not access.admits(self.corpus.access, own):
            return np.zeros(len(index), dtype=np.bool_)
        # The last one stands for what is not known: -1.
        allowed = np.array([access.admits(each, own) for each in self._lists] + [False], dtype=np.bool_)
        return allowed[self._line_up(index)][index.docs]

    def _line_up(self, index: Index) -> Any:
        """For each document of an index the number of its access list."""
        import numpy as np

        known = self._lined_up.get(id(index))
        if known is not None:
            return known[1]
        codes = [self._codes.get(doc.id, _NOBODY) for doc in index.about.documents]
        made = np.array(codes, dtype=np.int32)
        self._lined_up[id(index)] = (index, made)  # the index is held, so that no other gets its id
        while len(self._lined_up) > 2:
            self._lined_up.popitem(last=False)
        return made


class Standings:
    """For one event loop."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: OrderedDict[tuple[str, str], Standing] = OrderedDict()
        self._versions: OrderedDict[tuple[str, str, int], CorpusVersion] = OrderedDict()
        self._reading: dict[tuple[str, str], asyncio.Lock] = {}

    async def of(self, project_id: str, names: Sequence[str]) -> dict[str, Standing]:
        """By name. Raises `NotFound` for a corpus there is not, `Unavailable` where it cannot be known."""
        keys = [(project_id, name) for name in names]
        try:
            now = await self._db.read(lambda conn: _corpora(conn, project_id, names))
        except Unavailable:
            if all(key in self._known for key in keys):
                return {name: self._known[project_id, name] for name in names}
            raise
        found: dict[str, Standing] = {}
        for name in names:
            corpus = now.get(name)
            if corpus is None:
                raise NotFound(
                    f"There is no corpus {name[:64]!r} in this project.",
                    fix=f"Make it (trimtab knowledge create {name[:64]}), or name another.",
                )
            found[name] = await self._fresh(corpus)
        return found

    async def _fresh(self, corpus: Corpus) -> Standing:
        key = (corpus.project_id, corpus.name)
        held = self._held(key, corpus)
        if held is not None:
            return held
        # All of a corpus is read, so of many who ask at once one does it, and those of other corpora do not wait.
        async with self._reading.setdefault(key, asyncio.Lock()):
            held = self._held(key, corpus)
            if held is not None:
                return held
            made = await self._db.read(lambda conn: _read(conn, corpus))
            self._known[key] = made
            if len(self._known) > MOST_KNOWN:
                gone, _ = self._known.popitem(last=False)
                self._reading.pop(gone, None)
        return made

    def _held(self, key: tuple[str, str], corpus: Corpus) -> Standing | None:
        """What is known, where it is of the corpus as it is now, or of a later one."""
        known = self._known.get(key)
        if known is None or known.corpus.standing < corpus.standing or known.corpus.created != corpus.created:
            return None
        if known.corpus.standing == corpus.standing:
            known.corpus = corpus  # something else of it may have changed: what is in force stays
        self._known.move_to_end(key)
        return known

    async def version(self, corpus: Corpus, number: int) -> CorpusVersion:
        """A version that can be searched; 0 is the newest such one. Raises `NotFound`, `Unavailable`."""
        number = number or corpus.ready
        key = (corpus.project_id, corpus.name, number)
        known = self._versions.get(key)
        if known is not None:
            return known
        ref = str(number) if number else versions.LATEST
        found = await self._db.read(lambda conn: versions.get(conn, corpus, ref))
        if found.state != "ready":
            why = f"it is {found.state}. {found.reason}".strip()
            raise Unavailable(
                f"Version {found.number} of {corpus.name!r} cannot be searched: {why}",
                fix="Wait until it is ready." if found.state != "failed" else "Publish the corpus again.",
                code="corpus_not_ready",
            )
        self._versions[key] = found
        if len(self._versions) > MOST_KNOWN:
            self._versions.popitem(last=False)
        return found


def _corpora(conn: Connection, project_id: str, names: Sequence[str]) -> dict[str, Corpus]:
    query = select(CORPORA).where(CORPORA.c.project_id == project_id, CORPORA.c.name.in_(list(names)))
    return {row.name: corpora.read(row) for row in conn.execute(query)}


def _read(conn: Connection, corpus: Corpus) -> Standing:
    """The corpus is read again with its documents: what is known of them is not older than what it says of itself."""
    fresh = corpora.get(conn, corpus.project_id, corpus.name)
    d = DOCUMENTS.c
    query = select(d.document, d.access, d.updated)
    query = query.where(d.project_id == corpus.project_id, d.corpus == corpus.name, d.erased.is_(None))
    return Standing(fresh, conn.execute(query).all())
