"""What is left of somebody's keys when a membership ends."""

import asyncio

import pytest
from sqlalchemy import Connection

from trimtab.governance import bootstrap, keys, members, people_store, roles, sign_in, store
from trimtab.governance.access import DEFAULT_ORGANISATION
from trimtab.governance.keys import Wanted
from trimtab.governance.members import Newcomer
from trimtab.governance.people_store import BY_HAND
from trimtab.governance.permissions import PERMISSIONS
from trimtab.governance.projects import get
from trimtab.governance.roles import Place
from trimtab.governance.sign_in_store import ProviderRow, Terms
from trimtab.storage.database import Database

ALL = frozenset(PERMISSIONS)
LDAP = ProviderRow(
    name="ldap", issuer="https://id.example.com", client_id="t", sealed=None, terms=Terms(), enabled=True, created=1,
    updated=1,
)  # fmt: skip


def live_after(catalog_url: str, places: list[str], left: str, source: str = BY_HAND) -> bool:
    """Whether a key in the default project still lives when its owner, a member of ``places``, left one of them."""

    def work(conn: Connection) -> bool:
        project = get(conn, "default")
        of: dict[str, Place] = {
            "project": roles.of_project(project.id, DEFAULT_ORGANISATION),
            "organisation": roles.of_organisation(DEFAULT_ORGANISATION),
            "instance": roles.WHOLE,
        }
        person = ""
        for each in places:
            who = Newcomer(role="developer", person_id=person) if person else Newcomer(role="developer", email="a@b.c")
            person = members.add(conn, of[each], who, ALL, 1).person.id
        wanted = Wanted(name="own", role="developer", project_id=project.id, owner_id=person)
        made = keys.issue(conn, wanted, 2).key.id
        if source == BY_HAND:
            members.remove(conn, of[left], person, ALL, 3)
        else:
            had = people_store.membership(conn, person, of[left].id)
            assert had is not None
            given = type(had)(person_id=person, place=had.place, role=had.role, source=source, created=1)
            people_store.put_membership(conn, given)
            sign_in._give(conn, LDAP, members.person(conn, person), {}, 3)  # pyright: ignore[reportPrivateUsage]
        found = store.key_by_id(conn, made)
        assert found is not None
        return found.revoked is None

    async def story() -> bool:
        db = Database.open(catalog_url)
        try:
            await db.write(lambda conn: bootstrap.ensure(conn, admin_key=None, project="default", now=1))
            return await db.write(work)
        finally:
            await db.close()

    return asyncio.run(story())


@pytest.mark.parametrize(
    ("places", "left", "lives"),
    [
        (["project"], "project", False),
        (["organisation"], "organisation", False),
        (["instance"], "instance", False),
        (["organisation", "instance"], "organisation", True),
        (["project", "organisation"], "organisation", True),
        (["project", "organisation"], "project", False),
    ],
)
def test_keys_end_where_their_owner_is_nothing_any_more(
    catalog_url: str, places: list[str], left: str, lives: bool
) -> None:
    assert live_after(catalog_url, places, left) is lives


def test_keys_end_with_what_a_provider_takes_back(catalog_url: str) -> None:
    assert not live_after(catalog_url, ["organisation"], "organisation", "oidc:ldap")
