"""A usage object as it ordinarily is, in our exclusive buckets: of every call's answer (compiled:
docs/decisions/0019)."""

from trimtab.llm.dialects.openai_chat.usage import PlainUsage, written_of
from trimtab.llm.types import Usage


def as_usage(plain: PlainUsage, tier: str = "") -> Usage | None:
    """What `usage_of` makes of the same object; None where that must look itself."""
    prompt, completion = plain.prompt_tokens, plain.completion_tokens
    if prompt is None or completion is None or plain.cost is not None or plain.cost_in_usd_ticks is not None:
        return None
    if plain.service_tier is not None:
        return None
    read_side, write_side = plain.prompt_tokens_details, plain.completion_tokens_details
    read_plainly = read_side is None or not (
        read_side.cached_tokens
        or read_side.cache_write_tokens
        or read_side.cache_creation_input_tokens
        or read_side.audio_tokens
    )
    wrote_plainly = write_side is None or not (write_side.reasoning_tokens or write_side.audio_tokens)
    beside = plain.prompt_cache_hit_tokens or plain.cached_tokens or 0
    thought = plain.reasoning_tokens or 0
    if read_plainly and wrote_plainly and not beside and not thought:
        return Usage(input=prompt, output=completion, tier=tier)
    cached = written = reasoning = audio_input = audio_output = 0
    output = completion
    if read_side is not None:
        cached = read_side.cached_tokens or 0
        written = read_side.cache_write_tokens or read_side.cache_creation_input_tokens or 0
        audio_input = read_side.audio_tokens or 0
    cached = min(cached or beside, prompt)
    if written:
        written = min(written, prompt - cached)
    if write_side is not None:
        thought = write_side.reasoning_tokens or thought
        audio_output = write_side.audio_tokens or 0
    if thought:
        output, reasoning = written_of(completion, thought, prompt, plain.total_tokens or 0)
    return Usage(
        input=prompt - cached - written,
        cache_read=cached,
        cache_write=written,
        output=output,
        reasoning=reasoning,
        audio_input=audio_input,
        audio_output=audio_output,
        tier=tier,
    )
