"""Google's finish and block reasons, and ours. https://ai.google.dev/api/generate-content#FinishReason"""

from trimtab.llm.types import StopReason

_STOPS: dict[str, StopReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",  # the bound of one request; a further one may go on
    **dict.fromkeys(
        (
            "SAFETY",
            "RECITATION",
            "LANGUAGE",
            "BLOCKLIST",
            "PROHIBITED_CONTENT",
            "SPII",
            "IMAGE_SAFETY",
            "IMAGE_PROHIBITED_CONTENT",
            "IMAGE_RECITATION",
            "MODEL_ARMOR",
            "ESCALATION",
            "PUP_LIMITED_DISABLED",
            "JAILBREAK",  # of a prompt that was blocked, as is the next
            "BLOCKED_REASON_UNSPECIFIED",
        ),
        "content_filter",
    ),
    **dict.fromkeys(
        (
            "OTHER",
            "MALFORMED_FUNCTION_CALL",
            "UNEXPECTED_TOOL_CALL",
            "TOO_MANY_TOOL_CALLS",
            "MISSING_THOUGHT_SIGNATURE",
            "MALFORMED_RESPONSE",
            "IMAGE_OTHER",
            "NO_IMAGE",
        ),
        "error",
    ),
}
_WORDS: dict[StopReason, str] = {
    "length": "MAX_TOKENS",
    "content_filter": "SAFETY",
    "refusal": "SAFETY",
    "error": "OTHER",
}


def stop_of(word: str | None, *, called: bool) -> StopReason:
    """``called``: the answer holds a function call, after which Google's models just stop."""
    stop = _STOPS.get(word, "unknown") if word else "unknown"
    return "tool_calls" if called and stop == "stop" else stop


def finish_reason(stop: StopReason, raw: str | None, *, refused_in_words: bool) -> str:
    """Google's word; ``raw`` where it is one of its own that says the same more exactly. ``refused_in_words``: the
    answer holds a model's own refusal, which here is an ordinary text."""
    if raw is not None and _STOPS.get(raw) == ("stop" if stop == "tool_calls" else stop):
        return raw
    if stop == "refusal" and refused_in_words:
        return "STOP"
    return _WORDS.get(stop, "STOP")
