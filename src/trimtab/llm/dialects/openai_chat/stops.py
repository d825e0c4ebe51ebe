"""OpenAI's finish reasons and ours. https://platform.openai.com/docs/api-reference/chat/object"""

from collections.abc import Iterable

from trimtab.llm.types import Part, Refusal, StopReason, ToolCall

_STOPS: dict[str, StopReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "model_length": "length",  # Mistral: the context is full
    "model_context_window_exceeded": "length",  # Z.ai
    "sensitive": "content_filter",  # Z.ai
    "eos": "stop",  # Together (``together.types.chat.chat_completion.Choice``)
    "eos_token": "stop",  # Text Generation Inference
    "stop_sequence": "stop",  # the same
    "error": "error",  # Mistral, OpenRouter
    "network_error": "error",  # Z.ai
    "abort": "error",  # vLLM, SGLang: the call was given up
    "insufficient_system_resource": "error",  # DeepSeek: https://api-docs.deepseek.com/api/create-chat-completion
}
_WORDS: dict[StopReason, str] = {
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "refusal": "content_filter",  # another vendor's classifier stepped in; a model's own refusal stops with "stop"
}


def stop_of(word: str | None) -> StopReason:
    """The word alone, as `glance` and the meter know it."""
    return _STOPS.get(word, "unknown") if word else "unknown"


def settled_stop(word: str | None, parts: Iterable[Part]) -> StopReason:
    """The word in the light of what was said: OpenAI ends both a refusal and a call of a tool that ``tool_choice``
    named with a plain ``stop``."""
    stop = stop_of(word)
    if stop != "stop":
        return stop
    for part in parts:
        kind = part.__class__
        if kind is ToolCall:
            return "tool_calls"
        if kind is Refusal:
            stop = "refusal"
    return stop


def finish_reason(stop: StopReason, *, refused_in_words: bool = False) -> str:
    """OpenAI's word. ``refused_in_words``: the answer holds a refusal part, which OpenAI ends with a plain ``stop``."""
    if stop == "refusal" and refused_in_words:
        return "stop"
    return _WORDS.get(stop, "stop")
