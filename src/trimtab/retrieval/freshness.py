"""How old what a corpus says is: when its documents' sources were changed, and when somebody last compared the two."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, select

from trimtab.retrieval import access
from trimtab.retrieval.standing import DAY_MS
from trimtab.retrieval.tables import DOCUMENTS
from trimtab.retrieval.types import Corpus, SourceState

D: Final = DOCUMENTS.c
SHOWN: Final = 100
_list: Final = msgspec.json.Decoder(tuple[str, ...])


class Aged(Struct, frozen=True):
    """A document that is stale, or whose source says something else: oldest first."""

    document: str
    updated: int
    checked: int | None
    source_state: SourceState


class Freshness(Struct, frozen=True, kw_only=True):
    """``stale``: older than the corpus allows (null where it allows any age). Times are Unix ms, null for a corpus
    without documents; the median is the lower one. ``sources`` counts documents by how their sources were when they
    were compared last. ``worst`` are `SHOWN` at most."""

    documents: int
    stale: int | None
    stale_days: int | None
    oldest: int | None
    median: int | None
    newest: int | None
    never_checked: int
    sources: dict[str, int]
    worst: tuple[Aged, ...]


def of(conn: Connection, corpus: Corpus, now: int, own: frozenset[str] | None = None) -> Freshness:
    """``own``: only what documents' access lists show somebody with these labels; None for all."""
    query = select(D.document, D.updated, D.checked, D.source_state, D.access)
    query = query.where(D.project_id == corpus.project_id, D.corpus == corpus.name)
    rows = conn.execute(query.where(D.removed.is_(None), D.erased.is_(None)).order_by(D.updated, D.document)).all()
    if own is not None:
        rows = [row for row in rows if access.admits(_list.decode(row.access), own)]
    bound = None if corpus.stale_days is None else now - corpus.stale_days * DAY_MS
    old = [row for row in rows if bound is not None and row.updated < bound]
    return Freshness(
        documents=len(rows),
        stale=None if bound is None else len(old),
        stale_days=corpus.stale_days,
        oldest=rows[0].updated if rows else None,
        median=rows[(len(rows) - 1) // 2].updated if rows else None,
        newest=rows[-1].updated if rows else None,
        never_checked=sum(row.checked is None for row in rows),
        sources=dict(Counter(row.source_state for row in rows)),
        worst=_worst(rows, old),
    )


def _worst(rows: Sequence[Any], old: Sequence[Any]) -> tuple[Aged, ...]:
    known = {row.document for row in old}
    differs = [row for row in rows if row.source_state in ("changed", "gone") and row.document not in known]
    bad = sorted((*old, *differs), key=lambda row: (row.updated, row.document))
    return tuple(Aged(row.document, row.updated, row.checked, row.source_state) for row in bad[:SHOWN])
