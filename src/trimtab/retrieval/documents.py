"""The SQL of documents as they are now: put, looked at, removed, erased. Functions of a connection; each change leaves
its entry in the audit log, in the same transaction, and says nothing there of what documents say.

    put ---> (removed: no later version has it) ---> put again
     \\-----> (erased: gone from every version) ----> put again, as another revision
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType, structs
from sqlalchemy import Connection, delete, func, insert, or_, select, update

from trimtab.core.errors import Conflict, InvalidRequest, NotFound
from trimtab.governance import audit
from trimtab.governance.audit import Actor
from trimtab.governance.sealing import KeyDestroyed, Keyring
from trimtab.retrieval import access, corpora
from trimtab.retrieval.plain import plain
from trimtab.retrieval.tables import CORPORA, DOCUMENTS, ENTRIES, PIECES, TEXTS
from trimtab.retrieval.types import DOCUMENT, MOST_DOCUMENTS, Corpus, Document, Kind, SourceState, Text

T = TypeVar("T")
D, X, E, P = DOCUMENTS.c, TEXTS.c, ENTRIES.c, PIECES.c
MOST_AT_ONCE: Final = 500
AT_ONCE: Final = 200
TOLD: Final = 50
"""Ids that an entry of the audit log names."""
MOST_METADATA: Final = 16_384
"""Bytes, as JSON."""
_ID: Final = re.compile(DOCUMENT)
_list: Final = msgspec.json.Decoder(tuple[str, ...])
_text: Final = msgspec.msgpack.Decoder(Text)


class NewDocument(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``access`` and ``about`` that are left out stay as they were (of a new document: nobody is kept out, it tells of
    nobody). ``title`` is found in the text where none is given; ``updated`` (Unix ms) is now."""

    id: str
    text: str
    kind: Kind = "text"
    title: str = ""
    source: str = ""
    metadata: dict[str, Any] = {}
    access: tuple[str, ...] | UnsetType = UNSET
    about: tuple[str, ...] | UnsetType = UNSET
    updated: int | None = None


class Ready(Struct, frozen=True):
    """A document that was read: what it says, and that as it rests."""

    new: NewDocument
    text: Text
    body: bytes


class Put(Struct, frozen=True, kw_only=True):
    """What came of it, by ids: new ones, those that say something else now, those that differ in who may see them or in
    when they were updated alone, and those that are as they were."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    restated: tuple[str, ...]
    same: tuple[str, ...]


class Landed(Struct, frozen=True):
    """What came of one document; ``access``: somebody else may see it now than before."""

    outcome: str
    access: bool


class By(Struct, frozen=True):
    actor: Actor
    now: int


# --- putting ---


def read(given: Sequence[NewDocument], now: int) -> list[Ready]:
    """What they say, to be put. Seconds for some megabytes: in a thread, and before the transaction. Raises
    `InvalidRequest`."""
    if len(given) > MOST_AT_ONCE:
        raise InvalidRequest(f"More than {MOST_AT_ONCE} documents at once.", fix="Put fewer at a time.", param="items")
    if len({each.id for each in given}) < len(given):
        raise InvalidRequest("Two of these documents have the same id.", fix="Give each its own.", param="items")
    return [_checked(each, now) for each in given]


def put(conn: Connection, found: Corpus, ready: Sequence[Ready], by: By, ring: Keyring) -> Put:
    """All of them, or none. Raises `InvalidRequest`."""
    given = [each.new for each in ready]
    there = _rows(conn, found, [each.id for each in given])
    _not_too_many(conn, found, len([each for each in given if each.id not in there]))
    outcome: dict[str, list[str]] = {"added": [], "changed": [], "restated": [], "same": []}
    standing = False
    for each in ready:
        landed = _put_one(conn, found, each, there.get(each.new.id), by, ring)
        outcome[landed.outcome].append(each.new.id)
        standing |= landed.access
    made = Put(**{name: tuple(ids) for name, ids in outcome.items()})
    moved = (*made.added, *made.changed, *made.restated)
    if standing:  # what is new is told by the version that has it
        corpora.touched(conn, found)
    if moved:
        told: dict[str, Any] = {name: len(ids) for name, ids in outcome.items()}
        told["documents"] = moved[:TOLD]
        opened = [each.id for each in given if each.access is not UNSET and each.id in moved]
        if opened:
            told["access_given"] = opened[:TOLD]
        _tell(conn, found, by, "corpus.documents_put", told)
    return made


def _checked(new: NewDocument, now: int) -> Ready:
    check_id(new.id)
    body, title = plain(new.kind, new.text)
    for name, value, most in (("title", new.title, 300), ("source", new.source, 2_000)):
        if len(value) > most or "\0" in value:
            raise InvalidRequest(
                f"The {name} of {new.id!r} is too long, or holds a NUL character.",
                fix=f"Give at most {most:,} characters.",
                param=name,
            )
    if len(msgspec.json.encode(new.metadata)) > MOST_METADATA:
        raise InvalidRequest(
            f"The metadata of {new.id!r} is larger than {MOST_METADATA >> 10} KB.", fix="Keep less.", param="metadata"
        )
    if new.updated is not None:
        _check_updated(new.id, new.updated, now)
    text = Text(title=new.title or title, source=new.source, kind=new.kind, body=body, metadata=new.metadata)
    try:
        return Ready(new, text, msgspec.msgpack.encode(text))
    except (OverflowError, RecursionError):
        raise InvalidRequest(
            f"The metadata of {new.id!r} holds a whole number of more than 64 bits, or is nested too deeply.",
            fix="Write the number as a text.",
            param="metadata",
        ) from None


def _check_updated(name: str, updated: int, now: int) -> None:
    if not 0 <= updated <= now + 86_400_000:
        raise InvalidRequest(
            f"{name!r} cannot have been updated then.", fix="Give Unix milliseconds, not in the future.",
            param="updated",
        )  # fmt: skip


def check_id(name: str) -> None:
    """Raises `InvalidRequest`."""
    if _ID.fullmatch(name) is None:
        raise InvalidRequest(
            f"{name[:80]!r} cannot be a document's id.",
            fix="Use 1 to 128 characters without '/' and control characters, such as guide:start.md.",
            param="id",
        )


def _put_one(conn: Connection, found: Corpus, ready: Ready, there: Any, by: By, ring: Keyring) -> Landed:
    new, text, body = ready.new, ready.text, ready.body
    is_lost = there is not None and _is_lost(conn, found, there, ring)
    epoch = 0 if there is None else there.epoch + is_lost
    hashed = _hash(body, epoch)
    updated = by.now if new.updated is None else new.updated
    values: dict[str, Any] = {
        "text": hashed, "kind": text.kind, "size": len(text.body), "updated": updated, "removed": None, "erased": None,
        "checked": by.now, "source_state": "same",
    }  # fmt: skip
    if new.access is not UNSET:
        values["access"] = _json(access.checked(new.access))
    if new.about is not UNSET:
        values["about"] = _lines(new.about)
    if there is None:
        fresh = {"access": "[]", "about": "", **values, "put": by.now, "epoch": 0, **_key(found, new.id)}
        conn.execute(insert(DOCUMENTS).values(fresh))
        _keep_text(conn, found, new.id, hashed, body, ring)
        return Landed("added", access=False)
    opened = values.get("access", there.access) != there.access
    is_back = there.removed is not None or there.erased is not None or is_lost
    if there.text != hashed or is_back:
        _keep_text(conn, found, new.id, hashed, body, ring)
        conn.execute(update(DOCUMENTS).where(*_at(found, new.id)).values(**values, put=by.now, epoch=epoch))
        _drop_unused(conn, found, new.id, there.text, hashed)
        return Landed("added" if is_back else "changed", opened)
    if new.updated is None:
        del values["updated"]  # it says what it said: it is no younger for that
    differs = any(getattr(there, name) != values[name] for name in ("access", "about", "updated") if name in values)
    conn.execute(update(DOCUMENTS).where(*_at(found, new.id)).values(**values))
    return Landed("restated" if differs else "same", opened)


def _is_lost(conn: Connection, found: Corpus, there: Any, ring: Keyring) -> bool:
    """Whether the key that its text was sealed with was destroyed: put again it is another revision, as after an
    erasure."""
    if not ring.destroyed or there.erased is not None:
        return False
    at = (*_at(found, there.document, X), X.text == there.text)
    return _opened(conn.execute(select(X.head).where(*at)).scalar_one_or_none(), ring) is None


def _hash(body: bytes, epoch: int) -> str:
    return f"sha256:{hashlib.sha256(body + epoch.to_bytes(8, 'little')).hexdigest()}"


def _keep_text(conn: Connection, found: Corpus, name: str, hashed: str, body: bytes, ring: Keyring) -> None:
    at = (*_at(found, name, X), X.text == hashed)
    if conn.execute(select(X.text).where(*at)).first() is None:
        head = msgspec.msgpack.encode(structs.replace(_text.decode(body), body=""))
        sealed = {"head": ring.seal(found.project_id, head), "body": ring.seal(found.project_id, body)}
        conn.execute(insert(TEXTS).values(**_key(found, name), text=hashed, **sealed))


def _drop_unused(conn: Connection, found: Corpus, name: str, old: str, new: str) -> None:
    """What no version has is not kept."""
    if old == new or conn.execute(select(E.text).where(*_at(found, name, E), E.text == old).limit(1)).first():
        return
    conn.execute(delete(TEXTS).where(*_at(found, name, X), X.text == old))
    conn.execute(delete(PIECES).where(*_at(found, name, P), P.text == old))


def _not_too_many(conn: Connection, found: Corpus, new: int) -> None:
    query = select(func.count()).select_from(DOCUMENTS).where(*_of(found), D.removed.is_(None), D.erased.is_(None))
    if new and conn.execute(query).scalar_one() + new > MOST_DOCUMENTS:
        raise InvalidRequest(
            f"A corpus has at most {MOST_DOCUMENTS:,} documents.", fix="Divide it into several.", param="items"
        )


# --- looking ---


def get(conn: Connection, found: Corpus, name: str, ring: Keyring) -> tuple[Document, Text | None]:
    """With its text as it is now; None where that is gone. Raises `NotFound`, and what `Keyring.open` raises."""
    row = conn.execute(select(DOCUMENTS).where(*_at(found, name.replace("\0", "?")))).one_or_none()
    if row is None:
        raise absent(found.name, name)
    text = text_of(conn, found, name, row.text, ring) if row.erased is None else None
    return _document(row, text), text


def absent(corpus: str, name: str) -> NotFound:
    return NotFound(
        f"The corpus {corpus!r} has no document {name[:128]!r}.",
        fix=f"'trimtab knowledge documents {corpus}' shows them.",
    )


def text_of(conn: Connection, found: Corpus, name: str, hashed: str, ring: Keyring) -> Text | None:
    """A revision; None where it was erased, or its key was destroyed."""
    body = conn.execute(select(X.body).where(*_at(found, name, X), X.text == hashed)).scalar_one_or_none()
    return _opened(body, ring)


def _opened(body: bytes | None, ring: Keyring) -> Text | None:
    """None where it was erased, also by destroying the key that it was encrypted with."""
    try:
        return None if body is None else _text.decode(ring.open(body))
    except KeyDestroyed:
        return None


def listed(
    conn: Connection, found: Corpus, ring: Keyring, *, gone: bool = False, after: str = "", limit: int = 100
) -> list[Document]:
    """In order of id; ``gone``: those removed or erased."""
    query = select(DOCUMENTS, X.head).outerjoin(
        TEXTS, (X.project_id == D.project_id) & (X.corpus == D.corpus) & (X.document == D.document) & (X.text == D.text)
    )
    is_gone = or_(D.removed.is_not(None), D.erased.is_not(None))
    query = query.where(*_of(found), D.document > after, is_gone if gone else ~is_gone)
    return [
        _document(row, None if row.erased is not None else _opened(row.head, ring))
        for row in conn.execute(query.order_by(D.document).limit(limit))
    ]


def _document(row: Any, text: Text | None) -> Document:
    return Document(
        corpus=row.corpus,
        id=row.document,
        text=row.text,
        title="" if text is None else text.title,
        source="" if text is None else text.source,
        kind=row.kind,
        size=row.size,
        access=_list.decode(row.access),
        about=tuple(line for line in row.about.split("\n") if line),
        updated=row.updated,
        put=row.put,
        checked=row.checked,
        source_state=row.source_state,
        removed=row.removed,
        erased=row.erased,
    )


# --- changing ---


class Restated(Struct, frozen=True, kw_only=True):
    """What is left out stays. ``expected_access``: the list that it is to have had so far; None for whatever it is."""

    access: tuple[str, ...] | UnsetType = UNSET
    about: tuple[str, ...] | UnsetType = UNSET
    updated: int | UnsetType = UNSET
    expected_access: tuple[str, ...] | None = None


def restate(conn: Connection, found: Corpus, name: str, wanted: Restated, by: By) -> None:
    """Say who may see a document, of whom it tells, or when it was updated. In force in every version at once. Raises
    `Conflict` where its list is another than was expected."""
    row = _there(conn, found, name)
    if wanted.expected_access is not None and tuple(sorted(set(wanted.expected_access))) != _list.decode(row.access):
        now = ", ".join(_list.decode(row.access)) or "everybody who may search"
        raise Conflict(
            f"Somebody changed who may see the document {name[:80]!r} meanwhile: it is for {now} now.",
            fix="Nothing was saved. Read it again, and make your change there.",
            param="expected_access",
            code="revision_conflict",
        )
    values: dict[str, Any] = {}
    if wanted.access is not UNSET:
        values["access"] = _json(access.checked(wanted.access))
    if wanted.about is not UNSET:
        values["about"] = _lines(wanted.about)
    if wanted.updated is not UNSET:
        _check_updated(name, wanted.updated, by.now)
        values["updated"] = wanted.updated
    old = {column: getattr(row, column) for column in values}
    if values == old:
        return
    conn.execute(update(DOCUMENTS).where(*_at(found, name)).values(**values))
    corpora.touched(conn, found)
    told = {"document": name, "changed": sorted(n for n, v in values.items() if v != old[n])}
    if values.get("access", old.get("access")) != old.get("access"):
        told |= {"from": list(_list.decode(old["access"])), "to": list(_list.decode(values["access"]))}
    _tell(conn, found, by, "corpus.document_restated", told)


def note_sources(conn: Connection, found: Corpus, seen: dict[str, SourceState], by: By) -> int:
    """What somebody saw when they compared documents with their sources; how many documents there are of these."""
    number = 0
    for name, state in seen.items():
        if _ID.fullmatch(name) is None:
            continue  # there is none of that name; PostgreSQL takes no NUL
        values = {"source_state": state, "checked": by.now}
        number += conn.execute(update(DOCUMENTS).where(*_at(found, name), D.erased.is_(None)).values(values)).rowcount
    if number:
        told = {state: sum(1 for each in seen.values() if each == state) for state in sorted(set(seen.values()))}
        _tell(conn, found, by, "corpus.sources_checked", told)
    return number


def remove(conn: Connection, found: Corpus, names: Sequence[str], by: By) -> int:
    """Leave them out of the next version; versions that have them keep them. How many there were."""
    number = 0
    for name in names:
        at = (*_at(found, name), D.removed.is_(None), D.erased.is_(None))
        number += conn.execute(update(DOCUMENTS).where(*at).values(removed=by.now)).rowcount
    if number:
        _tell(conn, found, by, "corpus.documents_removed", {"documents": list(names[:TOLD]), "removed": number})
    return number


def erase(conn: Connection, found: Corpus, names: Sequence[str], by: By, why: str = "") -> int:
    """Take what they say out of every version: revisions, pieces, and by the corpus's ``erased`` every index on every
    machine. What stays is the id, and the hashes by which versions are named. How many there were."""
    number = 0
    for name in names:
        values = {"erased": by.now, "epoch": D.epoch + 1, "size": 0, "about": "", "source_state": "unknown"}
        gone = conn.execute(update(DOCUMENTS).where(*_at(found, name), D.erased.is_(None)).values(values)).rowcount
        if gone:
            conn.execute(delete(TEXTS).where(*_at(found, name, X)))
            conn.execute(delete(PIECES).where(*_at(found, name, P)))
        number += gone
    if number:
        c = CORPORA.c
        at = (c.project_id == found.project_id, c.name == found.name)
        conn.execute(update(CORPORA).where(*at).values(standing=c.standing + 1, erased=c.erased + 1))
        told: dict[str, Any] = {"documents": list(names[:TOLD]), "erased": number}
        _tell(conn, found, by, "corpus.documents_erased", told | ({"why": why} if why else {}))
    return number


def said(conn: Connection, found: Corpus, names: Sequence[str], ring: Keyring) -> list[str]:
    """What all revisions of some documents say that there are: for what was made of them elsewhere, before they are
    erased."""
    bodies = [
        body for name in names for body in conn.execute(select(X.body).where(*_at(found, name, X))).scalars().all()
    ]
    return [text.body for body in bodies if (text := _opened(body, ring)) is not None and text.body]


def there(conn: Connection, found: Corpus, name: str) -> None:
    """Raises `NotFound` for a document there is not, `Conflict` for one that was erased."""
    _there(conn, found, name)


def _there(conn: Connection, found: Corpus, name: str) -> Any:
    row = conn.execute(select(DOCUMENTS).where(*_at(found, name.replace("\0", "?")))).one_or_none()
    if row is None:
        raise absent(found.name, name)
    if row.erased is not None:
        raise Conflict(f"The document {name[:128]!r} was erased.", fix="Put it again.", code="document_erased")
    return row


def _rows(conn: Connection, found: Corpus, names: Sequence[str]) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    for part in _parts(names):
        query = select(DOCUMENTS).where(*_of(found), D.document.in_(part))
        rows |= {row.document: row for row in conn.execute(query)}
    return rows


def _parts(values: Sequence[T]) -> Iterator[Sequence[T]]:
    for at in range(0, len(values), AT_ONCE):
        yield values[at : at + AT_ONCE]


def _of(found: Corpus, columns: Any = D) -> tuple[Any, ...]:
    return (columns.project_id == found.project_id, columns.corpus == found.name)


def _at(found: Corpus, name: str, columns: Any = D) -> tuple[Any, ...]:
    return (*_of(found, columns), columns.document == name)


def _key(found: Corpus, name: str) -> dict[str, str]:
    return {"project_id": found.project_id, "corpus": found.name, "document": name}


def _lines(about: Sequence[str]) -> str:
    """Each between line ends, so that one can be looked for."""
    wrong = next((each for each in about if not each or len(each) > 256 or "\n" in each or "\0" in each), None)
    if wrong is not None or len(about) > access.MOST:
        raise InvalidRequest(
            "'about' names end users by their ids, of 1 to 256 characters in one line.",
            fix=f"Name at most {access.MOST}, as the application names them in its calls.",
            param="about",
        )
    return "".join(f"\n{each}" for each in sorted(set(about))) + "\n" if about else ""


def _tell(conn: Connection, found: Corpus, by: By, action: str, told: dict[str, Any]) -> None:
    audit.append(conn, found.project_id, by.actor, action, f"corpus:{found.name}", now=by.now, detail=told)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
