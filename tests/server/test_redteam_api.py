"""What is refused before a red team costs anything."""

from decimal import Decimal
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
        unsure = (await house.admin.post(f"{P}/redteam/estimate", json=asked)).json()
        assert (unsure["cost"], unsure["at_least"], unsure["unknown"]) == (None, "0", ["the price of fast"])
        price = {"provider": "lab", "model": "nobody-priced-this", "rates": {"input": "1", "output": "2"}}
        assert (await house.admin.post(f"{P}/prices", json={"prices": [price]})).status_code == 201
        sure = (await house.admin.post(f"{P}/redteam/estimate", json={**asked, "budget": "0.0001"})).json()
        (subject,) = sure["subjects"]
        assert (sure["attacks"], sure["calls"], subject["calls"], sure["over_budget"]) == (10, 10, 10, True)
        assert subject["input_tokens"] > 0
        per = subject["input_tokens"] * 1 + subject["output_tokens"] * 2
        assert Decimal(sure["cost"]) == Decimal(per * sure["calls"]) / 1_000_000
        assert (await house.admin.get(f"{P}/datasets")).json()["items"] == []
        two = (await house.admin.post(f"{P}/redteam/estimate", json={**asked, "subjects": ["fast", "fast"]})).json()
        assert (two["calls"], Decimal(two["cost"])) == (20, 2 * Decimal(sure["cost"]))
        assert (await house.admin.post(f"{P}/redteam/estimate", json={"subjects": ["none"]})).status_code == 404
        assert (await house.admin.post(f"{P}/redteam", json=asked)).status_code == 201
        for scorer, count in (("attack", 1), ("exact", 0), ("%", 0)):
            page = (await house.admin.get(f"{P}/experiments", params={"scorer": scorer})).json()
            assert len(page["items"]) == count, scorer

    run(story)
