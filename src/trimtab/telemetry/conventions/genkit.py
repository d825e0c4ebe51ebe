"""Genkit (JavaScript, Go, Python): ``genkit:*``, names with colons, inputs and outputs as JSON of its own model.

Names: genkit-ai/genkit, py/packages/genkit/src/genkit/_core/_trace/_attrs.py, js/core/src/tracing/instrumentation.ts;
the model's requests and answers: py/packages/genkit/src/genkit/_core/_typing.py. A flow and the ``generate``
around a model repeat the model's usage in their outputs: only a model's own counts.
"""

from typing import Any, Final

from trimtab.telemetry.canonical import Document
from trimtab.telemetry.conventions._messages import messages_of, parts_of, tools_of
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
    parsed,
    put,
    put_content,
    put_labels,
    sequence,
    under,
)
from trimtab.telemetry.foreign.spans import ForeignSpan
from trimtab.telemetry.plain_text import text_of
from trimtab.telemetry.views import SpanKind

NAME: Final = "genkit"
VERSION: Final = 1

_METADATA: Final = "genkit:metadata:"
_KINDS: Final[dict[str, SpanKind]] = {
    "model": "llm", "background-model": "llm", "embedder": "embedding", "retriever": "retriever",
    "reranker": "reranker", "tool": "tool", "tool.v2": "tool", "agent": "agent", "evaluator": "evaluator",
    "flow": "workflow", "prompt": "workflow", "executable-prompt": "workflow", "util": "workflow",
    "flowStep": "workflow",
}  # fmt: skip
_LABELS: Final = (
    ("session", "genkit:sessionId"),
    ("session", f"{_METADATA}sessionId"),
    ("error_message", "genkit:error"),
)
_NAMED: Final = {"tool": "tool_name", "agent": "agent_name", "workflow": "workflow"}


def kind(span: ForeignSpan) -> SpanKind | None:
    attributes = span.attributes
    for name in (f"{_METADATA}subtype", "genkit:type"):
        said = attributes.get(name)
        if type(said) is str and said in _KINDS:
            return _KINDS[said]
    return None


def read(span: ForeignSpan, found: Found) -> None:
    attributes = span.attributes
    put_labels(found, attributes, _LABELS)
    if attributes.get("genkit:state") == "error":
        found.setdefault("status", "error")
    kind_now = found.get("kind", "")
    name = label(attributes.get("genkit:name"))
    if kind_now in _NAMED:
        put(found, _NAMED[kind_now], name)
    elif kind_now in ("llm", "embedding", "reranker"):
        vendor, _, model = name.partition("/")  # "googleai/gemini-2.5-flash"
        put(found, "model", model or vendor)
        if model:
            put(found, "provider", _PROVIDERS.get(vendor, vendor))
    given, made = parsed(attributes.get("genkit:input")), parsed(attributes.get("genkit:output"))
    if kind_now == "llm":
        _read_asked(mapping(given), found)
        _read_answered(mapping(made), found)
    elif kind_now in ("retriever", "reranker"):
        put(found, "documents", _documents(made))
        query = mapping(mapping(given).get("query"))
        put_content(found, "input", _text(query) if query else None)
    elif kind_now == "tool" and mapping(made).keys() == {"output"}:  # tool.v2 puts what it gave into an envelope
        put_content(found, "output", made["output"])
    put_content(found, "input", given)
    put_content(found, "output", made)
    _read_metadata(attributes, found)


_PROVIDERS: Final = {
    "googleai": "google",
    "vertexai": "google",
    "googlegenai": "google",
    "vertex-model-garden": "google",
}
"""Genkit's plugins, by the name of who sells."""


def _read_asked(asked: dict[str, Any], found: Found) -> None:
    put(found, "input_messages", messages_of(asked.get("messages")))
    put(found, "tools_offered", tools_of(asked.get("tools")))
    put(found, "params", mapping(asked.get("config")))


def _read_answered(told: dict[str, Any], found: Found) -> None:
    candidates = sequence(told.get("candidates"))  # up to 0.5
    answer = mapping(candidates[0]) if candidates else told
    put(found, "output_messages", messages_of(answer.get("message"), "assistant"))
    put(found, "stop", stop_of(answer.get("finishReason")))
    said = mapping(told.get("usage"))
    if said and "usage" not in found:
        counts = Counts(
            input=count(said.get("inputTokens")),
            output=count(said.get("outputTokens")),
            total=count(said.get("totalTokens")),
            reasoning=count(said.get("thoughtsTokens")),
            cache_read=count(said.get("cachedContentTokens")),
        )
        usage = buckets(counts)
        if usage is not None:
            found["usage"] = usage
            found["total_tokens"] = counts.total


def _documents(made: Any) -> tuple[Document, ...]:
    """``{"documents": [{"content": [{"text": …}], "metadata": {…}}]}``; a ranking's score stands in the metadata."""
    found: list[Document] = []
    for each in sequence(mapping(made).get("documents"))[:1000]:
        row = mapping(each)
        more = mapping(row.get("metadata"))
        score = first(more, ("score",))
        found.append(
            Document(
                id=label(more.get("id")),
                content=_text(row),
                score=float(score) if type(score) in (int, float) else None,
                metadata=more,
            )
        )
    return tuple(found)


def _text(row: dict[str, Any]) -> str:
    return text_of(parts_of(row.get("content")))


def _read_metadata(attributes: Attributes, found: Found) -> None:
    properties = [each for each in under(attributes, _METADATA) if each[0] not in ("subtype", "sessionId")]
    path = attributes.get("genkit:path")
    if path is not None:
        properties.append(("path", path))
    if properties:
        put(found, "metadata", entries(properties))


PLUG: Final = Convention(
    name=NAME, version=VERSION, families=frozenset({"genkit"}), scopes=("genkit-tracer",), own=64, column=64, kinds=34,
    kind=kind, read=read,
)  # fmt: skip
