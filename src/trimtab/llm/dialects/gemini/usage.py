"""``usageMetadata`` and our exclusive buckets. https://ai.google.dev/api/generate-content#UsageMetadata

``promptTokenCount`` includes the cached content; what tools put into the prompt, the candidates and the thoughts are
each counted apart. Sound and pictures are a breakdown by modality of either side. ``serviceTier`` is told by the Gemini
API, ``trafficType`` by Vertex AI.
"""

from typing import Any, cast

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
    return Usage(
        input=prompt - cached - stored + count(usage.get("toolUsePromptTokenCount")),
        cache_read=cached,
        cache_write=stored,
        output=count(usage.get("candidatesTokenCount")),
        reasoning=count(usage.get("thoughtsTokenCount")),
        audio_input=_told(usage.get("promptTokensDetails"), "AUDIO"),
        audio_output=_told(usage.get("candidatesTokensDetails"), "AUDIO"),
        image_input=_told(usage.get("promptTokensDetails"), "IMAGE"),
        image_output=_told(usage.get("candidatesTokensDetails"), "IMAGE"),
        tier=tier_of(usage.get("serviceTier"), usage.get("trafficType")),
    )


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


def _told(details: Any, modality: str) -> int:
    found = 0
    for each in cast("list[Any]", details) if isinstance(details, list) else []:
        if isinstance(each, dict) and cast("dict[str, Any]", each).get("modality") == modality:
            found += count(cast("dict[str, Any]", each).get("tokenCount"))
    return found
