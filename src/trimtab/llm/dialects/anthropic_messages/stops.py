"""Anthropic's stop reasons and ours. https://docs.claude.com/en/api/handling-stop-reasons"""

from trimtab.llm.types import StopReason

_STOPS: dict[str, StopReason] = {
    "end_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "stop_sequence": "stop_sequence",
    "tool_use": "tool_calls",
    "pause_turn": "pause",
    "compaction": "pause",  # the context was summed up, and the client is to go on from there
    "refusal": "refusal",
}
_WORDS: dict[StopReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "stop_sequence": "stop_sequence",
    "tool_calls": "tool_use",
    "pause": "pause_turn",
    "refusal": "refusal",
    "content_filter": "refusal",  # both say that a policy cut the answer
}


def stop_of(word: str | None) -> StopReason:
    return _STOPS.get(word, "unknown") if word else "unknown"


def stop_reason(stop: StopReason, raw: str | None) -> str:
    """Anthropic's word; ``raw`` where it is one of its own that says the same more exactly."""
    if raw is not None and _STOPS.get(raw) == stop:
        return raw
    return _WORDS.get(stop, "end_turn")
