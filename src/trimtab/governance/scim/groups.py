"""The groups a provider keeps. What one means is said by the directory's terms; changing who is in it changes what they
may do with the answer."""

from itertools import accumulate
from typing import Any, Final

from msgspec import structs
from sqlalchemy import Connection

from trimtab.core.errors import Conflict, NotFound
from trimtab.core.ids import new_id
from trimtab.governance import audit, members
from trimtab.governance.projects import REVISION
from trimtab.governance.scim import store
from trimtab.governance.scim.asked import Asked, Found, Moved, Page, Wanted, meta
from trimtab.governance.scim.directories import Directory
from trimtab.governance.scim.filters import Filter, equal_to, matches, names
from trimtab.governance.scim.schemas import GROUP, GROUPS, invalid
from trimtab.governance.scim.settling import settle
from trimtab.governance.scim.store import GroupRow, Narrowed
from trimtab.storage.revision import bump, exclusive

MOST_SHOWN: Final = 50_000
"""Members that a page of groups shows together: it ends before the group that would be beyond, and has one at least."""


def get(conn: Connection, directory: Directory, group_id: str, asked: Asked) -> dict[str, Any]:
    """One as clients see it. Raises `NotFound`."""
    return _seen(conn, [_row(conn, directory, group_id)], members=asked.members)[0]


def _row(conn: Connection, directory: Directory, group_id: str) -> GroupRow:
    row = store.group(conn, directory.id, group_id)
    if row is None:
        raise NotFound(f"There is no group {group_id[:80]!r} in this directory.", fix="Look for it by its displayName.")
    return row


def find(conn: Connection, directory: Directory, wanted: Filter | None, page: Page) -> Found:
    """Those for which a filter holds, in order of id."""
    if wanted is None:
        rows = store.groups(conn, directory.id, Narrowed(), skip=page.skip, limit=page.count) if page.count else []
        return Found(resources=_shown(conn, rows, page), total=store.count_groups(conn, directory.id))
    narrowed = Narrowed(
        key=equal_to(wanted, "displayName"),
        external_id=equal_to(wanted, "externalId"),
        id=equal_to(wanted, "id"),
        member=equal_to(wanted, "members") or equal_to(wanted, "members.value"),
    )
    rows = store.groups(conn, directory.id, narrowed)
    looked = names(wanted, "members")
    fitting = [row for row in rows if matches(wanted, _seen(conn, [row], members=looked)[0], GROUPS)]
    return Found(
        resources=_shown(conn, fitting[page.skip : page.skip + page.count], page),
        total=len(fitting),
    )


def _shown(conn: Connection, rows: list[GroupRow], page: Page) -> list[dict[str, Any]]:
    if page.asked.members and len(rows) > 1:
        sizes = store.count_members(conn, [each.id for each in rows])
        together = list(accumulate(sizes[each.id] for each in rows))
        rows = [row for at, row in enumerate(rows) if at == 0 or together[at] <= MOST_SHOWN]
    return _seen(conn, rows, members=page.asked.members)


def _seen(conn: Connection, rows: list[GroupRow], *, members: bool) -> list[dict[str, Any]]:
    return [_view(each, store.members_of(conn, each.id) if members else None) for each in rows]


def _view(row: GroupRow, inside: list[str] | None) -> dict[str, Any]:
    view: dict[str, Any] = {"schemas": [GROUP], "id": row.id}
    if row.external_id is not None:
        view["externalId"] = row.external_id
    view["displayName"] = row.name
    if inside is not None:
        view["members"] = [{"value": each, "type": "User"} for each in inside]
    view["meta"] = meta("Group", row.created, row.updated, [row.id, row.updated])
    return view


def create(conn: Connection, directory: Directory, resource: dict[str, Any], now: int) -> dict[str, Any]:
    """Raises `InvalidRequest`, and `Conflict` (``uniqueness``) for a name that is taken: roles are given by it."""
    exclusive(conn, members.LOCK)
    row = GroupRow(
        id=new_id("grp"),
        organisation_id=directory.id,
        name=_name(conn, directory, resource, ""),
        external_id=_external(resource),
        created=now,
        updated=now,
    )
    store.put_group(conn, row, new=True)
    _note(conn, directory, "group.created", row, now, {})
    return _view(row, _fill(conn, directory, row, resource, now, renamed=False))


def before(conn: Connection, directory: Directory, group_id: str) -> tuple[GroupRow, dict[str, Any]]:
    """The row, and what a PATCH starts from. Raises `NotFound`."""
    row = _row(conn, directory, group_id)
    found: dict[str, Any] = {"displayName": row.name}
    found["members"] = [{"value": each} for each in store.members_of(conn, group_id)]
    if row.external_id is not None:
        found["externalId"] = row.external_id
    return row, found


def change(conn: Connection, directory: Directory, group_id: str, wanted: Wanted, now: int) -> dict[str, Any]:
    """Make it what is wanted: who is not named is not in it any more. Raises `Moved` where it is not any more what
    that was made from."""
    exclusive(conn, members.LOCK)
    row = _row(conn, directory, group_id)
    if wanted.of is not None and wanted.of != row:
        raise Moved
    resource = wanted.resource
    # Never twice the same time: by it a version tells one state from another.
    made = structs.replace(
        row,
        name=_name(conn, directory, resource, row.id),
        external_id=_external(resource),
        updated=max(now, row.updated + 1),
    )
    marked = (made.name, made.external_id) != (row.name, row.external_id)
    if marked:
        store.put_group(conn, made, new=False)
        _note(conn, directory, "group.changed", made, now, {"from": row.name})
        bump(conn, REVISION)  # policies name groups
    inside = _fill(conn, directory, made, resource, now, renamed=marked)
    return _view(_row(conn, directory, group_id), inside)


def remove(conn: Connection, directory: Directory, group_id: str, now: int) -> None:
    """What it gave its members ends."""
    exclusive(conn, members.LOCK)
    row = _row(conn, directory, group_id)
    inside = store.members_of(conn, group_id)
    store.remove_group(conn, group_id)
    _note(conn, directory, "group.removed", row, now, {"members": len(inside)})
    bump(conn, REVISION)
    if inside:
        settle(conn, directory, inside, now)


def _name(conn: Connection, directory: Directory, resource: dict[str, Any], own: str) -> str:
    name = resource.get("displayName")
    if not name or max(len(name), len(name.lower())) > 400:  # some letters are two in lower case
        raise invalid("A group has a displayName of 1 to 400 characters.")
    same = store.group_by_name(conn, directory.id, name)
    if same is not None and same.id != own:
        raise Conflict(
            f"There is already a group {name[:80]!r} here.", fix="Change that one instead.", code="uniqueness"
        )
    return name


def _external(resource: dict[str, Any]) -> str | None:
    found = resource.get("externalId")
    if found is not None and len(found) > 320:
        raise invalid("An externalId has at most 320 characters.")
    return found


def _fill(
    conn: Connection, directory: Directory, row: GroupRow, resource: dict[str, Any], now: int, *, renamed: bool
) -> list[str]:
    """Make who is in it who it names; roles follow. Returns who is in it, in order."""
    named = {_id_of(each): None for each in resource.get("members", [])}
    was = dict.fromkeys(store.members_of(conn, row.id))
    added, gone = [each for each in named if each not in was], [each for each in was if each not in named]
    strangers = set(added) - store.known(conn, directory.id, added)
    if strangers:
        raise invalid(
            f"There is no user {min(strangers)[:80]!r} in this directory to be in a group.",
            fix="Provision the user first, and name it by its id.",
        )
    if added or gone:
        store.change_members(conn, row.id, added, gone)
        store.put_group(conn, row, new=False)
        _note(conn, directory, "group.members_changed", row, now, {"added": added[:100], "removed": gone[:100]})
        bump(conn, REVISION)
    touched = [*named, *gone] if renamed else [*added, *gone]
    if touched:
        settle(conn, directory, touched, now)
    return sorted(named)


def _id_of(member: dict[str, Any]) -> str:
    if member.get("type", "User").lower() != "user":
        raise invalid("Groups in groups are not taken.", fix="Let the provider send the people themselves.")
    found = member.get("value")
    if not found:
        raise invalid("A member is named by its id, as 'value'.")
    return found


def _note(conn: Connection, directory: Directory, action: str, row: GroupRow, now: int, detail: dict[str, Any]) -> None:
    told = {"organisation": directory.organisation.slug, "name": row.name, **detail}
    audit.append(conn, None, directory.actor, action, f"group:{row.id}", now=now, detail=told)
