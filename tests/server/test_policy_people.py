"""People, service accounts and groups have one name in policies, whichever way they ask."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from house import House, Run
from test_people_api import P, come_in, made, member
from test_scim import directory, okta_user
from test_snapshot import away

from trimtab.gateway.policed import Governed
from trimtab.governance import keys
from trimtab.governance.access import Principal
from trimtab.governance.keys import Wanted
from trimtab.governance.policy_eval import Facts, PolicySet, Verdict, engine_of
from trimtab.governance.policy_examples import Asker, PolicyExample, PolicySubject, ask, plain
from trimtab.server.snapshot.holder import FILE


async def policies(house: House, text: str) -> None:
    answer = await house.admin.put(f"{P}/access-policies/own", json={"text": text})
    assert answer.status_code == 200, answer.text


def asked(house: House, principal: Principal | None, name: str = "shell") -> Verdict:
    """What the data plane would say of a tool that a call of theirs offers."""
    assert principal is not None
    governed: Governed = house.holder.current.governed[house.holder.current.access.projects["default"].id]
    assert governed.engine is not None
    return governed.engine.decide("call_tool", governed.who(principal), plain("call_tool", name), Facts())


FORBID = 'forbid(principal {who}, action in [Action::"call_tool", Action::"export"], resource);'


def test_a_person_is_their_address_in_both_planes_also_where_a_policy_has_their_id(run: Run) -> None:
    async def story(house: House) -> None:
        ada, hers = await member(house, P, "ada@example.com", "developer")
        grace, other = await member(house, P, "grace@example.com", "developer")
        for who in ('== User::"ada@example.com"', f'== User::"{ada}"', f'in User::"{ada}"'):
            await policies(house, FORBID.format(who=who))
            assert (await hers.get(f"{P}/export/spans.jsonl")).json()["code"] == "policy_forbidden"
            assert (await other.get(f"{P}/export/spans.jsonl")).status_code != 403
            assert not asked(house, house.holder.principal(ada)).allowed
            assert asked(house, house.holder.principal(grace)).allowed
        await policies(house, 'forbid(principal, action, resource) when { principal.name == "ada" };')
        assert not asked(house, house.holder.principal(ada)).allowed
        assert asked(house, house.holder.principal(grace)).allowed
        kept = next(house.folder.glob("snapshot.msgpack")).read_bytes()
        assert b"ada@example.com" not in kept

    run(story)


def test_a_key_stands_below_its_owner_and_below_the_owners_groups_but_not_below_their_roles(run: Run) -> None:
    async def story(house: House) -> None:
        robot = await made(house.admin, f"{P}/service-accounts", {"name": "nightly", "role": "operator"})
        own = await made(house.admin, f"{P}/keys", {"name": "k", "role": "client", "owner": robot["id"]})
        okta = await directory(house, roles=[{"group": "*", "role": "admin"}])
        ada = (await okta.post("/scim/v2/Users", json=okta_user("ada@example.com"))).json()["id"]
        team = {"displayName": "Contractors", "members": [{"value": ada}]}
        assert (await okta.post("/scim/v2/Groups", json=team)).status_code == 201
        hers = await key_of(house, ada)
        key = {"robot": house.holder.principal(own["key"]["id"]), "ada": house.holder.principal(hers)}
        person = house.holder.principal(ada)
        for who, denied in (
            (f'in ServiceAccount::"{robot["id"]}"', ["robot"]),
            ('in User::"ada@example.com"', ["ada", "person"]),
            ('in Group::"Contractors"', ["ada", "person"]),
            ('in Role::"admin"', ["person"]),
            ('in Role::"client"', ["robot", "ada"]),
            ('in Organisation::"default"', ["robot", "ada"]),
            ("is User", ["person"]),
        ):
            await policies(house, FORBID.format(who=who))
            found = {name: asked(house, each) for name, each in {**key, "person": person}.items()}
            assert [name for name, each in found.items() if not each.allowed] == denied, who
            assert not any(each.error for each in found.values())
        client = await come_in(house, ada)
        await policies(house, FORBID.format(who='in Group::"Contractors"'))
        assert (await client.get(f"{P}/export/spans.jsonl")).json()["code"] == "policy_forbidden"
        groups = (await okta.get("/scim/v2/Groups")).json()["Resources"]
        assert (await okta.delete(f"/scim/v2/Groups/{groups[0]['id']}")).status_code == 204
        assert (await client.get(f"{P}/export/spans.jsonl")).status_code != 403
        assert asked(house, house.holder.principal(ada)).allowed

    run(story)


async def key_of(house: House, person_id: str) -> str:
    project = house.holder.current.access.projects["default"].id
    wanted = Wanted(name="hers", role="client", project_id=project, owner_id=person_id)
    issued = await house.db.write(lambda conn: keys.issue(conn, wanted, house.deps.now()))
    await house.holder.changed()
    return issued.key.id


def test_a_persons_role_is_that_of_the_nearest_place(run: Run) -> None:
    async def story(house: House) -> None:
        await made(house.admin, "/api/v1/organisations", {"slug": "away"})
        ada, _ = await member(house, P, "ada@example.com", "viewer")
        for where, role in (("/api/v1/organisations/default", "developer"), ("/api/v1/organisations/away", "admin")):
            await made(house.admin, f"{where}/members", {"person": ada, "role": role})
        for text, allowed in (
            (FORBID.format(who="") + " //", False),
            ('forbid(principal, action, resource) when { principal.role == "viewer" };', False),
            ('forbid(principal in Role::"developer", action, resource);', False),
            ('forbid(principal in Role::"admin", action, resource);', True),
        ):
            await policies(house, text)
            assert asked(house, house.holder.principal(ada)).allowed is allowed, text

    run(story)


@pytest.mark.parametrize(
    ("who", "principal", "allowed"),
    [
        ('in Group::"Contractors"', {"kind": "User", "id": "ada@example.com", "groups": ["Contractors"]}, False),
        ('in Group::"Contractors"', {"owner": "ada@example.com", "groups": ["Contractors"]}, False),
        ('in ServiceAccount::"svc_1"', {"owner": "svc_1"}, False),
        ('in ServiceAccount::"svc_1"', {"owner": "svc_2"}, True),
        ('in Organisation::"acme"', {"organisation": "acme"}, False),
        ('in Role::"writer"', {"kind": "User", "roles": ["writer"]}, False),
    ],
)
def test_a_test_of_policies_says_whose_key_asks_and_of_which_groups(
    who: str, principal: dict[str, Any], allowed: bool
) -> None:
    asker = msgspec.convert(principal, Asker)
    example = PolicyExample(
        name="x", expect="deny", action="export", principal=asker, resource=PolicySubject(kind="spans")
    )
    verdict = ask(engine_of([PolicySet(name="own", text=FORBID.format(who=who))]), example, ())
    assert (verdict.allowed, verdict.error) == (allowed, "")


def test_a_group_that_is_renamed_or_whose_directory_ends_is_so_for_policies_at_once(run: Run) -> None:
    async def story(house: House) -> None:
        okta = await directory(house, roles=[{"group": "*", "role": "developer"}])
        ada = (await okta.post("/scim/v2/Users", json=okta_user("ada@example.com"))).json()["id"]
        team = {"displayName": "Contractors", "members": [{"value": ada}]}
        group = (await okta.post("/scim/v2/Groups", json=team)).json()["id"]
        await policies(house, FORBID.format(who='in Group::"Partners"'))
        assert asked(house, house.holder.principal(ada)).allowed
        renamed = await okta.put(f"/scim/v2/Groups/{group}", json=team | {"displayName": "Partners"})
        assert renamed.status_code == 200
        assert not asked(house, house.holder.principal(ada)).allowed
        assert (await house.admin.delete("/api/v1/organisations/default/directory")).status_code == 204
        assert asked(house, house.holder.principal(ada)).allowed

    run(story)


@pytest.mark.parametrize("who", ['in Group::"Contractors"', 'in User::"ada@example.com"', 'in User::"{ada}"'])
def test_a_key_stands_below_its_owner_also_where_a_server_starts_without_its_catalog(
    run: Run, tmp_path: Path, who: str
) -> None:
    async def story(house: House) -> str:
        okta = await directory(house, roles=[{"group": "*", "role": "developer"}])
        ada = (await okta.post("/scim/v2/Users", json=okta_user("ada@example.com"))).json()["id"]
        await okta.post("/scim/v2/Groups", json={"displayName": "Contractors", "members": [{"value": ada}]})
        hers = await key_of(house, ada)
        await policies(house, FORBID.format(who=who.format(ada=ada)))
        assert not asked(house, house.holder.principal(hers)).allowed
        return hers

    hers = run(story)
    kept = (tmp_path / FILE).read_bytes()
    assert (b"ada@example.com" in kept) == ("@" in who)  # where a policy says it, it rests there anyway
    assert b"Ada Test" not in kept

    async def start() -> None:
        holder = away(tmp_path)
        await holder.load()
        assert holder.away
        governed = holder.current.governed[holder.current.access.projects["default"].id]
        principal = holder.principal(hers)
        assert principal is not None
        assert governed.engine is not None
        verdict = governed.engine.decide("call_tool", governed.who(principal), plain("call_tool", "shell"), Facts())
        assert not verdict.allowed

    asyncio.run(start())
