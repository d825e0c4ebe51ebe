"""https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html

``inputTokens`` leaves out what was read from and written to the prompt cache, as Anthropic's own count does; hidden
reasoning is a part of ``outputTokens`` and is not told apart.
"""

from typing import Any, cast

from trimtab.llm.dialects._reading import count
from trimtab.llm.dialects._tolerant import an_object
from trimtab.llm.tiers import tier_of
from trimtab.llm.types import Usage


def usage_of(told: Any, tier: Any = None) -> Usage | None:
    """``tier``: the ``serviceTier`` of the answer around it."""
    if not isinstance(told, dict):
        return None
    usage = cast("dict[str, Any]", told)
    details = usage.get("cacheDetails")
    hour = 0
    for detail in cast("list[Any]", details) if isinstance(details, list) else []:
        if isinstance(detail, dict) and cast("dict[str, Any]", detail).get("ttl") == "1h":
            hour += count(cast("dict[str, Any]", detail).get("inputTokens"))
    return Usage(
        input=count(usage.get("inputTokens")),
        cache_read=count(usage.get("cacheReadInputTokens")),
        cache_write=max(count(usage.get("cacheWriteInputTokens")), hour),
        cache_write_1h=hour,
        output=count(usage.get("outputTokens")),
        tier=tier_of(an_object(tier).get("type")),
    )
