"""How a route changes the catalog: the change and the entry of the audit log about it, in one transaction.

What was there is read before and after, as the row that it is, without secrets: where both are the same nothing was
changed, and nothing is written down. Rooms that keep a trail of their own (`releases`, `prompts`) need none of this.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final, Generic, TypeVar

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, LargeBinary, Table, select

from trimtab.governance import audit, edits
from trimtab.governance.access import Project
from trimtab.governance.edits import Edit, Meanwhile, Stale
from trimtab.governance.kept_secrets import Elsewhere
from trimtab.server.acting import moment
from trimtab.server.actors import actor_of
from trimtab.server.auth import Caller
from trimtab.server.dependencies import Dependencies
from trimtab.storage.revision import exclusive

T = TypeVar("T")
Reader = Callable[[Connection], Any]
_SEALED: Final = frozenset(("sealed", "secrets"))
_BY_FOLDERS: Final = "folder."
_OF_FOLDERS: Final = frozenset(("model", "model_resilience", "route", "call_policy", "limit"))
"""Kinds of edits of which a folder that is applied tells under actions of its own."""
_BESIDE: Final = frozenset(("project_id", "created", "updated", "search"))


class Deed(Struct, frozen=True, kw_only=True):
    """``action`` is a verb in the past (``limit.changed``); ``subject`` what it was done to, or what makes that of the
    change's result. ``state`` reads what it changes; without it ``detail`` alone tells. ``project`` is None for what
    belongs to the whole instance. ``edit`` is what of it has a revision, which needs a ``state``; what is done to it is
    told under actions that begin as ``family``, by default with all before the dot. ``lock`` is what the change holds
    itself (`exclusive`): it is taken first, as everybody does who takes both."""

    project: Project | None
    action: str
    subject: str | Callable[[Any], str]
    state: Reader | None = None
    detail: Mapping[str, Any] = {}
    edit: Edit | None = None
    family: str = ""
    lock: int | None = None


class Edited(Struct, Generic[T], frozen=True):
    """What a change made, and the revision that the thing has since."""

    made: T
    revision: int


async def written(deps: Dependencies, caller: Caller, deed: Deed, change: Callable[[Connection], T]) -> T:
    """Make the change and write it down. Raises what ``change`` raises, and then nothing of either is there."""
    return (await edited(deps, caller, deed, change)).made


async def edited(deps: Dependencies, caller: Caller, deed: Deed, change: Callable[[Connection], T]) -> Edited[T]:
    """As `written`, of what has a revision; 0 where ``deed`` names no edit. Raises `Conflict` where somebody changed it
    since the revision that the change was made from."""

    def work(conn: Connection) -> Edited[T]:
        edit = deed.edit
        if deed.lock is not None:
            exclusive(conn, deed.lock)
        if edit is not None:
            edits.hold(conn)
        before = None if deed.state is None else deed.state(conn)
        if edit is not None:
            _expect(conn, deed, edit, there=before is not None)
        made = change(conn)
        detail = dict(deed.detail)
        if deed.state is not None:
            after = deed.state(conn)
            if after == before:
                return Edited(made, 0 if edit is None else edits.current(conn, edit))
            detail |= {"from": audit.told(before), "to": audit.told(after)}
        subject = deed.subject if isinstance(deed.subject, str) else deed.subject(made)
        project = None if deed.project is None else deed.project.id
        actor, now = actor_of(conn, caller), moment(conn, deps)
        audit.append(conn, project, actor, deed.action, subject, now=now, detail=detail)
        return Edited(made, 0 if edit is None else edits.note(conn, edit, actor, now, was_there=before is not None))

    try:
        return await deps.db.write(work)
    except Elsewhere as refused:
        await _refused(deps, caller, deed, refused)
        raise


def _expect(conn: Connection, deed: Deed, edit: Edit, *, there: bool) -> None:
    """As `edits.expect`; who is refused is told where the log has what was done meanwhile."""
    try:
        edits.expect(conn, edit, there=there)
    except Stale as stale:
        if isinstance(deed.subject, str) and stale.changes:
            stale.meanwhile = Meanwhile(
                project=None if deed.project is None else deed.project.slug,
                subject=deed.subject,
                actions=[
                    deed.family or f"{deed.action.split('.')[0]}.",
                    *([_BY_FOLDERS] if edit.kind in _OF_FOLDERS else []),
                ],
                entries=stale.changes,
                revision=stale.revision,
            )
        raise


async def _refused(deps: Dependencies, caller: Caller, deed: Deed, refused: Elsewhere) -> None:
    """Somebody would have sent a kept secret to another address: nothing of it was done, and that it was tried is
    written down."""
    project = None if deed.project is None else deed.project.id
    subject = deed.subject if isinstance(deed.subject, str) else ""
    detail = {"refused": deed.action, "from": refused.old, "to": refused.new, "kept": list(refused.fields)}

    def write(conn: Connection) -> None:
        actor, now = actor_of(conn, caller), moment(conn, deps)
        audit.append(conn, project, actor, "secret.kept_back", subject, now=now, detail=detail)

    await deps.db.write(write)


async def noted(deps: Dependencies, caller: Caller, deed: Deed) -> None:
    """Write down what is about to be done where no transaction of the catalog does it."""
    await written(deps, caller, deed, lambda _: None)


def row(table: Table, **key: Any) -> Reader:
    """What a table says of one thing: its columns by name, those of ``key`` and what is no choice of people left out.
    Of what rests sealed there is only a mark, which says that it was changed."""

    def read(conn: Connection) -> dict[str, Any] | None:
        query = select(table).where(*(table.c[name] == value for name, value in key.items()))
        found = conn.execute(query).mappings().first()
        if found is None:
            return None
        told: dict[str, Any] = {}
        for column in table.columns:
            if column.name in key or column.name in _BESIDE or isinstance(column.type, LargeBinary):
                continue
            value = found[column.name]
            if column.name in _SEALED:
                told["secrets"] = hashlib.sha256(str(value).encode()).hexdigest()[:8]
            else:
                told[column.name] = _opened(value)
        return told

    return read


def _opened(value: Any) -> Any:
    """Structures rest as JSON text."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return msgspec.json.decode(value)
        except msgspec.DecodeError:
            return value
    return value
