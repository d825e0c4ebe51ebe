"""OpenAI's finish reasons and ours. https://platform.openai.com/docs/api-reference/chat/object"""

from trimtab.llm.types import StopReason

_STOPS: dict[str, StopReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}
_WORDS: dict[StopReason, str] = {
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "refusal": "content_filter",  # another vendor's classifier stepped in; a model's own refusal stops with "stop"
}


def stop_of(word: str | None) -> StopReason:
    return _STOPS.get(word, "unknown") if word else "unknown"


def finish_reason(stop: StopReason, *, refused_in_words: bool = False) -> str:
    """OpenAI's word. ``refused_in_words``: the answer holds a refusal part, which OpenAI ends with a plain ``stop``."""
    if stop == "refusal" and refused_in_words:
        return "stop"
    return _WORDS.get(stop, "stop")
