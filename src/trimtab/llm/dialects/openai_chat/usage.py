"""OpenAI's usage object and our exclusive buckets.

https://platform.openai.com/docs/api-reference/chat/object: ``prompt_tokens`` includes what was read from and written to
the prompt cache, ``completion_tokens`` includes reasoning; audio is a breakdown of either. xAI counts reasoning beside
``completion_tokens`` (https://docs.x.ai/docs/key-information/consumption-and-rate-limits); the total tells.

Other names of the same: DeepSeek's ``prompt_cache_hit_tokens``, Moonshot's ``cached_tokens`` and SGLang's
``reasoning_tokens`` beside the totals (its ``entrypoints/openai/protocol.py``), Alibaba's
``cache_creation_input_tokens`` of an explicit cache (https://www.alibabacloud.com/help/en/model-studio/context-cache).
"""

from typing import Annotated, Any, cast

from msgspec import Meta, Struct

from trimtab.llm.charges import charged_in
from trimtab.llm.dialects._reading import MOST_COUNTED, count
from trimtab.llm.tiers import tier_of
from trimtab.llm.types import Usage


def usage_of(value: Any, tier: str = "") -> Usage | None:
    """From a decoded usage object; None where there is none. Details that exceed their total are cut to it. ``tier`` is
    what the answer around it says."""
    if not isinstance(value, dict) or not value:
        return None
    usage = cast("dict[str, Any]", value)
    prompt, completion = count(usage.get("prompt_tokens")), count(usage.get("completion_tokens"))
    read_side = _details(usage, "prompt_tokens_details")
    write_side = _details(usage, "completion_tokens_details")
    # https://api-docs.deepseek.com/guides/kv_cache
    beside = count(usage.get("prompt_cache_hit_tokens")) or count(usage.get("cached_tokens"))
    cached = min(count(read_side.get("cached_tokens")) or beside, prompt)
    wrote = count(read_side.get("cache_write_tokens")) or count(read_side.get("cache_creation_input_tokens"))
    written = min(wrote, prompt - cached)
    thought = count(write_side.get("reasoning_tokens")) or count(usage.get("reasoning_tokens"))
    output, reasoning = written_of(completion, thought, prompt, count(usage.get("total_tokens")))
    return Usage(
        input=prompt - cached - written,
        cache_read=cached,
        cache_write=written,
        output=output,
        reasoning=reasoning,
        audio_input=count(read_side.get("audio_tokens")),
        audio_output=count(write_side.get("audio_tokens")),
        tier=tier or tier_of(usage.get("service_tier")),  # Mistral's stands here
        charged=charged_in(usage),
    )


def written_of(told: int, reasoning: int, read: int, total: int) -> tuple[int, int]:
    """Output and reasoning apart, where ``told`` may include reasoning or not: it does not where the ``total`` (0: not
    told) has room for both. Reasoning that is in neither is cut."""
    if total >= read + told + reasoning:
        return told, reasoning
    within = min(reasoning, told)
    return told - within, within


_Count = Annotated[int, Meta(ge=0, le=MOST_COUNTED)]


class _PromptDetails(Struct, gc=False):
    cached_tokens: _Count | None = None
    cache_write_tokens: _Count | None = None
    cache_creation_input_tokens: _Count | None = None
    audio_tokens: _Count | None = None


class _CompletionDetails(Struct, gc=False):
    reasoning_tokens: _Count | None = None
    audio_tokens: _Count | None = None


class PlainUsage(Struct, gc=False):
    """A usage object as it ordinarily is. What does not fit is for `usage_of` to read."""

    prompt_tokens: _Count | None = None
    completion_tokens: _Count | None = None
    total_tokens: _Count | None = None
    prompt_cache_hit_tokens: _Count | None = None
    cached_tokens: _Count | None = None
    reasoning_tokens: _Count | None = None
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None
    service_tier: Any = None
    cost: Any = None
    cost_in_usd_ticks: Any = None


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
