"""Groups of a directory that are large: what a change costs, who is looked up, and what two at once come to."""

import asyncio
from typing import Any

import pytest
from house import House, Run
from sqlalchemy import Engine, event, insert
from test_people_api import ORG, P
from test_scim import GROUP, ROLES, directory, key_of, okta_user, patch, roles_of, sent

from trimtab.governance import checkpoints, people_store
from trimtab.governance.scim import groups, store
from trimtab.server.doors import scim


async def crowd(house: House, many: int, first: int = 0) -> list[str]:
    """People whom the directory keeps already."""
    organisation = next(each.id for each in await house.db.read(people_store.organisations) if each.slug == "default")
    ids = [f"usr_{at:06d}" for at in range(first, first + many)]
    known = {"kind": "person", "project_id": None, "created": 1}
    kept = {"active": True, "held_back": "[]", "switched_off": False, "created": 1, "updated": 1}

    def fill(conn: Any) -> None:
        people = [{"id": each, "name": each, "email": f"{each}@example.com", **known} for each in ids]
        conn.execute(insert(people_store.PEOPLE), people)
        users = [
            {
                "organisation_id": organisation,
                "person_id": each,
                "user_key": f"{each}@example.com",
                "external_id": None,
                "resource": f'{{"userName":"{each}@example.com"}}',
                "removed": None,
                **kept,
            }
            for each in ids
        ]
        conn.execute(insert(store.USERS), users)

    await house.db.write(fill)
    return ids


def members(ids: list[str]) -> list[dict[str, str]]:
    """As a request names them."""
    return [{"value": each} for each in ids]


async def statements(work: Any) -> int:
    """How many statements the catalog was sent meanwhile."""
    seen: list[str] = []

    def count(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(Engine, "before_cursor_execute", count)
    try:
        await work
    finally:
        event.remove(Engine, "before_cursor_execute", count)
    return len(seen)


async def chain_is_whole(house: House) -> bool:
    def verified(conn: Any) -> bool:
        return checkpoints.check(conn, None, checkpoints.trusted(house.box)).ok

    return await house.db.read(verified)


def test_a_change_of_many_costs_as_many_statements_as_one_of_few(run: Run, catalog_url: str) -> None:
    async def story(house: House) -> None:
        client = await directory(house)
        ids = await crowd(house, 900)  # their 1,800 entries of the audit log are one statement
        team = await sent(client, "Groups", {"schemas": [GROUP], "displayName": "Writers", "members": []})
        where = f"/scim/v2/Groups/{team['id']}"

        async def put(who: list[str]) -> None:
            body = {"schemas": [GROUP], "displayName": "Writers", "members": members(who)}
            answer = await client.put(where, json=body)
            assert answer.status_code == 200, answer.text
            assert [each["value"] for each in answer.json()["members"]] == sorted(who)

        few = await statements(put(ids[:3]))
        many = await statements(put(ids))
        assert many == few
        assert await roles_of(house, ids[-1]) == {"org": "viewer", "prj": "developer"}
        fewer = await statements(put(ids[:-3]))
        none = await statements(put([]))
        assert none == fewer
        assert await roles_of(house, ids[0]) == {"org": "viewer"}
        trail = (await house.admin.get("/api/v1/audit?limit=500", params={"subject": f"person:{ids[0]}"})).json()
        assert [each["action"] for each in trail["items"]] == ["member.removed", "member.added", "member.added"]
        assert await chain_is_whole(house)

    run(story, url=catalog_url)


def test_the_keys_of_all_who_leave_end_with_the_answer_and_those_of_who_stays_do_not(run: Run) -> None:
    async def story(house: House) -> None:
        client = await directory(house, roles=ROLES[1:2])
        ids = [(await sent(client, "Users", okta_user(f"p{at}@example.com")))["id"] for at in range(4)]
        team = await sent(client, "Groups", {"displayName": "Writers", "members": members(ids)})
        theirs = [await key_of(house, each) for each in ids]
        assert [(await key.get(f"{P}/prompts")).status_code for key in theirs] == [200] * 4
        gone = [{"op": "remove", "path": f'members[value eq "{each}"]'} for each in ids[:3]]
        assert (await patch(client, f"Groups/{team['id']}", *gone)).status_code == 204
        assert [(await key.get(f"{P}/prompts")).status_code for key in theirs] == [401, 401, 401, 200]
        back = {"op": "add", "path": "members", "value": members(ids)}
        assert (await patch(client, f"Groups/{team['id']}", back)).status_code == 204
        assert [(await key.get(f"{P}/prompts")).status_code for key in theirs] == [401, 401, 401, 200]

    run(story)


def test_one_administrator_may_follow_another_in_one_request(run: Run) -> None:
    async def story(house: House) -> None:
        client = await directory(house)
        ids = sorted([(await sent(client, "Users", okta_user(f"p{at}@example.com")))["id"] for at in range(2)])
        team = await sent(client, "Groups", {"displayName": "Admins", "members": members(ids[:1])})
        for last in (ids[1], ids[0]):  # whoever is looked at first
            swap = {"op": "replace", "path": "members", "value": members([last])}
            assert (await patch(client, f"Groups/{team['id']}", swap)).status_code == 204
            assert await roles_of(house, last) == {"org": "admin"}
        nobody = {"op": "remove", "path": "members"}
        answer = await patch(client, f"Groups/{team['id']}", nobody)
        assert answer.status_code == 409
        assert await roles_of(house, ids[0]) == {"org": "admin"}

    run(story)


def test_changes_of_one_group_at_once_all_count(run: Run, catalog_url: str) -> None:
    async def story(house: House) -> None:
        client = await directory(house)
        ids = await crowd(house, 12)
        team = await sent(client, "Groups", {"displayName": "Writers", "members": []})
        adds = [{"op": "add", "path": "members", "value": members([each])} for each in ids]
        answers = await asyncio.gather(*(patch(client, f"Groups/{team['id']}", each) for each in adds))
        assert [answer.status_code for answer in answers] == [204] * len(ids)
        inside = (await client.get(f"/scim/v2/Groups/{team['id']}")).json()["members"]
        assert [each["value"] for each in inside] == ids
        assert [each for each in ids if "prj" in await roles_of(house, each)] == ids

    run(story, url=catalog_url)


def test_what_was_worked_out_from_an_older_state_is_worked_out_anew(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(house: House) -> None:
        client = await directory(house)
        ids = await crowd(house, 3)
        team = await sent(client, "Groups", {"displayName": "Writers", "members": members(ids[:1])})
        looked = 0

        def before(conn: Any, of: Any, group_id: str) -> Any:
            nonlocal looked
            looked += 1
            return real(conn, of, group_id)

        async def meddle(*_: Any) -> None:
            body = {"displayName": "Writers", "members": members(ids[:2])}
            assert (await client.put(f"/scim/v2/Groups/{team['id']}", json=body)).status_code == 200

        real = groups.before
        told = asyncio.to_thread

        async def slow(work: Any, *args: Any) -> Any:
            made = await told(work, *args)
            if work.__name__ == "patched" and looked == 1:
                await meddle()
            return made

        monkeypatch.setattr(scim, "VERBS", _with(before))
        monkeypatch.setattr("trimtab.server.doors.scim.asyncio.to_thread", slow)
        add = {"op": "add", "path": "members", "value": members(ids[2:])}
        assert (await patch(client, f"Groups/{team['id']}", add)).status_code == 204
        assert looked == 2
        inside = (await client.get(f"/scim/v2/Groups/{team['id']}")).json()["members"]
        assert [each["value"] for each in inside] == ids

    run(story)


def _with(before: Any) -> Any:
    kind, verbs = scim.VERBS["groups"]
    own = scim.Verbs(verbs.get, verbs.find, verbs.create, before, verbs.change, verbs.remove)
    return {**scim.VERBS, "groups": (kind, own)}


def test_who_is_in_a_group_is_looked_up_only_where_somebody_asks(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(house: House) -> None:
        client = await directory(house)
        ids = await crowd(house, 6)
        big = await sent(client, "Groups", {"displayName": "Big", "members": members(ids[:5])})
        small = await sent(client, "Groups", {"displayName": "Small", "members": members(ids[4:])})
        real, looked = store.members_of, list[str]()

        def members_of(conn: Any, group_id: str) -> list[str]:
            looked.append(group_id)
            return real(conn, group_id)

        monkeypatch.setattr(store, "members_of", members_of)

        async def found(**asked: Any) -> list[dict[str, Any]]:
            looked.clear()
            answer = await client.get("/scim/v2/Groups", params=asked)
            assert answer.status_code == 200, answer.text
            return answer.json()["Resources"]

        only = await found(filter='displayName eq "big"', excludedAttributes="members")
        assert ([each["displayName"] for each in only], "members" in only[0], looked) == (["Big"], False, [])
        assert (await found(attributes="displayName"), looked)[1] == []
        for asked in (f'members eq "{ids[0]}"', f'members.value eq "{ids[0]}"', f'members[value eq "{ids[0]}"]'):
            assert [each["id"] for each in await found(filter=asked, excludedAttributes="members")] == [big["id"]]
            assert looked == [big["id"]]
        both = await found(filter=f'members eq "{ids[4]}"')
        assert [len(each["members"]) for each in both] == [5, 2]
        # As Entra ID asks whether somebody is in a group.
        asked = f'id eq "{small["id"]}" and members eq "{ids[0]}"'
        assert await found(filter=asked, excludedAttributes="members") == []
        one = (await client.get(f"/scim/v2/Groups/{big['id']}", params={"excludedAttributes": "members"})).json()
        assert one["meta"]["version"] == (await client.get(f"/scim/v2/Groups/{big['id']}")).json()["meta"]["version"]

    run(story)


def test_a_page_of_large_groups_ends_early_and_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(house: House) -> None:
        monkeypatch.setattr(groups, "MOST_SHOWN", 6)
        client = await directory(house)
        ids = await crowd(house, 8)
        sizes = [8, 3, 3, 1]
        for at, size in enumerate(sizes):
            await sent(client, "Groups", {"displayName": f"G{at}", "members": members(ids[:size])})
        start, pages = 1, list[list[int]]()
        while start <= len(sizes):
            page = (await client.get("/scim/v2/Groups", params={"startIndex": start})).json()
            assert page["totalResults"] == len(sizes)
            pages.append([len(each["members"]) for each in page["Resources"]])
            start += page["itemsPerPage"]
        assert pages == [[8], [3, 3], [1]]
        whole = (await client.get("/scim/v2/Groups", params={"excludedAttributes": "members"})).json()
        assert whole["itemsPerPage"] == len(sizes)

    run(story)


def test_each_state_of_a_group_has_a_version_of_its_own(run: Run) -> None:
    async def story(house: House) -> None:
        client = await directory(house)
        ids = await crowd(house, 3)
        team = await sent(client, "Groups", {"displayName": "Writers", "members": members(ids)})
        where, seen = f"/scim/v2/Groups/{team['id']}", [team["meta"]["version"]]
        for at in range(2):  # the clock of the tests stands still
            gone = {"op": "remove", "path": f'members[value eq "{ids[at]}"]'}
            await patch(client, f"Groups/{team['id']}", gone)
            seen.append((await client.get(where)).headers["etag"])
        assert (await client.delete(f"/scim/v2/Users/{ids[2]}")).status_code == 204
        last = await client.get(where)
        seen.append(last.headers["etag"])
        assert "members" not in last.json() or last.json()["members"] == []
        assert len(set(seen)) == 4
        again = await patch(
            client, f"Groups/{team['id']}", {"op": "replace", "path": "displayName", "value": "Writers"}
        )
        assert again.status_code == 204
        assert (await client.get(where)).headers["etag"] == seen[-1]  # nothing was changed
        stale = await client.put(where, json={"displayName": "X"}, headers={"if-match": seen[1]})
        assert stale.status_code == 412
        assert (await house.admin.get(f"{ORG}/directory/groups")).json()["items"][0]["members"] == 0

    run(story)
