"""Points up to which Bedrock's prompt cache keeps a prompt (``cachePoint``), as its models take them.

https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html: four at most, an hour for Claude from 4.5 on.
Nova takes none among the tools (https://github.com/LibreChat-AI/agents/pull/253). None may follow a thought
(https://github.com/anomalyco/opencode/issues/36517) or a document that is no PDF
(https://github.com/aws/aws-sdk-java-v2/issues/6277), stand in a tool's result
(https://github.com/Portkey-AI/gateway/issues/1762), or last for an hour after one of five minutes (there, too).
"""

import re
from typing import Any, Literal

from trimtab.llm.dialects._caching import LONG, MOST, SHORT, ttl_of, ttl_of_all
from trimtab.llm.dialects._claude import version_of
from trimtab.llm.types import Part, Request

Wire = dict[str, Any]
_NOVA = re.compile(r"amazon\.nova-(?:(?:micro|lite|pro|premier)-v1|2-lite)")
_POINT = "cachePoint"


def marked(block: Wire, part: Part) -> list[Wire]:
    """The block of a part, and the point after it where its client wants one."""
    ttl = ttl_of(part)
    return [block, _point(ttl)] if ttl else [block]


def settle(body: Wire, request: Request, model: str) -> None:
    """In place: points of a call as the model takes them, or none."""
    kind = _kind(model)
    messages: list[Wire] = body["messages"]
    tools: list[Wire] = body.get("toolConfig", {}).get("tools", [])
    if kind == "claude" and tools and request.tools_cache:
        tools.append(_point(request.tools_cache))
    if (ttl := ttl_of_all(request)) and messages[-1]["role"] == "user":
        messages[-1]["content"].append(_point(ttl))
    places = [tools, body.get("system", []), *(message["content"] for message in messages)]
    for blocks in places:
        blocks[:] = [
            block for at, block in enumerate(blocks) if _POINT not in block or (kind and _may_follow(blocks[:at], kind))
        ]
    left = sum(_POINT in block for blocks in places for block in blocks) - MOST
    version = version_of(model)
    longest = LONG if kind == "claude" and version is not None and version >= (4, 5) else SHORT
    for blocks in places:
        for block in [each for each in blocks if _POINT in each]:
            if left > 0:
                left -= 1
                blocks.remove(block)
            elif longest == SHORT or "ttl" not in block[_POINT]:
                longest = SHORT
                block[_POINT].pop("ttl", None)


def _kind(model: str) -> Literal["claude", "nova", ""]:
    version = version_of(model) if "anthropic." in model else None
    if version is not None and (version >= (3, 7) or "claude-3-5-haiku" in model):
        return "claude"
    return "nova" if _NOVA.search(model) else ""


def _may_follow(before: list[Wire], kind: str) -> bool:
    last = before[-1] if before else {}
    if kind == "nova":
        return "text" in last
    is_pdf = last.get("document", {}).get("format", "pdf") == "pdf"
    return bool(last) and _POINT not in last and "reasoningContent" not in last and is_pdf


def _point(ttl: str) -> Wire:
    return {_POINT: {"type": "default", "ttl": LONG} if ttl == LONG else {"type": "default"}}
