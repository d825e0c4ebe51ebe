"""A closed trace as others read it: OTLP spans by OpenTelemetry's GenAI conventions, or one JSON event.

OTLP: https://opentelemetry.io/docs/specs/otlp/ (protobuf of ``opentelemetry-proto``). Attributes:
open-telemetry/semantic-conventions-genai, docs/gen-ai/; input tokens include cached ones, as it wants them. Usage
stands on leaves alone, so no receiver that adds it up counts a call twice.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from trimtab.ledger.service_tiers import tier_in
from trimtab.telemetry.conventions.trimtab import SCOPE, SERVICE
from trimtab.telemetry.forward.closing import Closing
from trimtab.telemetry.forward.material import Whole
from trimtab.telemetry.forward.types import Content, Destination
from trimtab.telemetry.views import MessageView, SpanIO, SpanKind, SpanRow

LONGEST: Final = 64 << 10
"""Characters of one attribute that holds content."""
_OPERATION: Final[dict[SpanKind, str]] = {
    "llm": "chat",
    "embedding": "embeddings",
    "reranker": "rerank",
    "retriever": "retrieval",
    "tool": "execute_tool",
    "agent": "invoke_agent",
    "workflow": "invoke_workflow",
}
_CALLS: Final = frozenset(("llm", "embedding", "reranker"))
_CLIENT, _INTERNAL, _SERVER, _ERROR = 3, 1, 2, 2


def event_id(destination: Destination, closing: Closing) -> str:
    """The same for every delivery of one closing to one destination."""
    named = "\0".join(
        (destination.project_id, destination.name, closing.trace_id, closing.node, str(closing.at_ns))
    ).encode()
    return f"evt_{hashlib.blake2b(named, digest_size=16).hexdigest()}"


# --- JSON ---


def event(destination: Destination, project: str, closing: Closing, whole: Whole, now_ms: int) -> bytes:
    """One closed trace as JSON (docs/forward.md). ``project`` is its slug."""
    detail = whole.detail
    if destination.content == "off":
        spans = [replace(span, input_preview="", output_preview="") for span in detail.spans]
        detail = replace(detail, spans=spans)
    told: dict[str, Any] = {
        "id": event_id(destination, closing),
        "type": "trace.closed",
        "at": now_ms,
        "project": project,
        "revision": closing.revision,
        "late": closing.revision > 1,
        "rooted": closing.rooted,
        "trace": detail,
    }
    if destination.content == "full":
        told["texts"] = {span_id: _texts(io) for span_id, io in sorted(whole.texts.items())}
    return msgspec.json.encode(told)


def _texts(io: SpanIO) -> dict[str, Any]:
    found: dict[str, Any] = {"input": io.input, "output": io.output, "tools": io.tools, "params": io.params}
    if io.note:
        found["note"] = io.note
    return found


# --- OTLP ---


def otlp(traces: Iterable[tuple[Closing, Whole]], content: Content) -> bytes:
    """An ``ExportTraceServiceRequest`` with the new spans of each closing."""
    # Imported late: a server that forwards nothing does not need it.
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request = ExportTraceServiceRequest()
    scopes: dict[tuple[str, str, str], Any] = {}
    for closing, whole in traces:
        wanted = frozenset(closing.span_ids)
        for row in whole.detail.spans:
            if wanted and row.span_id not in wanted:
                continue
            key = (row.app, row.release, row.environment)
            if key not in scopes:
                resource_spans = request.resource_spans.add()
                _put(resource_spans.resource.attributes, _resource(*key))
                scopes[key] = resource_spans.scope_spans.add()
                scopes[key].scope.name = SCOPE
            _fill(scopes[key].spans.add(), row, whole, content)
    return request.SerializeToString()


def _resource(app: str, release: str, environment: str) -> dict[str, Any]:
    named = {"service.name": app or SERVICE, "service.version": release, "deployment.environment.name": environment}
    return {name: value for name, value in named.items() if value}


def _fill(span: Any, row: SpanRow, whole: Whole, content: Content) -> None:
    start, duration = whole.times[row.span_id]
    span.trace_id = _id(row.trace_id, 16)
    span.span_id = _id(row.span_id, 8)
    if row.parent_span_id:
        span.parent_span_id = _id(row.parent_span_id, 8)
    span.name = row.name or row.kind
    span.kind = _CLIENT if row.kind in _CALLS and not row.request_id else _SERVER if _is_ours(row) else _INTERNAL
    span.start_time_unix_nano = start
    span.end_time_unix_nano = start + max(0, duration)
    attributes = _attributes(row)
    if content == "previews":
        attributes |= _previews(row)
    elif content == "full" and row.span_id in whole.texts:
        attributes |= _contents(row, whole.texts[row.span_id])
    if not row.parent_span_id:
        attributes |= {f"trimtab.metadata.{name}": value for name, value in whole.detail.metadata.items()}
    _put(span.attributes, attributes)
    if row.status == "error":
        span.status.code = _ERROR
        span.status.message = row.error_message


def _is_ours(row: SpanRow) -> bool:
    """The request to our own gateway, whose attempts are its children."""
    return bool(row.request_id)


def _attributes(row: SpanRow) -> dict[str, Any]:
    found: dict[str, Any] = {
        "gen_ai.operation.name": _OPERATION.get(row.kind, ""),
        "gen_ai.provider.name": row.provider,
        "gen_ai.request.model": row.model,
        "gen_ai.response.model": row.model_used,
        "gen_ai.conversation.id": row.session,
        "gen_ai.response.finish_reasons": [row.stop] if row.stop else "",
        "gen_ai.tool.name": row.name if row.kind == "tool" else "",
        "gen_ai.agent.name": row.name if row.kind == "agent" else "",
        "user.id": row.user,
        "error.type": (row.error_code or "error") if row.status == "error" else "",
        "trimtab.kind": row.kind,
        "trimtab.status": row.status,
        "trimtab.feature": row.feature,
        "trimtab.tags": row.tags or "",
        "trimtab.request_id": row.request_id,
        "trimtab.price": row.price,
        "trimtab.tier": tier_in(row.price),
    }
    found = {name: value for name, value in found.items() if value != ""}
    if row.stream:
        found["gen_ai.request.stream"] = True
    if row.ttft is not None:
        found["gen_ai.response.time_to_first_chunk"] = row.ttft / 1e3
    if row.tokens.total:
        found |= _usage(row)
    if row.cost is not None:
        found["gen_ai.usage.cost"] = float(row.cost)
    return found


def _usage(row: SpanRow) -> dict[str, Any]:
    """Inclusive counts, as the conventions have them: of our exclusive buckets."""
    tokens = row.tokens
    counts = {
        "gen_ai.usage.cache_read.input_tokens": tokens.cache_read,
        "gen_ai.usage.cache_creation.input_tokens": tokens.cache_write,
        "gen_ai.usage.reasoning.output_tokens": tokens.reasoning,
    }
    return {
        "gen_ai.usage.input_tokens": tokens.input + tokens.cache_read + tokens.cache_write,
        "gen_ai.usage.output_tokens": tokens.output + tokens.reasoning,
        **{name: count for name, count in counts.items() if count},
    }


def _previews(row: SpanRow) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, role, text in (
        ("gen_ai.input.messages", "user", row.input_preview),
        ("gen_ai.output.messages", "assistant", row.output_preview),
    ):
        if text:
            found[name] = _json([{"role": role, "parts": [{"type": "text", "content": text}]}])
    return found


def _contents(row: SpanRow, io: SpanIO) -> dict[str, Any]:
    if row.kind == "tool":
        said = {"gen_ai.tool.call.arguments": _plain(io.input), "gen_ai.tool.call.result": _plain(io.output)}
        return {name: value[:LONGEST] for name, value in said.items() if value}
    if row.kind == "retriever" and isinstance(io.params.get("documents"), list):
        return _retrieval(io)
    found: dict[str, Any] = {}
    for name, messages in (("gen_ai.input.messages", io.input), ("gen_ai.output.messages", io.output)):
        if messages:
            found[name] = _messages(messages, row.stop if name.endswith("output.messages") else "")
    if io.tools:
        definitions = _json([{"type": "function", **tool} for tool in io.tools])
        found |= {"gen_ai.tool.definitions": definitions} if len(definitions) <= LONGEST else {}
    return found


def _retrieval(io: SpanIO) -> dict[str, Any]:
    """What was looked up for an app's call (`calls/knowledge_rows.py`): the passages that the model was given, without
    their texts where those are too long together."""
    texts = [str(part.get("text", "")) for each in io.output for part in each.parts]
    used = [each for each in io.params["documents"] if each.get("number")]
    told = [
        {"id": each.get("id", ""), "score": each.get("score", 0.0), "content": text}
        for each, text in zip(used, texts, strict=False)
    ]
    whole = _json(told)
    if len(whole) > LONGEST:
        whole = _json([{name: each[name] for name in ("id", "score")} for each in told])
    found = {
        "gen_ai.retrieval.query.text": _plain(io.input)[:LONGEST],
        "gen_ai.retrieval.documents": whole if len(whole) <= LONGEST else "",
        "gen_ai.data_source.id": str(io.params.get("corpus", "")),
    }
    return {name: value for name, value in found.items() if value}


def _messages(messages: list[MessageView], stop: str) -> str:
    """JSON of all messages; of the last ones that fit where they are too long together, for a cut JSON is none."""
    told = [
        {"role": each.role, "parts": [_part(part) for part in each.parts], **({"finish_reason": stop} if stop else {})}
        for each in messages
    ]
    while len(told) > 1 and len(_json(told)) > LONGEST:
        told = told[(len(told) + 1) // 2 :]
    whole = _json(told)
    if len(whole) <= LONGEST:
        return whole
    parts = [{"type": "text", "content": _plain(messages[-1:])[: LONGEST // 2]}]
    return _json([{"role": told[0]["role"], "parts": parts}])


def _part(part: Mapping[str, Any]) -> dict[str, Any]:
    kind = part.get("type")
    if kind in ("text", "refusal"):
        return {"type": "text", "content": part.get("text", "")}
    if kind == "reasoning":
        return {"type": "reasoning", "content": part.get("text", "")}
    if kind == "tool_call":
        return {name: part[name] for name in ("type", "id", "name", "arguments") if name in part}
    if kind == "tool_result":
        return {"type": "tool_call_response", "id": part.get("call_id"), "response": _joined(part.get("parts", []))}
    return dict(part)


def _joined(parts: Iterable[Mapping[str, Any]]) -> str:
    return "\n".join([str(part.get("text") or part.get("arguments") or "") for part in parts])


def _plain(messages: Iterable[MessageView]) -> str:
    return "\n".join([_joined(each.parts) for each in messages])


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _id(text: str, size: int) -> bytes:
    """An id as bytes. One that is no hex of that size (another product's door takes any text) becomes its digest."""
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    return found if len(found) == size else hashlib.blake2b(text.encode(), digest_size=size).digest()


def _put(holder: Any, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        entry = holder.add()
        entry.key = name
        _set(entry.value, value)


def _set(holder: Any, value: Any) -> None:
    if isinstance(value, bool):
        holder.bool_value = value
    elif isinstance(value, int):
        holder.int_value = value
    elif isinstance(value, float):
        holder.double_value = value
    elif isinstance(value, list):
        for each in value:  # pyright: ignore[reportUnknownVariableType]
            _set(holder.array_value.values.add(), each)
    else:
        holder.string_value = str(value)
