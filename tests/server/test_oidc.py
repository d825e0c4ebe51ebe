"""Signing in with a real identity provider: the way there and back, who one becomes, and all that is refused."""

import asyncio
import contextlib
import gzip
import ipaddress
import socket
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from house import ADMIN, House, Run

sys.path.insert(0, str(Path(__file__).parents[1] / "flows"))

from oidc_provider import SECRET, Running, provider

from trimtab.core.clock import FixedClock, SystemClock
from trimtab.core.errors import Unauthenticated, Unavailable
from trimtab.governance import oidc, session_store, sign_in_store
from trimtab.llm import reach
from trimtab.server.api.oidc import within
from trimtab.server.oidc_client import Exchange, OidcClient, Tokens

OURS = {"origin": "http://trimtab.test"}
GROUPS = [
    {"group": "admins", "role": "admin"},
    {"group": "staff", "role": "viewer", "organisation": "default"},
    {"group": "writers", "role": "developer", "project": "default"},
]


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with provider() as started:
        yield started


async def registered(house: House, running: Running, **terms: Any) -> None:
    body = {"name": "idp", "issuer": running.issuer, "client_id": "trimtab", "client_secret": SECRET, "roles": GROUPS}
    answer = await house.admin.post("/api/v1/identity-providers", json={**body, **terms})
    assert answer.status_code == 201, answer.text
    assert "client_secret" not in answer.text
    assert SECRET not in answer.text


async def begun(client: httpx.AsyncClient, **query: Any) -> str:
    answer = await client.get("/api/v1/oidc/idp/start", params=query)
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


async def back(client: httpx.AsyncClient, url: str) -> httpx.Response:
    """As the browser comes back, from another site."""
    parts = urlsplit(url)
    return await client.get(f"{parts.path}?{parts.query}")


async def signed_in(house: House, running: Running, who: str, **query: Any) -> tuple[httpx.AsyncClient, httpx.Response]:
    client = house.client()
    url = await begun(client, **query)
    found = await asyncio.to_thread(running.sign_in, url, who)
    return client, await back(client, found)


def problem(answer: httpx.Response) -> str:
    assert answer.status_code == 302, answer.text
    return parse_qs(urlsplit(answer.headers["location"]).query)["problem"][0]


def test_who_signs_in_becomes_what_their_groups_mean_and_comes_in(run: Run, running: Running) -> None:
    async def story(house: House) -> None:
        await registered(house, running)
        client, answer = await signed_in(house, running, "ada+staff+writers@example.com", next="/p/default/traces")
        assert answer.headers["location"] == "/p/default/traces"
        cookies = answer.headers.get_list("set-cookie")
        session = next(each for each in cookies if each.startswith("trimtab_session="))
        assert "HttpOnly" in session
        assert "SameSite=strict" in session
        me = (await client.get("/api/v1/me")).json()
        assert (me["kind"], me["name"], me["email"]) == ("person", "Ada", "ada@example.com")
        assert "prompt:write" in me["in_projects"]["default"]
        assert me["permissions"] == []
        assert (await client.post("/api/v1/projects", json={"slug": "mine"}, headers=OURS)).status_code == 403
        members = (await house.admin.get("/api/v1/projects/default/members")).json()["items"]
        assert [(each["email"], each["role"], each["source"]) for each in members] == [
            ("ada@example.com", "developer", "oidc:idp")
        ]
        told = (await house.admin.get("/api/v1/audit")).json()["items"]
        assert {"person.known", "member.synced", "session.begun"} <= {each["action"] for each in told}
        assert all(each["actor_name"] == "Ada <ada@example.com>" for each in told if each["action"] == "session.begun")
        project = (await house.admin.get("/api/v1/projects/default")).json()["id"]
        added = [each["detail"] for each in told if each["action"] == "member.added"]
        assert {"place": project, "role": "developer", "source": "oidc:idp"} in added
        assert {each["source"] for each in added} == {"oidc:idp"}
        assert (await client.post("/api/v1/logout", headers=OURS)).status_code == 204
        assert (await client.get("/api/v1/me")).status_code == 401

    run(story)


def test_a_group_that_is_gone_takes_its_role_along_and_what_was_given_by_hand_stays(run: Run, running: Running) -> None:
    async def story(house: House) -> None:
        await registered(house, running)
        client, _ = await signed_in(house, running, "bea+admins@example.com")
        me = (await client.get("/api/v1/me")).json()
        assert "system:write" in me["permissions"]
        given = {"person": me["id"], "role": "reviewer"}
        assert (await house.admin.post("/api/v1/projects/default/members", json=given)).status_code == 201
        above = {"person": me["id"], "role": "viewer"}
        assert (await house.admin.post("/api/v1/organisations/default/members", json=above)).status_code == 201
        again, _ = await signed_in(house, running, "bea+staff@example.com")
        for each in (again, client):  # the old session has no more than the new one
            now = (await each.get("/api/v1/me")).json()
            assert now["id"] == me["id"]
            assert now["permissions"] == []
            assert "review:write" in now["in_projects"]["default"]
            assert "trace:read" in now["in_organisations"]["default"]
            assert "review:write" not in now["in_organisations"]["default"]
        members = (await house.admin.get("/api/v1/projects/default/members")).json()["items"]
        assert [each["source"] for each in members] == ["by hand"]
        told = (await house.admin.get("/api/v1/audit")).json()["items"]
        gone = [each for each in told if each["action"] == "member.removed"]
        assert [(each["subject"], each["detail"]) for each in gone] == [
            (f"person:{me['id']}", {"place": "instance", "role": "admin", "source": "oidc:idp"})
        ]

    run(story)


def test_who_is_in_no_group_and_was_not_invited_does_not_come_in(run: Run, running: Running) -> None:
    async def story(house: House) -> None:
        await registered(house, running)
        client, answer = await signed_in(house, running, "carl@example.com")
        assert problem(answer) == "oidc_no_membership"
        assert (await client.get("/api/v1/me")).status_code == 401
        assert (await house.admin.get("/api/v1/people")).json()["items"] == []
        invited = {"email": "Carl@Example.com", "role": "viewer"}
        assert (await house.admin.post("/api/v1/projects/default/members", json=invited)).status_code == 201
        client, answer = await signed_in(house, running, "carl@example.com")
        assert (await client.get("/api/v1/me")).json()["projects"] == ["default"]

    run(story)


def test_an_address_that_the_provider_does_not_vouch_for_makes_nobody_someone_else(run: Run, running: Running) -> None:
    async def story(house: House) -> None:
        await registered(house, running)
        invited = {"email": "mallory@example.com", "role": "admin"}
        assert (await house.admin.post("/api/v1/members", json=invited)).status_code == 201
        _, answer = await signed_in(house, running, "mallory@example.com")
        assert problem(answer) == "oidc_no_membership"

    run(story)


def test_only_named_domains_come_in_and_a_disabled_person_does_not(run: Run, running: Running) -> None:
    async def story(house: House) -> None:
        await registered(house, running, domains=["Example.com"])
        _, answer = await signed_in(house, running, "dan+staff@elsewhere.com")
        assert problem(answer) == "oidc_domain"
        client, _ = await signed_in(house, running, "dan+staff@example.com")
        me = (await client.get("/api/v1/me")).json()
        ended = await house.admin.patch(f"/api/v1/people/{me['id']}", json={"disabled": True})
        assert ended.status_code == 200, ended.text
        assert (await client.get("/api/v1/me")).status_code == 401
        _, answer = await signed_in(house, running, "dan+staff@example.com")
        assert problem(answer) == "oidc_disabled"

    run(story)


def test_an_answer_counts_once_and_only_in_the_browser_that_asked(run: Run, running: Running) -> None:
    async def story(house: House) -> None:
        await registered(house, running)
        client = house.client()
        url = await begun(client)
        found = await asyncio.to_thread(running.sign_in, url, "eve+staff@example.com")
        thief = house.client()
        assert problem(await back(thief, found)) == "oidc_state"
        assert problem(await back(client, found)) == "oidc_state"  # the thief's try has spent it
        client = house.client()
        found = await asyncio.to_thread(running.sign_in, await begun(client), "eve+staff@example.com")
        cookie = dict(client.cookies)
        assert (await back(client, found)).headers["location"] == "/"
        replay = house.client(cookies=cookie)
        assert problem(await back(replay, found)) == "oidc_state"
        late = house.client()
        found = await asyncio.to_thread(running.sign_in, await begun(late), "eve+staff@example.com")
        house.clock.advance(601)
        assert problem(await back(late, found)) == "oidc_late"

    run(story)


def test_who_says_no_at_the_provider_is_told_so_and_a_foreign_answer_is_refused(run: Run, running: Running) -> None:
    async def story(house: House) -> None:
        await registered(house, running)
        for more, code in (
            ({"error": "access_denied", "iss": running.issuer}, "oidc_denied"),
            ({"code": "stolen", "iss": running.issuer}, "oidc_code"),
            ({"code": "stolen", "iss": "https://evil.test"}, "oidc_issuer"),
            ({"code": "stolen"}, "oidc_issuer"),  # this provider promises to name itself
        ):
            client = house.client()
            state = parse_qs(urlsplit(await begun(client)).query)["state"][0]
            answer = await client.get("/api/v1/oidc/callback", params={"state": state, **more})
            assert problem(answer) == code

    run(story)


async def tokens_of(house: House, running: Running, client: OidcClient) -> tuple[Any, Tokens, oidc.Asked]:
    """Real tokens of the real provider, and what they answer to."""
    browser = house.client()
    url = await begun(browser)
    found = await asyncio.to_thread(running.sign_in, url, "fay+staff@example.com")
    made = oidc.asked(dict(browser.cookies)["trimtab_sign_in"])
    row = await house.db.read(lambda conn: sign_in_store.provider(conn, "idp"))
    assert row is not None
    code = parse_qs(urlsplit(found).query)["code"][0]
    wanted = Exchange(
        code=code, redirect_uri="http://127.0.0.1:4600/api/v1/oidc/callback", verifier=made.verifier, secret=SECRET
    )
    return row, await client.exchange(row, wanted), made


def test_a_real_token_is_refused_once_anything_of_it_is_wrong(run: Run, running: Running) -> None:
    async def story(house: House) -> None:
        await registered(house, running)
        clock = FixedClock(SystemClock().now_ns())
        client = OidcClient(clock)
        row, tokens, made = await tokens_of(house, running, client)
        claims = await client.claims(row, tokens, made.nonce)
        assert claims["sub"] == "fay@example.com"

        async def refused(**changed: Any) -> str:
            with pytest.raises(Unauthenticated) as caught:
                await client.claims(
                    changed.get("row", row),
                    Tokens(id_token=changed.get("token", tokens.id_token)),
                    changed.get("nonce", made.nonce),
                )
            return caught.value.code

        header, payload, signature = tokens.id_token.split(".")
        assert await refused(nonce=oidc.asked("another browser").nonce) == "oidc_nonce"
        flipped = ("B" if signature[0] != "B" else "C") + signature[1:]
        assert await refused(token=f"{header}.{payload}.{flipped}") == "oidc_signature"
        assert await refused(token=f"{header}.{payload[:-4]}AAAA.{signature}") == "oidc_signature"
        assert await refused(token=f"eyJhbGciOiJub25lIn0.{payload}.") == "oidc_signature"
        assert await refused(token="") == "oidc_signature"
        other = type(row)(
            **{name: getattr(row, name) for name in row.__struct_fields__ if name != "client_id"}, client_id="other"
        )
        assert await refused(row=other) == "oidc_audience"
        clock.advance(oidc.LONGEST_AGE_S + oidc.SKEW_S + 30)
        assert await refused() == "oidc_expired"
        clock.advance(3600)
        assert await refused() == "oidc_expired"
        clock.advance(-10_000)
        assert await refused() == "oidc_times"

    run(story)


def test_a_code_is_worth_nothing_without_the_verifier_of_its_browser(run: Run, running: Running) -> None:
    async def story(house: House) -> None:
        await registered(house, running)
        browser = house.client()
        found = await asyncio.to_thread(running.sign_in, await begun(browser), "gus+staff@example.com")
        row = await house.db.read(lambda conn: sign_in_store.provider(conn, "idp"))
        assert row is not None
        code = parse_qs(urlsplit(found).query)["code"][0]
        stolen = Exchange(
            code=code, redirect_uri="http://127.0.0.1:4600/api/v1/oidc/callback", verifier="x" * 43, secret=SECRET
        )
        with pytest.raises(Unauthenticated, match="invalid_grant"):
            await OidcClient().exchange(row, stolen)

    run(story)


def test_a_public_client_signs_in_without_a_secret(run: Run, running: Running) -> None:
    async def story(house: House) -> None:
        await registered(house, running, client_id="public", client_secret=None)
        client, answer = await signed_in(house, running, "hal+staff@example.com")
        assert answer.headers["location"] == "/"
        assert (await client.get("/api/v1/me")).json()["name"] == "Hal"

    run(story)


def test_a_command_line_gets_a_session_of_its_own_once(run: Run, running: Running) -> None:
    async def story(house: House) -> None:
        await registered(house, running)
        verifier = "v" * 64
        asked = {"port": 4999, "challenge": oidc.challenge_of(verifier)}
        _, answer = await signed_in(house, running, "ida+staff@example.com", **asked)
        to = urlsplit(answer.headers["location"])
        assert (to.scheme, to.netloc) == ("http", "127.0.0.1:4999")
        assert not any(each.startswith("trimtab_session=") for each in answer.headers.get_list("set-cookie"))
        grant = parse_qs(to.query)["grant"][0]
        spent = await house.client().post("/api/v1/oidc/grant", json={"grant": grant, "verifier": verifier})
        token = spent.json()["token"]
        me = await house.client(token).get("/api/v1/me")
        assert me.json()["name"] == "Ida"
        again = await house.client().post("/api/v1/oidc/grant", json={"grant": grant, "verifier": verifier})
        assert again.json()["code"] == "oidc_grant"
        as_cookie = house.client(cookies={"trimtab_session": token})
        assert (await as_cookie.get("/api/v1/me")).status_code == 401
        assert (await house.client(token).post("/api/v1/logout")).status_code == 204
        assert (await house.client(token).get("/api/v1/me")).status_code == 401
        _, answer = await signed_in(house, running, "ida+staff@example.com", **asked)
        grant = parse_qs(urlsplit(answer.headers["location"]).query)["grant"][0]
        other = await house.client().post("/api/v1/oidc/grant", json={"grant": grant, "verifier": "w" * 64})
        assert other.status_code == 401

    run(story)


def test_a_command_line_whose_session_could_not_begin_spends_its_grant_once_more(
    run: Run, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(house: House) -> None:
        await registered(house, running)
        verifier = "v" * 64
        _, answer = await signed_in(
            house, running, "ida+staff@example.com", port=4999, challenge=oidc.challenge_of(verifier)
        )
        body = {"grant": parse_qs(urlsplit(answer.headers["location"]).query)["grant"][0], "verifier": verifier}
        with monkeypatch.context() as broken:
            broken.setattr(session_store, "add", catalog_full)
            assert (await house.client().post("/api/v1/oidc/grant", json=body)).status_code == 503
        trail = (await house.admin.get("/api/v1/audit")).json()["items"]
        assert [each for each in trail if each["detail"].get("kind") == "cli"] == []
        spent = await house.client().post("/api/v1/oidc/grant", json=body)
        assert spent.status_code == 200, spent.text
        assert (await house.client().post("/api/v1/oidc/grant", json=body)).json()["code"] == "oidc_grant"

    run(story)


def test_a_grant_that_another_commands_verifier_was_tried_on_is_spent(run: Run, running: Running) -> None:
    async def story(house: House) -> None:
        await registered(house, running)
        verifier = "v" * 64
        _, answer = await signed_in(
            house, running, "ida+staff@example.com", port=4999, challenge=oidc.challenge_of(verifier)
        )
        grant = parse_qs(urlsplit(answer.headers["location"]).query)["grant"][0]
        for tried in ("w" * 64, verifier):
            refused = await house.client().post("/api/v1/oidc/grant", json={"grant": grant, "verifier": tried})
            assert (refused.status_code, refused.json()["code"]) == (401, "oidc_grant")

    run(story)


def catalog_full(*_: Any) -> None:
    raise Unavailable("The catalog's disk is full.", fix="Make room.")


async def begun_both(house: House, running: Running, who: str) -> tuple[httpx.AsyncClient, httpx.AsyncClient]:
    """Somebody in a browser and on a command line."""
    browser, _ = await signed_in(house, running, who)
    asked = {"port": 4999, "challenge": oidc.challenge_of("v" * 64)}
    _, answer = await signed_in(house, running, who, **asked)
    grant = parse_qs(urlsplit(answer.headers["location"]).query)["grant"][0]
    spent = await house.client().post("/api/v1/oidc/grant", json={"grant": grant, "verifier": "v" * 64})
    return browser, house.client(spent.json()["token"])


async def statuses(*clients: httpx.AsyncClient) -> list[int]:
    return [(await each.get("/api/v1/me")).status_code for each in clients]


IDP = "/api/v1/identity-providers/idp"


def test_sessions_end_with_their_provider_and_those_of_others_go_on(run: Run, running: Running) -> None:
    async def story(house: House) -> None:
        await registered(house, running)
        by_key = house.client()
        assert (await by_key.post("/api/v1/login", json={"key": ADMIN})).status_code in (200, 204)

        async def ends(status: int, change: dict[str, Any] | None, **query: Any) -> None:
            ours = await begun_both(house, running, "ida+staff@example.com")
            assert await statuses(*ours, by_key) == [200, 200, 200]
            if change is None:
                answer = await house.admin.delete(IDP, params=query)
            else:
                answer = await house.admin.patch(IDP, json=change)
            assert answer.is_success, answer.text
            assert await statuses(*ours, by_key) == [status, status, 200]

        await ends(200, {"label": "Company"})
        await ends(200, {"enabled": False, "end_sessions": False})
        assert (await house.admin.patch(IDP, json={"enabled": True})).status_code == 200
        await ends(401, {"enabled": False})
        told = (await house.admin.get("/api/v1/audit")).json()["items"]
        ended = [each for each in told if each["action"] == "sessions.ended"]
        # Two now, two each of the times before that went on.
        assert [(each["subject"], each["detail"]["ended"]) for each in ended] == [("identity_provider:idp", 6)]
        assert (await house.admin.patch(IDP, json={"enabled": True})).status_code == 200
        await ends(401, {"issuer": "https://login.example.com", "client_secret": SECRET})
        assert (
            await house.admin.patch(IDP, json={"issuer": running.issuer, "client_secret": SECRET})
        ).status_code == 200
        await ends(200, None, end_sessions="false")
        await registered(house, running)
        await ends(401, None)

    run(story)


def test_no_session_begins_with_a_provider_that_was_switched_off_or_became_another_on_the_way(
    run: Run, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(house: House) -> None:
        await registered(house, running)
        asked = {"port": 4999, "challenge": oidc.challenge_of("v" * 64)}
        _, answer = await signed_in(house, running, "ida+staff@example.com", **asked)
        grant = parse_qs(urlsplit(answer.headers["location"]).query)["grant"][0]
        assert (await house.admin.patch(IDP, json={"enabled": False, "end_sessions": False})).status_code == 200
        spend = {"grant": grant, "verifier": "v" * 64}
        refused = await house.client().post("/api/v1/oidc/grant", json=spend)
        assert (refused.status_code, refused.json()["code"]) == (401, "oidc_provider_off")
        assert (await house.admin.patch(IDP, json={"enabled": True})).status_code == 200

        claims, change = house.deps.oidc.claims, list[dict[str, Any]]()

        async def meanwhile(*given: Any) -> Any:
            read = await claims(*given)
            assert (await house.admin.patch(IDP, json=change[-1])).status_code == 200
            return read

        monkeypatch.setattr(house.deps.oidc, "claims", meanwhile)
        for each in ({"issuer": "https://login.example.com", "client_secret": SECRET}, {"enabled": False}):
            change.append(each)
            for how in ({}, asked):
                client = house.client()
                found = await asyncio.to_thread(running.sign_in, await begun(client, **how), "ida+staff@example.com")
                answer = await back(client, found)
                assert "oidc_provider_off" in answer.headers["location"]
                assert await statuses(client) == [401]
                again = {"issuer": running.issuer, "client_secret": SECRET, "enabled": True}
                assert (await house.admin.patch(IDP, json=again)).status_code == 200

    run(story)


def test_two_issuers_are_two_people_and_the_second_cannot_take_the_first_ones_place(run: Run, running: Running) -> None:
    async def story(house: House, second: Running) -> None:
        await registered(house, running)
        await registered(house, second, name="other")
        first, _ = await signed_in(house, running, "joe+staff@example.com")
        client = house.client()
        answer = await client.get("/api/v1/oidc/other/start")
        found = await asyncio.to_thread(second.sign_in, answer.headers["location"], "joe+admins@example.com")
        assert problem(await back(client, found)) == "oidc_other_identity"
        assert (await first.get("/api/v1/me")).json()["permissions"] == []
        crossed = house.client()  # the first one's answer to a question that was put to the second
        url = (await crossed.get("/api/v1/oidc/other/start")).headers["location"]
        state = parse_qs(urlsplit(url).query)["state"][0]
        mixed = await crossed.get("/api/v1/oidc/callback", params={"state": state, "code": "x", "iss": running.issuer})
        assert problem(mixed) == "oidc_issuer"

    with provider() as second:
        run(lambda house: story(house, second))


def test_a_provider_that_is_away_or_is_another_is_told_and_breaks_nothing(run: Run, running: Running) -> None:
    async def story(house: House) -> None:
        await registered(house, running, issuer="http://127.0.0.1:9")
        answer = await house.client().get("/api/v1/oidc/idp/start")
        assert (answer.status_code, answer.json()["code"]) == (503, "oidc_provider_away")
        await registered(house, running, name="slash", issuer=f"{running.issuer}/")
        answer = await house.admin.post("/api/v1/identity-providers/slash/check")
        assert (answer.status_code, answer.json()["code"]) == (503, "oidc_metadata")
        await registered(house, running, name="right")
        checked = (await house.admin.post("/api/v1/identity-providers/right/check")).json()
        assert checked["keys"] >= 1
        assert checked["token_endpoint"].startswith(running.issuer)
        plain = {"name": "plain", "issuer": "http://login.example.com", "client_id": "x"}
        assert (await house.admin.post("/api/v1/identity-providers", json=plain)).status_code == 400
        listed = (await house.client().get("/api/v1/sign-in")).json()["providers"]
        assert listed == [{"name": n, "label": n} for n in ("idp", "right", "slash")]

    run(story)


@pytest.mark.parametrize(
    ("head", "body", "told"),
    [
        (b"content-encoding: gzip\r\n", gzip.compress(b"0" * (64 << 20)), "packed"),
        (b"", b"0" * (2 << 20), "more than a megabyte"),
        (b"location: /else\r\n", b"{}", "cannot be used"),
    ],
    ids=["a bomb", "without an end", "something else"],
)
def test_what_a_hostile_provider_sends_is_bounded_and_never_unpacked(head: bytes, body: bytes, told: str) -> None:
    """What 64 MB of zeros unpack to is not in memory at any time."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        assert b"accept-encoding: identity" in asked.lower()
        writer.write(b"HTTP/1.1 200 OK\r\n%bcontent-length: %d\r\n\r\n%b" % (head, len(body), body))
        with contextlib.suppress(OSError):  # it hangs up
            await writer.drain()
        writer.close()

    async def story() -> None:
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            tracemalloc.start()
            with pytest.raises(Unavailable) as refused:
                await OidcClient().metadata(f"http://127.0.0.1:{port}")
            most = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert told in refused.value.sentence()
            assert most < 8 << 20

    asyncio.run(story())


def test_no_byte_goes_to_where_a_cloud_tells_a_machine_its_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if this machine's own address were such a one: a provider's name, or what its metadata name, leads there."""
    monkeypatch.setattr(reach, "_NOWHERE", (ipaddress.ip_network("127.0.0.0/8"),))
    got: list[bytes] = []

    async def story() -> None:
        over = asyncio.Event()

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            got.append(await reader.read())
            writer.close()
            over.set()

        async with await asyncio.start_server(answer, "127.0.0.1", 0, family=socket.AF_INET) as server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(Unavailable, match="could not be asked"):
                await OidcClient().metadata(f"http://localhost:{port}")
            await over.wait()

    asyncio.run(story())
    assert got == [b""]


def test_two_who_change_a_provider_at_once_take_nothing_back_from_each_other(run: Run, running: Running) -> None:
    async def story(house: House) -> None:
        await registered(house, running)
        at = "/api/v1/identity-providers/idp"
        changes: list[dict[str, Any]] = [{"label": "Staff"}, {"domains": ["example.com"]}, {"invited_only": True}]
        changes += [{"groups_claim": "teams"}, {"scopes": ["openid"]}]
        answers = await asyncio.gather(*(house.admin.patch(at, json=change) for change in changes))
        assert [answer.status_code for answer in answers] == [200] * 5
        [found] = (await house.admin.get("/api/v1/identity-providers")).json()["items"]
        assert {name: found[name] for change in changes for name in change} == {
            name: value for change in changes for name, value in change.items()
        }

    run(story)


@pytest.mark.parametrize("to", ["//evil.test", "https://evil.test", "/\\evil.test", "javascript:alert(1)", "/login?x"])
def test_a_sign_in_leads_nowhere_but_into_the_console(to: str) -> None:
    assert within(to) == "/"
    assert within("/p/default?q=1") == "/p/default?q=1"
