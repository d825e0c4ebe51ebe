"""Anthropic's usage object and our exclusive buckets.

https://docs.claude.com/en/api/messages: ``input_tokens`` excludes what was read from and written to the prompt cache;
``output_tokens`` includes thinking (``output_tokens_details.thinking_tokens``). In a stream ``message_start`` tells the
input side and each ``message_delta`` cumulative totals: a field told later replaces the one told before. Searches of
the web are charged beside tokens: ``server_tool_use.web_search_requests``.

What a request samples beside its answer stands in ``iterations`` alone: a compaction
(https://platform.claude.com/docs/en/build-with-claude/compaction-threshold), and what an advisor read and wrote
(https://platform.claude.com/docs/en/agents-and-tools/tool-use/advisor-tool; ``anthropic.types.beta.BetaUsage``). It is
billed, and counted here. An advisor is another model, with rates of its own that the row of the called model does not
have: such usage is marked as an estimate.
"""

from typing import Any, cast

from msgspec.structs import replace

from trimtab.llm.dialects._reading import count
from trimtab.llm.dialects._tolerant import objects
from trimtab.llm.tiers import tier_of
from trimtab.llm.types import Usage

_FIELDS = (
    "input_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "output_tokens",
    "cache_creation",
    "output_tokens_details",
    "iterations",
    "server_tool_use",
    "service_tier",
    "speed",
    "inference_geo",
)
_ADVISOR = "advisor_message"
_BESIDE = ("compaction", _ADVISOR)
"""Entries of ``iterations`` that the totals leave out; all others are told in the totals."""


def merged(before: dict[str, Any], told: Any) -> dict[str, Any]:
    """The usage object after a further one was told."""
    if not isinstance(told, dict):
        return before
    later = cast("dict[str, Any]", told)
    return before | {name: later[name] for name in _FIELDS if later.get(name) is not None}


def usage_of(value: Any) -> Usage | None:
    """From a decoded usage object; None where there is none."""
    if not isinstance(value, dict) or not value:
        return None
    usage = cast("dict[str, Any]", value)
    return _with_iterations(_totals(usage), usage["iterations"]) if usage.get("iterations") else _totals(usage)


def _totals(usage: dict[str, Any]) -> Usage:
    output = count(usage.get("output_tokens"))
    thinking = min(count(_inner(usage, "output_tokens_details", "thinking_tokens")), output)
    one_hour = count(_inner(usage, "cache_creation", "ephemeral_1h_input_tokens"))
    five_minutes = count(_inner(usage, "cache_creation", "ephemeral_5m_input_tokens"))
    # the total is the older field; a server that tells only the split is understood as well
    written = count(usage.get("cache_creation_input_tokens")) or one_hour + five_minutes
    return Usage(
        input=count(usage.get("input_tokens")),
        cache_read=count(usage.get("cache_read_input_tokens")),
        cache_write=written,
        cache_write_1h=min(one_hour, written),
        output=output - thinking,
        reasoning=thinking,
        searches=count(_inner(usage, "server_tool_use", "web_search_requests")),
        tier=tier_of(usage.get("service_tier"), usage.get("speed"), usage.get("inference_geo")),
    )


def _with_iterations(whole: Usage, iterations: Any) -> Usage:
    for each in objects(iterations):
        kind = each.get("type")
        if kind not in _BESIDE:
            continue
        more = _totals(each)
        whole = replace(
            whole,
            input=whole.input + more.input,
            cache_read=whole.cache_read + more.cache_read,
            cache_write=whole.cache_write + more.cache_write,
            cache_write_1h=whole.cache_write_1h + more.cache_write_1h,
            output=whole.output + more.output,
            reasoning=whole.reasoning + more.reasoning,
            estimated=whole.estimated or kind == _ADVISOR,
        )
    return whole


def render_usage(usage: Usage | None) -> dict[str, Any]:
    """Back in Anthropic's convention. Its clients need the two totals, so unknown usage is told as zeros."""
    known = usage or Usage()
    told: dict[str, Any] = {
        "input_tokens": known.input,
        "cache_creation_input_tokens": known.cache_write,
        "cache_read_input_tokens": known.cache_read,
        "output_tokens": known.output + known.reasoning,
    }
    if known.cache_write_1h:  # without it the total says it all
        told["cache_creation"] = {
            "ephemeral_5m_input_tokens": known.cache_write - known.cache_write_1h,
            "ephemeral_1h_input_tokens": known.cache_write_1h,
        }
    if known.reasoning:
        told["output_tokens_details"] = {"thinking_tokens": known.reasoning}
    return told


def _inner(usage: dict[str, Any], outer: str, name: str) -> Any:
    found = usage.get(outer)
    return cast("dict[str, Any]", found).get(name) if isinstance(found, dict) else None
