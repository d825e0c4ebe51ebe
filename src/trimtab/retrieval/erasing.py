"""What an erasure removes of knowledge: documents that tell of a user, by their ``about``."""

from typing import Final

from sqlalchemy import Connection, func, select

from trimtab.governance.audit import Actor
from trimtab.governance.sealing import Keyring
from trimtab.retrieval import corpora, documents
from trimtab.retrieval.documents import By
from trimtab.retrieval.tables import DOCUMENTS

BY: Final = Actor("", "erasure")
D = DOCUMENTS.c


def forget(conn: Connection, project_id: str, user: str, now: int) -> dict[str, int]:
    """Erase the documents that tell of this user from every version of every corpus. Rows by table; done again it finds
    nothing."""
    erased = 0
    for corpus, names in about(conn, project_id, user).items():
        erased += documents.erase(conn, corpora.get(conn, project_id, corpus, locked=True), names, By(BY, now))
    return {"corpus_documents": erased}


def said(conn: Connection, project_id: str, user: str, ring: Keyring) -> list[str]:
    """What those documents say: for what was made of it elsewhere, before they are erased."""
    found = about(conn, project_id, user)
    return [
        text
        for corpus, names in found.items()
        for text in documents.said(conn, corpora.get(conn, project_id, corpus), names, ring)
    ]


def since(conn: Connection, project_id: str, at: int) -> list[tuple[str, str]]:
    """Corpus and id of each document that was erased from then on, and not put again."""
    query = select(D.corpus, D.document).where(D.project_id == project_id, D.erased >= at)
    return [(row.corpus, row.document) for row in conn.execute(query)]


def about(conn: Connection, project_id: str, user: str) -> dict[str, list[str]]:
    """By corpus: the ids of the documents that tell of a user and were not erased."""
    line = f"\n{user}\n"
    # Not LIKE: SQLite's takes no heed of case.
    tells = func.replace(D.about, line, "") != D.about
    query = select(D.corpus, D.document).where(D.project_id == project_id, D.erased.is_(None), tells)
    found: dict[str, list[str]] = {}
    for row in conn.execute(query.order_by(D.corpus, D.document)):
        found.setdefault(row.corpus, []).append(row.document)
    return found
