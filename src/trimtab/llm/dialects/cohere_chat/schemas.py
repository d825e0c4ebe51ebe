"""A JSON schema as Cohere follows one: each of its objects requires a member, and no bounds on what a member may be.

https://docs.cohere.com/v2/docs/structured-outputs (constraints and unsupported features of a schema). Bounds become
words of the description, as for Anthropic. An object all of whose members may be left out must give the first, and what
may be null is not: what fits that fits the schema as it was, too. Other choices (``anyOf``, ...) have no place there.
"""

from collections.abc import Iterator
from typing import Any, cast

from trimtab.llm.dialects._closed import BOUNDS, DEEPEST, LISTS, MAPS, is_object, told_in_words, unfit
from trimtab.llm.dialects._tolerant import an_object
from trimtab.llm.types import Tool

_FORMATS = ("date-time", "uuid", "date", "time")
_BEYOND = ("^", "$", "?=", "?!")
"""What Cohere's patterns do not know."""
_MOST_FIELDS = 200
_CHOICES = ("anyOf", "oneOf", "allOf", "not")


def plain_schema(schema: dict[str, Any], depth: int = 0) -> dict[str, Any]:
    """Raises `Unsupported` for an object that names no members."""
    if depth > DEEPEST:
        raise unfit("is nested too deeply")
    schema = _settled(schema, depth)
    found: dict[str, Any] = {}
    bounds: dict[str, Any] = {}
    for name, value in schema.items():
        if _is_bound(name, value):
            bounds[name] = value
        elif name in MAPS and isinstance(value, dict):
            found[name] = {key: _inner(each, depth) for key, each in cast("dict[str, Any]", value).items()}
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
    return fields <= _MOST_FIELDS and all(each.get("required") and _is_settled(each) for each in objects)


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


def _settled(schema: dict[str, Any], depth: int) -> dict[str, Any]:
    """Without a choice, where there is one alone but for null."""
    if depth > DEEPEST:
        raise unfit("is nested too deeply")
    for name in _CHOICES:
        given: Any = schema.get(name)
        if name not in schema:
            continue
        kept: list[Any] = [each for each in _list(given) if not _is_null(each)]
        if name == "not" or len(kept) != 1 or not isinstance(kept[0], dict):
            raise unfit(f"has a choice (`{name}`)", choice=True)
        rest = {key: value for key, value in schema.items() if key != name and (key, value) != ("default", None)}
        return _settled(cast("dict[str, Any]", kept[0]) | rest, depth + 1)
    kinds: Any = schema.get("type")
    if isinstance(kinds, list):
        left = [each for each in cast("list[Any]", kinds) if each != "null"]
        if len(left) != 1:
            raise unfit("has a choice (of types)", choice=True)
        return schema | {"type": left[0]}
    return schema


def _is_settled(schema: dict[str, Any]) -> bool:
    """Whether no member of an object leaves a choice."""
    members = cast("dict[str, Any]", schema["properties"]).values()
    known = [cast("dict[str, Any]", each) for each in members if isinstance(each, dict)]
    return not any(isinstance(each.get("type"), list) or set(_CHOICES) & set(each) for each in known)


def _is_null(given: Any) -> bool:
    schema = an_object(given)
    return schema.get("type") == "null" or schema.get("enum") == [None]


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _is_bound(name: str, value: Any) -> bool:
    if name == "format":
        return value not in _FORMATS
    if name == "pattern":
        return any(each in str(value) for each in _BEYOND)
    return name in BOUNDS or name == "minItems"


def _inner(value: Any, depth: int) -> Any:
    return plain_schema(cast("dict[str, Any]", value), depth + 1) if isinstance(value, dict) else value
