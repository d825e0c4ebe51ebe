"""Roles: those that are built in, and those that an organisation makes of permissions for itself.

Nobody makes or changes a role that holds what they do not hold themselves, and no such role ever reaches the whole
instance.
"""

import re
from collections.abc import Iterable
from typing import Final

from msgspec import Struct
from sqlalchemy import Connection, select

from trimtab.core.errors import Conflict, Forbidden, InvalidRequest, NotFound
from trimtab.governance import people_store as store
from trimtab.governance.people_store import INSTANCE, MEMBERSHIPS, RoleRow
from trimtab.governance.permissions import GRANTS, INSTANCE_ONLY, MEMBER_ROLES, PERMISSIONS, within
from trimtab.governance.projects import REVISION
from trimtab.governance.store import PROJECTS
from trimtab.storage.revision import bump

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
MOST_ABOUT: Final = 400


class Place(Struct, frozen=True, kw_only=True):
    """Where a role is held: ``id`` is that of a project or organisation, or ``INSTANCE``; ``organisation`` whose own
    roles may be given there; ``above`` are the places that reach into this one."""

    id: str
    organisation: str | None = None
    above: tuple[str, ...] = ()


WHOLE: Final = Place(id=INSTANCE)


def of_organisation(organisation_id: str) -> Place:
    return Place(id=organisation_id, organisation=organisation_id, above=(INSTANCE,))


def of_project(project_id: str, organisation_id: str) -> Place:
    return Place(id=project_id, organisation=organisation_id, above=(organisation_id, INSTANCE))


def must_hold(held: frozenset[str], wanted: Iterable[str], what: str) -> None:
    """Raises `Forbidden` where somebody would hand on, or take away, what they do not hold themselves."""
    lacking = sorted(set(wanted) - held - {"self"})
    if lacking:
        more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
        raise Forbidden(
            f"{what} what you do not hold here yourself: {', '.join(lacking[:3])}{more}.",
            fix="Ask somebody who holds it, such as an administrator.",
            code="escalation",
        )


def permissions_of(conn: Connection, place: Place, role: str) -> frozenset[str]:
    """What a role grants in a place. Raises `InvalidRequest` for one that cannot be given there."""
    if role in MEMBER_ROLES:
        granted = GRANTS[role]
        return granted if place.id == INSTANCE else within(granted)
    own = None if place.organisation is None or "\0" in role else store.custom_role(conn, place.organisation, role)
    if own is None:
        raise InvalidRequest(
            f"There is no role {role[:80]!r} to give here.",
            fix=f"Give one of {', '.join(MEMBER_ROLES)}, or a role that the organisation made (trimtab roles list).",
            param="role",
        )
    return frozenset(own.permissions) & within(PERMISSIONS)


def known_permissions(conn: Connection, place: Place, role: str) -> frozenset[str]:
    """As `permissions_of`; nothing for a role that is gone."""
    try:
        return permissions_of(conn, place, role)
    except InvalidRequest:
        return frozenset()


def put(conn: Connection, row: RoleRow, held: frozenset[str], *, new: bool) -> RoleRow:
    """Make or change an organisation's role; ``held`` is what whoever does so holds there."""
    _check(row)
    before = store.custom_role(conn, row.organisation_id, row.name)
    if new and before is not None:
        raise Conflict(f"There is already a role {row.name!r}.", fix="Change it, or choose another name.", param="name")
    if not new and before is None:
        raise _absent(row.name)
    must_hold(held, row.permissions, "The role would hold")
    if before is not None:
        must_hold(held, before.permissions, "The role holds")
    bump(conn, REVISION)
    kept = row if before is None else RoleRow(
        organisation_id=row.organisation_id,
        name=row.name,
        about=row.about,
        permissions=row.permissions,
        created=before.created,
        updated=row.updated,
    )  # fmt: skip
    store.put_custom_role(conn, kept)
    return kept


def _check(row: RoleRow) -> None:
    if not _NAME.fullmatch(row.name) or row.name in GRANTS:
        raise InvalidRequest(
            f"{row.name[:80]!r} cannot be the name of a role of your own.",
            fix="Use 1 to 40 lower-case letters, digits, '_' and '-' that are no built-in role, e.g. 'prompt-writer'.",
            param="name",
        )
    if len(row.about) > MOST_ABOUT or not row.about.isprintable():
        raise InvalidRequest("What is said about the role is too long.", fix="Use one line of 400 characters.")
    unknown = sorted(set(row.permissions) - PERMISSIONS)
    if unknown or not row.permissions:
        raise InvalidRequest(
            f"There is no permission {unknown[0][:80]!r}." if unknown else "A role needs at least one permission.",
            fix="'trimtab roles list --permissions' (GET /api/v1/roles) lists all of them.",
            param="permissions",
        )
    everywhere = sorted(set(row.permissions) & INSTANCE_ONLY)
    if everywhere:
        raise InvalidRequest(
            f"{everywhere[0]!r} is held on the whole instance or not at all, so no organisation's role can have it.",
            fix="Leave it out; make the person a member of the instance if they need it.",
            param="permissions",
        )


def remove(conn: Connection, organisation_id: str, name: str, held: frozenset[str]) -> None:
    """Take a role away that nobody has."""
    row = store.custom_role(conn, organisation_id, name)
    if row is None:
        raise _absent(name)
    must_hold(held, row.permissions, "The role holds")
    projects = select(PROJECTS.c.id).where(PROJECTS.c.organisation_id == organisation_id)
    used = select(MEMBERSHIPS.c.person_id).where(
        MEMBERSHIPS.c.role == name,
        (MEMBERSHIPS.c.place == organisation_id) | MEMBERSHIPS.c.place.in_(projects),
    )
    count = len(conn.execute(used).all())
    if count:
        raise Conflict(f"{count} memberships have the role {name!r}.", fix="Give those members another role first.")
    bump(conn, REVISION)
    store.remove_custom_role(conn, organisation_id, name)


def _absent(name: str) -> NotFound:
    return NotFound(f"There is no role {name[:80]!r} in this organisation.", fix="List them: trimtab roles list.")
