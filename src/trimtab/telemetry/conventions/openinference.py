"""OpenInference (Arize): ``openinference.span.kind``, ``llm.*``, ``input.value``, ``retrieval.*``, ``embedding.*``.

Specification: Arize-ai/openinference, spec/semantic_conventions.md. Lists are flattened into names with indices.
"""

import re
from collections.abc import Collection
from typing import Any, Final, cast

from trimtab.llm.types import Message, Role
from trimtab.telemetry.canonical import Document, Evaluation
from trimtab.telemetry.conventions._bodies import read_agents_graph, tool_answer
from trimtab.telemetry.conventions._indexed import FlatPlan, flat_plan, flat_rows, rows, tree
from trimtab.telemetry.conventions._messages import messages_of, tool_calls_of, tools_of, with_system
from trimtab.telemetry.conventions._plug import Convention
from trimtab.telemetry.conventions._stops import stop_of
from trimtab.telemetry.conventions._usage import Counts, buckets
from trimtab.telemetry.conventions._values import (
    Attributes,
    Found,
    count,
    entries,
    is_list,
    is_object,
    label,
    mapping,
    number,
    picodollars,
    present,
    put,
    put_content,
    put_labels,
    tags,
    text_of_value,
)
from trimtab.telemetry.foreign.spans import ForeignSpan
from trimtab.telemetry.views import SpanKind

NAME: Final = "openinference"
VERSION: Final = 6

_KINDS: Final[dict[str, SpanKind]] = {
    "LLM": "llm", "EMBEDDING": "embedding", "RETRIEVER": "retriever", "RERANKER": "reranker", "TOOL": "tool",
    "AGENT": "agent", "CHAIN": "workflow", "PROMPT": "workflow", "GUARDRAIL": "guardrail", "EVALUATOR": "evaluator",
    "DECISION": "llm", "UNKNOWN": "span",
}  # fmt: skip

_LABELS: Final = (
    ("model", "llm.request.model_name"),
    ("model", "llm.model_name"),
    ("model_used", "llm.response.model_name"),
    ("model_used", "llm.model_name"),
    ("provider", "llm.provider"),
    ("provider", "llm.system"),
    ("model", "decision.request.model_name"),
    ("model", "decision.model_name"),
    ("model_used", "decision.response.model_name"),
    ("model_used", "decision.model_name"),
    ("provider", "decision.provider"),
    ("provider", "decision.system"),
    ("session", "session.id"),
    ("user", "user.id"),
    ("agent_name", "agent.name"),
    ("node", "graph.node.name"),
    ("node", "graph.node.id"),
    ("parent_node", "graph.node.parent_id"),
    ("prompt_name", "prompt.id"),
    ("prompt_version", "llm.prompt_template.version"),
)
_AGENT: Final = (("agent_name", "graph.node.name"), ("agent_name", "graph.node.id"))
_TOOL: Final = (("tool_name", "tool.name"), ("tool_call_id", "tool.id"))
_GIVEN: Final = "llm.input_messages."
_MADE: Final = "llm.output_messages."
_MIDDLE: Final = ".message."
_FLAT: Final = frozenset({"role", "content"})
_COUNTS: Final = (
    ("input", "llm.token_count.prompt"),
    ("output", "llm.token_count.completion"),
    ("total", "llm.token_count.total"),
    ("cache_read", "llm.token_count.prompt_details.cache_read"),
    ("cache_read", "llm.token_count.prompt_details.cache_input"),
    ("cache_write", "llm.token_count.prompt_details.cache_write"),
    ("reasoning", "llm.token_count.completion_details.reasoning"),
    ("audio_input", "llm.token_count.prompt_details.audio"),
    ("audio_output", "llm.token_count.completion_details.audio"),
    ("input", "decision.token_count.input"),
    ("output", "decision.token_count.output"),
)
_TOLD: Final = frozenset(name for field, name in _COUNTS if field in ("input", "output"))


def kind(span: ForeignSpan) -> SpanKind | None:
    said = span.attributes.get("openinference.span.kind")
    return _KINDS.get(said.upper()) if type(said) is str else None


class Reading:
    """`read` for spans with these names: what is not among them is not asked for."""

    __slots__ = (
        "_cost",
        "_counts",
        "_finish",
        "_given",
        "_labels",
        "_made",
        "_metadata",
        "_nodes",
        "_offered",
        "_offered_whole",
        "_params",
        "_scored",
        "_tags",
        "_tool",
    )

    def __init__(self, names: Collection[str]) -> None:
        self._labels = present(names, _LABELS)
        self._nodes = present(names, _AGENT)
        self._tool = present(names, _TOOL)
        counted = not _TOLD.isdisjoint(names)
        self._counts = present(names, _COUNTS) if counted else ()
        self._cost = "llm.cost.total" in names
        self._params = "llm.invocation_parameters" in names
        self._given = flat_plan(names, _GIVEN, _MIDDLE, _FLAT)
        self._made = flat_plan(names, _MADE, _MIDDLE, _FLAT)
        self._offered = "llm.tools.0.tool.json_schema" in names
        self._offered_whole = "llm.tools" in names
        self._finish = "llm.finish_reason" in names
        self._tags = "tag.tags" in names
        self._metadata = "metadata" in names
        self._scored = any("annotations." in name or "evaluations." in name for name in names)

    def __call__(self, span: ForeignSpan, found: Found) -> None:
        attributes = span.attributes
        put_labels(found, attributes, self._labels)
        if self._counts and "usage" not in found:
            _read_usage(attributes, self._counts, found)
        if self._cost and "cost_reported" not in found:
            amount = picodollars(attributes["llm.cost.total"])
            if amount is not None:
                found["cost_reported"] = amount
        instructions = _read_params(attributes, found) if self._params else None
        self._read_by_kind(span, found)
        if instructions is not None and "input_messages" in found:
            found["input_messages"] = with_system(found["input_messages"], instructions)
        _read_values(attributes, found)
        if self._tags:
            put(found, "tags", tags(attributes["tag.tags"]))
        if self._metadata:
            metadata = mapping(attributes["metadata"])
            put_labels(found, metadata, (("node", "langgraph_node"),))
            read_agents_graph(metadata, found)
            put(found, "metadata", entries(metadata.items()))
        if self._scored:
            _read_scores(attributes, found)

    def _read_by_kind(self, span: ForeignSpan, found: Found) -> None:
        attributes = span.attributes
        kind_now = found.get("kind")
        if kind_now in (None, "llm", "agent", "workflow"):
            self._read_messages(attributes, found)
        if kind_now == "agent":  # CrewAI's are known by their place in the graph alone
            put_labels(found, attributes, self._nodes)
        if kind_now == "tool":
            put_labels(found, attributes, self._tool)
            put(found, "tool_name", label(span.name))
        elif kind_now == "retriever":
            put(found, "documents", documents_of(tree(attributes, "retrieval.documents."), "document"))
        elif kind_now == "reranker":
            _read_ranking(attributes, found)
        elif kind_now == "embedding":
            _read_embedding(attributes, found)

    def _read_messages(self, attributes: Attributes, found: Found) -> None:
        if self._given != () and "input_messages" not in found:
            put(found, "input_messages", _messages(attributes, self._given, _GIVEN, "user"))
        if self._made != () and "output_messages" not in found:
            put(found, "output_messages", _messages(attributes, self._made, _MADE, "assistant"))
        if self._offered and "tools_offered" not in found:
            schemas = [_tool_of(row) for row in rows(tree(attributes, "llm.tools."))]
            put(found, "tools_offered", tools_of([each for each in schemas if each]))
        if self._offered_whole:  # CrewAI's listener
            put(found, "tools_offered", tools_of(attributes["llm.tools"]))
        if self._finish and "stop" not in found:
            reason = attributes["llm.finish_reason"]
            if reason is not None:
                put(found, "stop", stop_of(reason))


def read(span: ForeignSpan, found: Found) -> None:
    """Any span."""
    Reading(span.attributes)(span, found)


_RESPONSE: Final = re.compile(r'"id"\s*:\s*"((?:chatcmpl-|cmpl-|resp_|gen-)[\w.-]{1,200})"')
_ANTHROPIC: Final = re.compile(r'"id"\s*:\s*"(msg_(?:01|bdrk|vrtx)\w{1,200})"')


def _read_values(attributes: Attributes, found: Found) -> None:
    """The untyped values, unless messages say the same. The convention has no name for a response's id, without which
    two instrumentations of one call could not be told to be such: it is looked for in the answer as it came."""
    made = attributes.get("output.value")
    if found.get("kind") == "llm" and type(made) is str and "response_id" not in found:
        told = _RESPONSE.search(made) or _ANTHROPIC.search(made)
        if told is not None:
            found["response_id"] = told.group(1)
    if "input_messages" not in found:
        put_content(found, "input", attributes.get("input.value"))
    if "output_messages" not in found:
        put_content(found, "output", made)
        said = found.get("output")
        if found.get("kind") == "llm" and is_list(said):  # CrewAI's listener: calls of tools and nothing around them
            calls = tool_calls_of(said) if all(is_object(each) and "function" in each for each in said) else ()
            put(found, "output_messages", (Message("assistant", tuple(calls)),) if calls else ())
        if found.get("kind") == "tool" and is_object(said):  # LangChain: a message around what the tool gave
            held = mapping(said.get("data")) or said
            if held.get("type") == "tool" and "content" in held:
                found["output"] = held["content"]
                put(found, "tool_call_id", label(held.get("tool_call_id")))
            else:  # and LangChain's in JavaScript: serialised
                found["output"] = tool_answer(said)


def _read_usage(attributes: Attributes, names: tuple[tuple[str, str], ...], found: Found) -> None:
    counts = Counts()
    for field, name in names:
        if getattr(counts, field) is None:
            setattr(counts, field, count(attributes[name]))
    usage = buckets(counts)
    if usage is not None:
        found["usage"] = usage
        found["total_tokens"] = counts.total


def _read_params(attributes: Attributes, found: Found) -> Any:
    """Returns the instructions, which OpenInference in JavaScript tells of Anthropic's client among them alone."""
    params = mapping(attributes["llm.invocation_parameters"])
    if params.get("stream") is True:
        found.setdefault("stream", True)
    if "tools" in params and "tools_offered" not in found:
        put(found, "tools_offered", tools_of(params["tools"]))
    kept = {name: value for name, value in params.items() if name not in ("tools", "messages", "model")}
    system = kept.pop("system", None)
    put(found, "params", kept)
    return system


def _tool_of(row: Any) -> dict[str, Any]:
    held = mapping(mapping(row).get("tool"))
    return mapping(held.get("json_schema")) or held


def _messages(attributes: Attributes, flat: FlatPlan | None, prefix: str, role: Role) -> tuple[Message, ...]:
    if flat is not None:
        return messages_of(flat_rows(attributes, flat), role)
    shaped: list[dict[str, Any]] = []
    for row in rows(tree(attributes, prefix)):
        held = mapping(mapping(row).get("message"))
        if held:
            shaped.append(_shaped(held, role))
    return messages_of(shaped) if shaped else ()


def _shaped(held: dict[str, Any], role: str) -> dict[str, Any]:
    """A message of the tree as OpenAI would write it."""
    message: dict[str, Any] = {"role": held.get("role") or role, "content": held.get("content")}
    contents = held.get("contents")
    if contents is not None:
        parts = [part for row in rows(contents) if (part := _content(mapping(row)))]
        if message["content"]:
            parts.insert(0, {"type": "text", "text": text_of_value(message["content"])})
        message["content"] = parts
    calls = held.get("tool_calls")
    if calls is not None:
        message["tool_calls"] = [mapping(mapping(row).get("tool_call")) for row in rows(calls)]
    name = held.get("function_call_name")
    if name:
        call = {"name": name, "arguments": held.get("function_call_arguments_json")}
        message["function_call"] = call
    for key in ("name", "tool_call_id"):
        if held.get(key):
            message[key] = held[key]
    return message


def _content(row: dict[str, Any]) -> dict[str, Any]:
    """``message_content.{type,text,image.image.url,…}``; the type alone may be missing. A call of a tool among them
    has its place there and stands beside it (Anthropic's, since 2.0): in ``tool_call`` of the row, and in
    ``message.tool_calls``."""
    held = mapping(row.get("message_content"))
    if held.keys() == {"type"} and held["type"] == "tool_use":
        call = mapping(row.get("tool_call"))
        return {**held, **call} if call else {}
    if "type" not in held and "image" in held:
        return {"type": "image", **held}
    return held


def documents_of(found: Any, word: str) -> tuple[Document, ...]:
    """``N.document.{id,content,score,metadata}`` of a tree."""
    documents: list[Document] = []
    for row in rows(found):
        held = mapping(mapping(row).get(word))
        if held:
            documents.append(
                Document(
                    id=label(held.get("id")),
                    content=text_of_value(held.get("content")),
                    score=number(held.get("score")),
                    metadata=mapping(held.get("metadata")),
                )
            )
    return tuple(documents)


def _read_ranking(attributes: Attributes, found: Found) -> None:
    given = tree(attributes, "reranker.")
    put(found, "model", label(given.get("model_name")))
    put_content(found, "input", given.get("query"))
    put(found, "documents", documents_of(given.get("output_documents"), "document"))
    if given.get("top_k") is not None:
        put(found, "params", {"top_k": given["top_k"]})


def _read_embedding(attributes: Attributes, found: Found) -> None:
    put(found, "model", label(attributes.get("embedding.model_name")))
    if "input" not in found:
        listed = rows(tree(attributes, "embedding.embeddings."))
        texts = [mapping(mapping(row).get("embedding")).get("text") for row in listed]
        said = [text for text in texts if type(text) is str]
        put(found, "input", said[0] if len(said) == 1 else said)
    given = mapping(attributes.get("embedding.invocation_parameters"))
    put(found, "params", {name: value for name, value in given.items() if name not in ("input", "model")})


_ANNOTATIONS: Final = tuple(
    (f"{prefix}{word}s.", word, target)
    for word in ("annotation", "evaluation")
    for prefix, target in (("", "span"), ("trace.", "trace"), ("session.", "session"))
)
"""A judgement stands under either word."""
_SOURCES: Final = {"HUMAN": "human", "LLM": "llm", "CODE": "code"}


def _read_scores(attributes: Attributes, found: Found) -> None:
    for prefix, word, target in _ANNOTATIONS:
        if not any(name.startswith(prefix) for name in attributes):
            continue
        scores: list[Evaluation] = []
        for row in rows(tree(attributes, prefix)):
            held = mapping(mapping(row).get(word)) or mapping(row)
            value, said = number(held.get("score")), label(held.get("label"))
            if label(held.get("name")) and (value is not None or said):
                scores.append(
                    Evaluation(
                        name=label(held.get("name")),
                        value=value,
                        label=said,
                        explanation=text_of_value(held.get("explanation"))[:4000],
                        source=cast("Any", _SOURCES.get(label(held.get("annotator_kind")).upper(), "code")),
                        target=cast("Any", target),
                        identifier=label(held.get("identifier")),
                    )
                )
        if scores:
            found["scores"] = (*found.get("scores", ()), *scores)


PLUG: Final = Convention(
    name=NAME, version=VERSION, families=frozenset({"openinference"}), scopes=("openinference.",),
    also=frozenset({"llm", "decision", "input", "output", "retrieval", "reranker", "embedding", "tag", "graph"}),
    own=40, column=20, kinds=20, kind=kind, read=read, fit=Reading,
)  # fmt: skip
