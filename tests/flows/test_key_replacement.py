"""A key takes the place of another, and what limits allowed that one goes on: rotation is no way round a budget."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from live import Live, admin, live, simulated, until

from patience import PATIENCE_S

pytestmark = [pytest.mark.postgres, pytest.mark.promise]
SECRET_KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
CONFIG = """
providers:
  sim: {{dialect: openai_chat, base_url: "{url}/v1", api_key: "k"}}
models:
  m: {{provider: sim, model: "gpt-4o-mini"}}
"""
AT = "/projects/default"


def ask(server: Live, secret: str) -> int:
    body = {"model": "m", "messages": [{"role": "user", "content": "the tide"}]}
    headers = {"authorization": f"Bearer {secret}"}
    return httpx.post(f"{server.url}/v1/chat/completions", json=body, headers=headers, timeout=PATIENCE_S).status_code


def post(server: Live, path: str, body: dict[str, Any]) -> dict[str, Any]:
    told = httpx.post(f"{server.url}/api/v1{AT}{path}", json=body, headers=admin(), timeout=PATIENCE_S)
    assert told.status_code == 201, told.text
    return told.json()


def used(server: Live) -> dict[str, tuple[dict[str, str], str]]:
    found = server.api(f"{AT}/limits")["items"]
    return {each["name"]: (each["standings"][0]["values"], each["standings"][0]["used"]) for each in found}


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_limit_that_names_a_key_goes_on_with_the_key_that_takes_its_place(
    tmp_path: Path, postgres: Callable[[], str], database: str
) -> None:
    env = {"TRIMTAB_SECRET_KEY": SECRET_KEY}
    if database == "postgresql":
        env["TRIMTAB_DATABASE_URL"] = postgres()
    with simulated() as url, live(tmp_path, CONFIG.format(url=url), env=env) as server:
        first = post(server, "/keys", {"name": "shop"})
        key = first["key"]["id"]
        post(
            server,
            "/limits",
            {"name": "named", "measure": "requests", "bound": "5", "window": "month", "scope": {"key": [key]}},
        )
        post(
            server, "/limits", {"name": "each", "measure": "requests", "bound": "6", "window": "month", "per": ["key"]}
        )
        assert [ask(server, first["secret"]) for _ in range(2)] == [200, 200]

        second = post(server, "/keys", {"name": "shop 2", "replaces": key})
        assert second["key"]["replaces"] == key
        assert [ask(server, each["secret"]) for each in (second, first)] == [200, 200], "both work meanwhile"
        httpx.delete(f"{server.url}/api/v1{AT}/keys/{key}", headers=admin(), timeout=PATIENCE_S).raise_for_status()
        third = post(server, "/keys", {"name": "shop 3", "replaces": second["key"]["id"]})
        httpx.delete(
            f"{server.url}/api/v1{AT}/keys/{second['key']['id']}", headers=admin(), timeout=PATIENCE_S
        ).raise_for_status()
        server.kill()
        server.start()
        until(lambda: ask(server, third["secret"]) == 200, PATIENCE_S, server.told)  # what the dead server had at hand
        assert ask(server, third["secret"]) == 429, "five of the line, whichever key called"
        until(
            lambda: used(server) == {"named": ({}, "5"), "each": ({"key": key}, "5")},
            PATIENCE_S, lambda: f"{used(server)}",
        )  # fmt: skip

        line = {key, second["key"]["id"], third["key"]["id"]}
        assert [set(each["standings"][0]["keys"]) for each in server.api(f"{AT}/limits")["items"]] == [line, line]
        for name, value in (("named", {}), ("each", {"value": key})):

            def burnt(name: str = name, value: dict[str, str] = value) -> str:
                return server.api(f"{AT}/limits/{name}/burn-down", **value)["points"][-1]["used"]

            until(lambda burnt=burnt: burnt() == "5", PATIENCE_S, burnt)

        other = post(server, "/keys", {"name": "another"})
        assert ask(server, other["secret"]) == 200, "a key that replaces none has counts of its own"
        changes = server.api(f"{AT}/audit", action="key.created")["items"]
        assert {each["detail"]["to"].get("replaces") for each in changes} >= {key, second["key"]["id"]}
