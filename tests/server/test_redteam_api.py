"""What is refused before a red team costs anything."""

from typing import TYPE_CHECKING

from house import House

if TYPE_CHECKING:
    from house import Run

P = "/api/v1/projects/default"


def test_a_budget_that_could_not_stop_anything_is_refused_and_leaves_nothing(run: "Run") -> None:
    async def story(house: House) -> None:
        lab = {"name": "lab", "base_url": "http://127.0.0.1:9/v1", "api_key": "a-very-secret-key"}
        assert (await house.admin.post(f"{P}/providers", json=lab)).status_code == 201
        model = {"name": "fast", "provider": "lab", "upstream": "nobody-priced-this"}
        assert (await house.admin.post(f"{P}/models", json=model)).status_code == 201
        asked = {"subjects": ["fast"], "attacks": 1, "budget": "1"}
        refused = await house.admin.post(f"{P}/redteam", json=asked)
        assert (refused.status_code, refused.json()["code"]) == (409, "unpriced")
        assert (await house.admin.get(f"{P}/datasets")).json()["items"] == []
        price = {"provider": "lab", "model": "nobody-priced-this", "rates": {"input": "1", "output": "2"}}
        assert (await house.admin.post(f"{P}/prices", json={"prices": [price]})).status_code == 201
        assert (await house.admin.post(f"{P}/redteam", json=asked)).status_code == 201

    run(story)
