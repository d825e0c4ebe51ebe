"""From what the catalog says of keys, people and roles to the principals they are. Pure; once per snapshot, so that a
call and a request of the API only look up."""

from collections.abc import Sequence

from msgspec import Struct

from trimtab.governance.access import Held, Organisation, Principal, Project
from trimtab.governance.people_store import INSTANCE, MembershipRow, OrganisationRow, PersonRow, RoleRow
from trimtab.governance.permissions import GRANTS, NOBODY, built_in, in_project, within
from trimtab.governance.store import KeyRow


class People(Struct, frozen=True, kw_only=True):
    """What of people and organisations rests in the snapshot: no name and no address of anybody."""

    organisations: list[OrganisationRow] = []
    people: list[PersonRow] = []
    memberships: list[MembershipRow] = []
    roles: list[RoleRow] = []


class Made(Struct, frozen=True, kw_only=True):
    """``by_digest``: keys by the digest of their secret; ``by_id``: keys and people by their ids."""

    by_digest: dict[bytes, Principal]
    by_id: dict[str, Principal]
    organisations: dict[str, Organisation]


def role_grants(roles: Sequence[RoleRow]) -> dict[tuple[str, str], frozenset[str]]:
    """What roles of organisations' own grant, by organisation and name. A permission of an older or newer program that
    this one does not know is of no effect."""
    known = within(GRANTS["admin"])
    return {(row.organisation_id, row.name): frozenset(row.permissions) & known for row in roles}


def made(keys: Sequence[KeyRow], projects: dict[str, Project], known: People, priorities: dict[str, int]) -> Made:
    """``projects`` by id. Keys of somebody who is gone, or who has nothing any more where the key is for, are left
    out, as if they were revoked."""
    held, titles = _held_by_people(projects, known), _titles(known)
    people = {
        row.id: Principal(
            key_id=row.id, role=titles.get(row.id, "none"), held=held[row.id], person=row.kind == "person"
        )
        for row in known.people
        if row.disabled is None
    }
    by_digest: dict[bytes, Principal] = {}
    for row in keys:
        principal = _of_key(row, projects, people, priorities)
        if principal is not None:
            by_digest[row.digest] = principal
    return Made(
        by_digest=by_digest,
        by_id={**people, **{each.key_id: each for each in by_digest.values()}},
        organisations={row.slug: Organisation(id=row.id, slug=row.slug) for row in known.organisations},
    )


def _titles(known: People) -> dict[str, str]:
    """The role to name each by who has one: that of the widest place they are in."""
    widest: dict[str, tuple[bool, bool, str, str]] = {}
    for each in known.memberships:
        rank = (each.place != INSTANCE, not each.place.startswith("org_"), each.place, each.role)
        before = widest.get(each.person_id)
        if before is None or rank < before:
            widest[each.person_id] = rank
    return {person_id: rank[3] for person_id, rank in widest.items()}


def _held_by_people(projects: dict[str, Project], known: People) -> dict[str, Held]:
    custom = role_grants(known.roles)
    granted: dict[tuple[str, str], frozenset[str]] = {}  # few roles in few places, many people
    held: dict[str, Held] = {row.id: Held(organisations={}, projects={}) for row in known.people}
    for row in known.memberships:
        found = held.get(row.person_id)
        if found is None:
            continue
        owner = projects[row.place].organisation if row.place in projects else row.place
        if (row.role, owner) not in granted:
            granted[row.role, owner] = _granted(row.role, owner, custom)
        if row.place == INSTANCE:
            held[row.person_id] = Held(
                instance=built_in(row.role), organisations=found.organisations, projects=found.projects
            )
        elif row.place in projects:
            found.projects[row.place] = granted[row.role, owner]
        else:
            found.organisations[row.place] = granted[row.role, owner]
    return held


def _granted(role: str, organisation: str, custom: dict[tuple[str, str], frozenset[str]]) -> frozenset[str]:
    own = custom.get((organisation, role))
    return within(built_in(role)) if own is None else own


def scoped(role: str, permissions: Sequence[str] | None) -> frozenset[str]:
    """What a key of this role may do, if it is bound to some permissions."""
    granted = built_in(role)
    return granted if permissions is None else granted & (frozenset(permissions) | {"self"})


def _of_key(
    row: KeyRow, projects: dict[str, Project], people: dict[str, Principal], priorities: dict[str, int]
) -> Principal | None:
    granted = scoped(row.role, row.permissions)
    if row.project_id is not None:
        own = projects[row.project_id]
        held = Held(projects={own.id: within(granted)})
    elif row.projects is not None:
        own, held = None, Held(projects={each: within(granted) for each in row.projects if each in projects})
    else:
        own, held = None, Held(instance=granted)
    if row.owner_id is not None:
        owner = people.get(row.owner_id)
        held = NOBODY if owner is None else _bounded(held, owner, projects)
        if not any(held.projects.values()):
            return None
    return Principal(
        key_id=row.id,
        role=row.role,
        project=own,
        expires_ns=0 if row.expires is None else row.expires * 1_000_000,
        highest_priority=priorities.get(row.id),
        environments=row.environments,
        models=row.models,
        held=held,
    )


def _bounded(held: Held, owner: Principal, projects: dict[str, Project]) -> Held:
    """A key that belongs to somebody does nothing that they may not do themselves, now."""
    bounded = {each: granted & in_project(owner, projects[each]) for each, granted in held.projects.items()}
    return Held(projects={each: granted for each, granted in bounded.items() if granted - {"self"}})
