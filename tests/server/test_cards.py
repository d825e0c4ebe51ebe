"""Capability cards over the API: kept, numbered, derived, and in force for routing."""

from typing import Any

import httpx
from house import House, Run

AT = "/api/v1/projects/default"
CARD = f"{AT}/models/team%2Ffast/card"


def result(check: str, outcome: str = "pass", front: str = "openai_chat", evidence: str = "seen") -> dict[str, str]:
    return {"check": check, "front": front, "outcome": outcome, "evidence": evidence}


def card(*results: dict[str, str], upstream: str = "gpt-4o-mini") -> dict[str, Any]:
    return {"provider": "lab", "upstream": upstream, "suite": "1", "results": list(results)}


async def with_model(house: House) -> httpx.AsyncClient:
    admin = house.admin
    await admin.post(f"{AT}/providers", json={"name": "lab", "base_url": "http://127.0.0.1:9/v1"})
    body = {"name": "team/fast", "provider": "lab", "upstream": "gpt-4o-mini"}
    assert (await admin.post(f"{AT}/models", json=body)).status_code == 201
    return admin


def of_snapshot(house: House) -> frozenset[str] | None:
    (targets,) = house.holder.current.targets.values()
    return targets.models["team/fast"].capabilities


def test_a_model_that_was_never_tried_has_no_card_and_unknown_capabilities(run: Run) -> None:
    async def story(house: House) -> None:
        admin = await with_model(house)
        answer = await admin.get(CARD)
        assert (answer.status_code, answer.json()["code"]) == (404, "no_card")
        assert "trimtab conformance" in answer.json()["fix"]
        assert (await admin.get(f"{AT}/models")).json()["items"][0]["capabilities"] is None
        assert of_snapshot(house) is None

    run(story)


def test_a_card_is_kept_under_the_next_number_and_is_in_force_at_once(run: Run) -> None:
    async def story(house: House) -> None:
        admin = await with_model(house)
        first = await admin.put(CARD, json=card(result("tools", "fail")))
        assert (first.status_code, first.json()["number"], first.json()["capabilities"]) == (200, 1, [])
        assert of_snapshot(house) == frozenset()
        second = await admin.put(CARD, json=card(result("tools"), result("images", "not_supported")))
        assert (second.json()["number"], second.json()["capabilities"], second.json()["current"]) == (
            2,
            ["tools"],
            True,
        )
        assert of_snapshot(house) == {"tools"}
        assert (await admin.get(CARD)).json() == second.json()
        assert (await admin.get(f"{AT}/models")).json()["items"][0]["capabilities"] == ["tools"]

    run(story)


def test_a_capability_needs_a_pass_and_no_failure_through_any_front(run: Run) -> None:
    async def story(house: House) -> None:
        admin = await with_model(house)
        results = [
            result("plain"),
            result("plain", front="anthropic_messages"),
            result("tools"),
            result("tools", "fail", front="anthropic_messages"),
            result("reasoning", "could_not_tell"),
            result("reasoning", front="anthropic_messages"),
            result("images", "not_supported"),
        ]
        kept = await admin.put(CARD, json=card(*results))
        assert kept.json()["capabilities"] == ["plain", "reasoning"]

    run(story)


def test_a_model_pointed_elsewhere_loses_its_capabilities_and_keeps_its_card(run: Run) -> None:
    async def story(house: House) -> None:
        admin = await with_model(house)
        await admin.put(CARD, json=card(result("tools")))
        await admin.patch(f"{AT}/models/team%2Ffast", json={"upstream": "gpt-5-mini"})
        assert of_snapshot(house) is None
        assert (await admin.get(CARD)).json()["current"] is False
        late = await admin.put(CARD, json=card(result("tools")))
        assert (late.status_code, late.json()["param"]) == (409, "upstream")

    run(story)


def test_what_is_no_card_is_refused_with_a_way_out(run: Run) -> None:
    async def story(house: House) -> None:
        admin = await with_model(house)
        for wrong in (
            card(),
            card(result("tools"), result("tools")),
            card(result("tools", evidence=" ")),
            card(result("Tools!")),
            card(result("tools", "perhaps")),
            card(result("tools", evidence="x" * 2001)),
            card(result("tools")) | {"suite": ""},
        ):
            answer = await admin.put(CARD, json=wrong)
            assert answer.status_code == 400, wrong
            assert answer.json()["fix"]
        assert (await admin.put(f"{AT}/models/slow/card", json=card(result("tools")))).status_code == 404
        assert (await admin.get(CARD)).status_code == 404

    run(story)


def test_a_client_key_may_read_a_card_and_not_write_one(run: Run) -> None:
    async def story(house: House) -> None:
        admin = await with_model(house)
        await admin.put(CARD, json=card(result("tools")))
        secret = (await admin.post(f"{AT}/keys", json={"name": "app"})).json()["secret"]
        client = house.client(secret)
        assert (await client.get(CARD)).status_code == 200
        assert (await client.put(CARD, json=card(result("tools")))).status_code == 403

    run(story)
