"""The SQL of datasets: what they are called, their versions, and reading their cases. Functions of a connection; times
are Unix ms. `dataset_writes.py` makes versions.

A version is the cases in force at its number: states whose ``since`` is at most it, and whose ``until`` is above it or
null. So a version costs the rows it changed, reading an old one costs what reading the newest does, and rows of a
version that is not published yet are in none.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct, UnsetType, structs
from sqlalchemy import Connection, Select, and_, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from trimtab.core.errors import Conflict, InvalidRequest, NotFound
from trimtab.core.known import did_you_mean
from trimtab.evaluation import case_schema
from trimtab.evaluation.cases import body_of, case_of, tags_column
from trimtab.evaluation.tables import DATASET_CASES, DATASET_VERSIONS, DATASETS
from trimtab.evaluation.types import NAME, Case, Dataset, DatasetVersion, Json, Provenance, Use
from trimtab.governance import audit
from trimtab.governance.audit import Actor
from trimtab.storage import content

LATEST: Final = "latest"
PAGE: Final = 1000
SHOWN: Final = 20
D, V, C = DATASETS.c, DATASET_VERSIONS.c, DATASET_CASES.c
_TOLD: Final = ("description", "schema", "licence", "archived")
"""What people say of a dataset."""
_VERSION: Final = [V[name] for name in DatasetVersion.__struct_fields__]


class DatasetEdit(Struct, frozen=True, kw_only=True):
    """What a dataset says of itself; what is unset stays. ``expected`` is its revision as the editor knew it: 0 for one
    that is to be new, None for whatever it is."""

    project_id: str
    name: str
    actor: Actor
    now: int
    expected: int | None = None
    description: str | UnsetType = UNSET
    schema: Json | UnsetType = UNSET
    licence: str | UnsetType = UNSET
    archived: bool | UnsetType = UNSET


class Wanted(Struct, frozen=True, kw_only=True):
    """Which cases: of one split, with all of these tags, with these words in them (as JSON), with these ids."""

    split: str = ""
    tags: tuple[str, ...] = ()
    q: str = ""
    ids: tuple[str, ...] = ()


class CaseState(Struct, frozen=True, kw_only=True):
    """A case as it was from version ``since`` to before ``until``; null: it still is."""

    since: int
    until: int | None
    case: Case


# --- datasets ---


def check_name(name: str) -> None:
    """Raises `InvalidRequest`."""
    if not re.fullmatch(NAME, name):
        raise InvalidRequest(
            f"{name[:80]!r} cannot be a dataset's name.",
            fix="Use up to 64 lower-case letters, digits, '.', '_' and '-', starting with a letter or digit.",
            param="name",
        )


def _dataset(row: Any) -> Dataset:
    kept = ("schema", "shares")
    values: dict[str, Any] = {name: getattr(row, name) for name in Dataset.__struct_fields__ if name not in kept}
    return Dataset(schema=msgspec.json.decode(row.schema), shares=msgspec.json.decode(row.shares), **values)


def listed(
    conn: Connection, project_id: str, *, archived: bool = False, q: str = "", after: str = "", limit: int = 500
) -> list[Dataset]:
    """In order of name. ``q``: words in name or description."""
    found = select(DATASETS).where(D.project_id == project_id, D.name > after)
    found = found.where(D.archived.is_not(None) if archived else D.archived.is_(None))
    for word in q.split()[:20]:
        found = found.where(
            or_(D.name.icontains(word, autoescape=True), D.description.icontains(word, autoescape=True))
        )
    return [_dataset(row) for row in conn.execute(found.order_by(D.name).limit(limit))]


def get(conn: Connection, project_id: str, name: str, *, lock: bool = False) -> Dataset:
    """Raises `NotFound`. ``lock``: nobody else changes it until this transaction ends."""
    found = select(DATASETS).where(D.project_id == project_id, D.name == name)
    row = conn.execute(found.with_for_update() if lock else found).one_or_none()
    if row is None:
        known = list(
            conn.execute(select(D.name).where(D.project_id == project_id).order_by(D.name).limit(1000)).scalars()
        )
        fix = did_you_mean(name, known, "dataset")
        raise NotFound(f"There is no dataset {name[:80]!r} in this project.", fix=fix)
    return _dataset(row)


def is_there(conn: Connection, project_id: str, name: str) -> bool:
    found = select(D.name).where(D.project_id == project_id, D.name == name)
    return conn.execute(found).one_or_none() is not None


def put(conn: Connection, edit: DatasetEdit) -> tuple[Dataset, bool]:
    """Make it, or change what it says of itself; and whether anything changed. A schema must hold for the cases that
    are there. Raises `InvalidRequest`, and `Conflict` where ``expected`` is not its revision."""
    check_name(edit.name)
    old = _old(conn, edit)
    said = {name: value for name in ("description", "schema", "licence") if (value := getattr(edit, name)) is not UNSET}
    new = structs.replace(old or Dataset(project_id=edit.project_id, name=edit.name, created=edit.now), **said)
    if edit.archived is not UNSET and edit.archived != (new.archived is not None):
        new = structs.replace(new, archived=edit.now if edit.archived else None)
    if old is not None and new == old:
        return old, False
    if edit.expected is not None and edit.expected != (0 if old is None else old.revision):
        raise _changed(edit.name, edit.expected, None if old is None else old.revision)
    _check_words(new)
    if new.schema is not None and (old is None or new.schema != old.schema):
        _check_cases(conn, new)
    new = structs.replace(new, revision=1 if old is None else old.revision + 1, updated=edit.now)
    values = structs.asdict(new) | {
        "schema": msgspec.json.encode(new.schema).decode(),
        "shares": msgspec.json.encode(new.shares).decode(),
    }
    if old is None:
        try:
            with conn.begin_nested():
                conn.execute(insert(DATASETS).values(**values, staged=None, staged_by="", staged_until=0))
        except IntegrityError as error:  # somebody else's was quicker
            raise _changed(edit.name, 0, 1) from error
    else:
        conn.execute(update(DATASETS).where(D.project_id == new.project_id, D.name == new.name).values(**values))
    fields = [name for name in _TOLD if old is not None and getattr(old, name) != getattr(new, name)]
    before, after = (None if each is None else _told(each, fields) for each in (old, new))
    detail = {"fields": fields, "from": before, "to": after}
    note(conn, edit.project_id, edit.name, edit.actor, "changed" if old else "created", edit.now, detail)
    return new, True


def _told(dataset: Dataset, fields: Sequence[str]) -> Any:
    """The fields that differ; of a new one all that it says."""
    return audit.told({name: getattr(dataset, name) for name in fields or _TOLD})


def _old(conn: Connection, edit: DatasetEdit) -> Dataset | None:
    try:
        return get(conn, edit.project_id, edit.name, lock=True)
    except NotFound:
        return None


def _check_words(new: Dataset) -> None:
    if len(new.description) > 10_000 or "\0" in new.description:
        raise InvalidRequest("A description has at most 10,000 characters, and no NUL.", param="description")
    if len(new.licence) > 200 or "\0" in new.licence:
        raise InvalidRequest(
            "A licence has at most 200 characters, and no NUL.", fix="Use its SPDX id.", param="licence"
        )


def _check_cases(conn: Connection, new: Dataset) -> None:
    look = case_schema.checker(new.schema)
    if look is None or not new.newest:
        return
    wrong: list[str] = []
    for case in each(conn, version(conn, new.project_id, new.name, new.newest)):
        if why := look(case):
            wrong.append(f"{case.id}: {why}")
            if len(wrong) == SHOWN:
                break
    if wrong:
        raise Conflict(
            f"The schema does not hold for the cases that are there: {'; '.join(wrong)[:2000]}.",
            fix="Correct these cases first, or the schema.",
            code="schema_violation",
        )


def changed(found: Dataset, expected: int) -> Conflict:
    """What an edit hears that was made from another revision than there is."""
    return _changed(found.name, expected, found.revision)


def _changed(name: str, expected: int, revision: int | None) -> Conflict:
    if revision is None:
        message = f"There is no dataset {name!r} yet, so nothing can be made from its revision {expected}."
    elif not expected:
        message = f"There is a dataset {name!r} already, at revision {revision}."
    else:
        message = f"The dataset {name!r} is at revision {revision} now; yours was made from {expected}."
    return Conflict(
        message, fix="Look at what changed (trimtab datasets diff), then try again.", code="dataset_changed"
    )


def note(
    conn: Connection, project_id: str, name: str, actor: Actor, what: str, now: int, detail: dict[str, Any]
) -> None:
    audit.append(conn, project_id, actor, f"dataset.{what}", f"dataset:{name}", now=now, detail=detail)


# --- versions ---


def _version(row: Any) -> DatasetVersion:
    values: dict[str, Any] = {name: getattr(row, name) for name in DatasetVersion.__struct_fields__ if name != "splits"}
    return DatasetVersion(splits=msgspec.json.decode(row.splits), **values)


def version(conn: Connection, project_id: str, name: str, ref: int | str = LATEST) -> DatasetVersion:
    """By number or `LATEST`. Raises `NotFound`, also for the newest of a dataset that has none."""
    number = _number(conn, project_id, name, ref)
    found = select(*_VERSION).where(V.project_id == project_id, V.dataset == name, V.number == number)
    row = conn.execute(found).one_or_none()
    if row is None:
        newest = get(conn, project_id, name).newest
        fix = f"Its newest is {newest}." if newest else f"Add cases: trimtab datasets import {name} FILE."
        raise NotFound(f"The dataset {name[:80]!r} has no version {str(ref)[:20]}.", fix=fix)
    return _version(row)


def _number(conn: Connection, project_id: str, name: str, ref: int | str) -> int:
    if isinstance(ref, int):
        return ref if 0 < ref < 1 << 31 else 0
    if ref == LATEST:
        return get(conn, project_id, name).newest
    if ref.isascii() and ref.isdecimal() and len(ref) < 10:
        return int(ref)
    raise NotFound(f"The dataset {name[:80]!r} has no version {ref[:80]!r}.", fix="A version is a number, or 'latest'.")


def resolve(conn: Connection, project_id: str, reference: str) -> DatasetVersion:
    """``name``, ``name@3`` or ``name@latest``. Raises `NotFound`."""
    name, _, ref = reference.partition("@")
    return version(conn, project_id, name, ref or LATEST)


def versions(
    conn: Connection, project_id: str, name: str, *, before: int | None = None, limit: int = 100
) -> list[DatasetVersion]:
    """Newest first. Raises `NotFound`."""
    get(conn, project_id, name)
    found = select(*_VERSION).where(V.project_id == project_id, V.dataset == name)
    if before is not None:
        found = found.where(V.number < before)
    return [_version(row) for row in conn.execute(found.order_by(V.number.desc()).limit(limit))]


def newest(conn: Connection, project_id: str, names: Sequence[str]) -> dict[str, DatasetVersion]:
    """The newest version of each of these datasets that has one, by name."""
    at = and_(D.project_id == V.project_id, D.name == V.dataset, D.newest == V.number)
    found = select(*_VERSION).join(DATASETS, at).where(V.project_id == project_id, V.dataset.in_(names))
    return {row.dataset: _version(row) for row in conn.execute(found)}


def empty(of: DatasetVersion) -> DatasetVersion:
    """What every dataset was before its first version."""
    return structs.replace(of, number=0, hash="", cases=0, splits={}, parent=None, message="", created=0)


# --- cases ---


def in_force(number: int) -> Any:
    """The condition that a row is part of a version."""
    return and_(C.since <= number, or_(C.until.is_(None), C.until > number))


def _selected(of: DatasetVersion, wanted: Wanted, *columns: Any) -> "Select[*tuple[Any, ...]]":
    found: Any = select(*columns).where(C.project_id == of.project_id, C.dataset == of.dataset, in_force(of.number))
    if wanted.split:
        found = found.where(C.split == wanted.split)
    for tag in wanted.tags[:20]:
        # Not LIKE: SQLite's takes no heed of case.
        found = found.where(func.replace(C.tags, tags_column((tag,)), "") != C.tags)
    for word in wanted.q.split()[:20]:
        body = content.raw(C.body)
        # What lies sealed may say it: it is looked at once it is opened (`_says`).
        found = found.where(or_(body.icontains(word, autoescape=True), body.startswith(content.PREFIX)))
    if wanted.ids:
        found = found.where(C.case_id.in_(wanted.ids[:PAGE]))
    return found


def cases(
    conn: Connection, of: DatasetVersion, wanted: Wanted | None = None, *, after: str = "", limit: int = PAGE
) -> list[Case]:
    """In order of id, from the one after ``after``."""
    if wanted is None or not wanted.q:
        return _page(conn, of, wanted or Wanted(), after, limit)
    found: list[Case] = []
    while page := _page(conn, of, wanted, after, PAGE):
        after = page[-1].id
        found += [case for case in page if _says(case, wanted.q)]
        if len(found) >= limit:
            break
    return found[:limit]


def _page(conn: Connection, of: DatasetVersion, wanted: Wanted, after: str, limit: int) -> list[Case]:
    found = _selected(of, wanted, C.case_id, C.split, C.body)
    if after:
        found = found.where(C.case_id > after)
    return [case_of(row) for row in conn.execute(found.order_by(C.case_id).limit(limit))]


def _says(case: Case, q: str) -> bool:
    """Whether the words are in what a case says, and not only in whose key added it."""
    said = structs.replace(case, provenance=Provenance(source=case.provenance.source))
    text = body_of(said).decode().casefold()
    return all(word in text for word in q.casefold().split()[:20])


def count(conn: Connection, of: DatasetVersion, wanted: Wanted | None = None) -> int:
    if wanted is not None and wanted.q:
        return sum(1 for _ in each(conn, of, wanted))
    return conn.execute(_selected(of, wanted or Wanted(), func.count())).scalar_one()


def each(conn: Connection, of: DatasetVersion, wanted: Wanted | None = None) -> Iterator[Case]:
    """All of them in order of id, a page at a time; to be read before the connection ends."""
    after = ""
    while page := cases(conn, of, wanted, after=after):
        yield from page
        after = page[-1].id


def states(conn: Connection, project_id: str, name: str, case_id: str) -> list[CaseState]:
    """What a case was, newest first. Raises `NotFound`."""
    published = get(conn, project_id, name).newest
    found = select(C.since, C.until, C.case_id, C.split, C.body).where(
        C.project_id == project_id, C.dataset == name, C.case_id == case_id, C.since <= published
    )
    rows = conn.execute(found.order_by(C.since.desc())).all()
    if not rows:
        raise NotFound(
            f"The dataset {name!r} never had a case {case_id[:128]!r}.", fix="'trimtab datasets show' lists them."
        )
    return [
        CaseState(
            since=row.since,
            until=row.until if row.until is not None and row.until <= published else None,
            case=case_of(row),
        )
        for row in rows
    ]


def licences(conn: Connection, of: DatasetVersion) -> list[str]:
    """Those that its cases say of their own, in order."""
    return sorted({case.licence for case in each(conn, of) if case.licence})


# --- what cases may be used for ---


def refused(conn: Connection, of: DatasetVersion, use: Use, wanted: Wanted | None = None) -> list[str]:
    """The ids of those among the wanted cases that must not be used so: it is not among their uses, or consent was
    withdrawn. A withdrawal counts for every version from when it is known, also for those before it."""
    later = DATASET_CASES.alias("later")
    given_again = (
        select(later.c.case_id)
        .where(
            later.c.project_id == C.project_id,
            later.c.dataset == C.dataset,
            later.c.case_id == C.case_id,
            later.c.since > C.since,
        )
        .exists()
    )
    withdrawn = select(C.case_id).where(
        C.project_id == of.project_id, C.dataset == of.dataset, C.uses == "", ~given_again
    )
    gone = frozenset(conn.execute(withdrawn).scalars())
    found = conn.execute(_selected(of, wanted or Wanted(), C.case_id, C.uses).order_by(C.case_id))
    return [row.case_id for row in found if row.case_id in gone or f",{use}," not in row.uses]


def allows(case: Case, use: Use) -> bool:
    """Whether the case says so of itself as it is."""
    return use in case.uses and case.consent != "withdrawn"


def must_allow(conn: Connection, of: DatasetVersion, use: Use, wanted: Wanted | None = None) -> None:
    """Raises `Conflict` that names the cases which must not be used so."""
    named = refused(conn, of, use, wanted)
    if named:
        more = f" and {len(named) - SHOWN:,} more" if len(named) > SHOWN else ""
        raise Conflict(
            f"{len(named):,} of these cases must not be used to {use}: {', '.join(named[:SHOWN])}{more}.",
            fix=f"Allow it in their 'uses' if their source permits it, or leave them out: use={use}&allowed_only=true.",
            code="use_not_allowed",
        )
