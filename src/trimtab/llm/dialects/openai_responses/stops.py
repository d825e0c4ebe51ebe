"""How a response ends: ``status`` and ``incomplete_details.reason``, and our stop reasons.

Our word for what the vendor said (``stop_raw``) is the reason where the answer is incomplete, else the status.
"""

from collections.abc import Iterable

from trimtab.llm.types import StopReason

_STOPS: dict[str, StopReason] = {
    "completed": "stop",
    "max_output_tokens": "length",
    "max_messages": "length",
    "content_filter": "content_filter",
    "failed": "error",
    "cancelled": "error",
}
MESSAGES = ("message", "reasoning")
"""Items of an answer that call nothing."""
_CALLS = ("function_call", "custom_tool_call", "computer_call", "local_shell_call", "shell_call", "apply_patch_call")
"""Items that the client must answer before the model goes on."""


def word_of(status: str | None, reason: str | None) -> str | None:
    return reason if status == "incomplete" and reason else status


def stop_of(word: str | None, kinds: Iterable[str]) -> StopReason:
    """``kinds`` are the types of the items in the answer, and ``refusal`` where it holds one: a finished answer does
    not say whether it ended with calls."""
    stop = _STOPS.get(word, "unknown") if word else "unknown"
    if stop != "stop":
        return stop
    said = set(kinds)
    if not said.isdisjoint(_CALLS):
        return "tool_calls"
    return "refusal" if "refusal" in said else stop


def ending(stop: StopReason, *, refused_in_words: bool) -> tuple[str, str | None]:
    """Status, and the reason why it is incomplete. ``refused_in_words``: the answer holds a refusal part, which OpenAI
    takes for a finished answer."""
    match stop:
        case "length":
            return "incomplete", "max_output_tokens"
        case "content_filter":
            return "incomplete", "content_filter"
        case "refusal" if not refused_in_words:
            return "incomplete", "content_filter"  # another vendor's classifier stepped in
        case "error":
            return "failed", None
        case _:
            return "completed", None
