"""Google's ``Schema`` (a part of OpenAPI 3.0, types in capitals) as JSON schema.

https://ai.google.dev/api/caching#Schema. The other way needs nothing: requests may hold a JSON schema as it is.
"""

from typing import Any, cast

_INNER = ("items",)
_LISTS = ("anyOf", "prefixItems")
_MAPS = ("properties", "defs")
_NUMBERS = ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")
_CAMEL = {
    "any_of": "anyOf",
    "prefix_items": "prefixItems",
    "min_items": "minItems",
    "max_items": "maxItems",
    "min_length": "minLength",
    "max_length": "maxLength",
    "min_properties": "minProperties",
    "max_properties": "maxProperties",
    "additional_properties": "additionalProperties",
}
_DEEPEST = 200


def json_schema(schema: dict[str, Any], depth: int = 0) -> dict[str, Any]:
    """The schema with JSON schema's names and types; ``nullable`` becomes a type, hints of order fall away. Numbers
    that protobuf writes as text are numbers again. What is nested beyond belief stays as it is."""
    if depth > _DEEPEST:
        return schema
    found: dict[str, Any] = {}
    for given, value in schema.items():
        name = _CAMEL.get(given, given)
        if name == "type" and isinstance(value, str):
            found["type"] = value.lower()
        elif name in _INNER and isinstance(value, dict):
            found[name] = json_schema(cast("dict[str, Any]", value), depth + 1)
        elif name in _LISTS and isinstance(value, list):
            found[name] = [_inner(each, depth) for each in cast("list[Any]", value)]
        elif name in _MAPS and isinstance(value, dict):
            members = cast("dict[str, Any]", value)
            found[name] = {key: _inner(each, depth) for key, each in members.items()}
        elif name in _NUMBERS and isinstance(value, str) and value.isdigit():
            found[name] = int(value)
        elif name not in ("nullable", "propertyOrdering", "property_ordering"):
            found[name] = value
    if schema.get("nullable") is True and isinstance(found.get("type"), str):
        found["type"] = [found["type"], "null"]
    return found


def _inner(value: Any, depth: int) -> Any:
    return json_schema(cast("dict[str, Any]", value), depth + 1) if isinstance(value, dict) else value
