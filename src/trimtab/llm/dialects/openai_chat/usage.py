"""OpenAI's usage object and our exclusive buckets.

https://platform.openai.com/docs/api-reference/chat/object: ``prompt_tokens`` includes what was read from and written to
the prompt cache, ``completion_tokens`` includes reasoning; audio is a breakdown of either.
"""

from typing import Any, cast

from trimtab.llm.dialects._reading import count
from trimtab.llm.types import Usage


def usage_of(value: Any) -> Usage | None:
    """From a decoded usage object; None where there is none. Details that exceed their total are cut to it."""
    if not isinstance(value, dict) or not value:
        return None
    usage = cast("dict[str, Any]", value)
    prompt, completion = count(usage.get("prompt_tokens")), count(usage.get("completion_tokens"))
    read_side = _details(usage, "prompt_tokens_details")
    write_side = _details(usage, "completion_tokens_details")
    # DeepSeek tells its cache hits beside the total: https://api-docs.deepseek.com/guides/kv_cache
    cached = count(read_side.get("cached_tokens")) or count(usage.get("prompt_cache_hit_tokens"))
    cached = min(cached, prompt)
    written = min(count(read_side.get("cache_write_tokens")), prompt - cached)
    reasoning = min(count(write_side.get("reasoning_tokens")), completion)
    return Usage(
        input=prompt - cached - written,
        cache_read=cached,
        cache_write=written,
        output=completion - reasoning,
        reasoning=reasoning,
        audio_input=count(read_side.get("audio_tokens")),
        audio_output=count(write_side.get("audio_tokens")),
    )


def render_usage(usage: Usage) -> dict[str, Any]:
    """Back in OpenAI's convention: totals that include their details."""
    prompt = usage.input + usage.cache_read + usage.cache_write
    completion = usage.output + usage.reasoning
    read_side = {"cached_tokens": usage.cache_read, "audio_tokens": usage.audio_input}
    if usage.cache_write:
        read_side["cache_write_tokens"] = usage.cache_write
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": read_side,
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning, "audio_tokens": usage.audio_output},
    }


def _details(usage: dict[str, Any], name: str) -> dict[str, Any]:
    found = usage.get(name)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
