"""A strict JSON schema is kept to the letter, whole and streamed."""

import json
from typing import Any, cast

from trimtab.cli.conformance.checks._asking import asking, quoted
from trimtab.cli.conformance.client import Answer
from trimtab.cli.conformance.suite import Bench, Check, Fails
from trimtab.llm.types import ResponseFormat

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "kind": {"type": "string", "enum": ["bird", "fish", "mammal"]},
        "wings": {"type": "integer"},
        "habitats": {"type": "array", "items": {"type": "string"}},
        "size": {
            "type": "object",
            "properties": {"metres": {"type": "number"}, "is_large": {"type": "boolean"}},
            "required": ["metres", "is_large"],
            "additionalProperties": False,
        },
    },
    "required": ["name", "kind", "wings", "habitats", "size"],
    "additionalProperties": False,
}
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


def _run(bench: Bench) -> str:
    format_ = ResponseFormat(kind="json_schema", name="animal", schema=SCHEMA, strict=True)
    request = asking("Describe the heron.", response_format=format_)
    whole = _kept(bench.front.ask(request), "Whole")
    _kept(bench.front.stream(request), "Streamed")
    return f"kept, whole and streamed: {quoted(whole)}"


def _kept(answer: Answer, how: str) -> str:
    try:
        value: Any = json.loads(answer.text)
    except ValueError:
        raise Fails(f"{how}: this is no JSON: {quoted(answer.text)}") from None
    wrong = departure(value, SCHEMA, "$")
    if wrong:
        raise Fails(f"{how}: {wrong}; the answer was {quoted(answer.text)}")
    return answer.text


def departure(value: Any, schema: dict[str, Any], at: str) -> str:
    """The first place where a value departs from a schema of the kind above, else ``""``."""
    kinds = _TYPES[schema["type"]]
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        return f"{at} is no {schema['type']}"
    if "enum" in schema and value not in schema["enum"]:
        return f"{at} is not one of {schema['enum']}"
    if isinstance(value, list):
        items = cast("list[Any]", value)
        return next((w for i, v in enumerate(items) if (w := departure(v, schema["items"], f"{at}[{i}]"))), "")
    if isinstance(value, dict):
        return _members(cast("dict[str, Any]", value), schema, at)
    return ""


def _members(value: dict[str, Any], schema: dict[str, Any], at: str) -> str:
    inner: dict[str, Any] = schema["properties"]
    missing, extra = sorted(set(schema["required"]) - value.keys()), sorted(value.keys() - inner.keys())
    if missing or extra:
        return f"{at} lacks {missing}" if missing else f"{at} has {extra} besides"
    return next((w for name, v in value.items() if (w := departure(v, inner[name], f"{at}.{name}"))), "")


PLUG = Check(title="a strict JSON schema is kept", run=_run)
