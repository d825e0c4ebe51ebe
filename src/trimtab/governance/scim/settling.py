"""What a directory's groups come to in roles. A group may hold tens of thousands, and while its roles change nothing
else is written to the catalog: so all are looked at together, and written by few statements."""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct
from sqlalchemy import Connection

from trimtab.governance import audit, members, people_store, roles
from trimtab.governance.audit import Note
from trimtab.governance.people_store import MembershipRow
from trimtab.governance.projects import REVISION
from trimtab.governance.roles import Place
from trimtab.governance.scim import store
from trimtab.governance.scim.directories import Directory, place_of
from trimtab.governance.scim.store import GroupRow, Meaning
from trimtab.storage.revision import bump

EVERYBODY: Final = "*"


class _Change(Struct, frozen=True):
    """One person in one place: what they were and what they are; None is nothing."""

    had: MembershipRow | None
    made: MembershipRow | None

    @property
    def row(self) -> MembershipRow:
        row = self.made or self.had
        assert row is not None
        return row

    @property
    def ends_an_admin(self) -> bool:
        return self.had is not None and self.had.role == "admin" and (self.made is None or self.made.role != "admin")


def settle(conn: Connection, directory: Directory, person_ids: Sequence[str] | None, now: int) -> None:
    """Make the memberships that the directory gives what its groups come to now: of these people, or (None) of
    everybody it lets in. What was given by hand, or by a provider of sign-in, stays as it is. Raises `Conflict` where
    a place would lose its last administrator."""
    chosen = store.active_users(conn, directory.id, person_ids)
    if not chosen:
        return
    wanted = _wanted(conn, directory, person_ids, chosen)
    held = people_store.memberships_among(conn, chosen)
    changes: list[_Change] = []
    for person_id in chosen:
        changes += _changes(directory, person_id, held.get(person_id, []), wanted[person_id], now)
    _make(conn, directory, changes, now)


def take(conn: Connection, directory: Directory, held: Sequence[MembershipRow], now: int) -> None:
    """End memberships, with the keys that hung on them. Raises `Conflict` for a last administrator's."""
    _make(conn, directory, [_Change(had, None) for had in held], now)


def note(conn: Connection, directory: Directory, action: str, person_id: str, now: int, detail: dict[str, str]) -> None:
    """One entry of the audit log about a person."""
    audit.append_all(conn, None, directory.actor, [_note(directory, action, person_id, detail)], now=now)


def _note(directory: Directory, action: str, person_id: str, detail: Mapping[str, str]) -> Note:
    return Note(action, f"person:{person_id}", {"organisation": directory.organisation.slug, **detail})


# --- what is wanted ---


def _wanted(
    conn: Connection, directory: Directory, person_ids: Sequence[str] | None, chosen: Sequence[str]
) -> dict[str, Mapping[str, str]]:
    """By person: the role in each place."""
    meanings = [
        (each, place)
        for each in directory.terms.roles
        if (place := place_of(conn, directory.organisation, each)) and roles.known_permissions(conn, place, each.role)
    ]
    grouped = store.group_ids_of(conn, directory.id, person_ids)
    groups = store.groups_by_id(conn, {each for theirs in grouped.values() for each in theirs})
    alike: dict[tuple[str, ...], Mapping[str, str]] = {}  # few combinations of groups, many people
    wanted: dict[str, Mapping[str, str]] = {}
    for person_id in chosen:
        theirs = tuple(grouped.get(person_id, ()))
        if theirs not in alike:
            alike[theirs] = _roles_by(meanings, [groups[each] for each in theirs])
        wanted[person_id] = alike[theirs]
    return wanted


def _roles_by(meanings: Sequence[tuple[Meaning, Place]], groups: Sequence[GroupRow]) -> Mapping[str, str]:
    names = {EVERYBODY}
    for group in groups:
        names |= {group.name.lower(), group.external_id or group.name.lower()}
    wanted: dict[str, str] = {}
    for meaning, place in meanings:
        if place.id not in wanted and (meaning.group in names or meaning.group.lower() in names):
            wanted[place.id] = meaning.role
    return wanted


def _changes(
    directory: Directory, person_id: str, held: Sequence[MembershipRow], wanted: Mapping[str, str], now: int
) -> list[_Change]:
    before = {each.place: each for each in held}
    changes: list[_Change] = []
    for place, role in wanted.items():
        had = before.get(place)
        if had is None or (had.source == directory.source and had.role != role):
            made = MembershipRow(person_id=person_id, place=place, role=role, source=directory.source, created=now)
            changes.append(_Change(had, made))
    gone = [each for each in held if each.source == directory.source and each.place not in wanted]
    return [*changes, *(_Change(had, None) for had in gone)]


# --- made so ---


def _make(conn: Connection, directory: Directory, changes: Sequence[_Change], now: int) -> None:
    if not changes:
        return
    people_store.put_memberships(conn, [each.made for each in changes if each.made])
    people_store.remove_memberships(conn, [each.row for each in changes if each.made is None])
    _keep_admins(conn, [each.had for each in changes if each.had and each.ends_an_admin])
    left: dict[str, set[str]] = {}
    for each in changes:
        if each.made is None:
            left.setdefault(each.row.person_id, set()).add(each.row.place)
    members.end_keys_of(conn, left, now)
    bump(conn, REVISION)
    audit.append_all(conn, None, directory.actor, [_told(directory, each) for each in changes], now=now)


def _keep_admins(conn: Connection, ended: Sequence[MembershipRow]) -> None:
    """Raises `Conflict` where a place that had an administrator has none any more, in it or in what reaches into it.
    It is looked at when all is made: in one request one administrator may follow another."""
    if not ended:
        return
    people = {each.id: each for each in people_store.people_among(conn, {each.person_id for each in ended})}
    for place_id in dict.fromkeys(each.place for each in ended):
        could = [people[each.person_id] for each in ended if each.place == place_id]
        leaving = next((each for each in could if each.kind == "person" and each.disabled is None), None)
        place = members.place_of(conn, place_id)
        if leaving is not None and not people_store.admins(conn, (place.id, *place.above)):
            raise members.last_admin(leaving)


def _told(directory: Directory, change: _Change) -> Note:
    row = change.row
    detail = {"place": row.place, "role": row.role, "source": row.source}
    if change.made is None:
        return _note(directory, "member.removed", row.person_id, detail)
    if change.had is None:
        return _note(directory, "member.added", row.person_id, detail)
    return _note(directory, "member.changed", row.person_id, {**detail, "from": change.had.role})
