"""Tools, their calls and their ids as vendors with narrower rules take them."""

import hashlib
import re
from typing import Any, cast

import msgspec
from msgspec import Raw

from trimtab.llm.dialects._reading import BROKEN

_PLAIN_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def tool_input(arguments: str) -> dict[str, Any] | Raw:
    """``input`` must be an object, but arguments may be cut off or wrong, and the model must see what it wrote.

    Such text is wrapped the way Anthropic advises for handing invalid JSON back:
    https://docs.claude.com/en/docs/agents-and-tools/tool-use/fine-grained-tool-streaming. No text at all is how models
    of other vendors call a tool that takes nothing.
    """
    if not arguments.strip():
        return {}
    try:
        value: Any = msgspec.json.decode(arguments)
    except BROKEN:
        value = None
    return Raw(arguments.encode("utf-8")) if isinstance(value, dict) else {"INVALID_JSON": arguments}


def plain_id(told: str) -> str:
    """An id that Anthropic and Bedrock take: 64 letters, digits, ``_`` and ``-`` at most. The same to the same, so that
    a call and its result stay together; other vendors' models call theirs ``functions.search:0``.

    https://github.com/langchain-ai/langchain/pull/37756 and
    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolUseBlock.html
    """
    if _PLAIN_ID.fullmatch(told):
        return told
    return bounded_id(told)


def bounded_id(told: str) -> str:
    """The same id for the same text, of 29 letters and digits."""
    return "call_" + hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()[:24]


def object_schema(parameters: dict[str, Any] | None) -> dict[str, Any]:
    """What a tool takes, as the schema of an object, which vendors demand: some clients leave out its type, or all of
    it, where nothing is taken."""
    given: dict[str, Any] = parameters or {}
    kind = given.get("type")
    if kind is None or (isinstance(kind, list) and "object" in kind):
        given = given | {"type": "object"}
    if given["type"] == "object" and not isinstance(given.get("properties"), dict):
        given = given | {"properties": dict[str, Any]()}
    return given


def fits_strict(schema: Any) -> bool:
    """Whether OpenAI would hold a call to it: every object closed and all of its members required.
    https://platform.openai.com/docs/guides/structured-outputs#supported-schemas"""
    if isinstance(schema, list):
        return all(map(fits_strict, cast("list[Any]", schema)))
    if not isinstance(schema, dict):
        return True
    known = cast("dict[str, Any]", schema)
    members: Any = known.get("properties")
    if known.get("type") == "object" or isinstance(members, dict):
        named = set(cast("dict[str, Any]", members)) if isinstance(members, dict) else set[str]()
        required: Any = known.get("required", [])
        if known.get("additionalProperties") is not False or not isinstance(required, list):
            return False
        if named != set(cast("list[str]", required)):
            return False
    inner = [value for name, value in known.items() if name in ("items", "anyOf")]
    inner += [each for name in ("properties", "$defs") for each in _values(known.get(name))]
    return all(map(fits_strict, inner))


def _values(value: Any) -> list[Any]:
    return list(cast("dict[str, Any]", value).values()) if isinstance(value, dict) else []
