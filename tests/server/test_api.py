"""The management API by what people do with it: pages, providers, models, keys, prices, traces; it keeps secrets."""

import logging
from typing import Any

import httpx
import pytest
from house import ADMIN, House, Run
from msgspec.structs import replace

from trimtab.gateway.provider_options import MASK
from trimtab.gateway.staying_up.standing import Standing
from trimtab.server.settings import Settings
from trimtab.telemetry.fakes import span_row

AT = "/api/v1/projects/default"
CANARY = "sk-canary-0123456789"
LAB = {"name": "lab", "base_url": "http://127.0.0.1:9/v1", "api_key": CANARY}


async def made(client: httpx.AsyncClient, path: str, **body: Any) -> Any:
    answer = await client.post(path, json=body)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


async def items(client: httpx.AsyncClient, path: str, limit: int) -> list[list[dict[str, Any]]]:
    """Every page, following the cursors."""
    pages: list[list[dict[str, Any]]] = []
    cursor = ""
    while True:
        page = (await client.get(path, params={"limit": limit} | ({"cursor": cursor} if cursor else {}))).json()
        pages.append(page["items"])
        cursor = page["cursor"]
        if not cursor:
            return pages


@pytest.mark.parametrize("limit", [1, 2, 3, 500])
def test_pages_hold_each_thing_once_and_the_last_has_no_cursor(run: Run, limit: int) -> None:
    async def story(house: House) -> None:
        admin = house.admin
        for n in range(3):
            await made(admin, "/api/v1/projects", slug=f"p{n}")
            await made(admin, f"{AT}/keys", name=f"k{n}")
            await made(admin, f"{AT}/providers", **{**LAB, "name": f"lab{n}"})
            await made(admin, f"{AT}/models", name=f"m/{n}", provider=f"lab{n}")
        for path, field, expected in (
            ("/api/v1/projects", "slug", ["default", "p0", "p1", "p2"]),
            (f"{AT}/keys", "name", ["k2", "k1", "k0"]),
            (f"{AT}/providers", "name", ["lab0", "lab1", "lab2"]),
            (f"{AT}/models", "name", ["m/0", "m/1", "m/2"]),
            ("/api/v1/keys", "role", ["admin"]),
        ):
            pages = await items(admin, path, limit)
            assert [item[field] for page in pages for item in page] == expected
            assert all(len(page) == limit for page in pages[:-1])
            assert pages[-1]

    run(story)


# --- providers ---


def test_the_secrets_of_a_provider_are_never_shown(run: Run) -> None:
    async def story(house: House) -> None:
        headers = {"Authorization": "Bearer canary", "X-Api-Token": "canary", "x-team": "blue"}
        shown = await made(house.admin, f"{AT}/providers", **{**LAB, "headers": headers})
        assert shown["key_hint"] == "6789"
        assert shown["headers"] == {"Authorization": MASK, "X-Api-Token": MASK, "x-team": "blue"}
        listed = await house.admin.get(f"{AT}/providers")
        assert listed.json()["items"] == [shown]
        assert "canary" not in listed.text

    run(story)


def test_a_short_key_gives_no_hint_of_itself(run: Run) -> None:
    async def story(house: House) -> str:
        return (await made(house.admin, f"{AT}/providers", **{**LAB, "api_key": "short"}))["key_hint"]

    assert run(story) == "****", "that there is one must be seen: without a hint it is shown as missing"


def test_a_patch_touches_what_it_names_and_a_masked_header_keeps_its_value(run: Run) -> None:
    async def story(house: House) -> None:
        await made(house.admin, f"{AT}/providers", **{**LAB, "headers": {"x-token": "t", "x-team": "blue"}})
        project = house.holder.current.access.projects["default"].id

        async def patched(**body: Any) -> Any:
            answer = await house.admin.patch(f"{AT}/providers/lab", json=body)
            assert answer.status_code == 200, answer.text
            return house.holder.current.targets[project].providers["lab"]

        assert (await patched(headers={"x-token": MASK, "x-team": "red"})).headers == {"x-token": "t", "x-team": "red"}
        assert (await patched(timeouts={"idle": 5})).timeouts.idle == 5
        # Another address is sent no secret that was given for the old one: both are given again.
        again = {"api_key": "k-again", "headers": {"x-token": "t", "x-team": "red"}}
        assert (await patched(base_url="http://h/v2/", **again)).base_url == "http://h/v2"
        now = await patched(api_key=None)
        assert (now.api_key, now.timeouts.idle, now.base_url) == (None, 5, "http://h/v2")
        assert (await patched()).headers == {"x-token": "t", "x-team": "red"}

    run(story)


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"kind": "opnai"}, "kind"),
        ({"kind": "openai", "api_key": None}, "api_key"),
        ({"dialect": "morse"}, "dialect"),
        ({"base_url": "gopher://x"}, "base_url"),
        ({"base_url": None}, "base_url"),
        ({"api_key": "a\nb"}, "api_key"),
        ({"headers": {"host": "x"}}, "headers"),
        ({"timeouts": {"idle": 0}}, "timeouts"),
        ({"timeouts": {"idle": "x"}}, "timeouts.idle"),
        ({"name": "Not Good"}, "name"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_a_wrong_provider_is_refused_with_the_field(run: Run, change: dict[str, Any], param: str) -> None:
    async def story(house: House) -> httpx.Response:
        return await house.admin.post(f"{AT}/providers", json={**LAB, **change})

    answer = run(story)
    assert (answer.status_code, answer.json()["param"]) == (400, param), answer.text
    assert CANARY not in answer.text


def test_a_kind_brings_its_address_and_dialect(run: Run) -> None:
    async def story(house: House) -> None:
        shown = await made(house.admin, f"{AT}/providers", name="claude", kind="anthropic", api_key=CANARY)
        assert (shown["dialect"], shown["base_url"]) == ("anthropic_messages", "https://api.anthropic.com/v1")
        assert (await made(house.admin, f"{AT}/providers", name="local", kind="local"))["base_url"] == ""
        kinds = {kind["name"]: kind for kind in (await house.admin.get("/api/v1/provider-kinds")).json()}
        assert {"openai", "anthropic", "custom", "local"} <= kinds.keys()
        assert kinds["openai"]["key_variable"] == "OPENAI_API_KEY"
        assert kinds["openai"]["available"] is True

    run(story)


def test_health_is_shown_as_it_was_last_seen(run: Run) -> None:
    class Board:
        def provider(self, project: str, provider: str) -> Standing:
            return Standing(health="failing", error="it said no", seen=5)

        def model(self, project: str, provider: str, upstream: str) -> Standing:
            return Standing(health="healthy", seen=6)

    async def story(house: House) -> None:
        object.__setattr__(house.deps, "health", Board())
        shown = await made(house.admin, f"{AT}/providers", **LAB)
        assert (shown["health"], shown["last_error"], shown["last_seen"]) == ("failing", "it said no", 5)
        assert (await made(house.admin, f"{AT}/models", name="m", provider="lab"))["health"] == "healthy"

    run(story)


# --- models ---


def test_a_name_with_a_slash_is_one_name_in_a_path(run: Run) -> None:
    async def story(house: House) -> None:
        await made(house.admin, f"{AT}/providers", **LAB)
        await made(house.admin, f"{AT}/models", name="team/fast", provider="lab")
        for spelled in ("team%2Ffast", "team%2ffast"):
            answer = await house.admin.patch(f"{AT}/models/{spelled}", json={"upstream": "gpt-4o-mini"})
            assert answer.json()["upstream"] == "gpt-4o-mini"
        assert (await house.admin.post(f"{AT}/models/team%2Ffast/test")).json()["text"] == "pong"
        assert house.calls[-1][:2] == ("default", "team/fast")
        assert (await house.admin.delete(f"{AT}/models/team%2Ffast")).status_code == 204
        assert (await house.admin.delete(f"{AT}/models/team/fast")).status_code == 404

    run(story)


def test_a_client_key_may_try_a_model_as_itself(run: Run) -> None:
    async def story(house: House) -> None:
        await made(house.admin, f"{AT}/providers", **LAB)
        await made(house.admin, f"{AT}/models", name="fast", provider="lab")
        issued = await made(house.admin, f"{AT}/keys", name="app")
        answer = await house.client(issued["secret"]).post(f"{AT}/models/fast/test")
        assert answer.json()["ok"] is True
        assert house.calls == [("default", "fast", issued["key"]["id"])]

    run(story)


def test_prices_say_where_they_come_from(run: Run) -> None:
    async def story(house: House) -> None:
        await made(house.admin, f"{AT}/providers", name="openai", kind="openai", api_key=CANARY)
        await made(house.admin, f"{AT}/providers", name="local", kind="local")
        await made(house.admin, f"{AT}/providers", **LAB)
        listed = await made(house.admin, f"{AT}/models", name="mini", provider="openai", upstream="gpt-4o-mini")
        assert listed["price"]["source"].endswith(":openai/gpt-4o-mini")
        assert (listed["price"]["input"], listed["price"]["output"]) == ("0.15", "0.6")
        price = {"input": 0.0000001, "output": 0.000123}
        own = await made(house.admin, f"{AT}/models", name="own", provider="lab", price=price)
        assert own["price"]["input"] == "0.0000001"
        assert own["price_override"]["output"] == 0.000123
        back = await house.admin.patch(f"{AT}/models/own", json={"price": None})
        assert back.json()["price"]["known"] is False
        assert back.json()["price"]["input"] is None
        for model, known, source in (
            ("local/smollm2-135m-instruct", True, "local:no-price"),
            ("openai/gpt-5-mini", True, "genai-prices/"),
            ("lab/anything", False, ""),
        ):
            row = (await house.admin.get(f"{AT}/price", params={"model": model})).json()
            assert row["known"] is known
            assert row["source"].startswith(source)
        missing = await house.admin.get(f"{AT}/price", params={"model": "minii"})
        assert (missing.status_code, missing.json()["fix"]) == (404, "Did you mean 'mini'?")

    run(story)


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"name": "UPPER"}, "name"),
        ({"provider": "labb"}, "provider"),
        ({"upstream": ""}, "upstream"),
        ({"upstream": "a\nb"}, "upstream"),
        ({"fallback": ["nobody"]}, "fallback"),
        ({"price": {"input": -1, "output": 1}}, "price"),
        ({"price": {"input": 1}}, "price"),
    ],
)
def test_a_wrong_model_is_refused_with_the_field(run: Run, change: dict[str, Any], param: str) -> None:
    async def story(house: House) -> httpx.Response:
        await made(house.admin, f"{AT}/providers", **LAB)
        return await house.admin.post(f"{AT}/models", json={"name": "fast", "provider": "lab", **change})

    answer = run(story)
    assert answer.status_code == 400, answer.text
    assert answer.json()["param"] == param, answer.text


# --- keys, projects, status ---


def test_a_key_is_shown_once_and_listed_with_its_state(run: Run) -> None:
    async def story(house: House) -> None:
        soon = house.deps.now() + 1000
        issued = await made(house.admin, f"{AT}/keys", name=" ci ", expires=soon)
        assert issued["key"]["name"] == "ci"
        assert issued["secret"].startswith(issued["key"]["prefix"])
        listed = await house.admin.get(f"{AT}/keys")
        assert issued["secret"] not in listed.text
        assert listed.json()["items"][0]["state"] == "active"
        house.clock.advance(1)
        assert (await house.admin.get(f"{AT}/keys")).json()["items"][0]["state"] == "expired"
        await house.admin.delete(f"{AT}/keys/{issued['key']['id']}")
        assert (await house.admin.get(f"{AT}/keys")).json()["items"][0]["state"] == "revoked"

    run(story)


def test_instance_keys_read_every_project_and_the_admin_key_stays(run: Run) -> None:
    async def story(house: House) -> None:
        await made(house.admin, "/api/v1/projects", slug="other")
        issued = await made(house.admin, "/api/v1/keys", name="auditor", role="read_only")
        auditor = house.client(issued["secret"])
        assert [p["slug"] for p in (await auditor.get("/api/v1/projects")).json()["items"]] == ["default", "other"]
        assert (await auditor.get("/api/v1/status")).status_code == 200
        refused = await house.admin.post("/api/v1/keys", json={"name": "x", "role": "client"})
        assert refused.json()["param"] == "role"
        listed = (await house.admin.get("/api/v1/keys")).json()["items"]
        admin = next(key for key in listed if key["role"] == "admin")
        assert (await house.admin.delete(f"/api/v1/keys/{admin['id']}")).status_code == 409
        assert (await house.admin.delete(f"/api/v1/keys/{issued['key']['id']}")).status_code == 204
        assert (await auditor.get("/api/v1/status")).status_code == 401

    run(story)


def test_capture_is_switched_in_the_snapshot(run: Run) -> None:
    async def story(house: House) -> None:
        answer = await house.admin.patch("/api/v1/projects/default", json={"capture_content": False})
        assert answer.json()["capture_content"] is False
        assert house.holder.current.access.projects["default"].capture_content is False
        renamed = await house.admin.patch("/api/v1/projects/default", json={"name": " The one "})
        assert (renamed.json()["name"], renamed.json()["capture_content"]) == ("The one", False)

    run(story)


def test_the_status_names_the_catalog_without_its_password(run: Run, tmp_path: Any) -> None:
    async def story(house: House) -> Any:
        return (await house.admin.get("/api/v1/status")).json()

    status = run(story, settings=Settings(data_dir=tmp_path, workers=3))
    assert (status["workers"], status["catalog"]["state"], status["telemetry"]["state"]) == (3, "ok", "ok")
    assert status["catalog"]["detail"].startswith("sqlite")


# --- traces ---


def test_traces_are_of_one_project_only(run: Run) -> None:
    async def story(house: House) -> None:
        await made(house.admin, "/api/v1/projects", slug="other")
        ids = {slug: project.id for slug, project in house.holder.current.access.projects.items()}
        now = float(house.deps.now())
        for n, slug in enumerate(("default", "default", "other")):
            house.reader.add(ids[slug], span_row(f"t{n}", f"s{n}", started=now - n))
        page = (await house.admin.get(f"{AT}/traces", params={"limit": 1})).json()
        assert [row["trace_id"] for row in page["rows"]] == ["t0"]
        rest = (await house.admin.get(f"{AT}/traces", params={"limit": 1, "cursor": page["cursor"]})).json()
        assert ([row["trace_id"] for row in rest["rows"]], rest["cursor"]) == (["t1"], None)
        assert (await house.admin.get(f"{AT}/traces/t2")).status_code == 404
        assert (await house.admin.get("/api/v1/projects/other/traces/t2")).json()["spans"][0]["span_id"] == "s2"
        assert (await house.admin.get(f"{AT}/traces/t0/spans/s0/io")).status_code == 404
        facets = (await house.admin.get(f"{AT}/facets")).json()
        assert facets == [{"key": "model", "values": [{"value": "fast", "count": 2}]}]

    run(story)


def test_the_window_is_the_last_day_unless_told(run: Run) -> None:
    async def story(house: House) -> None:
        project = house.holder.current.access.projects["default"].id
        now = house.deps.now()
        old = replace(span_row("old", "s"), started=float(now - 25 * 3_600_000))
        house.reader.add(project, old)
        house.reader.add(project, span_row("new", "s", started=float(now)))
        assert [r["trace_id"] for r in (await house.admin.get(f"{AT}/traces")).json()["rows"]] == ["new"]
        asked = {"start": now - 48 * 3_600_000, "end": now}
        assert [r["trace_id"] for r in (await house.admin.get(f"{AT}/traces", params=asked)).json()["rows"]] == ["old"]
        overview = (await house.admin.get(f"{AT}/overview", params={**asked, "group_by": "model"})).json()
        assert overview["window"] == asked

    run(story)


# --- secrets ---


def test_no_secret_is_in_any_answer_log_or_file(run: Run, tmp_path: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Canaries planted wherever a secret may enter; then everything is asked, everything on disk is read."""
    caplog.set_level(logging.DEBUG)
    planted = {
        "provider key": "sk-canary-provider-0001",
        "header": "canary-header-0002",
        "patched key": "sk-canary-patched-0003",
        "wrong key": "tt_canary-wrong-key-0004",
        "wrong token": "canary-wrong-token-0005",
    }

    async def story(house: House) -> list[str]:
        admin, said = house.admin, list[str]()
        headers = {"x-secret": planted["header"]}
        body = {**LAB, "api_key": planted["provider key"], "headers": headers}
        said.append((await admin.post(f"{AT}/providers", json=body)).text)
        said.append((await admin.post(f"{AT}/providers", json=body)).text)
        said.append((await admin.patch(f"{AT}/providers/lab", json={"api_key": planted["patched key"]})).text)
        said.append((await admin.patch(f"{AT}/providers/lab", json={"api_key": planted["patched key"] + "\n"})).text)
        said.append((await admin.patch(f"{AT}/providers/lab", json={"api_key": [planted["patched key"]]})).text)
        said.append((await admin.post(f"{AT}/models", json={"name": "fast", "provider": "lab"})).text)
        said.append((await house.client(planted["wrong key"]).get("/api/v1/me")).text)
        said.append((await house.client().post("/api/v1/login", json={"key": planted["wrong key"]})).text)
        said.append((await house.client().post("/api/v1/login", json={"token": planted["wrong token"]})).text)
        issued = await made(admin, f"{AT}/keys", name="k", role="read_only")
        planted["issued key"] = issued["secret"]
        planted["session"] = (await house.client().post("/api/v1/login", json={"key": ADMIN})).cookies[
            "trimtab_session"
        ]
        planted["link"] = (await made(admin, "/api/v1/login-links"))["url"].partition("token=")[2]
        planted["admin key"] = ADMIN
        for path in ("/keys", "/providers", "/models", "", "/traces", "/facets"):
            said.append((await admin.get(AT + path)).text)
        for path in ("/api/v1/status", "/api/v1/keys", "/api/v1/me", "/api/v1/projects", "/metrics"):
            said.append((await admin.get(path)).text)
        return said

    said = run(story)
    assert len(said) == 20
    files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert any(path.name.startswith("catalog.sqlite") for path in files)
    for name, secret in planted.items():
        assert not any(secret in text for text in said), name
        assert secret not in caplog.text, name
        for path, content in files.items():
            assert secret.encode() not in content, (name, path)


def test_keys_are_looked_for_by_words_and_state_and_counted(run: Run) -> None:
    async def story(house: House) -> None:
        admin = house.admin
        names = ("Shop 100%", "shop web", "shop_web", "nightly")
        issued = [await made(admin, f"{AT}/keys", name=name) for name in names]
        soon = await made(admin, f"{AT}/keys", name="shop soon over", expires=house.deps.now() + 60_000)
        await admin.delete(f"{AT}/keys/{issued[0]['key']['id']}")

        async def found(**query: str) -> list[str]:
            page = (await admin.get(f"{AT}/keys", params=query)).json()
            assert page["total"] == len(page["items"])
            return [each["name"] for each in page["items"]]

        assert await found(q="SHOP") == ["shop soon over", "shop_web", "shop web", "Shop 100%"]
        assert await found(q="web shop") == ["shop_web", "shop web"]
        assert await found(q="shop_") == ["shop_web"], "what is a pattern in SQL is a letter here"
        assert await found(q="0%") == ["Shop 100%"]
        assert await found(q=issued[3]["key"]["prefix"]) == ["nightly"]
        assert await found(q=issued[3]["key"]["id"]) == ["nightly"]
        assert await found(q="nobody") == []
        house.clock.advance(120)
        assert await found(state="active") == ["nightly", "shop_web", "shop web"]
        assert await found(state="expired") == [soon["key"]["name"]]
        assert await found(state="revoked") == ["Shop 100%"]
        assert await found(state="ended", q="shop") == ["shop soon over", "Shop 100%"]
        by_id = {each["key"]["name"]: each["key"]["id"] for each in issued}
        some = [by_id["nightly"], by_id["shop web"], "key_of_nobody"]
        named = (await admin.get(f"{AT}/keys", params={"id": some})).json()
        assert ([each["name"] for each in named["items"]], named["total"]) == (["nightly", "shop web"], 2)
        job = (await admin.post(f"{AT}/service-accounts", json={"name": "job", "role": "viewer"})).json()["id"]
        await made(admin, f"{AT}/keys", name="of the job", owner=job, role="viewer")
        assert await found(owner=job) == ["of the job"]
        assert await found(owner="nobody") == []
        await admin.delete(f"{AT}/service-accounts/{job}")
        first = (await admin.get(f"{AT}/keys", params={"q": "shop", "state": "active", "limit": 1})).json()
        assert ([each["name"] for each in first["items"]], first["total"]) == (["shop_web"], 2)
        rest = {"q": "shop", "state": "active", "limit": 1, "cursor": first["cursor"]}
        assert (await admin.get(f"{AT}/keys", params=rest)).json()["items"][0]["name"] == "shop web"
        assert (await admin.get("/api/v1/keys", params={"state": "ended"})).json()["total"] == 0
        for wrong in (
            {"state": "gone"},
            {"q": "a\0b"},
            {"q": "x" * 501},
            {"owner": "a\0b"},
            {"id": "a\0b"},
            {"id": ["x"] * 101},
        ):
            assert (await admin.get(f"{AT}/keys", params=wrong)).status_code == 400

    run(story)
