"""What a change would cost: real calls at real prices, and nothing made up where one of them is not known."""

from collections.abc import Mapping
from typing import Any

import pytest
from house import House, Run

from trimtab.core.errors import Unavailable
from trimtab.gateway.routing.expand import node_of
from trimtab.server.folder.estimating import first_leaf
from trimtab.telemetry.costs.explorer import Traffic

BASE = "/api/v1/projects/default"
TOP = """
models:
  small: {provider: lab, model: one, price: {input: 1, output: 2}}
  large: {provider: lab, model: two, price: {input: 10, output: 20}}
  secret: {provider: lab, model: three}
"""
PROMPT = "---\nname: greet\n---\nSay hello.\n"


class Books:
    """A ledger of one answer; it fails where there is none."""

    def __init__(self, traffic: Traffic | None) -> None:
        self.traffic = traffic
        self.asked: list[Mapping[str, Any]] = []

    async def ask(self, line: type[Any], sql: str, params: Mapping[str, Any]) -> list[Any]:
        del line, sql
        self.asked.append(params)
        if self.traffic is None:
            raise Unavailable("The store is away.")
        return [self.traffic]


CALLS = Traffic(
    calls=700, input=70_000, cache_read=0, cache_write=0, output=7_000, reasoning=0, cost="84000000000", unpriced=0
)


async def planned(house: House, before: str, after: str) -> dict[str, Any]:
    body = {"name": "lab", "kind": "custom", "base_url": "http://127.0.0.1:9/v1", "dialect": "openai_chat"}
    assert (await house.admin.post(f"{BASE}/providers", json=body)).status_code == 201
    files = {"trimtab.yaml": TOP, "prompts/greet.prompt.md": PROMPT, "apps/desk.yaml": before}
    made = await house.admin.post(f"{BASE}/apply", json={"files": files})
    assert made.status_code == 200, made.text
    files |= {"apps/desk.yaml": after, "prompts/greet.prompt.md": PROMPT.replace("hello", "hello, and mean it" * 4)}
    answer = await house.admin.post(f"{BASE}/plan", json={"files": files})
    (cost,) = answer.json()["costs"]
    return cost


def test_recorded_calls_are_priced_at_both_models_with_the_prompts_own_tokens(run: Run) -> None:
    books = Books(CALLS)

    async def story(house: House) -> None:
        cost = await planned(house, "prompt: greet\nroute: small\n", "prompt: greet\nroute: large\n")
        more = cost["prompt_tokens"]
        assert more > 10
        assert (cost["calls"], cost["tokens_in"], cost["tokens_out"], cost["recorded"]) == (700, 70_000, 7_000, "0.012")
        assert cost["before"] == "0.012"  # 100 in and 10 out a call, 100 calls a day
        assert float(cost["after"]) == pytest.approx(100 * ((100 + more) * 10 + 10 * 20) / 1e6)
        assert (cost["before_model"], cost["after_model"], cost["note"]) == ("lab/one", "lab/two", "")
        assert books.asked[-1]["name"] == "desk"

    run(story, asker=books)


@pytest.mark.parametrize(
    ("traffic", "after", "known", "note"),
    [
        (CALLS, "secret", {"before": "0.012", "after": None}, "No price of lab/three is known."),
        (Traffic(calls=0, input=0, cache_read=0, cache_write=0, output=0, reasoning=0, cost="0", unpriced=0), "large",
         {"before": None, "after": None}, "No call of it was recorded in the last 7 days."),
        (Traffic(calls=1, input=1, cache_read=0, cache_write=0, output=1, reasoning=0, cost="0", unpriced=1), "large",
         {"recorded": None}, "1 recorded attempts have no price."),
        (None, "large", {"before": None, "after": None, "recorded": None}, "The store is away."),
    ],
)  # fmt: skip
def test_what_is_not_known_is_said_to_be_unknown(
    run: Run, traffic: Traffic | None, after: str, known: dict[str, Any], note: str
) -> None:
    async def story(house: House) -> None:
        cost = await planned(house, "route: small\n", f"route: {after}\n")
        assert {name: cost[name] for name in known} == known
        assert note in cost["note"]

    run(story, asker=Books(traffic))


def test_the_first_target_is_the_one_that_no_condition_sends_elsewhere() -> None:
    tree = {
        "node": "local_only",
        "use": {
            "node": "when",
            "of": [{"if": {"tags": ["a"]}, "use": "other"}],
            "otherwise": {
                "node": "weights",
                "of": [
                    {"weight": 1, "use": "light"},
                    {
                        "weight": 3,
                        "use": {
                            "node": "escalate",
                            "cheap": {"node": "fallback", "of": ["first", "second"]},
                            "strong": "big",
                        },
                    },
                ],
            },
        },
    }
    assert first_leaf(node_of(tree)) == "first"
    assert first_leaf(node_of({"node": "target", "model": "only"})) == "only"
