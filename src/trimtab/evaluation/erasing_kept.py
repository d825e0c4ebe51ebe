"""What an erasure removes of kept answers and verdicts (`cache.py`).

Each says by what it is found, so that an index finds it however many there are. Those that were kept before that was
written down must be read: `untold` does, in portions and before anything is locked, and what it finds is removed with
the rest. They are gone by themselves after `cache.KEEP_MS`.
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final, Protocol, TypeVar

import msgspec
from msgspec import Struct, structs
from sqlalchemy import Connection, delete, select

from trimtab.evaluation.answers import Answer
from trimtab.evaluation.cache import WORDS
from trimtab.evaluation.tables import ANSWER_DOCUMENTS, EVALUATION_CACHE
from trimtab.evaluation.types import CellScore

T = TypeVar("T")
AT_ONCE: Final = 400
READ_AT_ONCE: Final = 200
CLEARED_AT_ONCE: Final = 1000
_TAKEN_OUT: Final = re.compile(r"\[[^\[\]\n]{1,200}\]")
"""What guards write where they took something out: ``[EMAIL]``, ``[removed]``."""
K, D = EVALUATION_CACHE.c, ANSWER_DOCUMENTS.c


class Catalog(Protocol):
    """What is needed of `storage.database.Database`."""

    async def read(self, work: Callable[[Connection], T]) -> T: ...
    async def write(self, work: Callable[[Connection], T]) -> T: ...


class Untold(Struct, frozen=True):
    """Of those that do not say by what they are found: keys of answers of some traces, or with passages of some texts,
    with their traces, and of verdicts that say something; ``lost`` can be read by nobody any more. ``cleared``:
    verdicts that were removed already (`clear`)."""

    answers: dict[str, str] = {}
    worded: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    cleared: int = 0


async def untold(
    catalog: Catalog, project_id: str, *, traces: Collection[str] = (), texts: Sequence[str] = ()
) -> Untold:
    """Look through them for answers of these traces, or that hold a passage of one of these texts."""
    answers: dict[str, str] = {}
    worded: list[str] = []
    lost: list[str] = []
    after = ""
    while traces or texts:
        rows = await catalog.read(lambda conn, after=after: _portion(conn, project_id, after))
        for key, body in rows:
            if not body:  # its key was destroyed
                lost.append(key)
            elif key.startswith("answer:"):
                answer = msgspec.json.decode(body, type=Answer)
                passages = answer.context or ()
                if answer.trace_id in traces or any(_says(text, passage) for passage in passages for text in texts):
                    answers[key] = answer.trace_id
            elif (said := msgspec.json.decode(body, type=CellScore)) and (said.explanation or said.unscored):
                worded.append(key)
        if len(rows) < READ_AT_ONCE:
            break
        after = rows[-1][0]
    return Untold(answers, tuple(worded), tuple(lost))


def _portion(conn: Connection, project_id: str, after: str) -> list[tuple[str, str]]:
    query = select(K.key, K.body).where(K.project_id == project_id, K.found_by.is_(None), K.key > after)
    return [(row.key, row.body or "") for row in conn.execute(query.order_by(K.key).limit(READ_AT_ONCE))]


async def clear(catalog: Catalog, project_id: str, read: Untold) -> Untold:
    """Remove the verdicts that say anything, a portion at a time: there may be very many, and others write meanwhile.
    To be done where something else is to be erased, before that: should it end in between, only money is lost."""
    of, cleared = K.project_id == project_id, 0
    for part in parts(read.worded):
        gone = delete(EVALUATION_CACHE).where(of, K.key.in_(part))
        cleared += await catalog.write(lambda conn, gone=gone: conn.execute(gone).rowcount)
    while True:
        some = select(K.key).where(of, K.found_by == WORDS).limit(CLEARED_AT_ONCE)
        gone = delete(EVALUATION_CACHE).where(of, K.key.in_(some))
        count = await catalog.write(lambda conn, gone=gone: conn.execute(gone).rowcount)
        cleared += count
        if count < CLEARED_AT_ONCE:
            return structs.replace(read, worded=(), cleared=cleared)


async def ahead_of_documents(
    catalog: Catalog, project_id: str, documents: Sequence[str], texts: Sequence[str]
) -> Untold:
    """What takes long and can be done before documents are erased that say these texts."""
    read = await untold(catalog, project_id, texts=texts)
    if read.answers or await catalog.read(lambda conn: traces_of(conn, project_id, documents)):
        return await clear(catalog, project_id, read)
    return read


def traces_of(conn: Connection, project_id: str, documents: Sequence[str]) -> set[str]:
    """The traces that were answered with passages of these documents (`cache.document_mark`)."""
    found: set[str] = set()
    for part in parts(documents):
        query = select(D.trace_id).where(D.project_id == project_id, D.document.in_(part))
        found.update(conn.execute(query).scalars())
    return found


def forget(conn: Connection, project_id: str, traces: Collection[str], read: Untold, *, verdicts: bool) -> int:
    """Answers of those traces, and those that were ``read``. A kept verdict does not say what it was of: where
    ``verdicts``, all go that say anything in words. They are kept to save money, and nothing else is lost with them."""
    of, gone = K.project_id == project_id, read.cleared
    for part in parts(sorted(set(traces) - {"", WORDS})):
        gone += conn.execute(delete(EVALUATION_CACHE).where(of, K.found_by.in_(part))).rowcount
    for part in parts([*read.answers, *read.lost, *(read.worded if verdicts else ())]):
        gone += conn.execute(delete(EVALUATION_CACHE).where(of, K.key.in_(part))).rowcount
    if verdicts:
        gone += conn.execute(delete(EVALUATION_CACHE).where(of, K.found_by == WORDS)).rowcount
    return gone


def forget_documents_of(conn: Connection, project_id: str, traces: Sequence[str]) -> None:
    """Which documents these were answered with. Only of traces that are erased themselves: where a document is, an
    experiment that runs may yet write down what it was answered with it, and is looked through again by this."""
    for part in parts(traces):
        conn.execute(delete(ANSWER_DOCUMENTS).where(D.project_id == project_id, D.trace_id.in_(part)))


def _says(text: str, passage: str) -> bool:
    """Whether a document's text has a passage, of which guards may have taken out something: then all that they left,
    in this order."""
    if passage in text:
        return bool(passage)
    at, left = 0, _TAKEN_OUT.split(passage)
    for part in left:
        at = text.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return any(map(str.strip, left))


def parts(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """As many at once as a statement takes."""
    for at in range(0, len(values), AT_ONCE):
        yield values[at : at + AT_ONCE]
