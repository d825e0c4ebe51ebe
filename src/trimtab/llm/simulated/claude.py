"""What one model of Anthropic's refuses and another takes, at whichever vendor serves it.

https://platform.claude.com/docs/en/models/haiku-5-5/migration-guide,
https://platform.claude.com/docs/en/build-with-claude/effort,
https://platform.claude.com/docs/en/build-with-claude/extended-thinking and, for the two that exclude each other,
https://github.com/BerriAI/litellm/issues/15097 (Opus 4.1 on: https://github.com/open-webui/functions/pull/9). A begun
answer, from 4.6 on: https://github.com/strands-agents/sdk-python/issues/1694. The most that each writes:
https://platform.claude.com/docs/en/about-claude/models/overview, told as in
https://github.com/OpenHands/OpenHands/issues/11090.
"""

import re
from typing import Any

from trimtab.llm.simulated.answers import an_object, objects

_ADAPTIVE = re.compile(r"claude-[a-z]+-(?:4-[789]|[5-9])(?!\d)")
_NO_EFFORT = re.compile(r"claude-(?:3|(?:sonnet|haiku)-4-[0-5](?!\d)|[a-z]+-4-(?:[01](?!\d)|\d{8}))")

_NO_PREFILL = re.compile(r"claude-[a-z]+-(?:4-[6-9]|[5-9])(?!\d)")
_ONE_SAMPLER = re.compile(r"claude-(?:opus-4-[1-6]|(?:sonnet|haiku)-4-[56])(?!\d)")


_WRITES = (
    ("claude-3-haiku", 4096),
    ("claude-3-5-", 8192),
    ("claude-opus-4-1", 32_000),
    ("claude-opus-4-5", 64_000),
    ("claude-sonnet-4-5", 64_000),
    ("claude-haiku-4-5", 64_000),
    ("claude-opus-4-", 128_000),
    ("claude-sonnet-4-6", 128_000),
)


def refusal(body: dict[str, Any], model: str) -> str:
    """Why this model refuses the body of a Messages request, else ``""``."""
    said = objects(body.get("messages"))
    bound, most = body.get("max_tokens"), next((most for name, most in _WRITES if name in model), None)
    if most is not None and isinstance(bound, int) and bound > most:
        return f"max_tokens: {bound} > {most}, which is the maximum allowed number of output tokens for {model}"
    if _NO_PREFILL.search(model) and said and said[-1].get("role") == "assistant":
        return "This model does not support assistant message prefill. The conversation must end with a user message."
    thinking = an_object(body.get("thinking"))
    forced = an_object(body.get("tool_choice")).get("type") in ("any", "tool")
    if forced and thinking.get("type") in ("adaptive", "enabled"):
        return "Thinking may not be enabled when tool_choice forces tool use."
    if _NO_EFFORT.search(model) and an_object(body.get("output_config")).get("effort") is not None:
        return "This model does not support the effort parameter."
    if _ONE_SAMPLER.search(model) and None not in (body.get("temperature"), body.get("top_p")):
        return "`temperature` and `top_p` cannot both be specified for this model. Please use only one."
    if _ADAPTIVE.search(model) is None:
        return _of_budget(body, thinking) if thinking.get("type") == "enabled" else ""
    for name in ("temperature", "top_p", "top_k"):
        if body.get(name) is not None:
            return f"`{name}` is deprecated for this model."
    if thinking.get("type") == "enabled":
        words = '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and '
        return words + '"output_config.effort" to control thinking behavior.'
    return ""


def _of_budget(body: dict[str, Any], thinking: dict[str, Any]) -> str:
    budget, bound = thinking.get("budget_tokens"), body.get("max_tokens")
    if not isinstance(budget, int) or budget < 1024:
        return "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"
    if isinstance(bound, int) and bound <= budget:
        return "`max_tokens` must be greater than `thinking.budget_tokens`."
    if body.get("temperature") not in (None, 1):
        return "`temperature` may only be set to 1 when thinking is enabled."
    if body.get("top_k") is not None:
        return "`top_k` must be unset when thinking is enabled."
    if (body.get("top_p") or 1) < 0.95:
        return "`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled."
    said = [message for message in objects(body.get("messages")) if message.get("role") == "assistant"]
    kinds = [block.get("type") for block in objects(said[-1].get("content"))] if said else []
    if "tool_use" in kinds and kinds[0] not in ("thinking", "redacted_thinking"):
        return (
            f"Expected `thinking` or `redacted_thinking`, but found `{kinds[0]}`. When `thinking` is enabled, a final "
            "`assistant` message must start with a thinking block."
        )
    return ""
