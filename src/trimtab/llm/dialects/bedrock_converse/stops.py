"""https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html (stopReason)"""

from trimtab.llm.types import StopReason

_STOPS: dict[str, StopReason] = {
    "end_turn": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "stop_sequence": "stop_sequence",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "malformed_model_output": "error",
    "malformed_tool_use": "error",
}


def stop_of(word: str | None) -> StopReason:
    return _STOPS.get(word or "", "unknown")
