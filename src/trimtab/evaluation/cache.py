"""What was paid for once: answers by (what was asked of whom, repeat), verdicts by (answer, scorer, version, options).

An answer counts as the same only where the content of its release, or what its model's name stands for, is the same,
the whole request is, and it is the same repeat: a second repeat is there to be another answer. Functions of a
connection; times are Unix ms.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, delete, select

from trimtab.evaluation.answers import Answer
from trimtab.evaluation.tables import ANSWER_DOCUMENTS, EVALUATION_CACHE
from trimtab.evaluation.types import CellScore, Subject
from trimtab.storage.content import Of
from trimtab.storage.inserting import insert_into

KEEP_MS: Final = 90 * 86_400_000
"""Older ones are removed: a provider's model of the same name is hardly the same after a quarter of a year."""


WORDS: Final = "words"
"""``found_by`` of a verdict that says something in words."""


class Entry(Struct, frozen=True, kw_only=True):
    """One to keep; ``body`` is an `Answer` or a `CellScore` as JSON. ``found_by`` as in the table; ``documents`` are
    those that the trace was answered with (`document_mark`)."""

    key: str
    body: bytes
    found_by: str
    documents: tuple[str, ...] = ()

    @classmethod
    def of_answer(cls, key: str, answer: Answer) -> "Entry":
        return cls(key=key, body=msgspec.json.encode(answer), found_by=answer.trace_id, documents=answer.documents)

    @classmethod
    def of_verdict(cls, key: str, score: CellScore) -> "Entry":
        said = score.explanation or score.unscored
        return cls(key=key, body=msgspec.json.encode(score), found_by=WORDS if said else "")


def document_mark(corpus: str, document: str) -> str:
    """What stands for a document of a project beside the answers that were made with it."""
    return hashlib.blake2b(f"{corpus}\0{document}".encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def answer_key(subject: Subject, body: Mapping[str, Any], repeat: int, caller: str) -> str:
    """Of an answer. The name that is called is left out of ``body``: the subject's hash says what it stands for. Where
    it answers from corpora, an answer is its ``caller``'s (id of the key) alone: another may not see the same
    passages."""
    asked = {name: value for name, value in body.items() if name != "model"}
    of = [subject.hash, asked, repeat]
    return _digest("answer", [*of, caller] if subject.knows else of)


def score_key(scorer: str, version: str, options: Mapping[str, Any], sample: Any) -> str:
    """Of a verdict. ``sample`` is everything that the scorer was shown."""
    return _digest("score", [scorer, version, options, sample])


def _digest(kind: str, value: Any) -> str:
    told = msgspec.json.encode(value, order="deterministic")
    return f"{kind}:{hashlib.sha256(told).hexdigest()}"


def find(conn: Connection, project_id: str, keys: Sequence[str]) -> dict[str, bytes]:
    """Those of the keys that there are."""
    table = EVALUATION_CACHE
    found: dict[str, bytes] = {}
    for start in range(0, len(keys), 400):
        some = keys[start : start + 400]
        query = select(table.c.key, table.c.body).where(table.c.project_id == project_id, table.c.key.in_(some))
        # One without a body was encrypted with a key that was destroyed.
        found |= {row.key: row.body.encode() for row in conn.execute(query) if row.body}
    return found


def keep(conn: Connection, project_id: str, entries: Sequence[Entry], now: int) -> None:
    """The first of a key stays."""
    if not entries:
        return
    rows = [
        {"project_id": project_id, "key": each.key, "created": now, "found_by": each.found_by,
         "body": Of(project_id, each.body.decode().replace("\\u0000", "\\ufffd"))}
        for each in entries
    ]  # fmt: skip
    conn.execute(insert_into(conn, EVALUATION_CACHE).on_conflict_do_nothing(), rows)
    with_documents = [
        {"project_id": project_id, "document": document, "trace_id": each.found_by}
        for each in entries if each.found_by
        for document in each.documents
    ]  # fmt: skip
    if with_documents:
        conn.execute(insert_into(conn, ANSWER_DOCUMENTS).on_conflict_do_nothing(), with_documents)


def tidy(conn: Connection, now: int) -> int:
    """Remove what is too old; how many."""
    return conn.execute(delete(EVALUATION_CACHE).where(EVALUATION_CACHE.c.created < now - KEEP_MS)).rowcount


def answer_of(body: bytes) -> Answer:
    return msgspec.json.decode(body, type=Answer)


def score_of(body: bytes) -> CellScore:
    return msgspec.json.decode(body, type=CellScore)
