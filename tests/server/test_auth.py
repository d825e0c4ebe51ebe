"""Who may do what: every route, with every kind of key, on its own project and another; sessions, forged requests."""

import asyncio
import json
import re
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from house import ADMIN, House, Run
from litestar.handlers import HTTPRouteHandler

from trimtab.governance import permissions
from trimtab.governance.access import Principal, Project
from trimtab.governance.sessions import LINK_MS, SESSION_MS
from trimtab.server.api import all_routes

OPEN = {"login", "healthz", "readyz", "listWaysIn", "startSignIn", "finishSignIn", "spendGrant"}
INSTANCE_ROUTES = {
    "createProject", "listInstanceKeys", "createInstanceKey", "revokeInstanceKey", "createOrganisation",
    "listInstanceMembers", "addInstanceMember", "changeInstanceMember", "removeInstanceMember",
    "listPeople", "changePerson", "listPersonSessions", "endPersonSessions",
}  # fmt: skip
"""Routes outside of any project that a key of one project never reaches, whatever its role."""
PROJECT_ROLES = ("client", "read_only", "reviewer", "editor")
BODIES: dict[str, dict[str, Any]] = {
    "explainRoute": {"body": {"model": "none", "messages": []}},
    "replayRoute": {"name": "none"},
    "reconcile": {"provider": "lab", "content": "date,model"},
    "planFolder": {"files": {}},
    "applyFolder": {"files": {}},
    "spendGrant": {},
    "createProject": {"slug": "new"},
    "changeProject": {"name": "renamed"},
    "createKey": {"name": "k"},
    "createInstanceKey": {"name": "k", "role": "read_only"},
    "createProvider": {"name": "p", "base_url": "http://127.0.0.1:9/v1"},
    "changeProvider": {"base_url": "http://127.0.0.1:9/v2"},
    "createModel": {"name": "m", "provider": "lab"},
    "changeModel": {"upstream": "u"},
    "giveFeedback": {"thumbs": "up", "trace_id": "t"},
    "createScores": {"name": "n", "value": 1, "trace_id": "t"},
    "switchDetectors": {"off": []},
    "runSql": {"query": "SELECT 1"},
    "createView": {"name": "v"},
    "changeView": {"name": "v"},
    "createDashboard": {"name": "d"},
    "changeDashboard": {"name": "d"},
    "importDashboard": {"file": {"name": "d"}},
    "replayDeadLetter": {},
    "renderPrompt": {},
    "previewPrompt": {"file": ""},
    "runPlayground": {"models": ["none"]},
    "convertPrompt": {"format": "prompty", "text": ""},
}


class Bodies:
    """The least that each operation takes as its body, by the API's own description."""

    def __init__(self, described: bytes) -> None:
        self._api: Any = json.loads(described)
        self._of: dict[str, Any] = {}
        for path in self._api["paths"].values():
            for operation in path.values():
                content = operation.get("requestBody", {}).get("content", {})
                self._of[operation["operationId"]] = content.get("application/json", {}).get("schema")

    def of(self, operation: str) -> Any:
        """None where it takes none, or none as JSON."""
        schema = self._of.get(operation)
        return BODIES.get(operation, None if schema is None else self._least(schema))

    def _least(self, schema: Any) -> Any:
        if "$ref" in schema:
            schema = self._api["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        for several in ("anyOf", "oneOf", "allOf"):
            if several in schema:
                return self._least(next(each for each in schema[several] if each.get("type") != "null"))
        if "const" in schema or "enum" in schema:
            return schema["const"] if "const" in schema else schema["enum"][0]
        kind = schema.get("type", "object")
        if kind == "object":
            return {name: self._least(schema["properties"][name]) for name in schema.get("required", [])}
        if kind == "array":
            return [self._least(schema.get("items", {}))] * schema.get("minItems", 0)
        if kind == "string":
            return "x" * max(1, schema.get("minLength", 1))
        return False if kind == "boolean" else max(1, schema.get("minimum", 1))


@dataclass
class Known:
    """One project with a provider, a model and a key of each role."""

    slug: str
    keys: dict[str, str]
    ids: dict[str, str]


async def project(house: House, slug: str) -> Known:
    admin = house.admin
    if slug != "default":
        assert (await admin.post("/api/v1/projects", json={"slug": slug})).status_code == 201
    at = f"/api/v1/projects/{slug}"
    provider = {"name": "lab", "base_url": "http://127.0.0.1:9/v1"}
    assert (await admin.post(f"{at}/providers", json=provider)).status_code == 201
    assert (await admin.post(f"{at}/models", json={"name": "fast", "provider": "lab"})).status_code == 201
    known = Known(slug=slug, keys={}, ids={})
    for role in PROJECT_ROLES:
        issued = (await admin.post(f"{at}/keys", json={"name": role, "role": role})).json()
        known.keys[role], known.ids[role] = issued["secret"], issued["key"]["id"]
    return known


def described(handler: HTTPRouteHandler) -> tuple[str, str, str, str | None]:
    method = next(iter(handler.http_methods))
    return handler.opt["operation"].id, method, next(iter(handler.paths)), handler.opt["permission"]


def url_of(path: str, slug: str) -> str:
    names = {"project": slug, "organisation": "default", "key": "key_none", "name": "none"}
    names |= {"trace_id": "t", "span_id": "s", "letter": "1"}
    url = re.sub(r"\{(\w+):\w+\}", lambda found: names.get(found.group(1), "none"), path)
    if url.endswith("/traces/live"):
        return f"{url}?since=never"  # else it goes on for a quarter of an hour
    return f"{url}?model=fast" if url.endswith("/price") else url


def allowed(principal: Principal, operation: str, path: str, permission: str | None, slug: str | None) -> int:
    """What the table says: 0 for allowed, else the status of the refusal."""
    if permission is None:
        return 0
    if not permissions.holds(principal, permission):  # type: ignore[arg-type]
        return 403
    own = principal.project
    if own is not None and (operation in INSTANCE_ROUTES or "{organisation" in path):
        return 403
    return 404 if own is not None and slug is not None and slug != own.slug else 0


def test_every_route_names_a_permission_and_the_open_ones_are_few() -> None:
    routes = [described(handler) for handler in all_routes()]
    assert {operation for operation, _, _, permission in routes if permission is None} == OPEN
    assert all(permission in permissions.PERMISSIONS for _, _, _, permission in routes if permission is not None)
    assert len({operation for operation, *_ in routes}) == len(routes)


NOT_HERE = ("store in memory runs no statements", "No model can be called from here")
"""What a server without its edges says to those that it has let in."""
QUESTIONS = {
    "askAccessPolicies", "checkAccessPolicies", "convertPrompt", "estimateExperiment", "estimateRedteam",
    "explainRoute", "getSampleSize", "planAccessPolicies", "planFolder", "previewPrompt", "reconcile", "renderPrompt",
    "replayRoute", "runSql",
}  # fmt: skip
"""They are posted because what they ask about has no room in a URL; they change nothing."""


def test_a_route_that_changes_something_never_asks_for_a_mere_read() -> None:
    for operation, method, _, permission in map(described, all_routes()):
        if method != "GET" and permission not in (None, "self") and operation not in QUESTIONS:
            assert not permission.endswith(":read"), operation


def test_every_route_answers_every_key_as_the_table_says(run: Run) -> None:
    async def story(house: House) -> int:
        known = {slug: await project(house, slug) for slug in ("default", "other")}
        instance = await house.admin.post("/api/v1/keys", json={"name": "reader", "role": "read_only"})
        callers: dict[str, tuple[str, Principal]] = {
            "admin": (ADMIN, Principal(key_id="", role="admin")),
            "reader of all": (instance.json()["secret"], Principal(key_id="", role="read_only")),
        }
        for role in PROJECT_ROLES:
            own = Project(id="", slug="default")
            callers[f"{role} of default"] = (known["default"].keys[role], Principal(key_id="", role=role, project=own))  # type: ignore[arg-type]
        asked, bodies = 0, Bodies(house.deps.describe())
        for who, (secret, principal) in callers.items():
            client = house.client(secret)
            for operation, method, path, permission in map(described, all_routes()):
                for slug in ("default", "other") if "{project" in path else (None,):
                    expected = allowed(principal, operation, path, permission, slug)
                    body = bodies.of(operation)
                    answer = await client.request(method, url_of(path, slug or ""), json=body)
                    told = f"{who}: {operation} in {slug} gave {answer.status_code} {answer.text[:200]}"
                    if expected:
                        assert answer.status_code == expected, told
                        assert answer.headers["content-type"] == "application/problem+json", told
                    else:
                        assert answer.status_code not in (401, 403), told
                        let_in = any(said in answer.text for said in NOT_HERE)
                        assert answer.status_code < 500 or let_in, told
                        assert answer.status_code != 404 or answer.json()["code"] != "project_not_found", told
                    asked += 1
        return asked

    assert run(story) > 150


def test_nothing_but_the_open_routes_answers_without_a_key_or_with_a_wrong_one(run: Run) -> None:
    async def story(house: House) -> None:
        strange = house.client()
        strange.headers.raw.append((b"authorization", b"Bearer \xff\xfe"))
        for client in (house.client(), house.client("tt_" + "x" * 43), strange):
            for operation, method, path, permission in map(described, all_routes()):
                answer = await client.request(method, url_of(path, "default"), json=BODIES.get(operation))
                if permission is not None:
                    assert answer.status_code == 401, (operation, answer.text)
                    assert answer.headers["www-authenticate"] == 'Bearer realm="trimtab"'
                    assert answer.json()["fix"]

    run(story)


def test_a_key_may_also_come_as_x_api_key(run: Run) -> None:
    async def story(house: House) -> httpx.Response:
        return await house.client().get("/api/v1/me", headers={"x-api-key": ADMIN})

    assert run(story).json()["role"] == "admin"


def test_a_project_scoped_reader_sees_its_own_project_and_nothing_else(run: Run) -> None:
    async def story(house: House) -> None:
        known = await project(house, "default")
        other = await project(house, "other")
        client = house.client(known.keys["read_only"])
        assert [p["slug"] for p in (await client.get("/api/v1/projects")).json()["items"]] == ["default"]
        assert (await client.get("/api/v1/me")).json()["projects"] == ["default"]
        listed = await client.get("/api/v1/projects/default/keys")
        assert other.ids["client"] not in listed.text
        stranger = (await client.get("/api/v1/projects/other")).json()
        nobody = (await client.get("/api/v1/projects/no-such-project")).json()
        assert {**stranger, "request_id": ""} == {
            **nobody,
            "request_id": "",
            "detail": nobody["detail"].replace("no-such-project", "other"),
        }

    run(story)


def test_a_key_of_one_project_cannot_be_revoked_through_another(run: Run) -> None:
    async def story(house: House) -> None:
        await project(house, "default")
        other = await project(house, "other")
        key = other.ids["client"]
        assert (await house.admin.delete(f"/api/v1/projects/default/keys/{key}")).status_code == 404
        assert (await house.admin.delete(f"/api/v1/keys/{key}")).status_code == 404
        assert (await house.client(other.keys["client"]).get("/api/v1/me")).status_code == 200

    run(story)


def test_a_revoked_key_ends_with_the_answer_and_an_expired_one_with_its_time(run: Run) -> None:
    async def story(house: House) -> None:
        known = await project(house, "default")
        client = house.client(known.keys["client"])
        assert (await client.get("/api/v1/me")).status_code == 200
        path = f"/api/v1/projects/default/keys/{known.ids['client']}"
        assert (await house.admin.delete(path)).status_code == 204
        assert (await client.get("/api/v1/me")).json()["code"] == "invalid_api_key"
        soon = house.deps.now() + 60_000
        issued = await house.admin.post("/api/v1/projects/default/keys", json={"name": "brief", "expires": soon})
        brief = house.client(issued.json()["secret"])
        assert (await brief.get("/api/v1/me")).status_code == 200
        house.clock.advance(61)
        assert (await brief.get("/api/v1/me")).json()["code"] == "expired_api_key"

    run(story)


def test_a_key_that_another_process_made_works_here_at_once(run: Run) -> None:
    from trimtab.governance import keys
    from trimtab.governance.keys import Wanted

    async def story(house: House) -> int:
        wanted = Wanted(name="elsewhere", role="read_only", project_id=None)
        issued = await house.db.write(lambda conn: keys.issue(conn, wanted, house.deps.now()))
        return (await house.client(issued.secret).get("/api/v1/me")).status_code

    assert run(story) == 200


# --- sessions ---

SAME = {"origin": "http://trimtab.test"}


async def signed_in(house: House, key: str = ADMIN) -> httpx.AsyncClient:
    client = house.client()
    answer = await client.post("/api/v1/login", json={"key": key})
    assert answer.status_code == 200, answer.text
    return client


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(run: Run) -> None:
    async def story(house: House) -> str:
        answer = await house.client().post("/api/v1/login", json={"key": ADMIN})
        return answer.headers["set-cookie"]

    cookie = run(story)
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/" in cookie
    assert "Secure" not in cookie


def test_the_cookie_is_for_tls_only_where_people_come_by_https(run: Run, tmp_path: Any) -> None:
    from trimtab.server.settings import Settings

    async def story(house: House) -> str:
        headers = {"origin": "https://trimtab.example.com"}
        answer = await house.client().post("/api/v1/login", json={"key": ADMIN}, headers=headers)
        return answer.headers["set-cookie"]

    settings = Settings(data_dir=tmp_path, public_url="https://trimtab.example.com")
    assert "Secure" in run(story, settings=settings)


def test_a_session_lives_until_logout_or_its_time(run: Run) -> None:
    async def story(house: House) -> None:
        client = await signed_in(house)
        assert (await client.get("/api/v1/me")).json()["role"] == "admin"
        stolen = dict(client.cookies)
        assert (await client.post("/api/v1/logout", headers=SAME)).status_code == 204
        assert (await house.client(cookies=stolen).get("/api/v1/me")).json()["code"] == "session_ended"
        again = await signed_in(house)
        house.clock.advance(SESSION_MS / 1000)
        assert (await again.get("/api/v1/me")).status_code == 401

    run(story)


def test_a_session_ends_with_its_key(run: Run) -> None:
    async def story(house: House) -> None:
        known = await project(house, "default")
        client = await signed_in(house, known.keys["read_only"])
        assert (await client.get("/api/v1/projects/default")).status_code == 200
        await house.admin.delete(f"/api/v1/projects/default/keys/{known.ids['read_only']}")
        assert (await client.get("/api/v1/projects/default")).status_code == 401

    run(story)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://evil.test"},
        {"origin": "null"},
        {"origin": "http://trimtab.test.evil.test"},
        {"origin": "http://evil.test", "trimtab-console": "1"},
        {"origin": "http://trimtab.test:81"},
        {"origin": "file://trimtab.test"},
        {"origin": "http://[bad"},
        {"referer": "http://trimtab.test/"},
    ],
)
def test_a_request_with_the_cookie_from_another_site_changes_nothing(run: Run, headers: dict[str, str]) -> None:
    async def story(house: House) -> None:
        client = await signed_in(house)
        answer = await client.post("/api/v1/projects", json={"slug": "forged"}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "cross_site_request")
        assert "forged" not in (await client.get("/api/v1/projects")).text

    run(story)


@pytest.mark.parametrize("headers", [SAME, {"trimtab-console": "1"}])
def test_our_own_page_may_change_things_with_the_cookie(run: Run, headers: dict[str, str]) -> None:
    async def story(house: House) -> int:
        client = await signed_in(house)
        return (await client.post("/api/v1/projects", json={"slug": "mine"}, headers=headers)).status_code

    assert run(story) == 201


def test_another_site_cannot_sign_a_browser_in(run: Run) -> None:
    async def story(house: House) -> httpx.Response:
        return await house.client().post("/api/v1/login", json={"key": ADMIN}, headers={"origin": "http://evil.test"})

    answer = run(story)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_a_key_in_the_header_counts_more_than_the_cookie(run: Run) -> None:
    async def story(house: House) -> httpx.Response:
        client = await signed_in(house)
        return await client.get("/api/v1/me", headers={"authorization": "Bearer tt_wrong"})

    assert run(story).status_code == 401


def test_a_client_key_does_not_open_the_console(run: Run) -> None:
    async def story(house: House) -> httpx.Response:
        known = await project(house, "default")
        return await house.client().post("/api/v1/login", json={"key": known.keys["client"]})

    answer = run(story)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("body", [{}, {"key": "a", "token": "b"}, {"key": None}, {"token": "nope"}, {"key": "nope"}])
def test_a_wrong_sign_in_is_refused(run: Run, body: dict[str, Any]) -> None:
    async def story(house: House) -> httpx.Response:
        return await house.client().post("/api/v1/login", json=body)

    assert run(story).status_code in (400, 401)


# --- login links ---


def test_a_login_link_signs_one_of_many_in_and_says_where(run: Run) -> None:
    async def story(house: House) -> None:
        link = (await house.admin.post("/api/v1/login-links")).json()
        assert link["url"].startswith("http://127.0.0.1:4600/login?token=")
        assert link["expires"] == house.deps.now() + LINK_MS
        token = link["url"].partition("token=")[2]
        tries = [house.client().post("/api/v1/login", json={"token": token}) for _ in range(12)]
        answers = await asyncio.gather(*tries)
        assert sorted(answer.status_code for answer in answers) == [200] + [401] * 11
        winner = next(answer for answer in answers if answer.status_code == 200)
        assert winner.json()["role"] == "admin"

    run(story)


def test_a_login_link_is_over_after_its_time(run: Run) -> None:
    async def story(house: House) -> httpx.Response:
        link = (await house.admin.post("/api/v1/login-links")).json()
        house.clock.advance(LINK_MS / 1000)
        return await house.client().post("/api/v1/login", json={"token": link["url"].partition("token=")[2]})

    assert run(story).json()["code"] == "login_link_spent"
