"""``usageMetadata`` and our exclusive buckets. https://ai.google.dev/api/generate-content#UsageMetadata

``promptTokenCount`` includes the cached content; what tools put into the prompt, the candidates and the thoughts are
each counted apart. Sound and pictures are a breakdown by modality of either side, and of what was read from a cache.
``serviceTier`` is told by the Gemini API, ``trafficType`` by Vertex AI.

Searches stand in the answer, not in the usage (``groundingMetadata.webSearchQueries``). Google charges models from
Gemini 3 on for each different query that is not empty, earlier ones for a prompt that was grounded, however many
queries it took: https://ai.google.dev/gemini-api/docs/google-search (read 2026-11-23).
"""

from typing import Any, cast

from msgspec.structs import replace

from trimtab.llm.dialects._reading import count
from trimtab.llm.tiers import tier_of
from trimtab.llm.types import Usage


def usage_of(value: Any) -> Usage | None:
    """From a decoded ``usageMetadata``; None where there is none."""
    if not isinstance(value, dict) or not value:
        return None
    usage = cast("dict[str, Any]", value)
    prompt = count(usage.get("promptTokenCount"))
    cached = min(count(usage.get("cachedContentTokenCount")), prompt)
    # not Google's: what we tell a client of this dialect about a provider that has such a bucket
    stored = min(count(usage.get("cacheWriteTokenCount")), prompt - cached)
    heard, seen = _told(usage.get("promptTokensDetails"))
    spoken, drawn = _told(usage.get("candidatesTokensDetails"))
    cached_heard = cached_seen = 0
    if cached:
        kept_heard, kept_seen = _told(usage.get("cacheTokensDetails"))
        cached_heard = min(kept_heard, cached)
        cached_seen = min(kept_seen, cached - cached_heard)
    return Usage(
        input=prompt - cached - stored + count(usage.get("toolUsePromptTokenCount")),
        cache_read=cached,
        cache_write=stored,
        output=count(usage.get("candidatesTokenCount")),
        reasoning=count(usage.get("thoughtsTokenCount")),
        audio_input=max(0, heard - cached_heard),
        audio_output=spoken,
        image_input=max(0, seen - cached_seen),
        image_output=drawn,
        cache_audio=cached_heard,
        cache_image=cached_seen,
        tier=tier_of(usage.get("serviceTier"), usage.get("trafficType")),
    )


BY_PROMPT = ("gemini-1", "gemini-2")


def with_searches(usage: Usage | None, queries: set[str], model: str) -> Usage | None:
    """The usage with the searches that Google charges for, by the queries of an answer and the model that gave it."""
    if usage is None or not queries:
        return usage
    return replace(usage, searches=1 if model.rpartition("/")[2].startswith(BY_PROMPT) else len(queries))


def queries_in(candidates: Any) -> set[str]:
    """The different queries that decoded candidates say were searched for."""
    found: set[str] = set()
    for each in cast("list[Any]", candidates) if isinstance(candidates, list) else []:
        grounding = cast("dict[str, Any]", each).get("groundingMetadata") if isinstance(each, dict) else None
        asked = cast("dict[str, Any]", grounding).get("webSearchQueries") if isinstance(grounding, dict) else None
        for query in cast("list[Any]", asked) if isinstance(asked, list) else []:
            if isinstance(query, str) and query.strip():
                found.add(query)
    return found


def render_usage(usage: Usage) -> dict[str, Any]:
    prompt = usage.input + usage.cache_read + usage.cache_write
    told: dict[str, Any] = {"promptTokenCount": prompt, "candidatesTokenCount": usage.output}
    some = {
        "cachedContentTokenCount": usage.cache_read,
        "cacheWriteTokenCount": usage.cache_write,
        "thoughtsTokenCount": usage.reasoning,
    }
    told |= {name: tokens for name, tokens in some.items() if tokens}
    for name, audio, whole in (
        ("promptTokensDetails", usage.audio_input, prompt),
        ("candidatesTokensDetails", usage.audio_output, usage.output),
    ):
        if audio:
            rest = [{"modality": "TEXT", "tokenCount": whole - audio}] if whole > audio else []
            told[name] = [*rest, {"modality": "AUDIO", "tokenCount": audio}]
    return told | {"totalTokenCount": prompt + usage.output + usage.reasoning}


def _told(details: Any) -> tuple[int, int]:
    """Tokens of sound, and of pictures."""
    heard = seen = 0
    if not details or not isinstance(details, list):
        return 0, 0
    for each in cast("list[Any]", details):
        told = cast("dict[str, Any]", each) if isinstance(each, dict) else {}
        match told.get("modality"):
            case "AUDIO":
                heard += count(told.get("tokenCount"))
            case "IMAGE":
                seen += count(told.get("tokenCount"))
            case _:
                pass
    return heard, seen
