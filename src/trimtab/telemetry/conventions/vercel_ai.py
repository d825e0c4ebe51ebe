"""Vercel's AI SDK, 3 to 6: scope ``ai``, ``ai.*``. From 7 on it speaks OpenTelemetry GenAI (`otel_genai`).

Names: vercel/ai, content/docs/03-ai-sdk-core/60-telemetry.mdx and packages/ai/src. A parent (``ai.generateText``)
repeats the usage of its calls (``ai.generateText.doGenerate``), so only those are llm spans. Up to 5, ``inputTokens``
of Anthropic and Bedrock leave cached ones out, as those providers do.
"""

from typing import Any, Final

from trimtab.llm.types import Message, Part, Reasoning, Text
from trimtab.telemetry.canonical import Document
from trimtab.telemetry.conventions._messages import messages_of, tool_calls_of, tools_of, with_system
from trimtab.telemetry.conventions._plug import Convention
from trimtab.telemetry.conventions._stops import stop_of
from trimtab.telemetry.conventions._usage import Counts, buckets
from trimtab.telemetry.conventions._values import (
    Attributes,
    Found,
    count,
    entries,
    first,
    label,
    mapping,
    number,
    parsed,
    put,
    put_content,
    put_labels,
    sequence,
    tags,
    text_of_value,
    under,
)
from trimtab.telemetry.foreign.spans import ForeignSpan
from trimtab.telemetry.views import SpanKind

NAME: Final = "vercel_ai"
VERSION: Final = 2

_METADATA: Final = "ai.telemetry.metadata."
_LABELS: Final = (
    ("operation", "ai.operationId"),
    ("model", "ai.model.id"),
    ("model_used", "ai.response.model"),
    ("response_id", "ai.response.id"),
    ("session", f"{_METADATA}sessionId"),
    ("session", f"{_METADATA}session_id"),
    ("user", f"{_METADATA}userId"),
    ("user", f"{_METADATA}user_id"),
    ("workflow", "ai.telemetry.functionId"),
    ("tool_name", "ai.toolCall.name"),
    ("tool_call_id", "ai.toolCall.id"),
)


def kind(span: ForeignSpan) -> SpanKind | None:
    said = span.attributes.get("ai.operationId")
    if type(said) is not str or not said.startswith("ai."):
        return None
    last = said.rpartition(".")[2]
    if last in ("doGenerate", "doStream"):
        return "llm"
    if last == "doEmbed":
        return "embedding"
    if last == "doRerank":
        return "reranker"
    return "tool" if said == "ai.toolCall" else "workflow"


def read(span: ForeignSpan, found: Found) -> None:
    attributes = span.attributes
    put_labels(found, attributes, _LABELS)
    provider = attributes.get("ai.model.provider")
    if type(provider) is str:
        put(found, "provider", label(provider.partition(".")[0]))
    if "stream" in str(attributes.get("ai.operationId", "")).lower():
        found.setdefault("stream", True)
    settings = under(attributes, "ai.settings.")
    if settings:
        put(found, "params", {name: parsed(value) for name, value in settings if value is not None})
    properties = under(attributes, _METADATA)
    if properties:
        _read_metadata(dict(properties), found)
    _read_asked(attributes, found)
    _read_answered(attributes, found)
    if found.get("kind") == "tool":
        put_content(found, "input", attributes.get("ai.toolCall.args"))
        put_content(found, "output", attributes.get("ai.toolCall.result"))
    elif found.get("kind") == "reranker":
        put(found, "documents", _ranked(attributes))
    values = attributes.get("ai.values")
    put_content(found, "input", [parsed(each) for each in sequence(values)] or attributes.get("ai.value"))
    _read_usage(attributes, found)
    milliseconds = number(first(attributes, ("ai.response.msToFirstChunk", "ai.stream.msToFirstChunk")))
    if milliseconds is not None and 0 <= milliseconds < 1e9 and "ttft_ns" not in found:
        found["ttft_ns"] = int(milliseconds * 1_000_000)


def _ranked(attributes: Attributes) -> tuple[Document, ...]:
    """``ai.ranking`` is ``{index, relevanceScore}`` of each of ``ai.documents``, the best first."""
    given = sequence(attributes.get("ai.documents"))
    found: list[Document] = []
    for each in sequence(attributes.get("ai.ranking"))[:1000]:
        row = mapping(each)
        at = count(row.get("index"))
        content = parsed(given[at]) if at is not None and at < len(given) else None
        found.append(Document(id=label(at), content=text_of_value(content), score=number(row.get("relevanceScore"))))
    return tuple(found)


def _read_metadata(properties: dict[str, Any], found: Found) -> None:
    if "tags" in properties:
        put(found, "tags", tags(properties["tags"]))
    prompt = mapping(properties.get("langfusePrompt"))
    put(found, "prompt_name", label(prompt.get("name")))
    put(found, "prompt_version", label(prompt.get("version")))
    put(found, "metadata", entries(properties.items()))


def _read_asked(attributes: Attributes, found: Found) -> None:
    if "input_messages" not in found:
        messages: tuple[Message, ...] = ()
        given = attributes.get("ai.prompt.messages")
        if given is not None:
            messages = messages_of(given)
        elif "ai.prompt" in attributes:
            held = mapping(attributes["ai.prompt"])
            asked = first(held, ("messages", "prompt"))
            messages = with_system(messages_of(asked), held.get("system")) if held else ()
        put(found, "input_messages", messages)
    tools = attributes.get("ai.prompt.tools")
    if tools is not None:
        put(found, "tools_offered", tools_of(tools))


def _read_answered(attributes: Attributes, found: Found) -> None:
    reason = first(attributes, ("ai.response.finishReason", "ai.finishReason"))
    if reason is not None:
        put(found, "stop", stop_of(reason))
    if "output_messages" in found:
        return
    parts: list[Part] = []
    thought = attributes.get("ai.response.reasoning")
    if type(thought) is str and thought:
        parts.append(Reasoning(text=thought))
    for name in ("ai.response.text", "ai.result.text", "ai.response.object", "ai.result.object"):
        value = attributes.get(name)
        if value not in (None, ""):
            parts.append(Text(text_of_value(value)))
            break
    parts += tool_calls_of(first(attributes, ("ai.response.toolCalls", "ai.result.toolCalls")))
    if parts:
        found["output_messages"] = (Message("assistant", tuple(parts)),)


def _read_usage(attributes: Attributes, found: Found) -> None:
    given = count(first(attributes, ("ai.usage.inputTokens", "ai.usage.promptTokens", "ai.usage.tokens")))
    made = count(first(attributes, ("ai.usage.outputTokens", "ai.usage.completionTokens")))
    if "usage" in found or (given is None and made is None):
        return
    counts = Counts(
        input=given,
        output=made,
        cache_read=count(attributes.get("ai.usage.cachedInputTokens")),
        reasoning=count(attributes.get("ai.usage.reasoningTokens")),
        total=count(attributes.get("ai.usage.totalTokens")),
    )
    said = attributes.get("ai.response.providerMetadata")
    if said is not None:
        _read_provider(mapping(said), counts)
    usage = buckets(counts)
    if usage is not None:
        found["usage"] = usage
        found["total_tokens"] = counts.total


def _read_provider(said: dict[str, Any], counts: Counts) -> None:
    """What the provider told beside: cache and reasoning, and whether its input leaves the cache out."""
    openai = mapping(said.get("openai")) or mapping(said.get("azure"))
    counts.cache_read = _or(counts.cache_read, openai.get("cachedPromptTokens"))
    counts.reasoning = _or(counts.reasoning, openai.get("reasoningTokens"))
    google = mapping(mapping(said.get("google")).get("usageMetadata"))
    counts.cache_read = _or(counts.cache_read, google.get("cachedContentTokenCount"))
    counts.reasoning = _or(counts.reasoning, google.get("thoughtsTokenCount"))
    anthropic = mapping(said.get("anthropic"))
    if anthropic:
        raw = mapping(anthropic.get("usage"))
        written = mapping(raw.get("cache_creation"))
        read = first(anthropic, ("cacheReadInputTokens",))
        counts.cache_read = _or(counts.cache_read, read if read is not None else raw.get("cache_read_input_tokens"))
        write = anthropic.get("cacheCreationInputTokens")
        counts.cache_write = _or(
            counts.cache_write, write if write is not None else raw.get("cache_creation_input_tokens")
        )
        counts.cache_write_5m = count(written.get("ephemeral_5m_input_tokens"))
        counts.cache_write_1h = count(written.get("ephemeral_1h_input_tokens"))
        fresh = count(raw.get("input_tokens"))
        counts.input_excludes_cache = fresh == counts.input if fresh is not None else True
    bedrock = mapping(mapping(said.get("bedrock")).get("usage"))
    if bedrock:
        counts.cache_read = _or(counts.cache_read, bedrock.get("cacheReadInputTokens"))
        counts.cache_write = _or(counts.cache_write, bedrock.get("cacheWriteInputTokens"))


def _or(known: int | None, other: Any) -> int | None:
    return known if known is not None else count(other)


PLUG: Final = Convention(
    name=NAME, version=VERSION, families=frozenset({"ai"}), own=20, column=50, kinds=50, kind=kind, read=read
)
