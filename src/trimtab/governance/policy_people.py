"""Who people and service accounts are to policies: the same in the data plane and in the API.

A person is a ``User`` by their e-mail address (by their id, where they have none), a service account a
``ServiceAccount`` by its id; both stand below the roles they have where something is asked, and a person below the
groups that the organisation's identity provider keeps (`scim`). Policies that name a person by id are read as if they
named the address (`by_address`).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from msgspec import Struct, structs
from sqlalchemy import Connection

from trimtab.governance import people_store
from trimtab.governance.access import Project
from trimtab.governance.people_store import INSTANCE, PersonRow
from trimtab.governance.policy_eval import PolicySet, Who
from trimtab.governance.scim import store as scim

_BY_ID: Final = re.compile(r'\bUser::"(usr_[0-9a-f]{32})"')


class Named(Struct, frozen=True, kw_only=True):
    """Somebody with what policies may ask of them. ``roles`` are by place; ``groups`` by name, each with the id of the
    organisation whose provider keeps it."""

    person: PersonRow
    roles: dict[str, str] = {}
    groups: tuple[tuple[str, str], ...] = ()


def read(conn: Connection) -> list[Named]:
    """Everybody who is let in."""
    roles: dict[str, dict[str, str]] = {}
    for row in people_store.memberships(conn):
        roles.setdefault(row.person_id, {})[row.place] = row.role
    groups: dict[str, list[tuple[str, str]]] = {}
    for organisation in people_store.organisations(conn):
        for person_id, found in scim.groups_of(conn, organisation.id, None).items():
            groups.setdefault(person_id, []).extend((organisation.id, each.name) for each in found)
    return [
        Named(person=row, roles=roles.get(row.id, {}), groups=tuple(groups.get(row.id, ())))
        for row in people_store.people(conn)
        if row.disabled is None
    ]


def in_project(everybody: Iterable[Named], project: Project) -> dict[str, Who]:
    """Those who are anything in a project, by id. Their ``role`` is that of the nearest place: the project, its
    organisation, the instance."""
    found: dict[str, Who] = {}
    for each in everybody:
        roles = [each.roles[place] for place in (project.id, project.organisation, INSTANCE) if place in each.roles]
        if roles:
            found[each.person.id] = _who(each, roles, project)
    return found


def _who(each: Named, roles: list[str], project: Project) -> Who:
    service = each.person.kind == "service"
    return Who(
        kind="ServiceAccount" if service else "User",
        id=each.person.id if service else each.person.email or each.person.id,
        name=each.person.name,
        role=roles[0],
        roles=tuple(roles),
        groups=tuple(name for organisation, name in each.groups if organisation == project.organisation),
    )


def by_address(sets: Iterable[PolicySet], people: Mapping[str, Who]) -> list[PolicySet]:
    """The sets with people named by id named by address, as the engine knows them."""

    def named(match: "re.Match[str]") -> str:
        found = people.get(match[1])
        return match[0] if found is None else f"User::{msgspec.json.encode(found.id).decode()}"

    return [structs.replace(each, text=_BY_ID.sub(named, each.text)) for each in sets]
