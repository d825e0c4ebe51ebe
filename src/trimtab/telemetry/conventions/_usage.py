"""Tokens as an emitter counted them, into our exclusive buckets.

Emitters differ in whether their input includes what was read from and written to a cache (OpenAI and OpenTelemetry:
yes; Anthropic's and Bedrock's own numbers: no), and whether their output includes reasoning (OpenAI: yes; Gemini's
candidates: no). Where the emitter tells a total, the total decides; else the larger bucket cannot be part of the
smaller one; else it is as OpenTelemetry says: included.
"""

from msgspec import Struct

from trimtab.llm.types import Usage


class Counts(Struct, kw_only=True):
    """Numbers as they were reported, None where they were not. ``cache_write_5m`` and ``_1h`` are parts of
    ``cache_write``, which may be missing. ``input_excludes_cache``: the emitter's input is known to leave the cache
    out."""

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    cache_write_5m: int | None = None
    cache_write_1h: int | None = None
    reasoning: int | None = None
    audio_input: int | None = None
    audio_output: int | None = None
    total: int | None = None
    input_excludes_cache: bool = False
    output_excludes_reasoning: bool = False


def buckets(counts: Counts) -> Usage | None:
    """The exclusive buckets; None where neither input nor output was told."""
    if counts.input is None and counts.output is None and not counts.cache_read and not counts.cache_write:
        return None
    read = counts.cache_read or 0
    write = counts.cache_write
    long = counts.cache_write_1h or 0
    if not write:
        write = (counts.cache_write_5m or 0) + long
    cached, thought = read + write, counts.reasoning or 0
    given, made = counts.input or 0, counts.output or 0
    if cached or thought:
        fresh, visible = _exclusive(counts, given, made, cached, thought)
    else:
        fresh, visible = given, made
    return Usage(
        input=fresh,
        cache_read=read,
        cache_write=write,
        output=visible,
        reasoning=thought,
        cache_write_1h=min(long, write),
        audio_input=min(counts.audio_input or 0, given + cached),
        audio_output=min(counts.audio_output or 0, made),
    )


def _exclusive(counts: Counts, given: int, made: int, cached: int, thought: int) -> tuple[int, int]:
    """Input without cache, and output without reasoning."""
    # What is certain is asked no more; of the rest, the first reading that adds up to the total.
    outside = (True,) if counts.input_excludes_cache or given < cached else (False, True)
    hidden = (True,) if counts.output_excludes_reasoning or made < thought else (False, True)
    excludes_cache, excludes_reasoning = outside[0], hidden[0]
    if counts.total is not None and counts.input is not None and counts.output is not None:
        rest = counts.total - given - made
        for without_cache in outside:
            for without_reasoning in hidden:
                if (cached if without_cache else 0) + (thought if without_reasoning else 0) == rest:
                    return _left(given, cached, without_cache), _left(made, thought, without_reasoning)
    return _left(given, cached, excludes_cache), _left(made, thought, excludes_reasoning)


def _left(whole: int, part: int, excluded: bool) -> int:
    return whole if excluded else whole - part
