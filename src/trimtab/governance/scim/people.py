"""The people a provider keeps: made, changed, let in, not let in, taken away.

A person may be something in another organisation, or on the whole server. Such people keep their name and address, and
deactivating them here ends what they are here; those who are nothing elsewhere are let in nowhere any more. What ended
comes back when they are activated again, but for keys.
"""

from typing import Any, Final

from msgspec import structs
from sqlalchemy import Connection

from trimtab.core.errors import Conflict, InvalidRequest, NotFound
from trimtab.core.ids import new_id
from trimtab.governance import domains, members, people_store, session_store
from trimtab.governance import store as catalog
from trimtab.governance.members import clean_email
from trimtab.governance.people_store import INSTANCE, MembershipRow, PersonRow
from trimtab.governance.projects import REVISION
from trimtab.governance.scim import store
from trimtab.governance.scim.asked import Asked, Found, Moved, Page, Wanted, meta
from trimtab.governance.scim.directories import Directory
from trimtab.governance.scim.filters import Filter, equal_to, matches
from trimtab.governance.scim.schemas import ENTERPRISE, USER, USERS, invalid
from trimtab.governance.scim.settling import note, settle, take
from trimtab.governance.scim.store import GroupRow, Narrowed, UserRow
from trimtab.storage.revision import bump, exclusive

LONGEST_NAME: Final = 320


# --- read ---


def get(conn: Connection, directory: Directory, person_id: str, asked: Asked | None = None) -> dict[str, Any]:  # noqa: ARG001  a person's groups are few
    """One as clients see it. Raises `NotFound`."""
    return _seen(conn, directory, [_row(conn, directory, person_id)])[0]


def _row(conn: Connection, directory: Directory, person_id: str) -> UserRow:
    row = store.user(conn, directory.id, person_id)
    if row is None:
        raise NotFound(f"There is no user {person_id[:80]!r} in this directory.", fix="Look for it by its userName.")
    return row


def find(conn: Connection, directory: Directory, wanted: Filter | None, page: Page) -> Found:
    """Those for whom a filter holds, in order of id."""
    if wanted is None:
        rows = store.users(conn, directory.id, Narrowed(), skip=page.skip, limit=page.count) if page.count else []
        return Found(resources=_seen(conn, directory, rows), total=store.count_users(conn, directory.id))
    narrowed = Narrowed(
        key=equal_to(wanted, "userName"), external_id=equal_to(wanted, "externalId"), id=equal_to(wanted, "id")
    )
    rows = store.users(conn, directory.id, narrowed)
    fitting = [each for each in _seen(conn, directory, rows) if matches(wanted, each, USERS)]
    return Found(resources=fitting[page.skip : page.skip + page.count], total=len(fitting))


def _seen(conn: Connection, directory: Directory, rows: list[UserRow]) -> list[dict[str, Any]]:
    ids = [each.person_id for each in rows]
    grouped = store.groups_of(conn, directory.id, ids)
    off = store.disabled(conn, ids)
    return [_view(each, grouped.get(each.person_id, []), active=each.person_id not in off) for each in rows]


def _view(row: UserRow, groups: list[GroupRow], *, active: bool) -> dict[str, Any]:
    """``active`` is False for who was disabled by hand, too, whatever the provider says of them."""
    view: dict[str, Any] = {
        "schemas": [USER, *([ENTERPRISE] if ENTERPRISE in row.resource else [])],
        "id": row.person_id,
        **row.resource,
        "active": row.active and active,
    }
    if groups:
        view["groups"] = [{"value": each.id, "display": each.name, "type": "direct"} for each in groups]
    view["meta"] = meta("User", row.created, row.updated, view)
    return view


# --- changed ---


def create(conn: Connection, directory: Directory, resource: dict[str, Any], now: int) -> dict[str, Any]:
    """Somebody new to this directory; known here perhaps, by their address. Raises `InvalidRequest`, and `Conflict`
    (``uniqueness``) for who is in it already."""
    exclusive(conn, members.LOCK)
    _checked(resource)
    user_key, email = _key(resource), _email(resource)
    _may_name(conn, directory, email)
    if store.user_by_name(conn, directory.id, user_key) is not None:
        raise _taken(f"the userName {user_key[:80]!r}")
    person = _person(conn, directory, resource, user_key, email, now)
    if email is None and resource.get("active", True):
        _may_name(conn, directory, person.email)  # of somebody who was here before, and has one
    before = store.user(conn, directory.id, person.id, removed=True)
    if before is not None and before.removed is None:
        raise _taken(f"the address {(email or '')[:80]!r}")
    row = UserRow(
        organisation_id=directory.id,
        person_id=person.id,
        user_key=user_key,
        external_id=resource.get("externalId"),
        active=before is None or before.active,
        resource=_kept(resource),
        held_back=() if before is None else before.held_back,
        switched_off=before is not None and before.switched_off,
        created=now,
        updated=now,
    )
    store.put_user(conn, row)
    bump(conn, REVISION)
    note(conn, directory, "person.provisioned", person.id, now, {"user_name": user_key})
    _let_in(conn, directory, row, wanted=resource.get("active", True), now=now)
    _learn(conn, directory, _row(conn, directory, person.id))
    settle(conn, directory, [person.id], now)
    return get(conn, directory, person.id)


def before(conn: Connection, directory: Directory, person_id: str) -> tuple[UserRow, dict[str, Any]]:
    """The row, and what a PATCH starts from. Raises `NotFound`."""
    row = _row(conn, directory, person_id)
    return row, {**row.resource, "active": row.active}


def change(conn: Connection, directory: Directory, person_id: str, wanted: Wanted, now: int) -> dict[str, Any]:
    """Make somebody who is wanted: what is not named is not so any more. ``active`` that a PUT does not name stays as
    it was; one that a PATCH took away is false. Raises `Moved` where they are not any more who that was made from."""
    exclusive(conn, members.LOCK)
    row = _row(conn, directory, person_id)
    if wanted.of is not None and wanted.of != row:
        raise Moved
    active = wanted.resource.get("active", row.active if wanted.of is None else False)
    return _change(conn, directory, row, wanted.resource, active, now)


def _change(
    conn: Connection, directory: Directory, row: UserRow, resource: dict[str, Any], active: bool, now: int
) -> dict[str, Any]:
    _checked(resource)
    user_key, kept = _key(resource), _kept(resource)
    email = _email(resource)
    if email != _email(row.resource):
        _may_name(conn, directory, email)
    if active and not row.active:
        _may_name(conn, directory, email or members.person(conn, row.person_id).email)
    same = store.user_by_name(conn, directory.id, user_key)
    if same is not None and same.person_id != row.person_id:
        raise _taken(f"the userName {user_key[:80]!r}")
    if kept != row.resource:
        changed = sorted(name for name in {*kept, *row.resource} if kept.get(name) != row.resource.get(name))
        row = structs.replace(row, user_key=user_key, external_id=kept.get("externalId"), resource=kept, updated=now)
        store.put_user(conn, row)
        bump(conn, REVISION)
        note(conn, directory, "person.changed", row.person_id, now, {"changed": ", ".join(changed)})
        _learn(conn, directory, row)
    if active != row.active:
        _let_in(conn, directory, row, wanted=active, now=now)
        settle(conn, directory, [row.person_id], now)
    return get(conn, directory, row.person_id)


def remove(conn: Connection, directory: Directory, person_id: str, now: int) -> None:
    """DELETE: locked out as who they were, or no member any more; for the provider, gone."""
    exclusive(conn, members.LOCK)
    row = _row(conn, directory, person_id)
    if directory.terms.on_delete == "remove":
        take(conn, directory, _here(conn, directory, person_id), now)
        session_store.end_all_of(conn, person_id)
        row = structs.replace(row, held_back=())
    elif row.active:
        _let_in(conn, directory, row, wanted=False, now=now)
        row = _row(conn, directory, person_id)
    store.leave_groups(conn, directory.id, person_id, now)
    store.put_user(conn, structs.replace(row, removed=now, updated=now))
    bump(conn, REVISION)
    note(conn, directory, "person.deprovisioned", person_id, now, {"how": directory.terms.on_delete})


# --- let in, or not ---


def _let_in(conn: Connection, directory: Directory, row: UserRow, *, wanted: bool, now: int) -> None:
    if wanted == row.active:
        return
    row = _activated(conn, directory, row, now) if wanted else _deactivated(conn, directory, row, now)
    store.put_user(conn, structs.replace(row, active=wanted, updated=now))
    bump(conn, REVISION)
    note(conn, directory, "person.activated" if wanted else "person.deactivated", row.person_id, now, {})


def _deactivated(conn: Connection, directory: Directory, row: UserRow, now: int) -> UserRow:
    """Their sessions and keys end with the transaction."""
    person = members.person(conn, row.person_id)
    if _is_ours(conn, directory, person.id):
        if person.disabled is not None:
            return row
        members.switch_off(conn, person, now)
        return structs.replace(row, switched_off=True)
    held = _here(conn, directory, person.id)
    take(conn, directory, held, now)
    session_store.end_all_of(conn, person.id)
    return structs.replace(row, held_back=tuple(each for each in held if each.source != directory.source))


def _activated(conn: Connection, directory: Directory, row: UserRow, now: int) -> UserRow:
    if row.switched_off:
        people_store.change_person(conn, row.person_id, disabled=None)
    for had in row.held_back:
        if people_store.membership(conn, row.person_id, had.place) is None:
            people_store.put_membership(conn, structs.replace(had, created=now))
            note(conn, directory, "member.added", row.person_id, now, {"place": had.place, "role": had.role})
    return structs.replace(row, switched_off=False, held_back=())


def _here(conn: Connection, directory: Directory, person_id: str) -> list[MembershipRow]:
    """What somebody is in the organisation and its projects; anywhere at all, for a directory of the whole server."""
    held = people_store.memberships_of(conn, person_id)
    if directory.terms.everywhere:
        return held
    return [each for each in held if organisation_of(conn, each.place) == directory.id]


def organisation_of(conn: Connection, place: str) -> str:
    """The id of the organisation a place is, or is in; empty for the whole instance."""
    if place == INSTANCE:
        return ""
    project = catalog.project_by_id(conn, place)
    return place if project is None else project.organisation_id


def _is_ours(conn: Connection, directory: Directory, person_id: str) -> bool:
    """Whether somebody is nothing outside of this directory's reach."""
    if directory.terms.everywhere:
        return True
    if store.kept_elsewhere(conn, directory.id, person_id):
        return False
    places = people_store.memberships_of(conn, person_id)
    return all(organisation_of(conn, each.place) == directory.id for each in places)


# --- who they are ---


def _checked(resource: dict[str, Any]) -> dict[str, Any]:
    name = resource.get("userName")
    if not name or max(len(name), len(name.lower())) > LONGEST_NAME:  # some letters are two in lower case
        raise invalid(f"A user has a userName of 1 to {LONGEST_NAME} characters.")
    if len(resource.get("externalId") or "") > LONGEST_NAME:
        raise invalid(f"An externalId has at most {LONGEST_NAME} characters.")
    _email(resource)
    return resource


def _may_name(conn: Connection, directory: Directory, email: str | None) -> None:
    """Raises `InvalidRequest` for an address that is not this directory's to give. Who has such a one already is
    changed, deactivated and deleted as ever, and not let in again."""
    why = "" if email is None else domains.refusal(conn, directory.id, email, everywhere=directory.terms.everywhere)
    if why:
        raise invalid(why, fix="The server's administrator says an organisation's domains: trimtab directory domains.")


def _key(resource: dict[str, Any]) -> str:
    return resource["userName"].lower()


def _kept(resource: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in resource.items() if name != "active"}


def _email(resource: dict[str, Any]) -> str | None:
    """The address by which a provider of sign-in will vouch for them: the primary one, the first, or the userName where
    that is one; None where there is none, so that nobody signs in as them yet."""
    known: list[dict[str, Any]] = [each for each in resource.get("emails", []) if each.get("value")]
    known.sort(key=lambda each: each.get("primary") is not True)
    if known:
        try:
            return clean_email(known[0]["value"])
        except InvalidRequest as error:
            raise invalid(error.message, fix=error.fix) from None
    try:
        return clean_email(resource["userName"])
    except InvalidRequest:
        return None


def _name(resource: dict[str, Any]) -> str:
    parts = resource.get("name", {})
    together = " ".join(each for each in (parts.get("givenName"), parts.get("familyName")) if each)
    name = resource.get("displayName") or parts.get("formatted") or together or resource["userName"]
    return "".join(each if each.isprintable() else " " for each in name)[:200].strip() or "somebody"


def _person(
    conn: Connection, directory: Directory, resource: dict[str, Any], user_key: str, email: str | None, now: int
) -> PersonRow:
    known = None if email is None else people_store.person_by_email(conn, email)
    if known is None:
        known = _removed_before(conn, directory, user_key) if email is None else None
    if known is not None:
        return known
    made = PersonRow(id=new_id("usr"), kind="person", name=_name(resource), email=email, project_id=None, created=now)
    people_store.add_person(conn, made)
    return made


def _removed_before(conn: Connection, directory: Directory, user_key: str) -> PersonRow | None:
    row = store.removed_user(conn, directory.id, user_key)
    return None if row is None else members.person(conn, row.person_id)


def _learn(conn: Connection, directory: Directory, row: UserRow) -> None:
    """Name and address are the provider's to say, of people who are nothing elsewhere: else it could make somebody of
    another organisation its own."""
    if not _is_ours(conn, directory, row.person_id):
        return
    person, email, name = members.person(conn, row.person_id), _email(row.resource), _name(row.resource)
    if email is not None and email != person.email:
        other = people_store.person_by_email(conn, email)
        if other is not None and other.id != person.id:
            raise _taken(f"the address {email[:80]!r}")
        people_store.change_person(conn, person.id, email=email)
    if name != person.name:
        people_store.change_person(conn, person.id, name=name)


def _taken(what: str) -> Conflict:
    return Conflict(f"There is already somebody of {what} here.", fix="Change that one instead.", code="uniqueness")
