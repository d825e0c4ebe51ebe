"""Hints of one dialect go where another has a place for them, and are dropped where it has none or cannot read them."""

import json
from typing import Any

import pytest

from trimtab.llm.dialects import DIALECTS, Quirks
from trimtab.llm.providers import PROVIDER_KINDS

SAID: dict[str, Any] = {
    "openai_chat": {"messages": [{"role": "user", "content": "Hello"}]},
    "openai_responses": {"input": "Hello"},
    "gemini": {"contents": [{"parts": [{"text": "Hello"}]}]},
    "anthropic_messages": {"max_tokens": 9, "messages": [{"role": "user", "content": "Hello"}]},
}

OPENAI = PROVIDER_KINDS.get("openai").quirks


def crossed(front: str, upstream: str, quirks: Quirks = OPENAI, **fields: Any) -> Any:
    """What a provider of ``upstream`` is asked, but for the conversation and what is always there."""
    body = json.dumps({"model": "m"} | SAID[front] | fields).encode()
    request = DIALECTS.get(front).parse_request(body)
    found = json.loads(DIALECTS.get(upstream).render_request(request, "m", quirks))
    return {
        name: value for name, value in found.items() if name not in ("model", "messages", "input", "contents", "store")
    }


PENALTIES = {"frequency_penalty": 0.5, "presence_penalty": -1}
GOOGLES = {"frequencyPenalty": 0.5, "presencePenalty": -1}


@pytest.mark.parametrize(
    ("front", "upstream", "given", "wanted"),
    [
        ("openai_chat", "gemini", PENALTIES, {"generationConfig": GOOGLES}),
        ("openai_chat", "gemini", {"frequency_penalty": 2}, {"generationConfig": {"frequencyPenalty": 1.99}}),
        ("openai_chat", "cohere_chat", PENALTIES, {"stream": False, "frequency_penalty": 0.5}),
        ("openai_chat", "cohere_chat", {"presence_penalty": 2}, {"stream": False, "presence_penalty": 1.0}),
        ("openai_chat", "openai_responses", {"verbosity": "low"}, {"text": {"verbosity": "low"}}),
        (
            "openai_chat",
            "openai_responses",
            {"verbosity": "low", "response_format": {"type": "json_object"}, "prompt_cache_key": "k"},
            {"text": {"verbosity": "low", "format": {"type": "json_object"}}, "prompt_cache_key": "k"},
        ),
        ("openai_chat", "openai_responses", PENALTIES, {}),
        ("openai_chat", "bedrock_converse", PENALTIES | {"verbosity": "low"}, {}),
        ("gemini", "openai_chat", {"generationConfig": GOOGLES}, PENALTIES),
        ("gemini", "openai_chat", {"generation_config": {"presence_penalty": -1}}, {"presence_penalty": -1}),
        ("gemini", "cohere_chat", {"generationConfig": GOOGLES}, {"stream": False, "frequency_penalty": 0.5}),
        (
            "openai_responses",
            "openai_chat",
            {"text": {"verbosity": "high"}, "prompt_cache_key": "k", "prompt_cache_options": {"ttl": "12h"}},
            {"verbosity": "high", "prompt_cache_key": "k", "prompt_cache_options": {"ttl": "12h"}},
        ),
        # what is none: dropped, as it was
        ("openai_responses", "openai_chat", {"text": {"verbosity": 3}, "prompt_cache_key": 7}, {}),
        ("openai_chat", "gemini", {"frequency_penalty": "a lot", "presence_penalty": True}, {}),
        ("openai_chat", "gemini", {"frequency_penalty": 90}, {}),
        ("anthropic_messages", "openai_chat", {"presence_penalty": 1}, {"max_completion_tokens": 9}),
    ],
)
def test_a_hint_goes_where_there_is_a_place_for_it(front: str, upstream: str, given: Any, wanted: Any) -> None:
    assert crossed(front, upstream, **given) == wanted


def test_clients_of_responses_speak_them_with_xai() -> None:
    row = PROVIDER_KINDS.get("xai")
    assert (row.dialect, row.also) == ("openai_chat", ("openai_responses",))


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("openai", {"verbosity": "high", "prompt_cache_key": "k"}),
        ("mistral", {"prompt_cache_key": "k"}),
        ("groq", {}),  # it refuses what it does not know
        ("custom", {}),
    ],
)
def test_a_hint_is_kept_from_those_who_may_refuse_it(kind: str, wanted: Any) -> None:
    quirks = PROVIDER_KINDS.get(kind).quirks
    said: Any = {"text": {"verbosity": "high"}, "prompt_cache_key": "k"}
    assert crossed("openai_responses", "openai_chat", quirks, **said) == wanted
    chat = crossed("openai_chat", "openai_responses", quirks, verbosity="high", prompt_cache_key="k")
    assert chat.pop("text", {}) | chat == wanted
