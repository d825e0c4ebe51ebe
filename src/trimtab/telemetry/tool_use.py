"""What is wrong with a tool call that a model wrote.

Arguments are held against the schema that came with the call, as far as it goes without guessing: what is required, the
types and enumerations of its properties, and that nothing else is there where it says so. What a schema says by
references and combinations is let pass.
"""

from typing import Any, Final, cast

import msgspec
from msgspec import Struct

from trimtab.llm.types import Tool, ToolCall

_decode: Final = msgspec.json.Decoder().decode
_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,),
    "integer": (int, float),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


class Misuse(Struct, frozen=True):
    """``kind``: ``unreadable``, ``invalid`` or ``unknown``."""

    kind: str
    why: str


def misuse(call: ToolCall, tools: tuple[Tool, ...]) -> Misuse | None:
    """None where nothing is wrong. Without any tools on offer (an emitter may not tell them) no tool is unknown."""
    tool = next((each for each in tools if each.name == call.name), None)
    if tool is None and tools:
        offered = ", ".join(each.name for each in tools[:5])
        return Misuse("unknown", f"{call.name[:100]} was not on offer: {offered[:200]}")
    try:
        arguments: Any = _decode(call.arguments) if call.arguments.strip() else {}
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        return Misuse("unreadable", f"its arguments do not parse: {error}")
    if not isinstance(arguments, dict):
        return Misuse("unreadable", "its arguments are no JSON object")
    if tool is None or tool.parameters is None:
        return None
    why = _breaks(_object(arguments), tool.parameters)
    return Misuse("invalid", why) if why else None


def _breaks(arguments: dict[str, Any], schema: dict[str, Any]) -> str:
    properties = _object(schema.get("properties"))
    for name in _list(schema.get("required")):
        if isinstance(name, str) and name not in arguments:
            return f"{name} is required and missing"
    for name, value in arguments.items():
        if name not in properties:
            if schema.get("additionalProperties") is False:
                return f"{name} is no argument of it"
        elif why := _unfit(value, _object(properties[name])):
            return f"{name} {why}"
    return ""


def _unfit(value: Any, schema: dict[str, Any]) -> str:
    kinds = schema.get("type")
    names = [kinds] if isinstance(kinds, str) else _list(kinds)
    if (
        names
        and all(isinstance(name, str) and name in _TYPES for name in names)
        and not any(_is(value, name) for name in names)
    ):
        return f"is {_kind(value)} and must be {' or '.join(names)}"
    choices = _list(schema.get("enum"))
    if choices and value not in choices:
        return f"is none of the {len(choices)} allowed values"
    return ""


def _object(value: Any) -> dict[str, Any]:
    """A schema may hold anything: what is no object constrains nothing."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _is(value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    if name == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[name])


def _kind(value: Any) -> str:
    names = ("boolean", "null", "integer", "string", "array", "object")
    return next((name for name in names if _is(value, name)), "number")
