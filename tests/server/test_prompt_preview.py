"""A prompt's file while it is being written: its variables, its messages, what they weigh, and what is wrong where."""

from typing import TYPE_CHECKING, Any

import pytest
from house import House

if TYPE_CHECKING:
    from house import Run

AT = "/api/v1/projects/default"
FILE = """---
name: support
variables:
  who: {type: string}
  tone: {type: string, default: kind}
---
@system
{% include "house" %}
Be {{ tone }}.

@user
I am {{ who }}.
"""


async def ready(house: House) -> None:
    """A model with a price, one without, and a prompt to include that asks for a variable of its own."""
    admin = house.admin
    lab = {"name": "lab", "base_url": "http://127.0.0.1:9/v1"}
    priced = {"name": "fast", "provider": "lab", "price": {"input": 1, "output": 2}}
    house_style = "---\nvariables: {shop: {type: string, default: Ours}}\n---\nAt {{ shop }}: "
    for path, body in (
        ("providers", lab),
        ("models", priced),
        ("models", {"name": "free", "provider": "lab"}),
        ("prompts/house/versions", {"file": house_style}),
    ):
        assert (await admin.post(f"{AT}/{path}", json=body)).status_code == 201


async def previewed(house: House, file: str, name: str = "support", **more: Any) -> dict[str, Any]:
    answer = await house.admin.post(f"{AT}/prompts/{name}/preview", json={"file": file, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_file_says_what_it_asks_for_and_what_comes_of_it(run: "Run") -> None:
    async def story(house: House) -> None:
        await ready(house)
        found = await previewed(house, FILE, variables={"who": "Ada"}, model="fast")
        asked = {each["name"]: (each["required"], each["source"]) for each in found["variables"]}
        assert asked == {"who": (True, ""), "tone": (False, ""), "shop": (False, "house")}
        assert [message["content"] for message in found["rendered"]["messages"]][1] == "I am Ada."
        assert found["problem"] is None
        saved = await house.admin.post(f"{AT}/prompts/support/versions", json={"file": FILE})
        assert saved.json()["hash"] == found["hash"], "what is previewed is what would be saved"
        stored = await house.admin.get(f"{AT}/prompts")
        assert stored.json()["items"][1]["author"] == "admin (TRIMTAB_ADMIN_KEY)"

    run(story)


def test_the_weight_is_an_estimate_with_the_price_of_the_model_or_none(run: "Run") -> None:
    async def story(house: House) -> None:
        await ready(house)
        given: dict[str, Any] = {"variables": {"who": "Ada"}}
        priced = (await previewed(house, FILE, model="fast", **given))["estimate"]
        assert priced["tokens"] > 0
        assert float(priced["cost"]) == pytest.approx(priced["tokens"] / 1e6)
        assert priced["output_cost"] == "0.002"
        unknown = (await previewed(house, FILE, model="free", **given))["estimate"]
        assert (unknown["cost"], unknown["tokens"]) == (None, priced["tokens"])
        assert "not zero" in unknown["note"]
        gone = (await previewed(house, FILE, model="gone", **given))["estimate"]
        assert (gone["cost"], gone["output_cost"]) == (None, None)
        assert "gone" in gone["note"]
        assert (await previewed(house, FILE, **given))["estimate"]["model"] == ""

    run(story)


@pytest.mark.parametrize(
    ("file", "line", "words"),
    [
        ("---\nvariables: {who: text}\n---\n@user\nHi", 2, "variables.who"),
        ("---\nname: other\n---\n@user\nHi", 2, "'other'"),
        ("---\nvariables: {}\n---\n@system\nOne\n\n@user\n\nTwo\n{{ gone }}", 10, "'gone' is not declared"),
        ("@user\n{% if %}", 2, ""),
        ('@user\n{% include "nobody" %}', None, "'nobody'"),
    ],
)
def test_a_mistake_is_told_with_the_line_of_the_file(run: "Run", file: str, line: int | None, words: str) -> None:
    async def story(house: House) -> None:
        found = await previewed(house, file)
        assert found["rendered"] is None
        assert (found["problem"]["line"], words in found["problem"]["message"]) == (line, True), found["problem"]
        assert found["problem"]["fix"]

    run(story)


def test_a_value_that_is_missing_or_wrong_names_its_variable_and_the_form_is_still_there(run: "Run") -> None:
    async def story(house: House) -> None:
        file = (
            "---\nvariables: {age: integer, talk: {type: messages, default: []}}\n---\n@messages talk\n@user\n{{ age }}"
        )
        for values in ({}, {"age": "old"}):
            found = await previewed(house, file, variables=values)
            assert (found["problem"]["variable"], found["problem"]["line"]) == ("age", None)
            assert [each["name"] for each in found["variables"]] == ["age", "talk"]
        strange = await previewed(house, file, variables={"age": 1, "talk": [{"role": "nobody", "content": "x"}]})
        assert strange["problem"] is not None
        assert strange["rendered"] is not None

    run(story)
