"""The usage object of Responses and our exclusive buckets.

``openai.types.responses.ResponseUsage``: ``input_tokens`` includes what was read from and written to the prompt cache,
``output_tokens`` includes reasoning.
"""

from typing import Any, cast

from trimtab.llm.dialects._reading import count
from trimtab.llm.dialects.openai_chat.usage import written_of
from trimtab.llm.types import Usage


def usage_of(value: Any, tier: str = "") -> Usage | None:
    """From a decoded usage object; None where there is none. Details that exceed their total are cut to it. ``tier`` is
    what the answer around it says."""
    if not isinstance(value, dict) or not value:
        return None
    usage = cast("dict[str, Any]", value)
    read, written = count(usage.get("input_tokens")), count(usage.get("output_tokens"))
    read_side = _details(usage, "input_tokens_details")
    cached = min(count(read_side.get("cached_tokens")), read)
    stored = min(count(read_side.get("cache_write_tokens")), read - cached)
    told = count(_details(usage, "output_tokens_details").get("reasoning_tokens"))
    output, reasoning = written_of(written, told, read, count(usage.get("total_tokens")))
    return Usage(
        input=read - cached - stored,
        cache_read=cached,
        cache_write=stored,
        output=output,
        reasoning=reasoning,
        tier=tier,
    )


def render_usage(usage: Usage) -> dict[str, Any]:
    """Back in OpenAI's convention: totals that include their details."""
    read = usage.input + usage.cache_read + usage.cache_write
    written = usage.output + usage.reasoning
    return {
        "input_tokens": read,
        "input_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write},
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": read + written,
    }


def _details(usage: dict[str, Any], name: str) -> dict[str, Any]:
    found = usage.get(name)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
