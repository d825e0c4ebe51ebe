"""Who belongs where, and as what.

Three rules hold however a membership is made: nobody gives, changes or takes away what they do not hold in that place
themselves; a place that has an administrator keeps one (in it, or in what reaches into it); and what somebody held is
gone with the answer, their keys there included.
"""

import re
from collections.abc import Collection, Mapping

from msgspec import Struct
from sqlalchemy import Connection

from trimtab.core.errors import Conflict, InvalidRequest, NotFound
from trimtab.core.ids import new_id
from trimtab.governance import people_store as store
from trimtab.governance import roles, session_store
from trimtab.governance import store as keys_store
from trimtab.governance.people_store import BY_HAND, INSTANCE, MemberRow, MembershipRow, PersonRow
from trimtab.governance.projects import REVISION, check_name
from trimtab.governance.roles import Place, known_permissions, must_hold, permissions_of
from trimtab.storage.revision import bump, exclusive

LOCK = 0x7472_6D62
_EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,255}")


class Newcomer(Struct, frozen=True, kw_only=True):
    """Somebody to make a member: by ``person_id`` where they are known here, else by ``email``."""

    role: str
    person_id: str = ""
    email: str = ""
    name: str = ""


def clean_email(email: str) -> str:
    """An address as it rests here. Raises `InvalidRequest`."""
    email = email.strip().lower()
    if not _EMAIL.fullmatch(email) or len(email) > 320 or not email.isprintable():
        raise InvalidRequest(
            f"{email[:80]!r} is no e-mail address.", fix="Write for example ada@example.com.", param="email"
        )
    return email


def add(conn: Connection, place: Place, wanted: Newcomer, held: frozenset[str], now: int) -> MemberRow:
    """Make somebody a member. Who is not known yet becomes so by their address, and is let in when an identity provider
    vouches for it. ``held`` is what whoever does this holds in the place."""
    exclusive(conn, LOCK)
    must_hold(held, permissions_of(conn, place, wanted.role), "The role holds")
    person = _known(conn, wanted)
    if person is None:
        email = clean_email(wanted.email)
        name = check_name(wanted.name) or email.partition("@")[0]
        person = PersonRow(id=new_id("usr"), kind="person", name=name, email=email, project_id=None, created=now)
        store.add_person(conn, person)
    if person.kind == "service" and person.project_id != place.id:
        raise InvalidRequest(
            "A service account works in the project it was made in.", fix="Make another one there.", param="person"
        )
    if store.membership(conn, person.id, place.id) is not None:
        raise Conflict(
            f"{person.name} is a member here already.",
            fix="Change the role instead: trimtab members set.",
            code="is_member",
        )
    return _put(conn, place, person, wanted.role, now)


def _known(conn: Connection, wanted: Newcomer) -> PersonRow | None:
    if bool(wanted.person_id) == bool(wanted.email):
        raise InvalidRequest(
            "Name one person, by 'email' or by 'person'.", fix='Send e.g. {"email": "ada@example.com"}.', param="email"
        )
    if wanted.email:
        return store.person_by_email(conn, clean_email(wanted.email))
    return person(conn, wanted.person_id)


def person(conn: Connection, person_id: str) -> PersonRow:
    """Raises `NotFound`."""
    found = store.person(conn, person_id)
    if found is None:
        raise NotFound(f"There is no person {person_id[:80]!r}.", fix="List the members and use the id of one of them.")
    return found


def _put(conn: Connection, place: Place, person: PersonRow, role: str, now: int, source: str = BY_HAND) -> MemberRow:
    bump(conn, REVISION)
    row = MembershipRow(person_id=person.id, place=place.id, role=role, source=source, created=now)
    store.put_membership(conn, row)
    return MemberRow(person=person, membership=row)


def member(conn: Connection, place: Place, person_id: str) -> MemberRow:
    """Raises `NotFound` for who is none of this place."""
    found = store.membership(conn, person_id, place.id)
    if found is None:
        raise NotFound("There is no such member here.", fix="List the members and use the id of one of them.")
    return MemberRow(person=person(conn, person_id), membership=found)


class Change(Struct, frozen=True, kw_only=True):
    """``expected``: the role that they are to have had so far; None for whatever it is."""

    role: str
    expected: str | None = None


def change(conn: Connection, place: Place, person_id: str, wanted: Change, held: frozenset[str], now: int) -> MemberRow:
    """Give a member another role. A membership that sign-in had given becomes one given by hand. Raises `Conflict`
    where they have another role than was expected."""
    exclusive(conn, LOCK)
    found, role = member(conn, place, person_id), wanted.role
    if wanted.expected is not None and found.membership.role != wanted.expected:
        raise Conflict(
            f"{found.person.name} is {found.membership.role!r} here by now, and you changed it from"
            f" {wanted.expected!r}.",
            fix="Nothing was saved. Look who changed it in the audit log, and choose again.",
            param="expected_role",
            code="revision_conflict",
        )
    must_hold(held, known_permissions(conn, place, found.membership.role), "The member holds")
    must_hold(held, permissions_of(conn, place, role), "The role holds")
    if role != "admin":
        keep_an_admin(conn, place, found)
    return _put(conn, place, found.person, role, now)


def remove(conn: Connection, place: Place, person_id: str, held: frozenset[str], now: int) -> MemberRow:
    """End a membership; their keys there end too. A service account has only this one, and ends with it."""
    exclusive(conn, LOCK)
    found = member(conn, place, person_id)
    must_hold(held, known_permissions(conn, place, found.membership.role), "The member holds")
    keep_an_admin(conn, place, found)
    bump(conn, REVISION)
    store.remove_membership(conn, person_id, place.id)
    if found.person.kind == "service":
        keys_store.revoke_owned(conn, person_id, now)
        store.change_person(conn, person_id, disabled=now)
    else:
        end_keys(conn, person_id, place.id, now)
    return found


def end_keys(conn: Connection, person_id: str, left: str, now: int) -> None:
    """End the keys of somebody whose membership of the place ``left`` has ended: those in that very project, and those
    in projects that they are nothing in any more, so that none of them works again if they come back."""
    end_keys_of(conn, {person_id: {left}}, now)


def end_keys_of(conn: Connection, left: Mapping[str, Collection[str]], now: int) -> None:
    """`end_keys` of many: by person, the places they have left."""
    keys = keys_store.live_keys_of(conn, left)
    if not keys:
        return
    places = store.memberships_among(conn, {owner for _, owner, _ in keys})
    projects = {each.id: each.organisation_id for each in keys_store.projects(conn)}
    for key_id, owner, project in keys:
        if project is None:
            continue
        reaches = {project, projects[project], INSTANCE}
        stays = {each.place for each in places.get(owner, [])}
        if project in left[owner] or (reaches & set(left[owner]) and not reaches & stays):
            keys_store.revoke(conn, key_id, now)


def keep_an_admin(conn: Connection, place: Place, leaving: MemberRow) -> None:
    """Raises `Conflict` where a place would lose its last administrator."""
    if leaving.membership.role != "admin" or leaving.person.kind != "person" or leaving.person.disabled is not None:
        return
    others = store.admins(conn, (place.id, *place.above))
    if all(each == (leaving.person.id, place.id) for each in others):
        raise last_admin(leaving.person)


def last_admin(person: PersonRow) -> Conflict:
    return Conflict(
        f"{person.name} is the last administrator here.",
        fix="Make somebody else an administrator first.",
        code="last_admin",
    )


def disable(conn: Connection, person_id: str, held: frozenset[str], now: int) -> PersonRow:
    """Let somebody in no more, anywhere: their sessions and keys end now. ``held`` is what whoever does this holds on
    the whole instance."""
    exclusive(conn, LOCK)
    found = person(conn, person_id)
    if found.disabled is not None:
        return found
    for row in store.memberships_of(conn, person_id):
        must_hold(held, known_permissions(conn, place_of(conn, row.place), row.role), "The member holds")
    switch_off(conn, found, now)
    return person(conn, person_id)


def switch_off(conn: Connection, found: PersonRow, now: int) -> None:
    """Let somebody in no more, anywhere, whoever it is that may say so. Raises `Conflict` for a last administrator."""
    person_id = found.id
    for row in store.memberships_of(conn, person_id):
        place = place_of(conn, row.place)
        others = [each for each in store.admins(conn, (place.id, *place.above)) if each[0] != person_id]
        if row.role == "admin" and found.kind == "person" and not others:
            keep_an_admin(conn, Place(id=row.place), MemberRow(person=found, membership=row))
    bump(conn, REVISION)
    store.change_person(conn, person_id, disabled=now)
    session_store.end_all_of(conn, person_id)
    keys_store.revoke_owned(conn, person_id, now)


def enable(conn: Connection, person_id: str, held: frozenset[str]) -> PersonRow:
    """Let somebody in again, as what they were. Their keys stay ended."""
    exclusive(conn, LOCK)
    person(conn, person_id)
    for row in store.memberships_of(conn, person_id):
        place = place_of(conn, row.place)
        must_hold(held, known_permissions(conn, place, row.role), "The member holds")
    bump(conn, REVISION)
    store.change_person(conn, person_id, disabled=None)
    return person(conn, person_id)


def place_of(conn: Connection, place_id: str) -> Place:
    """The place of an id, with what reaches into it."""
    if place_id == INSTANCE:
        return roles.WHOLE
    found = keys_store.project_by_id(conn, place_id)
    return roles.of_organisation(place_id) if found is None else roles.of_project(found.id, found.organisation_id)


# --- service accounts ---


def add_service(conn: Connection, place: Place, name: str, role: str, held: frozenset[str], now: int) -> MemberRow:
    """A member of a project that is no person: it owns keys, which do no more than it may, and end with it."""
    exclusive(conn, LOCK)
    must_hold(held, permissions_of(conn, place, role), "The role holds")
    name = check_name(name)
    if not name:
        raise InvalidRequest("A service account needs a name.", fix="Name it after what it is for.", param="name")
    made = PersonRow(id=new_id("svc"), kind="service", name=name, email=None, project_id=place.id, created=now)
    store.add_person(conn, made)
    return _put(conn, place, made, role, now)


def services(conn: Connection, place: Place) -> list[MemberRow]:
    return [each for each in store.members(conn, place.id) if each.person.kind == "service"]
