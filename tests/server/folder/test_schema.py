"""The schemas for editors are those of the types that read the files, and accept what these read."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from trimtab.server.folder.schema import schemas

ROOT = Path(__file__).parents[3]
GOOD: dict[str, list[str]] = {
    "trimtab": [
        "{}",
        (
            "name: main\nlabels: {support: {production: latest, old: 3}}\nenvironments: {qa: , staging: {position: 2, "
            "protection: {approvals: 2, freezes: [{name: x, days: [fri], after: '18:00'}]}}}\n"
        ),
        (
            "models: {fast: {provider: lab, price: {input: 0.1, output: 1}}}\nroutes: {best: {tree: {node: fallback, "
            "of: [fast, {node: target, model: slow}]}}}\nlimits: {daily: {measure: money, bound: 1.5, window: day}}\n"
        ),
    ],
    "app": [
        "prompt: support\nroute: fast\n",
        (
            "route: {node: weights, of: [{weight: 1, use: fast}, {weight: 2, use: slow}]}\ntools: [{type: function}]\n"
            "cache: {ttl: 60}\npolicy: {refunds: 50}\n"
        ),
    ],
    "prompt": ["name: support\nvariables: {customer: string, tone: {type: string, enum: [a, b]}, any: }\n"],
}
BAD: dict[str, list[str]] = {
    "trimtab": [
        "providers: {}",
        "labels: {support: {production: soon}}",
        "environments: {staging: {protection: {approvals: many}}}",
        "models: {fast: {}}",
        "routes: {best: {tree: {node: fallbak, of: [fast]}}}",
    ],
    "app": ["promt: support", "route: {node: fallback}", "parameters: 3"],
    "prompt": ["variables: {customer: strng}", "nam: x"],
}


@pytest.mark.parametrize("name", schemas())
def test_the_published_schema_is_current(name: str) -> None:
    published = json.loads((ROOT / f"schemas/{name}.schema.json").read_text())
    assert published == schemas()[name], "run: make schemas"


@pytest.mark.parametrize("name", GOOD)
def test_the_schema_accepts_what_is_right_and_refuses_what_is_not(name: str) -> None:
    validator = jsonschema_rs.validator_for(schemas()[name])
    for text in GOOD[name]:
        value: Any = yaml.safe_load(text)
        validator.validate(value)
    for text in BAD[name]:
        assert not validator.is_valid(yaml.safe_load(text)), text
