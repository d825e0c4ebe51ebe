"""Applying a folder: all or nothing, again is nothing, and only what a folder made is removed by it."""

from typing import Any

from house import House, Run

TOP = """
models:
  fast: {provider: lab, model: gpt-4o-mini, fallback: [slow], resilience: {attempts: 3}}
  slow: {provider: lab, cache: {ttl: 60}}
routes:
  best: {tree: {node: fallback, of: [fast, slow]}, about: the usual}
limits:
  daily: {measure: money, bound: 12.5, window: day}
prices:
  own: {provider: lab, model: "gpt-4o*", from: 2026-01-01, input: 0.15, output: 0.6}
labels:
  support: {production: latest}
environments:
  staging: {protection: {note: true}}
"""
PROMPT = """---
name: support
variables: {customer: string}
---
@system
Be kind.

@user
I am {{ customer }}.
"""
APP = "prompt: support\nroute: best\nparameters: {temperature: 0.2}\n"
FILES = {"trimtab.yaml": TOP, "prompts/support.prompt.md": PROMPT, "apps/helpdesk.yaml": APP}
BASE = "/api/v1/projects/default"


async def provide(house: House) -> None:
    body = {"name": "lab", "kind": "custom", "base_url": "http://127.0.0.1:9/v1", "dialect": "openai_chat"}
    made = await house.admin.post(f"{BASE}/providers", json=body)
    assert made.status_code == 201, made.text


async def ask(house: House, path: str, files: dict[str, str], **more: Any) -> dict[str, Any]:
    answer = await house.admin.post(f"{BASE}/{path}", json={"files": files, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_plan_says_what_an_apply_then_does_and_the_same_again_is_nothing(run: Run) -> None:
    async def story(house: House) -> None:
        await provide(house)
        planned = await ask(house, "plan", FILES, to="staging")
        assert planned["mistakes"] == []
        told = [f"{each['action']} {each['kind']} {each['name']}" for each in planned["changes"]]
        assert told == [
            "add model fast",
            "add model slow",
            "add route best",
            "add policy slow",
            "add limit daily",
            "add price lab/gpt-4o* from 2026-01-01",
            "add prompt support",
            "add label support:production",
            "change environment staging",
            "add app helpdesk",
        ]
        assert [(r["app"], r["number"], r["parent"]) for r in planned["releases"]] == [("helpdesk", 1, None)]
        done = await ask(house, "apply", FILES, to="staging", plan=planned["hash"][:12], message="First")
        assert done["changes"] == planned["changes"]
        assert done["promotions"] == [
            {"app": "helpdesk", "environment": "staging", "before": None, "after": 1, "lacking": [], "fix": ""}
        ]
        again = await ask(house, "plan", FILES, to="staging")
        assert (again["clean"], again["changes"], again["releases"], again["promotions"]) == (True, [], [], [])
        assert (await ask(house, "apply", FILES, to="staging"))["clean"]
        exported = (await house.admin.get(f"{BASE}/export")).json()["files"]
        assert (await ask(house, "plan", exported))["clean"], exported

    run(story)


def test_what_left_the_folder_is_removed_and_what_somebody_else_made_stays(run: Run) -> None:
    async def story(house: House) -> None:
        await provide(house)
        await house.admin.post(f"{BASE}/models", json={"name": "mine", "provider": "lab"})
        await ask(house, "apply", FILES)
        done = await ask(house, "apply", {"trimtab.yaml": "name: main\n"})
        assert {each["action"] for each in done["changes"]} == {"remove"}
        assert len(done["changes"]) == 10 - 1 + 1
        models = (await house.admin.get(f"{BASE}/models")).json()["items"]
        assert [each["name"] for each in models] == ["mine"]

    run(story)
