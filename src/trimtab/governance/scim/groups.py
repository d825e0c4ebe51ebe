"""The groups a provider keeps. What one means is said by the directory's terms; changing who is in it changes what they
may do with the answer."""

from typing import Any

from msgspec import structs
from sqlalchemy import Connection

from trimtab.core.errors import Conflict, NotFound
from trimtab.core.ids import new_id
from trimtab.governance import audit, members
from trimtab.governance.projects import REVISION
from trimtab.governance.scim import store
from trimtab.governance.scim.directories import Directory, settle
from trimtab.governance.scim.filters import Filter, equal_to, matches
from trimtab.governance.scim.patches import patched
from trimtab.governance.scim.people import Found, meta
from trimtab.governance.scim.schemas import GROUP, GROUPS, cleaned, invalid
from trimtab.governance.scim.store import GroupRow, Narrowed
from trimtab.storage.revision import bump, exclusive


def get(conn: Connection, directory: Directory, group_id: str) -> dict[str, Any]:
    """One as clients see it. Raises `NotFound`."""
    return _seen(conn, [_row(conn, directory, group_id)])[0]


def _row(conn: Connection, directory: Directory, group_id: str) -> GroupRow:
    row = store.group(conn, directory.id, group_id)
    if row is None:
        raise NotFound(f"There is no group {group_id[:80]!r} in this directory.", fix="Look for it by its displayName.")
    return row


def find(conn: Connection, directory: Directory, wanted: Filter | None, *, skip: int, count: int) -> Found:
    """Those for which a filter holds, in order of id."""
    if wanted is None:
        rows = store.groups(conn, directory.id, Narrowed(), skip=skip, limit=count) if count else []
        return Found(resources=_seen(conn, rows), total=store.count_groups(conn, directory.id))
    narrowed = Narrowed(
        key=equal_to(wanted, "displayName"), external_id=equal_to(wanted, "externalId"), id=equal_to(wanted, "id")
    )
    rows = store.groups(conn, directory.id, narrowed)
    fitting = [each for each in _seen(conn, rows) if matches(wanted, each, GROUPS)]
    return Found(resources=fitting[skip : skip + count], total=len(fitting))


def _seen(conn: Connection, rows: list[GroupRow]) -> list[dict[str, Any]]:
    inside = store.members_of(conn, [each.id for each in rows])
    return [_view(each, inside[each.id]) for each in rows]


def _view(row: GroupRow, inside: list[str]) -> dict[str, Any]:
    view: dict[str, Any] = {"schemas": [GROUP], "id": row.id}
    if row.external_id is not None:
        view["externalId"] = row.external_id
    view["displayName"] = row.name
    view["members"] = [{"value": each, "type": "User"} for each in inside]
    view["meta"] = meta("Group", row.created, row.updated, view)
    return view


def create(conn: Connection, directory: Directory, body: Any, now: int) -> dict[str, Any]:
    """Raises `InvalidRequest`, and `Conflict` (``uniqueness``) for a name that is taken: roles are given by it."""
    exclusive(conn, members.LOCK)
    resource = cleaned(GROUPS, body)
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
    _fill(conn, directory, row, resource, now, renamed=False)
    return get(conn, directory, row.id)


def replace(conn: Connection, directory: Directory, group_id: str, body: Any, now: int) -> dict[str, Any]:
    """PUT: who is not named is not in it any more."""
    exclusive(conn, members.LOCK)
    return _change(conn, directory, _row(conn, directory, group_id), cleaned(GROUPS, body), now)


def patch(conn: Connection, directory: Directory, group_id: str, body: Any, now: int) -> dict[str, Any]:
    exclusive(conn, members.LOCK)
    row = _row(conn, directory, group_id)
    inside = store.members_of(conn, [group_id])[group_id]
    before: dict[str, Any] = {"displayName": row.name, "members": [{"value": each} for each in inside]}
    if row.external_id is not None:
        before["externalId"] = row.external_id
    return _change(conn, directory, row, patched(GROUPS, before, body), now)


def _change(
    conn: Connection, directory: Directory, row: GroupRow, resource: dict[str, Any], now: int
) -> dict[str, Any]:
    made = structs.replace(
        row, name=_name(conn, directory, resource, row.id), external_id=_external(resource), updated=now
    )
    marked = (made.name, made.external_id) != (row.name, row.external_id)
    if marked:
        store.put_group(conn, made, new=False)
        _note(conn, directory, "group.changed", made, now, {"from": row.name})
        bump(conn, REVISION)  # policies name groups
    _fill(conn, directory, made, resource, now, renamed=marked)
    return get(conn, directory, row.id)


def remove(conn: Connection, directory: Directory, group_id: str, now: int) -> None:
    """What it gave its members ends."""
    exclusive(conn, members.LOCK)
    row = _row(conn, directory, group_id)
    inside = store.members_of(conn, [group_id])[group_id]
    store.remove_group(conn, group_id)
    _note(conn, directory, "group.removed", row, now, {"members": len(inside)})
    bump(conn, REVISION)
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
) -> None:
    """Make who is in it who it names; roles follow."""
    named = list(dict.fromkeys(_id_of(each) for each in resource.get("members", [])))
    before = store.members_of(conn, [row.id])[row.id]
    was, is_now = set(before), set(named)
    added, gone = [each for each in named if each not in was], [each for each in before if each not in is_now]
    strangers = set(added) - store.known(conn, directory.id, added)
    if strangers:
        raise invalid(
            f"There is no user {min(strangers)[:80]!r} in this directory to be in a group.",
            fix="Provision the user first, and name it by its id.",
        )
    if added or gone:
        store.change_members(conn, row.id, added, gone)
        store.put_group(conn, structs.replace(row, updated=now), new=False)
        _note(conn, directory, "group.members_changed", row, now, {"added": added[:100], "removed": gone[:100]})
        bump(conn, REVISION)
    settle(conn, directory, list({*named, *gone}) if renamed else [*added, *gone], now)


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
