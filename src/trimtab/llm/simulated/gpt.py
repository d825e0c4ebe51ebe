"""What OpenAI refuses of a call, in Chat Completions and Responses alike.

https://platform.openai.com/docs/guides/reasoning, and as users met it: sampling
https://github.com/tmc/langchaingo/issues/1355 and https://github.com/chatboxai/chatbox/issues/2627 (from GPT-5.1 on
without reasoning: https://github.com/vercel/ai/issues/10932, which GPT-5.5 does unasked:
https://github.com/BerriAI/litellm/pull/32060), stops
https://docs.nvidia.com/nemo/guardrails/guardrails-python-sdk/nemoguardrails/llm/openai_reasoning, penalties, a bias
and probabilities https://github.com/nextai-translator/nextai-translator/issues/1781 and
https://github.com/BerriAI/litellm/pull/21576, ``max_tokens`` https://github.com/teilomillet/gollm/issues/33, efforts
https://github.com/openai/openai-agents-python/issues/2089 and
https://learn.microsoft.com/en-us/javascript/api/@azure/ai-projects/reasoningeffort, tools
https://github.com/github/github-mcp-server/issues/1548 and https://github.com/camel-ai/camel/issues/2629, ids
https://github.com/vercel/ai/issues/5171 and https://github.com/AnswerDotAI/fastllm/issues/45, ``user``
https://github.com/maximhq/bifrost/pull/1000, the number of tools https://github.com/zed-industries/zed/issues/32946 and
of calls https://github.com/openai/openai-dotnet/issues/317, tools in Chat Completions
https://github.com/pipecat-ai/pipecat/issues/4043 and https://github.com/BerriAI/litellm/pull/34569, models that are not
there https://github.com/alvinunreal/tmuxai/issues/82, efforts of GPT-6
https://github.com/BerriAI/litellm-docs/pull/1173, bounds https://github.com/tailcallhq/forgecode/issues/1185
and, of what each model writes at most, https://platform.openai.com/docs/models.
"""

import re
from typing import Any, Literal, cast

from trimtab.llm.simulated.answers import an_object

_REASONS = re.compile(r"(?:o[134](?:-|$)|gpt-[56](?!-chat|\.\d-chat)|codex-mini)")
_VERSION = re.compile(r"gpt-([56])(?:\.(\d+))?")
_RESPONSES_ALONE = re.compile(
    r"o[13]-pro|o\d(?:-mini)?-deep-research|codex-mini|computer-use|gpt-5[^/?]*-(?:pro|codex)"
)

MOST_CHOICES = 128
Why = tuple[str, str, str]
"""Words, parameter, code."""


_WRITES = (
    ("gpt-4o-mini", 16_384),
    ("gpt-4o", 16_384),
    ("gpt-4.1", 32_768),
    ("o", 100_000),
    ("gpt-5", 128_000),
    ("gpt-6", 128_000),
)


def too_many(told: Any, most: int, where: str) -> Why | None:
    if not isinstance(told, list) or len(cast("list[Any]", told)) <= most:
        return None
    words = f"Invalid '{where}': array too long. Expected an array with maximum length {most}, but got an array with"
    return f"{words} length {len(cast('list[Any]', told))} instead.", where, "array_above_max_length"


def refusal_of_bound(body: dict[str, Any], model: str) -> Why | None:
    most = next((most for name, most in _WRITES if model.startswith(name)), None)
    for name in ("max_tokens", "max_completion_tokens", "max_output_tokens"):
        if most is not None and isinstance(body.get(name), int) and body[name] > most:
            words = f"{name} is too large: {body[name]}. This model supports at most {most} completion tokens, whereas"
            return f"{words} you provided {body[name]}.", name, "invalid_value"
    return None


def refusal(body: dict[str, Any], model: str, effort: Any, effort_at: str) -> Why | None:
    """Why this model refuses the body."""
    if not _REASONS.match(model):
        if effort is not None and re.match(r"gpt-[34]|chatgpt-", model):
            return (
                f"Unsupported parameter: '{effort_at}' is not supported with this model.",
                effort_at,
                "unsupported_parameter",
            )
        return None
    if effort is not None and effort not in (known := _efforts(model)):
        words = f"Unsupported value: '{effort}' is not supported with the '{model}' model. Supported values are: "
        return words + ", ".join(map(repr, known)) + ".", effort_at, "unsupported_value"
    for name in ("stop", "max_tokens", "logit_bias", "frequency_penalty", "presence_penalty"):
        if body.get(name) not in (None, 0):
            words = f"Unsupported parameter: '{name}' is not supported with this model."
            words += " Use 'max_completion_tokens' instead." if name == "max_tokens" else ""
            return words, name, "unsupported_parameter"
    rests = (5, 1) <= _version(model) <= (5, 4) and "codex" not in model and "-pro" not in model
    if effort == "none" or (effort is None and rests):
        return None
    for name in ("logprobs", "top_logprobs"):
        if body.get(name):
            return f"Unsupported parameter: '{name}' is not supported with this model.", name, "unsupported_parameter"
    if body.get("temperature") not in (None, 1):
        words = f"Unsupported value: 'temperature' does not support {body['temperature']} with this model. Only the "
        return words + "default (1) value is supported.", "temperature", "unsupported_value"
    if body.get("top_p") not in (None, 1):
        return "Unsupported parameter: 'top_p' is not supported with this model.", "top_p", "unsupported_parameter"
    return None


def _efforts(model: str) -> tuple[str, ...]:
    version = _version(model)
    if version == (0, 0):
        return "low", "medium", "high"
    if "-pro" in model:
        return ("high",)
    least: tuple[str, ...] = ("minimal",) if version == (5, 0) else ("none",)
    if "codex" in model or (version >= (6, 0) and re.match(r"gpt-6-(?:sol|luna)", model) is None):
        least = ()
    most = (*(("xhigh",) if version >= (5, 2) else ()), *(("max",) if version >= (5, 6) else ()))
    return (*least, "low", "medium", "high", *most)


def _version(model: str) -> tuple[int, int]:
    found = _VERSION.match(model)
    return (0, 0) if found is None else (int(found[1]), int(found[2] or 0))


def refusal_in_chat(body: dict[str, Any], model: str) -> Why | None:
    """What Chat Completions refuse of a model that does it in Responses."""
    if _RESPONSES_ALONE.match(model):
        return "This model is only supported in v1/responses and not in v1/chat/completions.", "model", ""
    effort, version = body.get("reasoning_effort"), _version(model)
    if effort == "max" and version >= (5, 6):
        known = ", ".join(repr(each) for each in _efforts(model) if each != "max")
        words = "Unsupported value: 'reasoning_effort' does not support 'max' with this model. Supported values are:"
        return f"{words} {known}.", "reasoning_effort", "unsupported_value"
    refuses = version >= (5, 6) or (version >= (5, 2) and effort is not None)
    if body.get("tools") and refuses and effort != "none":
        words = f"Function tools with reasoning_effort are not supported for {model} in /v1/chat/completions. To use"
        return f"{words} function tools, use /v1/responses or set reasoning_effort to 'none'.", "reasoning_effort", ""
    return None


def refusal_of_types(body: dict[str, Any]) -> Why | None:
    """``n`` is 1 to 128, ``stop`` a text or texts, ``service_tier`` a text."""
    n, stop, tier = body.get("n"), body.get("stop"), body.get("service_tier")
    if n is not None and (type(n) is not int):
        return "Invalid type for 'n': expected an integer.", "n", "invalid_type"
    if n is not None and not 1 <= n <= MOST_CHOICES:
        side, sign, bound = ("above maximum", "<=", MOST_CHOICES) if n > MOST_CHOICES else ("below minimum", ">=", 1)
        words = f"Invalid 'n': integer {side} value. Expected a value {sign} {bound}, but got {n} instead."
        return words, "n", f"integer_{side[:5]}_{'max' if n > MOST_CHOICES else 'min'}_value"
    texts = cast("list[Any]", stop if isinstance(stop, list) else [] if stop is None else [stop])
    if not all(isinstance(text, str) for text in texts):
        return "Invalid type for 'stop': expected one of a string or array of strings.", "stop", "invalid_type"
    if tier is not None and not isinstance(tier, str):
        return "Invalid type for 'service_tier': expected a string.", "service_tier", "invalid_type"
    return None


def refusal_of_tools(body: dict[str, Any], tools: list[tuple[str, dict[str, Any]]]) -> Why | None:
    """``tools``: where each stands, and what it says of its function."""
    if why := too_many(body.get("tools"), 128, "tools"):
        return why
    if body.get("tool_choice") is not None and not body.get("tools"):
        return "'tool_choice' is only allowed when 'tools' are specified.", "tool_choice", "invalid_value"
    for where, tool in tools:
        name, schema = str(tool.get("name", "")), tool.get("parameters")
        if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name):
            words = f"Invalid '{where}.name': string does not match pattern. Expected a string that matches the pattern"
            return f"{words} '^[a-zA-Z0-9_-]+$'.", f"{where}.name", "invalid_value"
        why = _unfit(schema, strict=tool.get("strict") is True) if isinstance(schema, dict) else None
        if why is not None:
            words = f"Invalid schema for function '{name}': In context=(), {why}."
            return words, f"{where}.parameters", "invalid_function_parameters"
    return None


def refusal_of_format(schema: Any, *, strict: bool, where: str) -> Why | None:
    why = _unfit(schema, strict=True) if strict and isinstance(schema, dict) else None
    return (
        None if why is None else (f"Invalid schema for response_format: In context=(), {why}.", where, "invalid_value")
    )


def too_long(told: Any, most: int, where: str) -> Why | None:
    if not isinstance(told, str) or len(told) <= most:
        return None
    words = f"Invalid '{where}': string too long. Expected a string with maximum length {most}, but got a string with"
    return f"{words} length {len(told)} instead.", where, "string_above_max_length"


def _unfit(given: Any, *, strict: bool, kind: Literal["root", "inner"] = "root") -> str | None:
    schema = an_object(given)
    if kind == "root" and schema and schema.get("type") != "object":
        return f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{schema.get('type')}\"'"
    members = an_object(schema.get("properties"))
    if schema.get("type") == "object":
        if kind == "root" and "properties" not in schema:
            return "object schema missing properties"
        if strict and schema.get("additionalProperties") is not False:
            return "'additionalProperties' is required to be supplied and to be false"
        if strict and set(members) != set(cast("list[str]", schema.get("required") or [])):
            return "'required' is required to be supplied and to be an array including every key in properties"
    inner = [*members.values(), schema.get("items"), *cast("list[Any]", schema.get("anyOf") or [])]
    reasons = (_unfit(each, strict=strict, kind="inner") for each in inner if isinstance(each, dict))
    return next((why for why in reasons if why), None)
