"""OpenInference (Arize): ``openinference.span.kind``, ``llm.*``, ``input.value``, ``retrieval.*``, ``embedding.*``.

Specification: Arize-ai/openinference, spec/semantic_conventions.md. Lists are flattened into names with indices.
"""

import re
from typing import Any, Final

from trimtab.llm.types import Message, Role
from trimtab.telemetry.canonical import Document, Evaluation
from trimtab.telemetry.conventions._indexed import flat_rows, rows, tree
from trimtab.telemetry.conventions._messages import messages_of, tools_of
from trimtab.telemetry.conventions._plug import Convention
from trimtab.telemetry.conventions._stops import stop_of
from trimtab.telemetry.conventions._usage import Counts, buckets
from trimtab.telemetry.conventions._values import (
    Attributes,
    Found,
    count,
    entries,
    is_object,
    label,
    mapping,
    number,
    picodollars,
    put,
    put_content,
    put_labels,
    tags,
    text_of_value,
)
from trimtab.telemetry.foreign.spans import ForeignSpan
from trimtab.telemetry.views import SpanKind

NAME: Final = "openinference"
VERSION: Final = 2

_KINDS: Final[dict[str, SpanKind]] = {
    "LLM": "llm", "EMBEDDING": "embedding", "RETRIEVER": "retriever", "RERANKER": "reranker", "TOOL": "tool",
    "AGENT": "agent", "CHAIN": "workflow", "PROMPT": "workflow", "GUARDRAIL": "guardrail", "EVALUATOR": "evaluator",
    "UNKNOWN": "span",
}  # fmt: skip

_LABELS: Final = (
    ("model", "llm.request.model_name"),
    ("model", "llm.model_name"),
    ("model_used", "llm.response.model_name"),
    ("model_used", "llm.model_name"),
    ("provider", "llm.provider"),
    ("provider", "llm.system"),
    ("session", "session.id"),
    ("user", "user.id"),
    ("agent_name", "agent.name"),
    ("node", "graph.node.name"),
    ("node", "graph.node.id"),
    ("parent_node", "graph.node.parent_id"),
    ("prompt_name", "prompt.id"),
    ("prompt_version", "llm.prompt_template.version"),
)
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
)


def kind(span: ForeignSpan) -> SpanKind | None:
    said = span.attributes.get("openinference.span.kind")
    return _KINDS.get(said.upper()) if type(said) is str else None


def read(span: ForeignSpan, found: Found) -> None:
    attributes = span.attributes
    put_labels(found, attributes, _LABELS)
    if "usage" not in found and ("llm.token_count.prompt" in attributes or "llm.token_count.completion" in attributes):
        _read_usage(attributes, found)
    cost = attributes.get("llm.cost.total")
    amount = picodollars(cost) if cost is not None else None
    if amount is not None and "cost_reported" not in found:
        found["cost_reported"] = amount
    _read_params(attributes, found)
    kind_now = found.get("kind")
    if kind_now in (None, "llm", "agent", "workflow"):
        _read_messages(attributes, found)
    if kind_now == "agent":  # CrewAI's are known by their place in the graph alone
        put_labels(found, attributes, (("agent_name", "graph.node.name"), ("agent_name", "graph.node.id")))
    if kind_now == "tool":
        put_labels(found, attributes, (("tool_name", "tool.name"), ("tool_call_id", "tool.id")))
        put(found, "tool_name", label(span.name))
    elif kind_now == "retriever":
        put(found, "documents", documents_of(tree(attributes, "retrieval.documents."), "document"))
    elif kind_now == "reranker":
        _read_ranking(attributes, found)
    elif kind_now == "embedding":
        _read_embedding(attributes, found)
    _read_values(attributes, found)
    if "tag.tags" in attributes:
        put(found, "tags", tags(attributes["tag.tags"]))
    if "metadata" in attributes:
        metadata = mapping(attributes["metadata"])
        put_labels(found, metadata, (("node", "langgraph_node"),))
        put(found, "metadata", entries(metadata.items()))
    _read_scores(attributes, found)


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
        if found.get("kind") == "tool" and is_object(said):  # LangChain: a message around what the tool gave
            held = mapping(said.get("data")) or said
            if held.get("type") == "tool" and "content" in held:
                found["output"] = held["content"]
                put(found, "tool_call_id", label(held.get("tool_call_id")))


def _read_usage(attributes: Attributes, found: Found) -> None:
    counts = Counts()
    for field, name in _COUNTS:
        value = attributes.get(name)
        if value is not None and getattr(counts, field) is None:
            setattr(counts, field, count(value))
    usage = buckets(counts)
    if usage is not None:
        found["usage"] = usage
        found["total_tokens"] = counts.total


def _read_params(attributes: Attributes, found: Found) -> None:
    given = attributes.get("llm.invocation_parameters")
    if given is None:
        return
    params = mapping(given)
    if params.get("stream") is True:
        found.setdefault("stream", True)
    if "tools" in params and "tools_offered" not in found:
        put(found, "tools_offered", tools_of(params["tools"]))
    kept = {name: value for name, value in params.items() if name not in ("tools", "messages", "model")}
    put(found, "params", kept)


def _read_messages(attributes: Attributes, found: Found) -> None:
    if "input_messages" not in found:
        put(found, "input_messages", _messages(attributes, "llm.input_messages.", "user"))
    if "output_messages" not in found:
        put(found, "output_messages", _messages(attributes, "llm.output_messages.", "assistant"))
    if "tools_offered" not in found and "llm.tools.0.tool.json_schema" in attributes:
        schemas = [_tool_of(row) for row in rows(tree(attributes, "llm.tools."))]
        put(found, "tools_offered", tools_of([each for each in schemas if each]))
    reason = attributes.get("llm.finish_reason")
    if reason is not None and "stop" not in found:
        put(found, "stop", stop_of(reason))


def _tool_of(row: Any) -> dict[str, Any]:
    held = mapping(mapping(row).get("tool"))
    return mapping(held.get("json_schema")) or held


_FLAT: Final = frozenset({"role", "content"})


def _messages(attributes: Attributes, prefix: str, role: Role) -> tuple[Message, ...]:
    plain = flat_rows(attributes, prefix, ".message.", _FLAT)
    if plain is not None:
        return messages_of(plain, role) if plain else ()
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
        parts = [_content(mapping(mapping(row).get("message_content"))) for row in rows(contents)]
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


def _content(held: dict[str, Any]) -> dict[str, Any]:
    """``message_content.{type,text,image.image.url,…}``; the type alone may be missing."""
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


_ANNOTATIONS: Final = (("annotations.", "span"), ("trace.annotations.", "trace"), ("session.annotations.", "session"))
_SOURCES: Final = {"HUMAN": "human", "LLM": "llm", "CODE": "code"}


def _read_scores(attributes: Attributes, found: Found) -> None:
    if not any("annotations." in name for name in attributes):
        return
    for prefix, target in _ANNOTATIONS:
        if not any(name.startswith(prefix) for name in attributes):
            continue
        scores: list[Evaluation] = []
        for row in rows(tree(attributes, prefix)):
            held = mapping(mapping(row).get("annotation")) or mapping(row)
            value, said = number(held.get("score")), label(held.get("label"))
            if label(held.get("name")) and (value is not None or said):
                scores.append(
                    Evaluation(
                        name=label(held.get("name")),
                        value=value,
                        label=said,
                        explanation=text_of_value(held.get("explanation"))[:4000],
                        source=_SOURCES.get(label(held.get("annotator_kind")).upper(), "code"),  # pyright: ignore[reportArgumentType]
                        target=target,  # pyright: ignore[reportArgumentType]
                        identifier=label(held.get("identifier")),
                    )
                )
        if scores:
            found["scores"] = (*found.get("scores", ()), *scores)


PLUG: Final = Convention(
    name=NAME, version=VERSION, families=frozenset({"openinference"}), scopes=("openinference.",),
    also=frozenset({"llm", "input", "output", "retrieval", "reranker", "embedding", "tag", "graph"}),
    own=40, column=20, kinds=20, kind=kind, read=read,
)  # fmt: skip
