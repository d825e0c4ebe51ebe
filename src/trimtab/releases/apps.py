"""The SQL of apps: their names and their drafts. Functions of a connection; times are Unix ms.

A draft has a revision that goes up with every edit; of two that were edited from the same one, one is refused
(``expected``). The same draft again is no edit. Every write bumps the catalog's revision first, which puts writers in a
row, so that a name cannot become an app's and a model's at once.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, insert, select, update

from trimtab.core.errors import Conflict, InvalidRequest, NotFound
from trimtab.core.known import did_you_mean
from trimtab.governance import audit
from trimtab.governance.audit import Actor
from trimtab.governance.projects import REVISION
from trimtab.releases import authors
from trimtab.releases.tables import APPS, PLACEMENTS
from trimtab.releases.types import APP, App, AppSpec
from trimtab.storage.revision import bump

LONGEST: Final = 1_000_000
"""Bytes of a draft as JSON."""

Taken = Callable[[Connection], Mapping[str, str]]
"""Every other name that clients of the project may call, with what it is: ``{"fast": "model"}``."""


class Edit(Struct, frozen=True, kw_only=True):
    """A draft to be. ``spec`` is a normal form (`freeze.draft`). ``expected`` is the revision it was made from: 0 for
    an app that is to be new, None to replace whatever there is."""

    project_id: str
    name: str
    spec: AppSpec
    actor: Actor
    now: int
    expected: int | None = None


def check_name(name: str) -> None:
    """Raises `InvalidRequest`."""
    if not re.fullmatch(APP, name):
        raise InvalidRequest(
            f"{name[:80]!r} cannot be an app's name.",
            fix="Use up to 64 lower-case letters, digits, '.', '_' and '-', starting with a letter or digit.",
            param="name",
        )


def _app(row: Any) -> App:
    values: dict[str, Any] = {name: getattr(row, name) for name in App.__struct_fields__}
    values |= {"spec": msgspec.json.decode(row.spec, type=AppSpec), "editors": authors.read(row.editors)}
    return App(**values)


def apps(
    conn: Connection,
    project_id: str | None = None,
    *,
    archived: bool | None = False,
    after: str = "",
    limit: int | None = None,
) -> list[App]:
    """One project's, or all, in order of name, from the one after ``after``. ``archived``: those put away (True), those
    in use (False), or both (None)."""
    found = select(APPS).order_by(APPS.c.project_id, APPS.c.name)
    if project_id is not None:
        found = found.where(APPS.c.project_id == project_id)
    if archived is not None:
        found = found.where(APPS.c.archived.is_not(None) if archived else APPS.c.archived.is_(None))
    if after:
        found = found.where(APPS.c.name > after)
    return [_app(row) for row in conn.execute(found if limit is None else found.limit(limit))]


def names(conn: Connection, project_id: str) -> frozenset[str]:
    """Of all apps of the project, archived ones too: their names stay taken."""
    return frozenset(conn.execute(select(APPS.c.name).where(APPS.c.project_id == project_id)).scalars())


def app(conn: Connection, project_id: str, name: str, *, lock: bool = False) -> App:
    """Raises `NotFound`. ``lock``: nobody else changes it until this transaction ends."""
    found = select(APPS).where(APPS.c.project_id == project_id, APPS.c.name == name)
    row = conn.execute(found.with_for_update() if lock else found).one_or_none()
    if row is None:
        fix = did_you_mean(name, names(conn, project_id), "app")
        raise NotFound(f"There is no app {name[:80]!r} in this project.", fix=fix)
    return _app(row)


def put(conn: Connection, edit: Edit, taken: Taken) -> tuple[App, bool]:
    """The app with that draft, and whether anything changed. Raises `Conflict` where ``expected`` is not its revision,
    where it is archived, or where the name is a model's or a route's."""
    check_name(edit.name)
    spec = msgspec.json.encode(edit.spec)
    if len(spec) > LONGEST:
        raise InvalidRequest(f"A draft has at most {LONGEST:,} bytes as JSON.", fix="Make it shorter.", param="spec")
    bump(conn, REVISION)
    old = _old(conn, edit)
    if old is not None and msgspec.json.encode(old.spec) == spec:  # the same again: also a client's that heard nothing
        return old, False
    if edit.expected is not None and edit.expected != (0 if old is None else old.revision):
        raise _changed(edit, old)
    if old is None:
        _free(conn, edit.name, taken)
        first: dict[str, Any] = {
            "project_id": edit.project_id,
            "name": edit.name,
            "revision": 1,
            "newest": 0,
            "archived": None,
        }
        first["editors"] = authors.written(authors.with_editor((), edit.actor))
        conn.execute(insert(APPS).values(**first, spec=spec.decode(), created=edit.now, updated=edit.now))
        _note(conn, edit, "app.created", {"revision": 1, "from": None, "to": audit.told(edit.spec)})
    else:
        refuse_archived(old)
        values = {"spec": spec.decode(), "revision": old.revision + 1, "updated": edit.now}
        values["editors"] = authors.written(authors.with_editor(old.editors, edit.actor))
        conn.execute(update(APPS).where(APPS.c.project_id == edit.project_id, APPS.c.name == edit.name).values(values))
        differing = _differing(old.spec, edit.spec)
        before, after = (_told(each, differing) for each in (old.spec, edit.spec))
        told = {"revision": old.revision + 1, "fields": differing, "from": before, "to": after}
        _note(conn, edit, "app.changed", told)
    return app(conn, edit.project_id, edit.name), True


def _note(conn: Connection, edit: Edit, action: str, detail: dict[str, Any]) -> None:
    audit.append(conn, edit.project_id, edit.actor, action, f"app:{edit.name}", now=edit.now, detail=detail)


def _told(spec: AppSpec, fields: list[str]) -> Any:
    said = msgspec.to_builtins(spec)
    return audit.told({name: said.get(name) for name in fields})


def _differing(before: AppSpec, after: AppSpec) -> list[str]:
    old, new = (msgspec.to_builtins(each) for each in (before, after))
    fields = AppSpec.__struct_fields__
    return [name for name in fields if msgspec.json.encode(old.get(name)) != msgspec.json.encode(new.get(name))]


def _old(conn: Connection, edit: Edit) -> App | None:
    try:
        return app(conn, edit.project_id, edit.name, lock=True)
    except NotFound:
        return None


def _changed(edit: Edit, old: App | None) -> Conflict:
    if old is None:
        message = f"There is no app {edit.name!r} yet, so nothing can be made from its revision {edit.expected}."
    else:
        now = f"at revision {old.revision}"
        message = f"There is an app {edit.name!r} already, {now}."
        if edit.expected:
            message = f"The draft of {edit.name!r} is {now} now; yours was made from {edit.expected}."
        message += f" It says otherwise than yours in: {', '.join(_differing(old.spec, edit.spec))}."
    return Conflict(message, fix="Read it again (trimtab apps show), then change that.", code="app_changed")


def _free(conn: Connection, name: str, taken: Taken) -> None:
    if kind := taken(conn).get(name):
        what = f"There is already a {kind} {name!r}, and an app is called as a {kind} is."
        raise Conflict(what, fix="Choose another name.", param="name", code="name_taken")


def refuse_taken(conn: Connection, project_id: str, name: str, what: str) -> None:
    """Raises `Conflict` where an app has the name that a new ``what`` (model, route) would have."""
    if name in names(conn, project_id):
        raise Conflict(
            f"There is already an app {name!r}, and a {what} is called as an app is.",
            fix="Choose another name.",
            param="name",
            code="name_taken",
        )


def refuse_archived(found: App) -> None:
    """Raises `Conflict`."""
    if found.archived is not None:
        raise Conflict(
            f"The app {found.name!r} is archived.",
            fix=f"Take it out first: trimtab apps archive {found.name} --restore",
            code="app_archived",
        )


def archive(
    conn: Connection, project_id: str, name: str, *, away: bool, actor: Actor, now: int, expected: int | None = None
) -> App:
    """Put it away, or take it out again. An archived app answers no calls. Raises `NotFound`, and `Conflict` while a
    rollout of it is open, or where ``expected`` is not the revision of its draft."""
    bump(conn, REVISION)
    old = app(conn, project_id, name, lock=True)
    if expected is not None and expected != old.revision:
        raise Conflict(
            f"The draft of {name!r} is at revision {old.revision} now; you saw {expected}.",
            fix="Read it again (trimtab apps show), then decide.",
            code="app_changed",
        )
    if (old.archived is not None) == away:
        return old
    at = (PLACEMENTS.c.project_id == project_id, PLACEMENTS.c.app == name, PLACEMENTS.c.rollout.is_not(None))
    rolling = conn.execute(select(PLACEMENTS.c.environment).where(*at)).scalars().first()
    if away and rolling is not None:
        raise Conflict(
            f"A rollout of {name!r} is open in {rolling!r}.", fix="Stop it first, then archive the app.",
            code="rollout_open",
        )  # fmt: skip
    of_it = (APPS.c.project_id == project_id, APPS.c.name == name)
    conn.execute(update(APPS).where(*of_it).values(archived=now if away else None, updated=now))
    audit.append(conn, project_id, actor, "app.archived" if away else "app.restored", f"app:{name}", now=now)
    return app(conn, project_id, name)


def numbered(conn: Connection, found: App, newest: int, now: int) -> None:
    """Note its newest release, which holds what its editors did. The caller holds its row (`app(lock=True)`)."""
    of_it = (APPS.c.project_id == found.project_id, APPS.c.name == found.name)
    conn.execute(update(APPS).where(*of_it).values(newest=newest, updated=now, editors=None))
