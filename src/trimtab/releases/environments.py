"""The SQL of environments, and of what each runs of every app. Functions of a connection; times are Unix ms.

Every project has development, staging and production from the start: as long as nobody has changed one they are not in
the catalog at all, and `SEEDED` says what they are. Every write bumps the catalog's revision first, which puts writers
in a row.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec
from msgspec import Struct, structs
from sqlalchemy import Connection, delete, insert, select, update

from trimtab.core.errors import Conflict, InvalidRequest, NotFound
from trimtab.governance import audit, edits
from trimtab.governance.audit import Actor
from trimtab.governance.edits import Edit
from trimtab.governance.projects import REVISION
from trimtab.releases import protection as rules
from trimtab.releases.tables import ENVIRONMENTS, PLACEMENTS
from trimtab.releases.types import ENVIRONMENT, PRODUCTION, SEEDED, Environment, Placement, Protection
from trimtab.storage.revision import bump

MOST: Final = 50
"""Environments of a project."""


class EnvironmentEdit(Struct, frozen=True, kw_only=True):
    """An environment to be made or changed; None leaves a thing as it is. ``expected`` is the revision it was made
    from: 0 for one that is to be new, None to change whatever there is."""

    project_id: str
    name: str
    actor: Actor
    now: int
    position: int | None = None
    default: bool | None = None
    protection: Protection | None = None
    expected: int | None = None


def seeded(project_id: str) -> list[Environment]:
    """What a project has whose environments nobody has changed."""
    return [
        Environment(
            project_id=project_id,
            name=name,
            position=number,
            default=name == PRODUCTION,
            protection=Protection(),
            revision=0,
            updated=0,
        )
        for number, name in enumerate(SEEDED, 1)
    ]


def _environment(row: Any) -> Environment:
    return Environment(
        project_id=row.project_id,
        name=row.name,
        position=row.position,
        default=row.is_default,
        protection=msgspec.json.decode(row.protection, type=Protection),
        revision=row.revision,
        updated=row.updated,
    )


def _values(each: Environment) -> dict[str, Any]:
    return {
        "project_id": each.project_id,
        "name": each.name,
        "position": each.position,
        "is_default": each.default,
        "protection": msgspec.json.encode(each.protection).decode(),
        "revision": each.revision,
        "updated": each.updated,
    }


def environments(conn: Connection, project_id: str) -> list[Environment]:
    """A project's, from the first to the last that a release goes through."""
    return of_projects(conn, [project_id], every=False)[project_id]


def of_projects(conn: Connection, project_ids: Iterable[str], *, every: bool = True) -> dict[str, list[Environment]]:
    """Those of several projects, by project id. ``every``: these are all projects, or most of them."""
    wanted = list(project_ids)
    query = select(ENVIRONMENTS).order_by(ENVIRONMENTS.c.position, ENVIRONMENTS.c.name)
    found: dict[str, list[Environment]] = {}
    for row in conn.execute(query if every else query.where(ENVIRONMENTS.c.project_id.in_(wanted))):
        found.setdefault(row.project_id, []).append(_environment(row))
    return {project: found.get(project) or seeded(project) for project in wanted}


def environment(conn: Connection, project_id: str, name: str) -> Environment:
    """Raises `NotFound`."""
    known = environments(conn, project_id)
    found = next((each for each in known if each.name == name), None)
    if found is None:
        names = ", ".join(each.name for each in known)
        raise NotFound(f"There is no environment {name[:80]!r} in this project.", fix=f"There are: {names}.")
    return found


def default(found: list[Environment]) -> str:
    """The one that clients mean who name none."""
    return next(each.name for each in found if each.default)


def loosens(known: list[Environment], name: str, protection: Protection | None, *, default: bool = False) -> bool:
    """Whether demands would be changed that there are: with another ``protection`` for the environment (None: as it
    is), or because clients who name none would come to another one than the protected one they mean now."""
    none = Protection()
    other = any(each.name == name and each.protection not in (none, protection or each.protection) for each in known)
    return other or (default and any(each.default and each.name != name and each.protection != none for each in known))


def put(conn: Connection, edit: EnvironmentEdit) -> tuple[Environment, bool]:
    """The environment as it is then, and whether anything changed. Raises `InvalidRequest`, and `Conflict` where
    ``expected`` is not its revision."""
    _check_name(edit.name)
    bump(conn, REVISION)
    known = environments(conn, edit.project_id)
    old = next((each for each in known if each.name == edit.name), None)
    first = edits.following(conn, _edit(edit.project_id, edit.name)) if old is None else 0
    made = _edited(old, edit, known, first)
    if old is not None and structs.replace(made, revision=old.revision, updated=old.updated) == old:
        return old, False
    if edit.expected is not None and edit.expected != (old.revision if old else 0):
        raise _changed(edit.name, edit.expected, old)
    if old is None and len(known) >= MOST:
        raise Conflict(f"A project has at most {MOST} environments.", fix="Remove one that is not used.")
    _materialise(conn, known)
    if made.default:
        _take_default(conn, edit)
    of_it = (ENVIRONMENTS.c.project_id == edit.project_id, ENVIRONMENTS.c.name == edit.name)
    conn.execute(delete(ENVIRONMENTS).where(*of_it))
    conn.execute(insert(ENVIRONMENTS).values(_values(made)))
    detail = {"from": None if old is None else _told(old), "to": _told(made)}
    audit.append(
        conn, edit.project_id, edit.actor, "environment.set", f"environment:{edit.name}", now=edit.now, detail=detail
    )
    return made, True


def _edit(project_id: str, name: str) -> Edit:
    return Edit(place=project_id, kind="environment", name=name)


def _edited(old: Environment | None, edit: EnvironmentEdit, known: list[Environment], first: int) -> Environment:
    """``first`` is the revision of one that is new."""
    last = max(each.position for each in known)
    base = old or Environment(
        project_id=edit.project_id, name=edit.name, position=last + 1, default=False, protection=Protection(),
        revision=0, updated=0,
    )  # fmt: skip
    if edit.default is False and base.default:
        raise Conflict(
            f"{edit.name} is the default environment, and there must be one.",
            fix="Make another one the default; this one then is not any more.",
            param="default",
        )
    position = base.position if edit.position is None else edit.position
    if not 0 <= position <= 1000:
        raise InvalidRequest("A position is a number from 0 to 1000.", fix="Correct it.", param="position")
    return structs.replace(
        base,
        position=position,
        default=base.default if edit.default is None else edit.default,
        protection=base.protection if edit.protection is None else rules.check(edit.protection),
        revision=first if old is None else base.revision + 1,
        updated=edit.now,
    )


def _take_default(conn: Connection, edit: EnvironmentEdit) -> None:
    others = (ENVIRONMENTS.c.project_id == edit.project_id, ENVIRONMENTS.c.name != edit.name)
    values = {"is_default": False, "revision": ENVIRONMENTS.c.revision + 1, "updated": edit.now}
    conn.execute(update(ENVIRONMENTS).where(*others, ENVIRONMENTS.c.is_default.is_(True)).values(values))


def _materialise(conn: Connection, known: list[Environment]) -> None:
    """Write down those that every project has from the start, so that one of them can differ."""
    there = select(ENVIRONMENTS.c.name).where(ENVIRONMENTS.c.project_id == known[0].project_id).limit(1)
    if conn.execute(there).one_or_none() is None:
        conn.execute(insert(ENVIRONMENTS), [_values(each) for each in known])


def remove(
    conn: Connection, project_id: str, name: str, actor: Actor, now: int, *, expected: int | None = None
) -> None:
    """Raises `NotFound`, and `Conflict` where something runs there, it is the default, or ``expected`` is not its
    revision."""
    bump(conn, REVISION)
    found = environment(conn, project_id, name)
    if expected is not None and expected != found.revision:
        raise _changed(name, expected, found)
    if found.default:
        raise Conflict(f"{name} is the default environment.", fix="Make another one the default first.")
    running = [each.app for each in placements(conn, project_id) if each.environment == name and _runs(each)]
    if running:
        raise Conflict(
            f"{name} runs {', '.join(running[:5])}{' and more' if len(running) > 5 else ''}.",
            fix="Archive those apps and end their rollouts first.",
            code="environment_in_use",
        )
    _materialise(conn, environments(conn, project_id))
    of_it = (ENVIRONMENTS.c.project_id == project_id, ENVIRONMENTS.c.name == name)
    conn.execute(delete(ENVIRONMENTS).where(*of_it))
    conn.execute(delete(PLACEMENTS).where(PLACEMENTS.c.project_id == project_id, PLACEMENTS.c.environment == name))
    edits.removed(conn, _edit(project_id, name), found.revision, actor, now)
    detail = {"from": _told(found), "to": None}
    audit.append(conn, project_id, actor, "environment.removed", f"environment:{name}", now=now, detail=detail)


def _runs(placement: Placement) -> bool:
    return placement.stable is not None or placement.rollout is not None


def _told(each: Environment) -> dict[str, Any]:
    return {
        "position": each.position,
        "default": each.default,
        "protection": msgspec.to_builtins(each.protection),
        "revision": each.revision,
    }


def _check_name(name: str) -> None:
    if not re.fullmatch(ENVIRONMENT, name) or name in ("latest", "draft") or re.fullmatch(r"r[0-9]+", name):
        raise InvalidRequest(
            f"{name[:80]!r} cannot be an environment's name.",
            fix="Use up to 40 lower-case letters, digits and hyphens, starting with a letter; not 'latest', 'draft' or "
            "what looks like a release, r12.",
            param="name",
        )


def _changed(name: str, expected: int, old: Environment | None) -> Conflict:
    if old is None:
        message = f"There is no environment {name!r}."
    else:
        message = f"{name} is at revision {old.revision} now; yours was made from {expected}."
    return Conflict(message, fix="Look at it again, then change it.", code="environment_changed")


# --- placements ---


def _placement(row: Any) -> Placement:
    return Placement(**{name: getattr(row, name) for name in Placement.__struct_fields__})


def placements(conn: Connection, project_id: str | None = None, app: str | None = None) -> list[Placement]:
    """Of all projects, of one, or of one app."""
    query = select(PLACEMENTS).order_by(PLACEMENTS.c.project_id, PLACEMENTS.c.app, PLACEMENTS.c.environment)
    if project_id is not None:
        query = query.where(PLACEMENTS.c.project_id == project_id)
    if app is not None:
        query = query.where(PLACEMENTS.c.app == app)
    return [_placement(row) for row in conn.execute(query)]


def nowhere(project_id: str, app: str) -> Callable[[str], Placement]:
    """By an environment's name, what a placement is where nothing ever ran."""

    def at(name: str) -> Placement:
        return Placement(
            project_id=project_id, app=app, environment=name, stable=None, rollout=None, revision=0, updated=0
        )

    return at


def placement(conn: Connection, project_id: str, app: str, environment_name: str) -> Placement:
    """What runs there; nothing, at revision 0, where nothing ever did."""
    of_it = (PLACEMENTS.c.project_id == project_id, PLACEMENTS.c.app == app)
    query = select(PLACEMENTS).where(*of_it, PLACEMENTS.c.environment == environment_name)
    row = conn.execute(query).one_or_none()
    return nowhere(project_id, app)(environment_name) if row is None else _placement(row)


def place(conn: Connection, made: Placement) -> None:
    """Write down what runs there now. Only `rollouts.py` does it: every change is a rollout's."""
    key = {"project_id": made.project_id, "app": made.app, "environment": made.environment}
    of_it = [PLACEMENTS.c[name] == value for name, value in key.items()]
    values = {"stable": made.stable, "rollout": made.rollout, "revision": made.revision, "updated": made.updated}
    if conn.execute(update(PLACEMENTS).where(*of_it).values(values)).rowcount == 0:
        conn.execute(insert(PLACEMENTS).values(**key, **values))
