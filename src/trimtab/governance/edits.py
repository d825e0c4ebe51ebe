"""Who changed what last: revisions of what is replaced whole, so that nobody saves over what they never saw.

A thing is known by its place (the id of a project or of an organisation; empty for the whole instance), its kind and
its name. Its revision is 1 once it is there and goes up with every change, by whichever way it comes; it goes on where
a thing is removed and made anew, so that one is never taken for the other. What nobody has touched since before
revisions were kept is at 1.

Whoever changes something holds the catalog's counter first (`hold`), looks whether the revision is the one that was
read (`expect`), changes it, and says so (`note`).
"""

from datetime import UTC, datetime
from typing import Final

from msgspec import Struct
from sqlalchemy import BigInteger, Column, Connection, Integer, String, Table, insert, select, update

from trimtab.core.errors import Conflict, NotFound
from trimtab.governance.audit import Actor
from trimtab.governance.projects import REVISION
from trimtab.storage.revision import hold as hold_counter
from trimtab.storage.schema import METADATA

EDITS: Final = Table(
    "edits",
    METADATA,
    Column("place", String(64), primary_key=True),
    Column("kind", String(40), primary_key=True),
    Column("name", String(320), primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("author_name", String(200), nullable=False),
    Column("at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
FIRST: Final = 1
"""Of what is there and has no row yet."""


class Edit(Struct, frozen=True, kw_only=True):
    """What is changed. ``name`` is empty where a place has only one of the kind; ``label`` is what people call it where
    its name is an id. ``expected``: the revision that the change was made from, 0 where the thing is to be new; None to
    write over whatever there is."""

    place: str
    kind: str
    name: str
    expected: int | None = None
    label: str = ""


class Last(Struct, frozen=True, kw_only=True):
    """``at`` is Unix ms."""

    revision: int
    author_name: str
    at: int


class Meanwhile(Struct, frozen=True, kw_only=True):
    """Where the audit log tells what was done to a thing since it was read: in the newest ``entries`` of ``subject``
    whose action begins with one of ``actions`` (``limit.``), of ``project`` (its slug; null: the instance's log).
    ``revision`` is the thing's now, 0 where it was removed."""

    project: str | None
    subject: str
    actions: list[str]
    entries: int
    revision: int


class Stale(Conflict):
    """It was changed, or removed, since it was read. ``revision`` is the one it has now, 0 where it is gone;
    ``changes`` how often it was changed since; ``meanwhile`` where that is told, once somebody knows."""

    code = "revision_conflict"
    revision: int = 0
    changes: int = 0
    meanwhile: Meanwhile | None = None


def revisions(conn: Connection, place: str, kind: str) -> dict[str, int]:
    """By name, of those that have a row; of all others it is `FIRST`. Read them before the things themselves: then one
    that changes in between looks older than it is, and saving it is refused, never let through."""
    found = select(EDITS.c.name, EDITS.c.revision).where(EDITS.c.place == place, EDITS.c.kind == kind)
    return {row.name: row.revision for row in conn.execute(found)}


def hold(conn: Connection) -> None:
    """From here on nobody else changes anything until this transaction ends."""
    hold_counter(conn, REVISION)


def expect(conn: Connection, edit: Edit, *, there: bool) -> None:
    """Raises `Conflict`, with who changed it and when, where ``expected`` is not what there is; ``there``: whether it
    is there now."""
    if edit.expected is None:
        return
    last = _last(conn, edit)
    now = revision_of(last) if there else 0
    if now == edit.expected:
        return
    if last is None and not there:
        raise NotFound(
            f"There is no {_thing(edit)}.",
            fix="See that its name is right; what is to be new is sent without expected_revision, or with 0.",
        )
    stale = Stale(_sentence(edit, last, now), fix=_fix(now))
    stale.revision = now
    stale.changes = 0 if last is None else max(1, last.revision - edit.expected)
    raise stale


def expect_value(what: str, expected: str | int | None, now: str | int, *, param: str) -> None:
    """Of what is one value, and needs no revision: raises `Conflict` where it is another than was seen."""
    if expected is not None and expected != now:
        raise Conflict(
            f"{what} is {now or 'none'!r} by now, and you changed it from {expected or 'none'!r}.",
            fix="Nothing was saved. Look who changed it in the audit log, and choose again.",
            param=param,
            code="revision_conflict",
        )


def note(conn: Connection, edit: Edit, actor: Actor, now: int, *, was_there: bool) -> int:
    """Count the revision up, after the change; the new one. ``was_there``: whether it was before the change."""
    mine = (EDITS.c.place == edit.place, EDITS.c.kind == edit.kind, EDITS.c.name == edit.name)
    last = _last(conn, edit)
    made = (FIRST if was_there else 0) + 1 if last is None else last.revision + 1
    values = {"revision": made, "author_name": actor.name[:200], "at": now}
    if last is None:
        conn.execute(insert(EDITS).values(place=edit.place, kind=edit.kind, name=edit.name, **values))
    else:
        conn.execute(update(EDITS).where(*mine).values(**values))
    return made


def removed(conn: Connection, edit: Edit, revision: int, actor: Actor, now: int) -> None:
    """Note at which ``revision`` something went that keeps its revision in a row of its own, for `following`."""
    mine = (EDITS.c.place == edit.place, EDITS.c.kind == edit.kind, EDITS.c.name == edit.name)
    values = {"revision": revision + 1, "author_name": actor.name[:200], "at": now}
    if conn.execute(update(EDITS).where(*mine).values(values)).rowcount == 0:
        conn.execute(insert(EDITS).values(place=edit.place, kind=edit.kind, name=edit.name, **values))


def following(conn: Connection, edit: Edit) -> int:
    """The revision at which such a thing begins: `FIRST`, or beyond those of one of its name that was `removed`."""
    last = _last(conn, edit)
    return FIRST if last is None else last.revision + 1


def current(conn: Connection, edit: Edit) -> int:
    return revision_of(_last(conn, edit))


def revision_of(last: Last | None) -> int:
    return FIRST if last is None else last.revision


def _last(conn: Connection, edit: Edit) -> Last | None:
    mine = (EDITS.c.place == edit.place, EDITS.c.kind == edit.kind, EDITS.c.name == edit.name)
    row = conn.execute(select(EDITS.c.revision, EDITS.c.author_name, EDITS.c.at).where(*mine)).one_or_none()
    return None if row is None else Last(revision=row.revision, author_name=row.author_name, at=row.at)


def _sentence(edit: Edit, last: Last | None, now: int) -> str:
    thing = _thing(edit)
    by = "" if last is None else f" by {last.author_name} at {_told(last.at)}"
    if not now:
        return f"The {thing} was removed{by}; you changed it from revision {edit.expected}."
    if not edit.expected:
        return f"There is a {thing} already: saved{by}, at revision {now}."
    return f"The {thing} was changed{by}: it is at revision {now}, and yours was made from {edit.expected}."


def _thing(edit: Edit) -> str:
    what, name = edit.kind.replace("_", " "), edit.label or edit.name
    return f"{what} {name[:80]!r}" if name else what


def _fix(now: int) -> str:
    if not now:
        return "Nothing was saved. Make it anew where it is still wanted, without expected_revision or with 0."
    return (
        "Nothing was saved. Read it again and make your change there; without expected_revision it is written over"
        " what is there."
    )


def _told(at: int) -> str:
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
