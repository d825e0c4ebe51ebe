"""What the report says of changes, held against the records."""

import asyncio

from sqlalchemy import Connection

from trimtab.compliance import changes
from trimtab.compliance.rows import Scope
from trimtab.compliance.types import Period
from trimtab.governance import bootstrap, keys, members, roles
from trimtab.governance.access import DEFAULT_ORGANISATION, Organisation
from trimtab.governance.audit import Actor
from trimtab.governance.keys import Wanted
from trimtab.governance.members import Newcomer
from trimtab.governance.permissions import PERMISSIONS
from trimtab.governance.projects import get
from trimtab.governance.scim import directories, groups, people
from trimtab.governance.scim.asked import Wanted as WantedGroup
from trimtab.governance.scim.store import DirectoryRow, Meaning, Terms
from trimtab.storage.database import Database


def test_who_may_come_in_is_counted_wherever_they_are_members_and_keys_that_expired_are_not(catalog_url: str) -> None:
    def fill(conn: Connection) -> dict[str, object]:
        project = get(conn, "default")
        for name, expires in (("for ever", None), ("over", 500)):
            keys.issue(conn, Wanted(name=name, role="client", project_id=project.id, expires=expires), 100)
        places = (roles.of_project(project.id, DEFAULT_ORGANISATION), roles.of_organisation(DEFAULT_ORGANISATION))
        for number, place in enumerate((*places, roles.WHOLE)):
            who = Newcomer(role="viewer", email=f"p{number}@example.com")
            gone = Newcomer(role="viewer", email=f"gone{number}@example.com")
            members.add(conn, place, who, frozenset(PERMISSIONS), 100)
            left = members.add(conn, place, gone, frozenset(PERMISSIONS), 100)
            members.disable(conn, left.person.id, frozenset(PERMISSIONS), 200)
        scope = Scope(project_id=project.id, period=Period(start=0, end=1000))
        return dict(changes.access(conn, scope).figures)

    async def story() -> dict[str, object]:
        db = Database.open(catalog_url)
        try:
            await db.write(lambda conn: bootstrap.ensure(conn, admin_key=None, project="default", now=1))
            return await db.write(fill)
        finally:
            await db.close()

    told = {"keys_client": 1, "members_viewer": 1, "organisation_members_viewer": 1, "instance_members_viewer": 1}
    assert asyncio.run(story()) == told


def test_what_a_directorys_groups_gave_and_took_in_the_project_is_told_and_no_other_places(catalog_url: str) -> None:
    terms = Terms(roles=(Meaning(group="Team", role="developer", project="default"), Meaning(group="*", role="viewer")))
    row = DirectoryRow(organisation_id=DEFAULT_ORGANISATION, terms=terms, created=1, updated=1)
    acme = directories.of(Organisation(id=DEFAULT_ORGANISATION, slug="default"), row, Actor("stk_1", "directory: okta"))

    def fill(conn: Connection) -> list[tuple[object, ...]]:
        ada = people.create(conn, acme, {"userName": "ada@example.com"}, 100)
        inside = {"displayName": "Team", "members": [{"value": ada["id"]}]}
        team = groups.create(conn, acme, inside, 200)
        groups.change(conn, acme, team["id"], WantedGroup({"displayName": "Team"}), 300)
        scope = Scope(project_id=get(conn, "default").id, period=Period(start=0, end=1000))
        return [(action, who, role, by, at) for action, _, who, role, by, at in changes.access(conn, scope).rows]

    async def story() -> list[tuple[object, ...]]:
        db = Database.open(catalog_url)
        try:
            await db.write(lambda conn: bootstrap.ensure(conn, admin_key=None, project="default", now=1))
            return await db.write(fill)
        finally:
            await db.close()

    assert asyncio.run(story()) == [
        ("member.removed", "ada@example.com <ada@example.com>", "developer", "directory: okta", 300),
        ("member.added", "ada@example.com <ada@example.com>", "developer", "directory: okta", 200),
    ]  # fmt: skip
