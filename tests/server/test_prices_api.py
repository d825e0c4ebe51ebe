"""Dated prices over the API: in force when the call returns, all or none, and never in the way of what is booked."""

from typing import TYPE_CHECKING, Any

import pytest
from house import House

from trimtab.ledger.moments import moment
from trimtab.server.config.file import parse

if TYPE_CHECKING:
    from house import Run

AT = "/api/v1/projects/default"
RATES = {"input": "0.15", "output": "0.60"}


async def models(house: House) -> None:
    admin = house.admin
    body = {"name": "openai", "kind": "openai", "api_key": "sk-" + "x" * 20}
    assert (await admin.post(f"{AT}/providers", json=body)).status_code == 201
    made = await admin.post(f"{AT}/models", json={"name": "fast", "provider": "openai", "upstream": "gpt-4o-mini"})
    assert made.status_code == 201


def test_a_price_is_in_force_when_the_call_returns_and_says_which_row_it_is(run: "Run") -> None:
    async def story(house: House) -> None:
        await models(house)
        admin = house.admin
        body = {"prices": [{"model": "gpt-4o*", "provider": "openai", "rates": RATES, "valid_from": 1}]}
        made = await admin.post(f"{AT}/prices", json=body)
        assert made.status_code == 201, made.text
        (row,) = made.json()["items"]
        assert row["state"] == "in_force"
        price = (await admin.get(f"{AT}/price", params={"model": "fast"})).json()
        assert (price["input"], price["output"]) == ("0.15", "0.6")
        assert price["source"] == f"override:{row['id']}:input=0.15/output=0.6"
        before = (await admin.get(f"{AT}/price", params={"model": "fast", "at": 0})).json()
        assert before["source"].startswith("genai-prices/")
        ended = await admin.patch(f"{AT}/prices/{row['id']}", json={"valid_to": 5})
        assert ended.json()["state"] == "ended"
        after = (await admin.get(f"{AT}/price", params={"model": "fast"})).json()
        assert after["source"].startswith("genai-prices/")
        assert (await admin.delete(f"{AT}/prices/{row['id']}")).status_code == 204
        assert (await admin.get(f"{AT}/prices")).json()["items"] == []

    run(story)


def test_a_price_of_one_tier_prices_that_tier_only(run: "Run") -> None:
    async def story(house: House) -> None:
        await models(house)
        admin = house.admin
        body = {"model": "gpt-4o*", "provider": "openai", "tier": "priority", "rates": RATES}
        made = await admin.post(f"{AT}/prices", json={"prices": [body]})
        assert made.status_code == 201, made.text
        (row,) = made.json()["items"]
        assert row["tier"] == "priority"
        standard = (await admin.get(f"{AT}/price", params={"model": "fast"})).json()
        assert standard["source"].startswith("genai-prices/")
        of_tier = (await admin.get(f"{AT}/price", params={"model": "fast", "tier": "priority"})).json()
        assert of_tier["source"] == f"override:{row['id']}:input=0.15/output=0.6@priority"
        beside = await admin.post(f"{AT}/prices", json={"prices": [body | {"tier": ""}]})
        assert beside.status_code == 201, beside.text
        twice = await admin.post(f"{AT}/prices", json={"prices": [body]})
        assert twice.status_code == 409
        assert "gpt-4o*@priority" in twice.text
        wrong = await admin.post(f"{AT}/prices", json={"prices": [body | {"tier": "a b"}]})
        assert (wrong.status_code, wrong.json()["param"]) == (400, "tier")
        for tier, meant in (
            ("us+fast", "Write 'fast+us'."),
            ("on_demand_flex", "Write 'flex'."),
            ("standard", "Leave"),
        ):
            never = await admin.post(f"{AT}/prices", json={"prices": [body | {"tier": tier}]})
            assert never.status_code == 400, "it would be a price that nothing has"
            assert never.json()["fix"].startswith(meant)

    run(story)


def test_of_many_prices_all_are_taken_or_none(run: "Run") -> None:
    async def story(house: House) -> None:
        good = {"model": "a", "rates": RATES}
        bad = {"model": "b", "rates": {"input": "1"}}
        refused = await house.admin.post(f"{AT}/prices", json={"prices": [good, bad]})
        assert refused.status_code == 400
        assert refused.json()["fix"]
        assert (await house.admin.get(f"{AT}/prices")).json()["items"] == []
        assert (await house.admin.post(f"{AT}/prices", json={"prices": [good]})).status_code == 201
        twice = await house.admin.post(f"{AT}/prices", json={"prices": [good]})
        assert (twice.status_code, twice.json()["param"]) == (409, "valid_from")

    run(story)


@pytest.mark.parametrize(
    "body",
    [
        {"prices": []},
        {"prices": [{"model": "", "rates": RATES}]},
        {"prices": [{"model": "x", "rates": RATES, "valid_from": 5, "valid_to": 5}]},
        {"prices": [{"model": "x", "rates": {"input": 1, "output": 2}}]},
        {"prices": [{"model": "x", "rates": RATES, "valid_from": -1}]},
        {"prices": "x"},
    ],
)
def test_a_wrong_price_is_refused(run: "Run", body: Any) -> None:
    async def story(house: House) -> None:
        refused = await house.admin.post(f"{AT}/prices", json=body)
        assert refused.status_code == 400
        assert refused.json()["fix"]

    run(story)


def test_prices_of_the_config_file_are_listed_and_changed_there_only(run: "Run") -> None:
    text = "prices:\n  deal:\n    model: gpt-4o-mini\n    from: 2025-01-01\n    input: 0.10\n    output: 0.40\n"

    async def story(house: House) -> None:
        await models(house)
        admin = house.admin
        (row,) = (await admin.get(f"{AT}/prices")).json()["items"]
        assert (row["id"], row["source"], row["valid_from"]) == ("config.deal", "config", moment("2025-01-01"))
        assert (await admin.get(f"{AT}/price", params={"model": "fast"})).json()["input"] == "0.1"
        assert (await admin.delete(f"{AT}/prices/config.deal")).status_code == 409

    run(story, config=parse(text, "t.yaml", {}))


def test_costs_may_be_shown_in_another_currency(run: "Run") -> None:
    async def story(house: House) -> None:
        admin = house.admin
        assert (await admin.get(f"{AT}/currency")).json() == {"code": None, "rate": None, "revision": 1}
        shown = await admin.patch(f"{AT}/currency", json={"code": "EUR", "rate": "0.920"})
        assert shown.json() == {"code": "EUR", "rate": "0.92", "revision": 2}
        assert (await admin.patch(f"{AT}/currency", json={"code": "euro", "rate": "1"})).status_code == 400
        assert (await admin.patch(f"{AT}/currency", json={"code": "EUR"})).status_code == 400
        none = (await admin.patch(f"{AT}/currency", json={"code": None})).json()
        assert none == {"code": None, "rate": None, "revision": 3}

    run(story)


def test_the_packaged_book_tells_its_version_and_age(run: "Run") -> None:
    async def story(house: House) -> None:
        book = (await house.admin.get(f"{AT}/price-book")).json()
        assert book["version"]
        assert book["rows"] > 1000
        assert book["stale"] is False

    run(story)
