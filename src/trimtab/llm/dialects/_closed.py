"""A JSON schema as Anthropic and Bedrock follow one: every object closed, and no bounds on what a member may be.

They refuse a schema whose objects may hold members that it does not name, and bounds on numbers, texts and lists; those
become words of the description, as in Anthropic's own clients.
https://platform.claude.com/docs/en/build-with-claude/structured-outputs and
https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html
"""

import json
from typing import Any, cast

from trimtab.core.errors import Unsupported

BOUNDS = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
)
MAPS = ("properties", "$defs", "definitions")
LISTS = ("anyOf", "allOf", "oneOf", "prefixItems")
DEEPEST = 200


def closed_schema(schema: dict[str, Any], depth: int = 0) -> dict[str, Any]:
    """Raises `Unsupported` for an object that names no members: closed, it could only be empty."""
    if depth > DEEPEST:
        raise unfit("is nested too deeply")
    found: dict[str, Any] = {}
    bounds: dict[str, Any] = {}
    for name, value in schema.items():
        if name in BOUNDS or (name == "minItems" and value not in (0, 1)):
            bounds[name] = value
        elif name in MAPS and isinstance(value, dict):
            members = cast("dict[str, Any]", value)
            found[name] = {key: _inner(each, depth) for key, each in members.items()}
        elif (name in LISTS or name == "items") and isinstance(value, list):
            found[name] = [_inner(each, depth) for each in cast("list[Any]", value)]
        else:
            found[name] = _inner(value, depth) if name == "items" else value
    if is_object(schema):
        if not schema.get("properties") and schema.get("additionalProperties") is not False:
            raise unfit("has an object that names no members")
        found["additionalProperties"] = False
    return told_in_words(found, bounds)


def told_in_words(schema: dict[str, Any], bounds: dict[str, Any]) -> dict[str, Any]:
    """With what may not stand in it at the end of its description."""
    if not bounds:
        return schema
    told = "; ".join(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in bounds.items())
    said = schema.get("description")
    words = f"{said}\n\n{{{told}}}" if said and isinstance(said, str) else f"{{{told}}}"
    return schema | {"description": words}


def is_object(schema: dict[str, Any]) -> bool:
    kind = schema.get("type")
    return kind == "object" or "properties" in schema or (isinstance(kind, list) and "object" in kind)


def _inner(value: Any, depth: int) -> Any:
    return closed_schema(cast("dict[str, Any]", value), depth + 1) if isinstance(value, dict) else value


def unfit(why: str, param: str = "response_format", *, choice: bool = False) -> Unsupported:
    follows = "without choices between kinds of values" if choice else "whose objects name all of theirs"
    return Unsupported(
        f"The JSON schema of `{param}` {why}: this provider only follows one {follows}.",
        fix=("Give each member one type" if choice else "Name the members under `properties`")
        + ", or call a model of another provider.",
        param=param,
    )
