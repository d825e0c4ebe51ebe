"""A JSON schema as Cohere follows one: each of its objects requires a member, and no bounds on what a member may be.

https://docs.cohere.com/v2/docs/structured-outputs (constraints and unsupported features of a schema). Bounds become
words of the description, as for Anthropic. An object all of whose members may be left out must give the first: what
fits that fits the schema as it was, too. Compositions (``anyOf``, ...) are left to Cohere to judge.
"""

from collections.abc import Iterator
from typing import Any, cast

from trimtab.llm.dialects._closed import BOUNDS, DEEPEST, LISTS, MAPS, is_object, told_in_words, unfit
from trimtab.llm.types import Tool

_FORMATS = ("date-time", "uuid", "date", "time")
_BEYOND = ("^", "$", "?=", "?!")
"""What Cohere's patterns do not know."""
_MOST_FIELDS = 200


def plain_schema(schema: dict[str, Any], depth: int = 0) -> dict[str, Any]:
    """Raises `Unsupported` for an object that names no members."""
    if depth > DEEPEST:
        raise unfit("is nested too deeply")
    found: dict[str, Any] = {}
    bounds: dict[str, Any] = {}
    for name, value in schema.items():
        if _is_bound(name, value):
            bounds[name] = value
        elif name in MAPS and isinstance(value, dict):
            found[name] = {key: _inner(each, depth) for key, each in cast("dict[str, Any]", value).items()}
        elif name in LISTS and isinstance(value, list):
            found[name] = [_inner(each, depth) for each in cast("list[Any]", value)]
        elif name != "additionalProperties":
            found[name] = _inner(value, depth) if name == "items" else value
    if is_object(schema):
        members: Any = schema.get("properties")
        if not members or not isinstance(members, dict):
            raise unfit("has an object that names no members")
        found["required"] = schema.get("required") or [next(iter(cast("dict[str, Any]", members)))]
    return told_in_words(found, bounds)


def may_be_strict(tools: tuple[Tool, ...]) -> bool:
    """Whether ``strict_tools`` may be asked for: 200 fields at most, and none of the tools has only such as may be left
    out (https://docs.cohere.com/v2/docs/structured-outputs)."""
    objects = [each for tool in tools for each in _objects(tool.parameters)]
    fields = sum(len(each["properties"]) for each in objects)
    return fields <= _MOST_FIELDS and all(each.get("required") for each in objects)


def _objects(schema: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Those that have members, wherever they stand."""
    if depth > DEEPEST:
        raise unfit("is nested too deeply", "tools")
    if isinstance(schema, list):
        for each in cast("list[Any]", schema):
            yield from _objects(each, depth + 1)
    if not isinstance(schema, dict):
        return
    known = cast("dict[str, Any]", schema)
    if known.get("properties") and isinstance(known["properties"], dict):
        yield known
    for name, inner in known.items():
        if name in MAPS and isinstance(inner, dict):
            yield from _objects(list(cast("dict[str, Any]", inner).values()), depth + 1)
        elif name in LISTS or name == "items":
            yield from _objects(inner, depth + 1)


def _is_bound(name: str, value: Any) -> bool:
    if name == "format":
        return value not in _FORMATS
    if name == "pattern":
        return any(each in str(value) for each in _BEYOND)
    return name in BOUNDS or name == "minItems"


def _inner(value: Any, depth: int) -> Any:
    return plain_schema(cast("dict[str, Any]", value), depth + 1) if isinstance(value, dict) else value
