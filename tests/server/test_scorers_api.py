"""Scorers over the API: listed with their options, and tried on one answer."""

from typing import TYPE_CHECKING

from house import House

from trimtab.scoring.scorers import REGISTRY

if TYPE_CHECKING:
    from house import Run

AT = "/api/v1/projects/default/scorers"


def test_scorers_are_listed_with_what_they_need_and_may_be_told(run: "Run") -> None:
    async def story(house: House) -> None:
        items = (await house.admin.get(AT)).json()["items"]
        assert [each["name"] for each in items] == list(REGISTRY.names())
        (numeric,) = [each for each in items if each["name"] == "numeric"]
        assert numeric["needs"] == ["output", "expected"]
        assert numeric["options"]["properties"]["absolute"]["default"] == 0.0
        assert (await house.admin.get(f"{AT}/numeric")).json() == numeric
        missing = await house.admin.get(f"{AT}/numerc")
        assert missing.status_code == 404
        assert "numeric" in missing.json()["fix"]

    run(story)


def test_a_trial_gives_a_verdict_or_says_why_there_is_none(run: "Run") -> None:
    async def story(house: House) -> None:
        body = {"scorer": "numeric", "sample": {"output": "About 41.9 km.", "expected": 42}}
        wrong = (await house.admin.post(f"{AT}/try", json=body)).json()
        assert (wrong["outcome"], wrong["value"], wrong["cost"]) == ("scored", 0.0, "0")
        right = (await house.admin.post(f"{AT}/try", json={**body, "options": {"absolute": 0.5}})).json()
        assert right["value"] == 1.0
        assert right["detail"]["found"] == ["41.9"]
        none = (await house.admin.post(f"{AT}/try", json={"scorer": "numeric", "sample": {"expected": 42}})).json()
        assert (none["outcome"], none["value"]) == ("cannot_score", None)
        assert "output" in none["reason"]

    run(story)


def test_a_trial_with_a_mistake_in_it_is_refused_with_a_way_out(run: "Run") -> None:
    async def story(house: House) -> None:
        sample = {"output": "x"}
        for body, status in (
            ({"scorer": "nothing", "sample": sample}, 404),
            ({"scorer": "regex", "sample": sample, "options": {"patern": "x"}}, 400),
            ({"scorer": "regex", "sample": {"ouput": "x"}}, 400),
        ):
            refused = await house.admin.post(f"{AT}/try", json=body)
            assert refused.status_code == status, body
            assert refused.json()["fix"]
        pattern = {"scorer": "regex", "sample": sample, "options": {"pattern": "(?=x)"}}
        told = (await house.admin.post(f"{AT}/try", json=pattern)).json()
        assert (told["outcome"], "looks ahead" in told["reason"]) == ("cannot_score", True)

    run(story)
