"""Members, roles, service accounts, scoped keys and sessions over the API: who may do what, where, and what nobody
may."""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx
import pytest
from house import ADMIN, House, Run
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from trimtab.core.errors import TrimtabError, Unavailable
from trimtab.governance import session_store, sessions, totp
from trimtab.governance.permissions import GRANTS, INSTANCE_ONLY, MEMBER_ROLES, PERMISSIONS
from trimtab.governance.sessions import GRACE_MS, ROTATE_MS, How
from trimtab.server import auth
from trimtab.server.auth import Caller, guard

P = "/api/v1/projects/default"
ORG = "/api/v1/organisations/default"
OURS = {"origin": "http://trimtab.test"}
HELD_ANYWHERE = {
    "self", "project:read", "organisation:read", "provider:read", "role:read", "feedback:write", "model:call",
}  # fmt: skip


async def made(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await client.post(path, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def come_in(house: House, person_id: str) -> httpx.AsyncClient:
    """Somebody's command line, as after a sign-in with a provider (`test_oidc.py` does that)."""
    now = house.deps.now()
    token = await house.db.write(lambda conn: sessions.begin(conn, person_id, now, None, How(kind="cli")))
    return house.client(token.secret)


async def member(house: House, where: str, email: str, role: str) -> tuple[str, httpx.AsyncClient]:
    person = await made(house.admin, f"{where}/members", {"email": email, "role": role})
    return person["id"], await come_in(house, person["id"])


async def code_of(client: httpx.AsyncClient, method: str, path: str, body: Any = None) -> tuple[int, str]:
    answer = await client.request(method, path, json=body)
    return answer.status_code, "" if answer.status_code < 400 else answer.json()["code"]


# --- the matrix: routes x roles x places ---


class Holder:
    """A caller by its secret, and what it holds where, as the table says."""

    def __init__(
        self,
        secret: str,
        projects: Mapping[str, frozenset[str]],
        organisations: Mapping[str, frozenset[str]] | None = None,
        instance: frozenset[str] = frozenset(),
    ) -> None:
        self.secret = secret
        self.instance = instance
        self.organisations = organisations or {}
        self._projects = projects

    def in_project(self, slug: str, organisation: str) -> frozenset[str]:
        found = self._projects.get(slug, frozenset()) | self.organisations.get(organisation, frozenset())
        return found | (self.instance - INSTANCE_ONLY)

    def reads(self, params: Mapping[str, str], projects: Mapping[str, str]) -> bool:
        """Whether it may read the content of calls there."""
        slug = params.get("project")
        return "content:read" in (self.instance if slug is None else self.in_project(slug, projects[slug]))

    def expected(self, permission: str | None, params: Mapping[str, str], projects: Mapping[str, str]) -> int:
        """0 for allowed, else the status of the refusal."""
        if permission is None or (permission == "self" and "project" not in params):
            return 0
        somewhere = self.instance.union(
            *(self.in_project(*each) for each in projects.items()), *self.organisations.values()
        )
        if permission not in somewhere:
            return 403
        if "project" in params:
            here = self.in_project(params["project"], projects[params["project"]])
            return 404 if not here else 0 if permission in here else 403
        if "organisation" in params:
            own = params["organisation"]
            here = self.organisations.get(own, frozenset()) | (self.instance - INSTANCE_ONLY)
            seen = here or any(self.in_project(slug, each) for slug, each in projects.items() if each == own)
            return 404 if not seen else 0 if permission in here else 403
        return 0 if permission in HELD_ANYWHERE or permission in self.instance else 403


async def holders(house: House) -> dict[str, Holder]:
    admin = house.admin
    await made(admin, "/api/v1/organisations", {"slug": "away"})
    await made(admin, "/api/v1/projects", {"slug": "other"})
    await made(admin, "/api/v1/organisations/away/projects", {"slug": "far"})
    found: dict[str, Holder] = {}
    for role in ("viewer", "developer", "operator", "auditor", "editor"):
        key = await made(admin, f"{P}/keys", {"name": role, "role": role})
        found[f"key {role}"] = Holder(key["secret"], {"default": GRANTS[role] - INSTANCE_ONLY})
    narrow = {"name": "narrow", "role": "editor", "permissions": ["prompt:write", "prompt:read"]}
    key = await made(admin, f"{P}/keys", narrow)
    found["narrow key"] = Holder(key["secret"], {"default": frozenset(("self", "prompt:write", "prompt:read"))})
    several = {"name": "several", "role": "developer", "projects": ["default", "far"]}
    key = await made(admin, "/api/v1/keys", several)
    both = GRANTS["developer"] - INSTANCE_ONLY
    found["key of two projects"] = Holder(key["secret"], {"default": both, "far": both})
    own = ["project:read", "prompt:write", "member:write", "organisation:read"]
    await made(admin, f"{ORG}/roles", {"name": "writer", "permissions": own})
    custom = frozenset((*own, "self"))
    people: dict[str, tuple[str, str, dict[str, Any]]] = {
        "custom in a project": (P, "writer", {"projects": {"default": custom}}),
        "custom in an organisation": (ORG, "writer", {"projects": {}, "organisations": {"default": custom}}),
        "operator of the instance": ("/api/v1", "operator", {"projects": {}, "instance": GRANTS["operator"]}),
    }
    for role in MEMBER_ROLES:
        granted = GRANTS[role] - INSTANCE_ONLY
        people[f"{role} in a project"] = (P, role, {"projects": {"default": granted}})
        people[f"{role} in an organisation"] = (ORG, role, {"projects": {}, "organisations": {"default": granted}})
    for number, (who, (where, role, held)) in enumerate(people.items()):
        _, client = await member(house, where, f"p{number}@example.com", role)
        found[who] = Holder(client.headers["authorization"].partition(" ")[2], **held)
    return found


async def status_of(handler: BaseRouteHandler, house: House, method: str, params: dict[str, str], secret: str) -> int:
    """What the guard alone says: 0 for let through."""
    scope: Any = {
        "type": "http",
        "method": method,
        "path": "/",
        "query_string": b"",
        "headers": [(b"authorization", f"Bearer {secret}".encode()), (b"content-type", b"application/json")],
        "path_params": params,
        "state": {"deps": house.deps},
    }
    try:
        await guard(ASGIConnection(scope), handler)
    except TrimtabError as error:
        return error.status
    return 0


async def identified(house: House, secret: str) -> Callable[..., Awaitable[Caller]]:
    """Who a secret is of, found once for many requests."""
    caller = await auth.identify(house.deps, {"authorization": f"Bearer {secret}"})

    async def again(*_: Any) -> Caller:
        return caller

    return again


def test_every_route_lets_every_role_through_just_where_the_table_says(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guard of each route, called by itself: what handlers do is for other tests, and so is who a secret is of."""
    projects = {"default": "default", "other": "default", "far": "away"}

    async def story(house: House) -> int:
        callers, asked = await holders(house), 0
        known = {who: await identified(house, holder.secret) for who, holder in callers.items()}
        routes = [each for route in house.app.api.routes for each in getattr(route, "route_handlers", ())]
        for handler in routes:
            if "permission" not in handler.opt:
                continue
            path, method = next(iter(handler.paths)), next(iter(handler.http_methods))
            places: list[dict[str, str]] = [{"project": slug} for slug in projects] if "{project:" in path else [{}]
            if "{organisation:" in path:
                places = [{"organisation": slug} for slug in ("default", "away")]
            for who, holder in callers.items():
                monkeypatch.setattr(auth, "identify", known[who])
                for params in places:
                    wanted = holder.expected(handler.opt["permission"], params, projects)
                    if not wanted and handler.opt["operation"].needs_content and not holder.reads(params, projects):
                        wanted = 403
                    got = await status_of(handler, house, method, dict(params), holder.secret)
                    assert got == wanted, f"{who}: {method} {path} in {params} gave {got} and not {wanted}"
                    asked += 1
        return asked

    assert run(story) > 10_000


# --- no escalation ---


def test_nobody_gives_or_takes_what_they_do_not_hold(run: Run) -> None:
    async def story(house: House) -> None:
        own = ["project:read", "member:read", "member:write", "role:write", "role:read", "key:write", "prompt:write"]
        await made(house.admin, f"{ORG}/roles", {"name": "steward", "permissions": own})
        await made(house.admin, f"{ORG}/roles", {"name": "writer", "permissions": ["prompt:write"]})
        chief, _ = await member(house, ORG, "chief@example.com", "admin")
        viewer, _ = await member(house, P, "viewer@example.com", "viewer")
        _, steward = await member(house, ORG, "steward@example.com", "steward")
        refused = (403, "escalation")
        new = {"email": "new@example.com"}
        assert await code_of(steward, "POST", f"{P}/members", {**new, "role": "admin"}) == refused
        assert await code_of(steward, "POST", f"{ORG}/members", {**new, "role": "viewer"}) == refused
        assert await code_of(steward, "POST", f"{P}/service-accounts", {"name": "s", "role": "operator"}) == refused
        assert await code_of(steward, "PATCH", f"{ORG}/members/{chief}", {"role": "writer"}) == refused
        assert await code_of(steward, "DELETE", f"{ORG}/members/{chief}") == refused
        assert await code_of(steward, "PATCH", f"{P}/members/{viewer}", {"role": "writer"}) == refused
        more = {"name": "more", "permissions": ["provider:write"]}
        assert await code_of(steward, "POST", f"{ORG}/roles", more) == refused
        wider = {"permissions": [*own, "provider:write"]}
        assert await code_of(steward, "PUT", f"{ORG}/roles/steward", wider) == refused
        assert await code_of(steward, "POST", f"{P}/keys", {"name": "k", "role": "editor"}) == refused
        assert await code_of(steward, "POST", f"{P}/keys", {"name": "k"}) == refused
        scoped = {"name": "k", "role": "editor", "permissions": ["prompt:write"]}
        assert (await code_of(steward, "POST", f"{P}/keys", scoped))[0] == 201
        assert (await code_of(steward, "POST", f"{P}/members", {**new, "role": "writer"}))[0] == 201
        assert (await code_of(steward, "POST", "/api/v1/members", {**new, "role": "viewer"}))[0] == 403
        assert (await code_of(steward, "POST", "/api/v1/keys", {"name": "k", "role": "read_only"}))[0] == 403
        assert (await code_of(steward, "POST", "/api/v1/organisations", {"slug": "mine"}))[0] == 403

    run(story)


@pytest.mark.parametrize("permission", sorted(INSTANCE_ONLY))
def test_no_role_of_an_organisation_holds_what_is_the_instances_alone(run: Run, permission: str) -> None:
    async def story(house: House) -> httpx.Response:
        body = {"name": "root", "permissions": ["project:read", permission]}
        return await house.admin.post(f"{ORG}/roles", json=body)

    answer = run(story)
    assert (answer.status_code, answer.json()["param"]) == (400, "permissions")


def test_the_last_administrator_stays(run: Run) -> None:
    async def story(house: House) -> None:
        admin = house.admin
        for where in ("/api/v1", ORG):
            first, _ = await member(house, where, f"first@{len(where)}.example.com", "admin")
            last = (409, "last_admin")
            assert await code_of(admin, "DELETE", f"{where}/members/{first}") == last
            assert await code_of(admin, "PATCH", f"{where}/members/{first}", {"role": "viewer"}) == last
            assert await code_of(admin, "PATCH", f"/api/v1/people/{first}", {"disabled": True}) == last
            second, _ = await member(house, where, f"second@{len(where)}.example.com", "admin")
            assert (await code_of(admin, "DELETE", f"{where}/members/{first}"))[0] == 204
            assert await code_of(admin, "DELETE", f"{where}/members/{second}") == last
            if where == "/api/v1":
                assert (await code_of(admin, "POST", f"{where}/members", {"person": first, "role": "admin"}))[0] == 201
                assert (await code_of(admin, "PATCH", f"/api/v1/people/{first}", {"disabled": True}))[0] == 200
                assert await code_of(admin, "DELETE", f"{where}/members/{second}") == last  # a disabled one is none
                assert (await code_of(admin, "PATCH", f"/api/v1/people/{first}", {"disabled": False}))[0] == 200
                assert (await code_of(admin, "DELETE", f"{where}/members/{second}"))[0] == 204
                assert (await code_of(admin, "PATCH", f"{where}/members/{first}", {"role": "admin"}))[0] == 200
                last_left = await admin.get("/api/v1/members")
                assert [each["role"] for each in last_left.json()["items"]] == ["admin"]
                # The organisation below has an administrator from above now: its own may go.
                break

    run(story)


def test_two_administrators_cannot_remove_each_other_at_once(run: Run, catalog_url: str) -> None:
    async def story(house: House) -> list[int]:
        one, first = await member(house, ORG, "one@example.com", "admin")
        two, second = await member(house, ORG, "two@example.com", "admin")
        answers = await asyncio.gather(
            code_of(first, "DELETE", f"{ORG}/members/{two}"), code_of(second, "DELETE", f"{ORG}/members/{one}")
        )
        left = (await house.admin.get(f"{ORG}/members")).json()["items"]
        assert len(left) == 1
        return sorted(status for status, _ in answers)

    found = run(story, url=catalog_url)
    assert found[0] == 204
    assert found[1] in (403, 404, 409)


def test_what_somebody_holds_in_one_project_is_of_no_use_in_another(run: Run) -> None:
    """Also where a handler asks for more than its route names."""

    async def story(house: House) -> None:
        await made(house.admin, "/api/v1/projects", {"slug": "other"})
        person, client = await member(house, P, "ada@example.com", "developer")
        mine = {"person": person, "role": "admin"}
        await made(house.admin, "/api/v1/projects/other/members", mine)
        forced = {"release": "1", "override": "because"}
        for slug, wanted in (("default", 403), ("other", 404)):
            path = f"/api/v1/projects/{slug}/apps/none/environments/production/rollouts"
            answer = await client.post(path, json=forced)
            assert answer.status_code == wanted, answer.text

    run(story)


# --- what is given, and what ends ---


def test_a_member_comes_changes_and_goes_and_the_trail_says_by_whom(run: Run) -> None:
    async def story(house: House) -> None:
        _, chief = await member(house, P, "chief@example.com", "admin")
        ada = await made(chief, f"{P}/members", {"email": " Ada@Example.com", "role": "viewer", "name": "Ada L."})
        client = await come_in(house, ada["id"])
        assert (await client.get(f"{P}/prompts")).status_code == 200
        assert (await client.put(f"{P}/detectors", json={"off": []})).status_code == 403
        assert (await chief.patch(f"{P}/members/{ada['id']}", json={"role": "developer"})).status_code == 200
        new = {"content": {"messages": [{"role": "system", "text": "Be brief."}]}}
        assert (await client.post(f"{P}/prompts/hello/versions", json=new)).status_code == 201
        assert (await chief.delete(f"{P}/members/{ada['id']}")).status_code == 204
        assert (await client.get(f"{P}/prompts")).status_code == 403
        trail = (await house.admin.get(f"{P}/audit")).json()["items"]
        told = [(each["action"], each["actor_name"]) for each in trail]
        assert [each for each in told if each[0].startswith("member.")] == [
            ("member.removed", "chief <chief@example.com>"),
            ("member.changed", "chief <chief@example.com>"),
            ("member.added", "chief <chief@example.com>"),
            ("member.added", "admin (TRIMTAB_ADMIN_KEY)"),
        ]
        assert any(name == "Ada L. <ada@example.com>" for action, name in told if action.startswith("prompt"))

    run(story)


def test_a_service_accounts_keys_do_no_more_than_it_may_and_end_with_it(run: Run) -> None:
    async def story(house: House) -> None:
        robot = await made(house.admin, f"{P}/service-accounts", {"name": "nightly", "role": "operator"})
        body = {"name": "robot", "role": "developer", "owner": robot["id"]}
        issued = await made(house.admin, f"{P}/keys", body)
        assert (issued["key"]["owner"], issued["key"]["owner_name"]) == (robot["id"], "nightly")
        key = house.client(issued["secret"])
        assert (await key.get(f"{P}/prompts")).status_code == 200
        version = f"{P}/prompts/hello/versions"
        assert (await key.post(version, json={})).status_code == 403  # the key's role may, its owner may not
        assert (await key.post(f"{P}/providers", json={})).status_code == 403  # the other way about
        assert (await house.admin.patch(f"{P}/members/{robot['id']}", json={"role": "developer"})).status_code == 200
        assert (await key.post(version, json={})).status_code == 400
        assert (await house.admin.delete(f"{P}/service-accounts/{robot['id']}")).status_code == 204
        assert (await key.get(f"{P}/prompts")).status_code == 401
        assert (await code_of(house.admin, "POST", f"{P}/keys", body))[0] == 400
        ada = await made(house.admin, f"{P}/members", {"email": "ada.l@example.com", "role": "viewer"})
        assert (await house.admin.delete(f"{P}/service-accounts/{ada['id']}")).status_code == 404  # no service account
        stranger = {"name": "x", "owner": "usr_nobody"}
        assert (await code_of(house.admin, "POST", f"{P}/keys", stranger))[0] == 400

    run(story)


def test_a_persons_key_ends_when_they_are_let_in_no_more(run: Run) -> None:
    async def story(house: House) -> None:
        chief, client = await member(house, P, "chief@example.com", "admin")
        key = (await made(client, f"{P}/keys", {"name": "mine", "role": "viewer", "owner": chief}))["secret"]
        other = (await made(client, f"{P}/keys", {"name": "app"}))["secret"]
        assert (await house.client(key).get(P)).status_code == 200
        await member(house, P, "second@example.com", "admin")
        assert (await house.admin.patch(f"/api/v1/people/{chief}", json={"disabled": True})).status_code == 200
        assert (await client.get(P)).status_code == 401
        assert (await house.client(key).get(P)).status_code == 401
        assert (await house.client(other).get("/api/v1/me")).status_code == 200

    run(story)


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"role": "viewer", "permissions": ["prompt:write"]}, "permissions"),
        ({"permissions": []}, "permissions"),
        ({"models": []}, "models"),
        ({"models": ["a*b"]}, "models"),
        ({"models": ["with blank"]}, "models"),
        ({"projects": ["default"]}, "projects"),
    ],
)
def test_a_scope_that_means_nothing_is_refused(run: Run, more: dict[str, Any], param: str) -> None:
    async def story(house: House) -> httpx.Response:
        return await house.admin.post(f"{P}/keys", json={"name": "k", **more})

    answer = run(story)
    assert (answer.status_code, answer.json()["param"]) == (400, param)


def test_a_role_of_ones_own_is_made_changed_and_taken_away(run: Run) -> None:
    async def story(house: House) -> None:
        role = {"name": "writer", "permissions": ["prompt:write", "prompt:read", "project:read"], "about": "Writes."}
        await made(house.admin, f"{ORG}/roles", role)
        _, client = await member(house, P, "w@example.com", "writer")
        assert (await client.get(f"{P}/prompts")).status_code == 200
        assert (await client.get(f"{P}/roles")).status_code == 403
        wider = {"permissions": ["prompt:read", "role:read"]}
        assert (await house.admin.put(f"{ORG}/roles/writer", json=wider)).status_code == 200
        listed = (await client.get(f"{P}/roles")).json()
        assert set(listed["permissions"]) == PERMISSIONS
        assert next(each for each in listed["items"] if each["name"] == "writer")["built_in"] is False
        assert (await code_of(house.admin, "DELETE", f"{ORG}/roles/writer"))[0] == 409
        for name in ("admin", "Writer", "client", ""):
            assert (await code_of(house.admin, "POST", f"{ORG}/roles", {**role, "name": name}))[0] == 400, name
        assert (await code_of(house.admin, "POST", f"{ORG}/roles", {**role, "permissions": ["no:such"]}))[0] == 400
        await made(house.admin, "/api/v1/organisations", {"slug": "away"})
        elsewhere = {"email": "x@example.com", "role": "writer"}
        assert (await code_of(house.admin, "POST", "/api/v1/organisations/away/members", elsewhere))[0] == 400
        assert (await code_of(house.admin, "POST", "/api/v1/members", elsewhere))[0] == 400
        trail = (await house.admin.get("/api/v1/audit")).json()["items"]
        assert {"role.created", "role.changed", "organisation.created"} <= {each["action"] for each in trail}

    run(story)


# --- sessions ---


def test_a_cookie_is_replaced_every_hour_and_a_copy_that_comes_later_ends_the_session(run: Run) -> None:
    async def story(house: House) -> None:
        client = house.client()
        assert (await client.post("/api/v1/login", json={"key": ADMIN})).status_code == 200
        copied = client.cookies["trimtab_session"]
        house.clock.advance(ROTATE_MS / 1000 + 1)
        answers = await asyncio.gather(*(client.get("/api/v1/me") for _ in range(5)))
        assert [each.status_code for each in answers] == [200] * 5
        assert sum("set-cookie" in each.headers for each in answers) == 1
        assert client.cookies["trimtab_session"] != copied
        thief = house.client(cookies={"trimtab_session": copied})
        assert (await thief.get("/api/v1/me")).status_code == 200  # it may be a request that was on its way
        assert (await client.get("/api/v1/me")).status_code == 200  # the new one has arrived
        house.clock.advance(GRACE_MS / 1000 + 1)
        late = house.client(cookies={"trimtab_session": copied})
        assert (await late.get("/api/v1/me")).status_code == 401
        assert (await client.get("/api/v1/me")).status_code == 401
        trail = (await house.admin.get("/api/v1/audit")).json()["items"]
        assert trail[0]["action"] == "session.ended"
        assert trail[0]["actor_name"] == "sessions"

    run(story)


def test_a_replaced_cookie_that_never_arrived_is_replaced_again(run: Run) -> None:
    async def story(house: House) -> None:
        client = house.client()
        await client.post("/api/v1/login", json={"key": ADMIN})
        old = client.cookies["trimtab_session"]
        for hours in (1, 2):
            house.clock.advance(ROTATE_MS / 1000 + 1)
            lost = house.client(cookies={"trimtab_session": old})
            answer = await lost.get("/api/v1/me")
            assert answer.status_code == 200, hours
            assert "set-cookie" in answer.headers, hours

    run(story)


def test_a_session_that_nobody_uses_ends_and_one_that_is_used_goes_on_to_its_end(run: Run) -> None:
    async def story(house: House) -> None:
        used, idle = house.client(), house.client()
        for client in (used, idle):
            await client.post("/api/v1/login", json={"key": ADMIN})
        for hour in range(168):
            if hour and hour % 23 == 0:
                assert (await used.get("/api/v1/me")).status_code == 200, hour
            house.clock.advance(3600)
            if hour == 24:
                assert (await idle.get("/api/v1/me")).json()["code"] == "session_ended"
        assert (await used.get("/api/v1/me")).status_code == 401

    run(story)


def test_sessions_are_listed_and_ended_by_their_own_and_by_administrators(run: Run) -> None:
    async def story(house: House) -> None:
        ada, first = await member(house, P, "ada@example.com", "viewer")
        second = await come_in(house, ada)
        _, other = await member(house, P, "bob@example.com", "admin")
        listed = (await first.get("/api/v1/sessions")).json()["items"]
        assert sorted(each["current"] for each in listed) == [False, True]  # of one millisecond, either comes first
        newest = next(each["id"] for each in listed if not each["current"])
        assert (await code_of(other, "DELETE", f"/api/v1/sessions/{newest}"))[0] == 404
        assert (await code_of(other, "GET", f"/api/v1/people/{ada}/sessions"))[0] == 403
        assert (await first.delete(f"/api/v1/sessions/{newest}")).status_code == 204
        assert (await second.get("/api/v1/me")).status_code == 401
        third = await come_in(house, ada)
        assert (await first.delete("/api/v1/sessions")).json() == {"ended": 1}
        assert (await third.get("/api/v1/me")).status_code == 401
        assert len((await house.admin.get(f"/api/v1/people/{ada}/sessions")).json()["items"]) == 1
        assert (await house.admin.delete(f"/api/v1/people/{ada}/sessions")).json() == {"ended": 1}
        assert (await first.get("/api/v1/me")).status_code == 401

    run(story)


def test_a_sign_in_that_could_not_begin_its_session_spends_neither_link_nor_code(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(house: House) -> None:
        begun = await made(house.admin, "/api/v1/second-factor", {})
        secret = base64.b32decode(begun["secret"] + "=" * (-len(begun["secret"]) % 8))
        first = totp.hotp(secret, totp.step_at(house.deps.now() // 1000))
        recovery = (await house.admin.post("/api/v1/second-factor/confirm", json={"code": first})).json()["codes"]
        link = (await house.admin.post("/api/v1/login-links")).json()["url"].partition("token=")[2]
        asked = {"token": link, "code": recovery[0]}

        def full(*_: Any) -> None:
            raise Unavailable("The catalog's disk is full.", fix="Make room.")

        with monkeypatch.context() as broken:
            broken.setattr(session_store, "add", full)
            assert (await house.client().post("/api/v1/login", json=asked)).status_code == 503
        assert (await house.admin.get("/api/v1/second-factor")).json()["recovery_left"] == 10
        trail = {each["action"] for each in (await house.admin.get("/api/v1/audit")).json()["items"]}
        assert not {"second_factor.recovered", "session.begun"} & trail
        # a wrong code spends no link either, and is counted
        wrong = await house.client().post("/api/v1/login", json={**asked, "code": "000000"})
        assert wrong.json()["code"] == "second_factor_wrong"
        assert (await house.client().post("/api/v1/login", json=asked)).status_code == 200
        assert (await house.client().post("/api/v1/login", json=asked)).json()["code"] == "login_link_spent"
        assert (await house.admin.get("/api/v1/second-factor")).json()["recovery_left"] == 9

    run(story)


# --- the second factor ---


def test_an_admin_key_with_a_second_factor_opens_the_console_with_a_code_alone(run: Run) -> None:
    async def story(house: House) -> None:
        begun = await made(house.admin, "/api/v1/second-factor", {})
        secret = base64.b32decode(begun["secret"] + "=" * (-len(begun["secret"]) % 8))
        assert begun["uri"].startswith("otpauth://totp/Trimtab:")

        def code() -> str:
            return totp.hotp(secret, totp.step_at(house.deps.now() // 1000))

        async def login(**more: str) -> httpx.Response:
            return await house.client().post("/api/v1/login", json={"key": ADMIN, **more})

        assert (await login()).status_code == 200  # not before it is confirmed
        assert await code_of(house.admin, "POST", "/api/v1/second-factor/confirm", {"code": "000000"}) == (
            400,
            "second_factor_wrong",
        )
        confirmed = await house.admin.post("/api/v1/second-factor/confirm", json={"code": code()})
        recovery = confirmed.json()["codes"]
        assert len(set(recovery)) == 10
        assert (await login()).json()["code"] == "second_factor_needed"
        assert (await login(code=code())).json()["code"] == "second_factor_wrong"  # a code works once
        house.clock.advance(30)
        assert (await login(code=code())).status_code == 200
        assert (await login(code=recovery[0])).status_code == 200
        assert (await login(code=recovery[0])).status_code == 401
        link = (await house.admin.post("/api/v1/login-links")).json()["url"].partition("token=")[2]
        by_link = await house.client().post("/api/v1/login", json={"token": link})
        assert by_link.json()["code"] == "second_factor_needed"
        again = await house.client().post("/api/v1/login", json={"token": link, "code": recovery[1]})
        assert again.status_code == 200  # asking for the code did not spend the link
        assert (await house.admin.get("/api/v1/me")).status_code == 200  # programs have no phone
        state = (await house.admin.get("/api/v1/second-factor")).json()
        assert state == {"available": True, "on": True, "recovery_left": 8}
        for _ in range(4):
            assert (await login(code="123456")).status_code == 401
        assert (await login(code="123456")).json()["code"] == "factor_locked"
        house.clock.advance(30)
        assert (await login(code=code())).json()["code"] == "factor_locked"
        house.clock.advance(3600)
        assert (await house.admin.post("/api/v1/second-factor/remove", json={"code": code()})).status_code == 204
        assert (await login()).status_code == 200
        trail = {each["action"] for each in (await house.admin.get("/api/v1/audit")).json()["items"]}
        assert {"second_factor.on", "second_factor.off", "second_factor.refused", "second_factor.recovered"} <= trail

    run(story)
