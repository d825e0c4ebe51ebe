"""In which tier, at which speed and where a provider worked on a call, as one word that the books go by.

What is told is in many words: OpenAI's, Groq's and xAI's ``service_tier`` beside the usage, Anthropic's
``service_tier``, ``speed`` and ``inference_geo`` inside it, Gemini's ``serviceTier``, Vertex AI's ``trafficType``,
Bedrock's ``serviceTier.type``. Ours is empty for the standard one, also where nothing is told; else small letters, and
where several things are told at once they are sorted and joined by a plus: ``fast+us``.

Only what an answer says counts; what was asked for may have been refused or lowered:
https://developers.openai.com/api/reference/resources/chat, https://platform.claude.com/docs/en/api/service-tiers,
https://ai.google.dev/gemini-api/docs/priority-inference, https://docs.x.ai/developers/advanced-api-usage/priority-processing,
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ServiceTier.html (read 2026-11-22).
"""

import re
from typing import Any, Final

AUTO: Final = "auto"
"""Asked for: whichever the provider's own settings say."""
BATCH: Final = "batch"
LENGTHS: Final = (272, 256, 200, 128, 100)
"""Thousands of input tokens above which one call or another vendor's takes more for all of it."""
OVER: Final = "over-"
"""How the word begins that tells of a batch's calls, booked as their sum, that each is longer: ``batch+over-200k``."""
LONGEST: Final = 64
_STANDARD: Final = frozenset(
    (
        "", "default", "standard", "standard_only", "on_demand", "on-demand", "global", "not_available", "unspecified",
        "service_tier_unspecified", "traffic_type_unspecified", "service_tier_standard", "none",
    )
)  # fmt: skip
_USED_STANDARD: Final = _STANDARD | {AUTO}
_STANDARD_ASKED: Final = _STANDARD | {BATCH}
_SAME: Final = {
    "on_demand_flex": "flex",
    "on_demand_priority": "priority",
    "on_demand_offpeak": "offpeak",
    "provisioned_throughput": "provisioned",
    "service_tier_flex": "flex",
    "service_tier_priority": "priority",
}
_NO_LETTER: Final = re.compile(r"[^a-z0-9_.-]+")


def length_word(whole_input: int) -> str:
    """The word for a call of a batch with so much input; empty for one that is nowhere dearer for it."""
    passed = next((length for length in LENGTHS if whole_input > length * 1000), None)
    return "" if passed is None else f"{OVER}{passed}k"


def tier_of(*told: Any) -> str:
    """What an answer says, as our word. What is no text is nothing; ``auto`` is none that anybody worked in."""
    return _joined(told, _USED_STANDARD)


def asked_tier(*told: Any) -> str:
    """The same of a request, where ``auto`` may become any. A call by itself is put into no batch for asking."""
    return _joined(told, _STANDARD_ASKED)


def _joined(told: tuple[Any, ...], left_out: frozenset[str]) -> str:
    found: list[str] = []
    for each in told:
        if not isinstance(each, str) or each in left_out:  # nearly every call
            continue
        word = _NO_LETTER.sub("-", each[:LONGEST].strip().lower())[:32].strip("-")
        word = _SAME.get(word, word)
        if word not in left_out and word not in found:
            found.append(word)
    return "+".join(sorted(found)) if found else ""
