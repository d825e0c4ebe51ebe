"""Of what class data is, and what providers may be given: a project's list of classes, who declares which, data terms.

Classes have an order, the least sensitive first. Whatever declares a class of a call can only raise it: the client's
header, the key, the app, and what guards find; where nothing says anything, it is the list's standard one.
"""

import re
from collections.abc import Iterable
from typing import Final, Literal, get_args

import msgspec
from msgspec import Struct
from sqlalchemy import BigInteger, Column, Connection, ForeignKey, String, Table, Text, delete, insert, select

from trimtab.core.errors import InvalidRequest, NotFound
from trimtab.governance.projects import REVISION
from trimtab.storage.revision import bump
from trimtab.storage.schema import METADATA

MarkedSubject = Literal["key", "app", "dataset"]
TermsSubject = Literal["provider", "model"]
MARKED: Final[tuple[MarkedSubject, ...]] = get_args(MarkedSubject)
STANDARD_ORDER: Final = ("public", "internal", "confidential", "personal")
MOST_CLASSES: Final = 16
MOST_TERMS: Final = 32
_CLASS: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_REGION: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")

LISTS = Table(
    "data_class_lists",
    METADATA,
    Column("project_id", String(64), ForeignKey("projects.id"), primary_key=True),
    Column("classes", Text, nullable=False),
    Column("standard", String(32), nullable=False),
    Column("updated", BigInteger, nullable=False),
)
LONGEST_NAME = 200
MARKS = Table(
    "data_class_marks",
    METADATA,
    Column("project_id", String(64), ForeignKey("projects.id"), primary_key=True),
    Column("subject", String(16), primary_key=True),
    Column("name", String(LONGEST_NAME), primary_key=True),
    Column("data_class", String(32), nullable=False),
    Column("updated", BigInteger, nullable=False),
)
TERMS = Table(
    "data_terms",
    METADATA,
    Column("project_id", String(64), ForeignKey("projects.id"), primary_key=True),
    Column("subject", String(16), primary_key=True),
    Column("name", String(LONGEST_NAME), primary_key=True),
    Column("terms", Text, nullable=False),
    Column("updated", BigInteger, nullable=False),
)


class Classes(Struct, frozen=True, kw_only=True):
    """``order``: the least sensitive first; ``standard`` is that of calls of which nobody declared any (empty: such
    calls have none)."""

    order: tuple[str, ...] = STANDARD_ORDER
    standard: str = "internal"

    def rank(self, name: str) -> int:
        """The place in the order; -1 for none."""
        return self.order.index(name) if name in self.order else -1

    def raised(self, name: str, claims: Iterable[str]) -> str:
        """The class ``name``, or a more sensitive one that is claimed; a claim that the list does not know (any more)
        counts as its most sensitive."""
        claimed = [self.order.index(each) if each in self.order else len(self.order) - 1 for each in claims if each]
        return self.order[max(self.rank(name), *claimed)] if claimed else name

    def highest(self, names: Iterable[str]) -> str:
        """The most sensitive of those that are known; the standard one where none is."""
        known = [self.order.index(name) for name in names if name in self.order]
        return self.order[max(known)] if known else self.standard


class DataTerms(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is stated of a provider, or of one of its models. ``region`` is where it processes (``eu-west-1``, ``us``);
    ``data_classes`` are those it may be given; ``terms`` what was agreed (``no-training``, ``zero-retention``,
    ``dpa``). None: not stated here; a model then has its provider's."""

    region: str | None = None
    data_classes: tuple[str, ...] | None = None
    terms: tuple[str, ...] | None = None


class ListRow(Struct, frozen=True, kw_only=True):
    project_id: str
    classes: Classes


class Mark(Struct, frozen=True, kw_only=True):
    """The class of a key (by id), an app or a dataset (by name)."""

    project_id: str
    subject: MarkedSubject
    name: str
    data_class: str


class TermsRow(Struct, frozen=True, kw_only=True):
    project_id: str
    subject: TermsSubject
    name: str
    terms: DataTerms


def check_classes(classes: Classes) -> None:
    """Raises `InvalidRequest`."""
    if not 1 <= len(classes.order) <= MOST_CLASSES or len(set(classes.order)) != len(classes.order):
        raise InvalidRequest(
            f"A list has 1 to {MOST_CLASSES} classes, each once.", fix="Begin with 'public'.", param="classes"
        )
    for name in classes.order:
        if not _CLASS.fullmatch(name):
            raise InvalidRequest(
                f"{name[:40]!r} cannot be a class.",
                fix="Use up to 32 lower-case letters, digits, '-' and '_', beginning with a letter.",
                param="classes",
            )
    if classes.standard and classes.standard not in classes.order:
        raise InvalidRequest(
            f"The standard class {classes.standard[:40]!r} is not in the list.",
            fix=f"Take one of {', '.join(classes.order)}, or leave it empty.",
            param="standard",
        )


def check_class(name: str, classes: Classes, param: str = "data_class") -> None:
    """Raises `InvalidRequest` for a class that the list does not have."""
    if name not in classes.order:
        raise InvalidRequest(
            f"There is no data class {name[:40]!r} in this project.",
            fix=f"There are, the least sensitive first: {', '.join(classes.order)}.",
            code="unknown_data_class",
            param=param,
        )


def check_terms(terms: DataTerms, classes: Classes) -> None:
    """Raises `InvalidRequest`."""
    if terms.region and not _REGION.fullmatch(terms.region):
        fix = "Write for example 'eu-west-1' or 'us': lower-case letters, digits, '.', '_' and '-'."
        raise InvalidRequest(f"{terms.region[:80]!r} cannot be a region.", fix=fix, param="region")
    for name in terms.data_classes or ():
        check_class(name, classes, "data_classes")
    if len(terms.terms or ()) > MOST_TERMS or not all(_REGION.fullmatch(each) for each in terms.terms or ()):
        fix = f"Give up to {MOST_TERMS} words such as 'no-training'."
        raise InvalidRequest("These terms cannot be kept.", fix=fix, param="terms")


def over(model: DataTerms | None, provider: DataTerms | None, region: str) -> DataTerms:
    """What holds for a model: its own word, else its provider's, else nothing (``region``: what its provider's own
    settings say of that)."""
    stated = [each for each in (model, provider) if each is not None]
    return DataTerms(
        region=next((each.region for each in stated if each.region is not None), region),
        data_classes=next((each.data_classes for each in stated if each.data_classes is not None), ()),
        terms=next((each.terms for each in stated if each.terms is not None), ()),
    )


# --- SQL ---


def lists(conn: Connection) -> list[ListRow]:
    return [_list(row.project_id, row.classes, row.standard) for row in conn.execute(select(LISTS))]


def _list(project_id: str, order: str, standard: str) -> ListRow:
    names = msgspec.json.decode(order, type=tuple[str, ...])
    return ListRow(project_id=project_id, classes=Classes(order=names, standard=standard))


def classes_of(conn: Connection, project_id: str) -> Classes:
    """The project's own list, else the standard one."""
    row = conn.execute(select(LISTS).where(LISTS.c.project_id == project_id)).one_or_none()
    return Classes() if row is None else _list(project_id, row.classes, row.standard).classes


def put_classes(conn: Connection, project_id: str, classes: Classes, now: int) -> None:
    """``now`` is Unix ms. Raises `InvalidRequest`, also for a list without a class that something is of."""
    check_classes(classes)
    bump(conn, REVISION)
    used = {mark.data_class for mark in marks(conn, project_id)}
    used |= {name for row in terms(conn, project_id) for name in row.terms.data_classes or ()}
    lacking = sorted(used - set(classes.order))
    if lacking:
        raise InvalidRequest(
            f"Keys, apps, datasets or providers of this project are of the class {lacking[0]!r}.",
            fix="Keep it in the list, or give them another one first.",
            param="classes",
        )
    conn.execute(delete(LISTS).where(LISTS.c.project_id == project_id))
    order = msgspec.json.encode(classes.order).decode()
    values = {"project_id": project_id, "classes": order, "standard": classes.standard, "updated": now}
    conn.execute(insert(LISTS).values(**values))


def marks(conn: Connection, project_id: str | None = None) -> list[Mark]:
    found = select(MARKS).order_by(MARKS.c.project_id, MARKS.c.subject, MARKS.c.name)
    if project_id is not None:
        found = found.where(MARKS.c.project_id == project_id)
    return [
        Mark(project_id=row.project_id, subject=row.subject, name=row.name, data_class=row.data_class)
        for row in conn.execute(found)
    ]


def put_mark(conn: Connection, mark: Mark, now: int) -> None:
    """An empty class removes it. Raises `InvalidRequest`."""
    if mark.data_class:
        check_name(mark.subject, mark.name)
    bump(conn, REVISION)
    at = (MARKS.c.project_id == mark.project_id, MARKS.c.subject == mark.subject, MARKS.c.name == mark.name)
    conn.execute(delete(MARKS).where(*at))
    if mark.data_class:
        check_class(mark.data_class, classes_of(conn, mark.project_id))
        values = {name: getattr(mark, name) for name in Mark.__struct_fields__}
        conn.execute(insert(MARKS).values(**values, updated=now))


def raise_mark(conn: Connection, mark: Mark, now: int) -> str:
    """The mark if it is above the one that is there: data only becomes more sensitive by what is added. The class that
    holds now."""
    classes = classes_of(conn, mark.project_id)
    at = (MARKS.c.project_id == mark.project_id, MARKS.c.subject == mark.subject, MARKS.c.name == mark.name)
    before = conn.execute(select(MARKS.c.data_class).where(*at)).scalar_one_or_none() or ""
    if classes.rank(mark.data_class) > classes.rank(before):
        put_mark(conn, mark, now)
        return mark.data_class
    return before


def check_name(subject: str, name: str) -> None:
    """Raises `InvalidRequest` for what nothing that is marked or stated can be called."""
    if not name or len(name) > LONGEST_NAME or "\0" in name:
        raise InvalidRequest(
            f"{name[:80]!r} is no {subject}'s name.",
            fix=f"A name has 1 to {LONGEST_NAME} characters, and no NUL.",
            param="name",
        )


def mark_of(conn: Connection, project_id: str, subject: MarkedSubject, name: str) -> str:
    """Empty where it has none."""
    at = (MARKS.c.project_id == project_id, MARKS.c.subject == subject, MARKS.c.name == name)
    return conn.execute(select(MARKS.c.data_class).where(*at)).scalar_one_or_none() or ""


def terms(conn: Connection, project_id: str | None = None) -> list[TermsRow]:
    found = select(TERMS).order_by(TERMS.c.project_id, TERMS.c.subject, TERMS.c.name)
    if project_id is not None:
        found = found.where(TERMS.c.project_id == project_id)
    return [
        TermsRow(
            project_id=row.project_id,
            subject=row.subject,
            name=row.name,
            terms=msgspec.json.decode(row.terms, type=DataTerms),
        )
        for row in conn.execute(found)
    ]


def put_terms(conn: Connection, row: TermsRow, now: int) -> None:
    """In place of those that were there. Raises `InvalidRequest`."""
    check_name(row.subject, row.name)
    check_terms(row.terms, classes_of(conn, row.project_id))
    bump(conn, REVISION)
    _drop_terms(conn, row.project_id, row.subject, row.name)
    text = msgspec.json.encode(row.terms).decode()
    values = {"project_id": row.project_id, "subject": row.subject, "name": row.name, "terms": text, "updated": now}
    conn.execute(insert(TERMS).values(**values))


def remove_terms(conn: Connection, project_id: str, subject: TermsSubject, name: str) -> None:
    bump(conn, REVISION)
    if not _drop_terms(conn, project_id, subject, name):
        fix = "List them: trimtab policies terms list."
        raise NotFound(f"The {subject} {name[:80]!r} has no data terms in the catalog.", fix=fix)


def _drop_terms(conn: Connection, project_id: str, subject: TermsSubject, name: str) -> bool:
    at = (TERMS.c.project_id == project_id, TERMS.c.subject == subject, TERMS.c.name == name)
    return conn.execute(delete(TERMS).where(*at)).rowcount > 0
