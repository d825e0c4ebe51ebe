"""The usage object of Responses and our exclusive buckets.

``openai.types.responses.ResponseUsage``: ``input_tokens`` includes what was read from and written to the prompt cache,
``output_tokens`` includes reasoning. Searches are items of the output, not of the usage; of the web's, those count that
searched: to open a page, or to find something in one, is not charged
(https://developers.openai.com/api/docs/guides/tools-web-search). Perplexity counts its own in the usage.
"""

from typing import Any, cast

from msgspec.structs import replace

from trimtab.llm.charges import charged_in
from trimtab.llm.dialects._reading import count
from trimtab.llm.dialects.openai_chat.usage import written_of
from trimtab.llm.types import Usage


def usage_of(value: Any, tier: str = "") -> Usage | None:
    """From a decoded usage object; None where there is none. Details that exceed their total are cut to it. ``tier`` is
    what the answer around it says."""
    if not isinstance(value, dict) or not value:
        return None
    usage = cast("dict[str, Any]", value)
    read, written = count(usage.get("input_tokens")), count(usage.get("output_tokens"))
    read_side = _details(usage, "input_tokens_details")
    cached = min(count(read_side.get("cached_tokens")), read)
    stored = min(count(read_side.get("cache_write_tokens")), read - cached)
    told = count(_details(usage, "output_tokens_details").get("reasoning_tokens"))
    output, reasoning = written_of(written, told, read, count(usage.get("total_tokens")))
    return Usage(
        input=read - cached - stored,
        cache_read=cached,
        cache_write=stored,
        output=output,
        reasoning=reasoning,
        searches=_searched(usage) if "tool_calls_details" in usage else 0,
        tier=tier,
        charged=charged_in(usage) if "cost" in usage or "cost_in_usd_ticks" in usage else None,
    )


def _searched(usage: dict[str, Any]) -> int:
    return count(_details(_details(usage, "tool_calls_details"), "search_web").get("invocation"))


_FILES = "file_search_call"
SEARCHES = ("web_search_call", _FILES)
"""Types of output items that are searches of the provider's own tools."""


def with_searches(usage: Usage | None, found: list[tuple[str, Any]]) -> Usage | None:
    """The usage with the searches among an answer's items, each its type and its ``action``."""
    if usage is None or not found:
        return usage
    files = sum(kind == _FILES for kind, _ in found)
    web = sum(
        not isinstance(action, dict) or cast("dict[str, Any]", action).get("type", "search") == "search"
        for kind, action in found
        if kind != _FILES
    )
    return replace(usage, searches=max(usage.searches, web), file_searches=files)


def searches_in(output: Any) -> list[tuple[str, Any]]:
    """The searches among decoded items of an answer, as `with_searches` takes them."""
    items = cast("list[Any]", output) if isinstance(output, list) else []
    told = [cast("dict[str, Any]", item) for item in items if isinstance(item, dict)]
    return [(item["type"], item.get("action")) for item in told if item.get("type") in SEARCHES]


def render_usage(usage: Usage) -> dict[str, Any]:
    """Back in OpenAI's convention: totals that include their details."""
    read = usage.input + usage.cache_read + usage.cache_write
    written = usage.output + usage.reasoning
    return {
        "input_tokens": read,
        "input_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write},
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": read + written,
    }


def _details(usage: dict[str, Any], name: str) -> dict[str, Any]:
    found = usage.get(name)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
