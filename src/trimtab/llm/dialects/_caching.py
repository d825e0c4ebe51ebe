"""Marks of how far a prompt cache may keep a prompt: Anthropic's ``cache_control``, which clients of Chat Completions
write as well (https://openrouter.ai/docs/features/prompt-caching), and Bedrock's ``cachePoint``.

They are hints: what a vendor has no place for is left out, and so is what would be too much.
https://platform.claude.com/docs/en/build-with-claude/prompt-caching (four of them, and none of an hour after one of
five minutes).
"""

from typing import Any

from msgspec import Raw

from trimtab.llm.dialects._crossing import opaque_fields
from trimtab.llm.dialects._reading import Fields
from trimtab.llm.dialects._tolerant import an_object
from trimtab.llm.types import Opaque, Part, Request, Text, ToolResult

MOST = 4
SHORT, LONG = "5m", "1h"
_NAME = "cache_control"


def ttl_in(fields: Fields) -> str:
    """How long, by the mark of a block or a tool; empty where there is none."""
    cursor = fields.get(_NAME)
    return "" if cursor is None else _ttl(cursor.anything())


def ttl_of_all(request: Request) -> str:
    """How long the whole prompt may be kept, by a mark of the call itself."""
    raw = request.extra.get(_NAME)
    return "" if raw is None else _ttl(opaque_fields(Opaque("", raw)))


def ttl_of(part: Part) -> str:
    match part:
        case Text():
            return part.cache
        case ToolResult():  # the mark of a result stands on its last text
            return next((ttl for each in reversed(part.parts) if (ttl := ttl_of(each))), "")
        case Opaque(raw=Raw() as raw) if b'"cache_control"' in bytes(raw):
            return _ttl(opaque_fields(part).get(_NAME))
        case _:
            return ""


def cache_control(ttl: str) -> dict[str, str]:
    return {"type": "ephemeral", "ttl": LONG} if ttl == LONG else {"type": "ephemeral"}


def _ttl(told: Any) -> str:
    mark = an_object(told)
    if mark.get("type") != "ephemeral":
        return ""
    return LONG if mark.get("ttl") == LONG else SHORT
