"""Wishes that several dialects know by names of their own, and that nothing depends on: where the provider's dialect
has a place for one, it goes there; elsewhere it is dropped, as any hint.

    Request.extra of one dialect --hints_of--> {OpenAI's name: value} --*_hints--> members of another

Sources: ``openai.types.chat.completion_create_params``, ``openai.types.responses.response_create_params``,
https://ai.google.dev/api/generate-content#GenerationConfig, https://docs.cohere.com/v2/reference/chat.
"""

from typing import Any

import msgspec

from trimtab.llm.dialects import OPENAIS_HINTS, Quirks
from trimtab.llm.dialects._crossing import opaque_fields
from trimtab.llm.dialects._reading import BROKEN
from trimtab.llm.tiers import asked_tier
from trimtab.llm.types import Opaque, Request

_PENALTIES = ("frequency_penalty", "presence_penalty")
_VERBOSITIES = ("low", "medium", "high")
_CACHE = OPENAIS_HINTS[1:]
OPENAIS = ("openai_chat", "openai_responses")


def hints_of(request: Request) -> dict[str, Any]:
    """What a call of any dialect wishes for, by OpenAI's names; values of another kind than OpenAI's are left out."""
    match request.dialect:
        case "openai_chat":
            given = _members(request, *_PENALTIES, "verbosity", *_CACHE)
        case "openai_responses":
            given = _members(request, *_CACHE) | {"verbosity": _nested(request, "text").get("verbosity")}
        case "gemini":
            config = _nested(request, "generationConfig")
            given = {
                "frequency_penalty": config.get("frequencyPenalty"),
                "presence_penalty": config.get("presencePenalty"),
            }
        case _:
            given = {}
    return {name: value for name, value in given.items() if _is_sound(name, value)}


def tier_hint(request: Request, quirks: Quirks) -> str:
    """The service tier that a call of another dialect asks for, where the provider has one that means the same: of
    OpenAI's own two dialects at OpenAI, the word itself."""
    if quirks.by_responses and request.dialect in OPENAIS:
        asked = _members(request, "service_tier").get("service_tier")
        return asked if isinstance(asked, str) else ""
    if not quirks.tiers or request.dialect not in (*OPENAIS, "gemini"):
        return ""
    asked = asked_tier(*_members(request, "service_tier", "serviceTier").values())
    return asked if asked in quirks.tiers else ""


def chat_hints(request: Request, quirks: Quirks) -> dict[str, Any]:
    """Members of the body. Every compatible server knows the penalties; what else it knows its row says."""
    found = {name: value for name, value in hints_of(request).items() if name in _PENALTIES or name in quirks.hints}
    return found | _service_tier(request, quirks)


def _service_tier(request: Request, quirks: Quirks) -> dict[str, str]:
    tier = tier_hint(request, quirks)
    return {"service_tier": tier} if tier else {}


def responses_hints(request: Request, quirks: Quirks) -> tuple[dict[str, Any], str | None]:
    """Members of the body, and the verbosity, which stands in ``text``."""
    found = {name: value for name, value in hints_of(request).items() if name in quirks.hints}
    members = {name: found[name] for name in _CACHE if name in found} | _service_tier(request, quirks)
    return members, found.get("verbosity")


def gemini_hints(request: Request) -> dict[str, Any]:
    """Members of ``generationConfig``; Google's penalties go from -2 to below 2."""
    found = hints_of(request)
    names = {"frequency_penalty": "frequencyPenalty", "presence_penalty": "presencePenalty"}
    return {wire: min(found[name], 1.99) for name, wire in names.items() if name in found}


def cohere_hints(request: Request) -> dict[str, Any]:
    """Cohere's penalties go from 0 to 1: one that rewards repetition has no place there."""
    found = hints_of(request)
    return {name: min(found[name], 1.0) for name in _PENALTIES if found.get(name, -1) >= 0}


def _members(request: Request, *names: str) -> dict[str, Any]:
    return {name: _value(request, name) for name in names if name in request.extra}


def _value(request: Request, name: str) -> Any:
    try:
        return msgspec.json.decode(request.extra[name])
    except BROKEN:  # an extra made by hand
        return None


def _nested(request: Request, name: str) -> dict[str, Any]:
    raw = request.extra.get(name)
    return {} if raw is None else opaque_fields(Opaque(request.dialect, raw))


def _is_sound(name: str, value: Any) -> bool:
    if name in _PENALTIES:
        return isinstance(value, int | float) and not isinstance(value, bool) and -2 <= value <= 2
    if name == "verbosity":
        return value in _VERBOSITIES
    return isinstance(value, dict) if name == "prompt_cache_options" else isinstance(value, str) and bool(value)
