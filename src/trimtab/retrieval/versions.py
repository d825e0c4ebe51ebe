"""The SQL of versions: publishing what documents say now, how far a version is built, and what is in it.

queued -> building -> ready
             \\-> failed (no embedder, a model that refuses) -> queued again when it is published again
"""

import hashlib
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, exists, func, insert, literal, null, select, update

from trimtab.core.errors import InvalidRequest, NotFound
from trimtab.governance import audit
from trimtab.retrieval import corpora, pieces
from trimtab.retrieval.documents import By
from trimtab.retrieval.tables import CORPORA, DOCUMENTS, ENTRIES, PIECES, TEXTS, VERSIONS
from trimtab.retrieval.types import ChunkerSpec, Corpus, CorpusVersion, EmbedderSpec, Entry

C, D, E, P, V, X = CORPORA.c, DOCUMENTS.c, ENTRIES.c, PIECES.c, VERSIONS.c, TEXTS.c
LATEST: Final = "latest"
_chunker: Final = msgspec.json.Decoder(ChunkerSpec)
_embedder: Final = msgspec.json.Decoder(EmbedderSpec)


class Published(Struct, frozen=True):
    """``created`` is false where the newest version is the same already."""

    version: CorpusVersion
    created: bool


# --- publishing ---


def publish(conn: Connection, found: Corpus, message: str, by: By) -> Published:
    """Make a version of what the documents say now, to be built. ``found`` is held (`corpora.to_change`). Raises
    `InvalidRequest` for a corpus without documents."""
    now = _current(conn, found)
    if not now:
        raise InvalidRequest(
            f"The corpus {found.name!r} has no document.",
            fix=f"Add some first: trimtab knowledge add {found.name} FILES",
            code="corpus_empty",
        )
    corpora.touched(conn, found)  # of what was put since: by when this version is searched, all of it is known
    made_by = pieces.recipe(found.chunker, found.embedder)
    hashed = _hash(made_by, now)
    if found.newest and (newest := get(conn, found, str(found.newest))).hash == hashed:
        if newest.state == "failed":
            again = {"state": "queued", "reason": ""}
            conn.execute(update(VERSIONS).where(*_at(found, newest.number)).values(again))
        return Published(get(conn, found, str(found.newest)), created=False)
    number = found.newest + 1
    _move_entries(conn, found, number)
    conn.execute(
        insert(VERSIONS).values(
            project_id=found.project_id, corpus=found.name, number=number, hash=hashed, recipe=made_by,
            chunker=_json(found.chunker), embedder=_json(found.embedder), state="queued", reason="",
            documents=len(now), done=0, reached="", chunks=0, dimension=0, author=by.actor.id,
            author_name=by.actor.name[:200], message=message[:2_000].replace("\0", ""), created=by.now, built=None,
        )
    )  # fmt: skip
    at = (C.project_id == found.project_id, C.name == found.name)
    conn.execute(update(CORPORA).where(*at).values(newest=number, updated=by.now))
    told = {"version": number, "hash": hashed, "documents": len(now), "message": message[:200]}
    subject = f"corpus:{found.name}"
    audit.append(conn, found.project_id, by.actor, "corpus.published", subject, now=by.now, detail=told)
    return Published(get(conn, found, str(number)), created=True)


def _current(conn: Connection, found: Corpus) -> list[Entry]:
    query = select(D.document, D.text).where(*_of(found, D), D.removed.is_(None), D.erased.is_(None))
    return [Entry(*row) for row in conn.execute(query.order_by(D.document))]


def _hash(made_by: str, entries: list[Entry]) -> str:
    said = hashlib.sha256(made_by.encode())
    for each in sorted(entries, key=lambda entry: entry.document):  # not as a database's language would have it
        said.update(msgspec.json.encode((each.document, each.text)))
    return f"sha256:{said.hexdigest()}"


def _move_entries(conn: Connection, found: Corpus, number: int) -> None:
    same = (D.project_id == E.project_id) & (D.corpus == E.corpus) & (D.document == E.document) & (D.text == E.text)
    kept = exists().where(same, D.removed.is_(None), D.erased.is_(None))
    conn.execute(update(ENTRIES).where(*_of(found, E), E.until.is_(None), ~kept).values(until=number))
    known = exists().where(E.project_id == D.project_id, E.corpus == D.corpus, E.document == D.document,
                           E.until.is_(None))  # fmt: skip
    new = select(D.project_id, D.corpus, D.document, literal(number), null(), D.text)
    new = new.where(*_of(found, D), D.removed.is_(None), D.erased.is_(None), ~known)
    columns = ["project_id", "corpus", "document", "since", "until", "text"]
    conn.execute(insert(ENTRIES).from_select(columns, new))


# --- looking ---


def get(conn: Connection, found: Corpus, ref: str) -> CorpusVersion:
    """By its number, or ``latest``: the newest that is ready. Raises `NotFound`."""
    number = found.ready if ref == LATEST else _number(ref)
    row = conn.execute(select(VERSIONS).where(*_at(found, number))).one_or_none() if number else None
    if row is None:
        raise NotFound(
            f"The corpus {found.name!r} has no version {ref[:20]!r}"
            + (" that can be searched yet." if ref == LATEST else "."),
            fix=f"'trimtab knowledge versions {found.name}' shows them.",
            code="corpus_not_ready" if ref == LATEST else None,
        )
    return read(row)


def _number(ref: str) -> int:
    if ref.isascii() and ref.isdecimal() and len(ref) < 10:
        return int(ref)
    raise NotFound(f"{ref[:20]!r} is no version.", fix="Give a number, or latest.")


def listed(
    conn: Connection, found: Corpus, *, before: int | None = None, limit: int = 100
) -> list[CorpusVersion]:  # fmt: skip
    """Newest first."""
    query = select(VERSIONS).where(*_of(found, V)).order_by(V.number.desc()).limit(limit)
    return [read(row) for row in conn.execute(query if before is None else query.where(V.number < before))]


def read(row: Any) -> CorpusVersion:
    values: dict[str, Any] = {name: getattr(row, name) for name in CorpusVersion.__struct_fields__}
    values |= {"chunker": _chunker.decode(row.chunker), "embedder": _embedder.decode(row.embedder)}
    return CorpusVersion(**values)


class Row(Struct, frozen=True):
    """A document of a version with what rests of it, sealed as it lies: None where it is not made, or was erased."""

    document: str
    text: str
    body: bytes | None
    pieces: bytes | None


def rows(conn: Connection, of: CorpusVersion, *, after: str = "", limit: int = 100, bodies: bool = True) -> list[Row]:
    """In order of id (of its characters). Without ``bodies`` those of pieces are left out where there are some."""
    text = (X.project_id == E.project_id) & (X.corpus == E.corpus) & (X.document == E.document) & (X.text == E.text)
    piece = (P.project_id == E.project_id) & (P.corpus == E.corpus) & (P.document == E.document) & (P.text == E.text)
    piece &= P.recipe == of.recipe
    query = select(E.document, E.text, X.body, P.body if bodies else P.recipe)
    query = query.select_from(ENTRIES.outerjoin(TEXTS, text).outerjoin(PIECES, piece)).where(
        *_in(of), E.document > after
    )
    found = conn.execute(query.order_by(E.document).limit(limit)).all()
    return [
        Row(each[0], each[1], each[2], (each[3] if bodies else b"") if each[3] is not None else None) for each in found
    ]


def earlier(conn: Connection, of: CorpusVersion, document: str, text: str) -> list[bytes]:
    """What was made of a document with the same embedder, the likest first: of this revision with another chunker, of
    other revisions with this one; two at most."""
    recipes = select(V.recipe).where(V.project_id == of.project_id, V.corpus == of.corpus)
    recipes = recipes.where(V.embedder == _json(of.embedder))
    query = select(P.body).where(P.project_id == of.project_id, P.corpus == of.corpus, P.document == document)
    query = query.where(P.recipe.in_(recipes))
    return list(conn.execute(query.order_by(P.text != text, P.recipe != of.recipe).limit(2)).scalars())


def _in(of: CorpusVersion) -> tuple[Any, ...]:
    until = E.until.is_(None) | (E.until > of.number)
    return (E.project_id == of.project_id, E.corpus == of.corpus, E.since <= of.number, until)


# --- building ---


def to_build(conn: Connection) -> list[CorpusVersion]:
    """What is queued or was left by a process that is no more, oldest first."""
    query = select(VERSIONS).where(V.state.in_(("queued", "building"))).order_by(V.created, V.number)
    return [read(row) for row in conn.execute(query.limit(20))]


def reached(conn: Connection, of: CorpusVersion) -> str:
    """Behind which document to go on; begins the building."""
    at = (*_at_version(of), V.state.in_(("queued", "building")))
    conn.execute(update(VERSIONS).where(*at).values(state="building"))
    return str(conn.execute(select(V.reached).where(*_at_version(of))).scalar_one())


class Made(Struct, frozen=True):
    """Pieces of one document's revision, sealed."""

    document: str
    text: str
    chunks: int
    body: bytes


def keep(conn: Connection, of: CorpusVersion, made: list[Made], last: str, done: int) -> None:
    """What was made, and how far it came, at once. What was erased meanwhile is left out."""
    for each in made:
        key = {"project_id": of.project_id, "corpus": of.corpus, "document": each.document, "text": each.text}
        text = select(X.text).where(*(TEXTS.c[name] == value for name, value in key.items()))
        there = select(P.chunks).where(*(PIECES.c[name] == value for name, value in key.items()), P.recipe == of.recipe)
        if conn.execute(text.with_for_update()).first() is None or conn.execute(there).first() is not None:
            continue
        conn.execute(insert(PIECES).values(**key, recipe=of.recipe, chunks=each.chunks, body=each.body))
    conn.execute(update(VERSIONS).where(*_at_version(of)).values(reached=last, done=done))


def finish(conn: Connection, of: CorpusVersion, dimension: int, now: int) -> CorpusVersion:
    """It can be searched."""
    piece = (P.project_id == E.project_id) & (P.corpus == E.corpus) & (P.document == E.document) & (P.text == E.text)
    query = select(func.coalesce(func.sum(P.chunks), 0)).select_from(ENTRIES.join(PIECES, piece))
    chunks = int(conn.execute(query.where(*_in(of), P.recipe == of.recipe)).scalar_one())
    values = {
        "state": "ready",
        "reason": "",
        "done": of.documents,
        "chunks": chunks,
        "dimension": dimension,
        "built": now,
    }
    conn.execute(update(VERSIONS).where(*_at_version(of)).values(values))
    at = (C.project_id == of.project_id, C.name == of.corpus, C.ready < of.number)
    conn.execute(update(CORPORA).where(*at).values(ready=of.number))
    return read(conn.execute(select(VERSIONS).where(*_at_version(of))).one())


def fail(conn: Connection, of: CorpusVersion, reason: str) -> None:
    conn.execute(update(VERSIONS).where(*_at_version(of)).values(state="failed", reason=reason[:2_000]))


def wait(conn: Connection, of: CorpusVersion, reason: str) -> None:
    """It goes on later; why it does not now."""
    conn.execute(update(VERSIONS).where(*_at_version(of)).values(reason=reason[:2_000]))


def _of(found: Corpus, columns: Any) -> tuple[Any, ...]:
    return (columns.project_id == found.project_id, columns.corpus == found.name)


def _at(found: Corpus, number: int) -> tuple[Any, ...]:
    return (*_of(found, V), V.number == number)


def _at_version(of: CorpusVersion) -> tuple[Any, ...]:
    return (V.project_id == of.project_id, V.corpus == of.corpus, V.number == of.number)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
