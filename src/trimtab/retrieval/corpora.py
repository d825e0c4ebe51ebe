"""The SQL of corpora: what they say of themselves. Functions of a connection; each change leaves its entry in the audit
log, in the same transaction."""

import re
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct, UnsetType
from sqlalchemy import Connection, func, insert, select, update

from trimtab.core.errors import Conflict, InvalidRequest, NotFound
from trimtab.core.registry import meant
from trimtab.governance import audit
from trimtab.governance.audit import Actor
from trimtab.retrieval import access
from trimtab.retrieval.chunkers import CHUNKERS
from trimtab.retrieval.tables import CORPORA, DOCUMENTS
from trimtab.retrieval.types import MOST_DOCUMENTS, NAME, ChunkerSpec, Corpus, EmbedderSpec

C: Final = CORPORA.c
MOST_CORPORA: Final = 1_000
"""Of a project."""
_NAME: Final = re.compile(NAME)
_list: Final = msgspec.json.Decoder(tuple[str, ...])
_chunker: Final = msgspec.json.Decoder(ChunkerSpec)
_embedder: Final = msgspec.json.Decoder(EmbedderSpec)


class Edit(Struct, frozen=True, kw_only=True):
    """What is left out stays. ``expected``: the corpus's revision as the editor knew it, 0 for one that is to be
    new."""

    project_id: str
    name: str
    actor: Actor
    now: int
    expected: int | None = None
    description: str | UnsetType = UNSET
    owner: str | UnsetType = UNSET
    access: tuple[str, ...] | UnsetType = UNSET
    chunker: ChunkerSpec | UnsetType = UNSET
    embedder: EmbedderSpec | UnsetType = UNSET
    stale_days: int | UnsetType | None = UNSET
    archived: bool | UnsetType = UNSET


def get(conn: Connection, project_id: str, name: str, *, locked: bool = False) -> Corpus:
    """Raises `NotFound`. ``locked``: nobody else changes it until this transaction ends."""
    query = select(CORPORA).where(C.project_id == project_id, C.name == name.replace("\0", "?"))
    row = conn.execute(query.with_for_update() if locked else query).one_or_none()
    if row is None:
        known = [each.name for each in listed(conn, project_id, limit=500)]
        raise NotFound(
            f"There is no corpus {name[:64]!r} in this project.",
            fix=meant(name, known, "'trimtab knowledge list'") if known else "Make it: trimtab knowledge create NAME",
        )
    return read(row)


def to_change(conn: Connection, project_id: str, name: str) -> Corpus:
    """One that takes changes, held until the transaction ends. Raises `NotFound` and `Conflict`."""
    found = get(conn, project_id, name, locked=True)
    if found.archived is not None:
        raise Conflict(
            f"The corpus {name!r} is archived.",
            fix=f"Bring it back first: trimtab knowledge set {name} --no-archived",
            code="corpus_archived",
        )
    return found


def listed(
    conn: Connection, project_id: str, *, archived: bool = False, after: str = "", limit: int = 100
) -> list[Corpus]:
    """In order of name."""
    query = select(CORPORA).where(C.project_id == project_id, C.name > after)
    query = query.where(C.archived.is_not(None) if archived else C.archived.is_(None))
    return [read(row) for row in conn.execute(query.order_by(C.name).limit(limit))]


def read(row: Any) -> Corpus:
    values = {name: getattr(row, name) for name in Corpus.__struct_fields__}
    values |= {
        "access": _list.decode(row.access),
        "chunker": _chunker.decode(row.chunker),
        "embedder": _embedder.decode(row.embedder),
    }
    return Corpus(**values)


def put(conn: Connection, edit: Edit) -> Corpus:
    """Make a corpus, or change it. Versions that are there stay as they are; another chunker or embedder counts from
    the next one on. Raises `InvalidRequest` and `Conflict`."""
    query = select(CORPORA).where(C.project_id == edit.project_id, C.name == edit.name.replace("\0", "?"))
    row = conn.execute(query.with_for_update()).one_or_none()
    there = None if row is None else read(row)
    known = 0 if there is None else there.revision
    if edit.expected not in (None, known):
        raise Conflict(
            f"The corpus {edit.name[:64]!r} is at revision {known}, not {edit.expected}.",
            fix="Look at it again, and change what is there now.",
            code="revision_differs",
        )
    values = _values(edit)
    if there is None:
        _create(conn, edit, values)
        return get(conn, edit.project_id, edit.name)
    old = {name: getattr(row, name) for name in values}
    if values == old:
        return there
    changed = {name: value for name, value in values.items() if value != old[name]}
    more: dict[str, Any] = {"revision": C.revision + 1, "updated": edit.now}
    if changed.keys() & {"access", "stale_days"}:
        more["standing"] = C.standing + 1
    at = (C.project_id == edit.project_id, C.name == edit.name)
    conn.execute(update(CORPORA).where(*at).values(**changed, **more))
    told = {"from": {name: _plain(old[name]) for name in changed}, "to": {n: _plain(v) for n, v in changed.items()}}
    audit.append(conn, edit.project_id, edit.actor, "corpus.changed", f"corpus:{edit.name}", now=edit.now, detail=told)
    return get(conn, edit.project_id, edit.name)


def _create(conn: Connection, edit: Edit, values: dict[str, Any]) -> None:
    if _NAME.fullmatch(edit.name) is None:
        raise InvalidRequest(
            f"{edit.name[:80]!r} cannot be a corpus's name.",
            fix="Use up to 64 lower-case letters, digits, '.', '_' and '-', a letter or digit first.",
            param="corpus",
        )
    number = conn.execute(select(func.count()).select_from(CORPORA).where(C.project_id == edit.project_id))
    if number.scalar_one() >= MOST_CORPORA:
        raise InvalidRequest(
            f"A project has at most {MOST_CORPORA:,} corpora, archived ones among them.",
            fix=f"Let documents of several sources share one: it holds {MOST_DOCUMENTS:,}, and each may have an access "
            "list of its own.",
        )
    fresh: dict[str, Any] = {
        "project_id": edit.project_id, "name": edit.name, "description": "", "owner": edit.actor.name[:200],
        "access": "[]", "chunker": _json(ChunkerSpec()), "embedder": _json(EmbedderSpec()), "stale_days": None,
        "newest": 0, "ready": 0, "standing": 1, "erased": 0, "revision": 1, "archived": None,
        "created": edit.now, "updated": edit.now,
    }  # fmt: skip
    conn.execute(insert(CORPORA).values(**(fresh | values)))
    told = {name: _plain(value) for name, value in values.items()}
    audit.append(conn, edit.project_id, edit.actor, "corpus.created", f"corpus:{edit.name}", now=edit.now, detail=told)


def _values(edit: Edit) -> dict[str, Any]:
    """The columns that an edit sets. Raises `InvalidRequest`."""
    values: dict[str, Any] = {}
    if edit.description is not UNSET:
        values["description"] = edit.description[:4_000]
    if edit.owner is not UNSET:
        values["owner"] = edit.owner[:200]
    if edit.access is not UNSET:
        values["access"] = _json(access.checked(edit.access))
    if edit.chunker is not UNSET:
        values["chunker"] = _json(_checked(edit.chunker))
    if edit.embedder is not UNSET:
        values["embedder"] = _json(edit.embedder)
    if edit.stale_days is not UNSET:
        values["stale_days"] = edit.stale_days
    if edit.archived is not UNSET:
        values["archived"] = edit.now if edit.archived else None
    for name, value in values.items():
        if isinstance(value, str) and "\0" in value:
            raise InvalidRequest("A text holds a NUL character.", fix="Take it out.", param=name)
    return values


def _checked(spec: ChunkerSpec) -> ChunkerSpec:
    if spec.kind not in CHUNKERS.names():
        raise InvalidRequest(
            f"There is no chunker {spec.kind[:80]!r}.", fix=meant(spec.kind, CHUNKERS.names()), param="chunker.kind"
        )
    if spec.overlap * 2 > spec.size:
        raise InvalidRequest(
            f"Chunks of {spec.size} words cannot overlap by {spec.overlap}.",
            fix="Let them overlap by half of their size at most.",
            param="chunker.overlap",
        )
    return spec


def touched(conn: Connection, found: Corpus) -> None:
    """Who may see what has changed, or when it was updated: every process reads it anew before its next search, all of
    the corpus. So documents that are put do not say so one by one, but the version that has them when it is
    published."""
    at = (C.project_id == found.project_id, C.name == found.name)
    conn.execute(update(CORPORA).where(*at).values(standing=C.standing + 1))


def counts(conn: Connection, project_id: str, names: list[str]) -> dict[str, int]:
    """How many documents each has now."""
    d = DOCUMENTS.c
    query = select(d.corpus, func.count()).where(d.project_id == project_id, d.corpus.in_(names))
    query = query.where(d.removed.is_(None), d.erased.is_(None)).group_by(d.corpus)
    return {row[0]: row[1] for row in conn.execute(query)}


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _plain(value: Any) -> Any:
    """Structures rest as JSON text."""
    return msgspec.json.decode(value) if isinstance(value, str) and value[:1] in ("{", "[") else value
