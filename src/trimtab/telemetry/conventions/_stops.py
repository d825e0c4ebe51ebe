"""Why a model stopped, in the words of `llm.types.StopReason`, whichever the emitter's word is."""

from typing import Any, Final, cast

from trimtab.telemetry.conventions._values import label, parsed

_STOPS: Final = {
    "stop": "stop", "end_turn": "stop", "complete": "stop", "completed": "stop", "eos": "stop", "finish": "stop",
    "stop_sequence": "stop_sequence",
    "length": "length", "max_tokens": "length", "max_output_tokens": "length", "model_length": "length",
    "tool_calls": "tool_calls", "tool_call": "tool_calls", "tool_use": "tool_calls", "function_call": "tool_calls",
    "content_filter": "content_filter", "safety": "content_filter", "blocklist": "content_filter",
    "blocked": "content_filter", "prohibited_content": "content_filter", "guardrail_intervened": "content_filter",
    "refusal": "refusal", "pause_turn": "pause", "error": "error", "unknown": "unknown", "other": "unknown",
}  # fmt: skip


def stop_of(value: Any) -> str:
    """The canonical reason of a reason, or of the first of a list; a word that nobody knows stays itself."""
    if type(value) is str:
        known = _STOPS.get(value)
        if known is not None:
            return known
    value = parsed(value)
    if type(value) is list:
        value = cast("list[Any]", value)[0] if value else ""
    word = label(value).removeprefix("FinishReason.")
    return _STOPS.get(word.lower().replace("-", "_"), word)
