"""OpenTelemetry's GenAI conventions, every generation at once.

Newest: ``gen_ai.{input,output}.messages``, ``gen_ai.provider.name``, ``usage.cache_write.input_tokens``
(open-telemetry/semantic-conventions-genai, docs/gen-ai/). Before: ``usage.cache_creation.input_tokens`` and
``gen_ai.system`` (1.37 to 1.41), events ``gen_ai.user.message`` and ``gen_ai.choice`` (1.28 to 1.36), events
``gen_ai.content.prompt`` and ``.completion`` (1.27), ``gen_ai.prompt.N.*`` and ``usage.prompt_tokens`` (before, and
OpenLLMetry). Input tokens include cached ones (docs/gen-ai/client-inference.md).
"""

from typing import Any, Final

from trimtab.llm.types import Message
from trimtab.telemetry.canonical import Document, Evaluation
from trimtab.telemetry.conventions._indexed import flat_rows, rows, tree
from trimtab.telemetry.conventions._messages import looks_like_messages, messages_of, tools_of, with_system
from trimtab.telemetry.conventions._plug import Convention
from trimtab.telemetry.conventions._stops import stop_of
from trimtab.telemetry.conventions._usage import Counts, buckets
from trimtab.telemetry.conventions._values import (
    Attributes,
    Found,
    count,
    first,
    is_object,
    label,
    mapping,
    number,
    picodollars,
    put,
    put_content,
    put_labels,
    sequence,
    text_of_value,
)
from trimtab.telemetry.foreign import ForeignEvent, ForeignSpan
from trimtab.telemetry.views import SpanKind

NAME: Final = "otel_genai"
VERSION: Final = 1

_OPERATIONS: Final[dict[str, SpanKind]] = {
    "chat": "llm", "generate_content": "llm", "text_completion": "llm", "completion": "llm", "generate": "llm",
    "responses": "llm", "embeddings": "embedding", "embedding": "embedding", "rerank": "reranker",
    "retrieval": "retriever", "search_memory": "retriever", "execute_tool": "tool",
    "invoke_agent": "agent", "create_agent": "agent",
    "invoke_workflow": "workflow", "plan": "workflow", "agent_step": "workflow",
    "create_memory": "memory", "update_memory": "memory", "upsert_memory": "memory", "delete_memory": "memory",
    "create_memory_store": "memory", "delete_memory_store": "memory",
}  # fmt: skip

_LABELS: Final = (
    ("operation", "gen_ai.operation.name"),
    ("model", "gen_ai.request.model"),
    ("model_used", "gen_ai.response.model"),
    ("provider", "gen_ai.provider.name"),
    ("provider", "gen_ai.system"),
    ("response_id", "gen_ai.response.id"),
    ("session", "gen_ai.conversation.id"),
)
_RARE: Final = (
    ("agent_name", "gen_ai.agent.name"),
    ("agent_id", "gen_ai.agent.id"),
    ("workflow", "gen_ai.workflow.name"),
    ("tool_name", "gen_ai.tool.name"),
    ("tool_name", "mcp.tool.name"),
    ("tool_call_id", "gen_ai.tool.call.id"),
    ("session", "mcp.session.id"),
    ("prompt_name", "gen_ai.prompt.name"),
    ("prompt_version", "gen_ai.prompt.version"),
)
_PARAMS: Final = tuple(
    (name, f"gen_ai.request.{name}")
    for name in (
        "temperature", "top_p", "top_k", "max_tokens", "frequency_penalty", "presence_penalty", "stop_sequences",
        "seed", "choice.count", "reasoning.level", "encoding_formats", "previous_response.id", "service_tier",
    )
)  # fmt: skip
_TTFT: Final = (
    "gen_ai.response.time_to_first_chunk",
    "gen_ai.client.operation.time_to_first_chunk",
    "gen_ai.server.time_to_first_token",
)
_SAID: Final = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
_SECOND: Final = 1_000_000_000
_U: Final = "gen_ai.usage."


def kind(span: ForeignSpan) -> SpanKind | None:
    attributes = span.attributes
    operation = attributes.get("gen_ai.operation.name")
    if type(operation) is str and operation in _OPERATIONS:
        return _OPERATIONS[operation]
    if "gen_ai.tool.name" in attributes or "gen_ai.tool.call.id" in attributes:
        return "tool"
    return "tool" if attributes.get("mcp.method.name") == "tools/call" else None


def read(span: ForeignSpan, found: Found) -> None:
    attributes = span.attributes
    put_labels(found, attributes, _LABELS)
    _read_rare(attributes, found)
    if "params" not in found:
        params = {name: attributes[key] for name, key in _PARAMS if key in attributes}
        if params:
            found["params"] = params
    if "usage" not in found:
        usage = buckets(usage_counts(attributes))
        if usage is not None:
            found["usage"] = usage
    _read_messages(span, found)
    reasons = attributes.get("gen_ai.response.finish_reasons")
    if reasons is not None and "stop" not in found:
        put(found, "stop", stop_of(reasons))
    if attributes.get("gen_ai.request.stream") is True:
        found.setdefault("stream", True)
    if "ttft_ns" not in found:
        seconds = number(first(attributes, _TTFT))
        if seconds is not None and 0 <= seconds < 1e9:
            found["ttft_ns"] = int(seconds * _SECOND)
    cost = attributes.get("gen_ai.usage.cost")
    if cost is not None and "cost_reported" not in found:
        amount = picodollars(cost)
        if amount is not None:
            found["cost_reported"] = amount


def _read_rare(attributes: Attributes, found: Found) -> None:
    """What is not on a plain inference span, which must not pay for it."""
    if found.get("kind") == "llm" and "gen_ai.agent.name" not in attributes and "gen_ai.prompt.name" not in attributes:
        return
    put_labels(found, attributes, _RARE)
    put_content(found, "input", attributes.get("gen_ai.tool.call.arguments"))
    put_content(found, "output", attributes.get("gen_ai.tool.call.result"))
    query = first(attributes, ("gen_ai.retrieval.query.text", "gen_ai.memory.query.text"))
    put_content(found, "input", query)
    documents = attributes.get("gen_ai.retrieval.documents") or attributes.get("gen_ai.memory.records")
    if documents and "documents" not in found:
        put(found, "documents", documents_of(documents))


def usage_counts(attributes: Attributes) -> Counts:
    """The numbers of a span, by their newest name first. ``usage.details.*`` repeats them under names of vendors."""
    get = attributes.get
    given = get("gen_ai.usage.input_tokens")
    counts = Counts(
        input=count(given if given is not None else get("gen_ai.usage.prompt_tokens")),
        output=count(first(attributes, ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"))),
    )
    total = first(attributes, ("gen_ai.usage.total_tokens", "llm.usage.total_tokens"))
    if total is not None:
        counts.total = count(total)
    for name in attributes:
        if name.startswith(_U):
            field = _DETAILS.get(name[13:])
            if field is not None and getattr(counts, field) is None:
                setattr(counts, field, count(attributes[name]))
    return counts


_DETAILS: Final = {
    "cache_read.input_tokens": "cache_read", "cache_read_input_tokens": "cache_read",
    "input_tokens.cached": "cache_read", "prompt_tokens.cached": "cache_read", "input_tokens.cache_read": "cache_read",
    "details.cache_read_tokens": "cache_read", "details.cache_read_input_tokens": "cache_read",
    "details.cached_tokens": "cache_read", "cached_input_tokens": "cache_read",
    "cache_write.input_tokens": "cache_write", "cache_creation.input_tokens": "cache_write",
    "cache_creation_input_tokens": "cache_write", "cache_write_input_tokens": "cache_write",
    "details.cache_write_tokens": "cache_write", "details.cache_creation_input_tokens": "cache_write",
    "input_tokens.cache_write": "cache_write",
    "reasoning.output_tokens": "reasoning", "reasoning_tokens": "reasoning", "output_tokens.reasoning": "reasoning",
    "completion_tokens.reasoning": "reasoning", "details.reasoning_tokens": "reasoning",
    "details.thoughts_tokens": "reasoning",
    "audio.input_tokens": "audio_input", "details.input_audio_tokens": "audio_input",
    "audio.output_tokens": "audio_output", "details.output_audio_tokens": "audio_output",
    "cache_write_5m.input_tokens": "cache_write_5m", "cache_write_1h.input_tokens": "cache_write_1h",
}  # fmt: skip


def _read_messages(span: ForeignSpan, found: Found) -> None:
    attributes = span.attributes
    given, made = attributes.get("gen_ai.input.messages"), attributes.get("gen_ai.output.messages")
    system, tools = attributes.get("gen_ai.system_instructions"), attributes.get("gen_ai.tool.definitions")
    events = _Events(span.events) if span.events else None
    if events is not None:
        given = given or events.details.get("gen_ai.input.messages")
        made = made or events.details.get("gen_ai.output.messages")
        system = system or events.details.get("gen_ai.system_instructions")
        tools = tools or events.details.get("gen_ai.tool.definitions")
        if events.scores:
            found["scores"] = (*found.get("scores", ()), *events.scores)
    if "input_messages" not in found:
        messages = messages_of(given) if given else _older(attributes, events, answer=False)
        if system:
            messages = with_system(messages, system)
        put(found, "input_messages", messages)
    if "output_messages" not in found:
        messages = messages_of(made, "assistant") if made else _older(attributes, events, answer=True)
        put(found, "output_messages", messages)
        if made and "stop" not in found:
            last = sequence(made)[-1:]
            put(found, "stop", stop_of(mapping(last[0]).get("finish_reason")) if last else "")
    if tools and "tools_offered" not in found:
        put(found, "tools_offered", tools_of(tools))


def _older(attributes: Attributes, events: "_Events | None", *, answer: bool) -> tuple[Message, ...]:
    """Messages as events, or as indexed attributes, or as one attribute."""
    if events is not None:
        said = events.answers if answer else events.asked
        if said:
            return tuple(said)
    prefix = "gen_ai.completion" if answer else "gen_ai.prompt"
    whole = attributes.get(prefix)
    if whole is not None:
        return messages_of(whole, "assistant" if answer else "user") if looks_like_messages(whole) else ()
    plain = flat_rows(attributes, f"{prefix}.", ".", _FLAT)
    if plain == []:
        return ()
    if plain is not None and not any(str(row.get("content", ""))[:1] == "[" for row in plain):
        return messages_of(plain, "assistant" if answer else "user")
    return indexed_messages(attributes, f"{prefix}.", answer=answer)


_FLAT: Final = frozenset({"role", "content", "finish_reason"})


def indexed_messages(attributes: Attributes, prefix: str, *, answer: bool) -> tuple[Message, ...]:
    """``gen_ai.prompt.0.role``, ``.content``, ``.tool_calls.0.{id,name,arguments}``, ``.finish_reason``."""
    found: list[dict[str, Any]] = []
    for row in rows(tree(attributes, prefix)):
        if not is_object(row):
            continue
        message = row
        if type(message.get("tool_calls")) is dict:
            message["tool_calls"] = rows(message["tool_calls"])
        if type(message.get("content")) is str and message["content"][:1] == "[":
            message["content"] = sequence(message["content"]) or message["content"]
        if "role" not in message:
            message["role"] = "assistant" if answer else "user"
        found.append(message)
    return messages_of(found, "assistant" if answer else "user")


def documents_of(value: Any) -> tuple[Document, ...]:
    """``[{id, score, …}]``; what else a document says is its metadata."""
    found: list[Document] = []
    for each in sequence(value)[:1000]:
        row = mapping(each)
        if not row:
            if type(each) is str and each:
                found.append(Document(content=each))
            continue
        content = first(row, ("content", "text", "page_content", "document"))
        more = mapping(row.get("metadata"))
        found.append(
            Document(id=label(row.get("id")), content=text_of_value(content), score=_score(row), metadata=more)
        )
    return tuple(found)


def _score(row: dict[str, Any]) -> float | None:
    return number(first(row, ("score", "relevance_score", "distance")))


class _Events:
    """What the events of a span say, read once."""

    __slots__ = ("answers", "asked", "details", "scores")

    def __init__(self, events: tuple[ForeignEvent, ...]) -> None:
        self.asked: list[Message] = []
        self.answers: list[Message] = []
        self.scores: list[Evaluation] = []
        self.details: dict[str, Any] = {}
        for event in events:
            name = event.name
            if not name.startswith("gen_ai."):
                continue
            if name in _SAID:
                self.asked += messages_of([_body(event, _SAID[name])])
            elif name == "gen_ai.choice":
                self.answers += messages_of([_body(event, "assistant")], "assistant")
            elif name in ("gen_ai.client.inference.operation.details", "gen_ai.client.inference.details"):
                self.details.update(event.attributes)
            elif name == "gen_ai.content.prompt":
                self.asked += messages_of(event.attributes.get("gen_ai.prompt"))
            elif name == "gen_ai.content.completion":
                self.answers += messages_of(event.attributes.get("gen_ai.completion"), "assistant")
            elif name == "gen_ai.evaluation.result":
                score = evaluation_of(event.attributes)
                if score is not None:
                    self.scores.append(score)


def _body(event: ForeignEvent, role: str) -> dict[str, Any]:
    """An event's message: in its attributes, or a log record's in ``body``, or Azure's in ``gen_ai.event.content``."""
    attributes = event.attributes
    for name in ("body", "gen_ai.event.content", "event.body"):
        held = mapping(attributes.get(name))
        if held:
            return held if "role" in held or "message" in held else {"role": role, **held}
    message = mapping(attributes.get("message"))
    if message:
        return {"role": role, **message}
    body = {name: attributes[name] for name in ("content", "tool_calls", "id", "name") if name in attributes}
    if type(body.get("content")) is str and body["content"][:1] in ("[", "{"):
        body["content"] = sequence(body["content"]) or body["content"]
    return {"role": role, **body}


def evaluation_of(attributes: Attributes) -> Evaluation | None:
    """``gen_ai.evaluation.result``: name, score.value, score.label, explanation, response.id."""
    name = label(attributes.get("gen_ai.evaluation.name"))
    if not name:
        return None
    value = number(attributes.get("gen_ai.evaluation.score.value"))
    said = label(attributes.get("gen_ai.evaluation.score.label"))
    if value is None and not said:
        return None
    target = attributes.get("gen_ai.evaluation.target")
    source = attributes.get("gen_ai.evaluation.evaluator.source")
    return Evaluation(
        name=name,
        value=value,
        label=said,
        explanation=text_of_value(attributes.get("gen_ai.evaluation.explanation"))[:4000],
        source=source if source in ("human", "llm") else "code",
        evaluator=label(attributes.get("gen_ai.evaluation.evaluator.name")),
        evaluator_version=label(attributes.get("gen_ai.evaluation.evaluator.version")),
        target=target if target in ("trace", "session") else "span",
        response_id=label(attributes.get("gen_ai.response.id")),
    )


PLUG: Final = Convention(
    name=NAME, version=VERSION, families=frozenset({"gen_ai"}), also=frozenset({"mcp"}), own=80, column=10, kinds=30,
    kind=kind, read=read,
)  # fmt: skip
